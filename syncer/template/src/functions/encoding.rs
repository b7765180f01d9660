//! Functions on Base64, Base32, hexadecimal, JSON and YAML texts.

pub(super) mod bases;
mod json;

use crate::function::{Call, Failure, Function, Piece, Text};
use crate::go::{Map, Str, Type, Value};
use crate::{gojson, goyaml};

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "b32dec", signature: "func(string) string", call: b32dec },
    Function { name: "b32enc", signature: "func(string) string", call: b32enc },
    Function { name: "b64dec", signature: "func(string) string", call: b64dec },
    Function { name: "b64enc", signature: "func(string) string", call: b64enc },
    Function { name: "fromJson", signature: "func(string) interface {}", call: from_json },
    Function { name: "fromYaml", signature: "func(string) map[string]interface {}", call: from_yaml },
    Function { name: "hexdec", signature: "func(string) string", call: hexdec },
    Function { name: "mustFromJson", signature: "func(string) (interface {}, error)", call: must_from_json },
    Function { name: "mustToJson", signature: "func(interface {}) (string, error)", call: must_to_json },
    Function {
        name: "mustToPrettyJson",
        signature: "func(interface {}) (string, error)",
        call: must_to_pretty_json,
    },
    Function {
        name: "mustToRawJson",
        signature: "func(interface {}) (string, error)",
        call: must_to_raw_json,
    },
    Function { name: "toJson", signature: "func(interface {}) string", call: to_json },
    Function { name: "toPrettyJson", signature: "func(interface {}) string", call: to_pretty_json },
    Function { name: "toRawJson", signature: "func(interface {}) string", call: to_raw_json },
    Function { name: "toYaml", signature: "func(interface {}) string", call: to_yaml },
];

fn b64enc(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(4) / 3 + 4)?;
    Ok(Value::string(bases::encode_64(text.bytes())))
}

fn b64dec(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len())?;
    Ok(Value::string(bases::decode_64(text.bytes()).unwrap_or_else(String::into_bytes)))
}

fn b32enc(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(8) / 5 + 8)?;
    Ok(Value::string(bases::encode_32(text.bytes())))
}

fn b32dec(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len())?;
    Ok(Value::string(bases::decode_32(text.bytes()).unwrap_or_else(String::into_bytes)))
}

fn hexdec(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len())?;
    Ok(Value::string(bases::decode_hex(text.bytes()).unwrap_or_else(String::into_bytes)))
}

fn from_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(4))?;
    Ok(json::value(gojson::decode(text.bytes()).value))
}

fn must_from_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(4))?;
    let decoded = gojson::decode(text.bytes());
    match decoded.error {
        None => Ok(json::value(decoded.value)),
        Some(error) => {
            let literal = call.is_literal(0);
            let pieces: Vec<Piece> = error.0.into_iter().map(|part| piece(part, literal)).collect();
            Err(Failure::error(Text::from(pieces)))
        }
    }
}

/// A piece of an error's text: what stands literally in the template may be shown.
fn piece(part: gojson::Part, literal: bool) -> Piece {
    match part {
        gojson::Part::Text(text) => Piece::Shown(text),
        gojson::Part::Data(bytes) => match bytes.as_slice() {
            [byte] if literal => Piece::Shown(quoted_byte(*byte)),
            bytes if literal => Piece::Shown(String::from_utf8_lossy(bytes).into_owned()),
            bytes => Piece::value(bytes),
        },
    }
}

/// A byte as Go's JSON errors quote it.
fn quoted_byte(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = crate::gofmt::quote::quoted(char::from(byte).to_string().as_bytes(), '"', false);
            let text = String::from_utf8_lossy(quoted.bytes()).into_owned();
            format!("'{}'", text.trim_start_matches('"').trim_end_matches('"'))
        }
    }
}

/// JSON of a value; with HTML characters escaped or not, indented or not.
fn encoded(call: &mut Call<'_>, html: bool, indent: bool) -> Result<Str, Failure> {
    let value = call.value(0);
    json::encode(call, &value, html, indent.then_some("  "))
}

/// Like [`encoded`], nothing where that fails; limits fail all the same.
fn quietly(encoded: Result<Str, Failure>) -> Result<Value, Failure> {
    match encoded {
        Ok(text) => Ok(Value::Str(text)),
        Err(limit @ Failure::Limit(_)) => Err(limit),
        Err(_) => Ok(Value::string("")),
    }
}

fn to_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    quietly(encoded(call, true, false))
}

fn must_to_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    encoded(call, true, false).map(Value::Str)
}

fn to_pretty_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    quietly(encoded(call, true, true))
}

fn must_to_pretty_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    encoded(call, true, true).map(Value::Str)
}

/// Unlike its other forms it says what is wrong.
fn to_raw_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    encoded(call, false, false).map(Value::Str)
}

fn must_to_raw_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    encoded(call, false, false).map(Value::Str)
}

fn to_yaml(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = match encoded(call, true, false) {
        Ok(text) => text,
        Err(limit @ Failure::Limit(_)) => return Err(limit),
        Err(_) => return Ok(Value::string("")),
    };
    call.grow(text.len().saturating_mul(2))?;
    Ok(goyaml::to_yaml(text.bytes()).map_or_else(|_| Value::string(""), |yaml| Value::string(yaml.to_vec())))
}

fn from_yaml(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    call.grow(text.len().saturating_mul(4))?;
    let map = Map::of(Type::ANY);
    match goyaml::from_yaml(text.bytes()) {
        Ok(members) => {
            for (key, value) in members.unwrap_or_default() {
                map.insert(key.as_slice(), json::value(value));
            }
        }
        Err(error) => {
            map.insert(b"Error".as_slice(), Value::string(error.as_bytes()));
        }
    }
    Ok(Value::Map(map))
}
