//! When to fetch, renew, wait or give up: a clock without a clock, told what happened and asked what is next.

/// Milliseconds on a clock that only goes forward; where it begins does not matter.
pub type Millis = u64;

#[cfg(test)]
mod tests;

/// The shortest time between two fetches; what changes meanwhile is fetched once.
pub const MIN_GAP: Millis = 20;
/// The shortest time until a token is renewed.
const MIN_RENEWAL: Millis = 1_000;

/// How to go about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Time between two fetches when no change is reported.
    pub interval: Millis,
    /// The first wait after a failure; it doubles from failure to failure.
    pub first_wait: Millis,
    /// The longest wait after a failure.
    pub longest_wait: Millis,
    /// How long the first fetch may fail because the server is away.
    pub patience: Millis,
}

impl Default for Policy {
    /// Every minute; waits from half a second to half a minute; half a minute of patience.
    fn default() -> Self {
        Self { interval: 60_000, first_wait: 500, longest_wait: 30_000, patience: 30_000 }
    }
}

/// Why a fetch or a renewal failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server says that this token may not, or is none.
    Denied,
    /// The server says that there is no such secret.
    Absent,
    /// No answer, or one that is no statement about the secret.
    Away,
    /// An answer that cannot be shown as files.
    Unusable,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Time it has left; 0 for one that does not end.
    pub ttl: Millis,
    /// Whether it can be renewed.
    pub renewable: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the secret.
    Fetch,
    /// Renew the token.
    Renew,
    /// Nothing before this time, unless a change is reported.
    Wait(Millis),
    /// Nothing will come of it: the secret was never there to be shown.
    GiveUp(Failure),
}

/// What has happened so far.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    policy: Policy,
    started: Millis,
    fetched: bool,
    fetch_at: Millis,
    fetch_failures: u32,
    last_failure: Option<Failure>,
    last_attempt: Option<Millis>,
    renew_at: Option<Millis>,
    renew_failures: u32,
}

impl Refresh {
    /// Begins: the first thing to do is a fetch.
    pub const fn new(policy: Policy, now: Millis) -> Self {
        Self {
            policy,
            started: now,
            fetched: false,
            fetch_at: now,
            fetch_failures: 0,
            last_failure: None,
            last_attempt: None,
            renew_at: None,
            renew_failures: 0,
        }
    }

    /// What to do now.
    pub fn next(&self, now: Millis) -> Action {
        if let (false, Some(failure)) = (self.fetched, self.last_failure) {
            let patient = now < self.started.saturating_add(self.policy.patience);
            if failure != Failure::Away || !patient {
                return Action::GiveUp(failure);
            }
        }
        let gap = self.last_attempt.map_or(0, |at| at.saturating_add(MIN_GAP));
        let fetch_at = self.fetch_at.max(gap);
        match self.renew_at {
            Some(at) if at <= now => Action::Renew,
            _ if fetch_at <= now => Action::Fetch,
            renew_at => Action::Wait(renew_at.map_or(fetch_at, |at| at.min(fetch_at))),
        }
    }

    /// The secret was read.
    pub fn fetched(&mut self, now: Millis) {
        self.fetched = true;
        self.fetch_failures = 0;
        self.last_failure = None;
        self.last_attempt = Some(now);
        self.fetch_at = now.saturating_add(self.policy.interval);
    }

    /// The secret could not be read. `random` is any number; it spreads the waits of many mounts.
    pub fn fetch_failed(&mut self, now: Millis, failure: Failure, random: u32) {
        self.last_failure = Some(failure);
        self.last_attempt = Some(now);
        self.fetch_at = now.saturating_add(backoff(&self.policy, self.fetch_failures, random));
        self.fetch_failures = self.fetch_failures.saturating_add(1);
    }

    /// The server reports a change, or that something may have been missed.
    pub fn changed(&mut self, now: Millis) {
        self.fetch_at = now;
    }

    /// The token's life is known, at the start or after a renewal. It is renewed when two thirds of it are over.
    pub fn leased(&mut self, now: Millis, lease: Lease) {
        self.renew_failures = 0;
        let wait = (lease.ttl / 3).saturating_mul(2).max(MIN_RENEWAL);
        self.renew_at = (lease.renewable && lease.ttl > 0).then(|| now.saturating_add(wait));
    }

    /// The token could not be renewed. A token that is refused is not renewed any more; the next fetch tells what it is worth.
    pub fn renew_failed(&mut self, now: Millis, failure: Failure, random: u32) {
        if failure == Failure::Away {
            self.renew_at = Some(now.saturating_add(backoff(&self.policy, self.renew_failures, random)));
            self.renew_failures = self.renew_failures.saturating_add(1);
        } else {
            self.renew_at = None;
            self.fetch_at = self.fetch_at.min(now);
        }
    }
}

/// How long to wait after this many failures before: doubling, between half and the whole of it by chance.
pub fn backoff(policy: &Policy, failures: u32, random: u32) -> Millis {
    let doubled = policy.first_wait.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX));
    let whole = doubled.min(policy.longest_wait).min(u64::from(u32::MAX));
    let half = whole / 2;
    half + ((whole - half).saturating_mul(u64::from(random)) >> 32)
}
