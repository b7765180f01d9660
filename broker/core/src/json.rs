//! JSON as the broker takes it in: bounded, wiped when dropped, numbers kept digit by digit.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::SecretJson;

pub mod field;
mod parse;
#[cfg(test)]
mod tests;

pub use parse::parse;

/// A JSON value. It may hold secrets, so it is not printed by `Debug`, and its texts are wiped when dropped.
#[derive(Clone, Default)]
pub enum Json {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the digits it came in.
    Number(Zeroizing<String>),
    /// A string.
    String(Zeroizing<String>),
    /// An array.
    Array(Vec<Self>),
    /// An object; of equal keys the last one won.
    Object(BTreeMap<String, Self>),
}

/// Bounds on a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Arrays and objects inside one another; 512 at most, whatever is set.
    pub max_depth: usize,
    /// Strings in the whole text, keys and values together.
    pub max_strings: usize,
    /// Bytes of the text.
    pub max_bytes: usize,
}

impl JsonLimits {
    /// The limits of a text that was stored within the limits of a request, and may have grown by a patch.
    pub const STORED: Self = Self { max_depth: 256, max_strings: usize::MAX, max_bytes: 1 << 25 };
}

impl Default for JsonLimits {
    /// The limits of a request body: 128 levels, 1,000 strings, 32 MiB.
    fn default() -> Self {
        Self { max_depth: 128, max_strings: 1_000, max_bytes: 32 << 20 }
    }
}

/// Where and why a text is no JSON that the broker takes. It never holds a part of the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{problem} (line {line}, column {column})")]
pub struct JsonError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: JsonProblem,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JsonProblem {
    /// The text is longer than the limit.
    #[error("JSON text longer than {0} bytes")]
    TooLong(usize),
    /// Too many levels.
    #[error("refused JSON input due to high complexity: nested deeper than {0} levels")]
    TooDeep(usize),
    /// Too many strings; OpenBao's words.
    #[error("refused JSON input due to high complexity: exceeded maximum number of strings")]
    TooManyStrings,
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The text ended too early.
    #[error("the JSON text ends where {0} was expected")]
    End(&'static str),
    /// A number that breaks the grammar, such as `01`, `1.` or `+1`.
    #[error("not a JSON number")]
    Number,
    /// A number that no 64-bit float can hold.
    #[error("number out of range")]
    NumberRange,
    /// An unknown escape in a string.
    #[error("unknown escape in a string")]
    Escape,
    /// Half a surrogate pair in a string.
    #[error("lone surrogate in a string")]
    Surrogate,
    /// A raw control character in a string.
    #[error("control character in a string; escape it")]
    Control,
    /// Bytes that are no UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// Something after the value.
    #[error("only one JSON value is allowed; remove what follows it")]
    Trailing,
}

impl Json {
    /// A string value.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub const fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The field of an object; `None` where it is missing or this is no object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The compact JSON text, its keys sorted.
    pub fn to_text(&self) -> String {
        // Counted first: a string that grows would leave copies of secrets behind.
        let mut length = Length(0);
        let mut text = String::new();
        if self.write(&mut length).is_ok() {
            text.reserve_exact(length.0);
            // Writing to a string does not fail.
            let _ = self.write(&mut text);
        }
        text
    }

    /// The compact JSON text as a secret.
    pub fn to_secret(&self) -> SecretJson {
        SecretJson::new(self.to_text())
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(true) => out.write_str("true"),
            Self::Bool(false) => out.write_str("false"),
            Self::Number(digits) => out.write_str(digits),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                out.write_char('[')?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Self::Object(fields) => {
                out.write_char('{')?;
                for (i, (key, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    write_string(out, key)?;
                    out.write_char(':')?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(redacted)")
    }
}

/// Merges a patch into a value as RFC 7396 says: objects by key, `null` removes, anything else replaces.
pub fn merge_patch(target: &mut Json, patch: &Json) {
    let Json::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !matches!(target, Json::Object(_)) {
        *target = Json::Object(BTreeMap::new());
    }
    let Json::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge_patch(fields.entry(key.clone()).or_default(), change);
        }
    }
}

fn write_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// Counts the bytes written to it.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
    }
}
