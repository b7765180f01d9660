//! The JSON text of a secret as files: one for each key, strings as they are, all else as compact JSON.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::path::{FilePath, NameError};

#[cfg(test)]
mod tests;

/// The longest text in bytes.
pub const MAX_TEXT_BYTES: usize = 4 << 20;
/// The most of a key that a message shows, in characters.
const SHOWN_KEY: usize = 64;

/// One file to show.
pub struct Entry {
    /// Where.
    pub path: FilePath,
    /// Its content.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits, at most 0777.
    pub mode: u16,
}

/// Why a text cannot be shown as files. It never holds a value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FilesError {
    /// Over [`MAX_TEXT_BYTES`].
    #[error("the secret's JSON text of {found} bytes is over the limit of {MAX_TEXT_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Something else than an object, or broken.
    #[error("the secret is no JSON object (line {line}, column {column})")]
    NoObject {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A key that cannot be a file's name.
    #[error("the key {key:?} cannot be a file: {problem}")]
    Name {
        /// The key, cut to 64 characters.
        key: String,
        /// Why.
        problem: NameError,
    },
    /// A key that is asked for and not there.
    #[error("the secret has no key {key:?}, which the file {file:?} is to show")]
    Missing {
        /// The key, cut to 64 characters.
        key: String,
        /// The file.
        file: String,
    },
    /// A string with half a surrogate pair, which is no text.
    #[error("the value of the key {key:?} is no text: it has a lone surrogate")]
    Surrogate {
        /// The key, cut to 64 characters.
        key: String,
    },
}

/// The files of a secret: its `data` object as JSON text. Numbers keep their digits. Of equal keys the last one wins.
///
/// # Errors
/// Where the text is no object, or which key cannot be shown.
pub fn files_of(text: &str, mode: u16) -> Result<Vec<Entry>, FilesError> {
    let fields = fields(text)?;
    let mut entries = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        let path = FilePath::of_segments([key.as_str()])
            .map_err(|problem| FilesError::Name { key: shown(&key), problem })?;
        let bytes = content(value.get()).ok_or_else(|| FilesError::Surrogate { key: shown(&key) })?;
        entries.push(Entry { path, bytes, mode });
    }
    Ok(entries)
}

/// These files of a secret, each with the key that it shows.
///
/// # Errors
/// Where the text is no object, or which key is not there or cannot be shown.
pub fn chosen_files_of(
    text: &str,
    files: &[(FilePath, String)],
    mode: u16,
) -> Result<Vec<Entry>, FilesError> {
    let fields = fields(text)?;
    let entry = |(path, key): &(FilePath, String)| {
        let missing = || FilesError::Missing { key: shown(key), file: path.to_string() };
        let value = fields.get(key).ok_or_else(missing)?;
        let bytes = content(value.get()).ok_or_else(|| FilesError::Surrogate { key: shown(key) })?;
        Ok(Entry { path: path.clone(), bytes, mode })
    };
    files.iter().map(entry).collect()
}

fn fields(text: &str) -> Result<BTreeMap<String, &RawValue>, FilesError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(FilesError::TooLong { found: text.len() });
    }
    // The parser's own message could show a value, so only its place is passed on.
    serde_json::from_str(text).map_err(|e| FilesError::NoObject { line: e.line(), column: e.column() })
}

fn shown(key: &str) -> String {
    key.chars().take(SHOWN_KEY).collect()
}

/// What a file shows of one JSON value, which is valid JSON; `None` for a string that is no text.
fn content(json: &str) -> Option<Zeroizing<Vec<u8>>> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| Some(compact(json)), unescape)
}

/// The text of a JSON string between its quotes.
fn unescape(inner: &str) -> Option<Zeroizing<Vec<u8>>> {
    // No escape is shorter than what it stands for, so this never grows and leaves no copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(inner.len()));
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        let c = if c == '\\' { escaped(&mut rest)? } else { c };
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(text)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = unit(rest)?;
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(first);
            }
            let second = (rest.next()? == '\\' && rest.next()? == 'u').then(|| unit(rest)).flatten()?;
            char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?]).next()?.ok()?
        }
        other => other,
    })
}

fn unit(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value * 16 + rest.next()?.to_digit(16)?))
}

/// The JSON text without white space between its tokens.
fn compact(json: &str) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(json.len()));
    let (mut within, mut after_backslash) = (false, false);
    for byte in json.bytes() {
        if !within && byte.is_ascii_whitespace() {
            continue;
        }
        if byte == b'"' && !after_backslash {
            within = !within;
        }
        after_backslash = within && byte == b'\\' && !after_backslash;
        text.push(byte);
    }
    text
}
