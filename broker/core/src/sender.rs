//! The numbering of senders of delivery records: each batch says where it begins, and a gap is recorded.

use crate::command::{Effects, Halt};
use crate::row::Rows;

/// A batch of records arrived.
#[derive(Debug)]
pub struct SenderCommand {
    /// Who sent it: the verified identity and the sender's own name for its stream, as one key segment.
    pub sender: String,
    /// Number of the first record of the batch.
    pub first: u64,
    /// Records in the batch, at least 1.
    pub count: u64,
}

/// Moves the sender's position: a batch already recorded is refused (the sender may go on with the next), a hole
/// before it is answered as a gap, which the caller records.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(_rows: &Rows, _command: &SenderCommand) -> Result<Effects, Halt> {
    Err(Halt::Refused(crate::refusal::Refusal::Corrupt("sender")))
}
