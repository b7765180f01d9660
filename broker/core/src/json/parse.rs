//! The JSON parser: one pass, RFC 8259 to the letter, with limits.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Json, JsonError, JsonLimits, JsonProblem};

/// The parser calls itself once a level; this is what its stack surely holds.
const DEEPEST: usize = 512;

/// Reads one JSON value.
///
/// # Errors
/// [`JsonError`] with line and column: the grammar, a limit of `limits`, invalid UTF-8, a lone surrogate, a
/// number beyond the range of a 64-bit float, or anything but white space after the value.
pub fn parse(text: &[u8], limits: &JsonLimits) -> Result<Json, JsonError> {
    if text.len() > limits.max_bytes {
        return Err(JsonError { line: 1, column: 1, problem: JsonProblem::TooLong(limits.max_bytes) });
    }
    let source = std::str::from_utf8(text).map_err(|e| located(text, e.valid_up_to(), JsonProblem::Utf8))?;
    let mut parser = Parser {
        source,
        at: 0,
        strings_left: limits.max_strings,
        depth_left: limits.max_depth.min(DEEPEST),
        max_depth: limits.max_depth.min(DEEPEST),
    };
    parser.document().map_err(|problem| located(text, parser.at, problem))
}

/// Turns a byte offset into line and column.
fn located(text: &[u8], at: usize, problem: JsonProblem) -> JsonError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    // Continuation bytes of UTF-8 do not begin a character.
    let column = before.iter().skip(start).filter(|b| **b & 0xc0 != 0x80).count() + 1;
    JsonError { line, column, problem }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    strings_left: usize,
    depth_left: usize,
    max_depth: usize,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Json, JsonProblem> {
        let value = self.value()?;
        self.space();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(JsonProblem::Trailing),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// The problem of something else, or nothing, standing here.
    fn expected(&self, what: &'static str) -> JsonProblem {
        match self.peek() {
            Some(_) => JsonProblem::Expected(what),
            None => JsonProblem::End(what),
        }
    }

    fn value(&mut self) -> Result<Json, JsonProblem> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.expected("a JSON value")),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Json, JsonProblem>) -> Result<Json, JsonProblem> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(JsonProblem::TooDeep(self.max_depth))?;
        self.at += 1;
        let value = inner(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn word(&mut self, word: &'static str, value: Json) -> Result<Json, JsonProblem> {
        if !self.source.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(JsonProblem::Expected("a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self) -> Result<Json, JsonProblem> {
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self) -> Result<Json, JsonProblem> {
        let mut fields = BTreeMap::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = std::mem::take(&mut *self.string()?);
            self.space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            let value = self.value()?;
            fields.insert(key, value);
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(fields));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonProblem> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(JsonProblem::Number) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Json, JsonProblem> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z')) {
            return Err(JsonProblem::Number);
        }
        let digits = self.source.get(start..self.at).ok_or(JsonProblem::Number)?;
        if !digits.parse::<f64>().is_ok_and(f64::is_finite) {
            self.at = start;
            return Err(JsonProblem::NumberRange);
        }
        Ok(Json::Number(Zeroizing::new(digits.to_owned())))
    }

    /// Reads a string from its opening quote on.
    fn string(&mut self) -> Result<Zeroizing<String>, JsonProblem> {
        self.strings_left = self.strings_left.checked_sub(1).ok_or(JsonProblem::TooManyStrings)?;
        self.at += 1;
        // Reserved at once: a string that grows would leave copies of secrets behind.
        let mut text = Zeroizing::new(String::with_capacity(self.span()));
        loop {
            let rest = self.source.get(self.at..).unwrap_or_default();
            let plain = rest.find(|c| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(JsonProblem::Control),
                None => return Err(JsonProblem::End("the closing quote")),
            }
        }
    }

    /// Bytes up to the closing quote.
    fn span(&self) -> usize {
        let mut escaped = false;
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        rest.iter()
            .position(|b| {
                let closing = *b == b'"' && !escaped;
                escaped = *b == b'\\' && !escaped;
                closing
            })
            .unwrap_or(0)
    }

    fn escape(&mut self) -> Result<char, JsonProblem> {
        let Some(kind) = self.source.as_bytes().get(self.at + 1) else {
            return Err(JsonProblem::End("an escape"));
        };
        let plain = match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(JsonProblem::Escape),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonProblem> {
        let first = self.hex4(self.at)?;
        if let Some(c) = char::from_u32(first) {
            self.at += 6;
            return Ok(c);
        }
        // Half of a pair: only a high half with a low half after it makes a character.
        let second = self.hex4(self.at + 6).map_err(|_| JsonProblem::Surrogate)?;
        if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
            return Err(JsonProblem::Surrogate);
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        self.at += 12;
        char::from_u32(code).ok_or(JsonProblem::Surrogate)
    }

    /// The code of `\uXXXX` at an offset.
    fn hex4(&self, at: usize) -> Result<u32, JsonProblem> {
        let digits = self.source.get(at..at + 6).and_then(|e| e.strip_prefix("\\u"));
        let digits =
            digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or(JsonProblem::Escape)?;
        u32::from_str_radix(digits, 16).map_err(|_| JsonProblem::Escape)
    }
}
