//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: only what has the same basic kind compares.

use crate::function::{Call, Failure, Meter, Piece, Text};
use crate::go::Value;
use crate::gofmt;

/// A value as far as comparison sees it.
enum Basic {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    Str(crate::go::Str),
    Other,
}

fn basic(value: &Value) -> Basic {
    match value.underlying() {
        Value::Bool(b) => Basic::Bool(b),
        Value::Int(n) | Value::Int64(n) => Basic::Int(n),
        Value::Uint8(n) => Basic::Uint(u64::from(n)),
        Value::Uint32(n) => Basic::Uint(u64::from(n)),
        Value::Uint64(n) => Basic::Uint(n),
        Value::Float64(n) => Basic::Float(n),
        Value::Complex(real, imaginary) => Basic::Complex(real, imaginary),
        Value::Str(text) => Basic::Str(text),
        _ => Basic::Other,
    }
}

fn incompatible(a: &Value, b: &Value) -> Failure {
    let (a, b) = (a.type_name(), b.type_name());
    Failure::error(format!("incompatible types for comparison: {a} and {b}"))
}

pub(super) fn eq(call: &mut Call<'_>) -> Result<Value, Failure> {
    let first = call.value(0);
    let others = call.rest(1).to_vec();
    if others.is_empty() {
        return Err(Failure::error("missing argument for comparison"));
    }
    for other in &others {
        if equal(&first, other, call.meter())? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (a, b) = (call.value(0), call.value(1));
    equal(&a, &b, call.meter()).map(|equal| Value::Bool(!equal))
}

pub(super) fn lt(call: &mut Call<'_>) -> Result<Value, Failure> {
    less(&call.value(0), &call.value(1)).map(Value::Bool)
}

pub(super) fn le(call: &mut Call<'_>) -> Result<Value, Failure> {
    at_most(call).map(Value::Bool)
}

pub(super) fn gt(call: &mut Call<'_>) -> Result<Value, Failure> {
    at_most(call).map(|at_most| Value::Bool(!at_most))
}

pub(super) fn ge(call: &mut Call<'_>) -> Result<Value, Failure> {
    less(&call.value(0), &call.value(1)).map(|less| Value::Bool(!less))
}

fn at_most(call: &mut Call<'_>) -> Result<bool, Failure> {
    let (a, b) = (call.value(0), call.value(1));
    if less(&a, &b)? { Ok(true) } else { equal(&a, &b, call.meter()) }
}

fn less(a: &Value, b: &Value) -> Result<bool, Failure> {
    let no_order = || Failure::error("invalid type for comparison");
    Ok(match (basic(a), basic(b)) {
        (Basic::Other, _) | (_, Basic::Other) => return Err(no_order()),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => return Err(no_order()),
        (Basic::Int(a), Basic::Int(b)) => a < b,
        (Basic::Uint(a), Basic::Uint(b)) => a < b,
        (Basic::Int(a), Basic::Uint(b)) => u64::try_from(a).is_ok_and(|a| a < b) || a < 0,
        (Basic::Uint(a), Basic::Int(b)) => u64::try_from(b).is_ok_and(|b| a < b),
        (Basic::Float(a), Basic::Float(b)) => a < b,
        (Basic::Str(a), Basic::Str(b)) => a < b,
        _ => return Err(incompatible(a, b)),
    })
}

fn equal(a: &Value, b: &Value, meter: &mut dyn Meter) -> Result<bool, Failure> {
    Ok(match (basic(a), basic(b)) {
        (Basic::Bool(a), Basic::Bool(b)) => a == b,
        (Basic::Int(a), Basic::Int(b)) => a == b,
        (Basic::Uint(a), Basic::Uint(b)) => a == b,
        (Basic::Int(a), Basic::Uint(b)) | (Basic::Uint(b), Basic::Int(a)) => u64::try_from(a) == Ok(b),
        (Basic::Float(a), Basic::Float(b)) => a == b,
        (Basic::Complex(ar, ai), Basic::Complex(br, bi)) => ar == br && ai == bi,
        (Basic::Str(a), Basic::Str(b)) => a == b,
        (Basic::Other, Basic::Other) => return other_equal(a, b, meter),
        _ if matches!(a, Value::Nil) || matches!(b, Value::Nil) => false,
        _ => return Err(incompatible(a, b)),
    })
}

/// Values that are of no basic kind: nil compares with what can be nil, structs and pointers with their like.
fn other_equal(a: &Value, b: &Value, meter: &mut dyn Meter) -> Result<bool, Failure> {
    let either_nil = matches!(a, Value::Nil) || matches!(b, Value::Nil);
    if a.kind() != b.kind() && !either_nil {
        let mut text = Text::from("non-comparable types ");
        text.push(printed(a, meter));
        text.push(format!(": {}, {}: ", a.type_name(), b.type_name()));
        text.push(printed(b, meter));
        return Err(Failure::Error(text));
    }
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() == b.is_nil());
    }
    let comparable = match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.go_type() == b.go_type() => a.equal(&**b),
        (Value::Object(_), Value::Object(_)) => Some(false),
        _ => None,
    };
    comparable.ok_or_else(|| {
        let text =
            [Piece::from("non-comparable type "), printed(b, meter), format!(": {}", b.type_name()).into()];
        Failure::error(text)
    })
}

fn printed(value: &Value, meter: &mut dyn Meter) -> Piece {
    let text = gofmt::sprint(std::slice::from_ref(value), meter);
    Piece::Value(text.map_or(0, |text| text.len()))
}
