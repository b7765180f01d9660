//! Values to YAML with libyaml's layout: blocks, two spaces, lists not indented in mappings, long lines folded.

use zeroize::Zeroizing;

use super::resolve::{self, Tag};
use super::{Yaml, sort};
use crate::gofmt::float::format as format_float;

/// A line is folded at the first space behind this column.
const WIDTH: usize = 80;
/// The longest key that stands before its colon; longer ones have a line of their own.
const LONGEST_KEY: usize = 128;

/// Writes a document, with a line break at its end.
pub(super) fn emit(value: &Yaml) -> Zeroizing<Vec<u8>> {
    let mut emitter =
        Emitter { out: Zeroizing::default(), column: 0, indent: None, blank: true, indention: true };
    emitter.node(value, Place::Root);
    if emitter.column > 0 {
        emitter.line_break();
    }
    emitter.out
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    Value,
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Emitter {
    out: Zeroizing<Vec<u8>>,
    /// Characters of the current line.
    column: usize,
    /// `None` before the first block.
    indent: Option<usize>,
    /// Whether white space was written last.
    blank: bool,
    /// Whether only indention and its marks are on the line.
    indention: bool,
}

/// What a text allows.
struct Analysis {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Emitter {
    fn push(&mut self, bytes: &[u8]) {
        if self.out.capacity() < self.out.len() + bytes.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * (self.out.len() + bytes.len()) + 256));
            larger.extend_from_slice(&self.out);
            self.out = larger;
        }
        self.out.extend_from_slice(bytes);
    }

    fn char(&mut self, ch: char) {
        self.push(ch.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.push(b"\n");
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.blank) {
            self.line_break();
        }
        while self.column < indent {
            self.char(' ');
        }
        (self.blank, self.indention) = (true, true);
    }

    fn indicator(&mut self, text: &str, need_blank: bool, is_blank: bool, is_indention: bool) {
        if need_blank && !self.blank {
            self.char(' ');
        }
        text.chars().for_each(|ch| self.char(ch));
        self.blank = is_blank;
        self.indention = self.indention && is_indention;
    }

    fn node(&mut self, value: &Yaml, place: Place) {
        match value {
            Yaml::Null => self.scalar(b"null", Style::Plain, place),
            Yaml::Bool(flag) => self.scalar(if *flag { b"true" } else { b"false" }, Style::Plain, place),
            Yaml::Int(number) => self.scalar(number.to_string().as_bytes(), Style::Plain, place),
            Yaml::Uint(number) => self.scalar(number.to_string().as_bytes(), Style::Plain, place),
            Yaml::Float(number) => self.scalar(float(*number).as_bytes(), Style::Plain, place),
            Yaml::String(text) => self.scalar(text, wanted(text), place),
            Yaml::List(items) if items.is_empty() => self.empty("[", "]"),
            Yaml::Map(members) if members.is_empty() => self.empty("{", "}"),
            Yaml::List(items) => self.list(items, place),
            Yaml::Map(members) => self.map(members),
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn list(&mut self, items: &[Yaml], place: Place) {
        let outer = self.indent;
        let indentless = place == Place::Value && !self.indention;
        self.indent = Some(outer.map_or(0, |indent| if indentless { indent } else { indent + 2 }));
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Place::Item);
        }
        self.indent = outer;
    }

    fn map(&mut self, members: &[(Yaml, Yaml)]) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + 2));
        let mut sorted: Vec<&(Yaml, Yaml)> = members.iter().collect();
        sorted.sort_by(|one, other| sort::compare(&one.0, &other.0));
        for (key, value) in sorted {
            self.write_indent();
            if is_simple(key) {
                self.node(key, Place::Key);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, Place::Value);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Place::Value);
        }
        self.indent = outer;
    }

    fn scalar(&mut self, text: &[u8], style: Style, place: Place) {
        let lossy = String::from_utf8_lossy(text);
        let chars = Zeroizing::new(lossy.chars().collect::<Vec<char>>());
        let analysis = analyze(&chars);
        let style = select(style, &analysis, chars.is_empty(), place);
        // A scalar that is the whole document stands within an indention too.
        let outer = self.indent;
        self.indent = Some(outer.unwrap_or(0) + 2);
        match style {
            Style::Plain => self.plain(&chars, place != Place::Key),
            Style::Single => self.single(&chars, place != Place::Key),
            Style::Double => self.double(&chars, place != Place::Key),
            Style::Literal => self.literal(&chars),
        }
        self.indent = outer;
    }

    /// Goes to the next line in place of a space.
    fn folds(&self, fold: bool, spaces: bool) -> bool {
        fold && !spaces && self.column > WIDTH
    }

    fn plain(&mut self, chars: &[char], fold: bool) {
        if !self.blank {
            self.char(' ');
        }
        let mut spaces = false;
        for (at, ch) in chars.iter().enumerate() {
            if *ch == ' ' {
                if self.folds(fold, spaces) && chars.get(at + 1) != Some(&' ') {
                    self.write_indent();
                } else {
                    self.char(' ');
                }
                spaces = true;
            } else {
                self.char(*ch);
                (self.indention, spaces) = (false, false);
            }
        }
        (self.blank, self.indention) = (false, false);
    }

    fn single(&mut self, chars: &[char], fold: bool) {
        self.indicator("'", true, false, false);
        let (mut spaces, mut breaks) = (false, false);
        for (at, ch) in chars.iter().enumerate() {
            if *ch == ' ' {
                let inside = at > 0 && at + 1 < chars.len();
                if self.folds(fold, spaces) && inside && chars.get(at + 1) != Some(&' ') {
                    self.write_indent();
                } else {
                    self.char(' ');
                }
                spaces = true;
            } else if is_break(*ch) {
                if !breaks && *ch == '\n' {
                    self.line_break();
                }
                self.write_break(*ch);
                (self.indention, breaks) = (true, true);
            } else {
                if breaks {
                    self.write_indent();
                }
                if *ch == '\'' {
                    self.char('\'');
                }
                self.char(*ch);
                (self.indention, spaces, breaks) = (false, false, false);
            }
        }
        self.indicator("'", false, false, false);
        (self.blank, self.indention) = (false, false);
    }

    fn double(&mut self, chars: &[char], fold: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        // As libyaml: a byte order mark at the beginning makes every character an escape.
        let marked = chars.first() == Some(&'\u{feff}');
        for (at, ch) in chars.iter().enumerate() {
            if !is_printable(*ch) || marked || is_break(*ch) || matches!(ch, '"' | '\\') {
                self.escape(*ch);
                spaces = false;
            } else if *ch == ' ' {
                if self.folds(fold, spaces) && at > 0 && at + 1 < chars.len() {
                    self.write_indent();
                    if chars.get(at + 1) == Some(&' ') {
                        self.char('\\');
                    }
                } else {
                    self.char(' ');
                }
                spaces = true;
            } else {
                self.char(*ch);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        (self.blank, self.indention) = (false, false);
    }

    fn escape(&mut self, ch: char) {
        let short = match ch {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => ch,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(ch);
                let text = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                text.chars().for_each(|ch| self.char(ch));
                return;
            }
        };
        self.char('\\');
        self.char(short);
    }

    fn literal(&mut self, chars: &[char]) {
        self.indicator("|", true, false, false);
        if chars.first().is_some_and(|ch| *ch == ' ' || is_break(*ch)) {
            self.indicator("2", false, false, false);
        }
        let broken = |back: usize| {
            chars.len().checked_sub(back).and_then(|at| chars.get(at)).is_some_and(|ch| is_break(*ch))
        };
        if !broken(1) {
            self.indicator("-", false, false, false);
        } else if chars.len() == 1 || broken(2) {
            self.indicator("+", false, false, false);
        }
        self.line_break();
        (self.indention, self.blank) = (true, true);
        let mut breaks = true;
        for ch in chars {
            if is_break(*ch) {
                self.write_break(*ch);
                (self.indention, breaks) = (true, true);
            } else {
                if breaks {
                    self.write_indent();
                }
                self.char(*ch);
                (self.indention, breaks) = (false, false);
            }
        }
    }

    fn write_break(&mut self, ch: char) {
        if ch == '\n' {
            self.line_break();
        } else {
            self.char(ch);
            self.column = 0;
        }
    }
}

fn float(number: f64) -> String {
    match number {
        _ if number.is_nan() => ".nan".to_owned(),
        _ if number.is_infinite() => if number > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        _ => format_float(number, 'g', None),
    }
}

/// The style that a text is to have where it is allowed.
fn wanted(text: &[u8]) -> Style {
    if text.contains(&b'\n') {
        Style::Literal
    } else if resolve::plain(None, text).0 == Tag::String && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    }
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`, which YAML 1.1 takes for a number.
fn is_base_60(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let mut parts = text.split(|byte| *byte == b':');
    let first = parts.next().unwrap_or_default();
    let digits = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_');
    if !first.first().is_some_and(u8::is_ascii_digit) || !digits(first) {
        return false;
    }
    let rest: Vec<&[u8]> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixty = |part: &[u8]| matches!(part, [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (whole, fraction) = match last.iter().position(|byte| *byte == b'.') {
        Some(at) => (last.get(..at).unwrap_or_default(), last.get(at + 1..).unwrap_or_default()),
        None => (*last, &[][..]),
    };
    middle.iter().all(|part| sixty(part)) && sixty(whole) && digits(fraction)
}

fn is_simple(key: &Yaml) -> bool {
    match key {
        Yaml::String(text) => {
            let lossy = String::from_utf8_lossy(text);
            !lossy.chars().any(is_break) && text.len() <= LONGEST_KEY
        }
        Yaml::List(items) => items.is_empty(),
        Yaml::Map(members) => members.is_empty(),
        _ => true,
    }
}

fn select(style: Style, analysis: &Analysis, empty: bool, place: Place) -> Style {
    let key = place == Place::Key;
    let mut style = if key && analysis.multiline { Style::Double } else { style };
    if style == Style::Plain && (!analysis.plain || (empty && key)) {
        style = Style::Single;
    }
    if style == Style::Single && !analysis.single {
        style = Style::Double;
    }
    if style == Style::Literal && (!analysis.block || key) {
        style = Style::Double;
    }
    style
}

fn is_break(ch: char) -> bool {
    matches!(ch, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(ch: char) -> bool {
    matches!(ch, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn analyze(chars: &[char]) -> Analysis {
    let Some(first) = chars.first() else {
        return Analysis { multiline: false, plain: true, single: true, block: false };
    };
    let marks = matches!(chars, ['-', '-', '-', ..] | ['.', '.', '.', ..]);
    let blank = |ch: &char| matches!(ch, ' ' | '\t');
    let after = |at: usize| chars.get(at + 1).is_none_or(blank);
    let mut indicators = marks
        || matches!(
            first,
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
        )
        || (matches!(first, '?' | ':' | '-') && after(0));
    let mut before_blank = true;
    let (mut space, mut line) = (false, false);
    let (mut breaks, mut special, mut break_space, mut space_break) = (false, false, false, false);
    for (at, ch) in chars.iter().enumerate() {
        indicators |= at > 0 && ((*ch == ':' && after(at)) || (*ch == '#' && before_blank));
        special |= !is_printable(*ch);
        if *ch == ' ' {
            break_space |= line;
            (space, line) = (true, false);
        } else if is_break(*ch) {
            breaks = true;
            space_break |= space;
            (space, line) = (false, true);
        } else {
            (space, line) = (false, false);
        }
        before_blank = blank(ch) || is_break(*ch) || *ch == '\0';
    }
    let edge = |ch: Option<&char>| ch.is_some_and(|ch| *ch == ' ' || is_break(*ch));
    let trailing_space = chars.last() == Some(&' ');
    let edges = edge(chars.first()) || edge(chars.last());
    let broken = space_break || special;
    Analysis {
        multiline: breaks,
        plain: !(edges || break_space || broken || breaks || indicators),
        single: !(break_space || broken),
        block: !(trailing_space || broken),
    }
}
