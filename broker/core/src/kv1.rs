//! KV version 1: one value a key, as commands over rows.

use crate::command::{Effects, Halt};
use crate::kv2::{Existence, MountRef};
use crate::row::Rows;
use crate::secret::SecretJson;

/// A write to a KV version 1 mount.
#[derive(Debug)]
pub struct Kv1Command {
    /// The mount.
    pub mount: MountRef,
    /// The secret's path below the mount.
    pub path: String,
    /// What to do.
    pub action: Kv1Action,
}

/// What to do to a key.
#[derive(Debug)]
pub enum Kv1Action {
    /// Replace the whole value.
    Write {
        /// The value, a JSON object.
        data: SecretJson,
        /// What the authorization rested on.
        expect: Existence,
    },
    /// Remove the key; nothing where there is none.
    Delete,
}

/// Decides a write.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(_rows: &Rows, _command: &Kv1Command) -> Result<Effects, Halt> {
    Err(Halt::Refused(crate::refusal::Refusal::Corrupt("kv1")))
}
