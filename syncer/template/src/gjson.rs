//! Looks up a value in JSON by a path in the language of gjson, the one that `property` is written in.
//!
//! Built: keys with escapes and wildcards, indexes, `#`, `#.key`, queries `#(…)` and `#(…)#`, pipes, multipaths
//! `{…}` and `[…]`, literals `!…`, JSON lines `..`, and the modifiers of version 1.18. Numbers keep their digits.

mod modifier;
mod path;
mod pretty;
mod query;

use zeroize::Zeroizing;

use crate::json::{JsonError, Kind, Raw, write_go_string};
use path::{ArrayStep, Rest};

/// Longest path, in bytes.
pub const MAX_PATH: usize = 4096;

/// Deepest nesting of a path: queries in queries, multipaths in multipaths, pipes.
pub const MAX_DEPTH: usize = 64;

/// Most bytes of JSON that one look-up may walk over, all steps together.
pub const MAX_WORK: usize = 64 * 1024 * 1024;

/// Why a look-up stops without an answer. Never holds a value.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum GjsonError {
    /// Longer than [`MAX_PATH`].
    #[error("the path has {0} bytes, at most {MAX_PATH} are allowed; shorten it")]
    PathTooLong(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the path is nested deeper than {MAX_DEPTH} levels; simplify it")]
    PathTooDeep,
    /// More than [`MAX_WORK`].
    #[error("the path takes too long on this value; simplify it")]
    TooMuchWork,
    /// A query `#(…)` that does not end or has no operator.
    #[error("the query {0:?} is not complete; write it like #(name==\"value\")")]
    Query(String),
    /// The argument of a modifier is not what the modifier takes.
    #[error("the argument of the modifier @{0} is not a JSON object; write it like @{0}:{{\"key\":true}}")]
    Argument(&'static str),
    /// A step in between gives JSON that is too long or too deep.
    #[error("a step of the path gives no usable JSON: {0}")]
    Json(#[from] JsonError),
}

/// What a path leads to: JSON text of a value.
#[derive(Clone)]
pub struct Found(Zeroizing<String>);

impl Found {
    fn new(raw: impl Into<String>) -> Self {
        Self(Zeroizing::new(raw.into()))
    }

    /// The value as JSON text.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The value as `property` gives it: a string without quotes, `null` as nothing, everything else as written.
    pub fn value(self) -> Zeroizing<String> {
        match Raw::parse(&self.0) {
            Ok(raw) if matches!(raw.kind(), Kind::String | Kind::Null) => raw.decoded(),
            _ => self.0,
        }
    }
}

/// An answer: a value, nothing, or no answer.
type Outcome = Result<Option<Found>, GjsonError>;

/// Looks up `path` in `json`; `None` if there is nothing.
///
/// # Errors
/// [`GjsonError`] if the path is beyond a limit or has a part that is not understood.
pub fn get(json: Raw<'_>, path: &str) -> Outcome {
    if path.len() > MAX_PATH {
        return Err(GjsonError::PathTooLong(path.len()));
    }
    Engine { work: 0 }.get(Some(json), path, 0)
}

/// Walks a path and counts the work.
struct Engine {
    work: usize,
}

impl Engine {
    /// The full language; `json` is `None` behind a step that found nothing, where literals still count.
    fn get(&mut self, json: Option<Raw<'_>>, path: &str, depth: usize) -> Outcome {
        if depth > MAX_DEPTH {
            return Err(GjsonError::PathTooDeep);
        }
        self.spend(json.map_or(0, |json| json.text().len()))?;
        if path.len() > 1 {
            if let Some(call) = path::modifier(path) {
                let found = match call.name {
                    "dig" => Some(self.dig(json, call.argument, depth)?),
                    name => modifier::run(name, call.argument, json)?,
                };
                return self.rest(found, call.rest, depth);
            }
            if let Some((literal, rest)) = path::literal(path) {
                return self.rest(Some(Found::new(literal)), rest, depth);
            }
            if let Some((parts, rest)) = path::multipath(path) {
                let found = self.multipath(json, path.starts_with('{'), &parts, depth)?;
                return self.rest(Some(found), rest, depth);
            }
        }
        let Some(json) = json else { return Ok(None) };
        match path.strip_prefix("..") {
            Some(path) => self.array(&Raw::parse_lines(json.text())?, path, depth),
            None => self.step(json, path, depth),
        }
    }

    /// Counts work, in bytes that are looked at.
    fn spend(&mut self, bytes: usize) -> Result<(), GjsonError> {
        self.work = self.work.saturating_add(bytes);
        if self.work > MAX_WORK { Err(GjsonError::TooMuchWork) } else { Ok(()) }
    }

    /// What stands behind a complete part of a path: nothing, or `|` or `.` and more.
    fn rest(&mut self, found: Option<Found>, rest: &str, depth: usize) -> Outcome {
        match rest.strip_prefix(['|', '.']) {
            None => Ok(found),
            Some(path) => self.pipe(found, path, depth),
        }
    }

    fn pipe(&mut self, found: Option<Found>, path: &str, depth: usize) -> Outcome {
        let json = found.as_ref().map(|found| Raw::parse(found.raw())).transpose()?;
        self.get(json, path, depth + 1)
    }

    /// One step into an object or array.
    fn step(&mut self, json: Raw<'_>, path: &str, depth: usize) -> Outcome {
        match json.kind() {
            Kind::Object => self.object(json, path, depth),
            Kind::Array => self.array(&json.elements(), path, depth),
            _ => Ok(None),
        }
    }

    fn object(&mut self, json: Raw<'_>, path: &str, depth: usize) -> Outcome {
        let (pattern, rest) = path::object_step(path);
        let members = json.members();
        for (key, _) in &members {
            self.spend(pattern.cost(key.text()))?;
        }
        let matching = members.into_iter().filter(|(key, _)| pattern.matches(&key.decoded()));
        match rest {
            Rest::More(next) => {
                for (_, value) in matching {
                    if let Some(found) = self.inner(value, next, depth)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Rest::End | Rest::Pipe(_) => {
                let value = matching.map(|(_, value)| value).next();
                self.end(value, rest, depth)
            }
        }
    }

    fn inner(&mut self, value: Raw<'_>, path: &str, depth: usize) -> Outcome {
        if depth >= MAX_DEPTH {
            return Err(GjsonError::PathTooDeep);
        }
        self.step(value, path, depth + 1)
    }

    fn end(&mut self, value: Option<Raw<'_>>, rest: Rest<'_>, depth: usize) -> Outcome {
        match (value, rest) {
            (value, Rest::Pipe(next)) => self.get(value, next, depth + 1),
            (value, _) => Ok(value.map(|value| Found::new(value.text()))),
        }
    }

    fn array(&mut self, elements: &[Raw<'_>], path: &str, depth: usize) -> Outcome {
        match path::array_step(path)? {
            ArrayStep::Index(index, rest) => {
                let value = index.and_then(|index| elements.get(index)).copied();
                match (value, rest) {
                    (Some(value), Rest::More(next)) => self.inner(value, next, depth),
                    (None, Rest::More(_)) => Ok(None),
                    (value, rest) => self.end(value, rest, depth),
                }
            }
            ArrayStep::Count(rest) => {
                let count = Found::new(elements.len().to_string());
                if let Rest::Pipe(next) = rest {
                    self.pipe(Some(count), next, depth)
                } else {
                    Ok(Some(count))
                }
            }
            ArrayStep::Each(key) => {
                let (key, piped) = path::split_pipe(key);
                let mut out = Vec::new();
                for element in elements {
                    out.extend(self.get(Some(*element), key, depth + 1)?);
                }
                self.piped(Some(array_of(&out)), piped, depth)
            }
            ArrayStep::Query(query, rest) => {
                let (next, piped) = match rest {
                    Rest::End => (None, None),
                    Rest::Pipe(piped) => (None, Some(piped)),
                    Rest::More(next) => {
                        let (next, piped) = path::split_pipe(next);
                        (Some(next), piped)
                    }
                };
                let (found, selected) = self.query(elements, &query, next, depth)?;
                // As in the reference: behind a path that no element was asked for, the pipe does not count.
                let piped = piped.filter(|_| selected || next.is_none());
                self.piped(found, piped, depth)
            }
        }
    }

    fn piped(&mut self, found: Option<Found>, piped: Option<&str>, depth: usize) -> Outcome {
        match piped {
            Some(path) => self.pipe(found, path, depth),
            None => Ok(found),
        }
    }

    /// The elements that a query selects, each followed by `next`: all of them as an array, or the first. Also says
    /// whether there is any.
    fn query(
        &mut self,
        elements: &[Raw<'_>],
        query: &path::Query<'_>,
        next: Option<&str>,
        depth: usize,
    ) -> Result<(Option<Found>, bool), GjsonError> {
        let mut out = Vec::new();
        let mut selected = false;
        for element in elements {
            if !self.selects(query, *element, depth)? {
                continue;
            }
            selected = true;
            let found = match next {
                Some(next) => self.get(Some(*element), next, depth + 1)?,
                None => Some(Found::new(element.text())),
            };
            if !query.all {
                return Ok((found, true));
            }
            out.extend(found);
        }
        Ok((query.all.then(|| array_of(&out)), selected))
    }

    fn selects(
        &mut self,
        query: &path::Query<'_>,
        element: Raw<'_>,
        depth: usize,
    ) -> Result<bool, GjsonError> {
        let left = if matches!(element.kind(), Kind::Object | Kind::Array) {
            self.get(Some(element), query.path, depth + 1)?
        } else if query.path.is_empty() {
            Some(Found::new(element.text()))
        } else {
            return Ok(false);
        };
        let left = left.as_ref().map(|found| Raw::parse(found.raw())).transpose()?;
        self.spend(left.map_or(0, |left| query::cost(left, query.operator, &query.value)))?;
        Ok(query::matches(left, query.operator, &query.value))
    }

    /// What a path finds in the value and in all that is in it, from outside to inside, as an array.
    fn dig(&mut self, json: Option<Raw<'_>>, path: &str, depth: usize) -> Result<Found, GjsonError> {
        let mut out = Vec::new();
        let mut open: Vec<Raw<'_>> = json.into_iter().collect();
        while let Some(value) = open.pop() {
            out.extend(self.get(Some(value), path, depth + 1)?);
            let inner = open.len();
            open.extend(value.elements());
            open.extend(value.members().into_iter().map(|(_, value)| value));
            if let Some(inner) = open.get_mut(inner..) {
                inner.reverse();
            }
        }
        Ok(array_of(&out))
    }

    /// A new object or array of what the parts of a multipath find.
    fn multipath(
        &mut self,
        json: Option<Raw<'_>>,
        object: bool,
        parts: &[path::Part<'_>],
        depth: usize,
    ) -> Result<Found, GjsonError> {
        let mut out = Found::new(if object { "{" } else { "[" });
        for part in parts {
            let Some(found) = self.get(json, part.path, depth + 1)? else { continue };
            if out.0.len() > 1 {
                out.0.push(',');
            }
            if object {
                match part.name {
                    Some(name) if Raw::parse(name).is_ok_and(|name| name.kind() == Kind::String) => {
                        out.0.push_str(name);
                    }
                    Some(name) => write_go_string(name, &mut out.0),
                    None => write_go_string(path::last_name(part.path), &mut out.0),
                }
                out.0.push(':');
            }
            out.0.push_str(found.raw());
        }
        out.0.push(if object { '}' } else { ']' });
        Ok(out)
    }
}

fn array_of(values: &[Found]) -> Found {
    let mut out = Found::new("[");
    for value in values {
        if out.0.len() > 1 {
            out.0.push(',');
        }
        out.0.push_str(value.raw());
    }
    out.0.push(']');
    out
}

#[cfg(test)]
mod tests;
