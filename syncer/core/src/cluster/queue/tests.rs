//! The queue against a plain model of it, under any order of calls.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Add(u8, bool),
    AddAt(u8, u64),
    Take,
    Done(u8, u8),
    Forget(u8),
    Pass(u64),
}

/// What the queue should be: lists that are searched, nothing that is left over.
#[derive(Default)]
struct Model {
    fresh: Vec<u8>,
    refresh: Vec<u8>,
    later: BTreeMap<u8, (Duration, u64)>,
    running: BTreeMap<u8, (Option<Lane>, bool)>,
    asked: BTreeMap<u8, Duration>,
    failures: BTreeMap<u8, u32>,
    number: u64,
    turn: u32,
}

impl Model {
    fn push(&mut self, key: u8, lane: Lane) {
        self.later.remove(&key);
        self.fresh.retain(|it| *it != key);
        self.refresh.retain(|it| *it != key);
        if lane == Lane::Fresh { self.fresh.push(key) } else { self.refresh.push(key) }
    }

    fn add(&mut self, key: u8, lane: Lane, now: Duration) {
        self.asked.insert(key, now);
        if let Some((again, gone)) = self.running.get_mut(&key) {
            *again = Some(again.map_or(lane, |old| old.min(lane)));
            *gone = false;
        } else if !(self.fresh.contains(&key) || self.refresh.contains(&key) && lane == Lane::Refresh) {
            self.push(key, lane);
        }
    }

    fn add_at(&mut self, key: u8, at: Duration) {
        self.number += 1;
        self.asked.entry(key).or_insert(at);
        let busy =
            self.running.contains_key(&key) || self.fresh.contains(&key) || self.refresh.contains(&key);
        if !busy && self.later.get(&key).is_none_or(|(old, _)| *old > at) {
            self.later.insert(key, (at, self.number));
        }
    }

    fn promote(&mut self, now: Duration) {
        let mut due: Vec<_> = self.later.iter().filter(|(_, (at, _))| *at <= now).collect();
        due.sort_by_key(|(_, place)| **place);
        for (key, at) in due.into_iter().map(|(key, (at, _))| (*key, *at)).collect::<Vec<_>>() {
            let asked = self.asked.entry(key).or_insert(at);
            *asked = at.max(*asked);
            self.push(key, Lane::Refresh);
        }
    }

    fn take(&mut self, now: Duration) -> Option<Taken<u8>> {
        self.promote(now);
        let second = self.turn >= TURNS;
        let from_fresh = if second { self.refresh.is_empty() } else { !self.fresh.is_empty() };
        let list = if from_fresh { &mut self.fresh } else { &mut self.refresh };
        if list.is_empty() {
            return None;
        }
        let key = list.remove(0);
        self.turn = if from_fresh && !second { self.turn + 1 } else { 0 };
        self.running.insert(key, (None, false));
        let failures = self.failures.get(&key).copied().unwrap_or(0);
        Some(Taken { key, asked: self.asked.get(&key).copied().unwrap_or_default(), failures })
    }

    fn done(&mut self, key: u8, outcome: Outcome, now: Duration) {
        let Some((again, gone)) = self.running.remove(&key) else { return };
        if gone {
            return self.forget(key);
        }
        let failures = self.failures.entry(key).or_insert(0);
        let wait = match outcome {
            Outcome::Settled => None,
            Outcome::After(wait) => Some(wait),
            Outcome::Failed { random } => Some(backoff(*failures, random)),
        };
        *failures = if matches!(outcome, Outcome::Failed { .. }) { *failures + 1 } else { 0 };
        match (again, wait) {
            (Some(lane), _) => self.push(key, lane),
            (None, Some(wait)) => self.add_at(key, now + wait),
            (None, None) => {}
        }
    }

    fn forget(&mut self, key: u8) {
        self.failures.remove(&key);
        if let Some(running) = self.running.get_mut(&key) {
            *running = (None, true);
            return;
        }
        self.asked.remove(&key);
        self.later.remove(&key);
        self.fresh.retain(|it| *it != key);
        self.refresh.retain(|it| *it != key);
    }

    fn next(&mut self, now: Duration) -> Option<Duration> {
        self.promote(now);
        let later = self.later.values().map(|(at, _)| *at).min();
        if self.fresh.is_empty() && self.refresh.is_empty() { later } else { Some(now) }
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = 0_u8..6;
    let op = prop_oneof![
        4 => (key.clone(), any::<bool>()).prop_map(|(key, fresh)| Op::Add(key, fresh)),
        2 => (key.clone(), 0_u64..5000).prop_map(|(key, at)| Op::AddAt(key, at)),
        5 => Just(Op::Take),
        4 => (key.clone(), 0_u8..4).prop_map(|(key, outcome)| Op::Done(key, outcome)),
        1 => key.prop_map(Op::Forget),
        2 => (0_u64..3000).prop_map(Op::Pass),
    ];
    proptest::collection::vec(op, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn behaves_as_its_model(ops in ops()) {
        let (mut queue, mut model) = (Queue::default(), Model::default());
        let mut now = Duration::ZERO;
        for op in ops {
            match op {
                Op::Add(key, fresh) => {
                    let lane = if fresh { Lane::Fresh } else { Lane::Refresh };
                    queue.add(&key, lane, now);
                    model.add(key, lane, now);
                }
                Op::AddAt(key, at) => {
                    queue.add_at(&key, Lane::Refresh, now + Duration::from_millis(at));
                    model.add_at(key, now + Duration::from_millis(at));
                }
                Op::Take => prop_assert_eq!(queue.take(now), model.take(now)),
                Op::Done(key, outcome) => {
                    let outcome = match outcome {
                        0 => Outcome::Settled,
                        1 => Outcome::After(Duration::from_millis(700)),
                        random => Outcome::Failed { random: u64::from(random) << 62 },
                    };
                    queue.done(&key, outcome, now);
                    model.done(key, outcome, now);
                }
                Op::Forget(key) => {
                    queue.forget(&key);
                    model.forget(key);
                }
                Op::Pass(millis) => now += Duration::from_millis(millis),
            }
            prop_assert_eq!(queue.next(now), model.next(now));
            prop_assert_eq!(queue.waiting(), model.fresh.len() + model.refresh.len());
            prop_assert_eq!(queue.running(), model.running.len());
        }
    }
}

#[test]
fn waits_double_from_a_second_to_seven_minutes() {
    let waits: Vec<u64> = (0..11).map(|failures| backoff(failures, 0).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 420, 420]);
    assert_eq!(backoff(3, u64::MAX), Duration::from_millis(6001));
    assert_eq!(backoff(u32::MAX, 0), MOST);
}

#[test]
fn new_objects_overtake_a_storm_of_refreshes_and_do_not_starve_it() {
    let mut queue = Queue::default();
    for key in 0..1000_u32 {
        queue.add(&key, Lane::Refresh, Duration::ZERO);
    }
    queue.add(&5000, Lane::Fresh, Duration::ZERO);
    assert_eq!(queue.take(Duration::ZERO).map(|taken| taken.key), Some(5000));
    for key in 6000..6100_u32 {
        queue.add(&key, Lane::Fresh, Duration::ZERO);
    }
    let first: Vec<u32> = (0..34).filter_map(|_| queue.take(Duration::ZERO)).map(|taken| taken.key).collect();
    assert_eq!(first.iter().filter(|key| **key < 5000).count(), 2);
}

#[test]
fn places_that_were_left_do_not_pile_up() {
    let mut queue = Queue::default();
    for round in 0..10_000_u64 {
        queue.add_at(&"one", Lane::Refresh, Duration::from_secs(1_000_000 - round));
    }
    assert!(queue.later.len() <= 70, "{}", queue.later.len());
}
