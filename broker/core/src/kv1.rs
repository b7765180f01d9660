//! KV version 1: one value a key, as commands over rows.

use crate::command::{Change, ChangeAction, Effects, Halt, Reply};
use crate::kv2::{Existence, MountRef, StoredValue, decode_data, encode_data};
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, Rows, Table};
use crate::secret::SecretJson;

#[cfg(test)]
mod tests;

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

/// Key of the row of a value.
pub fn value_key(mount_id: &str, path: &str) -> RowKey {
    RowKey::join(Table::Kv1, &[mount_id, path])
}

/// Reads the row of a value; `None` where it is no such row.
pub fn decode(bytes: &[u8]) -> Option<StoredValue> {
    decode_data(bytes)
}

/// Decides a write.
///
/// # Errors
/// See [`crate::command::apply`]. A value must be a JSON object of at most [`crate::kv2::MAX_VALUE_BYTES`], with a
/// field at least.
pub fn apply(rows: &Rows, command: &Kv1Command) -> Result<Effects, Halt> {
    let key = value_key(&command.mount.id, &command.path);
    let found = rows.get(&key)?.is_some();
    let (mutation, action) = match &command.action {
        Kv1Action::Write { data, expect } => {
            if found != (*expect == Existence::Present) {
                return Err(Refusal::ExistenceChanged.into());
            }
            if matches!(data.expose().trim(), "" | "null" | "{}") {
                return Err(Refusal::Invalid("missing data fields".to_owned()).into());
            }
            (Mutation::Put(key, encode_data(Some(data))?), ChangeAction::Write)
        }
        Kv1Action::Delete if !found => return Ok(Effects::default()),
        Kv1Action::Delete => (Mutation::Delete(key), ChangeAction::Delete),
    };
    let change = Change::Kv1 { mount: command.mount.path.clone(), path: command.path.clone(), action };
    Ok(Effects { mutations: vec![mutation], changes: vec![change], reply: Reply::Done })
}
