//! Finds where values begin and end in bytes that need not be JSON, as the Go library does: by their first byte.

use std::ops::Deref;

use zeroize::Zeroizing;

use super::Kind;
use crate::functions::number::parse_float;

/// Bytes of a value: a part of the document, or made on the way and then wiped.
#[derive(Clone)]
pub(super) enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Owned(Zeroizing<Vec<u8>>),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Bytes<'_> {
    pub(super) fn into_owned(self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Borrowed(bytes) => Zeroizing::new(bytes.to_vec()),
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A value that is there.
#[derive(Clone)]
pub(super) struct Value<'a> {
    pub(super) kind: Kind,
    /// As it stands in the document.
    pub(super) raw: Bytes<'a>,
    /// The text of a string that does not end.
    unfinished: Option<Zeroizing<Vec<u8>>>,
}

impl<'a> Value<'a> {
    /// A part of a document; `None` for nothing at all.
    pub(super) fn new(kind: Kind, raw: &'a [u8]) -> Option<Self> {
        let there = kind != Kind::Null || !raw.is_empty();
        there.then_some(Self { kind, raw: Bytes::Borrowed(raw), unfinished: None })
    }

    /// JSON that was made.
    pub(super) fn made(kind: Kind, raw: Zeroizing<Vec<u8>>) -> Value<'static> {
        Value { kind, raw: Bytes::Owned(raw), unfinished: None }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        Value { kind: self.kind, raw: Bytes::Owned(self.raw.into_owned()), unfinished: self.unfinished }
    }

    pub(super) fn is_object(&self) -> bool {
        self.kind == Kind::Json && self.raw.first() == Some(&b'{')
    }

    pub(super) fn is_array(&self) -> bool {
        self.kind == Kind::Json && self.raw.first() == Some(&b'[')
    }

    /// The number that it is; 0 where it is none.
    pub(super) fn number(&self) -> f64 {
        number(&self.raw)
    }

    /// Its text: strings decoded, `null` as nothing, numbers with a fraction or exponent printed anew, all else as it is.
    pub(super) fn text(&self) -> Zeroizing<Vec<u8>> {
        let owned = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        match self.kind {
            Kind::Null => owned(b""),
            Kind::True => owned(b"true"),
            Kind::False => owned(b"false"),
            Kind::Json => owned(&self.raw),
            Kind::String => match &self.unfinished {
                Some(text) => text.clone(),
                None => inner_text(&self.raw),
            },
            Kind::Number => {
                let digits = self.raw.strip_prefix(b"-").unwrap_or(&self.raw);
                if digits.iter().all(u8::is_ascii_digit) {
                    return owned(&self.raw);
                }
                Zeroizing::new(print(self.number()).into_bytes())
            }
        }
    }
}

/// A float in Go's format `f` with the fewest digits.
fn print(number: f64) -> String {
    match number {
        _ if number.is_nan() => "NaN".to_owned(),
        _ if number.is_infinite() => if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        _ => number.to_string(),
    }
}

/// A number as Go reads it; what is none is 0, and what is too large is infinite.
pub(super) fn number(text: &[u8]) -> f64 {
    parse_float(text).unwrap_or_else(|| {
        let read = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        read.filter(|number| number.is_infinite()).unwrap_or(0.0)
    })
}

/// The decoded text between the quotes of a string that ends.
fn inner_text(raw: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains(&b'\\') { unescape(inner) } else { Zeroizing::new(inner.to_vec()) }
}

/// Decodes escapes; stops at what is none, and at control characters.
pub(super) fn unescape(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        if byte < b' ' {
            break;
        }
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(escape) = text.get(at).copied() else { break };
        at += 1;
        match escape {
            b'\\' | b'/' | b'"' => out.push(escape),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => match unicode(text, at) {
                Some((ch, next)) => {
                    out.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
                    at = next;
                }
                None => break,
            },
            _ => break,
        }
    }
    out
}

/// The character of `\u` whose digits begin at `at`, and where it ends; halves of a pair that do not meet are U+FFFD.
fn unicode(text: &[u8], at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(text.get(at..at + 4)?).unwrap_or_default();
        Some(if digits.starts_with('+') { 0 } else { u32::from_str_radix(digits, 16).unwrap_or(0) })
    };
    let (first, next) = (unit(at)?, at + 4);
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), next));
    }
    if text.get(next..next + 2) != Some(b"\\u") || text.len() < next + 6 {
        return Some((char::REPLACEMENT_CHARACTER, next));
    }
    let second = unit(next + 2)?;
    let pair = (first < 0xdc00 && (0xdc00..0xe000).contains(&second))
        .then(|| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)))
        .flatten();
    Some((pair.unwrap_or(char::REPLACEMENT_CHARACTER), next + 6))
}

/// Where the quote stands that ends a string whose content begins at `from`.
pub(super) fn close_quote(json: &[u8], from: usize) -> Option<usize> {
    let mut backslashes = 0_usize;
    for (at, byte) in json.iter().enumerate().skip(from) {
        match byte {
            b'"' if backslashes.is_multiple_of(2) => return Some(at),
            b'\\' => backslashes += 1,
            _ => backslashes = 0,
        }
    }
    None
}

/// Where brackets of which `depth` are open at `from` are closed; the end if they are not, and one more where that is
/// within a string, as nothing comes behind it. With none open: where the string ends that begins at `from`.
pub(super) fn squash(json: &[u8], from: usize, mut depth: usize) -> usize {
    let mut at = from;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => match close_quote(json, at + 1) {
                None => return json.len() + 1,
                Some(end) if depth == 0 => return end + 1,
                Some(end) => at = end,
            },
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    json.len()
}

/// What is at the beginning of `text`, up to its end: a string, or everything between brackets.
pub(super) fn squashed(text: &[u8]) -> &[u8] {
    let (from, depth) = if text.first() == Some(&b'"') { (0, 0) } else { (1, 1) };
    text.get(..squash(text, from, depth)).unwrap_or(text)
}

fn number_end(json: &[u8], from: usize) -> usize {
    let ends = |byte: &u8| *byte <= b' ' || matches!(byte, b',' | b']' | b'}');
    let rest = json.get(from + 1..).unwrap_or_default();
    rest.iter().position(ends).map_or(json.len(), |at| from + 1 + at)
}

fn literal_end(json: &[u8], from: usize) -> usize {
    let rest = json.get(from + 1..).unwrap_or_default();
    rest.iter().position(|byte| !byte.is_ascii_lowercase()).map_or(json.len(), |at| from + 1 + at)
}

/// What begins at a byte.
pub(super) enum Start {
    /// `{` or `[`.
    Open,
    Quote,
    /// `true`, `false`, `null`, or what begins like them.
    Word(Kind),
    Number,
    /// Nothing.
    Other,
}

pub(super) fn start(json: &[u8], at: usize) -> Start {
    match json.get(at) {
        Some(b'{' | b'[') => Start::Open,
        Some(b'"') => Start::Quote,
        Some(b't') => Start::Word(Kind::True),
        Some(b'f') => Start::Word(Kind::False),
        // `nan` is a number.
        Some(b'n') if json.get(at + 1).is_some_and(|next| *next != b'u') => Start::Number,
        Some(b'n') => Start::Word(Kind::Null),
        Some(b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N') => Start::Number,
        _ => Start::Other,
    }
}

/// The plain value that begins at `at`, with its end; `None` for a string that does not end.
pub(super) fn plain(json: &[u8], at: usize, start: &Start) -> Option<(Kind, usize)> {
    Some(match start {
        Start::Open => (Kind::Json, squash(json, at + 1, 1)),
        Start::Quote => (Kind::String, close_quote(json, at + 1)? + 1),
        Start::Word(kind) => (*kind, literal_end(json, at)),
        Start::Number => (Kind::Number, number_end(json, at)),
        Start::Other => return None,
    })
}

/// The next value from `at` on, whatever stands before it, and its end.
pub(super) fn next(json: &[u8], mut at: usize) -> Option<(Value<'_>, usize)> {
    while at < json.len() {
        let start = start(json, at);
        if !matches!(start, Start::Other) {
            let (kind, end) = plain(json, at, &start)?;
            return Some((Value::new(kind, json.get(at..end.min(json.len()))?)?, end));
        }
        at += 1;
    }
    None
}

/// What a document is: objects and arrays are all that follows, also behind their end.
pub(super) fn parse(json: &[u8]) -> Option<Value<'_>> {
    let at = json.iter().position(|byte| *byte > b' ')?;
    let start = start(json, at);
    let rest = json.get(at..)?;
    match start {
        Start::Open => Value::new(Kind::Json, rest),
        Start::Other => None,
        Start::Quote => Some(match close_quote(rest, 1) {
            Some(end) => Value::new(Kind::String, rest.get(..=end)?)?,
            None => {
                let inner = rest.get(1..)?;
                let text =
                    if inner.contains(&b'\\') { unescape(inner) } else { Zeroizing::new(inner.to_vec()) };
                Value { kind: Kind::String, raw: Bytes::Borrowed(rest), unfinished: Some(text) }
            }
        }),
        Start::Word(_) | Start::Number => {
            let (kind, end) = plain(json, at, &start)?;
            Value::new(kind, json.get(at..end)?)
        }
    }
}

/// Keys (empty in an array) and values of an object or array; the value itself where it is neither.
pub(super) fn each<'v>(value: &'v Value<'_>) -> Vec<(&'v [u8], Value<'v>)> {
    let json: &'v [u8] = &value.raw;
    if value.kind != Kind::Json {
        let alone =
            Value { kind: value.kind, raw: Bytes::Borrowed(json), unfinished: value.unfinished.clone() };
        return vec![(&[], alone)];
    }
    let object = match json.iter().find(|byte| **byte > b' ' || **byte == b'{' || **byte == b'[') {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return Vec::new(),
    };
    let mut at = json.iter().position(|byte| *byte > b' ').map_or(json.len(), |at| at + 1);
    let mut out = Vec::new();
    while at < json.len() {
        let mut key: &[u8] = &[];
        if object {
            let Some(from) = json.iter().skip(at).position(|byte| *byte == b'"').map(|found| at + found)
            else {
                break;
            };
            let Some(end) = close_quote(json, from + 1) else { break };
            (key, at) = (json.get(from..=end).unwrap_or_default(), end + 1);
        }
        let skipped = |byte: &u8| *byte <= b' ' || matches!(byte, b',' | b':');
        at += json.iter().skip(at).take_while(|byte| skipped(byte)).count();
        let Some((value, end)) = next(json, at) else { break };
        out.push((key, value));
        // The byte behind a value is passed over.
        at = end + 1;
    }
    out
}

/// Whether it counts as true.
pub(super) fn flag(value: &Value<'_>) -> bool {
    match value.kind {
        Kind::True => true,
        Kind::String => matches!(value.text().to_ascii_lowercase().as_slice(), b"1" | b"t" | b"true"),
        Kind::Number => value.number() != 0.0,
        _ => false,
    }
}
