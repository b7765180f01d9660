//! Functions on durations of time.

mod duration;

use crate::function::{Call, Failure, Function};
use crate::go::Value;

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "duration", signature: "func(interface {}) string", call: of_seconds },
    Function { name: "durationRound", signature: "func(interface {}) string", call: round },
];

/// `duration seconds`: anything but a string and an `int64` counts as nothing.
fn of_seconds(call: &mut Call<'_>) -> Result<Value, Failure> {
    let seconds = match call.value(0) {
        Value::Str(text) => duration::decimal(text.bytes()),
        Value::Int64(seconds) => seconds,
        _ => 0,
    };
    Ok(Value::string(duration::show(seconds.wrapping_mul(duration::SECOND))))
}

/// `durationRound duration`: the largest unit that it is more than one of.
fn round(call: &mut Call<'_>) -> Result<Value, Failure> {
    let nanoseconds = match call.value(0) {
        Value::Str(text) => duration::parse(text.bytes()).unwrap_or(0),
        Value::Int64(nanoseconds) => nanoseconds,
        _ => 0,
    };
    Ok(Value::string(duration::largest_unit(nanoseconds)))
}
