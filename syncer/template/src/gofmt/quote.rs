//! Quoting and unquoting as Go's strconv does.

use crate::functions::buffer::Buffer;
use crate::functions::runes::{first, indexed};
use crate::functions::show::is_print;
use crate::go::Str;

/// A quoted text for an error about the template itself.
pub(crate) fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(quoted(text, '"', false).bytes()).into_owned()
}

/// `%#U`: a character's code point and itself.
pub(crate) fn code_point(c: char) -> String {
    if is_print(c) { format!("U+{:04X} '{c}'", u32::from(c)) } else { format!("U+{:04X}", u32::from(c)) }
}

/// A text in quotes, everything unprintable escaped; with `ascii`, everything beyond ASCII too.
pub(crate) fn quoted(text: &[u8], quote: char, ascii: bool) -> Str {
    let mut out = Buffer::with_capacity(text.len() + 2);
    out.push_char(quote);
    for (at, c, width) in indexed(text) {
        if c == char::REPLACEMENT_CHARACTER && width == 1 {
            let byte = text.get(at).copied().unwrap_or_default();
            out.push(format!("\\x{byte:02x}").as_bytes());
        } else {
            push_escaped(&mut out, c, quote, ascii);
        }
    }
    out.push_char(quote);
    out.into_str()
}

/// A character in single quotes.
pub(crate) fn quoted_char(c: char, ascii: bool) -> Str {
    let mut out = Buffer::default();
    out.push(b"'");
    push_escaped(&mut out, c, '\'', ascii);
    out.push(b"'");
    out.into_str()
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn push_escaped(out: &mut Buffer, c: char, quote: char, ascii: bool) {
    let escape = match c {
        c if c == quote || c == '\\' => format!("\\{c}"),
        c if is_print(c) && (!ascii || c.is_ascii()) => return out.push_char(c),
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '\0'..='\x1f' | '\x7f' => format!("\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    out.push(escape.as_bytes());
}

/// The text that a quoted text means: in double quotes with escapes, in back quotes as it is.
pub(crate) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let (&quote, inner) = text.split_first()?;
    let inner = inner.strip_suffix(&[quote])?;
    if quote == b'`' {
        return (!inner.contains(&b'`')).then(|| inner.iter().copied().filter(|b| *b != b'\r').collect());
    }
    if quote != b'"' || inner.contains(&b'\n') {
        return None;
    }
    let (mut out, mut rest) = (Vec::with_capacity(inner.len()), inner);
    while !rest.is_empty() {
        let (rune, is_byte, tail) = unquote_char(rest, quote)?;
        match u8::try_from(rune) {
            Ok(byte) if is_byte => out.push(byte),
            _ => push(&mut out, char::from_u32(rune)?),
        }
        rest = tail;
    }
    Some(out)
}

/// The first character of a quoted text, whether it stands for a byte, and the rest. None if it is not written well.
pub(crate) fn unquote_char(text: &[u8], quote: u8) -> Option<(u32, bool, &[u8])> {
    let (&head, rest) = text.split_first()?;
    if head == quote {
        return None;
    }
    if head >= 0x80 {
        let (c, width) = first(text)?;
        // An invalid byte means U+FFFD in a character constant, and itself in a string.
        return Some(match (c, width) {
            (char::REPLACEMENT_CHARACTER, 1) => (u32::from(c), false, rest),
            _ => (u32::from(c), false, text.get(width..)?),
        });
    }
    if head != b'\\' {
        return Some((u32::from(head), true, rest));
    }
    let (&letter, rest) = rest.split_first()?;
    let simple = match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => 10,
        b'r' => 13,
        b't' => 9,
        b'v' => 11,
        b'\\' => 92,
        b'\'' | b'"' if letter == quote => u32::from(letter),
        b'x' => return number(rest, 2, 16).map(|(n, tail)| (n, true, tail)),
        b'u' => return unicode(rest, 4),
        b'U' => return unicode(rest, 8),
        b'0'..=b'7' => {
            let digits = text.get(1..)?;
            return number(digits, 3, 8).filter(|(n, _)| *n <= 255).map(|(n, tail)| (n, true, tail));
        }
        _ => return None,
    };
    Some((simple, true, rest))
}

fn unicode(text: &[u8], digits: usize) -> Option<(u32, bool, &[u8])> {
    let (n, tail) = number(text, digits, 16)?;
    char::from_u32(n).map(|c| (u32::from(c), false, tail))
}

fn number(text: &[u8], digits: usize, base: u32) -> Option<(u32, &[u8])> {
    let (head, tail) = text.split_at_checked(digits)?;
    let value =
        head.iter().try_fold(0u32, |n, b| n.checked_mul(base)?.checked_add(char::from(*b).to_digit(base)?));
    Some((value?, tail))
}
