//! The only reader of the clock and of chance.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use csi_mount_core::refresh::Millis;

/// Milliseconds since the first call in this process; they only go forward.
pub fn now() -> Millis {
    static START: OnceLock<Instant> = OnceLock::new();
    millis(START.get_or_init(Instant::now).elapsed())
}

/// The time until `until` as [`now`] counts; zero for the past.
pub fn remaining(until: Millis) -> Duration {
    Duration::from_millis(until.saturating_sub(now()))
}

/// Milliseconds since 1970.
pub fn unix_millis() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A number by chance, for spreading waits; not for secrets.
pub fn jitter() -> u32 {
    // The seeds of the standard library's hash maps.
    let number = RandomState::new().build_hasher().finish();
    u32::try_from(number >> 32).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
