//! A version: how it is read, written and ordered.

use std::cmp::Ordering;

use crate::go::Str;

/// A version. No `Debug`: its texts may be secrets.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    /// What stands after `-`, without it.
    pub(super) pre: Str,
    /// What stands after `+`, without it.
    pub(super) metadata: Str,
    /// As it was given.
    pub(super) original: Str,
}

/// Why a text is no version.
pub(super) enum ParseError {
    /// In the words of the original.
    Words(&'static str),
    /// These digits are more than 64 bits.
    Segment(Vec<u8>),
}

const FORM: ParseError = ParseError::Words("invalid semantic version");
const LEADING_ZERO: ParseError = ParseError::Words("version segment starts with 0");
const PRERELEASE: ParseError = ParseError::Words("invalid prerelease string");
const METADATA: ParseError = ParseError::Words("invalid metadata string");

/// The parts of a version's text.
pub(super) struct Parts<'a> {
    /// Major, minor and patch, as far as they are there.
    pub(super) numbers: [Option<&'a [u8]>; 3],
    pub(super) pre: &'a [u8],
    pub(super) metadata: &'a [u8],
    /// What comes after.
    pub(super) rest: &'a [u8],
}

/// Splits a text that begins with a version; its numbers are made of the bytes that `number` takes.
pub(super) fn split(text: &[u8], number: fn(u8) -> bool) -> Option<Parts<'_>> {
    let rest = text.strip_prefix(b"v").unwrap_or(text);
    let (major, mut rest) = run(rest, number)?;
    let mut numbers = [Some(major), None, None];
    for place in numbers.iter_mut().skip(1) {
        let Some((digits, after)) = rest.strip_prefix(b".").and_then(|rest| run(rest, number)) else { break };
        (*place, rest) = (Some(digits), after);
    }
    let (pre, rest) = identifiers(rest, b"-");
    let (metadata, rest) = identifiers(rest, b"+");
    Some(Parts { numbers, pre, metadata, rest })
}

/// The longest start of at least one of these bytes, and the rest.
fn run(text: &[u8], wanted: fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !wanted(*byte)).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

/// After `mark`, words with points between; nothing if they are not there.
fn identifiers<'a>(text: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    let Some(words) = text.strip_prefix(mark) else { return (&[], text) };
    let Some((_, mut rest)) = run(words, is_word) else { return (&[], text) };
    while let Some((_, after)) = rest.strip_prefix(b".").and_then(|rest| run(rest, is_word)) {
        rest = after;
    }
    let length = words.len() - rest.len();
    (words.get(..length).unwrap_or_default(), rest)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

impl Version {
    /// Reads a version; minor and patch may be missing, zeros and a `v` may lead.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let parts = split(text, |byte| byte.is_ascii_digit()).ok_or(FORM)?;
        if !parts.rest.is_empty() {
            return Err(FORM);
        }
        let [major, minor, patch] = parts.numbers;
        let version = Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre: parts.pre.into(),
            metadata: parts.metadata.into(),
            original: text.into(),
        };
        check_prerelease(parts.pre)?;
        Ok(version)
    }

    /// In its full form.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = format!("{}.{}.{}", self.major, self.minor, self.patch).into_bytes();
        for (mark, words) in [(b'-', &self.pre), (b'+', &self.metadata)] {
            if words.len() > 0 {
                text.push(mark);
                text.extend_from_slice(words.bytes());
            }
        }
        text
    }

    /// The same version in its full form, with the `v` of the original.
    pub(super) fn renewed(mut self) -> Self {
        let prefix: &[u8] = if self.original.bytes().starts_with(b"v") { b"v" } else { b"" };
        self.original = Str::new([prefix, &self.text()].concat());
        self
    }

    /// The version without prerelease and metadata.
    pub(super) fn released(&self) -> Self {
        Self { pre: Str::default(), metadata: Str::default(), ..self.clone() }
    }

    pub(super) fn with_prerelease(&self, words: &[u8]) -> Result<Self, ParseError> {
        if !words.is_empty() {
            check_prerelease(words)?;
        }
        Ok(Self { pre: words.into(), ..self.clone() }.renewed())
    }

    pub(super) fn with_metadata(&self, words: &[u8]) -> Result<Self, ParseError> {
        let fine = words
            .split(|byte| *byte == b'.')
            .all(|word| !word.is_empty() && word.iter().copied().all(is_word));
        if !words.is_empty() && !fine {
            return Err(METADATA);
        }
        Ok(Self { metadata: words.into(), ..self.clone() }.renewed())
    }

    /// The order of versions; metadata does not count.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.bytes(), other.pre.bytes()) {
            (b"", b"") => Ordering::Equal,
            (b"", _) => Ordering::Greater,
            (_, b"") => Ordering::Less,
            (ours, theirs) => compare_prereleases(ours, theirs),
        })
    }
}

fn number(digits: Option<&[u8]>) -> Result<u64, ParseError> {
    let Some(digits) = digits else { return Ok(0) };
    let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    value.ok_or_else(|| ParseError::Segment(digits.to_vec()))
}

fn check_prerelease(words: &[u8]) -> Result<(), ParseError> {
    if words.is_empty() {
        return Ok(());
    }
    for word in words.split(|byte| *byte == b'.') {
        let numeric = word.iter().all(u8::is_ascii_digit);
        match word {
            [] => return Err(PRERELEASE),
            [b'0', _, ..] if numeric => return Err(LEADING_ZERO),
            _ if !word.iter().copied().all(is_word) => return Err(PRERELEASE),
            _ => {}
        }
    }
    Ok(())
}

/// Word by word: numbers before others, a missing word before any.
pub(super) fn compare_prereleases(ours: &[u8], theirs: &[u8]) -> Ordering {
    let (mut left, mut right) = (ours.split(|byte| *byte == b'.'), theirs.split(|byte| *byte == b'.'));
    loop {
        let (ours, theirs) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (ours, theirs) => (ours.unwrap_or_default(), theirs.unwrap_or_default()),
        };
        if ours == theirs {
            continue;
        }
        let value = |word: &[u8]| std::str::from_utf8(word).ok().and_then(|word| word.parse::<u64>().ok());
        return match (ours, theirs) {
            (b"", _) => Ordering::Less,
            (_, b"") => Ordering::Greater,
            _ => match (value(ours), value(theirs)) {
                (None, None) => ours.cmp(theirs),
                (_, None) => Ordering::Less,
                (None, _) => Ordering::Greater,
                // Equal numbers written differently are less, as in the original.
                (Some(ours), Some(theirs)) => ours.cmp(&theirs).then(Ordering::Less),
            },
        };
    }
}
