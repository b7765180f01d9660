//! Percent-encoding, with the set of plain characters that each part of a URL has.

use super::parse::{Problem, Word};

/// A part of a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    User,
    Host,
    /// The zone of an IPv6 address.
    Zone,
    Fragment,
}

/// Whether a byte stands for itself in a part.
fn is_plain(byte: u8, place: Place) -> bool {
    match byte {
        b'-' | b'_' | b'.' | b'~' => true,
        b'!' | b'(' | b')' | b'*' => matches!(place, Place::Host | Place::Zone | Place::Fragment),
        b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => matches!(place, Place::Host | Place::Zone),
        b'$' | b'&' | b'+' | b',' | b';' | b'=' => true,
        b':' => place != Place::User,
        b'/' | b'@' => matches!(place, Place::Path | Place::Fragment),
        b'?' => place == Place::Fragment,
        _ => byte.is_ascii_alphanumeric(),
    }
}

/// Writes every byte that does not stand for itself as `%XX`.
pub(super) fn escape(text: &[u8], place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if is_plain(*byte, place) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

/// Reads `%XX` again.
pub(super) fn unescape(text: &[u8], place: Place) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let octet = octet(after).filter(|octet| may_be_escaped(*octet, place));
            let Some(octet) = octet else {
                let escape = rest.get(..3).unwrap_or(rest);
                return Err(Problem::about("invalid URL escape ", escape, ""));
            };
            out.push(octet);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        if matches!(place, Place::Host | Place::Zone) && byte.is_ascii() && !is_plain(*byte, place) {
            return Err(Problem(vec![
                Word::Plain("invalid character ".to_owned()),
                Word::Quoted(vec![*byte]),
                Word::Plain(" in host name".to_owned()),
            ]));
        }
        out.push(*byte);
        rest = after;
    }
    Ok(out)
}

fn octet(digits: &[u8]) -> Option<u8> {
    let digit = |place: usize| digits.get(place).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// Hosts may escape only what is beyond ASCII, zones only what may stand in hosts; `%25` and a zone's space go through.
fn may_be_escaped(octet: u8, place: Place) -> bool {
    match place {
        Place::Host => octet >= 0x80 || octet == b'%',
        Place::Zone => octet == b'%' || octet == b' ' || is_plain(octet, Place::Host),
        _ => true,
    }
}
