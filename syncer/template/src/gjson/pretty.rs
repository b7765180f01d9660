//! `@pretty` and `@ugly`: the layout of JSON, and of what only looks like it.

use std::cmp::Ordering;

use zeroize::Zeroizing;

use super::modifier::text_of_key;
use super::scan::{each, flag, number, parse};
use super::{GjsonError, Kind, MAX_DEPTH};

/// How `@pretty` lays out.
pub(super) struct Style {
    indent: Vec<u8>,
    prefix: Vec<u8>,
    width: i64,
    sort_keys: bool,
}

/// Longest indent or prefix, in bytes.
const MAX_INDENT: usize = 8;

impl Style {
    /// Reads the argument: a JSON object with `indent`, `prefix`, `width`, `sortKeys`, or nothing.
    pub(super) fn read(argument: &[u8]) -> Self {
        let mut style = Self { indent: b"  ".to_vec(), prefix: Vec::new(), width: 80, sort_keys: false };
        let Some(object) = parse(argument) else { return style };
        let blanks = |text: &[u8]| {
            text.iter()
                .copied()
                .filter(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                .take(MAX_INDENT)
                .collect()
        };
        for (key, value) in each(&object) {
            match text_of_key(key).as_slice() {
                b"indent" => style.indent = blanks(&value.text()),
                b"prefix" => style.prefix = blanks(&value.text()),
                b"width" => style.width = whole(value.kind, &value.text(), value.number()),
                b"sortKeys" => style.sort_keys = flag(&value),
                _ => {}
            }
        }
        style
    }
}

/// A value as a whole number.
fn whole(kind: Kind, text: &[u8], float: f64) -> i64 {
    match kind {
        Kind::True => 1,
        #[expect(clippy::cast_possible_truncation, reason = "a width; fractions do not count")]
        Kind::Number => float as i64,
        Kind::String => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0),
        _ => 0,
    }
}

/// Many lines; arrays of plain values stay on one line where they fit.
pub(super) fn pretty(json: &[u8], style: &Style) -> Result<Zeroizing<Vec<u8>>, GjsonError> {
    let out = Zeroizing::new(style.prefix.clone());
    let mut printer = Printer { json, style, out, at: 0, line: 0 };
    printer.any(Layout { lines: true, tabs: 0, room: None }, 0)?;
    if !printer.out.is_empty() {
        printer.out.push(b'\n');
    }
    Ok(printer.out)
}

/// Without any space outside of strings.
pub(super) fn ugly(json: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(json.len()));
    let mut at = 0;
    while let Some(byte) = json.get(at).copied() {
        let end = match byte {
            b'"' => super::scan::close_quote(json, at + 1).map_or(json.len(), |end| end + 1),
            _ => at + 1,
        };
        if byte > b' ' {
            out.extend_from_slice(json.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    out
}

/// How a part is laid out.
#[derive(Clone, Copy)]
struct Layout {
    /// Whether each element has a line of its own.
    lines: bool,
    tabs: usize,
    /// In an array that is tried on one line: the room that there is.
    room: Option<i64>,
}

struct Printer<'a> {
    json: &'a [u8],
    style: &'a Style,
    out: Zeroizing<Vec<u8>>,
    at: usize,
    /// Where the current line begins in `out`.
    line: usize,
}

/// A member of an object that is sorted: its key in the document, and where it stands in the output.
struct Pair {
    key: (usize, usize),
    value: (usize, usize),
}

impl Printer<'_> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// The next value. Whether it may stand in an array of one line.
    fn any(&mut self, layout: Layout, depth: usize) -> Result<bool, GjsonError> {
        while let Some(byte) = self.peek() {
            let not_a_number = matches!(byte, b'i' | b'I' | b'+' | b'N')
                || (byte == b'n' && self.json.get(self.at + 1).is_some_and(|next| *next != b'u'));
            match byte {
                b'"' => self.string(),
                b'0'..=b'9' | b'-' => self.number(),
                _ if not_a_number => self.number(),
                b'{' | b'[' => return self.open(layout, byte, depth),
                b't' => self.word(b"true"),
                b'f' => self.word(b"false"),
                b'n' => self.word(b"null"),
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            return Ok(true);
        }
        Ok(true)
    }

    fn copy_to(&mut self, end: usize) {
        let end = end.min(self.json.len());
        self.out.extend_from_slice(self.json.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    fn string(&mut self) {
        let end = super::scan::close_quote(self.json, self.at + 1);
        self.copy_to(end.map_or(self.json.len(), |end| end + 1));
    }

    fn number(&mut self) {
        let ends = |byte: &u8| *byte <= b' ' || matches!(byte, b',' | b':' | b']' | b'}');
        let rest = self.json.get(self.at + 1..).unwrap_or_default();
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.copy_to(self.at + 1 + length);
    }

    fn word(&mut self, word: &[u8]) {
        self.out.extend_from_slice(word);
        self.at += word.len();
    }

    fn new_line(&mut self) {
        self.line = self.out.len();
        match self.out.last_mut() {
            Some(last) if *last == b' ' => *last = b'\n',
            _ => self.out.push(b'\n'),
        }
    }

    fn tabs(&mut self, count: usize) {
        self.out.extend_from_slice(&self.style.prefix);
        for _ in 0..count {
            self.out.extend_from_slice(&self.style.indent);
        }
    }

    /// An object or array that begins here: an array on one line if it fits.
    fn open(&mut self, layout: Layout, open: u8, depth: usize) -> Result<bool, GjsonError> {
        if depth > MAX_DEPTH {
            return Err(GjsonError::ValueTooDeep);
        }
        if self.style.width > 0 {
            if layout.lines && open == b'[' && layout.room.is_none() {
                let used = i64::try_from(self.out.len() - self.line).unwrap_or(i64::MAX);
                let room = self.style.width.saturating_sub(used);
                let (length, at, line) = (self.out.len(), self.at, self.line);
                if room > 3 {
                    let short = Layout { lines: false, tabs: 0, room: Some(room) };
                    let fits = self.body(short, open, depth)?;
                    self.line = line;
                    if fits && i64::try_from(self.out.len() - length).is_ok_and(|taken| taken <= room) {
                        return Ok(true);
                    }
                    self.out.truncate(length);
                    self.at = at;
                }
            } else if layout.room.is_some() && open == b'{' {
                return Ok(false);
            }
        }
        self.body(layout, open, depth)
    }

    fn body(&mut self, layout: Layout, open: u8, depth: usize) -> Result<bool, GjsonError> {
        let close = if open == b'{' { b'}' } else { b']' };
        let mut pairs = (open == b'{' && self.style.sort_keys).then(Vec::new);
        let begin = self.out.len();
        self.out.push(open);
        self.at += 1;
        let mut count = 0;
        while let Some(byte) = self.peek() {
            if byte == close {
                self.end(layout, (begin, count), pairs.as_deref());
                self.out.push(close);
                self.at += 1;
                return Ok(open != b'{');
            }
            // A comma in an array begins the next element: what is no value before one is passed over there.
            if byte <= b' ' || (open == b'{' && byte != b'"') {
                self.at += 1;
                continue;
            }
            let pair = self.item(layout, (open, count), depth)?;
            let Some(pair) = pair else { return Ok(false) };
            if let Some(all) = &mut pairs {
                all.push(pair);
            }
            count += 1;
        }
        Ok(open != b'{')
    }

    /// One element or member; `None` if it does not fit on the line.
    fn item(
        &mut self,
        layout: Layout,
        (open, count): (u8, usize),
        depth: usize,
    ) -> Result<Option<Pair>, GjsonError> {
        if count > 0 {
            self.out.push(b',');
            if open == b'[' && self.style.width != -1 {
                self.out.push(b' ');
            }
        }
        if layout.lines {
            self.new_line();
        }
        let (key_start, value_start) = (self.at, self.out.len());
        if layout.lines {
            self.tabs(layout.tabs + 1);
        }
        let mut key_end = self.at;
        if open == b'{' {
            self.string();
            key_end = self.at;
            self.out.push(b':');
            if layout.lines {
                self.out.push(b' ');
            }
        }
        let fits = self.any(Layout { tabs: layout.tabs + 1, ..layout }, depth + 1)?;
        if layout.room.is_some() && !fits {
            return Ok(None);
        }
        Ok(Some(Pair { key: (key_start, key_end), value: (value_start, self.out.len()) }))
    }

    fn end(&mut self, layout: Layout, (begin, count): (usize, usize), pairs: Option<&[Pair]>) {
        if !layout.lines {
            return;
        }
        if let Some(pairs) = pairs {
            self.sort(pairs);
        }
        if count > 0 {
            self.new_line();
        }
        if self.out.len() > begin + 1 {
            self.tabs(layout.tabs);
        }
    }

    fn sort(&mut self, pairs: &[Pair]) {
        let (Some(first), Some(last)) = (pairs.first(), pairs.last()) else { return };
        let key = |pair: &Pair| self.json.get(pair.key.0..pair.key.1).unwrap_or_default();
        let value = |pair: &Pair| {
            let text = self.out.get(pair.value.0..pair.value.1).unwrap_or_default().trim_ascii();
            text.get(key(pair).len() + 1..).unwrap_or(text).trim_ascii()
        };
        let mut order: Vec<&Pair> = pairs.iter().collect();
        order.sort_by(|a, b| compare(key(a), key(b)).then_with(|| compare(value(a), value(b))));
        let texts: Vec<&[u8]> =
            order.iter().map(|pair| self.out.get(pair.value.0..pair.value.1).unwrap_or_default()).collect();
        let sorted = Zeroizing::new(texts.join(&b",\n"[..]));
        let tail = Zeroizing::new(self.out.get(last.value.1..).unwrap_or_default().to_vec());
        self.out.truncate(first.value.0);
        self.out.extend_from_slice(&sorted);
        self.out.extend_from_slice(&tail);
    }
}

/// The order of keys and values: null, false, numbers, strings, true, the rest.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |text: &[u8]| match text.first() {
        None | Some(b'n') => 0,
        Some(b'f') => 1,
        Some(b'"') => 3,
        Some(b't') => 4,
        Some(b'[' | b'{') => 5,
        Some(_) => 2,
    };
    rank(a).cmp(&rank(b)).then_with(|| match rank(a) {
        3 => text_of_key(a).cmp(&text_of_key(b)),
        2 => number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal),
        _ => a.cmp(b),
    })
}
