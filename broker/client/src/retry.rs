//! When to repeat a call and how long to wait before it, pure: the random number is an argument.

use std::time::Duration;

use crate::error::{CallError, Outage};

/// Waiting times that grow: a random part of `first`, doubled with each attempt up to `most` ("full jitter").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The most to wait before the first repetition.
    pub first: Duration,
    /// The most to wait before any repetition.
    pub most: Duration,
}

impl Backoff {
    /// The wait before repetition `attempt`, counted from 0; `random` is spread evenly over all numbers.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let factor = 1_u32.checked_shl(attempt.min(31)).unwrap_or(u32::MAX);
        let ceiling = self.first.saturating_mul(factor).min(self.most);
        let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        // Half of the ceiling is certain, so that a failing server is never asked in a tight loop.
        let certain = millis / 2;
        Duration::from_millis(certain + scaled(millis - certain, random))
    }
}

/// `random` of all numbers as a part of `range`.
fn scaled(range: u64, random: u64) -> u64 {
    let part = (u128::from(range) * u128::from(random)) >> 64;
    u64::try_from(part).unwrap_or(range)
}

/// Whether the same call may well succeed later without anybody changing anything.
pub fn is_worth_repeating(error: &CallError) -> bool {
    match error {
        CallError::Sealed | CallError::RateLimited { .. } => true,
        CallError::Unavailable { outage, .. } => *outage != Outage::Tls,
        CallError::Lying { .. } => true,
        CallError::Path { .. }
        | CallError::Denied { .. }
        | CallError::NotFound
        | CallError::Redirect { .. }
        | CallError::Refused { .. }
        | CallError::TooLarge { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_are_spread() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(5) };
        let rows = [
            (0, 0, 50),
            (0, u64::MAX, 99),
            (1, u64::MAX / 2, 149),
            (3, 0, 400),
            (6, u64::MAX, 4999),
            (31, 0, 2500),
            (u32::MAX, u64::MAX, 4999),
        ];
        for (attempt, random, wanted) in rows {
            assert_eq!(
                backoff.delay(attempt, random),
                Duration::from_millis(wanted),
                "attempt {attempt} with {random}"
            );
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        let unavailable = |outage| CallError::Unavailable { outage, what: String::new() };
        let rows = [
            (CallError::Sealed, true),
            (CallError::RateLimited { retry_after: Some(1) }, true),
            (unavailable(Outage::Connect), true),
            (unavailable(Outage::Timeout), true),
            (unavailable(Outage::Status(502)), true),
            (unavailable(Outage::Tls), false),
            (CallError::Lying { status: 200, what: "" }, true),
            (CallError::Denied { errors: Vec::new() }, false),
            (CallError::NotFound, false),
            (CallError::Refused { status: 400, errors: Vec::new() }, false),
            (CallError::Redirect { status: 307, to: String::new() }, false),
            (CallError::TooLarge { limit: 1 }, false),
        ];
        for (error, wanted) in rows {
            assert_eq!(is_worth_repeating(&error), wanted, "{error:?}");
        }
    }
}
