//! Power cuts and failing disks: what the ledger acknowledged is there afterwards, with its record, and nothing twice.
//!
//! `POWERCUT_SEEDS` sets how many cuts are tried (1,000), `POWERCUT_FIRST` the first seed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod faults;
mod media;
mod workload;

use std::sync::atomic::{AtomicU64, Ordering};

use media::{FaultMedia, Random};
use workload::{Journal, check, open, run};

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Operations that a whole workload takes without a cut.
fn whole_length() -> u64 {
    let media = FaultMedia::new(1);
    let (ledger, _) = open(&media).unwrap();
    let journal = Journal::default();
    run(&ledger, &media, &journal, &mut Random(1));
    assert!(journal.entries().iter().all(|entry| entry.acknowledged), "nothing fails without a fault");
    check(&media, &ledger, &journal, "without a cut");
    ledger.close().unwrap();
    media.operations()
}

/// What the cuts hit, to see that they hit something.
#[derive(Default)]
struct Hits {
    lives: AtomicU64,
    while_working: AtomicU64,
    while_opening: AtomicU64,
    replayed: AtomicU64,
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Three lives of a store: work until the power goes, start again (where the power may go again), and look.
fn one_seed(seed: u64, length: u64, hits: &Hits) {
    let mut random = Random(seed);
    let mut media = FaultMedia::new(seed);
    let journal = Journal::default();
    for life in 0..3 {
        media.cut_after(1 + random.below(length));
        if let Ok((ledger, _)) = open(&media) {
            run(&ledger, &media, &journal, &mut random);
            count(&hits.while_working, u64::from(media.is_off()));
            // Half of the lives end with an orderly stop that the power may interrupt.
            if random.percent(50) {
                let _ = ledger.close();
            }
        }
        if !media.is_off() {
            media.cut_after(0);
        }
        media = media.reboot(&mut random);
        // The power goes again while the store is being recovered.
        while random.percent(30) {
            media.cut_after(1 + random.below(40));
            count(&hits.while_opening, u64::from(open(&media).is_err()));
            media = media.reboot(&mut random);
        }
        let (ledger, opened) =
            open(&media).unwrap_or_else(|error| panic!("seed {seed} life {life}: {error}"));
        count(&hits.lives, 1);
        count(&hits.replayed, u64::from(opened.replayed_frames > 0));
        check(&media, &ledger, &journal, &format!("seed {seed} life {life}"));
        ledger.close().unwrap();
    }
}

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let (first, seeds) = (number("POWERCUT_FIRST", 1), number("POWERCUT_SEEDS", 1000));
    let length = whole_length();
    let next = AtomicU64::new(first);
    let hits = Hits::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    one_seed(seed, length, &hits);
                }
            });
        }
    });
    let part = |counter: &AtomicU64| {
        counter.load(Ordering::Relaxed) as f64 / hits.lives.load(Ordering::Relaxed) as f64
    };
    let parts = [part(&hits.while_working), part(&hits.while_opening), part(&hits.replayed)];
    println!("of all lives, cut while working, cut while opening, and with frames replayed: {parts:.2?}");
    assert!(seeds < 100 || parts.iter().all(|part| *part > 0.1), "the cuts miss: {parts:?}");
}
