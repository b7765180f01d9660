//! The one place that reads the clock and rolls dice.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

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
