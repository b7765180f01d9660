//! Policies written over the API, as commands over rows; their meaning is the crate `policies`.

use crate::command::{Effects, Halt};
use crate::row::Rows;

/// A change of the policies; names are lower-case and texts were compiled before.
#[derive(Debug)]
pub enum PolicyCommand {
    /// Write a policy's text.
    Write {
        /// Its name.
        name: String,
        /// Its text as given.
        text: String,
    },
    /// Remove a policy; nothing where there is none.
    Delete {
        /// Its name.
        name: String,
    },
}

/// Decides a change of the policies.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(_rows: &Rows, _command: &PolicyCommand) -> Result<Effects, Halt> {
    Err(Halt::Refused(crate::refusal::Refusal::Corrupt("policy")))
}
