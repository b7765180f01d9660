//! What a ledger does, the same in memory and in a folder.

use broker_core::command::{Change, Reply};
use broker_core::kv1::{Kv1Action, Kv1Command, value_key};
use broker_core::kv2::{Existence, MountRef};
use broker_core::policy::policy_key;
use broker_core::record::Report;
use broker_core::refusal::Refusal;
use broker_core::secret::SecretJson;
use broker_core::sender::SenderCommand;
use broker_core::tree::{Tree, leaf_hash};

use super::*;

/// Runs a check over both media; the folder is opened anew whenever `reopen` is called.
fn on_both(check: fn(&dyn Fn() -> Ledger)) {
    let memory: Arc<dyn Media> = Arc::new(MemMedia::default());
    check(&|| Ledger::open(options(Arc::clone(&memory), 1)).unwrap().0);
    let folder = tempfile::tempdir().unwrap();
    check(&|| {
        let media = Arc::new(DirMedia::open(folder.path()).unwrap());
        Ledger::open(options(media, 1)).unwrap().0
    });
}

fn lines(ledger: &Ledger) -> Vec<serde_json::Value> {
    let records = ledger.records(1, usize::MAX, usize::MAX).unwrap();
    assert!(records.iter().zip(1..).all(|((seq, _), expected)| *seq == expected));
    records.iter().map(|(_, line)| serde_json::from_slice(line).unwrap()).collect()
}

fn kv1(path: &str, expect: Existence) -> Command {
    Command::Kv1(Kv1Command {
        mount: MountRef { id: "m".to_owned(), path: "secret".to_owned() },
        path: path.to_owned(),
        action: Kv1Action::Write { data: SecretJson::new("{\"a\":1}".to_owned()), expect },
    })
}

#[test]
fn writes_and_records_stay() {
    on_both(|open| {
        let ledger = open();
        assert_eq!(ledger.head().seq, 0);
        let before = ledger.snapshot().unwrap();
        let mut watch = ledger.watch();
        assert_eq!(write_policy(&ledger, "one", "first"), 1);
        assert_eq!(record(&ledger), 2);
        assert_eq!(write_policy(&ledger, "two", "second"), 2);
        assert!(watch.has_changed().unwrap());
        let head = watch.borrow_and_update().clone();
        assert_eq!((head.seq, head.revision, head.size), (3, 2, 3));
        assert!(before.get(&policy_key("one")).unwrap().is_none(), "a snapshot does not move");
        assert_eq!(before.revision(), 0);
        let check = |ledger: &Ledger| {
            let now = ledger.snapshot().unwrap();
            let row = now.get(&policy_key("one")).unwrap().unwrap();
            assert!(String::from_utf8_lossy(row.expose()).contains("first"));
            assert_eq!(now.revision(), 2);
            let root = RowKey::new(broker_core::row::Table::Policy, "");
            assert_eq!(now.children(&root, None, 9).unwrap(), ["one", "two"]);
            assert_eq!(now.children(&root, Some("one"), 9).unwrap(), ["two"]);
            assert_eq!(now.children(&root, None, 1).unwrap(), ["one"]);
            assert_eq!(ledger.head(), head);
            let found = lines(ledger);
            assert_eq!(found[2]["revision"], 2);
            assert_eq!(found[0]["log"], head.log.as_str());
            let mut tree = Tree::default();
            for (_, line) in ledger.records(1, 99, usize::MAX).unwrap() {
                tree.push(leaf_hash(&line));
            }
            assert_eq!(tree.root(), head.root);
        };
        check(&ledger);
        ledger.checkpoint().unwrap();
        check(&ledger);
        let changed = |name: &str| Change::PolicyChanged { name: name.to_owned() };
        assert_eq!(ledger.changes(0, 10).unwrap(), [(1, changed("one")), (2, changed("two"))]);
        assert_eq!(ledger.changes(1, 10).unwrap(), [(2, changed("two"))]);
        assert_eq!(ledger.changes(0, 1).unwrap().len(), 1);
        let hash = ledger.keyed_hash(HashPurpose::Token, b"x");
        ledger.close().unwrap();
        assert_eq!(
            commit(&ledger, Submission::record(draft(Kind::SysRead))).err(),
            Some(CommitError::Closed)
        );
        assert_eq!(ledger.close(), Err(CommitError::Closed));
        drop((ledger, before));
        let again = open();
        check(&again);
        assert_eq!(again.keyed_hash(HashPurpose::Token, b"x"), hash);
        assert_ne!(again.keyed_hash(HashPurpose::Audit, b"x"), hash);
        assert_eq!(record(&again), 4);
    });
}

#[test]
fn refusals_are_recorded_and_move_nothing() {
    on_both(|open| {
        let ledger = open();
        let refused = Submission::write(put_policy("root", "x"), draft(Kind::PolicyWrite));
        let outcome = commit(&ledger, refused).unwrap().outcome;
        assert!(matches!(outcome, Err(Refusal::Invalid(_))));
        // A refused use refuses the whole submission; its command is not run.
        let mut work = Submission::write(put_policy("p", "x"), draft(Kind::PolicyWrite));
        work.token_use = Some(put_policy("root", "x"));
        assert!(commit(&ledger, work).unwrap().outcome.is_err());
        // The use stays where the command is refused.
        let mut work = Submission::write(put_policy("root", "x"), draft(Kind::PolicyWrite));
        work.token_use = Some(put_policy("used", "x"));
        assert!(commit(&ledger, work).unwrap().outcome.is_err());
        let snapshot = ledger.snapshot().unwrap();
        assert!(snapshot.get(&policy_key("p")).unwrap().is_none());
        assert!(snapshot.get(&policy_key("used")).unwrap().is_some());
        let found = lines(&ledger);
        let facts: Vec<_> =
            found.iter().map(|r| (r["status"].clone(), r["reason"].clone(), r["revision"].clone())).collect();
        let bad = |revision: u64| (400.into(), "bad-request".into(), revision.into());
        assert_eq!(facts, [bad(0), bad(0), bad(1)]);
    });
}

#[test]
fn a_key_that_came_meanwhile_is_asked_for_again_and_costs_no_use() {
    on_both(|open| {
        let ledger = open();
        let work = || {
            let mut work = Submission::write(kv1("a/b", Existence::Absent), draft(Kind::SecretWrite));
            work.token_use = Some(put_policy("used", &ledger.head().seq.to_string()));
            work
        };
        assert!(commit(&ledger, work()).unwrap().outcome.is_ok());
        assert_eq!(commit(&ledger, work()).err(), Some(CommitError::Again));
        let mut without_use = work();
        without_use.token_use = None;
        assert_eq!(commit(&ledger, without_use).err(), Some(CommitError::Again));
        assert_eq!((ledger.head().seq, ledger.head().revision), (1, 2));
        let snapshot = ledger.snapshot().unwrap();
        assert!(snapshot.get(&value_key("m", "a/b")).unwrap().is_some());
        assert_eq!(snapshot.children(&value_key("m", "a"), None, 9).unwrap(), ["b"]);
        let key = RowKey::new(broker_core::row::Table::Kv1, "m");
        assert_eq!(snapshot.children(&key, None, 9).unwrap(), ["a/"]);
    });
}

#[test]
fn reports_have_their_own_records_and_gaps_one_before_them() {
    on_both(|open| {
        let ledger = open();
        let send = |first| {
            let report = |number| {
                let mut draft = draft(Kind::Delivery);
                let sender = "node-1".to_owned();
                draft.report = Some(Report { sender, number, ..Report::default() });
                draft
            };
            let command = SenderCommand { sender: "s".to_owned(), first, count: 2 };
            let mut work = Submission::write(Command::Sender(command), draft(Kind::Request));
            work.more = vec![report(first), report(first + 1)];
            commit(&ledger, work).unwrap().outcome
        };
        assert!(matches!(send(1), Ok(Reply::Gap(None))));
        assert!(matches!(send(6), Ok(Reply::Gap(Some((3, 5))))));
        assert!(send(1).is_err());
        let found = lines(&ledger);
        let kinds: Vec<_> = found.iter().map(|r| r["kind"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            ["request", "delivery", "delivery", "request", "gap", "delivery", "delivery", "request"]
        );
        assert_eq!(found[4]["report"]["missing"], serde_json::json!([3, 5]));
        assert_eq!(found[4]["report"]["sender"], "node-1");
        assert_eq!(found[5]["report"]["number"], 6);
    });
}

#[test]
fn one_group_sees_what_came_before_in_it() {
    on_both(|open| {
        let ledger = open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results = runtime.block_on(futures::future::join_all((0..40).map(|_| {
            let work = Submission::write(kv1("same", Existence::Absent), draft(Kind::SecretWrite));
            ledger.commit(work)
        })));
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|r| matches!(r, Err(CommitError::Again))).count(), 39);
        let metrics = ledger.metrics();
        assert_eq!((metrics.records, metrics.queue, metrics.degraded), (1, 0, false));
        assert!(metrics.syncs > 0 && metrics.groups <= 40);
    });
}

#[test]
fn a_full_queue_answers_at_once() {
    let mut options = options(Arc::new(MemMedia::default()), 1);
    options.queue = 1;
    let ledger = Ledger::open(options).unwrap().0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(futures::future::join_all(
        (0..2000).map(|_| ledger.commit(Submission::record(draft(Kind::SysRead)))),
    ));
    let done = results.iter().filter(|r| r.is_ok()).count() as u64;
    assert!(results.iter().all(|r| matches!(r, Ok(_) | Err(CommitError::Busy))));
    assert!(done < 2000, "some were too many");
    assert_eq!(ledger.head().seq, done);
    assert_eq!(ledger.metrics().queue, 0);
}

#[test]
fn old_changes_are_gone() {
    let mut options = options(Arc::new(MemMedia::default()), 1);
    options.sizes.changes = 5;
    let ledger = Ledger::open(options).unwrap().0;
    for n in 1..=12 {
        assert_eq!(write_policy(&ledger, &format!("p{n}"), "x"), n);
    }
    assert_eq!(ledger.changes(6, 99), Err(ChangesError::Gone { oldest: 7 }));
    let revisions: Vec<u64> = ledger.changes(7, 99).unwrap().into_iter().map(|(r, _)| r).collect();
    assert_eq!(revisions, [8, 9, 10, 11, 12]);
    assert_eq!(ledger.changes(12, 99).unwrap(), []);
    let root = RowKey::new(broker_core::row::Table::Change, "");
    assert_eq!(ledger.snapshot().unwrap().children(&root, None, 99).unwrap().len(), 5, "trimmed");
}

#[test]
fn large_groups_are_cut_into_frames_and_segments_roll() {
    on_both(|open| {
        let ledger = open();
        let text = "x".repeat(700_000);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let results = runtime.block_on(futures::future::join_all((0..20).map(|n| {
            ledger.commit(Submission::write(put_policy(&format!("p{n}"), &text), draft(Kind::PolicyWrite)))
        })));
        assert!(results.iter().all(Result::is_ok));
        for _ in 0..100 {
            record(&ledger);
        }
        assert!(ledger.metrics().checkpoints > 1, "the journal was full");
        assert_eq!(lines(&ledger).len(), 120);
        drop(ledger);
        let ledger = open();
        assert_eq!(lines(&ledger).len(), 120);
        assert_eq!(ledger.snapshot().unwrap().revision(), 20);
        assert!(ledger.metrics().term_encryptions >= 40);
    });
}
