//! Values to JSON and back.

use crate::function::{Call, Failure};
use crate::go::{Kind, Map, Str, Type, Value};
use crate::gojson::{Json, Writer};

/// Values in values; Go stops at 1,000 by looking for circles, here the stack counts.
const DEEPEST: usize = 500;

/// What JSON holds, as Go's `interface {}`.
pub(super) fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => Value::Float64(number),
        Json::String(text) => Value::string(text.to_vec()),
        Json::Array(items) => Value::list(items.into_iter().map(value).collect()),
        Json::Object(members) => {
            let map = Map::of(Type::ANY);
            for (key, member) in members {
                map.insert(key.as_slice(), value(member));
            }
            Value::Map(map)
        }
    }
}

/// The JSON of a value.
///
/// # Errors
/// Go's words where the value has no form in JSON.
pub(super) fn encode(
    call: &mut Call<'_>,
    value: &Value,
    html: bool,
    indent: Option<&'static str>,
) -> Result<Str, Failure> {
    let mut writer = Writer::new(html, indent);
    write(call, &mut writer, value, 0)?;
    Ok(Str::new(writer.finish().to_vec()))
}

fn write(call: &mut Call<'_>, out: &mut Writer, value: &Value, depth: usize) -> Result<(), Failure> {
    call.step(1)?;
    if depth > DEEPEST {
        return Err(Failure::limit("the value is nested too deep"));
    }
    let before = out.len();
    match value {
        Value::Nil => out.literal("null"),
        Value::Bool(flag) => out.literal(if *flag { "true" } else { "false" }),
        Value::Int(n) | Value::Int64(n) => out.literal(&n.to_string()),
        Value::Uint8(n) => out.literal(&n.to_string()),
        Value::Uint32(n) => out.literal(&n.to_string()),
        Value::Uint64(n) => out.literal(&n.to_string()),
        Value::Float64(n) => {
            if !out.float(*n) {
                let text = crate::gofmt::float::format(*n, 'g', None);
                return Err(Failure::error(format!("json: unsupported value: {text}")));
            }
        }
        Value::Complex(..) => return Err(Failure::error("json: unsupported type: complex128")),
        Value::Str(text) => out.string(text.bytes()),
        Value::List(list) if list.is_nil() => out.literal("null"),
        Value::List(list) if list.element() == Type::UINT8 => {
            let bytes: Vec<u8> = list
                .items()
                .iter()
                .map(|item| if let Value::Uint8(byte) = item { *byte } else { 0 })
                .collect();
            out.string(&super::bases::encode_64(&bytes));
        }
        Value::List(list) => {
            out.begin(b'[');
            for item in list.items() {
                write(call, out, &item, depth + 1)?;
            }
            out.end(b']');
        }
        Value::Map(map) if map.is_nil() => out.literal("null"),
        Value::Map(map) => {
            out.begin(b'{');
            for (key, item) in map.entries() {
                out.key(key.bytes());
                write(call, out, &item, depth + 1)?;
            }
            out.end(b'}');
        }
        Value::Object(_) => object(call, out, value, depth)?,
    }
    call.grow(out.len().saturating_sub(before))
}

/// A named type: what its own form in JSON is, its exported fields, or its basic value.
fn object(call: &mut Call<'_>, out: &mut Writer, value: &Value, depth: usize) -> Result<(), Failure> {
    let Value::Object(object) = value else { return Ok(()) };
    if object.is_nil() {
        out.literal("null");
        return Ok(());
    }
    if let Some(text) = object.json() {
        out.string(&text);
        return Ok(());
    }
    if let Some(basic) = object.underlying() {
        return write(call, out, &basic, depth + 1);
    }
    if matches!(object.go_type().kind(), Kind::Struct | Kind::Ptr) {
        out.begin(b'{');
        for (name, exported, field) in object.fields() {
            if exported {
                out.key(name.as_bytes());
                write(call, out, &field, depth + 1)?;
            }
        }
        out.end(b'}');
        return Ok(());
    }
    Err(Failure::error(format!("json: unsupported type: {}", value.type_name())))
}
