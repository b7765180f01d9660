//! Replacement templates: `$1`, `${1}`, `$name`, `${name}`, `$$`.

use crate::class::is_letter_or_digit;
use crate::parse::first_char;

/// A piece of a template.
pub(crate) enum Piece<'t> {
    Literal(&'t [u8]),
    Number(usize),
    Name(&'t [u8]),
}

/// Splits a template into its pieces. A `$` that begins no reference is literal.
pub(crate) fn pieces(template: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(dollar) = rest.iter().position(|&b| b == b'$') {
        let (before, from) = rest.split_at_checked(dollar).unwrap_or((rest, &[]));
        pieces.push(Piece::Literal(before));
        let after = from.get(1..).unwrap_or_default();
        if after.starts_with(b"$") {
            pieces.push(Piece::Literal(b"$"));
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        match reference(after) {
            Some((name, tail)) => {
                pieces.push(number(name).map_or(Piece::Name(name), Piece::Number));
                rest = tail;
            }
            None => {
                pieces.push(Piece::Literal(b"$"));
                rest = after;
            }
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// The name at the start of what follows a `$`, and the text behind it.
fn reference(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"{");
    let from = inner.unwrap_or(text);
    let mut length = 0;
    while let Some((c, width)) = from.get(length..).and_then(first_char) {
        if c != '_' && !is_letter_or_digit(c) {
            break;
        }
        length += width;
    }
    let (name, rest) = from.split_at_checked(length)?;
    let rest = if inner.is_some() { rest.strip_prefix(b"}")? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

fn number(name: &[u8]) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with(b"0");
    if leading_zero || name.len() > 9 || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}
