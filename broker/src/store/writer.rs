//! The writer: the one thread that decides commands, makes groups of them durable, and makes checkpoints.
//!
//! The order inside a group is what everything rests on: decide over an open transaction, append one journal frame with
//! rows and records, sync it, and only then let readers see the rows, move the head and answer the waiters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::Instant;

use broker_core::ledger::{Committed, Submission};
use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::batch::{Batch, Stop};
use super::rows::{META, ROWS};
use super::shared::Shared;
use super::state::{self, CheckpointError, REVISION, State};
use super::{CommitError, OpenError};

/// A frame is closed when it holds so many bytes.
const MAX_FRAME_BYTES: usize = 4 << 20;
/// Lines that may wait for room in the audit segments before new groups are refused, in bytes.
const MAX_PENDING_BYTES: usize = 4 << 20;

/// The answer of a commit.
pub(crate) type Answer = Result<Committed, CommitError>;

/// What the writer is told.
pub(crate) enum Message {
    /// Make this durable.
    Submit(Box<Submission>, oneshot::Sender<Answer>),
    /// Make a checkpoint.
    Checkpoint(SyncSender<Result<(), CommitError>>),
    /// Make a checkpoint and stop.
    Close(SyncSender<Result<(), CommitError>>),
}

type Waiting = (Box<Submission>, oneshot::Sender<Answer>);
type Decided = (Result<Committed, CommitError>, oneshot::Sender<Answer>);

/// The writer with everything only it touches.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    messages: Receiver<Message>,
    // A message that came between submissions.
    deferred: Option<Message>,
    // `None` after a failure that left memory and files apart: nothing is committed until the files were read again.
    state: Option<State>,
    not_before: Option<Instant>,
    // Submissions of the last group.
    last_group: usize,
    // When the room of the medium was asked for, and whether it was low.
    room: (Option<Instant>, bool),
}

impl Writer {
    /// A writer that goes on from a state.
    pub(crate) fn new(shared: Arc<Shared>, messages: Receiver<Message>, state: State) -> Self {
        Self {
            shared,
            messages,
            deferred: None,
            state: Some(state),
            not_before: None,
            last_group: 1,
            room: (None, false),
        }
    }

    /// Works until it is closed or no ledger is left.
    pub(crate) fn run(mut self) {
        loop {
            match self.receive() {
                Ok(Message::Submit(work, answer)) => {
                    let group = self.gather((work, answer));
                    self.group(group);
                }
                Ok(Message::Checkpoint(done)) => {
                    let _ = done.send(self.checkpoint());
                }
                Ok(Message::Close(done)) => {
                    let result = self.checkpoint();
                    self.shared.db.give_up();
                    let _ = done.send(result);
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Readers need the store back even if nobody writes.
                    if let Err(failure) = self.ready().map(|_| ()) {
                        self.fail(&failure);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.checkpoint();
                    self.shared.db.give_up();
                    return;
                }
            }
            self.checkpoint_if_due();
        }
    }

    fn receive(&mut self) -> Result<Message, RecvTimeoutError> {
        if let Some(message) = self.deferred.take() {
            return Ok(message);
        }
        let retry = self.shared.sizes.retry;
        let message = match self.state.as_ref().map(|state| state.unsaved_since) {
            Some(None) => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected)?,
            Some(Some(since)) => {
                let due =
                    (since + self.shared.sizes.checkpoint_after).saturating_duration_since(Instant::now());
                // A due checkpoint that failed waits for its next attempt.
                self.messages.recv_timeout(if due.is_zero() { retry } else { due })?
            }
            None => self.messages.recv_timeout(retry)?,
        };
        self.shared.taken(&message);
        Ok(message)
    }

    /// Takes what waits. While clients are many, the next ones are waited for a moment: as many as the last group
    /// had are likely on their way, and each sync that they share is one less.
    fn gather(&mut self, first: Waiting) -> Vec<Waiting> {
        let mut group = vec![first];
        let (expected, linger) = (self.last_group, self.shared.sizes.linger);
        let end = (expected > 1).then(|| Instant::now() + linger);
        while group.len() < self.shared.sizes.group {
            let message = match (self.messages.try_recv(), end) {
                (Ok(message), _) => message,
                (Err(TryRecvError::Empty), Some(end)) if group.len() < expected => {
                    let left = end.saturating_duration_since(Instant::now());
                    match self.messages.recv_timeout(left) {
                        Ok(message) => message,
                        Err(_) => break,
                    }
                }
                (Err(_), _) => break,
            };
            self.shared.taken(&message);
            match message {
                Message::Submit(work, answer) => group.push((work, answer)),
                other => {
                    self.deferred = Some(other);
                    break;
                }
            }
        }
        self.last_group = group.len();
        group
    }

    /// Whether the medium has too little room left for writes; asked now and then, since it costs a call of the system.
    fn is_low(&mut self) -> bool {
        let (since, low) = self.room;
        if since.is_none_or(|t| t.elapsed() >= self.shared.sizes.room_interval) {
            let low = self.shared.media.room().is_ok_and(|room| room < self.shared.sizes.reserve);
            self.room = (Some(Instant::now()), low);
            return low;
        }
        low
    }

    /// Makes a group durable, in as many frames as its size needs.
    fn group(&mut self, group: Vec<Waiting>) {
        let mut rest = group.into_iter();
        while rest.len() > 0 {
            // A panic drops the waiters, whose callers then see a storage failure.
            let frame = catch_unwind(AssertUnwindSafe(|| self.frame(&mut rest)));
            let failure = match frame {
                Ok(Ok(())) => continue,
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Apart("the writer stopped over a submission".to_owned()),
            };
            self.fail(&failure);
            if matches!(failure, Failure::Apart(_)) || self.state.is_none() {
                for (_, answer) in rest {
                    let _ = answer.send(Err(CommitError::Storage));
                }
                return;
            }
        }
    }

    fn fail(&mut self, failure: &Failure) {
        self.shared.counters.degraded.store(true, Ordering::Relaxed);
        match failure {
            Failure::Whole(why) => tracing::error!(why, "the ledger could not be written"),
            Failure::Apart(why) => {
                tracing::error!(why, "the store must be read again from its files");
                self.state = None;
                self.shared.db.give_up();
            }
        }
    }

    /// The state, read again from the files where it was lost.
    fn ready(&mut self) -> Result<&mut State, Failure> {
        if self.state.is_none() {
            if self.not_before.is_some_and(|t| Instant::now() < t) {
                return Err(Failure::Whole("the store could not be reopened yet".to_owned()));
            }
            self.not_before = Some(Instant::now() + self.shared.sizes.retry);
            let (state, _) = reopen(&self.shared).map_err(|error| Failure::Whole(error.to_string()))?;
            self.not_before = None;
            self.shared.publish(&state);
            self.state = Some(state);
        }
        self.state.as_mut().ok_or_else(|| Failure::Whole("no state".to_owned()))
    }

    /// Makes one frame out of the next submissions.
    fn frame(&mut self, rest: &mut std::vec::IntoIter<Waiting>) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let low = self.is_low();
        let state = match self.ready().and_then(|state| make_room(state).map(|()| state)) {
            Ok(state) => state,
            Err(failure) => {
                for (_, answer) in rest {
                    let _ = answer.send(Err(CommitError::Storage));
                }
                return Err(failure);
            }
        };
        let writes =
            rest.as_slice().iter().any(|(work, _)| work.command.is_some() || work.token_use.is_some());
        let mut batch =
            Batch::new(&shared.codec, &shared.log, shared.sizes.changes, state.seq, state.revision);
        let mut decided = Vec::with_capacity(rest.len());
        let result = if writes && !low {
            write_frame(&shared, state, &mut batch, rest, &mut decided)
        } else {
            decide_all(&mut batch, rest, &mut decided, None).and_then(|()| {
                state.journal_append(&batch.frame).map_err(|error| Failure::Whole(error.to_string()))
            })
        };
        if let Err(failure) = result {
            answer_failed(decided);
            return Err(failure);
        }
        let appended = state.advance(&batch.frame);
        shared.count_group(decided.len(), batch.frame.lines.len());
        shared.counters.degraded.store(appended.is_err() || low, Ordering::Relaxed);
        shared.publish(state);
        for (result, answer) in decided {
            // A caller that went away has its record all the same.
            let _ = answer.send(result);
        }
        Ok(())
    }

    fn checkpoint_if_due(&mut self) {
        let Some(state) = &self.state else { return };
        let sizes = &self.shared.sizes;
        let old = state.unsaved_since.is_some_and(|t| t.elapsed() >= sizes.checkpoint_after);
        if (old || state.journal_bytes() > sizes.journal)
            && self.not_before.is_none_or(|t| Instant::now() >= t)
        {
            let _ = self.checkpoint();
        }
    }

    fn checkpoint(&mut self) -> Result<(), CommitError> {
        let shared = Arc::clone(&self.shared);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let state = self.ready()?;
            if state.unsaved_since.is_none() {
                return Ok(());
            }
            state.checkpoint(&shared).map_err(|error| match error {
                CheckpointError::Later(why) => Failure::Whole(why),
                CheckpointError::Apart(why) => Failure::Apart(why),
            })
        }));
        let failure = match outcome {
            Ok(Ok(())) => {
                self.not_before = None;
                shared.counters.degraded.store(false, Ordering::Relaxed);
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Apart("the database stopped in a checkpoint".to_owned()),
        };
        self.fail(&failure);
        self.not_before = Some(Instant::now() + self.shared.sizes.retry);
        Err(CommitError::Storage)
    }
}

/// Why a frame was not made durable.
enum Failure {
    /// Nothing of it is left; the next group tries anew.
    Whole(String),
    /// Memory and files may differ: the state has to be read again from the files.
    Apart(String),
}

fn reopen(shared: &Shared) -> Result<(State, u64), OpenError> {
    let opened = catch_unwind(AssertUnwindSafe(|| state::recover(shared)));
    let result = opened
        .unwrap_or_else(|_| Err(OpenError::Damaged("the database stopped over its own file".to_owned())));
    if result.is_err() {
        shared.db.give_up();
    }
    result
}

fn make_room(state: &mut State) -> Result<(), Failure> {
    if state.segments.pending_bytes() > MAX_PENDING_BYTES {
        state.segments.flush().map_err(|error| Failure::Whole(format!("the audit segment: {error}")))?;
    }
    Ok(())
}

/// Decides submissions until none is left or the frame is full. Without a table, those with a write are turned away.
fn decide_all(
    batch: &mut Batch<'_>,
    rest: &mut std::vec::IntoIter<Waiting>,
    decided: &mut Vec<Decided>,
    mut table: Option<&mut redb::Table<'_, &'static [u8], &'static [u8]>>,
) -> Result<(), Failure> {
    while batch.bytes() < MAX_FRAME_BYTES {
        let Some((work, answer)) = rest.next() else { break };
        if table.is_none() && (work.command.is_some() || work.token_use.is_some()) {
            decided.push((Err(CommitError::Storage), answer));
            continue;
        }
        match batch.add(*work, table.as_deref_mut()) {
            Ok(committed) => decided.push((Ok(committed), answer)),
            Err(Stop::Alone(error)) => decided.push((Err(error), answer)),
            Err(Stop::Storage(why)) => {
                decided.push((Err(CommitError::Storage), answer));
                return Err(Failure::Apart(why));
            }
        }
    }
    Ok(())
}

/// A frame with writes: the transaction is committed only after the frame was synced.
fn write_frame(
    shared: &Shared,
    state: &mut State,
    batch: &mut Batch<'_>,
    rest: &mut std::vec::IntoIter<Waiting>,
    decided: &mut Vec<Decided>,
) -> Result<(), Failure> {
    let apart = |error: redb::Error| Failure::Apart(error.to_string());
    let transaction = shared.db.write().map_err(apart)?;
    {
        let mut table = transaction.open_table(ROWS).map_err(|error| apart(error.into()))?;
        decide_all(batch, rest, decided, Some(&mut table))?;
    }
    let moved = batch.frame.revision != state.revision;
    if moved {
        set_revision(&transaction, batch.frame.revision).map_err(apart)?;
    }
    if let Err(error) = state.journal_append(&batch.frame) {
        transaction.abort().map_err(|error| apart(error.into()))?;
        return Err(Failure::Whole(error.to_string()));
    }
    if moved {
        transaction.commit().map_err(|error| apart(error.into()))
    } else {
        transaction.abort().map_err(|error| apart(error.into()))
    }
}

fn set_revision(transaction: &WriteTransaction, revision: u64) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(REVISION, revision.to_be_bytes().as_slice())?;
    Ok(())
}

/// Answers that were decided and did not become durable; those that left no trace keep their own answer.
fn answer_failed(decided: Vec<Decided>) {
    for (result, answer) in decided {
        let _ = answer.send(Err(result.err().unwrap_or(CommitError::Storage)));
    }
}
