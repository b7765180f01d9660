//! Strings: upper and lower case, and names written in one style or another.

use super::super::buffer::Buffer;
use super::super::runes::{
    encode, first, is_digit, is_letter, is_lower, is_number, is_punct, is_space, is_title, is_upper, runes,
    to_lower, to_title, to_upper,
};
use crate::function::{Call, Failure};
use crate::go::Value;

/// The text with every character mapped by `change`. An upper case can take more bytes than the lower one.
fn mapped(call: &Call<'_>, mut change: impl FnMut(char) -> char) -> Result<Value, Failure> {
    let text = call.str(0)?;
    Ok(Value::Str(encode(runes(text).map(&mut change), text.len() * 3 / 2)))
}

pub(super) fn upper(call: &mut Call<'_>) -> Result<Value, Failure> {
    mapped(call, to_upper)
}

pub(super) fn lower(call: &mut Call<'_>) -> Result<Value, Failure> {
    mapped(call, to_lower)
}

pub(super) fn title(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut before = ' ';
    mapped(call, |c| {
        let starts = separates(before);
        before = c;
        if starts { to_title(c) } else { c }
    })
}

/// What `strings.Title` takes for the end of a word.
fn separates(c: char) -> bool {
    if c.is_ascii() {
        !c.is_ascii_alphanumeric() && c != '_'
    } else {
        !is_letter(c) && !is_digit(c) && is_space(c)
    }
}

pub(super) fn untitle(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut starts = true;
    mapped(call, |c| {
        if is_space(c) {
            starts = true;
            c
        } else if std::mem::take(&mut starts) {
            to_lower(c)
        } else {
            c
        }
    })
}

pub(super) fn swapcase(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut after_space = true;
    mapped(call, |c| {
        if is_upper(c) || is_title(c) {
            after_space = false;
            to_lower(c)
        } else if is_lower(c) {
            if std::mem::take(&mut after_space) { to_title(c) } else { to_upper(c) }
        } else {
            after_space = is_space(c);
            c
        }
    })
}

/// The first letter of each word; each byte counts as a character of its own.
pub(super) fn initials(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut gap = true;
    let starts = |c: &char| {
        let starts = gap && !is_space(*c);
        gap = is_space(*c);
        starts
    };
    let text = call.str(0)?;
    Ok(Value::Str(encode(text.iter().map(|&b| char::from(b)).filter(starts), text.len())))
}

/// The text without spaces; if there are any, each byte counts as a character of its own.
pub(super) fn nospace(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.str(0)?;
    let kept = text.iter().map(|&b| char::from(b)).filter(|c| !is_space(*c));
    if kept.clone().count() == text.len() && !text.is_empty() {
        return Ok(Value::string(text));
    }
    Ok(Value::Str(encode(kept, text.len() * 2)))
}

fn connects(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

pub(super) fn camelcase(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.str(0)?;
    let mut out = Buffer::with_capacity(text.len() * 3 / 2);
    let mut rest = runes(text).peekable();
    // Connectors at the front stay.
    let mut current = None;
    for c in rest.by_ref() {
        if !connects(c) {
            current = Some(c);
            break;
        }
        out.push_char(c);
    }
    let Some(start) = current else {
        // Of nothing but connectors the last one comes twice.
        if let Some(c) = runes(text).last() {
            out.push_char(c);
        }
        return Ok(out.into_value());
    };
    let mut in_capitals = is_upper(start);
    let mut before = to_upper(start);
    for c in rest {
        match (connects(c), connects(before)) {
            (true, true) => {
                out.push_char(before);
                before = c;
            }
            (_, true) => {
                in_capitals = is_upper(c);
                before = to_upper(c);
            }
            _ => {
                out.push_char(before);
                in_capitals = in_capitals && is_upper(c);
                before = if in_capitals { to_lower(c) } else { c };
            }
        }
    }
    out.push_char(before);
    Ok(out.into_value())
}

pub(super) fn snakecase(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(lower_words(call.str(0)?, '_'))
}

pub(super) fn kebabcase(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(lower_words(call.str(0)?, '-'))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// The end of the text, or nothing valid in it any more.
    End,
    Number,
    Capitals,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// A letter, but for the common Chinese, Japanese and Korean ideographs.
fn is_alphabet(c: char) -> bool {
    let ideograph =
        matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    is_letter(c) && !ideograph
}

/// The words of `text` in lower case with `connector` between them.
fn lower_words(text: &[u8], connector: char) -> Value {
    let mut out = Buffer::with_capacity(text.len() * 3 / 2);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            put(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                (kind, word, rest) = put_run(&mut out, (kind, word, rest), connector);
            }
            Word::Connector => put(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push_char(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                // A number belongs to the word before it, unless small letters follow.
                if kind != Word::Letters {
                    put(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push_char(connector);
                    }
                } else {
                    out.push_char(connector);
                    put(&mut out, Word::Number, number, connector);
                    (kind, word, rest) = put_run(&mut out, (kind, word, rest), connector);
                }
            }
        }
    }
    put(&mut out, kind, word, connector);
    out.into_value()
}

type Next<'t> = (Word, &'t [u8], &'t [u8]);

/// Writes small letters and numbers as long as they follow each other, then a connector if a word follows.
fn put_run<'t>(out: &mut Buffer, mut next: Next<'t>, connector: char) -> Next<'t> {
    while matches!(next.0, Word::Letters | Word::Number) {
        put(out, next.0, next.1, connector);
        next = next_word(next.2);
    }
    if !matches!(next.0, Word::End | Word::Punctuation | Word::Connector) {
        out.push_char(connector);
    }
    next
}

fn put(out: &mut Buffer, kind: Word, word: &[u8], connector: char) {
    if !matches!(kind, Word::Capitals | Word::Connector) {
        out.push(word);
        return;
    }
    for c in runes(word) {
        if connects(c) {
            out.push_char(connector);
        } else {
            out.push_char(if is_upper(c) { to_lower(c) } else { c });
        }
    }
}

/// The kind of the first word, the word, and the text behind it.
fn next_word(text: &[u8]) -> Next<'_> {
    let Some((c, mut end)) = next_valid(text) else { return (Word::End, text, &[]) };
    let kind = if connects(c) {
        end = run(text, end, connects);
        Word::Connector
    } else if is_punct(c) {
        end = run(text, end, is_punct);
        Word::Punctuation
    } else if is_upper(c) {
        end = capitals(text, end);
        Word::Capitals
    } else if is_alphabet(c) {
        end = run(text, end, |c| is_alphabet(c) && !is_upper(c));
        Word::Letters
    } else if is_number(c) {
        end = run(text, end, is_number);
        Word::Number
    } else {
        end = run(text, end, |c| !connects(c) && !is_alphabet(c) && !is_number(c) && !is_punct(c));
        Word::Other
    };
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (kind, word, rest)
}

/// Where the characters that are `within` end that follow each other from `from` on.
fn run(text: &[u8], from: usize, within: impl Fn(char) -> bool) -> usize {
    let mut end = from;
    while let Some((c, width)) = next_valid(text.get(end..).unwrap_or_default()) {
        if !within(c) {
            return end;
        }
        end += width;
    }
    // What is left holds nothing valid and belongs to the word.
    text.len()
}

/// Where a word that starts with a capital (which ends at `end`) ends: `HTTP` of `HTTPStatus`, `Status` of `StatusOK`.
fn capitals(text: &[u8], end: usize) -> usize {
    let next = |from: usize| next_valid(text.get(from..).unwrap_or_default());
    match next(end) {
        Some((c, _)) if is_upper(c) => {
            let (mut last, mut at) = (end, end);
            while let Some((c, width)) = next(at) {
                if !is_upper(c) {
                    // The last capital begins the next word.
                    return if is_alphabet(c) { last } else { at };
                }
                (last, at) = (at, at + width);
            }
            text.len()
        }
        Some((c, _)) if is_alphabet(c) => run(text, end, |c| is_alphabet(c) && !is_upper(c)),
        Some(_) => end,
        None => text.len(),
    }
}

/// The first valid character and how many bytes it takes together with the invalid ones before it.
fn next_valid(text: &[u8]) -> Option<(char, usize)> {
    let mut end = 0;
    while let Some((c, width)) = text.get(end..).and_then(first) {
        end += width;
        if c != char::REPLACEMENT_CHARACTER {
            return Some((c, end));
        }
    }
    None
}
