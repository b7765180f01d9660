//! `html`, `js`, `urlquery`: the text of the arguments, escaped for where it is to stand.

use crate::function::{Call, Failure};
use crate::functions::buffer::Buffer;
use crate::functions::runes::first;
use crate::functions::show::is_print;
use crate::go::{Str, Value};
use crate::gofmt;

/// The arguments as one text; nil counts as no value.
fn text(call: &mut Call<'_>) -> Result<Str, Failure> {
    let absent =
        |value: &Value| if matches!(value, Value::Nil) { Value::string("<no value>") } else { value.clone() };
    let args: Vec<Value> = call.rest(0).iter().map(absent).collect();
    let text = gofmt::sprint(&args, call.meter())?;
    call.grow(text.len().saturating_mul(2))?;
    Ok(text)
}

pub(super) fn html(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = text(call)?;
    let mut out = Buffer::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0 => out.push("\u{fffd}".as_bytes()),
            b'"' => out.push(b"&#34;"),
            b'\'' => out.push(b"&#39;"),
            b'&' => out.push(b"&amp;"),
            b'<' => out.push(b"&lt;"),
            b'>' => out.push(b"&gt;"),
            other => out.push(&[*other]),
        }
    }
    Ok(out.into_value())
}

pub(super) fn js(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = text(call)?;
    let mut out = Buffer::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some((c, width)) = first(rest) {
        let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        match c {
            '\\' | '\'' | '"' => {
                out.push(b"\\");
                out.push(head);
            }
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => out.push(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            c if c.is_ascii() || is_print(c) => out.push(head),
            c => out.push(format!("\\u{:04X}", u32::from(c)).as_bytes()),
        }
        rest = tail;
    }
    Ok(out.into_value())
}

pub(super) fn urlquery(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = text(call)?;
    let mut out = Buffer::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(&[*byte]),
            b' ' => out.push(b"+"),
            other => out.push(format!("%{other:02X}").as_bytes()),
        }
    }
    Ok(out.into_value())
}
