//! Durations as Vault reads and prints them: whole seconds, or Go's notation with days added.

use thiserror::Error;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Why a text is no duration. Worded as Go words it, since clients show these texts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DurationError {
    /// No digits where a number was expected, without any unit.
    #[error("strconv.ParseInt: parsing {0:?}: invalid syntax")]
    Number(String),
    /// Not the notation of a duration.
    #[error("time: invalid duration {0:?}")]
    Syntax(String),
    /// A number without a unit after it.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit other than ns, us, ms, s, m, h and d.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit as given.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// Longer than 292 years.
    #[error("time: invalid duration {0:?}: longer than 292 years")]
    TooLong(String),
}

/// Reads a duration: empty is 0, digits are seconds, anything else is Go's notation (`1h30m`, `1.5h`), which here
/// also knows days (`2d`, `1d12h`).
///
/// # Returns
/// Whole seconds, a fraction cut off.
///
/// # Errors
/// See [`DurationError`].
pub fn parse(text: &str) -> Result<i64, DurationError> {
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return if in_range(i128::from(seconds).saturating_mul(NANOS_PER_SECOND)) {
            Ok(seconds)
        } else {
            Err(DurationError::TooLong(text.to_owned()))
        };
    }
    match parse_go(text) {
        Err(DurationError::TooLong(t)) => Err(DurationError::TooLong(t)),
        // A text that ends in `d` is a number of days, and Go names that number.
        Err(error) => Err(match text.strip_suffix('d') {
            Some(days) => DurationError::Number(days.to_owned()),
            None => error,
        }),
        ok => ok,
    }
}

/// Go's own notation: a sign, then numbers with units, at least one.
fn parse_go(text: &str) -> Result<i64, DurationError> {
    let syntax = || DurationError::Syntax(text.to_owned());
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(syntax());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        if number.is_empty() {
            return Err(syntax());
        }
        if unit.is_empty() {
            return Err(DurationError::MissingUnit(text.to_owned()));
        }
        let Some(scale) = unit_nanos(unit) else {
            return Err(DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() });
        };
        total = total.saturating_add(scaled(number, scale).ok_or_else(syntax)?);
        if !in_range(total) {
            return Err(DurationError::TooLong(text.to_owned()));
        }
        rest = after;
    }
    let seconds = i64::try_from(total / NANOS_PER_SECOND).map_err(|_| syntax())?;
    Ok(if negative { -seconds } else { seconds })
}

/// Nanoseconds of `1.5` of a unit of so many nanoseconds; `None` where the number has two dots or no digit.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut total: i128 = 0;
    for digit in whole.chars() {
        let digit = i128::from(digit.to_digit(10)?);
        total = total.saturating_mul(10).saturating_add(digit);
    }
    total = total.saturating_mul(scale);
    let mut unit = scale;
    for digit in fraction.chars() {
        unit /= 10;
        total = total.saturating_add(i128::from(digit.to_digit(10)?).saturating_mul(unit));
    }
    Some(total)
}

fn split_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !accept(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        "d" => 86_400 * NANOS_PER_SECOND,
        _ => return None,
    })
}

fn in_range(nanos: i128) -> bool {
    i64::try_from(nanos).is_ok()
}

/// Prints seconds as Go does: `1h0m0s`, `1m30s`, `0s`.
pub fn print(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let all = seconds.unsigned_abs();
    let (hours, minutes, rest) = (all / 3_600, all / 60 % 60, all % 60);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{rest}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{rest}s")
    } else {
        format!("{sign}{rest}s")
    }
}

/// Prints seconds in short: [`print()`] without the zeros at its end, `1h`, `1h30m`, as warnings of Vault do.
pub fn print_short(seconds: i64) -> String {
    let mut text = print(seconds);
    for (long, short) in [("m0s", "m"), ("h0m", "h")] {
        if let Some(head) = text.strip_suffix(long) {
            text = format!("{head}{short}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, Result<i64, &str>)]) {
        for (text, expected) in cases {
            let got = parse(text).map_err(|e| e.to_string());
            assert_eq!(got, expected.map_err(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn reads_what_vault_reads() {
        check(&[
            ("", Ok(0)),
            ("0", Ok(0)),
            ("0s", Ok(0)),
            ("60", Ok(60)),
            ("-5", Ok(-5)),
            ("-5s", Ok(-5)),
            ("+5s", Ok(5)),
            ("1h30m", Ok(5_400)),
            ("1.5h", Ok(5_400)),
            (".5m", Ok(30)),
            ("1500ms", Ok(1)),
            ("999\u{b5}s", Ok(0)),
            ("2d", Ok(172_800)),
            ("1d12h", Ok(129_600)),
            ("768h", Ok(2_764_800)),
            ("bad", Err("strconv.ParseInt: parsing \"ba\": invalid syntax")),
            ("x", Err("time: invalid duration \"x\"")),
            ("5x", Err("time: unknown unit \"x\" in duration \"5x\"")),
            ("1.5", Err("time: missing unit in duration \"1.5\"")),
            ("1..5s", Err("time: invalid duration \"1..5s\"")),
            (".s", Err("time: invalid duration \".s\"")),
            ("-", Err("time: invalid duration \"-\"")),
            ("3000000h", Err("time: invalid duration \"3000000h\": longer than 292 years")),
            ("9223372037", Err("time: invalid duration \"9223372037\": longer than 292 years")),
            ("9".repeat(60).as_str(), Err(&format!("time: missing unit in duration {:?}", "9".repeat(60)))),
        ]);
    }

    #[test]
    fn prints_as_go_does() {
        for (seconds, long, short) in [
            (0, "0s", "0s"),
            (1, "1s", "1s"),
            (60, "1m0s", "1m"),
            (90, "1m30s", "1m30s"),
            (3_600, "1h0m0s", "1h"),
            (5_400, "1h30m0s", "1h30m"),
            (3_605, "1h0m5s", "1h0m5s"),
            (2_764_800, "768h0m0s", "768h"),
            (36_000, "10h0m0s", "10h"),
            (-1, "-1s", "-1s"),
        ] {
            assert_eq!((print(seconds), print_short(seconds)), (long.to_owned(), short.to_owned()));
        }
    }

    #[test]
    fn reads_back_what_it_prints() {
        for seconds in [0, 1, 59, 60, 3_599, 3_600, 86_399, 9_000_000, -90] {
            assert_eq!(parse(&print(seconds)), Ok(seconds));
            assert_eq!(parse(&print_short(seconds)), Ok(seconds));
        }
    }
}
