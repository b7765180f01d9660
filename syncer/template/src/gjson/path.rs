//! Takes paths apart: the next step, and what stands behind it.

use std::borrow::Cow;

use super::modifier;
use super::scan::{squashed, unescape};

/// What stands behind a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest<'p> {
    /// Nothing.
    End,
    /// `.` and steps that go on inside the value.
    More(&'p [u8]),
    /// `|` (or `.` before a modifier or multipath) and a path of its own.
    Pipe(&'p [u8]),
}

/// A step into an object.
pub(super) struct ObjectStep<'p> {
    pub(super) part: Cow<'p, [u8]>,
    /// Whether the part has wildcards.
    pub(super) wild: bool,
    pub(super) rest: Rest<'p>,
}

/// What stands from `at` on; nothing behind the end.
fn from(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

fn before(text: &[u8], at: usize) -> &[u8] {
    text.get(..at).unwrap_or(text)
}

/// Reads a step into an object; once a backslash was met, all of them are taken off.
pub(super) fn object_step(path: &[u8]) -> ObjectStep<'_> {
    let (mut wild, mut at, mut part) = (false, 0, None::<Vec<u8>>);
    let mut rest = Rest::End;
    let mut end = path.len();
    while let Some(byte) = path.get(at).copied() {
        match byte {
            b'|' => (rest, end) = (Rest::Pipe(from(path, at + 1)), at),
            b'.' => (rest, end) = (behind_dot(path, at), at),
            b'\\' => {
                let part = part.get_or_insert_with(|| before(path, at).to_vec());
                part.extend(path.get(at + 1));
                at += 2;
                continue;
            }
            _ => {
                wild |= matches!(byte, b'*' | b'?');
                if let Some(part) = &mut part {
                    part.push(byte);
                }
                at += 1;
                continue;
            }
        }
        break;
    }
    let part = part.map_or(Cow::Borrowed(before(path, end)), Cow::Owned);
    ObjectStep { part, wild, rest }
}

fn behind_dot(path: &[u8], dot: usize) -> Rest<'_> {
    let rest = from(path, dot + 1);
    if begins_own_path(rest) { Rest::Pipe(rest) } else { Rest::More(rest) }
}

/// Whether what follows a dot is a modifier or multipath. A literal must follow a pipe.
fn begins_own_path(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'[' | b'{') => true,
        Some(b'@') => {
            let name = from(rest, 1);
            let end = name.iter().position(|byte| matches!(byte, b'.' | b'|' | b':')).unwrap_or(name.len());
            modifier::is_modifier(before(name, end))
        }
        _ => false,
    }
}

/// The condition of a query.
#[derive(Default)]
pub(super) struct Query<'p> {
    /// What of the element is compared; empty means the element.
    pub(super) path: &'p [u8],
    /// How; empty asks only whether it is there.
    pub(super) operator: &'p [u8],
    /// With what.
    pub(super) value: Cow<'p, [u8]>,
    /// All elements that fit, or the first.
    pub(super) all: bool,
}

/// A step into an array.
pub(super) struct ArrayStep<'p> {
    pub(super) part: &'p [u8],
    /// Whether a `#` is in it: then it is no index.
    pub(super) hash: bool,
    /// `#.path`: the path in each element.
    pub(super) each: Option<&'p [u8]>,
    /// `#(…)` or `#(…)#`.
    pub(super) query: Option<Query<'p>>,
    pub(super) rest: Rest<'p>,
}

/// Reads a step into an array.
pub(super) fn array_step(path: &[u8]) -> ArrayStep<'_> {
    let mut step = ArrayStep { part: path, hash: false, each: None, query: None, rest: Rest::End };
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match byte {
            b'|' => {
                (step.part, step.rest) = (before(path, at), Rest::Pipe(from(path, at + 1)));
                return step;
            }
            b'.' => {
                let rest = if step.hash { Rest::More(from(path, at + 1)) } else { behind_dot(path, at) };
                (step.part, step.rest) = (before(path, at), rest);
                return step;
            }
            b'#' => {
                step.hash = true;
                match path.get(1) {
                    Some(b'.') if at == 0 => step.each = Some(from(path, 2)),
                    Some(b'[' | b'(') if at == 0 => match read_query(path) {
                        Some((query, end)) => {
                            let all = path.get(end) == Some(&b'#');
                            step.query = Some(Query { all, ..query });
                            at = end - 1;
                        }
                        None => {
                            step.query = Some(Query::default());
                            return step;
                        }
                    },
                    _ => {}
                }
            }
            _ => {}
        }
        at += 1;
    }
    step
}

fn trim(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte <= b' ';
    let start = text.iter().take_while(|byte| blank(byte)).count();
    let text = from(text, start);
    let end = text.iter().rev().take_while(|byte| blank(byte)).count();
    before(text, text.len() - end)
}

/// Where a string in a path ends whose content begins at `at`; also whether there is an escape in it.
fn string_end(text: &[u8], mut at: usize) -> (usize, bool) {
    let mut escaped = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => break,
            b'\\' => (escaped, at) = (true, at + 1),
            _ => {}
        }
        at += 1;
    }
    (at, escaped)
}

/// Reads `#(…)` at the beginning of a path, and where it ends; `None` if it does not end.
fn read_query(path: &[u8]) -> Option<(Query<'_>, usize)> {
    let (mut at, mut operator, mut depth, mut escaped) = (2, None, 1, false);
    loop {
        let byte = path.get(at)?;
        if depth == 1 && operator.is_none() && matches!(byte, b'!' | b'=' | b'<' | b'>' | b'%') {
            operator = Some(at);
            at += 1;
            continue;
        }
        match byte {
            b'\\' => at += 1,
            b'[' | b'(' => depth += 1,
            b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                let (end, has_escape) = string_end(path, at + 1);
                (at, escaped) = (end, escaped || has_escape);
            }
            _ => {}
        }
        at += 1;
    }
    let Some(from_operator) = operator else {
        let query = Query { path: trim(path.get(2..at)?), ..Query::default() };
        return Some((query, at + 1));
    };
    let right = trim(path.get(from_operator..at)?);
    let (operator, value) = split_operator(right);
    let value = trim(value);
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let value = match unquoted {
        Some(inner) if escaped => Cow::Owned(unescape(inner).to_vec()),
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(value),
    };
    Some((Query { path: trim(path.get(2..from_operator)?), operator, value, all: false }, at + 1))
}

/// The operator at the beginning of the right side of a query.
fn split_operator(right: &[u8]) -> (&[u8], &[u8]) {
    let right = if right.len() > 1 {
        right.strip_prefix(b"=").filter(|rest| rest.first() == Some(&b'=')).unwrap_or(right)
    } else {
        right
    };
    let length = match right {
        [_] => 1,
        [b'!', b'=' | b'%', ..] | [b'<' | b'>', b'=', ..] => 2,
        [b'=' | b'<' | b'>' | b'%', ..] => 1,
        _ => 0,
    };
    (before(right, length), from(right, length))
}

/// Splits at the pipe that ends a path which is applied to each element.
pub(super) fn split_pipe(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    if !path.contains(&b'|') {
        return (path, None);
    }
    if path.first() == Some(&b'{') {
        let inner = squashed(from(path, 1));
        let remain = from(path, inner.len() + 1);
        return match remain.strip_prefix(b"|") {
            Some(pipe) => (before(path, inner.len() + 1), Some(pipe)),
            None => (path, None),
        };
    }
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'|' => return (before(path, at), Some(from(path, at + 1))),
            b'.' if at + 1 == path.len() => return (path, None),
            b'.' if path.get(at + 1) == Some(&b'#') => {
                at += 2;
                match path.get(at) {
                    None => return (path, None),
                    Some(open @ (b'[' | b'(')) => at = balanced(path, at, *open),
                    Some(_) => {}
                }
            }
            _ => {}
        }
        at += 1;
    }
    (path, None)
}

/// Where the bracket at `at` is closed.
fn balanced(path: &[u8], mut at: usize, open: u8) -> usize {
    let close = if open == b'[' { b']' } else { b')' };
    let mut depth = 0;
    while let Some(byte) = path.get(at) {
        match *byte {
            b'\\' => at += 1,
            b'"' => at = string_end(path, at + 1).0,
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// A part of a multipath.
pub(super) struct Part<'p> {
    pub(super) name: &'p [u8],
    pub(super) path: &'p [u8],
}

/// Reads `{…}` or `[…]` at the beginning of a path, and what stands behind it; `None` if it does not end.
pub(super) fn multipath(path: &[u8]) -> Option<(Vec<Part<'_>>, &[u8])> {
    let (mut parts, mut at, mut depth, mut begin) = (Vec::new(), 1, 1, 1);
    let (mut colon, mut modifier) = (None, false);
    let part = |begin: usize, colon: Option<usize>, at: usize| {
        let cut = |from: usize, to: usize| path.get(from..to).unwrap_or_default();
        match colon {
            Some(colon) => Part { name: cut(begin, colon), path: cut(colon + 1, at) },
            None => Part { name: &[], path: cut(begin, at) },
        }
    };
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'@' => modifier |= matches!(path.get(at - 1), Some(b'.' | b'|')),
            b':' if !modifier && colon.is_none() && depth == 1 => colon = Some(at),
            b',' if depth == 1 => {
                parts.push(part(begin, colon, at));
                (colon, modifier, begin) = (None, false, at + 1);
            }
            b'"' => at = string_end(path, at + 1).0,
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    parts.push(part(begin, colon, at));
                    return Some((parts, from(path, at + 1)));
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The last name of a path, for the key of a part without a name; `_` where it is not simple.
pub(super) fn last_name(path: &[u8]) -> &[u8] {
    let separates = |at: usize| {
        matches!(path.get(at), Some(b'|' | b'.')) && !(at > 0 && path.get(at - 1) == Some(&b'\\'))
    };
    let name = (0..path.len()).rev().find(|at| separates(*at)).map_or(path, |at| from(path, at + 1));
    let special = |byte: &u8| *byte < b' ' || b"[]{}()#|!".contains(byte);
    if name.iter().any(special) { b"_" } else { name }
}

/// Reads the value behind `!`, and what stands behind it; `None` if there is none.
pub(super) fn literal(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = from(path, 1);
    if matches!(name.first(), Some(b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9')) {
        // As in the library: whatever it begins with counts as a bracket.
        let end = super::scan::squash(name, 1, 1).min(name.len());
        return Some((before(name, end), from(name, end)));
    }
    let end = name.iter().position(|byte| matches!(byte, b'|' | b'.')).unwrap_or(name.len());
    let word = before(name, end);
    let known: [&[u8]; 5] = [b"true", b"false", b"null", b"nan", b"inf"];
    known.iter().any(|it| word.eq_ignore_ascii_case(it)).then(|| (word, from(name, end)))
}

/// A modifier at the beginning of a path.
pub(super) struct Call<'p> {
    pub(super) name: &'p [u8],
    pub(super) argument: &'p [u8],
    pub(super) rest: &'p [u8],
}

/// Reads `@name:argument`; `None` if there is no such modifier.
pub(super) fn call(path: &[u8]) -> Option<Call<'_>> {
    let text = from(path, 1);
    let end = text.iter().position(|byte| matches!(byte, b':' | b'|' | b'.')).unwrap_or(text.len());
    let name = before(text, end);
    if !modifier::is_modifier(name) {
        return None;
    }
    let rest = from(text, end);
    let Some(rest) = rest.strip_prefix(b":").filter(|rest| !rest.is_empty()) else {
        let rest = rest.strip_prefix(b":").unwrap_or(rest);
        return Some(Call { name, argument: &[], rest });
    };
    let end = if matches!(rest.first(), Some(b'{' | b'[' | b'"')) {
        squashed(rest).len()
    } else {
        simple_argument(rest)
    };
    Some(Call { name, argument: before(rest, end), rest: from(rest, end) })
}

/// Where an argument without brackets around it ends.
fn simple_argument(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'|' => break,
            b'{' | b'[' | b'"' | b'(' => at += squashed(from(rest, at)).len(),
            _ => at += 1,
        }
    }
    at.min(rest.len())
}
