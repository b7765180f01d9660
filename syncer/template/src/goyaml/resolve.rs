//! What a scalar means: YAML 1.1's words and numbers, as Go's reader takes them.

use zeroize::Zeroizing;

use super::{ErrorText, Yaml, failure};
use crate::functions::number::{parse_float, parse_int, parse_uint};

/// The tag that a scalar turned out to have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    String,
    Timestamp,
    Binary,
    /// One that Go does not resolve; the scalar is text then.
    Other,
}

const LONG: &[u8] = b"tag:yaml.org,2002:";

/// The tag as written, long or short, without its prefix; `None` for one that is not YAML's own.
pub(super) fn own(tag: &[u8]) -> Option<&[u8]> {
    tag.strip_prefix(LONG).or_else(|| tag.strip_prefix(b"!!"))
}

fn short(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "!!null",
        Tag::Bool => "!!bool",
        Tag::Int => "!!int",
        Tag::Float => "!!float",
        Tag::String => "!!str",
        Tag::Timestamp => "!!timestamp",
        Tag::Binary => "!!binary",
        Tag::Other => "",
    }
}

/// Resolves a scalar with this tag, empty for none.
pub(super) fn resolve(tag: &[u8], text: &[u8]) -> Result<(Tag, Yaml), ErrorText> {
    let string = || Yaml::String(Zeroizing::new(text.to_vec()));
    let asked = match own(tag) {
        None if tag.is_empty() => None,
        None => return Ok((Tag::Other, string())),
        Some(b"str") => return Ok((Tag::String, string())),
        Some(b"bool") => Some(Tag::Bool),
        Some(b"int") => Some(Tag::Int),
        Some(b"float") => Some(Tag::Float),
        Some(b"null") => Some(Tag::Null),
        Some(b"timestamp") => Some(Tag::Timestamp),
        Some(b"binary") => return Ok((Tag::Binary, string())),
        Some(_) => return Ok((Tag::Other, string())),
    };
    let (found, value) = plain(asked, text);
    match (asked, value) {
        (None, value) => Ok((found, value)),
        (Some(asked), value) if asked == found => Ok((found, value)),
        (Some(Tag::Float), Yaml::Int(number)) => Ok((Tag::Float, Yaml::Float(number as f64))),
        (Some(asked), _) => {
            let text = String::from_utf8_lossy(text);
            Err(failure(&format!("cannot decode {} `{text}` as a {}", short(found), short(asked))))
        }
    }
}

/// What an untagged text is.
pub(super) fn plain(asked: Option<Tag>, text: &[u8]) -> (Tag, Yaml) {
    let string = || (Tag::String, Yaml::String(Zeroizing::new(text.to_vec())));
    if let Some(word) = word(text) {
        return word;
    }
    match text.first() {
        Some(b'.') => match parse_float(text) {
            Some(number) => (Tag::Float, Yaml::Float(number)),
            None => string(),
        },
        Some(b'0'..=b'9' | b'+' | b'-') => {
            if matches!(asked, None | Some(Tag::Timestamp)) && is_timestamp(text) {
                return (Tag::Timestamp, Yaml::String(Zeroizing::new(text.to_vec())));
            }
            let digits: Zeroizing<Vec<u8>> =
                Zeroizing::new(text.iter().copied().filter(|byte| *byte != b'_').collect());
            number(&digits).unwrap_or_else(string)
        }
        _ => string(),
    }
}

fn word(text: &[u8]) -> Option<(Tag, Yaml)> {
    Some(match text {
        b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"true" | b"True" | b"TRUE" | b"on" | b"On" | b"ON" => {
            (Tag::Bool, Yaml::Bool(true))
        }
        b"n" | b"N" | b"no" | b"No" | b"NO" | b"false" | b"False" | b"FALSE" | b"off" | b"Off" | b"OFF" => {
            (Tag::Bool, Yaml::Bool(false))
        }
        b"" | b"~" | b"null" | b"Null" | b"NULL" => (Tag::Null, Yaml::Null),
        b".nan" | b".NaN" | b".NAN" => (Tag::Float, Yaml::Float(f64::NAN)),
        b".inf" | b".Inf" | b".INF" | b"+.inf" | b"+.Inf" | b"+.INF" => {
            (Tag::Float, Yaml::Float(f64::INFINITY))
        }
        b"-.inf" | b"-.Inf" | b"-.INF" => (Tag::Float, Yaml::Float(f64::NEG_INFINITY)),
        _ => return None,
    })
}

fn number(text: &[u8]) -> Option<(Tag, Yaml)> {
    if let Ok(number) = parse_int(text, 0) {
        return Some((Tag::Int, Yaml::Int(number)));
    }
    if let Some(Some(number)) = parse_uint(text, 0) {
        return Some((Tag::Int, Yaml::Uint(number)));
    }
    if is_float(text) {
        return parse_float(text).map(|number| (Tag::Float, Yaml::Float(number)));
    }
    None
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &[u8]) -> bool {
    let unsigned = |text: &'_ [u8]| -> usize { usize::from(matches!(text.first(), Some(b'+' | b'-'))) };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let from = |text: &'_ [u8], at: usize| -> Vec<u8> { text.get(at..).unwrap_or_default().to_vec() };
    let rest = from(text, unsigned(text));
    let whole = digits(&rest);
    let mut rest = from(&rest, whole);
    if rest.first() == Some(&b'.') {
        let fraction = digits(&from(&rest, 1));
        if whole + fraction == 0 {
            return false;
        }
        rest = from(&rest, 1 + fraction);
    } else if whole == 0 {
        return false;
    }
    if let Some(b'e' | b'E') = rest.first() {
        let exponent = from(&rest, 1);
        let exponent = from(&exponent, unsigned(&exponent));
        return !exponent.is_empty() && digits(&exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Whether a text is a date, or a date and a time, as YAML 1.1 writes them.
pub(super) fn is_timestamp(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..)),
        None => (text, None),
    };
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let fits = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if fits { part.parse::<i16>().ok() } else { None }
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let (Some(year), Some(month), Some(day)) =
        (number(year, 4..=4), number(month, 1..=2), number(day, 1..=2))
    else {
        return false;
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return false };
    if jiff::civil::Date::new(year, month, day).is_err() {
        return false;
    }
    let Some(time) = time else { return true };
    let zoned = !time.starts_with(' ');
    let time = time.get(1..).unwrap_or_default();
    let clock = if zoned {
        let Some(clock) = without_zone(time) else { return false };
        clock
    } else {
        time
    };
    let (clock, fraction) =
        clock.split_once(['.', ',']).map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    if fraction.is_some_and(|digits| digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let parts: Vec<Option<i16>> = clock.split(':').map(|part| number(part, 1..=2)).collect();
    matches!(parts.as_slice(), [Some(0..=23), Some(0..=59), Some(0..=59)])
}

/// A time without the `Z` or `+07:00` behind it.
fn without_zone(time: &str) -> Option<&str> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some(clock);
    }
    let at = time.len().checked_sub(6)?;
    let (clock, zone) = time.split_at_checked(at)?;
    let zone = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = zone.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    (two(hours) && two(minutes) && hours <= "24" && minutes < "60").then_some(clock)
}
