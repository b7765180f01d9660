//! When each object is served: pure, time is a number since the start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use syncer_core::RefreshPolicy;

/// How long after a change an object is served, so that a burst of changes is one read.
pub const COALESCE: Duration = Duration::from_millis(20);

/// How the syncer hears of changes on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server tells.
    Told,
    /// It does not: `refreshInterval` counts.
    Polled,
}

/// What an object is, as far as its times go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its policy.
    pub refresh: RefreshPolicy,
    /// Number of the session that reads it; `None` if it reads nothing.
    pub line: Option<u64>,
    /// What it reads, as `MOUNT/PATH`.
    pub keys: BTreeSet<String>,
    /// Whether it was served before this run, as far as policies that serve once are concerned.
    pub served: bool,
}

#[derive(Debug)]
struct Item {
    subject: Subject,
    /// Running; whether to run again after that.
    running: Option<bool>,
    /// Asked for explicitly: a change, a retry, a list.
    asked: Option<Duration>,
    /// The last success.
    last: Option<Duration>,
    failures: u32,
}

/// All objects and when they are due.
#[derive(Debug)]
pub struct Schedule {
    items: BTreeMap<String, Item>,
    modes: BTreeMap<u64, Mode>,
    /// Time between two reads of an object whose server tells of changes, if `refreshInterval` is not longer.
    interval: Duration,
}

impl Item {
    /// Whether a change at the provider matters to it.
    fn follows(&self) -> bool {
        match self.subject.refresh {
            RefreshPolicy::Periodic { interval } => !interval.is_zero() || !self.is_served(),
            RefreshPolicy::OnChange | RefreshPolicy::CreatedOnce => !self.is_served(),
        }
    }

    fn is_served(&self) -> bool {
        self.last.is_some() || self.subject.served
    }

    fn ask(&mut self, at: Duration) {
        match &mut self.running {
            Some(again) => *again = true,
            None => self.asked = Some(self.asked.map_or(at, |old| old.min(at))),
        }
    }

    fn due(&self, mode: Option<Mode>, floor: Duration) -> Option<Duration> {
        if self.running.is_some() {
            return None;
        }
        let RefreshPolicy::Periodic { interval } = self.subject.refresh else { return self.asked };
        let period = if mode == Some(Mode::Told) { interval.max(floor) } else { interval };
        let regular = self.last.filter(|_| !interval.is_zero()).map(|last| last.saturating_add(period));
        match (self.asked, regular) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

impl Schedule {
    /// No objects yet.
    pub fn new(interval: Duration) -> Self {
        Self { items: BTreeMap::new(), modes: BTreeMap::new(), interval }
    }

    /// Adds an object, or says that its manifest changed. It is served at once if its session was heard of, else when
    /// it is; policies that serve once do not serve again.
    pub fn put(&mut self, name: &str, subject: Subject, now: Duration) {
        let heard = subject.line.is_none_or(|line| self.modes.contains_key(&line));
        let fresh = || Item { subject: subject.clone(), running: None, asked: None, last: None, failures: 0 };
        let item = self.items.entry(name.to_owned()).or_insert_with(fresh);
        item.subject = subject;
        let once = match item.subject.refresh {
            RefreshPolicy::CreatedOnce => true,
            RefreshPolicy::Periodic { interval } => interval.is_zero(),
            RefreshPolicy::OnChange => false,
        };
        if heard && !(once && item.is_served()) {
            item.ask(now);
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, name: &str) {
        self.items.remove(name);
    }

    /// A session was heard of: how it hears of changes, and whether all that it reads must be read again.
    pub fn hear(&mut self, line: u64, mode: Mode, list: bool, now: Duration) {
        let first = self.modes.insert(line, mode).is_none();
        for item in self.items.values_mut().filter(|item| item.subject.line == Some(line)) {
            let wanted = match item.subject.refresh {
                RefreshPolicy::OnChange if first && item.last.is_none() => true,
                _ => item.follows(),
            };
            let failed = item.failures > 0 && mode == Mode::Told;
            if wanted && (first || list || failed) {
                item.ask(now);
            }
        }
    }

    /// Forgets a session.
    pub fn forget(&mut self, line: u64) {
        self.modes.remove(&line);
    }

    /// A key changed: who reads it is served soon.
    pub fn change(&mut self, line: u64, changed: impl Fn(&str) -> bool, now: Duration) {
        let at = now.saturating_add(COALESCE);
        for item in self.items.values_mut().filter(|item| item.subject.line == Some(line)) {
            if item.follows() && item.subject.keys.iter().any(|key| changed(key)) {
                item.ask(at);
            }
        }
    }

    /// Whoever failed is served soon: something changed that may have been the reason.
    pub fn retry(&mut self, line: u64, now: Duration) {
        let at = now.saturating_add(COALESCE);
        let failed = |item: &&mut Item| item.subject.line == Some(line) && item.failures > 0;
        self.items.values_mut().filter(failed).for_each(|item| item.ask(at));
    }

    /// The objects that are due, which run from now on.
    pub fn take_due(&mut self, now: Duration) -> Vec<String> {
        let mut taken = Vec::new();
        for (name, item) in &mut self.items {
            let mode = item.subject.line.and_then(|line| self.modes.get(&line).copied());
            if item.due(mode, self.interval).is_some_and(|due| due <= now) {
                item.running = Some(false);
                item.asked = None;
                taken.push(name.clone());
            }
        }
        taken
    }

    /// An object was served. After a failure it is served again after `wait`, which gets the number of failures so far.
    pub fn done(&mut self, name: &str, success: bool, now: Duration, wait: impl Fn(u32) -> Duration) {
        let Some(item) = self.items.get_mut(name) else { return };
        let again = item.running.take().unwrap_or(false);
        if success {
            item.last = Some(now);
            item.failures = 0;
        } else {
            item.ask(now.saturating_add(wait(item.failures)));
            item.failures = item.failures.saturating_add(1);
        }
        if again {
            item.ask(now);
        }
    }

    /// When the next object is due.
    pub fn next(&self) -> Option<Duration> {
        let mode = |item: &Item| item.subject.line.and_then(|line| self.modes.get(&line).copied());
        self.items.values().filter_map(|item| item.due(mode(item), self.interval)).min()
    }

    /// Whether any object runs.
    pub fn is_running(&self) -> bool {
        self.items.values().any(|item| item.running.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a time in milliseconds.
    enum Step {
        Put(&'static str, RefreshPolicy, bool),
        Hear(Mode, bool),
        Change(&'static str),
        Retry,
        Done(&'static str, bool),
        Remove(&'static str),
        /// What is due.
        Due(&'static [&'static str]),
        /// When the next is due, in milliseconds.
        Next(Option<u64>),
    }
    use Step::{Change, Done, Due, Hear, Next, Put, Remove, Retry};

    const HOURLY: RefreshPolicy = RefreshPolicy::Periodic { interval: Duration::from_secs(3600) };
    const SECOND: RefreshPolicy = RefreshPolicy::Periodic { interval: Duration::from_secs(1) };
    const ZERO: RefreshPolicy = RefreshPolicy::Periodic { interval: Duration::ZERO };

    fn check(steps: &[(u64, Step)]) {
        let mut schedule = Schedule::new(Duration::from_secs(60));
        for (at, (millis, step)) in steps.iter().enumerate() {
            let now = Duration::from_millis(*millis);
            match step {
                Put(name, refresh, served) => {
                    let keys = BTreeSet::from([format!("secret/{name}")]);
                    schedule.put(
                        name,
                        Subject { refresh: *refresh, line: Some(1), keys, served: *served },
                        now,
                    );
                }
                Hear(mode, list) => schedule.hear(1, *mode, *list, now),
                Change(key) => schedule.change(1, |k| k == *key, now),
                Retry => schedule.retry(1, now),
                Done(name, success) => {
                    schedule.done(name, *success, now, |n| Duration::from_millis(100 << n));
                }
                Remove(name) => schedule.remove(name),
                Due(wanted) => assert_eq!(schedule.take_due(now), *wanted, "step {at}"),
                Next(wanted) => assert_eq!(schedule.next(), wanted.map(Duration::from_millis), "step {at}"),
            }
        }
    }

    #[test]
    fn nothing_is_served_before_its_server_was_heard_of() {
        check(&[
            (0, Put("a", HOURLY, false)),
            (0, Due(&[])),
            (0, Next(None)),
            (5, Hear(Mode::Told, true)),
            (5, Due(&["a"])),
            (5, Due(&[])),
            (6, Done("a", true)),
            (6, Next(Some(3_600_006))),
            // A second object of the same session need not wait.
            (7, Put("b", HOURLY, false)),
            (7, Due(&["b"])),
        ]);
    }

    #[test]
    fn a_burst_of_changes_is_one_read() {
        check(&[
            (0, Hear(Mode::Told, true)),
            (0, Put("a", HOURLY, false)),
            (0, Put("b", HOURLY, false)),
            (0, Due(&["a", "b"])),
            (1, Done("a", true)),
            (1, Done("b", true)),
            (10, Change("secret/a")),
            (15, Change("secret/a")),
            (29, Due(&[])),
            (30, Due(&["a"])),
            // A change while it runs is read after it.
            (31, Change("secret/a")),
            (31, Due(&[])),
            (40, Done("a", true)),
            (40, Due(&["a"])),
            (41, Done("a", true)),
            (50, Change("secret/unread")),
            (90, Due(&[])),
        ]);
    }

    #[test]
    fn the_interval_counts_where_the_server_does_not_tell() {
        check(&[
            (0, Hear(Mode::Polled, false)),
            (0, Put("a", SECOND, false)),
            (0, Due(&["a"])),
            (10, Done("a", true)),
            (10, Next(Some(1010))),
            (1010, Due(&["a"])),
            (1020, Done("a", true)),
            (1100, Hear(Mode::Told, true)),
            (1100, Due(&["a"])),
            (1100, Done("a", true)),
            (1100, Next(Some(61_100))),
            // The same stream again, without a gap.
            (1200, Hear(Mode::Told, false)),
            (1200, Due(&[])),
            (1300, Hear(Mode::Polled, false)),
            (1300, Next(Some(2100))),
        ]);
    }

    #[test]
    fn failures_are_repeated_later_and_later_until_something_changes() {
        check(&[
            (0, Hear(Mode::Told, true)),
            (0, Put("a", HOURLY, false)),
            (0, Due(&["a"])),
            (0, Done("a", false)),
            (0, Next(Some(100))),
            (100, Due(&["a"])),
            (100, Done("a", false)),
            (100, Next(Some(300))),
            (110, Retry),
            (130, Due(&["a"])),
            (130, Done("a", true)),
            (130, Next(Some(3_600_130))),
            (140, Retry),
            (200, Due(&[])),
        ]);
    }

    #[test]
    fn a_server_that_is_back_serves_what_failed() {
        check(&[
            (0, Hear(Mode::Polled, false)),
            (0, Put("a", HOURLY, false)),
            (0, Put("b", HOURLY, false)),
            (0, Due(&["a", "b"])),
            (0, Done("a", true)),
            (0, Done("b", false)),
            (50, Hear(Mode::Told, false)),
            (50, Due(&["b"])),
        ]);
    }

    #[test]
    fn policies_that_serve_once_do_so() {
        for policy in [ZERO, RefreshPolicy::CreatedOnce] {
            check(&[
                (0, Hear(Mode::Told, true)),
                (0, Put("a", policy, false)),
                (0, Due(&["a"])),
                (0, Done("a", false)),
                (100, Due(&["a"])),
                (100, Done("a", true)),
                (100, Next(None)),
                (200, Change("secret/a")),
                (200, Hear(Mode::Told, true)),
                (200, Put("a", policy, false)),
                (300, Next(None)),
                // Served in a run before this.
                (300, Put("b", policy, true)),
                (300, Next(None)),
            ]);
        }
    }

    #[test]
    fn on_change_means_the_manifest() {
        check(&[
            (0, Put("a", RefreshPolicy::OnChange, false)),
            (1, Hear(Mode::Told, true)),
            (1, Due(&["a"])),
            (2, Done("a", true)),
            (3, Change("secret/a")),
            (100, Due(&[])),
            (200, Put("a", RefreshPolicy::OnChange, true)),
            (200, Due(&["a"])),
        ]);
    }

    #[test]
    fn what_is_removed_is_gone_even_while_it_runs() {
        check(&[
            (0, Hear(Mode::Told, true)),
            (0, Put("a", HOURLY, false)),
            (0, Due(&["a"])),
            (1, Remove("a")),
            (2, Done("a", true)),
            (2, Next(None)),
            (3, Change("secret/a")),
            (9, Next(None)),
        ]);
    }

    /// What is known of an object without looking into the schedule.
    #[derive(Clone, Copy, Default)]
    struct Model {
        running: bool,
        /// A change since it was last started, at this time.
        changed: Option<Duration>,
        /// It failed last time, and is repeated at this time.
        retry: Option<Duration>,
    }

    proptest::proptest! {
        /// No change is lost, nothing runs twice at a time, and nothing runs without a reason.
        #[test]
        fn every_change_is_read_after_it(steps in proptest::collection::vec((0_u8..5, 0_usize..3, 1_u64..60), 1..200)) {
            let names = ["a", "b", "c"];
            let mut schedule = Schedule::new(Duration::from_secs(3600));
            let mut now = Duration::ZERO;
            schedule.hear(1, Mode::Told, true, now);
            let mut models = [Model { changed: Some(now), ..Model::default() }; 3];
            for name in names {
                let keys = BTreeSet::from([name.to_owned()]);
                schedule.put(name, Subject { refresh: HOURLY, line: Some(1), keys, served: false }, now);
            }
            for (step, at, millis) in steps {
                now += Duration::from_millis(millis);
                let (name, model) = (names[at], &mut models[at]);
                match step {
                    0 => {
                        schedule.change(1, |key| key == name, now);
                        model.changed = model.changed.or(Some(now));
                    }
                    1 | 2 if model.running => {
                        let success = step == 1;
                        schedule.done(name, success, now, |_| Duration::from_millis(100));
                        model.running = false;
                        model.retry = (!success).then(|| now + Duration::from_millis(100));
                    }
                    _ => {
                        let taken = schedule.take_due(now);
                        for (name, model) in names.iter().zip(&mut models) {
                            let is_taken = taken.iter().any(|t| t == name);
                            let ripe = model.changed.is_some_and(|at| at + COALESCE <= now);
                            let retry = model.retry.is_some_and(|at| at <= now);
                            proptest::prop_assert!(!(is_taken && model.running), "{} runs twice", name);
                            if !model.running {
                                proptest::prop_assert!(is_taken || !(ripe || retry), "{} is not served", name);
                                let reason = model.changed.is_some() || retry;
                                proptest::prop_assert!(!is_taken || reason, "{} is served for nothing", name);
                            }
                            if is_taken {
                                *model = Model { running: true, ..Model::default() };
                            }
                        }
                    }
                }
            }
        }
    }
}
