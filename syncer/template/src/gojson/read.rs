//! Reading: one pass from left to right, so that the first error is the one Go's scanner meets.

use zeroize::Zeroizing;

use super::{Decoded, Json, JsonError, MAX_DEPTH, Part, push_valid};

/// Decodes a text that holds exactly one JSON value, like `json.Unmarshal` into an `interface{}`.
pub(crate) fn decode(text: &[u8]) -> Decoded {
    let mut reader = Reader { text, pos: 0, range: None };
    match reader.document() {
        Ok(value) => Decoded { value, error: reader.range },
        Err(error) => Decoded { value: Json::Null, error: Some(error) },
    }
}

struct Reader<'a> {
    text: &'a [u8],
    pos: usize,
    /// The first number out of range; Go goes on after it.
    range: Option<JsonError>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.pos += 1;
        }
    }

    /// The error at the current byte, where Go would also accept white space.
    fn soft<T>(&self, context: &str) -> Result<T, JsonError> {
        if self.peek().is_none() {
            return Err(JsonError::text("unexpected end of JSON input"));
        }
        self.hard(context)
    }

    /// The error at the current byte, inside a token: Go's scanner meets the end of the text as a space.
    fn hard<T>(&self, context: &str) -> Result<T, JsonError> {
        let mut parts = vec![Part::Text("invalid character ".to_owned())];
        match self.peek() {
            Some(byte) => parts.push(Part::Data(Zeroizing::new(vec![byte]))),
            None => parts.push(Part::Text("' '".to_owned())),
        }
        parts.push(Part::Text(format!(" {context}")));
        Err(JsonError(parts))
    }

    fn document(&mut self) -> Result<Json, JsonError> {
        let value = self.value(0)?;
        self.space();
        if self.peek().is_some() {
            return self.hard("after top-level value");
        }
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(JsonError::text("exceeded max depth")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.soft("looking for beginning of value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.pos += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.pos += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.soft("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.soft("after object key");
            }
            self.pos += 1;
            members.push((key, self.value(depth + 1)?));
            self.space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b'}') => break,
                _ => return self.soft("after object key:value pair"),
            }
        }
        self.pos += 1;
        Ok(Json::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.pos += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.pos += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b']') => break,
                _ => return self.soft("after array element"),
            }
        }
        self.pos += 1;
        Ok(Json::Array(items))
    }

    fn literal(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        for expected in word.chars() {
            if self.peek().map(char::from) != Some(expected) {
                return self.hard(&format!("in literal {word} (expecting '{expected}')"));
            }
            self.pos += 1;
        }
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        self.pos - start
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.pos;
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else if self.digits() == 0 {
            return self.hard("in numeric literal");
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            if self.digits() == 0 {
                return self.hard("after decimal point in numeric literal");
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            if self.digits() == 0 {
                return self.hard("in exponent of numeric literal");
            }
        }
        let digits = self.text.get(start..self.pos).unwrap_or_default();
        let value = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<f64>().ok());
        match value {
            Some(number) if number.is_finite() => Ok(Json::Number(number)),
            _ => {
                self.range.get_or_insert_with(|| out_of_range(digits));
                Ok(Json::Null)
            }
        }
    }

    fn string(&mut self) -> Result<Zeroizing<Vec<u8>>, JsonError> {
        self.pos += 1;
        let mut out = Zeroizing::new(Vec::new());
        let mut plain = self.pos;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.copy(&mut out, plain);
                    self.pos += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.copy(&mut out, plain);
                    self.pos += 1;
                    self.escape(&mut out)?;
                    plain = self.pos;
                }
                None | Some(0..=0x1f) => return self.soft("in string literal"),
                Some(_) => self.pos += 1,
            }
        }
    }

    fn copy(&self, out: &mut Vec<u8>, from: usize) {
        push_valid(out, self.text.get(from..self.pos).unwrap_or_default());
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(out),
            _ => return self.hard("in string escape code"),
        };
        self.pos += 1;
        out.push(byte);
        Ok(())
    }

    /// After `\`, at the `u`.
    fn unicode(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let first = self.hex4()?;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
            let back = self.pos;
            self.pos += 1;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x10000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00);
            } else {
                self.pos = back; // the second escape stands for itself
            }
        }
        let mut buffer = [0; 4];
        let character = char::from_u32(code).unwrap_or('\u{fffd}');
        out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn hex4(&mut self) -> Result<u16, JsonError> {
        self.pos += 1;
        let mut value = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.hard("in \\u hexadecimal character escape");
            };
            value = (value << 4) | u16::try_from(digit).unwrap_or_default();
            self.pos += 1;
        }
        Ok(value)
    }
}

fn out_of_range(digits: &[u8]) -> JsonError {
    JsonError(vec![
        Part::Text("json: cannot unmarshal number ".to_owned()),
        Part::Data(Zeroizing::new(digits.to_vec())),
        Part::Text(" into Go value of type float64".to_owned()),
    ])
}
