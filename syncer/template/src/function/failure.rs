//! How a function fails, in texts that tell apart what may be shown and what is only counted.

use std::fmt;

/// A part of an error's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words of the program or of the template.
    Shown(String),
    /// A run-time value: only its number of bytes is kept.
    Value(usize),
}

impl Piece {
    /// Stands for a run-time value that must not be shown.
    pub(crate) fn value(bytes: &[u8]) -> Self {
        Self::Value(bytes.len())
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Shown(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Shown(text)
    }
}

/// An error's text, made of pieces. Shows `<redacted, n bytes>` for values.
///
/// Made from a `&str`, a `String`, a [`Piece`] or an array of pieces: `[Piece::from("bad "), Piece::value(x)]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<Piece>);

impl Text {
    /// Adds a piece at the end.
    pub(crate) fn push(&mut self, piece: impl Into<Piece>) {
        self.0.push(piece.into());
    }

    /// Adds all pieces of another text at the end.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Prefixes words: `text.within("error decoding")` gives `error decoding: text`.
    #[must_use]
    pub(crate) fn within(mut self, words: &str) -> Self {
        self.0.insert(0, Piece::Shown(format!("{words}: ")));
        self
    }
}

impl<T: Into<Piece>> From<T> for Text {
    fn from(piece: T) -> Self {
        Self(vec![piece.into()])
    }
}

impl<const N: usize> From<[Piece; N]> for Text {
    fn from(pieces: [Piece; N]) -> Self {
        Self(pieces.into())
    }
}

impl From<Vec<Piece>> for Text {
    fn from(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Shown(text) => f.write_str(text)?,
                Piece::Value(bytes) => write!(f, "<redacted, {bytes} bytes>")?,
            }
        }
        Ok(())
    }
}

/// Why a function gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The error that the Go function returns.
    Error(Text),
    /// The Go function panics; the text is what Go's run time or `panic(err)` says.
    Panic(Text),
    /// A limit of ours was reached; the text says which.
    Limit(Text),
}

impl Failure {
    /// A returned error.
    pub(crate) fn error(text: impl Into<Text>) -> Self {
        Self::Error(text.into())
    }

    /// A run-time panic.
    pub(crate) fn panic(text: impl Into<Text>) -> Self {
        Self::Panic(text.into())
    }

    /// A reached limit.
    pub(crate) fn limit(text: impl Into<Text>) -> Self {
        Self::Limit(text.into())
    }

    /// Dereferencing nil, in Go's words.
    pub(crate) fn nil_dereference() -> Self {
        Self::panic("runtime error: invalid memory address or nil pointer dereference")
    }
}
