//! JSON as Go's encoding/json reads it into `interface{}` and writes it: bytes, number forms and error texts.

mod read;
mod write;

use zeroize::Zeroizing;

pub(crate) use read::decode;
pub(crate) use write::Writer;

/// Deepest nesting of arrays and objects read. Go stops at 10,000; here the stack of a worker thread counts.
pub(crate) const MAX_DEPTH: usize = 500;

/// A decoded value. No `Debug`: it holds secrets.
pub(crate) enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Every number, as Go reads it without a target type.
    Number(f64),
    /// Text, valid UTF-8.
    String(Zeroizing<Vec<u8>>),
    /// `[…]`
    Array(Vec<Json>),
    /// `{…}` in order of the text; of equal keys the last counts.
    Object(Vec<(Zeroizing<Vec<u8>>, Json)>),
}

/// One piece of an error's text: what may be shown, or how many bytes of data stood there.
pub(crate) enum Part {
    /// Go's own words.
    Text(String),
    /// Data, never shown.
    Data(Zeroizing<Vec<u8>>),
}

/// What went wrong, in Go's words.
pub(crate) struct JsonError(pub(crate) Vec<Part>);

impl JsonError {
    fn text(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }
}

/// A decoded text: the value Go leaves in the target, and the error it returns beside it.
pub(crate) struct Decoded {
    /// Nothing after a syntax error; with a number out of range, `null` stands in its place.
    pub(crate) value: Json,
    /// The first error.
    pub(crate) error: Option<JsonError>,
}

/// Writes `bytes` to `out` with U+FFFD for every byte that is not part of valid UTF-8, as Go's conversions do.
pub(crate) fn push_valid(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
