//! Tests of the ledger as a whole, in memory and in a real folder.

mod folder;
mod model;
mod safety;
mod work;

use std::sync::Arc;
use std::time::Duration;

use broker_core::command::Command;
use broker_core::ledger::{Committed, Submission};
use broker_core::policy::PolicyCommand;
use broker_core::reason::ReasonCode;
use broker_core::record::{Draft, Kind, Object, Source};
use broker_core::time::Time;

use super::backend::Db;
use super::codec::Codec;
use super::*;
use crate::keys::{Keyring, SealKey};

/// A draft with a fresh id.
pub(crate) fn draft(kind: Kind) -> Draft {
    let mut id = [0; 16];
    fill_random(&mut id).unwrap();
    Draft {
        time: Time(1),
        id: u128::from_be_bytes(id),
        kind,
        status: 200,
        reason: ReasonCode::Ok,
        actor: None,
        via: None,
        source: Source::default(),
        object: Object { path: "some/path".to_owned(), ..Object::default() },
        rule: None,
        report: None,
    }
}

/// A command that writes a policy.
pub(crate) fn put_policy(name: &str, text: &str) -> Command {
    Command::Policy(PolicyCommand::Write { name: name.to_owned(), text: text.to_owned() })
}

/// A database without rows, in memory, and ciphers for it.
pub(crate) fn empty_database() -> (Db, Codec) {
    let codec = Codec::new(&Keyring::generate().unwrap()).unwrap();
    let db = Db::default();
    db.open(&MemMedia::default(), 1 << 20).unwrap();
    let transaction = db.write_durable().unwrap();
    transaction.open_table(rows::ROWS).unwrap();
    transaction.commit().unwrap();
    (db, codec)
}

fn small() -> Sizes {
    Sizes {
        journal: 64 << 10,
        segment: 16 << 10,
        checkpoint_after: Duration::from_secs(600),
        retry: Duration::from_millis(5),
        ..Sizes::default()
    }
}

fn options(media: Arc<dyn Media>, seal: u8) -> LedgerOptions {
    let seal = SealSource::Key(SealKey::new([seal; 32]));
    let mut options = LedgerOptions::new(media, seal, || Time(5));
    options.sizes = small();
    options
}

fn commit(ledger: &Ledger, work: Submission) -> Result<Committed, CommitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(ledger.commit(work))
}

fn write_policy(ledger: &Ledger, name: &str, text: &str) -> u64 {
    let committed =
        commit(ledger, Submission::write(put_policy(name, text), draft(Kind::PolicyWrite))).unwrap();
    committed.outcome.unwrap();
    committed.durable.revision()
}

fn record(ledger: &Ledger) -> u64 {
    commit(ledger, Submission::record(draft(Kind::SysRead))).unwrap().durable.seq()
}
