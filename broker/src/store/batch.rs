//! A batch: submissions decided one after the other over an open transaction, collected into one journal frame.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use broker_core::command::{self, Command, Effects, Halt, Reply};
use broker_core::ledger::{Committed, Durable, Submission};
use broker_core::record::{Draft, Kind, Place, Report};
use broker_core::refusal::Refusal;
use broker_core::row::{Mutation, Need, Rows};

use super::codec::Codec;
use super::journal::Frame;
use super::rows::{self, RawMutation};
use super::{CommitError, ReadError};

/// A decision that asks for rows more often than this is not one.
const MAX_ROUNDS: usize = 1 << 16;

type Table<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;
type Apply = fn(&Rows, &Command) -> Result<Effects, Halt>;
type Outcome = Result<Reply, Refusal>;

/// Why a batch or one of its submissions stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The submission is answered so, and left no trace.
    Alone(CommitError),
    /// The database failed: the whole batch is off.
    Storage(String),
}

/// Submissions on their way into one frame.
pub(crate) struct Batch<'a> {
    /// The frame so far.
    pub(crate) frame: Frame,
    codec: &'a Codec,
    log: &'a str,
    // Changes of this many revisions are kept.
    kept_changes: u64,
    bytes: usize,
    apply: Apply,
}

impl<'a> Batch<'a> {
    /// An empty batch after record `seq` at `revision`.
    pub(crate) fn new(codec: &'a Codec, log: &'a str, kept_changes: u64, seq: u64, revision: u64) -> Self {
        let frame = Frame { first_seq: seq + 1, revision, ..Frame::default() };
        Self { frame, codec, log, kept_changes, bytes: 0, apply: command::apply }
    }

    /// Bytes collected.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decides a submission and adds what follows from it. `table` is needed for commands only.
    ///
    /// # Errors
    /// [`Stop::Alone`] leaves the batch as it was.
    pub(crate) fn add(
        &mut self,
        work: Submission,
        mut table: Option<&mut Table<'_>>,
    ) -> Result<Committed, Stop> {
        if work.token_use.is_some() {
            self.try_first(&work, table.as_deref_mut())?;
        }
        let mut outcome = Ok(Reply::Done);
        let before = self.frame.revision;
        for step in [&work.token_use, &work.command].into_iter().flatten() {
            let table = table.as_deref_mut().ok_or_else(no_table)?;
            outcome = match self.run(step, table) {
                Err(Stop::Alone(_)) if self.frame.revision != before => {
                    return Err(Stop::Storage("half a submission could not be decided".to_owned()));
                }
                other => other?,
            };
            if outcome.is_err() {
                break;
            }
        }
        if matches!(outcome, Err(Refusal::ExistenceChanged)) && self.frame.revision == before {
            return Err(Stop::Alone(CommitError::Again));
        }
        let Submission { mut draft, mut more, .. } = work;
        let id = draft.id;
        complete(&mut draft, &outcome);
        let seq = self.push_line(&draft);
        let revision = self.frame.revision;
        if let Ok(Reply::Gap(Some(missing))) = &outcome {
            let gap = gap_record(more.first().unwrap_or(&draft), *missing);
            self.push_line(&gap);
        }
        if outcome.is_err() {
            // Refused reports were not taken: their sender gives them again, or has given them before.
            more.clear();
        }
        for draft in &more {
            self.push_line(draft);
        }
        more.push(draft);
        Ok(Committed { durable: Durable::written(id, seq, revision), outcome, spent: more })
    }

    /// Decides both commands once before anything is changed: the write may have to be authorized again, which must
    /// not cost a use of the token, and one whose decision panics must not leave half a submission.
    fn try_first(&self, work: &Submission, mut table: Option<&mut Table<'_>>) -> Result<(), Stop> {
        for step in [&work.token_use, &work.command].into_iter().flatten() {
            let table = table.as_deref_mut().ok_or_else(no_table)?;
            if let Err(Refusal::ExistenceChanged) = self.decide(step, table)? {
                return Err(Stop::Alone(CommitError::Again));
            }
        }
        Ok(())
    }

    fn decide(&self, command: &Command, table: &Table<'_>) -> Result<Result<Effects, Refusal>, Stop> {
        let mut rows = Rows::default();
        for _ in 0..MAX_ROUNDS {
            let decision = catch_unwind(AssertUnwindSafe(|| (self.apply)(&rows, command)));
            let needs = match decision {
                Err(_) => return Err(Stop::Alone(CommitError::Storage)),
                Ok(Ok(effects)) => return Ok(Ok(effects)),
                Ok(Err(Halt::Refused(refusal))) => return Ok(Err(refusal)),
                Ok(Err(Halt::Need(needs))) => needs,
            };
            for need in needs {
                match self.load(need, table, &mut rows) {
                    Ok(()) => {}
                    Err(ReadError::Damaged(what)) => return Ok(Err(Refusal::Corrupt(what))),
                    Err(ReadError::Key(why)) => return Ok(Err(bad_key(why))),
                    Err(ReadError::Storage(why)) => return Err(Stop::Storage(why)),
                }
            }
        }
        Ok(Err(Refusal::Corrupt("a decision that does not end")))
    }

    fn load(&self, need: Need, table: &Table<'_>, rows: &mut Rows) -> Result<(), ReadError> {
        match need {
            Need::Row(key) => {
                let value = rows::get(table, self.codec, &key)?;
                rows.insert(key, value);
            }
            Need::Children(key) => {
                let names = rows::children(table, self.codec, &key)?;
                rows.insert_children(key, names);
            }
        }
        Ok(())
    }

    fn run(&mut self, command: &Command, table: &mut Table<'_>) -> Result<Outcome, Stop> {
        let effects = match self.decide(command, table)? {
            Ok(effects) => effects,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let revision = self.frame.revision + 1;
        let mutations = match self.encrypt(&effects, revision) {
            Ok(mutations) => mutations,
            Err(ReadError::Key(why)) => return Ok(Err(bad_key(why))),
            Err(error) => return Err(Stop::Storage(error.to_string())),
        };
        for mutation in &mutations {
            rows::carry_out(table, mutation).map_err(|error| Stop::Storage(error.to_string()))?;
        }
        self.bytes += mutations.iter().map(RawMutation::size).sum::<usize>();
        self.frame.mutations.extend(mutations);
        self.frame.revision = revision;
        Ok(Ok(effects.reply))
    }

    /// All changes of rows, as they are stored: either all keys are good, or none is used.
    fn encrypt(&self, effects: &Effects, revision: u64) -> Result<Vec<RawMutation>, ReadError> {
        let put = |key: Vec<u8>, value: &[u8]| {
            let sealed = self.codec.seal(&key, revision, value);
            sealed.map(|s| RawMutation::Put(key, s)).map_err(|error| ReadError::Storage(error.to_string()))
        };
        let mut out = Vec::with_capacity(effects.mutations.len() + 2);
        for mutation in &effects.mutations {
            out.push(match mutation {
                Mutation::Put(key, value) => put(self.codec.key(key)?, value.expose())?,
                Mutation::Delete(key) => RawMutation::Delete(self.codec.key(key)?),
                Mutation::DeleteTree(key) => RawMutation::DeletePrefix(self.codec.prefix(key)?),
            });
        }
        if !effects.changes.is_empty() {
            let key = self.codec.key(&rows::change_key(revision))?;
            out.push(put(key, &rows::encode_changes(&effects.changes))?);
        }
        if let Some(old) = revision.checked_sub(self.kept_changes) {
            out.push(RawMutation::Delete(self.codec.key(&rows::change_key(old))?));
        }
        Ok(out)
    }

    fn push_line(&mut self, draft: &Draft) -> u64 {
        let seq = self.frame.first_seq + self.frame.lines.len() as u64;
        let line = draft.to_line(Place { log: self.log, seq, revision: self.frame.revision });
        self.bytes += line.len();
        self.frame.lines.push(Arc::from(line));
        seq
    }
}

/// A write where only records are taken, since the medium has too little room: it is refused alone.
fn no_table() -> Stop {
    Stop::Alone(CommitError::Storage)
}

fn bad_key(why: &str) -> Refusal {
    Refusal::Invalid(format!("the path cannot be stored: {why}"))
}

/// Puts the outcome of the command into the record.
fn complete(draft: &mut Draft, outcome: &Outcome) {
    match outcome {
        Ok(Reply::Version(info)) => draft.object.version = info.version,
        Ok(_) => {}
        Err(refusal) => {
            let (status, reason) = refusal.answer();
            draft.status = status;
            draft.reason = reason;
        }
    }
}

/// The record of numbers that a sender left out, in the name of the first record after the gap.
fn gap_record(after: &Draft, missing: (u64, u64)) -> Draft {
    let mut gap = after.clone();
    gap.kind = Kind::Gap;
    gap.object = Default::default();
    gap.rule = None;
    let sender = gap.report.take().map(|report| report.sender).unwrap_or_default();
    gap.report = Some(Report { sender, missing: Some(missing), ..Report::default() });
    gap
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows::ROWS;
    use crate::store::tests::{draft, put_policy};

    /// A submission whose decision panics is answered alone, and leaves nothing; the others are decided.
    #[test]
    fn a_panic_takes_its_own_submission_only() {
        let (db, codec) = crate::store::tests::empty_database();
        let transaction = db.write().unwrap();
        let mut table = transaction.open_table(ROWS).unwrap();
        let mut batch = Batch::new(&codec, "log", 100, 0, 0);
        batch.apply = |rows, command| match command {
            Command::Policy(broker_core::policy::PolicyCommand::Write { name, .. }) if name == "bad" => {
                panic!("on purpose")
            }
            other => command::apply(rows, other),
        };
        for (name, with_use, good) in
            [("one", false, true), ("bad", false, false), ("bad", true, false), ("two", true, true)]
        {
            let mut work = Submission::write(put_policy(name, "x"), draft(Kind::PolicyWrite));
            work.token_use = with_use.then(|| put_policy("use", name));
            let before = batch.frame.clone();
            let result = batch.add(work, Some(&mut table));
            assert_eq!(result.is_ok(), good, "{name}");
            if !good {
                assert!(matches!(result, Err(Stop::Alone(CommitError::Storage))));
                assert_eq!(batch.frame, before, "nothing is left");
            }
        }
        assert_eq!((batch.frame.revision, batch.frame.lines.len()), (3, 2));
    }
}
