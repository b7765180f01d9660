//! The one place that reads the clock and rolls dice.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};
use syncer_core::{Env, NoRandomness};

/// How long the templates of one object may take.
pub const TEMPLATES_TAKE: Duration = Duration::from_secs(20);

/// Counts time from one moment on, so that decisions get numbers and no clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to count.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time of the day, RFC 3339 in UTC with seconds.
pub fn time() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Milliseconds since 1970: names what one run of the program sends.
pub fn run_id() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A number that spreads waiting times; no secret depends on it.
pub fn jitter() -> u64 {
    RandomState::new().hash_one(0)
}

/// Time and randomness for the templates of one object.
#[derive(Debug)]
pub struct TemplateEnv<'a> {
    zone: &'a str,
    random: SystemRandom,
    started: Instant,
}

impl<'a> TemplateEnv<'a> {
    /// From now on, with the name of the local time zone.
    pub fn new(zone: &'a str) -> Self {
        Self { zone, random: SystemRandom::new(), started: Instant::now() }
    }
}

impl Env for TemplateEnv<'_> {
    fn now(&self) -> i128 {
        jiff::Timestamp::now().as_nanosecond()
    }

    fn local_zone(&self) -> &str {
        self.zone
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        self.random.fill(out).map_err(|_| NoRandomness)
    }

    fn expired(&self) -> bool {
        self.started.elapsed() > TEMPLATES_TAKE
    }
}
