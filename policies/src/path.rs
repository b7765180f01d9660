//! Request paths: the one canonical form that policy and routing both use.

use std::fmt;

/// Longest path in bytes, after decoding.
pub const MAX_PATH_BYTES: usize = 4096;
/// Longest segment (the text between two slashes) in bytes, after decoding.
pub const MAX_SEGMENT_BYTES: usize = 1024;

/// Why a path is refused. The text is meant for the client and says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is no path at all.
    #[error("the path is empty; name what you want after /v1/")]
    Empty,
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("the path has {bytes} bytes, the limit is {MAX_PATH_BYTES}; use a shorter path")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// A segment is longer than [`MAX_SEGMENT_BYTES`].
    #[error("segment {segment} of the path has more than {MAX_SEGMENT_BYTES} bytes; use a shorter name")]
    SegmentTooLong {
        /// Which segment, counted from 1.
        segment: usize,
    },
    /// Two slashes in a row or a slash at the start; an escaped slash counts as one.
    #[error("the path has an empty segment; remove the leading or doubled slash")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("relative paths are not supported; remove the \".\" or \"..\" segment")]
    RelativeSegment,
    /// A control character, or one that cannot be seen.
    #[error("the path has the non-printable character U+{code:04X}; remove it")]
    NotPrintable {
        /// The character's Unicode number.
        code: u32,
    },
    /// A `%` that is not followed by two hexadecimal digits.
    #[error("the path has a bad percent escape; write % as %25")]
    BadEscape,
    /// The bytes are not UTF-8.
    #[error("the path is not valid UTF-8; percent-encode it as UTF-8")]
    NotUtf8,
    /// A slash at the end of something that is not a list.
    #[error("only a list may end in a slash; remove it or use LIST")]
    TrailingSlash,
}

/// A canonical request path, without `/v1/`: no empty or relative segments, nothing invisible.
/// The path of a list always ends in `/`, any other never does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestPath {
    text: String,
    list: bool,
}

impl RequestPath {
    /// The path as it stood in the URL after `/v1/`, still percent-encoded; it is decoded exactly once,
    /// so `%2F` separates segments and `%252F` is the text `%2F`. `list` is true for LIST and SCAN.
    ///
    /// # Errors
    /// Everything that is not canonical, see [`PathError`].
    pub fn parse(raw: &str, list: bool) -> Result<Self, PathError> {
        // An escape is three bytes, so a longer text cannot become short enough.
        if raw.len() > 3 * MAX_PATH_BYTES {
            return Err(PathError::TooLong { bytes: raw.len() });
        }
        Self::checked(decode(raw)?, list)
    }

    /// A path that is not percent-encoded, for example out of a configuration or a database. It is a
    /// list if it ends in `/`.
    ///
    /// # Errors
    /// The same as [`RequestPath::parse`], except for bad escapes.
    pub fn from_canonical(text: &str) -> Result<Self, PathError> {
        Self::checked(text.to_owned(), text.ends_with('/'))
    }

    fn checked(mut text: String, list: bool) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.ends_with('/') && !list {
            return Err(PathError::TrailingSlash);
        }
        if list && !text.ends_with('/') {
            text.push('/');
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong { bytes: text.len() });
        }
        if let Some(hidden) = text.chars().find(|c| !is_printable(*c)) {
            return Err(PathError::NotPrintable { code: hidden as u32 });
        }
        let path = Self { text, list };
        for (index, segment) in path.segments().enumerate() {
            check_segment(segment, index + 1)?;
        }
        Ok(path)
    }

    /// The canonical text: what policies are asked about and what routing sees.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text without the slash that ends a list.
    #[must_use]
    pub fn without_trailing_slash(&self) -> &str {
        self.text.strip_suffix('/').unwrap_or(&self.text)
    }

    /// The segments, none of them empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.without_trailing_slash().split('/')
    }

    /// Whether this is the path of a LIST or SCAN, so ends in `/`.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        self.list
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestPath({:?})", self.text)
    }
}

fn check_segment(segment: &str, number: usize) -> Result<(), PathError> {
    match segment {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::RelativeSegment),
        _ if segment.len() > MAX_SEGMENT_BYTES => Err(PathError::SegmentTooLong { segment: number }),
        _ => Ok(()),
    }
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut bytes = raw.bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = bytes.next().and_then(hex_digit).ok_or(PathError::BadEscape)?;
            let low = bytes.next().and_then(hex_digit).ok_or(PathError::BadEscape)?;
            decoded.push(high << 4 | low);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).map_err(|_| PathError::NotUtf8)
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Whether a character can be seen and told from its neighbours. The space is; other white space,
/// control, format, filler, private-use and unassigned-forever characters are not.
#[must_use]
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    let code = c as u32;
    // The last two code points of every plane are never characters.
    if c.is_control() || c.is_whitespace() || code & 0xFFFE == 0xFFFE {
        return false;
    }
    let after = INVISIBLE.partition_point(|(first, _)| *first <= code);
    after.checked_sub(1).and_then(|at| INVISIBLE.get(at)).is_none_or(|(_, last)| *last < code)
}

/// Format characters, fillers, variation selectors, private use and non-characters: first and last.
const INVISIBLE: [(u32, u32); 31] = [
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFD),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1345F),
    (0x16FE4, 0x16FE4),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
    (0xF0000, 0x10FFFF),
];

#[cfg(test)]
mod tests;
