//! The modifiers `@name:argument`.

use zeroize::Zeroizing;

use super::path::Call;
use super::pretty::{self, Style};
use super::scan::{Value, each, flag, parse};
use super::{Engine, GjsonError, MAX_DEPTH, valid};

const NAMES: [&[u8]; 13] = [
    b"pretty", b"ugly", b"reverse", b"this", b"flatten", b"join", b"valid", b"keys", b"values", b"tostr",
    b"fromstr", b"group", b"dig",
];

/// JSON that is made.
type Made = Zeroizing<Vec<u8>>;

/// Whether there is a modifier of that name. Other names after `@` are keys.
pub(super) fn is_modifier(name: &[u8]) -> bool {
    NAMES.contains(&name)
}

/// Writes a JSON string with Go's escapes, also for HTML; bytes that are no UTF-8 become U+FFFD.
pub(super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    let mut written = Zeroizing::new(String::with_capacity(text.len() + 2));
    let mut first = true;
    for chunk in text.utf8_chunks() {
        let mut part = Zeroizing::new(String::new());
        crate::json::write_go_string(chunk.valid(), &mut part);
        let inner = part.get(1..part.len() - 1).unwrap_or_default();
        if first {
            written.push('"');
            first = false;
        }
        written.push_str(inner);
        for _ in chunk.invalid() {
            written.push_str("\\ufffd");
        }
    }
    if first {
        written.push('"');
    }
    written.push('"');
    out.extend_from_slice(written.as_bytes());
}

/// A switch in the JSON object that is the argument.
fn switch(argument: &[u8], name: &[u8]) -> bool {
    let Some(value) = parse(argument) else { return false };
    each(&value)
        .into_iter()
        .filter(|(key, _)| text_of_key(key).as_slice() == name)
        .map(|(_, value)| flag(&value))
        .next_back()
        .unwrap_or(false)
}

/// The text of a key that stands in quotes.
pub(super) fn text_of_key(key: &[u8]) -> Zeroizing<Vec<u8>> {
    parse(key).map(|key| key.text()).unwrap_or_default()
}

fn owned(bytes: &[u8]) -> Made {
    Zeroizing::new(bytes.to_vec())
}

/// Values between brackets.
fn listed<'v>(open: u8, close: u8, parts: impl IntoIterator<Item = &'v [u8]>) -> Made {
    let mut out = owned(&[open]);
    for part in parts {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(part);
    }
    out.push(close);
    out
}

fn member(key: &[u8], value: &[u8]) -> Made {
    let mut out = owned(key);
    out.push(b':');
    out.extend_from_slice(value);
    out
}

/// What stands between the brackets.
fn unwrapped(json: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte <= b' ';
    let start = json.iter().take_while(|byte| blank(byte)).count();
    let end = json.len() - json.iter().skip(start).rev().take_while(|byte| blank(byte)).count();
    let json = json.get(start..end).unwrap_or_default();
    if json.len() >= 2 && matches!(json.first(), Some(b'[' | b'{')) {
        return json.get(1..json.len() - 1).unwrap_or_default();
    }
    json
}

impl Engine {
    /// Applies a modifier.
    pub(super) fn modify(&mut self, json: &[u8], call: &Call<'_>, depth: usize) -> Result<Made, GjsonError> {
        Ok(match call.name {
            b"pretty" => pretty::pretty(json, &Style::read(call.argument))?,
            b"ugly" => pretty::ugly(json),
            b"reverse" => reverse(json),
            b"flatten" => flatten(json, switch(call.argument, b"deep"), 0)?,
            b"join" => join(json, switch(call.argument, b"preserve")),
            b"valid" => owned(if valid::is_valid(json) { json } else { b"" }),
            b"keys" => keys(json),
            b"values" => values(json),
            b"tostr" => {
                let mut out = Zeroizing::new(Vec::with_capacity(json.len() * 2 + 2));
                write_string(json, &mut out);
                out
            }
            b"fromstr" if valid::is_valid(json) => parse(json).map(|value| value.text()).unwrap_or_default(),
            b"fromstr" => owned(b""),
            b"group" => group(json),
            b"dig" => {
                let mut found = Vec::new();
                if let Some(value) = parse(json) {
                    self.dig(&value, call.argument, depth, &mut found)?;
                }
                listed(b'[', b']', found.iter().map(|made| made.as_slice()))
            }
            // `this`.
            _ => owned(json),
        })
    }

    /// What a path finds in a value and in all that is in it, from outside to inside.
    fn dig(
        &mut self,
        value: &Value<'_>,
        path: &[u8],
        depth: usize,
        found: &mut Vec<Made>,
    ) -> Result<(), GjsonError> {
        if depth >= MAX_DEPTH {
            return Err(GjsonError::ValueTooDeep);
        }
        if let Some(here) = self.get(&value.raw, path, depth + 1)? {
            self.spend(here.raw.len())?;
            found.push(here.raw.into_owned());
        }
        if value.is_array() || value.is_object() {
            for (_, inner) in each(value) {
                self.dig(&inner, path, depth + 1, found)?;
            }
        }
        Ok(())
    }
}

fn reverse(json: &[u8]) -> Made {
    match parse(json) {
        Some(value) if value.is_array() => {
            let all = each(&value);
            listed(b'[', b']', all.iter().rev().map(|(_, value)| &*value.raw))
        }
        Some(value) if value.is_object() => {
            let all: Vec<Made> =
                each(&value).iter().rev().map(|(key, value)| member(key, &value.raw)).collect();
            listed(b'{', b'}', all.iter().map(|made| made.as_slice()))
        }
        _ => owned(json),
    }
}

fn flatten(json: &[u8], deep: bool, depth: usize) -> Result<Made, GjsonError> {
    if depth > MAX_DEPTH {
        return Err(GjsonError::ValueTooDeep);
    }
    let Some(value) = parse(json).filter(Value::is_array) else { return Ok(owned(json)) };
    let mut parts = Vec::new();
    for (_, element) in each(&value) {
        let part = match element.is_array() {
            true if deep => owned(unwrapped(&flatten(&element.raw, deep, depth + 1)?)),
            true => owned(unwrapped(&element.raw)),
            false => owned(&element.raw),
        };
        parts.push(owned(part.trim_ascii()));
    }
    Ok(listed(b'[', b']', parts.iter().map(|made| made.as_slice()).filter(|part| !part.is_empty())))
}

/// One object of the objects of an array; of equal keys the last value counts, unless all are to be preserved.
fn join(json: &[u8], preserve: bool) -> Made {
    let Some(value) = parse(json).filter(Value::is_array) else { return owned(json) };
    let all = each(&value);
    let objects = all.iter().map(|(_, value)| value).filter(|value| value.is_object());
    if preserve {
        let parts: Vec<&[u8]> = objects.map(|object| unwrapped(&object.raw)).collect();
        // An empty object leaves its comma.
        return Zeroizing::new([&b"{"[..], &parts.join(&b','), b"}"].concat());
    }
    let mut members: Vec<(&[u8], Value<'_>)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for object in objects {
        for (key, value) in each(object) {
            let text = text_of_key(key);
            let place = *places.entry(text.to_vec()).or_insert(members.len());
            match members.get_mut(place) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            }
        }
    }
    let parts: Vec<Made> = members.iter().map(|(key, value)| member(key, &value.raw)).collect();
    listed(b'{', b'}', parts.iter().map(|made| made.as_slice()))
}

fn keys(json: &[u8]) -> Made {
    let Some(value) = parse(json) else { return owned(b"[]") };
    let object = value.is_object();
    listed(b'[', b']', each(&value).into_iter().map(|(key, _)| if object { key } else { b"null" }))
}

fn values(json: &[u8]) -> Made {
    match parse(json) {
        None => owned(b"[]"),
        Some(value) if value.is_array() => owned(json),
        Some(value) => {
            let all = each(&value);
            listed(b'[', b']', all.iter().map(|(_, value)| &*value.raw))
        }
    }
}

/// An array of objects of an object of arrays.
fn group(json: &[u8]) -> Made {
    let Some(value) = parse(json).filter(Value::is_object) else { return owned(b"") };
    let mut rows: Vec<Vec<Made>> = Vec::new();
    for (key, array) in each(&value).iter().filter(|(_, value)| value.is_array()) {
        for (at, (_, element)) in each(array).iter().enumerate() {
            if rows.len() <= at {
                rows.push(Vec::new());
            }
            if let Some(row) = rows.get_mut(at) {
                row.push(member(key, &element.raw));
            }
        }
    }
    let objects: Vec<Made> =
        rows.iter().map(|row| listed(b'{', b'}', row.iter().map(|made| made.as_slice()))).collect();
    listed(b'[', b']', objects.iter().map(|made| made.as_slice()))
}
