//! IP addresses in the host of a URL, as Go's net/netip reads them.

use super::parse::{Problem, Word};

/// A text that is no address: what is wrong, and where, if Go says so.
struct Wrong<'a>(&'static str, Option<&'a [u8]>);

type Checked<'a, T> = Result<T, Wrong<'a>>;

/// Checks that a text is an IPv6 address, perhaps with a zone.
///
/// # Errors
/// Go's words, if it is none.
pub(super) fn check(text: &[u8]) -> Result<(), Problem> {
    let checked = match text.iter().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        Some(b'.') => match v4(text) {
            Ok(()) => return Err(Problem(vec![Word::Plain("invalid IP-literal".to_owned())])),
            wrong => wrong,
        },
        Some(b':') => v6(text),
        Some(_) => Err(Wrong("missing IPv6 address", None)),
        None => Err(Wrong("unable to parse IP", None)),
    };
    checked.map_err(|Wrong(what, place)| {
        let mut words = Problem::about("invalid host: ParseAddr(", text, &format!("): {what}")).0;
        if let Some(place) = place {
            words.append(&mut Problem::about(" (at ", place, ")").0);
        }
        Problem(words)
    })
}

fn v4(text: &[u8]) -> Checked<'_, ()> {
    let (mut value, mut digits, mut points) = (0_u32, 0, 0);
    for (index, byte) in text.iter().enumerate() {
        let here = text.get(index..).unwrap_or_default();
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(Wrong("IPv4 field has octet with leading zero", None));
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(Wrong("IPv4 field has value >255", None));
                }
            }
            b'.' if digits == 0 || here.len() == 1 => {
                return Err(Wrong("IPv4 field must have at least one digit", Some(here)));
            }
            b'.' if points == 3 => return Err(Wrong("IPv4 address too long", None)),
            b'.' => (value, digits, points) = (0, 0, points + 1),
            _ => return Err(Wrong("unexpected character", Some(here))),
        }
    }
    if points < 3 { Err(Wrong("IPv4 address too short", None)) } else { Ok(()) }
}

fn v6(text: &[u8]) -> Checked<'_, ()> {
    let mut rest = text;
    if let Some(percent) = text.iter().position(|byte| *byte == b'%') {
        if percent + 1 == text.len() {
            return Err(Wrong("zone must be a non-empty string", None));
        }
        rest = text.get(..percent).unwrap_or_default();
    }
    let mut gap = false;
    let mut length = 0;
    if let Some(after) = rest.strip_prefix(b"::") {
        gap = true;
        rest = after;
        if rest.is_empty() {
            return Ok(());
        }
    }
    while length < 16 {
        let group = group(rest)?;
        if rest.get(group) == Some(&b'.') {
            if !gap && length != 12 {
                let what = "embedded IPv4 address must replace the final 2 fields of the address";
                return Err(Wrong(what, Some(rest)));
            }
            if length > 12 {
                let what = "too many hex fields to fit an embedded IPv4 at the end of the address";
                return Err(Wrong(what, Some(rest)));
            }
            v4(rest)?;
            (rest, length) = (&[], length + 4);
            break;
        }
        length += 2;
        rest = rest.get(group..).unwrap_or_default();
        match rest {
            [] => break,
            [b':'] => return Err(Wrong("colon must be followed by more characters", Some(rest))),
            [b':', b':', ..] if gap => return Err(Wrong("multiple :: in address", rest.get(1..))),
            [b':', b':', after @ ..] => {
                gap = true;
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            [b':', after @ ..] => rest = after,
            _ => return Err(Wrong("unexpected character, want colon", Some(rest))),
        }
    }
    match (rest, length < 16, gap) {
        ([_, ..], _, _) => Err(Wrong("trailing garbage after address", Some(rest))),
        (_, true, false) => Err(Wrong("address string too short", None)),
        (_, false, true) => Err(Wrong("the :: must expand to at least one field of zeros", None)),
        _ => Ok(()),
    }
}

/// The number of hexadecimal digits at the start: one to four.
fn group(text: &[u8]) -> Checked<'_, usize> {
    match text.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(text.len()) {
        0 => Err(Wrong("each colon-separated field must have at least one digit", Some(text))),
        digits @ 1..=4 => Ok(digits),
        _ => Err(Wrong("each group must have 4 or less digits", Some(text))),
    }
}
