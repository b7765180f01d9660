//! Values as texts: what Go's `%v` prints and how Go quotes.

use std::sync::LazyLock;

use syncer_regexp::Category;

use super::buffer::Buffer;
use super::reflect::{MAX_NESTING, too_deep};
use super::runes::indexed;
use crate::function::{Call, Failure};
use crate::go::{Kind, Object, Str, Value};

/// What `%v` prints.
pub(crate) fn display(call: &mut Call<'_>, value: &Value) -> Result<Str, Failure> {
    let mut out = Buffer::default();
    write(call, &mut out, value, MAX_NESTING)?;
    Ok(out.into_str())
}

fn write(call: &mut Call<'_>, out: &mut Buffer, value: &Value, levels: usize) -> Result<(), Failure> {
    call.step(1)?;
    let levels = levels.checked_sub(1).ok_or_else(too_deep)?;
    let text = match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) | Value::Int64(n) => n.to_string(),
        Value::Uint8(n) => n.to_string(),
        Value::Uint32(n) => n.to_string(),
        Value::Uint64(n) => n.to_string(),
        Value::Float64(n) => float(*n),
        Value::Complex(real, imaginary) => {
            let sign = if imaginary.is_sign_negative() { "" } else { "+" };
            format!("({}{sign}{}i)", float(*real), float(*imaginary).trim_start_matches('+'))
        }
        Value::Str(text) => return put(call, out, text.bytes()),
        Value::List(list) => {
            put(call, out, b"[")?;
            for (index, item) in list.items().iter().enumerate() {
                put(call, out, if index > 0 { b" " } else { b"" })?;
                write(call, out, item, levels)?;
            }
            "]".to_owned()
        }
        Value::Map(map) => {
            put(call, out, b"map[")?;
            for (index, (key, item)) in map.entries().iter().enumerate() {
                put(call, out, if index > 0 { b" " } else { b"" })?;
                put(call, out, key.bytes())?;
                put(call, out, b":")?;
                write(call, out, item, levels)?;
            }
            "]".to_owned()
        }
        Value::Object(object) => return write_object(call, out, &**object, levels),
    };
    put(call, out, text.as_bytes())
}

fn write_object(
    call: &mut Call<'_>,
    out: &mut Buffer,
    object: &dyn Object,
    levels: usize,
) -> Result<(), Failure> {
    if object.is_nil() {
        return put(call, out, b"<nil>");
    }
    if let Some(text) = object.string() {
        return put(call, out, &text);
    }
    if let Some(value) = object.underlying() {
        return write(call, out, &value, levels);
    }
    put(call, out, if object.go_type().kind() == Kind::Ptr { b"&{" } else { b"{" })?;
    for (index, (_, _, field)) in object.fields().iter().enumerate() {
        put(call, out, if index > 0 { b" " } else { b"" })?;
        write(call, out, field, levels)?;
    }
    put(call, out, b"}")
}

fn put(call: &mut Call<'_>, out: &mut Buffer, bytes: &[u8]) -> Result<(), Failure> {
    call.grow(bytes.len())?;
    out.push(bytes);
    Ok(())
}

/// The shortest form that reads back as the number, with an exponent below 1e-4 and from 1e6 on, as `%v` prints it.
fn float(n: f64) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{n:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let power = exponent.parse::<i32>().unwrap_or(0);
    if (-4..6).contains(&power) {
        return format!("{n}");
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.unsigned_abs())
}

/// `strconv.Quote`
pub(crate) fn quote(text: &[u8]) -> Str {
    let mut out = Buffer::with_capacity(text.len() + 2);
    out.push(b"\"");
    for (at, c, width) in indexed(text) {
        let invalid = c == char::REPLACEMENT_CHARACTER && width == 1;
        let escape = match c {
            _ if invalid => format!("\\x{:02x}", text.get(at).copied().unwrap_or(0)),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\x07' => "\\a".to_owned(),
            '\x08' => "\\b".to_owned(),
            '\x0c' => "\\f".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\x0b' => "\\v".to_owned(),
            c if is_print(c) => {
                out.push_char(c);
                continue;
            }
            '\0'..='\x1f' | '\x7f' => format!("\\x{:02x}", u32::from(c)),
            c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
            c => format!("\\U{:08x}", u32::from(c)),
        };
        out.push(escape.as_bytes());
    }
    out.push(b"\"");
    out.into_str()
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the space.
pub(crate) fn is_print(c: char) -> bool {
    static PRINTED: LazyLock<Vec<Category>> =
        LazyLock::new(|| ["L", "M", "N", "P", "S"].iter().filter_map(|name| Category::named(name)).collect());
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    PRINTED.iter().any(|category| category.contains(c))
}

/// `strconv.CanBackquote`
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars().all(|c| c == '\t' || !matches!(c, '\0'..='\x1f' | '`' | '\x7f' | '\u{feff}'))
    })
}
