//! The writer's state: journal, segments and tree at one record, how it becomes durable, and how it is found again.
//!
//! A checkpoint syncs the audit segments, then commits the database durably together with a row that says which
//! generation of the journal comes next, and only then begins that generation. Recovery is the reverse: the database's
//! last durable commit, the segments cut to where they were then, and every frame of that generation carried out
//! again; all of it gives the same bytes however often it is repeated. A checkpoint ends it, even if nothing
//! was replayed: after a failed sync the system may show pages that are not on the disk, and only writing them again
//! makes them safe before the old frames are overwritten.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use broker_core::tree::{Tree, leaf_hash};
use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::OpenError;
use super::codec::Codec;
use super::head::{self, HeadFile, edge_to_hex, to_hex, tree_from_hex};
use super::journal::{self, Frame, Journal};
use super::rows::{META, ROWS, RawMutation, carry_out};
use super::segments::{Appender, CutError, Position};
use super::shared::Shared;

/// Row with the revision of the last commit, in clear.
pub(crate) const REVISION: &str = "revision";
const CHECKPOINT: &str = "checkpoint";
/// What the checkpoint's row is encrypted as; no key of a table begins with zero.
const CHECKPOINT_KEY: &[u8] = b"\0checkpoint";

/// The state after the last record.
pub(crate) struct State {
    journal: Journal,
    /// The audit segments.
    pub(crate) segments: Appender,
    /// The tree over all records.
    pub(crate) tree: Tree,
    /// Number of the last record.
    pub(crate) seq: u64,
    /// Revision of the store.
    pub(crate) revision: u64,
    /// When the first commit since the last checkpoint was made.
    pub(crate) unsaved_since: Option<Instant>,
}

/// The checkpoint's row, as JSON.
#[derive(Serialize, Deserialize)]
struct Saved {
    generation: u64,
    revision: u64,
    seq: u64,
    edge: Vec<String>,
    segment: u32,
    offset: u64,
    encryptions: u64,
}

/// Why a checkpoint was not made.
#[derive(Debug)]
pub(crate) enum CheckpointError {
    /// Everything is as it was; try again later.
    Later(String),
    /// Files may be ahead of or behind memory.
    Apart(String),
}

fn apart(error: impl Into<redb::Error>) -> CheckpointError {
    CheckpointError::Apart(error.into().to_string())
}

impl State {
    /// Bytes of the journal since the last checkpoint.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal.bytes()
    }

    /// Makes a frame durable; one without records does not exist.
    pub(crate) fn journal_append(&mut self, frame: &Frame) -> io::Result<()> {
        if frame.lines.is_empty() {
            return Ok(());
        }
        self.unsaved_since.get_or_insert_with(Instant::now);
        self.journal.append(frame)
    }

    /// Goes behind a durable frame.
    ///
    /// # Errors
    /// The records wait in memory when they could not be appended to their segment.
    pub(crate) fn advance(&mut self, frame: &Frame) -> io::Result<()> {
        for line in &frame.lines {
            self.tree.push(leaf_hash(line));
        }
        self.seq += frame.lines.len() as u64;
        self.revision = frame.revision;
        self.segments.append(&frame.lines)
    }

    /// Makes a checkpoint and begins a new generation of the journal.
    pub(crate) fn checkpoint(&mut self, shared: &Shared) -> Result<(), CheckpointError> {
        self.segments
            .flush()
            .map_err(|error| CheckpointError::Later(format!("the audit segment: {error}")))?;
        let position = self
            .segments
            .sync()
            .map_err(|error| CheckpointError::Apart(format!("the audit segment: {error}")))?;
        self.write_head(shared)
            .map_err(|error| CheckpointError::Later(format!("{}: {error}", head::FILE)))?;
        let saved = Saved {
            generation: self.journal.generation() + 1,
            revision: self.revision,
            seq: self.seq,
            edge: edge_to_hex(&self.tree),
            segment: position.segment,
            offset: position.offset,
            encryptions: shared.codec.encryptions(),
        };
        let transaction = shared.db.write_durable().map_err(apart)?;
        save(&transaction, &shared.codec, &saved).map_err(apart)?;
        transaction.commit().map_err(apart)?;
        self.journal.restart(saved.generation);
        self.unsaved_since = None;
        shared.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
        shared.publish(self);
        Ok(())
    }

    fn write_head(&self, shared: &Shared) -> io::Result<()> {
        let content = HeadFile {
            log: shared.log.clone(),
            size: self.tree.size(),
            root: to_hex(&self.tree.root()),
            edge: edge_to_hex(&self.tree),
            revision: self.revision,
            time: (shared.clock)().rfc3339(),
        };
        let mut text = serde_json::to_vec(&content)?;
        text.push(b'\n');
        shared.media.replace(head::FILE, &text)
    }
}

fn save(transaction: &WriteTransaction, codec: &Codec, saved: &Saved) -> Result<(), redb::Error> {
    let text = serde_json::to_vec(saved).map_err(|error| redb::Error::Io(error.into()))?;
    let sealed = codec
        .seal(CHECKPOINT_KEY, saved.revision, &text)
        .map_err(|error| redb::Error::Io(io::Error::other(error)))?;
    let mut meta = transaction.open_table(META)?;
    meta.insert(REVISION, saved.revision.to_be_bytes().as_slice())?;
    meta.insert(CHECKPOINT, sealed.as_slice())?;
    Ok(())
}

/// Writes the checkpoint of a store without anything in it.
pub(crate) fn save_first(transaction: &WriteTransaction, codec: &Codec) -> Result<(), redb::Error> {
    // All rows are there from the start, so that readers find their table.
    transaction.open_table(ROWS)?;
    let saved =
        Saved { generation: 1, revision: 0, seq: 0, edge: Vec::new(), segment: 1, offset: 0, encryptions: 0 };
    save(transaction, codec, &saved)
}

/// Opens the database anew and recovers.
pub(crate) fn recover(shared: &Shared) -> Result<(State, u64), OpenError> {
    shared.db.open(shared.media.as_ref(), shared.cache_bytes).map_err(OpenError::database)?;
    replay(shared)
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Io { what, source }
}

/// Brings the files up to the journal's end, from a database that was just opened. Also says how many frames it took.
pub(crate) fn replay(shared: &Shared) -> Result<(State, u64), OpenError> {
    let saved = load_saved(shared)?;
    let damaged = |what: &str| OpenError::Damaged(what.to_owned());
    let tree =
        tree_from_hex(saved.seq, &saved.edge).ok_or_else(|| damaged("its tree of records has no shape"))?;
    let position = Position { segment: saved.segment, offset: saved.offset };
    let segments =
        Appender::cut(&shared.segments, position, saved.seq + 1, shared.sizes.segment).map_err(|error| {
            match error {
                CutError::Io(source) => OpenError::Io { what: "audit segments", source },
                CutError::Damaged(what) => OpenError::Damaged(what),
            }
        })?;
    let file = shared.media.open(journal::FILE).map_err(io_error("journal"))?;
    let journal = Journal::new(file, shared.codec.store_id(), saved.generation);
    let mut state =
        State { journal, segments, tree, seq: saved.seq, revision: saved.revision, unsaved_since: None };
    let frames = replay_frames(shared, &mut state, saved.encryptions)?;
    // Zeros go behind the frames that are there, if anywhere; without room for them the ledger still works.
    if let Err(error) = state.journal.allocate(shared.sizes.journal.saturating_mul(3) / 2) {
        tracing::warn!(%error, "no room could be set aside for the journal");
    }
    state.checkpoint(shared).map_err(|error| match error {
        CheckpointError::Later(why) | CheckpointError::Apart(why) => OpenError::Database(why),
    })?;
    shared.media.sync_names().map_err(io_error("folder"))?;
    Ok((state, frames))
}

fn load_saved(shared: &Shared) -> Result<Saved, OpenError> {
    let transaction = shared.db.read().map_err(OpenError::database)?;
    let meta = transaction.open_table(META).map_err(OpenError::database)?;
    let row = meta.get(CHECKPOINT).map_err(OpenError::database)?;
    let row = row.ok_or_else(|| OpenError::Damaged("it has no checkpoint".to_owned()))?;
    let clear = shared
        .codec
        .open(CHECKPOINT_KEY, row.value())
        .map_err(|error| OpenError::Damaged(format!("its checkpoint: {error}")))?;
    serde_json::from_slice(clear.expose())
        .map_err(|_| OpenError::Damaged("its checkpoint is not understood".to_owned()))
}

fn replay_frames(shared: &Shared, state: &mut State, encryptions: u64) -> Result<u64, OpenError> {
    let mut count = 0;
    let mut encryptions = encryptions;
    let transaction = shared.db.write().map_err(OpenError::database)?;
    {
        let mut rows = transaction.open_table(ROWS).map_err(OpenError::database)?;
        while let Some(frame) = state.journal.next().map_err(io_error("journal"))? {
            if frame.first_seq != state.seq + 1 || frame.revision < state.revision {
                return Err(OpenError::Damaged(format!(
                    "its journal goes on with record {}, and record {} is the last",
                    frame.first_seq, state.seq
                )));
            }
            for mutation in &frame.mutations {
                carry_out(&mut rows, mutation).map_err(OpenError::database)?;
                encryptions += u64::from(matches!(mutation, RawMutation::Put(..)));
            }
            state.advance(&frame).map_err(io_error("audit segments"))?;
            count += 1;
        }
        let mut meta = transaction.open_table(META).map_err(OpenError::database)?;
        meta.insert(REVISION, state.revision.to_be_bytes().as_slice()).map_err(OpenError::database)?;
    }
    transaction.commit().map_err(OpenError::database)?;
    shared.codec.raise_encryptions(encryptions);
    Ok(count)
}

/// The revision that a transaction sees.
pub(crate) fn revision_of(transaction: &redb::ReadTransaction) -> Result<u64, redb::Error> {
    let meta = transaction.open_table(META)?;
    let row = meta.get(REVISION)?;
    let bytes = row.as_ref().and_then(|row| row.value().first_chunk::<8>().copied());
    Ok(u64::from_be_bytes(bytes.unwrap_or_default()))
}

/// What a store says about itself, if it is one.
pub(crate) fn load_row(shared: &super::backend::Db, key: &str) -> Result<Option<Vec<u8>>, OpenError> {
    let transaction = shared.read().map_err(OpenError::database)?;
    match transaction.open_table(META) {
        Ok(meta) => {
            let row = meta.get(key).map_err(OpenError::database)?;
            Ok(row.map(|row| row.value().to_vec()))
        }
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(OpenError::database(error)),
    }
}
