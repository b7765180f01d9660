//! The time of the day as numbers, for what goes into objects of the API.

/// Seconds since 1970.
pub fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Microseconds since 1970.
pub fn micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
