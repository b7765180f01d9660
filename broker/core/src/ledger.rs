//! Proofs around the ledger: what is asked of it, the receipt it gives, and values that leave only against one.

use thiserror::Error;

use crate::command::{Command, Reply};
use crate::record::Draft;
use crate::refusal::Refusal;

/// What one request asks of the ledger: at most one write, and the record that goes with it. Both become
/// durable together or not at all.
#[derive(Debug)]
pub struct Submission {
    /// Counts a use of the caller's token, before anything else; refused, the whole submission is.
    pub token_use: Option<Command>,
    /// The write; `None` for a read.
    pub command: Option<Command>,
    /// The record; the ledger completes it with the outcome of the write.
    pub draft: Draft,
    /// Further records of the same request: deliveries and opens that a sender reports.
    pub more: Vec<Draft>,
}

impl Submission {
    /// Only a record: for reads, denials and refused requests.
    pub fn record(draft: Draft) -> Self {
        Self { token_use: None, command: None, draft, more: Vec::new() }
    }

    /// A write with its record.
    pub fn write(command: Command, draft: Draft) -> Self {
        Self { token_use: None, command: Some(command), draft, more: Vec::new() }
    }
}

/// The receipt of a durable record. Not `Clone`: one receipt releases one value.
#[derive(Debug)]
pub struct Durable {
    id: u128,
    seq: u64,
    revision: u64,
}

impl Durable {
    /// Made by the ledger's adapter alone, after the sync that covers the record returned.
    pub const fn written(id: u128, seq: u64, revision: u64) -> Self {
        Self { id, seq, revision }
    }

    /// Number of the record in the log.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Revision of the store that the record names.
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}

/// What the ledger answers once a submission is durable.
#[derive(Debug)]
pub struct Committed {
    /// The receipt.
    pub durable: Durable,
    /// What the write came to; a refusal is recorded too.
    pub outcome: Result<Reply, Refusal>,
    /// The drafts of the records, given back: memory is cheapest to free by the thread that asked for it.
    pub spent: Vec<Draft>,
}

/// A value that waits for its record: it comes out only against the receipt of its own request.
pub struct Sealed<T> {
    value: T,
    id: u128,
}

/// The receipt belongs to another request; the value was dropped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the receipt belongs to another request")]
pub struct WrongReceipt;

impl<T> Sealed<T> {
    /// Holds a value back until the record of the request `draft` describes is durable.
    pub const fn new(value: T, draft: &Draft) -> Self {
        Self { value, id: draft.id }
    }

    /// Gives the value out.
    ///
    /// # Errors
    /// [`WrongReceipt`] when the receipt is of another request.
    pub fn release(self, receipt: &Durable) -> Result<T, WrongReceipt> {
        if receipt.id == self.id { Ok(self.value) } else { Err(WrongReceipt) }
    }
}
