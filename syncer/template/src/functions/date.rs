//! Times, durations and how they are written, by the rules of Go's time and of Sprig.

mod civil;
mod duration;
mod format;
mod layout;
mod methods;
mod object;
mod parse;
mod zone;

use duration::{ElapsedTime, parse_duration, rounded};
use object::Time;
use zone::Zone;

use super::number::{NotInt, parse_int};
use crate::function::{Call, Failure, Function, Piece, Text};
use crate::go::Value;

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "ago", signature: "func(interface {}) string", call: ago },
    Function { name: "date", signature: "func(string, interface {}) string", call: date },
    Function { name: "dateInZone", signature: "func(string, interface {}, string) string", call: date_in_zone },
    Function { name: "dateModify", signature: "func(string, time.Time) time.Time", call: date_modify },
    Function { name: "date_in_zone", signature: "func(string, interface {}, string) string", call: date_in_zone },
    Function { name: "date_modify", signature: "func(string, time.Time) time.Time", call: date_modify },
    Function { name: "duration", signature: "func(interface {}) string", call: duration },
    Function { name: "durationRound", signature: "func(interface {}) string", call: duration_round },
    Function { name: "htmlDate", signature: "func(interface {}) string", call: html_date },
    Function { name: "htmlDateInZone", signature: "func(interface {}, string) string", call: html_date_in_zone },
    Function { name: "mustDateModify", signature: "func(string, time.Time) (time.Time, error)", call: must_date_modify },
    Function { name: "mustToDate", signature: "func(string, string) (time.Time, error)", call: must_to_date },
    Function { name: "must_date_modify", signature: "func(string, time.Time) (time.Time, error)", call: must_date_modify },
    Function { name: "now", signature: "func() time.Time", call: now },
    Function { name: "toDate", signature: "func(string, string) time.Time", call: to_date },
    Function { name: "unixEpoch", signature: "func(time.Time) string", call: unix_epoch },
];

const DAY_LAYOUT: &[u8] = b"2006-01-02";
const SECOND: i64 = 1_000_000_000;

/// The zone that stands for `Local`.
fn local(call: &mut Call<'_>) -> Zone {
    Zone::local(call.env().local_zone())
}

/// The time now, in the local zone.
fn current(call: &mut Call<'_>) -> Time {
    let (now, zone) = (call.env().now(), local(call));
    let seconds = i64::try_from(now.div_euclid(i128::from(SECOND))).unwrap_or(i64::MAX);
    let nanos = i64::try_from(now.rem_euclid(i128::from(SECOND))).unwrap_or(0);
    Time::new(seconds, nanos, zone)
}

/// A time as it is, a number as seconds since 1970, anything else as now.
fn time_of(call: &mut Call<'_>, index: usize) -> Time {
    match call.value(index) {
        Value::Int(seconds) | Value::Int64(seconds) => {
            let zone = local(call);
            Time::new(seconds, 0, zone)
        }
        _ => match call.object::<Time>(index) {
            Ok(time) => time.clone(),
            Err(_) => current(call),
        },
    }
}

fn now(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(current(call).into())
}

/// Writes a time in a zone; in UTC if there is no such zone.
fn written(call: &mut Call<'_>, layout: &[u8], time: &Time, zone: Option<&[u8]>) -> Result<Value, Failure> {
    call.step(1 + layout.len() as u64)?;
    call.grow(layout.len().saturating_mul(10))?;
    let zone = match zone {
        None | Some(b"Local") => local(call),
        Some(name) => Zone::named(name).unwrap_or(Zone::Utc),
    };
    Ok(Value::string(time.within(zone).format(layout)))
}

fn date(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (layout, time) = (call.string(0)?, time_of(call, 1));
    written(call, layout.bytes(), &time, None)
}

fn date_in_zone(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (layout, time, zone) = (call.string(0)?, time_of(call, 1), call.string(2)?);
    written(call, layout.bytes(), &time, Some(zone.bytes()))
}

fn html_date(call: &mut Call<'_>) -> Result<Value, Failure> {
    let time = time_of(call, 0);
    written(call, DAY_LAYOUT, &time, None)
}

fn html_date_in_zone(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (time, zone) = (time_of(call, 0), call.string(1)?);
    written(call, DAY_LAYOUT, &time, Some(zone.bytes()))
}

fn date_modify(call: &mut Call<'_>) -> Result<Value, Failure> {
    let time = call.object::<Time>(1)?.clone();
    Ok(parse_duration(call.str(0)?).map_or_else(|_| time.clone(), |nanos| time.add(nanos)).into())
}

fn must_date_modify(call: &mut Call<'_>) -> Result<Value, Failure> {
    let nanos = parse_duration(call.str(0)?).map_err(|error| {
        let part = |bytes: &[u8]| quoted(call, 0, bytes);
        let mut text = Text::from("time: ");
        match error {
            duration::Error::Invalid => text.push("invalid duration "),
            duration::Error::MissingUnit => text.push("missing unit in duration "),
            duration::Error::UnknownUnit(unit) => {
                text.push("unknown unit ");
                text.push(part(&unit));
                text.push(" in duration ");
            }
        }
        text.push(part(call.str(0).unwrap_or_default()));
        Failure::error(text)
    })?;
    Ok(call.object::<Time>(1)?.add(nanos).into())
}

/// A part of a string argument, quoted as Go's time does it, if the argument stands in the template.
fn quoted(call: &Call<'_>, index: usize, part: &[u8]) -> Piece {
    if !call.is_literal(index) {
        return Piece::value(part);
    }
    let mut out = String::from("\"");
    for &byte in part {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'\x7f' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    Piece::from(out)
}

fn parsed(call: &mut Call<'_>) -> Result<Result<Time, parse::Error>, Failure> {
    let (layout, text) = (call.string(0)?, call.string(1)?);
    call.step(1 + (layout.len() + text.len()) as u64)?;
    let zone = local(call);
    Ok(parse::parse(layout.bytes(), text.bytes(), &zone))
}

fn to_date(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(parsed(call)?.unwrap_or_else(|_| Time::zero()).into())
}

fn must_to_date(call: &mut Call<'_>) -> Result<Value, Failure> {
    let error = match parsed(call)? {
        Ok(time) => return Ok(time.into()),
        Err(error) => error,
    };
    let mut text = Text::from([Piece::from("parsing time "), quoted(call, 1, call.str(1)?)]);
    match error {
        parse::Error::Words(words) => text.push(format!(": {words}")),
        parse::Error::Extra(rest) => {
            text.push(": extra text: ");
            text.push(quoted(call, 1, &rest));
        }
        parse::Error::Element { element, rest } => {
            text.push(" as ");
            text.push(quoted(call, 0, call.str(0)?));
            text.push(": cannot parse ");
            text.push(quoted(call, 1, &rest));
            text.push(" as ");
            text.push(quoted(call, 0, &element));
        }
    }
    Err(Failure::error(text))
}

fn unix_epoch(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(call.object::<Time>(0)?.unix().to_string()))
}

fn ago(call: &mut Call<'_>) -> Result<Value, Failure> {
    let time = time_of(call, 0);
    let elapsed = current(call).since(&time);
    Ok(Value::string(ElapsedTime(rounded(elapsed, SECOND)).to_string()))
}

/// Seconds, as an `int64` or as a text; 0 otherwise.
fn duration(call: &mut Call<'_>) -> Result<Value, Failure> {
    let seconds = match call.value(0) {
        Value::Int64(n) => n,
        Value::Str(text) => decimal(text.bytes()),
        _ => 0,
    };
    Ok(Value::string(ElapsedTime(seconds.wrapping_mul(SECOND)).to_string()))
}

/// A decimal number; the nearest one that fits if it is too large, 0 if it is none.
fn decimal(text: &[u8]) -> i64 {
    match parse_int(text, 10) {
        Ok(number) | Err(NotInt::Range(number)) => number,
        Err(NotInt::Syntax) => 0,
    }
}

/// The largest unit that fits more than once, from years to seconds.
fn duration_round(call: &mut Call<'_>) -> Result<Value, Failure> {
    let nanos = match call.value(0) {
        Value::Int64(n) => n,
        Value::Str(text) => parse_duration(text.bytes()).unwrap_or(0),
        _ => match call.object::<Time>(0).cloned() {
            Ok(time) => current(call).since(&time),
            Err(_) => 0,
        },
    };
    const HOUR: u64 = 3_600;
    let units =
        [("y", HOUR * 24 * 365), ("mo", HOUR * 24 * 30), ("d", HOUR * 24), ("h", HOUR), ("m", 60), ("s", 1)];
    let nanos = nanos.unsigned_abs();
    let found = units.into_iter().map(|(unit, seconds)| (unit, seconds * SECOND.unsigned_abs()));
    let text = found
        .into_iter()
        .find(|(_, unit)| nanos > *unit)
        .map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", nanos / unit));
    Ok(Value::string(text))
}

#[cfg(test)]
mod tests;
