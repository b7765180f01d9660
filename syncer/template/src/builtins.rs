//! The functions that Go's templates have of themselves. Sprig's `slice` replaces the one of the same name.

mod compare;
mod escape;

use crate::exec::truth;
use crate::function::{Call, Failure, Function, Piece, Text};
use crate::go::{Kind, Str, Type, Value};
use crate::gofmt;

macro_rules! builtin {
    ($name:literal, $signature:literal, $call:expr) => {
        Function { name: $name, signature: $signature, call: $call }
    };
}

/// The builtins. `and`, `or` and `call` are evaluated by the engine itself: their bodies are never called.
pub(crate) const TABLE: &[Function] = &[
    builtin!("and", "func(reflect.Value, ...reflect.Value) reflect.Value", by_engine),
    builtin!("call", "func(reflect.Value, ...reflect.Value) reflect.Value", by_engine),
    builtin!("eq", "func(reflect.Value, ...reflect.Value) (bool, error)", compare::eq),
    builtin!("ge", "func(reflect.Value, reflect.Value) (bool, error)", compare::ge),
    builtin!("gt", "func(reflect.Value, reflect.Value) (bool, error)", compare::gt),
    builtin!("html", "func(...interface {}) string", escape::html),
    builtin!("index", "func(reflect.Value, ...reflect.Value) (reflect.Value, error)", index),
    builtin!("js", "func(...interface {}) string", escape::js),
    builtin!("le", "func(reflect.Value, reflect.Value) (bool, error)", compare::le),
    builtin!("len", "func(reflect.Value) (int, error)", len),
    builtin!("lt", "func(reflect.Value, reflect.Value) (bool, error)", compare::lt),
    builtin!("ne", "func(reflect.Value, reflect.Value) (bool, error)", compare::ne),
    builtin!("not", "func(reflect.Value) bool", not),
    builtin!("or", "func(reflect.Value, ...reflect.Value) reflect.Value", by_engine),
    builtin!("print", "func(...interface {}) string", print),
    builtin!("printf", "func(string, ...interface {}) string", printf),
    builtin!("println", "func(...interface {}) string", println),
    builtin!("urlquery", "func(...interface {}) string", escape::urlquery),
];

fn by_engine(_: &mut Call<'_>) -> Result<Value, Failure> {
    Err(Failure::panic("unreachable"))
}

fn not(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(!truth(&call.value(0))))
}

fn print(call: &mut Call<'_>) -> Result<Value, Failure> {
    let args = call.rest(0).to_vec();
    gofmt::sprint(&args, call.meter()).map(Value::Str)
}

fn println(call: &mut Call<'_>) -> Result<Value, Failure> {
    let args = call.rest(0).to_vec();
    gofmt::sprintln(&args, call.meter()).map(Value::Str)
}

fn printf(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (format, args) = (call.string(0)?, call.rest(1).to_vec());
    gofmt::sprintf(format.bytes(), &args, call.meter()).map(Value::Str)
}

fn len(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value(0);
    let len = match &value {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil => return Err(Failure::panic("reflect: call of reflect.Value.Type on zero Value")),
        other if other.is_nil() => return Err(Failure::error("len of nil pointer")),
        other => {
            let name = other.type_name();
            return Err(Failure::error(format!("len of type {}", name.trim_start_matches('*'))));
        }
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

fn index(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut item = call.value(0);
    if matches!(item, Value::Nil) {
        return Err(Failure::error("index of untyped nil"));
    }
    for (at, index) in call.rest(1).iter().enumerate() {
        item = match &item {
            Value::Nil => return Err(Failure::error("index of nil pointer")),
            Value::Str(text) => {
                let at = offset(call, at, index, text.len())?;
                text.bytes()
                    .get(at)
                    .map(|b| Value::Uint8(*b))
                    .ok_or_else(|| beyond("string index out of range"))?
            }
            Value::List(list) => {
                let at = offset(call, at, index, list.len())?;
                list.get(at).ok_or_else(|| beyond("slice index out of range"))?
            }
            Value::Map(map) => {
                let key = match index.underlying() {
                    Value::Str(key) if index.kind() == Kind::String => key,
                    Value::Nil => return Err(Failure::error("value is nil; should be of type string")),
                    _ => {
                        let text = format!("value has type {}; should be string", index.type_name());
                        return Err(Failure::error(text));
                    }
                };
                let absent =
                    if map.element() == Type::STRING { Value::Str(Str::default()) } else { Value::Nil };
                map.get(key.bytes()).unwrap_or(absent)
            }
            other => {
                let name = other.type_name();
                let text = format!("can't index item of type {}", name.trim_start_matches('*'));
                return Err(Failure::error(text));
            }
        };
    }
    Ok(item)
}

fn beyond(what: &str) -> Failure {
    Failure::panic(format!("reflect: {what}"))
}

/// An index into something of this length; the length itself passes, and fails only when it is used.
fn offset(call: &Call<'_>, at: usize, index: &Value, len: usize) -> Result<usize, Failure> {
    let wanted = match index.underlying() {
        Value::Int(n) | Value::Int64(n) => n,
        Value::Uint8(n) => i64::from(n),
        Value::Uint32(n) => i64::from(n),
        Value::Uint64(n) => n.cast_signed(),
        Value::Nil => return Err(Failure::error("cannot index slice/array with nil")),
        _ => {
            let text = format!("cannot index slice/array with type {}", index.type_name());
            return Err(Failure::error(text));
        }
    };
    usize::try_from(wanted).ok().filter(|n| *n <= len).ok_or_else(|| {
        let mut text = Text::from("index out of range: ");
        let shown = wanted.to_string();
        text.push(if call.is_literal(at + 1) { Piece::from(shown) } else { Piece::value(shown.as_bytes()) });
        Failure::Error(text)
    })
}
