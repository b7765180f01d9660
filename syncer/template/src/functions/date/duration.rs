//! Lengths of time in nanoseconds: read, rounded, written as `1h2m3.5s`.

use std::fmt;

const HOUR: u64 = 3_600_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// One more than the largest duration.
const LIMIT: u64 = 1 << 63;

/// A duration that `Display` writes as Go does.
pub(super) struct ElapsedTime(pub(super) i64);

impl fmt::Display for ElapsedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        f.write_str(if self.0 < 0 { "-" } else { "" })?;
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", Decimal(nanos, 1_000)),
            1_000_000..SECOND => write!(f, "{}ms", Decimal(nanos, 1_000_000)),
            _ => {
                let minutes = nanos / SECOND / 60;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", Decimal(nanos % (60 * SECOND), SECOND))
            }
        }
    }
}

/// A quotient by a power of ten without final zeros.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / self.1)?;
        if self.0.is_multiple_of(self.1) {
            return Ok(());
        }
        let width = self.1.ilog10() as usize;
        let digits = format!("{:0width$}", self.0 % self.1);
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

/// A duration to the nearest multiple, halves away from zero; unchanged if there is nothing to round to.
pub(super) fn rounded(nanos: i64, to: i64) -> i64 {
    if to <= 0 {
        return nanos;
    }
    let rest = (nanos % to).unsigned_abs();
    let down = nanos - nanos % to;
    if rest < to.unsigned_abs() - rest {
        return down;
    }
    if nanos < 0 { down.saturating_sub(to) } else { down.saturating_add(to) }
}

/// Why a text is no duration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    Invalid,
    MissingUnit,
    UnknownUnit(Vec<u8>),
}

/// Reads `-1.5h`, `300ms`, `2h45m`.
pub(super) fn parse_duration(text: &[u8]) -> Result<i64, Error> {
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(Error::Invalid);
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = term(rest)?;
        sum = sum.checked_add(part).filter(|sum| *sum <= LIMIT).ok_or(Error::Invalid)?;
        rest = after;
    }
    if negative {
        return Ok(sum.wrapping_neg().cast_signed());
    }
    i64::try_from(sum).map_err(|_| Error::Invalid)
}

/// Splits after the leading digits.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.split_at_checked(end).unwrap_or_default()
}

/// A number and its unit, in nanoseconds, and what follows.
fn term(text: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (whole, after) = digits(text);
    let (fraction, after) = match after.strip_prefix(b".") {
        Some(after) => digits(after),
        None => (&[][..], after),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Error::Invalid);
    }
    let number = whole.iter().try_fold(0_u64, |n, digit| {
        n.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|n| *n <= LIMIT)
    });
    let number = number.ok_or(Error::Invalid)?;
    let end = after.iter().take_while(|&&b| b != b'.' && !b.is_ascii_digit()).count();
    let (name, after) = after.split_at_checked(end).unwrap_or_default();
    let unit = match name {
        b"" => return Err(Error::MissingUnit),
        b"ns" => 1,
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => SECOND,
        b"m" => 60 * SECOND,
        b"h" => HOUR,
        _ => return Err(Error::UnknownUnit(name.to_vec())),
    };
    let nanos = number.checked_mul(unit).filter(|n| *n <= LIMIT).ok_or(Error::Invalid)?;
    let nanos = nanos.saturating_add(part_of(fraction, unit));
    if nanos > LIMIT { Err(Error::Invalid) } else { Ok((nanos, after)) }
}

/// The decimals of a number of units, in nanoseconds; digits that no 64 bits hold do not count.
fn part_of(fraction: &[u8], unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction {
        if number > (LIMIT - 1) / 10 {
            break;
        }
        let next = number * 10 + u64::from(digit - b'0');
        if next > LIMIT {
            break;
        }
        number = next;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}
