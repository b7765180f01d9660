//! The embedded ledger: an encrypted store and its audit log, made durable together.
//!
//! Files, all behind [`Media`]: `store.redb` (rows, keys and values encrypted), `journal` (what is not in the others
//! for sure yet), `audit-NNNNNNNN.ndjson` (records as plain lines), `audit.head` (for checks without the seal).
//!
//! **One writer, one sync a group.** Writes and reads both end in an audit record that must be durable before its
//! answer leaves, so the rate of syncs bounds everything. One thread takes all waiting submissions, decides them one
//! after the other over an open database transaction, and appends a single journal frame that holds the encrypted row
//! mutations and the record lines; after its sync the transaction is committed without one, the lines go to their
//! segment without one, and all waiters are answered. A database commit of its own would cost two more syncs a group
//! and separate rows from records; a frame cannot tear them apart, since it counts as a whole or not at all.
//!
//! **Checkpoints** ([`state`]) make database and segments durable from time to time and let the journal start over in
//! its place, which was filled with zeros beforehand: a full disk does not keep denials from being recorded, the less
//! as writes are refused while there is still some room left.
//!
//! **Failures.** A frame that could not be synced is undone, its waiters get [`CommitError::Storage`], and the next
//! frame is written over it. Where memory and files might differ (the database or a sync of a checkpoint failed), the
//! writer gives its state up and reads it again from the files before it commits anything else.
//!
//! **Numbers.** The revision counts commands that were carried out, one each; records are numbered from 1; neither has
//! gaps. A record names the revision after its own write.

mod backend;
mod batch;
mod codec;
mod head;
mod journal;
mod lines;
mod media;
mod open;
mod rows;
mod segments;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use broker_core::command::Change;
use broker_core::ledger::{Committed, Submission};
use broker_core::row::{RowKey, RowValue};
use broker_core::time::Time;
use redb::ReadOnlyTable;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::keys::{HashPurpose, SealSource, fill_random};
use codec::Codec;
use media::lock;
use shared::Shared;
use writer::Message;

pub use media::{DirMedia, FolderError, Media, MediaFile, MemMedia};
pub use verify::{VerifyError, VerifyReport, verify_folder};

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
    /// How long a group waits for as many submissions as the last one had.
    pub linger: Duration,
    /// Revisions whose changes are kept for [`Ledger::changes`].
    pub changes: u64,
    /// Time between attempts to reopen the store, or to make a checkpoint that failed.
    pub retry: Duration,
    /// Bytes of room below which writes are refused, so that records of reads and denials go on for longer.
    pub reserve: u64,
    /// How often the room of the medium is looked at.
    pub room_interval: Duration,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            journal: 8 << 20,
            segment: 16 << 20,
            checkpoint_after: Duration::from_secs(30),
            group: 256,
            linger: Duration::from_micros(300),
            changes: 100_000,
            retry: Duration::from_secs(1),
            reserve: 32 << 20,
            room_interval: Duration::from_millis(100),
        }
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

/// The ledger; clones share it. The last one that goes makes a checkpoint and stops the writer.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    // `None` once it was closed.
    sender: Mutex<Option<SyncSender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Inner {
    fn new(shared: Arc<Shared>, sender: SyncSender<Message>, thread: JoinHandle<()>) -> Self {
        Self { shared, sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) }
    }

    fn sender(&self) -> Option<SyncSender<Message>> {
        lock(&self.sender).clone()
    }

    fn join(&self) {
        if let Some(thread) = lock(&self.thread).take() {
            // The writer catches its panics; one outside of them has nothing left to report.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        lock(&self.sender).take();
        self.join();
    }
}

/// The store as it was at one revision; later writes do not show.
pub struct Snapshot {
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    revision: u64,
    codec: Arc<Codec>,
}

impl Ledger {
    /// Opens a ledger, bringing it up to its journal's end.
    ///
    /// # Errors
    /// Each variant says what to do.
    pub fn open(options: LedgerOptions) -> Result<(Self, Opened), OpenError> {
        let (inner, opened) = open::open(options)?;
        Ok((Self(Arc::new(inner)), opened))
    }

    /// Makes a submission durable: the write with its record, both or none. It happens even if the caller stops
    /// waiting for the answer.
    ///
    /// # Errors
    /// See [`CommitError`]; after [`CommitError::Storage`] write and record may still appear, together, after a restart.
    pub async fn commit(&self, submission: Submission) -> Result<Committed, CommitError> {
        let sender = self.0.sender().ok_or(CommitError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let queue = &self.0.shared.counters.queue;
        // Counted first: the writer may take it before this thread goes on.
        queue.fetch_add(1, Ordering::Relaxed);
        let sent = sender.try_send(Message::Submit(Box::new(submission), answer));
        // A closing ledger waits for its senders to go.
        drop(sender);
        if let Err(error) = sent {
            queue.fetch_sub(1, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => CommitError::Busy,
                TrySendError::Disconnected(_) => CommitError::Closed,
            });
        }
        answered.await.unwrap_or(Err(CommitError::Storage))
    }

    /// The store as it is now. Never waits for the writer.
    ///
    /// # Errors
    /// [`ReadError::Storage`] while the store is being reopened after a failure, or once it was closed.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let open = || {
            let transaction = self.0.shared.db.read()?;
            Ok((state::revision_of(&transaction)?, transaction.open_table(rows::ROWS)?))
        };
        let (revision, rows) = backend::guarded(open).map_err(rows::storage)?;
        Ok(Snapshot { rows, revision, codec: Arc::clone(&self.0.shared.codec) })
    }

    /// Where the log and the store stand.
    pub fn head(&self) -> Head {
        self.0.shared.head.borrow().clone()
    }

    /// Follows the head.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Head> {
        self.0.shared.head.subscribe()
    }

    /// Audit records from a number on, with their numbers and without line ends: at most `max_count`, and no more
    /// after `max_bytes`, except for the first. Blocks on files; never waits for the writer.
    ///
    /// # Errors
    /// [`ReadError`] when a segment cannot be read or lacks records.
    pub fn records(
        &self,
        from_seq: u64,
        max_count: usize,
        max_bytes: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        self.0.shared.segments.read(from_seq, max_count, max_bytes)
    }

    /// Changes after a revision, oldest first, each with its revision. All changes of one revision come together,
    /// so the list may be a little longer than `limit`. Revisions that changed nothing are left out.
    ///
    /// # Errors
    /// [`ChangesError::Gone`] when some of them were trimmed.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>, ChangesError> {
        let snapshot = self.snapshot()?;
        let oldest = snapshot.revision.saturating_sub(self.0.shared.sizes.changes);
        if after < oldest {
            return Err(ChangesError::Gone { oldest });
        }
        Ok(guarded_read(|| rows::changes_after(&snapshot.rows, &snapshot.codec, after, limit))?)
    }

    /// A keyed hash (HMAC-SHA256) under a key of this store.
    pub fn keyed_hash(&self, purpose: HashPurpose, bytes: &[u8]) -> [u8; 32] {
        self.0.shared.codec.keyed_hash(purpose, bytes)
    }

    /// Fills `out` with random bytes. A system without any stops the process: tokens made without them would be open
    /// to everyone, and no answer of a broker without them could be trusted.
    pub fn random(&self, out: &mut [u8]) {
        if fill_random(out).is_err() {
            tracing::error!("the system gives no random bytes");
            std::process::abort();
        }
    }

    /// What the ledger counts.
    pub fn metrics(&self) -> LedgerMetrics {
        self.0.shared.metrics()
    }

    /// Makes a checkpoint now. Blocks until it is made.
    ///
    /// # Errors
    /// [`CommitError::Storage`] when it could not be made; it is tried again by itself.
    pub fn checkpoint(&self) -> Result<(), CommitError> {
        let sender = self.0.sender().ok_or(CommitError::Closed)?;
        tell(&sender, Message::Checkpoint)
    }

    /// Commits what is queued, makes a checkpoint and stops the writer. Blocks until done.
    ///
    /// # Errors
    /// [`CommitError::Storage`] when the checkpoint failed: the journal then holds what the next start needs.
    pub fn close(&self) -> Result<(), CommitError> {
        let sender = lock(&self.0.sender).take().ok_or(CommitError::Closed)?;
        let result = tell(&sender, Message::Close);
        drop(sender);
        self.0.join();
        result
    }
}

/// Sends a message that waits for its answer.
fn tell(
    sender: &SyncSender<Message>,
    message: fn(SyncSender<Result<(), CommitError>>) -> Message,
) -> Result<(), CommitError> {
    let (done, result) = sync_channel(1);
    sender.send(message(done)).map_err(|_| CommitError::Closed)?;
    result.recv().unwrap_or(Err(CommitError::Closed))
}

/// Reads from the database; a panic inside, which damaged files can cause, comes back as an error.
fn guarded_read<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    backend::guarded(|| Ok(read())).map_err(rows::storage)?
}

impl Snapshot {
    /// A row, `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the row is not what was written.
    pub fn get(&self, key: &RowKey) -> Result<Option<RowValue>, ReadError> {
        guarded_read(|| rows::get(&self.rows, &self.codec, key))
    }

    /// The direct children of a key (of the whole table for an empty key), sorted: `a` for a row, `a/` where rows
    /// lie below it. Those after `after`, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn children(
        &self,
        key: &RowKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, ReadError> {
        let mut names = guarded_read(|| rows::children(&self.rows, &self.codec, key))?;
        if let Some(after) = after {
            names.retain(|name| name.as_str() > after);
        }
        names.truncate(limit);
        Ok(names)
    }

    /// The revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
