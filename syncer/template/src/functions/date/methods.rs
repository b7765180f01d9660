//! The methods of Go's times and durations.

use std::cmp::Ordering;
use std::rc::Rc;

use super::duration::rounded;
use super::object::{Duration, Location, Month, Time, Weekday};
use super::zone::Zone;
use crate::function::{Call, Failure, Function};
use crate::go::{List, Method, Object, Type, Value};

#[rustfmt::skip]
pub(super) const TIME_METHODS: &[Method] = &[
    Function { name: "Add", signature: "func(time.Duration) time.Time", call: |call| Ok(time(call)?.add(nanos(call)?).into()) },
    Function { name: "AddDate", signature: "func(int, int, int) time.Time", call: |call| Ok(time(call)?.add_date(call.int(0)?, call.int(1)?, call.int(2)?).into()) },
    Function { name: "After", signature: "func(time.Time) bool", call: |call| ordered(call, Ordering::is_gt) },
    Function { name: "Before", signature: "func(time.Time) bool", call: |call| ordered(call, Ordering::is_lt) },
    Function { name: "Clock", signature: "func() (int, int, int)", call: several },
    Function { name: "Compare", signature: "func(time.Time) int", call: |call| Ok(Value::Int(order(call)? as i64)) },
    Function { name: "Date", signature: "func() (int, time.Month, int)", call: several },
    Function { name: "Day", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.date().2)) },
    Function { name: "Equal", signature: "func(time.Time) bool", call: |call| ordered(call, Ordering::is_eq) },
    Function { name: "Format", signature: "func(string) string", call: format },
    Function { name: "GoString", signature: "func() string", call: |call| Ok(Value::string(time(call)?.go_string().unwrap_or_default())) },
    Function { name: "Hour", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.clock().0)) },
    Function { name: "ISOWeek", signature: "func() (int, int)", call: several },
    Function { name: "In", signature: "func(*time.Location) time.Time", call: within },
    Function { name: "IsDST", signature: "func() bool", call: |call| Ok(Value::Bool(time(call)?.zone_now().is_dst)) },
    Function { name: "IsZero", signature: "func() bool", call: |call| Ok(Value::Bool(time(call)?.is_zero())) },
    Function { name: "Local", signature: "func() time.Time", call: local },
    Function { name: "Location", signature: "func() *time.Location", call: |call| Ok(Value::Object(Rc::new(Location(time(call)?.zone().clone())))) },
    Function { name: "MarshalJSON", signature: "func() ([]uint8, error)", call: |call| json(call, b"\"") },
    Function { name: "MarshalText", signature: "func() ([]uint8, error)", call: |call| json(call, b"") },
    Function { name: "Minute", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.clock().1)) },
    Function { name: "Month", signature: "func() time.Month", call: |call| Ok(Month(time(call)?.date().1).into()) },
    Function { name: "Nanosecond", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.nanosecond())) },
    Function { name: "Round", signature: "func(time.Duration) time.Time", call: round },
    Function { name: "Second", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.clock().2)) },
    Function { name: "String", signature: "func() string", call: |call| Ok(Value::string(time(call)?.string().unwrap_or_default())) },
    Function { name: "Sub", signature: "func(time.Time) time.Duration", call: |call| Ok(Duration(time(call)?.since(call.object::<Time>(0)?)).into()) },
    Function { name: "Truncate", signature: "func(time.Duration) time.Time", call: truncate },
    Function { name: "UTC", signature: "func() time.Time", call: |call| Ok(time(call)?.within(Zone::Utc).into()) },
    Function { name: "Unix", signature: "func() int64", call: |call| unix(call, 1) },
    Function { name: "UnixMicro", signature: "func() int64", call: |call| unix(call, 1_000_000) },
    Function { name: "UnixMilli", signature: "func() int64", call: |call| unix(call, 1_000) },
    Function { name: "UnixNano", signature: "func() int64", call: |call| unix(call, 1_000_000_000) },
    Function { name: "Weekday", signature: "func() time.Weekday", call: |call| Ok(Weekday(time(call)?.weekday()).into()) },
    Function { name: "Year", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.date().0)) },
    Function { name: "YearDay", signature: "func() int", call: |call| Ok(Value::Int(time(call)?.year_day())) },
    Function { name: "Zone", signature: "func() (string, int)", call: several },
    Function { name: "ZoneBounds", signature: "func() (time.Time, time.Time)", call: several },
];

#[rustfmt::skip]
pub(super) const DURATION_METHODS: &[Method] = &[
    Function { name: "Abs", signature: "func() time.Duration", call: |call| Ok(Duration(duration(call)?.saturating_abs()).into()) },
    Function { name: "Hours", signature: "func() float64", call: |call| parts(call, 3_600_000_000_000) },
    Function { name: "Microseconds", signature: "func() int64", call: |call| Ok(Value::Int64(duration(call)? / 1_000)) },
    Function { name: "Milliseconds", signature: "func() int64", call: |call| Ok(Value::Int64(duration(call)? / 1_000_000)) },
    Function { name: "Minutes", signature: "func() float64", call: |call| parts(call, 60_000_000_000) },
    Function { name: "Nanoseconds", signature: "func() int64", call: |call| Ok(Value::Int64(duration(call)?)) },
    Function { name: "Round", signature: "func(time.Duration) time.Duration", call: |call| Ok(Duration(rounded(duration(call)?, nanos(call)?)).into()) },
    Function { name: "Seconds", signature: "func() float64", call: |call| parts(call, 1_000_000_000) },
    Function { name: "String", signature: "func() string", call: |call| name(call.receiver::<Duration>()?) },
    Function { name: "Truncate", signature: "func(time.Duration) time.Duration", call: truncate_duration },
];

pub(super) const MONTH_METHODS: &[Method] =
    &[Function { name: "String", signature: "func() string", call: |call| name(call.receiver::<Month>()?) }];

pub(super) const WEEKDAY_METHODS: &[Method] = &[Function {
    name: "String",
    signature: "func() string",
    call: |call| name(call.receiver::<Weekday>()?),
}];

pub(super) const LOCATION_METHODS: &[Method] = &[Function {
    name: "String",
    signature: "func() string",
    call: |call| name(call.receiver::<Location>()?),
}];

fn name(object: &dyn Object) -> Result<Value, Failure> {
    Ok(Value::string(object.string().unwrap_or_default()))
}

fn time<'c>(call: &'c Call<'_>) -> Result<&'c Time, Failure> {
    call.receiver::<Time>()
}

fn duration(call: &Call<'_>) -> Result<i64, Failure> {
    call.receiver::<Duration>().map(|duration| duration.0)
}

/// The duration that is the argument: a number in the template, or a value.
fn nanos(call: &Call<'_>) -> Result<i64, Failure> {
    match call.value(0).underlying() {
        Value::Int(nanos) | Value::Int64(nanos) => Ok(nanos),
        _ => Err(Failure::panic("argument 0 is no time.Duration")),
    }
}

/// A method with several results, which templates refuse before they call it.
fn several(_: &mut Call<'_>) -> Result<Value, Failure> {
    Err(Failure::panic("a method with several results cannot be called"))
}

fn order(call: &Call<'_>) -> Result<Ordering, Failure> {
    Ok(time(call)?.compare(call.object::<Time>(0)?))
}

fn ordered(call: &Call<'_>, holds: fn(Ordering) -> bool) -> Result<Value, Failure> {
    Ok(Value::Bool(holds(order(call)?)))
}

fn format(call: &mut Call<'_>) -> Result<Value, Failure> {
    let layout = call.string(0)?;
    call.step(1 + layout.len() as u64)?;
    call.grow(layout.len().saturating_mul(10))?;
    Ok(Value::string(time(call)?.format(layout.bytes())))
}

fn within(call: &mut Call<'_>) -> Result<Value, Failure> {
    let Ok(Location(zone)) = call.object::<Location>(0) else {
        return Err(Failure::panic("time: missing Location in call to Time.In"));
    };
    Ok(time(call)?.within(zone.clone()).into())
}

fn local(call: &mut Call<'_>) -> Result<Value, Failure> {
    let zone = super::local(call);
    Ok(time(call)?.within(zone).into())
}

fn json(call: &Call<'_>, mark: &[u8]) -> Result<Value, Failure> {
    let what = if mark.is_empty() { "MarshalText" } else { "MarshalJSON" };
    let text = time(call)?
        .json()
        .ok_or_else(|| Failure::error(format!("Time.{what}: year outside of range [0,9999]")))?;
    let bytes = [mark, &text, mark].concat();
    Ok(Value::List(List::new(Type::UINT8, bytes.into_iter().map(Value::Uint8).collect())))
}

/// Units since 1970, of which a second has so many.
fn unix(call: &Call<'_>, per_second: i64) -> Result<Value, Failure> {
    let time = time(call)?;
    let rest = time.nanosecond() / (1_000_000_000 / per_second);
    Ok(Value::Int64(time.unix().wrapping_mul(per_second).wrapping_add(rest)))
}

fn truncate(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (time, to) = (time(call)?, nanos(call)?);
    Ok(if to <= 0 { time.clone() } else { time.add(-time.remainder(to)) }.into())
}

fn round(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (time, to) = (time(call)?, nanos(call)?);
    if to <= 0 {
        return Ok(time.clone().into());
    }
    let rest = time.remainder(to);
    Ok(if rest < to - rest { time.add(-rest) } else { time.add(to - rest) }.into())
}

fn truncate_duration(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (duration, to) = (duration(call)?, nanos(call)?);
    Ok(Duration(if to <= 0 { duration } else { duration - duration % to }).into())
}

/// The duration in units, as a number with decimals.
fn parts(call: &Call<'_>, unit: i64) -> Result<Value, Failure> {
    let duration = duration(call)?;
    Ok(Value::Float64((duration / unit) as f64 + (duration % unit) as f64 / unit as f64))
}
