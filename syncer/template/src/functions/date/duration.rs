//! Durations as Go reads and writes them: nanoseconds in 64 bits.

/// A second in nanoseconds.
pub(super) const SECOND: i64 = 1_000_000_000;

const HOUR: u64 = 3_600_000_000_000;

/// The magnitude of the least duration, one more than that of the largest.
const LEAST: u64 = 1 << 63;

/// A decimal number; the nearest one of 64 bits if it is larger, 0 if it is none.
pub(super) fn decimal(text: &[u8]) -> i64 {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let Ok(text) = std::str::from_utf8(text) else { return 0 };
    text.parse().unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow => i64::MAX,
        NegOverflow => i64::MIN,
        _ => 0,
    })
}

/// As `1h2m3.5s`, or in the unit below a second that fits.
pub(super) fn show(nanoseconds: i64) -> String {
    let (sign, all) = (if nanoseconds < 0 { "-" } else { "" }, nanoseconds.unsigned_abs());
    match all {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{all}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(all, 1_000, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(all, 1_000_000, 6)),
        _ => {
            let (hours, minutes) = (all / HOUR, all / (HOUR / 60));
            let seconds = fraction(all % (HOUR / 60), SECOND.unsigned_abs(), 9);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{}m{seconds}s", minutes % 60),
            }
        }
    }
}

/// A count of units with the digits after the point that are needed.
fn fraction(all: u64, unit: u64, digits: usize) -> String {
    let text = format!("{}.{:0digits$}", all / unit, all % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How many of the largest unit there are, rounded down and without the sign.
pub(super) fn largest_unit(nanoseconds: i64) -> String {
    const DAY: u64 = 24 * HOUR;
    let all = nanoseconds.unsigned_abs();
    [(365 * DAY, "y"), (30 * DAY, "mo"), (DAY, "d"), (HOUR, "h"), (HOUR / 60, "m"), (HOUR / 3600, "s")]
        .into_iter()
        .find(|(unit, _)| all > *unit)
        .map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", all / unit))
}

/// Reads `-1h2.5m`; None if it is no duration or too long a one.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (part, after) = part(rest)?;
        sum = sum.checked_add(part).filter(|sum| *sum <= LEAST)?;
        rest = after;
    }
    if negative { 0_i64.checked_sub_unsigned(sum) } else { i64::try_from(sum).ok() }
}

/// One number with its unit, and what comes after.
fn part(text: &[u8]) -> Option<(u64, &[u8])> {
    let (whole, rest) = digits(text);
    let (decimals, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => (&[][..], rest),
    };
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let end = rest.iter().position(|b| *b == b'.' || b.is_ascii_digit()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end)?;
    let unit = unit(name)?;
    let whole = whole.iter().try_fold(0_u64, |number, digit| push(number, *digit))?;
    let whole = whole.checked_mul(unit).filter(|n| *n <= LEAST)?;
    Some((whole.checked_add(below_one(decimals, unit)).filter(|n| *n <= LEAST)?, rest))
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

fn push(number: u64, digit: u8) -> Option<u64> {
    number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))).filter(|n| *n <= LEAST)
}

/// What the digits after the point are worth, in Go's floating point.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go rounds so, and the result is less than an hour"
)]
fn below_one(decimals: &[u8], unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1.0_f64);
    for digit in decimals {
        let Some(next) = push(number, *digit) else { break };
        number = next;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

fn unit(name: &[u8]) -> Option<u64> {
    Some(match std::str::from_utf8(name).ok()? {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => HOUR / 3600,
        "m" => HOUR / 60,
        "h" => HOUR,
        _ => return None,
    })
}
