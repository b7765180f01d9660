//! The embedded ledger: an encrypted store and its audit log, made durable together.

mod media;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker_core::command::Change;
use broker_core::ledger::{Committed, Submission};
use broker_core::row::{RowKey, RowValue};
use broker_core::time::Time;
use thiserror::Error;

use crate::keys::{HashPurpose, SealSource};

pub use media::{DirMedia, FolderError, Media, MediaFile, MemMedia};

/// How a ledger is opened.
pub struct LedgerOptions {
    /// Where the files are.
    pub media: Arc<dyn Media>,
    /// Where the seal key comes from.
    pub seal: SealSource,
    /// Memory that caches pages of the store, in bytes.
    pub cache_bytes: usize,
    /// Submissions that may wait for the writer; one more is answered [`CommitError::Busy`].
    pub queue: usize,
    /// The time, for the head file.
    pub clock: fn() -> Time,
    /// Sizes of files and groups.
    pub sizes: Sizes,
}

/// Sizes of the ledger's files and groups.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Journal bytes after which a checkpoint is made; so much and a half is allocated beforehand.
    pub journal: u64,
    /// Bytes after which an audit segment is full.
    pub segment: u64,
    /// The longest time between a commit and its checkpoint.
    pub checkpoint_after: Duration,
    /// Submissions in one group at most.
    pub group: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { journal: 8 << 20, segment: 64 << 20, checkpoint_after: Duration::from_secs(30), group: 256 }
    }
}

impl LedgerOptions {
    /// Usual settings: 16 MiB of cache, a queue of 1,024.
    pub fn new(media: Arc<dyn Media>, seal: SealSource, clock: fn() -> Time) -> Self {
        Self { media, seal, cache_bytes: 16 << 20, queue: 1024, clock, sizes: Sizes::default() }
    }
}

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The store is new.
    pub first_start: bool,
    /// Frames of the journal that were carried out again.
    pub replayed_frames: u64,
    /// Number of the last audit record.
    pub seq: u64,
    /// Revision of the store.
    pub revision: u64,
}

/// Where the log and the store stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The log's name: the store's id.
    pub log: String,
    /// Number of the last audit record, 0 for none.
    pub seq: u64,
    /// Revision of the store.
    pub revision: u64,
    /// Root of the Merkle tree over all records (RFC 6962).
    pub root: [u8; 32],
    /// Records in the tree.
    pub size: u64,
}

/// What the ledger counts, since the start unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerMetrics {
    /// Groups made durable.
    pub groups: u64,
    /// Submissions made durable.
    pub submissions: u64,
    /// Audit records made durable.
    pub records: u64,
    /// Syncs of files and names.
    pub syncs: u64,
    /// Checkpoints made.
    pub checkpoints: u64,
    /// Submissions in the last group.
    pub last_group: u64,
    /// Submissions waiting now.
    pub queue: u64,
    /// Whether the last attempt to make something durable failed.
    pub degraded: bool,
    /// Rows encrypted under the newest key term in the store's whole life; a term is good for 2^32.
    pub term_encryptions: u64,
    /// Bytes of the journal that wait for a checkpoint.
    pub journal_bytes: u64,
}

/// Why a ledger does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The seal file is not there.
    #[error("the store's seal file {path} is missing; put the file back that this store was made with")]
    SealMissing {
        /// The file.
        path: PathBuf,
    },
    /// The seal file cannot be read, created or understood.
    #[error("the seal file {path} cannot be used: {reason}")]
    SealFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The seal key is not the one of this store.
    #[error("{seal} does not open this store; give the seal that the store was made with")]
    WrongSeal {
        /// Which seal: its file, or where else it came from.
        seal: String,
    },
    /// The store's format is newer than this program.
    #[error(
        "this store was written by a newer Keyreeve (format {found}, this one reads up to {known}); install the newer version or restore a backup"
    )]
    Newer {
        /// The store's format.
        found: u32,
        /// The newest one that is read here.
        known: u32,
    },
    /// Files contradict each other, or cannot be understood.
    #[error("the store is damaged: {0}; restore a backup")]
    Damaged(String),
    /// The system refuses a file.
    #[error("the store's {what} cannot be used: {source}")]
    Io {
        /// Which file, and what was done.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The embedded database refuses.
    #[error("the store's database cannot be opened: {0}")]
    Database(String),
}

/// Why a submission was not committed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CommitError {
    /// The queue is full; nothing was tried.
    #[error("the ledger is busy; repeat the request later")]
    Busy,
    /// It could not be made durable; nothing is visible.
    #[error("the ledger could not be written; repeat the request later")]
    Storage,
    /// The existence that the authorization rested on changed: authorize again, submit again. Nothing was recorded.
    #[error("the key came or went meanwhile; authorize the request again")]
    Again,
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
}

/// Why something could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// The files cannot be read, or the store is being reopened; repeat later.
    #[error("the store cannot be read: {0}")]
    Storage(String),
    /// A row is not what was written: changed, or of another place.
    #[error("a row of the store is damaged: {0}")]
    Damaged(&'static str),
    /// The key is not one that a row can have.
    #[error("not a key of a row: {0}")]
    Key(&'static str),
}

/// Why changes could not be listed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChangesError {
    /// Changes after this revision were trimmed.
    #[error("changes before revision {oldest} are gone; list everything again")]
    Gone {
        /// The smallest revision that can be asked for.
        oldest: u64,
    },
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The ledger; clones share it.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {}

/// The store as it was at one revision; later writes do not show.
pub struct Snapshot {}

impl Ledger {
    /// Opens a ledger, bringing it up to its journal's end.
    ///
    /// # Errors
    /// Each variant says what to do.
    pub fn open(_options: LedgerOptions) -> Result<(Self, Opened), OpenError> {
        Err(OpenError::Damaged(String::new()))
    }

    /// Makes a submission durable: the write with its record, both or none.
    ///
    /// # Errors
    /// See [`CommitError`]; after [`CommitError::Storage`] the record may still appear after a restart.
    pub async fn commit(&self, _submission: Submission) -> Result<Committed, CommitError> {
        Err(CommitError::Closed)
    }

    /// The store as it is now. Never waits for the writer.
    ///
    /// # Errors
    /// [`ReadError::Storage`] while the store is being reopened after a failure.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        Err(ReadError::Storage(String::new()))
    }

    /// Where the log and the store stand.
    pub fn head(&self) -> Head {
        Head::default()
    }

    /// Follows the head.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Head> {
        tokio::sync::watch::channel(Head::default()).1
    }

    /// Audit records from a number on, with their numbers: at most `max_count`, and no more after `max_bytes`.
    ///
    /// # Errors
    /// [`ReadError::Storage`] when a segment cannot be read.
    pub fn records(
        &self,
        _from_seq: u64,
        _max_count: usize,
        _max_bytes: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        Ok(Vec::new())
    }

    /// Changes after a revision, oldest first, each with its revision. All changes of one revision come together,
    /// so the list may be a little longer than `limit`.
    ///
    /// # Errors
    /// [`ChangesError::Gone`] when some of them were trimmed.
    pub fn changes(&self, _after: u64, _limit: usize) -> Result<Vec<(u64, Change)>, ChangesError> {
        Ok(Vec::new())
    }

    /// A keyed hash (HMAC-SHA256) under a key of this store.
    pub fn keyed_hash(&self, _purpose: HashPurpose, _bytes: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    /// Fills `out` with random bytes.
    pub fn random(&self, _out: &mut [u8]) {}

    /// What the ledger counts.
    pub fn metrics(&self) -> LedgerMetrics {
        LedgerMetrics::default()
    }

    /// Makes a checkpoint now. Blocks until it is made.
    ///
    /// # Errors
    /// [`CommitError::Storage`] when it could not be made; it is tried again by itself.
    pub fn checkpoint(&self) -> Result<(), CommitError> {
        Ok(())
    }

    /// Commits what is queued, makes a checkpoint and stops the writer. Blocks until done.
    ///
    /// # Errors
    /// [`CommitError::Storage`] when the checkpoint failed: the journal then holds what the next start needs.
    pub fn close(&self) -> Result<(), CommitError> {
        Ok(())
    }
}

impl Snapshot {
    /// A row, `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the row is not what was written.
    pub fn get(&self, _key: &RowKey) -> Result<Option<RowValue>, ReadError> {
        Ok(None)
    }

    /// The direct children of a key (of the whole table for an empty key), sorted: `a` for a row, `a/` where rows
    /// lie below it. Those after `after`, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn children(
        &self,
        _key: &RowKey,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    /// The revision.
    pub fn revision(&self) -> u64 {
        0
    }
}
