//! A work queue by key: each key once, one run at a time, new objects before refreshes; time and chance are arguments.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

/// The wait after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const MOST: Duration = Duration::from_secs(420);
/// After so many of the first lane one of the second is taken, so that neither starves.
const TURNS: u32 = 16;

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// New and changed objects, drift, changes at the provider.
    Fresh,
    /// Refreshes and repetitions.
    Refresh,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more to do until something happens.
    Settled,
    /// Run again after this time.
    After(Duration),
    /// Failed: run again after a wait that grows. `random` spreads the waits.
    Failed {
        /// Any number, spread evenly.
        random: u64,
    },
}

/// A key whose run has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken<K> {
    /// The key.
    pub key: K,
    /// The last time something asked for this run: whatever was read after it is new enough.
    pub asked: Duration,
    /// Failures since the last success.
    pub failures: u32,
}

#[derive(Debug)]
struct Item {
    /// In a lane: which, and the number of its place there.
    waiting: Option<(Lane, u64)>,
    /// Later: when, and the number of its place in the heap.
    later: Option<(Duration, u64)>,
    later_lane: Lane,
    running: bool,
    /// Asked for again while running.
    again: Option<Lane>,
    /// Forgotten while running.
    gone: bool,
    asked: Duration,
    failures: u32,
}

/// The queue.
#[derive(Debug)]
pub struct Queue<K> {
    items: BTreeMap<K, Item>,
    fresh: VecDeque<(K, u64)>,
    refresh: VecDeque<(K, u64)>,
    later: BinaryHeap<Reverse<(Duration, u64, K)>>,
    waiting: usize,
    running: usize,
    number: u64,
    turn: u32,
}

/// The wait before the repetition after `failures` earlier failures: 1 s, 2 s, 4 s to 7 min, less up to a quarter.
pub fn backoff(failures: u32, random: u64) -> Duration {
    let factor = 1_u32.checked_shl(failures.min(31)).unwrap_or(u32::MAX);
    let whole = FIRST.saturating_mul(factor).min(MOST);
    let quarter = u64::try_from(whole.as_millis() / 4).unwrap_or(u64::MAX);
    let part = (u128::from(quarter) * u128::from(random)) >> 64;
    whole - Duration::from_millis(u64::try_from(part).unwrap_or(quarter))
}

impl<K: Ord + Clone> Default for Queue<K> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            fresh: VecDeque::new(),
            refresh: VecDeque::new(),
            later: BinaryHeap::new(),
            waiting: 0,
            running: 0,
            number: 0,
            turn: 0,
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// Asks for a run as soon as possible.
    pub fn add(&mut self, key: &K, lane: Lane, now: Duration) {
        let item = self.item(key, now);
        item.asked = now;
        item.gone = false;
        if item.running {
            item.again = Some(item.again.map_or(lane, |old| old.min(lane)));
            return;
        }
        match item.waiting {
            Some((old, _)) if old <= lane => {}
            _ => self.push(key, lane),
        }
    }

    /// Asks for a run at a time. Without effect while the key runs or waits for a run that is earlier.
    pub fn add_at(&mut self, key: &K, lane: Lane, at: Duration) {
        self.number += 1;
        let number = self.number;
        let item = self.item(key, at);
        let earlier = item.later.is_some_and(|(old, _)| old <= at);
        if item.running || item.waiting.is_some() || earlier {
            return;
        }
        (item.later, item.later_lane) = (Some((at, number)), lane);
        self.later.push(Reverse((at, number, key.clone())));
        self.sweep();
    }

    /// Begins the run that is next, if one is due.
    pub fn take(&mut self, now: Duration) -> Option<Taken<K>> {
        self.promote(now);
        let second = self.turn >= TURNS;
        let key = match second {
            false => self.pop(Lane::Fresh).or_else(|| self.pop(Lane::Refresh)),
            true => self.pop(Lane::Refresh).or_else(|| self.pop(Lane::Fresh)),
        }?;
        let item = self.items.get_mut(&key)?;
        let lane = item.waiting.take().map(|(lane, _)| lane);
        item.running = true;
        self.turn = if lane == Some(Lane::Fresh) && !second { self.turn + 1 } else { 0 };
        self.waiting -= 1;
        self.running += 1;
        Some(Taken { asked: item.asked, failures: item.failures, key })
    }

    /// Ends a run.
    pub fn done(&mut self, key: &K, outcome: Outcome, now: Duration) {
        let Some(item) = self.items.get_mut(key).filter(|item| item.running) else { return };
        item.running = false;
        self.running -= 1;
        if item.gone {
            self.items.remove(key);
            return;
        }
        let wait = match outcome {
            Outcome::Settled => None,
            Outcome::After(wait) => Some(wait),
            Outcome::Failed { random } => Some(backoff(item.failures, random)),
        };
        item.failures =
            if matches!(outcome, Outcome::Failed { .. }) { item.failures.saturating_add(1) } else { 0 };
        match (item.again.take(), wait) {
            (Some(lane), _) => self.push(key, lane),
            (None, Some(wait)) => self.add_at(key, Lane::Refresh, now.saturating_add(wait)),
            (None, None) => {}
        }
    }

    /// Forgets a key; a run that has begun goes on.
    pub fn forget(&mut self, key: &K) {
        let Some(item) = self.items.get_mut(key) else { return };
        if item.running {
            (item.gone, item.again, item.failures) = (true, None, 0);
            return;
        }
        if item.waiting.is_some() {
            self.waiting -= 1;
        }
        self.items.remove(key);
    }

    /// When the next run is due; `None` if nothing is planned.
    pub fn next(&mut self, now: Duration) -> Option<Duration> {
        self.promote(now);
        if self.waiting > 0 {
            return Some(now);
        }
        self.later.peek().map(|Reverse((at, ..))| *at)
    }

    /// Keys that are due and wait for a run.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Runs that have begun.
    pub fn running(&self) -> usize {
        self.running
    }

    fn item(&mut self, key: &K, asked: Duration) -> &mut Item {
        self.items.entry(key.clone()).or_insert(Item {
            waiting: None,
            later: None,
            later_lane: Lane::Refresh,
            running: false,
            again: None,
            gone: false,
            asked,
            failures: 0,
        })
    }

    fn push(&mut self, key: &K, lane: Lane) {
        self.number += 1;
        let place = (key.clone(), self.number);
        match lane {
            Lane::Fresh => self.fresh.push_back(place),
            Lane::Refresh => self.refresh.push_back(place),
        }
        if let Some(item) = self.items.get_mut(key) {
            item.later = None;
            if item.waiting.replace((lane, self.number)).is_none() {
                self.waiting += 1;
            }
        }
    }

    /// The first key of a lane; places that were left are dropped.
    fn pop(&mut self, lane: Lane) -> Option<K> {
        loop {
            let (key, number) = match lane {
                Lane::Fresh => self.fresh.pop_front()?,
                Lane::Refresh => self.refresh.pop_front()?,
            };
            if self.items.get(&key).is_some_and(|item| item.waiting == Some((lane, number))) {
                return Some(key);
            }
        }
    }

    /// Moves what is due by now into its lane, and drops places in the heap that were left.
    fn promote(&mut self, now: Duration) {
        while let Some(Reverse((at, number, key))) = self.later.peek() {
            let lane = self
                .items
                .get(key)
                .filter(|item| item.later == Some((*at, *number)))
                .map(|item| item.later_lane);
            if lane.is_some() && *at > now {
                return;
            }
            let Some(Reverse((at, _, key))) = self.later.pop() else { return };
            if let Some(lane) = lane {
                if let Some(item) = self.items.get_mut(&key) {
                    item.asked = item.asked.max(at);
                }
                self.push(&key, lane);
            }
        }
    }

    /// Keeps the heap from growing with places that were left.
    fn sweep(&mut self) {
        if self.later.len() > 2 * self.items.len() + 64 {
            let items = &self.items;
            self.later.retain(|Reverse((at, number, key))| {
                items.get(key).is_some_and(|item| item.later == Some((*at, *number)))
            });
        }
    }
}

#[cfg(test)]
mod tests;
