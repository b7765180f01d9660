//! How an operation fails: Go's words, in which run-time values are only counted.

use std::borrow::Cow;
use std::fmt;

/// A part of an error's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of the program.
    Shown(Cow<'static, str>),
    /// A run-time value: only its number of bytes is kept.
    Value(usize),
    /// The argument of this index: a caller that knows it to stand in the template may show it, else only the number of
    /// bytes.
    Argument(usize, usize),
}

impl Piece {
    /// Stands for a run-time value that must not be shown.
    pub(crate) fn value(bytes: &[u8]) -> Self {
        Self::Value(bytes.len())
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::Shown(Cow::Borrowed(text))
    }
}

/// Why an operation gave nothing. Its text is Go's, with `<redacted, n bytes>` for run-time values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Whether Go's function does not return this but panics.
    pub panics: bool,
    /// The text.
    pub pieces: Vec<Piece>,
}

impl Error {
    /// An error of fixed words.
    pub(crate) fn new(text: &'static str) -> Self {
        Self { panics: false, pieces: vec![text.into()] }
    }

    /// An error of several pieces.
    pub(crate) fn with(pieces: impl Into<Vec<Piece>>) -> Self {
        Self { panics: false, pieces: pieces.into() }
    }

    /// A panic of Go's run time.
    pub(crate) fn panic(text: &'static str) -> Self {
        Self { panics: true, pieces: vec![text.into()] }
    }

    /// Dereferencing nil, in Go's words.
    pub(crate) fn nil_dereference() -> Self {
        Self::panic("runtime error: invalid memory address or nil pointer dereference")
    }

    /// Puts words in front, unless it is a panic: that passes through.
    #[must_use]
    pub(crate) fn within(mut self, words: &'static str) -> Self {
        if !self.panics {
            self.pieces.insert(0, words.into());
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Shown(text) => f.write_str(text)?,
                Piece::Value(bytes) | Piece::Argument(_, bytes) => write!(f, "<redacted, {bytes} bytes>")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
