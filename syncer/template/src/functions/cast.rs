//! How Sprig turns any value into a text, a list of texts, a number or a yes or no.

use super::number::{parse_float, parse_int};
use super::show::display;
use crate::function::{Call, Failure};
use crate::go::{Kind, List, Str, Type, Value};

/// A string or byte slice as it is, anything else as `%v` prints it.
pub(crate) fn strval(call: &mut Call<'_>, value: &Value) -> Result<Str, Failure> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::List(list) if list.element() == Type::UINT8 => Ok(Str::new(byte_items(list))),
        _ => display(call, value),
    }
}

fn byte_items(list: &List) -> Vec<u8> {
    list.items()
        .iter()
        .filter_map(|item| if let Value::Uint8(byte) = item { Some(*byte) } else { None })
        .collect()
}

/// A `[]string` of the elements without nil ones; the very same slice if it is one already, any other value alone.
pub(crate) fn strings(call: &mut Call<'_>, value: &Value) -> Result<List, Failure> {
    let items = match value {
        Value::List(list) if list.element() == Type::STRING => return Ok(list.clone()),
        Value::List(list) => list.items(),
        Value::Nil => Vec::new(),
        other => vec![other.clone()],
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !matches!(item, Value::Nil)) {
        texts.push(Value::Str(strval(call, item)?));
    }
    Ok(List::new(Type::STRING, texts))
}

/// Whether a value counts as empty: zero, false, nil, without elements. A struct never does.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value.underlying() {
        Value::Nil => true,
        Value::Bool(b) => !b,
        Value::Int(n) | Value::Int64(n) => n == 0,
        Value::Uint8(n) => n == 0,
        Value::Uint32(n) => n == 0,
        Value::Uint64(n) => n == 0,
        Value::Float64(n) => n == 0.0,
        Value::Complex(re, im) => re == 0.0 && im == 0.0,
        Value::Str(text) => text.len() == 0,
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Object(object) => object.is_nil(),
    }
}

/// `cast.ToInt64`: 0 for what is no number.
pub(crate) fn to_int64(value: &Value) -> i64 {
    match value.underlying() {
        Value::Bool(b) => i64::from(b),
        Value::Int(n) | Value::Int64(n) => n,
        Value::Uint8(n) => i64::from(n),
        Value::Uint32(n) => i64::from(n),
        Value::Uint64(n) => n.cast_signed(),
        Value::Float64(n) => truncated(n),
        Value::Str(text) => parse_int(without_decimals(text.bytes()), 0).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest number.
fn truncated(n: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&n) { n as i64 } else { i64::MIN }
}

/// A decimal number without its point and what follows; anything else as it is.
fn without_decimals(text: &[u8]) -> &[u8] {
    let Some(point) = text.iter().position(|&b| b == b'.') else { return text };
    let (whole, fraction) =
        (text.get(..point).unwrap_or_default(), text.get(point + 1..).unwrap_or_default());
    let digits = whole.strip_prefix(b"-").or(whole.strip_prefix(b"+")).unwrap_or(whole);
    if !digits.iter().chain(fraction).all(u8::is_ascii_digit) {
        return text;
    }
    if digits.is_empty() { b"0" } else { whole }
}

/// `cast.ToFloat64`: 0 for what is no number.
pub(crate) fn to_float64(value: &Value) -> f64 {
    match value.underlying() {
        Value::Float64(n) => n,
        Value::Uint64(n) => n as f64,
        Value::Str(text) => parse_float(text.bytes()).unwrap_or(0.0),
        other => to_int64(&other) as f64,
    }
}

/// The kind of a value's type in the words of an error: `nil` of nothing is dereferenced.
pub(crate) fn kind_of(value: &Value) -> Result<Kind, Failure> {
    match value.kind() {
        Kind::Invalid => Err(Failure::nil_dereference()),
        kind => Ok(kind),
    }
}
