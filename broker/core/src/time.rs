//! Points in time as the core sees them: nanoseconds since 1970, always an argument.

use jiff::Timestamp;

/// A point in time, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    /// From whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// This time and so many seconds; stops at the end of the range.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// RFC 3339 in UTC with nanoseconds, as Vault prints times.
    pub fn rfc3339(self) -> String {
        Timestamp::from_nanosecond(i128::from(self.0)).map(|t| format!("{t:.9}")).unwrap_or_default()
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let t: Timestamp = text.parse().ok()?;
        i64::try_from(t.as_nanosecond()).ok().map(Self)
    }
}
