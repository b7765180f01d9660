//! Looks up a value in JSON by a path in the language of gjson, the one that `property` is written in.
//!
//! All of it is there: keys with escapes and wildcards, indexes, `#`, `#.key`, queries `#(…)` and `#(…)#`, pipes,
//! multipaths `{…}` and `[…]`, literals `!…`, JSON lines `..`, and the modifiers of version 1.18. A document that is
//! no JSON is read as the Go library reads it: by what values begin with, as far as it goes.

mod modifier;
mod path;
mod pretty;
mod query;
mod scan;
mod valid;
mod walk;
mod wild;

use std::fmt;

use zeroize::Zeroizing;

use scan::Value;
use walk::Walk;

/// Longest path, in bytes.
pub const MAX_PATH: usize = 4096;

/// Deepest nesting: queries in queries, multipaths in multipaths, pipes, and levels of a document that is laid out anew.
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
    /// The value is nested too deep for a modifier of the path.
    #[error("the value is nested too deep for a modifier of the path; do without the modifier")]
    ValueTooDeep,
    /// More than [`MAX_WORK`].
    #[error("the path takes too long on this value; simplify it")]
    TooMuchWork,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `false`.
    False,
    /// A number.
    Number,
    /// A string.
    String,
    /// `true`.
    True,
    /// An object or array.
    Json,
}

/// What a path leads to.
#[derive(Clone)]
pub struct Found {
    kind: Kind,
    raw: Zeroizing<Vec<u8>>,
    text: Zeroizing<Vec<u8>>,
}

// Sizes only.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({:?}, {} bytes)", self.kind, self.raw.len())
    }
}

impl Found {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As it stands in the document.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// As `property` gives it: strings decoded, `null` as nothing, a number with a fraction or exponent as Go prints it,
    /// everything else as written.
    pub fn text(self) -> Zeroizing<Vec<u8>> {
        self.text
    }
}

/// Looks up `path` in `json`; `None` if there is nothing.
///
/// # Errors
/// [`GjsonError`] if the path or the work is beyond a limit.
pub fn get(json: &[u8], path: &str) -> Result<Option<Found>, GjsonError> {
    if path.len() > MAX_PATH {
        return Err(GjsonError::PathTooLong(path.len()));
    }
    let found = Engine { work: 0 }.get(json, path.as_bytes(), 0)?;
    Ok(found.map(|value| Found { kind: value.kind, text: value.text(), raw: value.raw.into_owned() }))
}

/// What became of a path that may begin with a modifier, literal or multipath.
enum Own<'p> {
    /// It does: this is what it finds.
    Found(Option<Value<'static>>),
    /// It does not: this is to be walked.
    Not(&'p [u8]),
}

/// Counts the work of one look-up.
struct Engine {
    work: usize,
}

impl Engine {
    /// Counts work, in bytes that are looked at.
    fn spend(&mut self, bytes: usize) -> Result<(), GjsonError> {
        self.work = self.work.saturating_add(bytes);
        if self.work > MAX_WORK { Err(GjsonError::TooMuchWork) } else { Ok(()) }
    }

    /// The full language.
    fn get<'a>(
        &mut self,
        json: &'a [u8],
        path: &[u8],
        depth: usize,
    ) -> Result<Option<Value<'a>>, GjsonError> {
        if depth > MAX_DEPTH {
            return Err(GjsonError::PathTooDeep);
        }
        self.spend(json.len())?;
        let mut path = path;
        if path.len() > 1 {
            match self.own_path(json, path, depth)? {
                Own::Found(found) => return Ok(found),
                Own::Not(rest) => path = rest,
            }
        }
        let mut walk = Walk { json, value: None, pipe: None };
        let _ended = match path.strip_prefix(b"..") {
            Some(path) => self.array(&mut walk, 0, path, depth)?,
            None => match json.iter().position(|byte| matches!(byte, b'{' | b'[')) {
                Some(at) if json.get(at) == Some(&b'{') => self.object(&mut walk, at + 1, path, depth)?,
                Some(at) => self.array(&mut walk, at + 1, path, depth)?,
                None => (0, false),
            },
        };
        match walk.pipe {
            Some(pipe) => {
                let value = walk.value.map(Value::into_owned);
                let json: &[u8] = value.as_ref().map_or(&[], |value| &value.raw);
                Ok(self.get(json, pipe, depth + 1)?.map(Value::into_owned))
            }
            None => Ok(walk.value),
        }
    }

    /// A path that begins with a modifier, literal or multipath.
    fn own_path<'p>(&mut self, json: &[u8], path: &'p [u8], depth: usize) -> Result<Own<'p>, GjsonError> {
        let (made, rest) = match path.first() {
            Some(b'@') => match path::call(path) {
                Some(call) => (self.modify(json, &call, depth)?, call.rest),
                None => return Ok(Own::Not(path)),
            },
            Some(b'!') => match path::literal(path) {
                Some((value, rest)) => (Zeroizing::new(value.to_vec()), rest),
                None => return Ok(Own::Not(path)),
            },
            Some(b'{' | b'[') => match path::multipath(path) {
                Some((parts, rest)) if matches!(rest.first(), None | Some(b'|' | b'.')) => {
                    let made = self.multipath(json, path.first() == Some(&b'{'), &parts, depth)?;
                    if rest.is_empty() {
                        return Ok(Own::Found(Some(Value::made(Kind::Json, made))));
                    }
                    (made, rest)
                }
                // As in the library: what cannot follow it is walked alone.
                Some((_, rest)) => return Ok(Own::Not(rest)),
                None => return Ok(Own::Not(&[])),
            },
            _ => return Ok(Own::Not(path)),
        };
        Ok(Own::Found(match rest {
            [b'|' | b'.', path @ ..] => self.get(&made, path, depth + 1)?.map(Value::into_owned),
            _ => scan::parse(&made).map(Value::into_owned),
        }))
    }

    /// A new object or array of what the parts of a multipath find.
    fn multipath(
        &mut self,
        json: &[u8],
        object: bool,
        parts: &[path::Part<'_>],
        depth: usize,
    ) -> Result<Zeroizing<Vec<u8>>, GjsonError> {
        let mut out = Zeroizing::new(if object { b"{".to_vec() } else { b"[".to_vec() });
        for part in parts {
            let Some(found) = self.get(json, part.path, depth + 1)? else { continue };
            self.spend(found.raw.len())?;
            if out.len() > 1 {
                out.push(b',');
            }
            if object {
                match part.name {
                    [] => modifier::write_string(path::last_name(part.path), &mut out),
                    [b'"', ..] if valid::is_valid(part.name) => out.extend_from_slice(part.name),
                    name => modifier::write_string(name, &mut out),
                }
                out.push(b':');
            }
            out.extend_from_slice(&found.raw);
        }
        out.push(if object { b'}' } else { b']' });
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
