//! Go's view of bytes as characters: an invalid byte is U+FFFD, case mapping is one to one, classes are Unicode 15's.

use std::sync::LazyLock;

use syncer_regexp::Category;

use super::buffer::Buffer;
use crate::go::Str;

/// The first character and how many bytes it takes; an invalid byte counts as U+FFFD. `None` at the end.
pub(crate) fn first(bytes: &[u8]) -> Option<(char, usize)> {
    let width = match bytes.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let valid = bytes.get(..width).and_then(|head| std::str::from_utf8(head).ok());
    Some(valid.and_then(|text| text.chars().next()).map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, width)))
}

/// The last character and how many bytes it takes, in the same way.
pub(crate) fn last(bytes: &[u8]) -> Option<(char, usize)> {
    let tail = |width: usize| bytes.get(bytes.len().checked_sub(width)?..);
    let character = |width| {
        let mut chars = std::str::from_utf8(tail(width)?).ok()?.chars();
        Some((chars.next()?, width)).filter(|_| chars.next().is_none())
    };
    bytes.last()?;
    (1..=4).find_map(character).or(Some((char::REPLACEMENT_CHARACTER, 1)))
}

/// The characters in order, each with where it stands and how many bytes it takes.
pub(crate) fn indexed(bytes: &[u8]) -> impl Iterator<Item = (usize, char, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (c, width) = first(bytes.get(at..)?)?;
        at += width;
        Some((at - width, c, width))
    })
}

/// The characters in order.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = char> {
    indexed(bytes).map(|(_, c, _)| c)
}

/// The text of these characters.
pub(crate) fn encode(chars: impl Iterator<Item = char>, capacity: usize) -> Str {
    let mut out = Buffer::with_capacity(capacity);
    for c in chars {
        out.push_char(c);
    }
    out.into_str()
}

/// `unicode.IsSpace`
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// `unicode.IsUpper`
pub(crate) fn is_upper(c: char) -> bool {
    static LU: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("Lu"));
    if c.is_ascii() { c.is_ascii_uppercase() } else { within(&LU, c) }
}

/// `unicode.IsLower`
pub(crate) fn is_lower(c: char) -> bool {
    static LL: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("Ll"));
    if c.is_ascii() { c.is_ascii_lowercase() } else { within(&LL, c) }
}

/// `unicode.IsTitle`
pub(crate) fn is_title(c: char) -> bool {
    static LT: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("Lt"));
    !c.is_ascii() && within(&LT, c)
}

/// `unicode.IsLetter`
pub(crate) fn is_letter(c: char) -> bool {
    static L: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("L"));
    if c.is_ascii() { c.is_ascii_alphabetic() } else { within(&L, c) }
}

/// `unicode.IsDigit`
pub(crate) fn is_digit(c: char) -> bool {
    static ND: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("Nd"));
    if c.is_ascii() { c.is_ascii_digit() } else { within(&ND, c) }
}

/// `unicode.IsNumber`
pub(crate) fn is_number(c: char) -> bool {
    static N: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("N"));
    if c.is_ascii() { c.is_ascii_digit() } else { within(&N, c) }
}

/// `unicode.IsPunct`
pub(crate) fn is_punct(c: char) -> bool {
    static P: LazyLock<Option<Category>> = LazyLock::new(|| Category::named("P"));
    within(&P, c)
}

fn within(category: &LazyLock<Option<Category>>, c: char) -> bool {
    category.as_ref().is_some_and(|category| category.contains(c))
}

/// `unicode.ToUpper`
pub(crate) fn to_upper(c: char) -> char {
    let special = match c {
        // These have an upper case of one character beside the one of several.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return single(c, c.to_uppercase()),
    };
    char::from_u32(u32::from(c) + special).unwrap_or(c)
}

/// `unicode.ToLower`
pub(crate) fn to_lower(c: char) -> char {
    if c == 'İ' { 'i' } else { single(c, c.to_lowercase()) }
}

/// `unicode.ToTitle`
pub(crate) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian has capitals, but no title case.
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        _ => to_upper(c),
    }
}

/// What `c` maps to if that is one character, and one that Go's Unicode 15 has.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) if !is_newer(c) && !is_newer(only) => only,
        _ => c,
    }
}

/// Letters with two cases that came after Unicode 15.
fn is_newer(c: char) -> bool {
    matches!(
        c,
        '\u{1c89}'..='\u{1c8a}'
            | '\u{a7cb}'..='\u{a7cf}'
            | '\u{a7d2}'
            | '\u{a7d4}'
            | '\u{a7da}'..='\u{a7dc}'
            | '\u{10d50}'..='\u{10d85}'
            | '\u{16ea0}'..='\u{16ed3}'
    )
}
