//! Full disks and failing syncs: nothing is acknowledged or visible, and the ledger comes back by itself.

use std::time::{Duration, Instant};

use broker::store::{CommitError, Ledger};
use broker_core::kv1::value_key;
use broker_core::ledger::Submission;
use broker_core::record::Kind;

use crate::media::{Fault, FaultMedia, Random};
use crate::workload::{Asked, Journal, MOUNT, check, draft, open, run, write};

fn commit(ledger: &Ledger, work: Submission) -> Result<u64, CommitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(ledger.commit(work)).map(|committed| committed.durable.seq())
}

fn read(ledger: &Ledger, journal: &Journal) -> Result<u64, CommitError> {
    let id = journal.id();
    journal.begin(id, Asked::Read);
    commit(ledger, Submission::record(draft(id, Kind::SecretRead)))
}

/// Waits until the ledger takes records again.
fn wait_until_back(ledger: &Ledger, journal: &Journal) {
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = read(ledger, journal) {
        assert!(Instant::now() < end, "it does not come back: {error}");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!ledger.metrics().degraded);
}

fn one_fault(fault: Fault, seed: u64) {
    let what = format!("{fault:?} seed {seed}");
    let mut random = Random(seed);
    let mut media = FaultMedia::new(seed);
    let journal = Journal::default();
    let (ledger, _) = open(&media).unwrap();
    run(&ledger, &media, &journal, &mut random);
    for round in 0..3 {
        media.set_fault(fault);
        // No answer leaves without a sync that worked: the tasks of the workload look.
        run(&ledger, &media, &journal, &mut random);
        if random.percent(50) {
            let _ = ledger.checkpoint();
        }
        media.set_fault(Fault::None);
        wait_until_back(&ledger, &journal);
        run(&ledger, &media, &journal, &mut random);
        check(&media, &ledger, &journal, &format!("{what} round {round}"));
    }
    // What a failed sync dropped was written again: the power may go now.
    if random.percent(50) {
        media.set_fault(fault);
        run(&ledger, &media, &journal, &mut random);
    }
    media.cut_after(1 + random.below(20));
    run(&ledger, &media, &journal, &mut random);
    media.cut_after(0);
    drop(ledger);
    media = media.reboot(&mut random);
    let (ledger, _) = open(&media).unwrap_or_else(|error| panic!("{what}: {error}"));
    check(&media, &ledger, &journal, &what);
}

#[test]
fn a_failing_disk_costs_no_acknowledged_record() {
    let faults = [
        Fault::Sync,
        Fault::SyncOf("journal"),
        Fault::SyncOf("store.redb"),
        Fault::SyncOf("audit"),
        Fault::Write,
        Fault::Full,
    ];
    let seeds = crate::number("POWERCUT_SEEDS", 240) / 6;
    std::thread::scope(|scope| {
        for half in [&faults[..3], &faults[3..]] {
            scope.spawn(move || {
                for seed in 0..seeds {
                    half.iter().for_each(|fault| one_fault(*fault, seed));
                }
            });
        }
    });
}

/// While the journal cannot be synced nothing moves; the next records go on without a gap.
#[test]
fn what_cannot_be_synced_is_not_there() {
    for fault in [Fault::Sync, Fault::SyncOf("journal"), Fault::Write] {
        let media = FaultMedia::new(1);
        let journal = Journal::default();
        let (ledger, _) = open(&media).unwrap();
        assert_eq!(read(&ledger, &journal), Ok(1));
        let before = ledger.head();
        media.set_fault(fault);
        let id = journal.id();
        journal.begin(id, Asked::Write { path: "a".to_owned(), commands: 1 });
        let failed = commit(&ledger, Submission::write(write("a", id), draft(id, Kind::SecretWrite)));
        assert_eq!(failed, Err(CommitError::Storage), "{fault:?}");
        assert_eq!(read(&ledger, &journal), Err(CommitError::Storage), "{fault:?}");
        assert!(ledger.metrics().degraded);
        assert_eq!(ledger.head(), before);
        assert_eq!(ledger.records(1, 9, usize::MAX).unwrap().len(), 1);
        assert!(ledger.snapshot().unwrap().get(&value_key(MOUNT, "a")).unwrap().is_none());
        media.set_fault(Fault::None);
        assert_eq!(read(&ledger, &journal), Ok(2), "{fault:?}");
        check(&media, &ledger, &journal, "afterwards");
        // What failed did not come to life behind the later frame.
        drop(ledger);
        let (ledger, _) = open(&media).unwrap();
        assert!(ledger.snapshot().unwrap().get(&value_key(MOUNT, "a")).unwrap().is_none());
        check(&media, &ledger, &journal, "opened again");
    }
}

/// A full disk does not keep reads and denials from being recorded: the journal has its room already, and lines wait
/// in memory until their segment has room again.
#[test]
fn a_full_disk_keeps_recording_reads() {
    let media = FaultMedia::new(1);
    let journal = Journal::default();
    let (ledger, _) = open(&media).unwrap();
    media.set_fault(Fault::Full);
    for seq in 1..=5 {
        assert_eq!(read(&ledger, &journal), Ok(seq));
    }
    assert!(ledger.metrics().degraded, "the segment lags behind");
    assert_eq!(ledger.records(2, 9, usize::MAX).unwrap().len(), 4, "also from memory");
    assert_eq!(ledger.checkpoint(), Err(CommitError::Storage));
    media.set_fault(Fault::None);
    assert_eq!(read(&ledger, &journal), Ok(6));
    check(&media, &ledger, &journal, "with room again");
    ledger.checkpoint().unwrap();
    assert!(!ledger.metrics().degraded);
}

/// With little room left writes are turned away, and everything else goes on.
#[test]
fn little_room_turns_writes_away_only() {
    let media = FaultMedia::new(1);
    let journal = Journal::default();
    let (ledger, _) = open(&media).unwrap();
    let put = |path: &str| {
        let id = journal.id();
        journal.begin(id, Asked::Write { path: path.to_owned(), commands: 1 });
        commit(&ledger, Submission::write(write(path, id), draft(id, Kind::SecretWrite)))
    };
    assert_eq!(put("a"), Ok(1));
    media.set_room(Some(1 << 20));
    assert_eq!(put("b"), Err(CommitError::Storage));
    assert!(ledger.metrics().degraded);
    assert_eq!(read(&ledger, &journal), Ok(2));
    assert!(ledger.snapshot().unwrap().get(&value_key(MOUNT, "a")).unwrap().is_some());
    ledger.checkpoint().unwrap();
    media.set_room(None);
    assert_eq!(put("c"), Ok(3));
    assert!(!ledger.metrics().degraded);
    check(&media, &ledger, &journal, "with room again");
}
