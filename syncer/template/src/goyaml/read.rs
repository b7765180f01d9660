//! Bytes to characters. Go decodes in blocks of 512 bytes and meets bad bytes only when it needs their block.

use zeroize::Zeroizing;

const BLOCK: usize = 512;

/// The characters of a text up to the first block with an error.
pub(super) struct Characters {
    /// Without a byte order mark at the start.
    pub(super) text: Zeroizing<Vec<char>>,
    /// What is wrong after the last of them.
    pub(super) problem: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16 { big: bool },
}

/// Decodes UTF-8, or UTF-16 after a byte order mark.
pub(super) fn characters(bytes: &[u8]) -> Characters {
    let (encoding, bom) = match bytes {
        [0xff, 0xfe, ..] => (Encoding::Utf16 { big: false }, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16 { big: true }, 2),
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        _ => (Encoding::Utf8, 0),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    let mut rest = bytes.get(bom..).unwrap_or_default();
    let mut end = BLOCK.saturating_sub(bom);
    let mut block_start = 0;
    while !rest.is_empty() {
        let last = rest.len() <= end;
        match next(rest, if last { rest.len() } else { end }, last, encoding) {
            Ok(Some((character, width))) => {
                text.push(character);
                rest = rest.get(width..).unwrap_or_default();
                end -= width;
            }
            Ok(None) => {
                // The block ends inside a character: the next begins with it.
                block_start = text.len();
                end = BLOCK;
            }
            Err(problem) => {
                // That the text ends inside a character shows only where more is needed than there is.
                if !problem.starts_with("incomplete") {
                    text.truncate(block_start);
                }
                return Characters { text, problem: Some(problem) };
            }
        }
        if end == 0 {
            block_start = text.len();
            end = BLOCK;
        }
    }
    Characters { text, problem: None }
}

type Step = Result<Option<(char, usize)>, &'static str>;

fn next(rest: &[u8], available: usize, last: bool, encoding: Encoding) -> Step {
    let window = rest.get(..available).unwrap_or_default();
    let step = match encoding {
        Encoding::Utf8 => utf8(window, last)?,
        Encoding::Utf16 { big } => utf16(window, last, big)?,
    };
    match step {
        Some((character, _)) if !allowed(character) => Err("control characters are not allowed"),
        step => Ok(step),
    }
}

fn allowed(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn utf8(window: &[u8], last: bool) -> Step {
    let first = window.first().copied().unwrap_or_default();
    let (width, mut value) = match first {
        0..=0x7f => (1, u32::from(first)),
        0xc0..=0xdf => (2, u32::from(first & 0x1f)),
        0xe0..=0xef => (3, u32::from(first & 0x0f)),
        0xf0..=0xf7 => (4, u32::from(first & 0x07)),
        _ => return Err("invalid leading UTF-8 octet"),
    };
    let Some(tail) = window.get(1..width) else {
        return if last { Err("incomplete UTF-8 octet sequence") } else { Ok(None) };
    };
    for octet in tail {
        if octet & 0xc0 != 0x80 {
            return Err("invalid trailing UTF-8 octet");
        }
        value = (value << 6) | u32::from(octet & 0x3f);
    }
    let shortest = match width {
        1 => 0,
        2 => 0x80,
        3 => 0x800,
        _ => 0x1_0000,
    };
    if value < shortest {
        return Err("invalid length of a UTF-8 sequence");
    }
    char::from_u32(value).map(|character| Some((character, width))).ok_or("invalid Unicode character")
}

fn utf16(window: &[u8], last: bool, big: bool) -> Step {
    let unit = |at: usize| match (window.get(at), window.get(at + 1)) {
        (Some(&a), Some(&b)) if big => Some(u32::from(u16::from_be_bytes([a, b]))),
        (Some(&a), Some(&b)) => Some(u32::from(u16::from_le_bytes([a, b]))),
        _ => None,
    };
    let Some(first) = unit(0) else {
        return if last { Err("incomplete UTF-16 character") } else { Ok(None) };
    };
    match first {
        0xdc00..=0xdfff => Err("unexpected low surrogate area"),
        0xd800..=0xdbff => match unit(2) {
            None if last => Err("incomplete UTF-16 surrogate pair"),
            None => Ok(None),
            Some(second @ 0xdc00..=0xdfff) => {
                let value = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
                Ok(char::from_u32(value).map(|character| (character, 4)))
            }
            Some(_) => Err("expected low surrogate area"),
        },
        _ => Ok(char::from_u32(first).map(|character| (character, 2))),
    }
}
