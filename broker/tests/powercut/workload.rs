//! Random reads and writes by several tasks, a note of what was acknowledged, and the check of what is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::keys::{SealKey, SealSource};
use broker::store::{CommitError, Ledger, LedgerOptions, OpenError, Opened, Sizes};
use broker_core::command::Command;
use broker_core::kv1::{Kv1Action, Kv1Command, value_key};
use broker_core::kv2::{Existence, MountRef};
use broker_core::ledger::Submission;
use broker_core::reason::ReasonCode;
use broker_core::record::{Draft, Kind, Object, Source, uuid_text};
use broker_core::refusal::Refusal;
use broker_core::row::{RowKey, Table};
use broker_core::secret::SecretJson;
use broker_core::sender::SenderCommand;
use broker_core::time::Time;
use broker_core::tree::{Tree, leaf_hash};

use crate::media::{FaultMedia, Random};

const TASKS: u64 = 4;
const EACH: u64 = 6;
/// The mount of all keys.
pub(crate) const MOUNT: &str = "mount";

pub(crate) fn options(media: &FaultMedia) -> LedgerOptions {
    let seal = SealSource::Key(SealKey::new([9; 32]));
    let mut options = LedgerOptions::new(Arc::new(media.clone()), seal, || Time(0));
    options.cache_bytes = 1 << 20;
    options.sizes = Sizes {
        journal: 6 << 10,
        segment: 3 << 10,
        checkpoint_after: Duration::from_secs(600),
        group: 8,
        retry: Duration::from_millis(2),
        room_interval: Duration::ZERO,
        ..Sizes::default()
    };
    options
}

pub(crate) fn open(media: &FaultMedia) -> Result<(Ledger, Opened), OpenError> {
    Ledger::open(options(media))
}

pub(crate) fn draft(id: u128, kind: Kind) -> Draft {
    Draft {
        time: Time(0),
        id,
        kind,
        status: 200,
        reason: ReasonCode::Ok,
        actor: None,
        via: None,
        source: Source::default(),
        object: Object { path: format!("secret/{id}"), ..Object::default() },
        rule: None,
        report: None,
    }
}

pub(crate) fn write(path: &str, id: u128) -> Command {
    Command::Kv1(Kv1Command {
        mount: MountRef { id: MOUNT.to_owned(), path: "secret".to_owned() },
        path: path.to_owned(),
        action: Kv1Action::Write {
            data: SecretJson::new(format!(
                "{{\"id\":\"{id}\",\"pad\":\"{}\"}}",
                "x".repeat((id % 600) as usize)
            )),
            expect: Existence::Absent,
        },
    })
}

fn delete(path: &str) -> Command {
    Command::Kv1(Kv1Command {
        mount: MountRef { id: MOUNT.to_owned(), path: "secret".to_owned() },
        path: path.to_owned(),
        action: Kv1Action::Delete,
    })
}

/// What one submission asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Read,
    /// A write of a key that only this submission writes, after a use of nothing or of a sender's number.
    Write {
        path: String,
        commands: u64,
    },
    /// A write that is refused.
    Refused,
    /// The removal of a key that an acknowledged submission wrote.
    Delete {
        path: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u128,
    pub(crate) asked: Asked,
    pub(crate) acknowledged: bool,
    pub(crate) seq: u64,
    pub(crate) revision: u64,
}

/// What was asked of the store in all of its lives.
#[derive(Default)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Entry>>,
    next: AtomicU64,
}

impl Journal {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    /// Notes what is asked, before it is.
    pub(crate) fn begin(&self, id: u128, asked: Asked) -> usize {
        let mut entries = self.entries.lock().unwrap();
        entries.push(Entry { id, asked, acknowledged: false, seq: 0, revision: 0 });
        entries.len() - 1
    }

    pub(crate) fn id(&self) -> u128 {
        // Ids look like UUIDs with random digits, so that no one is a part of another.
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        u128::from(Random(n).next()) << 64 | u128::from(n)
    }
}

fn plan(journal: &Journal, random: &mut Random) -> (Asked, Submission) {
    let id = journal.id();
    let number = id as u64;
    let path = format!("{}/{}/key-{number}", number % 3, number % 2);
    match random.below(10) {
        0..4 => (Asked::Read, Submission::record(draft(id, Kind::SecretRead))),
        4..7 => {
            let commands = 1;
            (
                Asked::Write { path: path.clone(), commands },
                Submission::write(write(&path, id), draft(id, Kind::SecretWrite)),
            )
        }
        7 => {
            let mut work = Submission::write(write(&path, id), draft(id, Kind::SecretWrite));
            let sender = format!("sender-{number}");
            work.token_use = Some(Command::Sender(SenderCommand { sender, first: 1, count: 1 }));
            (Asked::Write { path, commands: 2 }, work)
        }
        8 => {
            let command = SenderCommand { sender: "refused".to_owned(), first: 0, count: 1 };
            (Asked::Refused, Submission::write(Command::Sender(command), draft(id, Kind::Delivery)))
        }
        _ => {
            let entries = journal.entries();
            let gone =
                |path: &String| entries.iter().any(|e| e.asked == Asked::Delete { path: path.clone() });
            let written = entries.iter().find_map(|entry| match &entry.asked {
                Asked::Write { path, .. } if entry.acknowledged && !gone(path) => Some(path.clone()),
                _ => None,
            });
            match written {
                None => (Asked::Read, Submission::record(draft(id, Kind::SecretRead))),
                Some(path) => {
                    let work = Submission::write(delete(&path), draft(id, Kind::SecretDelete));
                    (Asked::Delete { path }, work)
                }
            }
        }
    }
}

async fn task(ledger: Ledger, media: FaultMedia, journal: &Journal, mut random: Random) {
    for _ in 0..EACH {
        let (asked, work) = plan(journal, &mut random);
        let id = work.draft.id;
        let entry = journal.begin(id, asked.clone());
        match ledger.commit(work).await {
            Ok(committed) => {
                assert!(media.is_durable(&uuid_text(id)), "acknowledged before a sync completed");
                let refused = asked == Asked::Refused;
                assert_eq!(matches!(committed.outcome, Err(Refusal::Invalid(_))), refused, "{asked:?}");
                let mut entries = journal.entries.lock().unwrap();
                entries[entry].acknowledged = true;
                entries[entry].seq = committed.durable.seq();
                entries[entry].revision = committed.durable.revision();
            }
            Err(CommitError::Storage | CommitError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
        if random.percent(20) {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets several tasks work at once.
pub(crate) fn run(ledger: &Ledger, media: &FaultMedia, journal: &Journal, random: &mut Random) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let tasks = (0..TASKS).map(|_| task(ledger.clone(), media.clone(), journal, Random(random.next())));
        futures::future::join_all(tasks).await;
    });
}

/// A record of the log.
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) revision: u64,
    pub(crate) id: String,
    pub(crate) reason: String,
}

pub(crate) fn records(ledger: &Ledger) -> Vec<Record> {
    let mut found = Vec::new();
    loop {
        let more = ledger.records(found.len() as u64 + 1, 7, 5000).unwrap();
        if more.is_empty() {
            return found;
        }
        for (seq, line) in more {
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(value["seq"], seq);
            found.push(Record {
                seq,
                revision: value["revision"].as_u64().unwrap(),
                id: value["id"].as_str().unwrap().to_owned(),
                reason: value["reason"].as_str().unwrap().to_owned(),
            });
        }
    }
}

/// Checks everything that must hold for a store that was just opened, or is at rest.
pub(crate) fn check(media: &FaultMedia, ledger: &Ledger, journal: &Journal, what: &str) {
    let records = records_checked(media, ledger, what);
    let by_id: BTreeMap<&str, Vec<&Record>> = records.iter().fold(BTreeMap::new(), |mut map, record| {
        map.entry(record.id.as_str()).or_insert_with(Vec::new).push(record);
        map
    });
    let entries = journal.entries();
    // Each command that was carried out has its revision, in the order of the records.
    let mut revision = 0;
    for record in &records {
        let entry = entries.iter().find(|entry| uuid_text(entry.id) == record.id);
        let entry = entry.unwrap_or_else(|| panic!("{what}: record {} of nobody", record.seq));
        revision += match &entry.asked {
            Asked::Read | Asked::Refused => 0,
            Asked::Write { commands, .. } => *commands,
            Asked::Delete { .. } => 1,
        };
        assert_eq!(record.revision, revision, "{what}: {entry:?}");
        let reason = if entry.asked == Asked::Refused { "bad-request" } else { "ok" };
        assert_eq!(record.reason, reason, "{what}: {entry:?}");
    }
    assert_eq!(ledger.head().revision, revision, "{what}");
    let snapshot = ledger.snapshot().unwrap();
    assert_eq!(snapshot.revision(), revision, "{what}");
    let has = |path: &str| snapshot.get(&value_key(MOUNT, path)).unwrap().is_some();
    let recorded = |id: u128| by_id.get(uuid_text(id).as_str()).map_or(0, Vec::len);
    let deleted: BTreeMap<&str, u128> = entries
        .iter()
        .filter_map(|entry| match &entry.asked {
            Asked::Delete { path } if recorded(entry.id) > 0 => Some((path.as_str(), entry.id)),
            _ => None,
        })
        .collect();
    for entry in &entries {
        let found = recorded(entry.id);
        assert!(found <= 1, "{what}: {found} records of {entry:?}");
        if entry.acknowledged {
            assert_eq!(found, 1, "{what}: acknowledged without a record: {entry:?}");
            let record = by_id[uuid_text(entry.id).as_str()][0];
            assert_eq!((record.seq, record.revision), (entry.seq, entry.revision), "{what}");
        }
        if let Asked::Write { path, commands } = &entry.asked {
            let expected = found == 1 && !deleted.contains_key(path.as_str());
            assert_eq!(has(path), expected, "{what}: record and row differ for {entry:?}");
            let sender = RowKey::new(Table::Sender, format!("sender-{}", entry.id as u64));
            let used = snapshot.get(&sender).unwrap().is_some();
            assert_eq!(used, found == 1 && *commands == 2, "{what}: the use of {entry:?}");
        }
    }
    let changes = ledger.changes(0, 100_000).unwrap();
    assert!(changes.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{what}");
    let written = entries.iter().filter(|e| matches!(e.asked, Asked::Write { .. }) && recorded(e.id) > 0);
    assert_eq!(changes.len(), written.count() + deleted.len(), "{what}: changes");
}

/// All records, gapless from 1, under the root that the head and the head file say.
fn records_checked(media: &FaultMedia, ledger: &Ledger, what: &str) -> Vec<Record> {
    let found = records(ledger);
    assert!(found.iter().zip(1..).all(|(record, seq)| record.seq == seq), "{what}: a gap");
    let head = ledger.head();
    assert_eq!((head.seq, head.size), (found.len() as u64, found.len() as u64), "{what}");
    let mut tree = Tree::default();
    for number in 1.. {
        let Some(text) = media.content(&format!("audit-{number:08}.ndjson")) else { break };
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            tree.push(leaf_hash(line));
        }
    }
    assert_eq!(tree.size(), head.size, "{what}: lines in the files");
    assert_eq!(tree.root(), head.root, "{what}: root");
    let kept: serde_json::Value = serde_json::from_slice(&media.content("audit.head").unwrap()).unwrap();
    if kept["size"] == head.size {
        let root: String = head.root.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(kept["root"], root, "{what}: head file");
    }
    found
}
