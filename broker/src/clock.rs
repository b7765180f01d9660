//! The wall clock: the only place of the broker that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use broker_core::time::Time;

/// The time now; before 1970 it is 1970.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
