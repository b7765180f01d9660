//! When to read a secret again, and how long to wait after a failure: a clock without a clock.

/// Milliseconds on a clock that only goes forward; where it begins does not matter.
pub type Millis = u64;

/// The shortest time between two reads; what changes meanwhile is read once.
pub const MIN_GAP: Millis = 20;
/// Time between two reads while changes are told: for what a broker might not tell.
const WHILE_TOLD: Millis = 600_000;
/// The first wait after a failure; it doubles from failure to failure.
const FIRST_WAIT: Millis = 500;
/// The longest wait after a failure.
const LONGEST_WAIT: Millis = 30_000;

/// Why a read or a renewal failed.
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

/// Time until a secret is read again when nothing happens: after `failures` in a row, with changes told or not. `interval` is
/// the time between two reads while they are not; `random` is any number and spreads what begins together.
pub fn next_read(interval: Millis, told: bool, failures: u32, random: u32) -> Millis {
    match (failures.checked_sub(1), told) {
        (Some(before), _) => backoff(before, random),
        (None, true) => WHILE_TOLD,
        // A tenth more or less.
        (None, false) => {
            let tenth = interval / 10;
            interval.saturating_sub(tenth).saturating_add(part(tenth.saturating_mul(2), random))
        }
    }
}

/// How long to wait after this many failures before: doubling, between half and the whole of it by chance.
pub fn backoff(failures: u32, random: u32) -> Millis {
    let doubled = FIRST_WAIT.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX));
    let whole = doubled.min(LONGEST_WAIT);
    let half = whole / 2;
    half + part(whole - half, random)
}

/// A random part of a time; `random` is any number.
pub fn part(whole: Millis, random: u32) -> Millis {
    let part = (u128::from(whole) * u128::from(random)) >> 32;
    u64::try_from(part).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_read_follows_what_is_known() {
        for (interval, told, failures, random, expected) in [
            (60_000, false, 0, 0, 54_000),
            (60_000, false, 0, u32::MAX, 65_999),
            (60_000, true, 0, 7, 600_000),
            (60_000, true, 1, 0, 250),
            (60_000, false, 1, u32::MAX, 499),
            (60_000, false, 3, 0, 1_000),
            (60_000, false, 40, 0, 15_000),
            (u64::MAX, false, 0, u32::MAX, u64::MAX),
        ] {
            let given = next_read(interval, told, failures, random);
            assert_eq!(given, expected, "{interval} {told} {failures} {random}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn waits_grow_and_stay_within_their_bounds(failures in any::<u32>(), random in any::<u32>()) {
            let wait = backoff(failures, random);
            prop_assert!((FIRST_WAIT / 2..=LONGEST_WAIT).contains(&wait));
            prop_assert!(backoff(failures.saturating_add(1), random) >= wait);
        }

        #[test]
        fn a_part_is_no_more_than_the_whole(whole in any::<u64>(), random in any::<u32>()) {
            prop_assert!(part(whole, random) <= whole);
        }
    }
}
