//! Takes paths apart: the next step, and what stands behind it.

use zeroize::Zeroizing;

use super::GjsonError;
use super::modifier::is_modifier;
use super::query::Operator;
use crate::json::{Kind, Raw};

/// What stands behind a step.
#[derive(Clone, Copy)]
pub(super) enum Rest<'a> {
    /// Nothing.
    End,
    /// `.` and steps that go on inside the value.
    More(&'a str),
    /// `|` (or `.` before a modifier or multipath) and a path of its own.
    Pipe(&'a str),
}

/// A key with wildcards.
pub(super) struct Pattern(Vec<Token>);

enum Token {
    /// `*`
    Any,
    /// `?`
    One,
    /// This character.
    Char(char),
}

impl Pattern {
    /// A pattern in which `*` and `?` are wildcards and `\` takes the meaning from what follows.
    pub(super) fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(ch) = chars.next() {
            tokens.push(match ch {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => match chars.next() {
                    Some(next) => Token::Char(next),
                    None => break,
                },
                _ => Token::Char(ch),
            });
        }
        Self(tokens)
    }

    /// Most characters that [`Pattern::matches`] looks at: each `*` may go over the text once more.
    pub(super) fn cost(&self, text: &str) -> usize {
        let stars = self.0.iter().filter(|token| matches!(token, Token::Any)).count();
        if stars == 0 { 0 } else { text.len().saturating_mul(self.0.len()) }
    }

    /// Whether the whole text fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        let chars: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
        let (mut at, mut token) = (0, 0);
        // Where to go on after the last `*` has taken one character more.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(token), chars.get(at)) {
                (None, None) => return true,
                (Some(Token::Any), _) => {
                    retry = Some((token + 1, at));
                    token += 1;
                    continue;
                }
                (Some(Token::One), Some(_)) => {
                    (at, token) = (at + 1, token + 1);
                    continue;
                }
                (Some(Token::Char(want)), Some(ch)) if want == ch => {
                    (at, token) = (at + 1, token + 1);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((next, start)) if start < chars.len() => {
                    retry = Some((next, start + 1));
                    (at, token) = (start + 1, next);
                }
                _ => return false,
            }
        }
    }
}

/// Splits at a byte position; the byte itself is dropped.
fn cut(text: &str, at: usize) -> (&str, &str) {
    (text.get(..at).unwrap_or(text), text.get(at + 1..).unwrap_or_default())
}

/// The key of a step into an object, and what follows.
pub(super) fn object_step(path: &str) -> (Pattern, Rest<'_>) {
    let mut escaped = false;
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'|' => {
                let (part, rest) = cut(path, at);
                return (Pattern::new(part), Rest::Pipe(rest));
            }
            b'.' => {
                let (part, rest) = cut(path, at);
                let rest = if begins_own_path(rest) { Rest::Pipe(rest) } else { Rest::More(rest) };
                return (Pattern::new(part), rest);
            }
            _ => {}
        }
    }
    (Pattern::new(path), Rest::End)
}

/// Whether what follows a dot is a modifier or multipath. A literal must follow a pipe.
fn begins_own_path(rest: &str) -> bool {
    match rest.as_bytes().first() {
        Some(b'[' | b'{') => true,
        Some(b'@') => modifier(rest).is_some(),
        _ => false,
    }
}

/// A step into an array.
pub(super) enum ArrayStep<'a> {
    /// An index; `None` if the step is no number, so that it finds nothing.
    Index(Option<usize>, Rest<'a>),
    /// `#`: the number of elements.
    Count(Rest<'a>),
    /// `#.path`: the path in each element.
    Each(&'a str),
    /// `#(…)` or `#(…)#`.
    Query(Query<'a>, Rest<'a>),
}

/// The condition of a query.
pub(super) struct Query<'a> {
    /// What of the element is compared; empty means the element.
    pub(super) path: &'a str,
    /// How; `None` asks only whether it is there.
    pub(super) operator: Option<Operator>,
    /// With what.
    pub(super) value: String,
    /// All elements that fit, or the first.
    pub(super) all: bool,
}

/// Reads a step into an array.
pub(super) fn array_step(path: &str) -> Result<ArrayStep<'_>, GjsonError> {
    if let Some(key) = path.strip_prefix("#.") {
        return Ok(ArrayStep::Each(key));
    }
    if path.starts_with("#(") || path.starts_with("#[") {
        let end =
            balanced(path.get(1..).unwrap_or_default()).ok_or_else(|| GjsonError::Query(path.to_owned()))?;
        let mut query = read_query(path.get(2..end).unwrap_or_default(), path)?;
        let behind = path.get(end + 1..).unwrap_or_default();
        query.all = behind.starts_with('#');
        let behind = behind.strip_prefix('#').unwrap_or(behind);
        let rest = match behind.as_bytes().first() {
            None => Rest::End,
            Some(b'|') => Rest::Pipe(cut(behind, 0).1),
            Some(b'.') => Rest::More(cut(behind, 0).1),
            Some(_) => return Err(GjsonError::Query(path.to_owned())),
        };
        return Ok(ArrayStep::Query(query, rest));
    }
    let (part, rest) = match path.find(['.', '|']) {
        None => (path, Rest::End),
        Some(at) => {
            let (part, rest) = cut(path, at);
            let piped = path.as_bytes().get(at) == Some(&b'|') || begins_own_path(rest);
            (part, if piped { Rest::Pipe(rest) } else { Rest::More(rest) })
        }
    };
    if part == "#" {
        return Ok(ArrayStep::Count(rest));
    }
    let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    Ok(ArrayStep::Index(if number { part.parse().ok() } else { None }, rest))
}

/// Reads what stands between the brackets of a query; `whole` is for the error.
fn read_query<'a>(text: &'a str, whole: &str) -> Result<Query<'a>, GjsonError> {
    let Some(at) = top_level(text, |byte| matches!(byte, b'!' | b'=' | b'<' | b'>' | b'%')) else {
        return Ok(Query { path: text.trim(), operator: None, value: String::new(), all: false });
    };
    let (left, right) = text.split_at_checked(at).unwrap_or((text, ""));
    let (operator, value) = Operator::read(right).ok_or_else(|| GjsonError::Query(whole.to_owned()))?;
    let value = value.trim();
    let value = match Raw::parse(value) {
        Ok(raw) if raw.kind() == Kind::String => std::mem::take(&mut *raw.decoded()),
        _ => value.to_owned(),
    };
    Ok(Query { path: left.trim(), operator: Some(operator), value, all: false })
}

/// Position of the bracket that closes the one that `text` begins with, counted with the byte before `text`.
fn balanced(text: &str) -> Option<usize> {
    closing(text).map(|end| end + 1)
}

/// Position of the bracket that closes the one that `text` begins with. Strings and escapes are read over.
fn closing(text: &str) -> Option<usize> {
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        scan.next(byte);
        if scan.depth == 0 && !scan.quoted {
            return Some(at);
        }
    }
    None
}

/// Position of the first byte outside of brackets, strings and escapes for which `wanted` holds.
fn top_level(text: &str, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        if scan.depth == 0 && !scan.quoted && !scan.escaped && wanted(byte) {
            return Some(at);
        }
        scan.next(byte);
    }
    None
}

/// Whether a place in a path is inside of brackets or a string.
#[derive(Default)]
struct Scan {
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Scan {
    fn next(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
            return;
        }
        match byte {
            b'\\' => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            b'[' | b'(' | b'{' if !self.quoted => self.depth += 1,
            b']' | b')' | b'}' if !self.quoted => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Splits at the first pipe outside of brackets; behind it stands a path for the whole result.
pub(super) fn split_pipe(path: &str) -> (&str, Option<&str>) {
    match top_level(path, |byte| byte == b'|') {
        Some(at) => {
            let (left, right) = cut(path, at);
            (left, Some(right))
        }
        None => (path, None),
    }
}

/// A modifier that a path begins with.
pub(super) struct Call<'a> {
    /// Its name without `@`.
    pub(super) name: &'a str,
    /// What stands behind the colon.
    pub(super) argument: &'a str,
    /// What follows, with its `|` or `.`.
    pub(super) rest: &'a str,
}

/// The modifier that a path begins with, if there is one of that name.
pub(super) fn modifier(path: &str) -> Option<Call<'_>> {
    let text = path.strip_prefix('@')?;
    let end = text.find([':', '|', '.']).unwrap_or(text.len());
    let (name, behind) = text.split_at_checked(end)?;
    if !is_modifier(name) {
        return None;
    }
    let Some(behind) = behind.strip_prefix(':') else {
        return Some(Call { name, argument: "", rest: behind });
    };
    let end = match behind.as_bytes().first() {
        Some(b'{' | b'[') => closing(behind).map_or(behind.len(), |end| end + 1),
        _ => top_level(behind, |byte| byte == b'|').unwrap_or(behind.len()),
    };
    let (argument, rest) = behind.split_at_checked(end)?;
    Some(Call { name, argument, rest })
}

/// The literal that a path begins with (`!` and a JSON value), and what follows. Behind a string nothing counts, and a
/// number goes on to the end, as in the reference.
pub(super) fn literal(path: &str) -> Option<(&str, &str)> {
    let text = path.strip_prefix('!')?;
    let first = text.as_bytes().first()?;
    let end = match first {
        b'{' | b'[' => closing(text)? + 1,
        b'"' => string_end(text)?,
        b'-' | b'0'..=b'9' => text.len(),
        _ => text.find(['|', '.']).unwrap_or(text.len()),
    };
    let (value, rest) = text.split_at_checked(end)?;
    let rest = if *first == b'"' { "" } else { rest };
    Raw::parse(value).is_ok().then_some((value, rest))
}

/// Position behind the string that `text` begins with.
fn string_end(text: &str) -> Option<usize> {
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        scan.next(byte);
        if !scan.quoted {
            return Some(at + 1);
        }
    }
    None
}

/// One part of a multipath.
pub(super) struct Part<'a> {
    /// The name in front of the colon.
    pub(super) name: Option<&'a str>,
    /// The path.
    pub(super) path: &'a str,
}

/// The parts of the multipath that a path begins with, and what follows it.
pub(super) fn multipath(path: &str) -> Option<(Vec<Part<'_>>, &str)> {
    if !path.starts_with(['[', '{']) {
        return None;
    }
    let end = closing(path)?;
    let rest = path.get(end + 1..)?;
    if !rest.is_empty() && !rest.starts_with(['|', '.']) {
        return None;
    }
    let mut parts = Vec::new();
    let mut text = path.get(1..end)?;
    loop {
        match top_level(text, |byte| byte == b',') {
            Some(at) => {
                let (part, behind) = cut(text, at);
                parts.push(read_part(part));
                text = behind;
            }
            None => {
                parts.push(read_part(text));
                return Some((parts, rest));
            }
        }
    }
}

fn read_part(text: &str) -> Part<'_> {
    // The colon of a modifier's argument is none of ours, unless the modifier comes first: so the reference has it.
    let until = [".@", "|@"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    let head = text.get(..until).unwrap_or(text);
    match top_level(head, |byte| byte == b':') {
        Some(at) => {
            let (name, path) = cut(text, at);
            Part { name: Some(name).filter(|name| !name.is_empty()), path }
        }
        None => Part { name: None, path: text },
    }
}

/// The name that a part without one gets: its last key, or `_` if that is more than a key.
pub(super) fn last_name(path: &str) -> &str {
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'.' | b'|' => start = at + 1,
            _ => {}
        }
    }
    let name = path.get(start..).unwrap_or_default();
    let special = |ch: char| ch < ' ' || matches!(ch, '[' | ']' | '{' | '}' | '(' | ')' | '#' | '|' | '!');
    if name.contains(special) { "_" } else { name }
}
