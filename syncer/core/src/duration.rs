//! Durations as Go writes them: `1h30m`, `1.5s`, `0`.

use std::time::Duration;

/// Longest text read as a duration, in bytes.
const MAX_TEXT: usize = 64;

/// A text that is no duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DurationError {
    /// Not a sequence of numbers with units.
    #[error("not a duration; write it like 1h30m, with the units h, m, s, ms, us or ns")]
    Syntax,
    /// More than about 292 years, the most that Go holds.
    #[error("the duration is too long; at most 2562047h are possible")]
    TooLong,
}

/// Reads a duration in Go's syntax. A negative one becomes zero, because a zero interval means the same to its users.
///
/// # Errors
/// [`DurationError`] if the text is not of that form or does not fit 64-bit nanoseconds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.len() > MAX_TEXT {
        return Err(DurationError::Syntax);
    }
    let (negative, mut rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::Syntax);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = one(rest)?;
        total =
            total.checked_add(nanos).filter(|sum| *sum <= i64::MAX as u64).ok_or(DurationError::TooLong)?;
        rest = after;
    }
    Ok(if negative { Duration::ZERO } else { Duration::from_nanos(total) })
}

/// Reads one number with its unit: its nanoseconds, and the text behind it.
fn one(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Syntax);
    }
    let end = rest.find(|ch: char| ch == '.' || ch.is_ascii_digit()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end).ok_or(DurationError::Syntax)?;
    let unit: u64 = match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(DurationError::Syntax),
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let mut nanos = u128::from(whole) * u128::from(unit);
    let mut place: u128 = 10;
    for digit in fraction.bytes().take(18) {
        nanos += u128::from(unit) * u128::from(digit - b'0') / place;
        place *= 10;
    }
    Ok((u64::try_from(nanos).map_err(|_| DurationError::TooLong)?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|ch: char| !ch.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<u64, DurationError>) {
        assert_eq!(parse_duration(text), want.map(Duration::from_nanos), "{text:?}");
    }

    #[test]
    fn durations() {
        const S: u64 = 1_000_000_000;
        check("0", Ok(0));
        check("-0", Ok(0));
        check("0s", Ok(0));
        check("1h", Ok(3600 * S));
        check("1h0m0s", Ok(3600 * S));
        check("1h30m", Ok(5400 * S));
        check("30m1h", Ok(5400 * S));
        check("1.5s", Ok(1_500_000_000));
        check(".5s", Ok(500_000_000));
        check("1.s", Ok(S));
        check("+15s", Ok(15 * S));
        check("-15s", Ok(0));
        check("100ms", Ok(100_000_000));
        check("2us3ns", Ok(2003));
        check("2µs", Ok(2000));
        check("2μs", Ok(2000));
        check("0.123456789s", Ok(123_456_789));
        check("2562047h", Ok(2_562_047 * 3600 * S));
        for text in [
            "",
            "-",
            "1",
            "1d",
            "h",
            ".s",
            "1 h",
            "1h ",
            "1h30",
            "one",
            "1H",
            "1e3s",
            "1..5s",
            &"1s".repeat(33),
        ] {
            check(text, Err(DurationError::Syntax));
        }
        for text in ["2562048h", "99999999999999999999h", "2562047h48m", "2000000h2000000h"] {
            check(text, Err(DurationError::TooLong));
        }
    }
}
