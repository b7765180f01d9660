//! The messages between the processes of a node: one packet each, bounded, never with a content in it.
//!
//! Contents and metas travel as sealed memory files beside a message; [`Body::descriptors`] tells how many.
//!
//! | module | between |
//! |---|---|
//! | [`control`] | control process and keeper |
//! | [`children`] | keeper and server, keeper and mutator |

pub mod children;
pub mod control;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{Generation, Slot};
use crate::reader::Reader;

/// The version of all messages; another one is refused.
pub const VERSION: u16 = 1;
/// The longest packet in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// The longest text of a refusal in bytes; a longer one is cut.
pub const MAX_REFUSAL_BYTES: usize = 1_024;
/// The id of messages that answer nothing: events.
pub const EVENT_ID: u64 = 0;

/// Why a packet is no message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("a message of {found} bytes is over the limit of {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Of another version of this program.
    #[error(
        "a message of version {found}, and only {VERSION} is understood; run one version of keyreeve-csi"
    )]
    Version {
        /// Its version.
        found: u16,
    },
    /// Broken, or with fields that are not known.
    #[error("a message that is not understood, at byte {column}")]
    Broken {
        /// Where, from 1.
        column: usize,
    },
    /// Other descriptors than the message goes with.
    #[error("a message came with {found} descriptors instead of {expected}")]
    Descriptors {
        /// Descriptors that came.
        found: usize,
        /// Descriptors it goes with.
        expected: usize,
    },
}

/// A message that can be sent.
pub trait Body: Serialize + DeserializeOwned {
    /// How many descriptors go with it.
    fn descriptors(&self) -> usize;
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<T> {
    /// The request's number, which its answer carries too; [`EVENT_ID`] for events.
    pub id: u64,
    /// What it says.
    pub body: T,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    v: u16,
    id: u64,
    body: T,
}

#[derive(Deserialize)]
struct Header {
    v: u16,
}

/// The packet of a message.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn encode<T: Body>(id: u64, body: &T) -> Result<Vec<u8>, WireError> {
    let bytes = serde_json::to_vec(&Envelope { v: VERSION, id, body }).map_err(|e| broken(&e))?;
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(WireError::TooLong { found: bytes.len() });
    }
    Ok(bytes)
}

/// The message of a packet that came with this many descriptors.
///
/// # Errors
/// What is wrong with it.
pub fn decode<T: Body>(bytes: &[u8], descriptors: usize) -> Result<Message<T>, WireError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(WireError::TooLong { found: bytes.len() });
    }
    let envelope: Envelope<T> =
        serde_json::from_slice(bytes).map_err(|e| match serde_json::from_slice(bytes) {
            Ok(Header { v }) if v != VERSION => WireError::Version { found: v },
            _ => broken(&e),
        })?;
    if envelope.v != VERSION {
        return Err(WireError::Version { found: envelope.v });
    }
    let expected = envelope.body.descriptors();
    if descriptors != expected {
        return Err(WireError::Descriptors { found: descriptors, expected });
    }
    Ok(Message { id: envelope.id, body: envelope.body })
}

// The parser's own message could show a part of the packet.
fn broken(error: &serde_json::Error) -> WireError {
    WireError::Broken { column: error.column() }
}

/// Why a request is refused, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// No such volume, generation or mount.
    NotFound,
    /// There is one already.
    Exists,
    /// Another change of the same volume is under way, or something is in use. Try again.
    Busy,
    /// The request, the image or the target is not acceptable as it is.
    Invalid,
    /// A limit would be exceeded.
    Limit,
    /// The kernel does not let us.
    Denied,
    /// The kernel does not know how.
    Unsupported,
    /// The process that would do it is not there. Try again.
    Away,
    /// Any other failure of the kernel.
    System,
}

/// A request that is refused. Its text is shown to users and never holds a content.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[error("{message}")]
pub struct Refusal {
    /// The class.
    pub problem: Problem,
    /// What happened and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal; a text over [`MAX_REFUSAL_BYTES`] is cut.
    pub fn new(problem: Problem, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MAX_REFUSAL_BYTES));
        Self { problem, message }
    }
}

/// Who owns the files and folders of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// How an open ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The file was opened.
    Granted,
    /// The reader may not.
    Denied,
    /// The secret is revoked.
    Revoked,
}

/// A file was opened, or was to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// The volume.
    pub slot: Slot,
    /// Which state of it.
    pub generation: Generation,
    /// The file within the volume.
    pub path: String,
    /// Version of the secret; 0 where it has none.
    pub version: u64,
    /// Who opened it.
    pub reader: Reader,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

/// What happens without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A file was opened, or was to be.
    Opened(Opened),
    /// This many opens are not told, because nobody took them in time.
    Lost {
        /// How many.
        opens: u64,
    },
}

/// How much a volume holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeStats {
    /// Files of the generation that is shown.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Inodes of that generation: files, folders and links.
    pub inodes: u64,
    /// Generations that are kept, with those that are only read through open descriptors.
    pub generations: u32,
    /// Descriptors that are open, as far as this server knows.
    pub handles: u64,
}
