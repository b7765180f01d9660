//! JSON as text: values are slices of the source, so that digits of numbers and order of keys survive.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zeroize::Zeroizing;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;

/// Longest JSON text, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Why a text is not taken as JSON. Positions are bytes from the start; the text itself is never shown.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON from this position on.
    #[error("not valid JSON at byte {0}")]
    Syntax(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("JSON nested deeper than {MAX_DEPTH} levels at byte {0}")]
    TooDeep(usize),
    /// Longer than [`MAX_BYTES`].
    #[error("JSON of {0} bytes, at most {MAX_BYTES} are read")]
    TooLong(usize),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One valid JSON value, as the slice of the text it came from, without white space around it.
#[derive(Clone, Copy)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// Reads a text that holds exactly one JSON value.
    ///
    /// # Errors
    /// [`JsonError`] with the position, if the text is not JSON, too deep or too long.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        if text.len() > MAX_BYTES {
            return Err(JsonError::TooLong(text.len()));
        }
        let mut cursor = Cursor::new(text);
        let value = cursor.value(0)?;
        cursor.space();
        if cursor.peek().is_some() {
            return Err(JsonError::Syntax(cursor.pos));
        }
        Ok(value)
    }

    /// Reads a text that holds any number of JSON values, one after the other (JSON lines).
    ///
    /// # Errors
    /// As [`Raw::parse`].
    pub fn parse_lines(text: &'a str) -> Result<Vec<Self>, JsonError> {
        if text.len() > MAX_BYTES {
            return Err(JsonError::TooLong(text.len()));
        }
        let mut cursor = Cursor::new(text);
        let mut values = Vec::new();
        loop {
            cursor.space();
            if cursor.peek().is_none() {
                return Ok(values);
            }
            values.push(cursor.value(0)?);
        }
    }

    /// The JSON text of the value, as in the source.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// The values of an array; nothing for any other kind.
    pub fn elements(self) -> Vec<Raw<'a>> {
        let mut cursor = Cursor::new(self.0);
        let mut out = Vec::new();
        if cursor.peek() == Some(b'[') {
            cursor.pos += 1;
            while let Ok(value) = cursor.value(1) {
                out.push(value);
                cursor.space();
                cursor.pos += 1;
            }
        }
        out
    }

    /// Keys (as JSON strings) and values of an object in the order of the source; nothing for any other kind.
    pub fn members(self) -> Vec<(Raw<'a>, Raw<'a>)> {
        let mut cursor = Cursor::new(self.0);
        let mut out = Vec::new();
        if cursor.peek() == Some(b'{') {
            cursor.pos += 1;
            while let Ok(member) = cursor.member(1) {
                out.push(member);
                cursor.space();
                cursor.pos += 1;
            }
        }
        out
    }

    /// The members of an object by decoded key, sorted; of equal keys the last counts. `None` if it is no object.
    pub fn object(self) -> Option<BTreeMap<String, Raw<'a>>> {
        (self.kind() == Kind::Object).then(|| {
            self.members()
                .into_iter()
                .map(|(key, value)| (std::mem::take(&mut *key.decoded()), value))
                .collect()
        })
    }

    /// The text that the value stands for: a string without quotes and escapes, `null` nothing, everything else as
    /// in the source, digit by digit.
    pub fn decoded(self) -> Zeroizing<String> {
        match self.kind() {
            Kind::String => unescape(self.0),
            Kind::Null => Zeroizing::new(String::new()),
            _ => Zeroizing::new(self.0.to_owned()),
        }
    }

    /// The value as Go's `json.Marshal` prints it: compact, keys sorted, `<`, `>`, `&`, U+2028 and U+2029 escaped;
    /// numbers keep their digits.
    pub fn to_go_json(self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(self.0.len() + self.0.len() / 8));
        self.write_go(&mut out);
        out
    }

    fn write_go(self, out: &mut String) {
        match self.kind() {
            Kind::Object => {
                out.push('{');
                for (at, (key, value)) in self.object().unwrap_or_default().into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_go_string(&key, out);
                    out.push(':');
                    value.write_go(out);
                }
                out.push('}');
            }
            Kind::Array => {
                out.push('[');
                for (at, value) in self.elements().into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    value.write_go(out);
                }
                out.push(']');
            }
            Kind::String => write_go_string(&self.decoded(), out),
            _ => out.push_str(self.0),
        }
    }
}

/// Writes `text` as a JSON string the way Go's `json.Marshal` does.
pub fn write_go_string(text: &str, out: &mut String) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
            _ => out.push(ch),
        }
    }
    out.push('"');
}

/// Decodes a valid JSON string with its quotes. Half a surrogate pair becomes U+FFFD.
fn unescape(raw: &str) -> Zeroizing<String> {
    let inner = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
    let mut out = Zeroizing::new(String::with_capacity(inner.len()));
    let mut chars = inner.chars();
    while let Some(ch) = chars.next() {
        if ch != '\\' {
            out.push(ch);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (decoded, rest) = unicode_escape(chars.as_str());
                out.push(decoded);
                chars = rest.chars();
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Reads what stands behind `\u`: the character, and the text behind it.
fn unicode_escape(text: &str) -> (char, &str) {
    let (unit, rest) = hex4(text);
    if !(0xD800..0xDC00).contains(&unit) {
        return (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), rest);
    }
    if let Some(second) = rest.strip_prefix("\\u") {
        let (low, after) = hex4(second);
        if (0xDC00..0xE000).contains(&low) {
            let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), after);
        }
    }
    (char::REPLACEMENT_CHARACTER, rest)
}

/// Four hexadecimal digits and the text behind them. The text was checked before.
fn hex4(text: &str) -> (u32, &str) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    (u32::from_str_radix(digits, 16).unwrap_or(0xFFFD), rest)
}

/// A place in a JSON text; every step checks what it reads.
struct Cursor<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax(self.pos))
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return self.syntax();
        }
        self.pos += 1;
        Ok(())
    }

    /// Reads one value with `depth` arrays and objects around it.
    fn value(&mut self, depth: usize) -> Result<Raw<'a>, JsonError> {
        self.space();
        let start = self.pos;
        match self.peek() {
            Some(b'{') => self.sequence(depth, b'}')?,
            Some(b'[') => self.sequence(depth, b']')?,
            Some(b'"') => self.string()?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            _ => self.number()?,
        }
        self.text.get(start..self.pos).map(Raw).ok_or(JsonError::Syntax(start))
    }

    /// Reads an array or object up to its closing byte.
    fn sequence(&mut self, depth: usize, close: u8) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep(self.pos));
        }
        self.pos += 1;
        self.space();
        if self.peek() == Some(close) {
            self.pos += 1;
            return Ok(());
        }
        loop {
            if close == b'}' {
                self.member(depth + 1)?;
            } else {
                self.value(depth + 1)?;
            }
            self.space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(byte) if byte == close => {
                    self.pos += 1;
                    return Ok(());
                }
                _ => return self.syntax(),
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<(Raw<'a>, Raw<'a>), JsonError> {
        self.space();
        let start = self.pos;
        self.string()?;
        let key = self.text.get(start..self.pos).map(Raw).ok_or(JsonError::Syntax(start))?;
        self.space();
        self.expect(b':')?;
        Ok((key, self.value(depth)?))
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.expect(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.pos += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return self.syntax(),
                Some(_) => self.pos += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.syntax();
                    }
                    self.pos += 1;
                }
            }
            _ => return self.syntax(),
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.text.get(self.pos..).is_some_and(|rest| rest.starts_with(word)) {
            return self.syntax();
        }
        self.pos += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.pos += 1;
        }
        if start == self.pos { self.syntax() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
