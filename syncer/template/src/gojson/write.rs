//! Writing: the caller walks its value and says what comes; form, escapes and indentation are Go's.

use std::io::Write as _;

use zeroize::Zeroizing;

/// Writes one JSON value. The caller sorts the keys of maps.
pub(crate) struct Writer {
    out: Zeroizing<Vec<u8>>,
    html: bool,
    indent: Option<&'static str>,
    /// One entry per open array or object: how many values it has so far.
    open: Vec<usize>,
    after_key: bool,
}

impl Writer {
    /// `html` escapes `<`, `>` and `&`; `indent` puts every value on a line of its own.
    pub(crate) fn new(html: bool, indent: Option<&'static str>) -> Self {
        Self { out: Zeroizing::new(Vec::new()), html, indent, open: Vec::new(), after_key: false }
    }

    /// The text.
    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.out
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    fn line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            for _ in 0..depth {
                self.out.extend_from_slice(indent.as_bytes());
            }
        }
    }

    fn before(&mut self) {
        if std::mem::take(&mut self.after_key) {
            return;
        }
        let depth = self.open.len();
        if let Some(count) = self.open.last_mut() {
            if *count > 0 {
                self.out.push(b',');
            }
            *count += 1;
            self.line(depth);
        }
    }

    /// A value whose text is given: `null`, `true`, a number.
    pub(crate) fn literal(&mut self, text: &str) {
        self.before();
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A number; false, and nothing written, for NaN and the infinities, which JSON cannot say.
    pub(crate) fn float(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        self.literal(&float_text(value));
        true
    }

    /// A string; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn string(&mut self, bytes: &[u8]) {
        self.before();
        self.quoted(bytes);
    }

    /// The key of the next value in an object.
    pub(crate) fn key(&mut self, bytes: &[u8]) {
        self.before();
        self.quoted(bytes);
        self.out.push(b':');
        if self.indent.is_some() {
            self.out.push(b' ');
        }
        self.after_key = true;
    }

    /// Opens an array (`[`) or an object (`{`).
    pub(crate) fn begin(&mut self, bracket: u8) {
        self.before();
        self.out.push(bracket);
        self.open.push(0);
    }

    /// Closes what [`Writer::begin`] opened.
    pub(crate) fn end(&mut self, bracket: u8) {
        let count = self.open.pop().unwrap_or_default();
        if count > 0 {
            self.line(self.open.len());
        }
        self.out.push(bracket);
    }

    fn quoted(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            for _ in chunk.invalid() {
                self.out.extend_from_slice(b"\\ufffd");
            }
        }
        self.out.push(b'"');
    }

    fn character(&mut self, character: char) {
        let short = match character {
            '"' => b'"',
            '\\' => b'\\',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '<' | '>' | '&' if self.html => return self.escaped(character),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => return self.escaped(character),
            _ => {
                let mut buffer = [0; 4];
                self.out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }

    fn escaped(&mut self, character: char) {
        // Writing to a Vec cannot fail.
        let _infallible = write!(self.out, "\\u{:04x}", u32::from(character));
    }
}

/// Go's form of a number in JSON: digits as few as needed, an exponent below 1e-6 and from 1e21.
pub(crate) fn float_text(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => text,
        };
    }
    format!("{value}")
}
