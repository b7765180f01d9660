//! Strings: shortening, repeating, indenting, wrapping, joining. All of it counts bytes, not characters.

use zeroize::Zeroizing;

use super::super::buffer::Buffer;
use super::super::cast::{strings, strval};
use super::super::{runes, show};
use super::search::pieces;
use crate::function::{Call, Failure, Piece};
use crate::go::Value;

fn out_of_range(from: Option<i64>, to: Option<i64>, length: Option<usize>) -> Failure {
    let number = |n: Option<i64>| n.map_or(Piece::from(""), |n| Piece::value(n.to_string().as_bytes()));
    let mut text =
        vec!["runtime error: slice bounds out of range [".into(), number(from), ":".into(), number(to)];
    text.push("]".into());
    if let Some(length) = length {
        text.push(" with length ".into());
        text.push(Piece::value(length.to_string().as_bytes()));
    }
    Failure::panic(text)
}

pub(super) fn substr(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (start, end, text) = (call.int(0)?, call.int(1)?, call.str(2)?);
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let cut = |from: i64, to: i64| text.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?);
    if start < 0 {
        let known = (end > length).then_some(text.len());
        return cut(0, end).map(Value::string).ok_or_else(|| out_of_range(None, Some(end), known));
    }
    let end = if end < 0 || end > length { length } else { end };
    cut(start, end).map(Value::string).ok_or_else(|| out_of_range(Some(start), Some(end), None))
}

pub(super) fn trunc(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (count, text) = (call.int(0)?, call.str(1)?);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let cut = if count < 0 {
        text.len().checked_sub(size).and_then(|from| text.get(from..))
    } else {
        text.get(..size)
    };
    Ok(Value::string(cut.unwrap_or(text)))
}

pub(super) fn abbrev(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (width, text) = (call.int(0)?, call.str(1)?);
    let short = usize::try_from(width).ok().filter(|width| *width >= 4);
    Ok(short.map_or_else(|| Value::string(text), |width| Value::string(abbreviated(text, 0, width))))
}

pub(super) fn abbrevboth(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (left, right, text) = (call.int(0)?, call.int(1)?, call.str(2)?);
    if right < 4 || (left > 0 && right < 7) {
        return Ok(Value::string(text));
    }
    let left = usize::try_from(left).unwrap_or(0);
    let right = usize::try_from(right).unwrap_or(usize::MAX);
    Ok(Value::string(abbreviated(text, left, right)))
}

/// At most `width` bytes (at least 4) of the text from about `offset` on, with dots for what is left out.
fn abbreviated(text: &[u8], offset: usize, width: usize) -> Vec<u8> {
    if text.len() <= width {
        return text.to_vec();
    }
    let kept = width - 3;
    let offset = offset.min(text.len() - kept);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    if offset <= 4 {
        return [part(0, kept), b"..."].concat();
    }
    if offset + kept < text.len() {
        return [b"...", abbreviated(part(offset, text.len()), 0, kept).as_slice()].concat();
    }
    [b"...", part(text.len() - kept, text.len())].concat()
}

/// `strings.Repeat`
fn repeated(call: &mut Call<'_>, text: &[u8], count: i64) -> Result<Vec<u8>, Failure> {
    let Ok(count) = usize::try_from(count) else {
        return Err(Failure::error("strings: negative Repeat count"));
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    call.grow(count.saturating_mul(text.len()))?;
    Ok(text.repeat(count))
}

pub(super) fn repeat(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (count, text) = (call.int(0)?, call.string(1)?);
    Ok(Value::string(repeated(call, text.bytes(), count)?))
}

fn indented(call: &mut Call<'_>, before: &[u8]) -> Result<Value, Failure> {
    let (spaces, text) = (call.int(0)?, call.string(1)?);
    let pad = repeated(call, b" ", spaces)?;
    let lines = pieces(b"\n", text.bytes(), -1);
    let length = before.len() + text.len() + lines.len().saturating_mul(pad.len());
    call.grow(length)?;
    let mut out = Buffer::with_capacity(length);
    out.push(before);
    for (index, line) in lines.into_iter().enumerate() {
        out.push(if index > 0 { b"\n" } else { b"" });
        out.push(&pad);
        out.push(line);
    }
    Ok(out.into_value())
}

pub(super) fn indent(call: &mut Call<'_>) -> Result<Value, Failure> {
    indented(call, b"")
}

pub(super) fn nindent(call: &mut Call<'_>) -> Result<Value, Failure> {
    indented(call, b"\n")
}

pub(super) fn wrap(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (width, text) = (call.int(0)?, call.string(1)?);
    wrapped(call, text.bytes(), width, b"\n", false)
}

pub(super) fn wrap_with(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (width, separator, text) = (call.int(0)?, call.string(1)?, call.string(2)?);
    let separator = if separator.len() == 0 { b"\n" } else { separator.bytes() };
    wrapped(call, text.bytes(), width, separator, true)
}

/// The text in lines of at most `width` bytes, broken at spaces; longer words are cut only if asked for.
fn wrapped(
    call: &mut Call<'_>,
    text: &[u8],
    width: i64,
    separator: &[u8],
    cut_words: bool,
) -> Result<Value, Failure> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Buffer::with_capacity(text.len() + 1);
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let fits = rest.get(..=width).unwrap_or(rest).iter().rposition(|&b| b == b' ');
        let (line_end, next) = match fits {
            Some(space) => (space, space + 1),
            None if cut_words => (width, width),
            None => match rest.iter().skip(width).position(|&b| b == b' ') {
                Some(space) => (width + space, width + space + 1),
                None => break,
            },
        };
        call.grow(separator.len())?;
        out.push(rest.get(..line_end).unwrap_or_default());
        out.push(separator);
        rest = rest.get(next..).unwrap_or_default();
    }
    out.push(rest);
    Ok(out.into_value())
}

/// The arguments that are not nil, each written by `word`, with spaces between.
fn words(
    call: &mut Call<'_>,
    word: fn(&mut Call<'_>, &mut Buffer, &Value) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let args = call.rest(0).to_vec();
    let mut out = Buffer::default();
    for (index, arg) in args.iter().filter(|arg| !matches!(arg, Value::Nil)).enumerate() {
        out.push(if index > 0 { b" " } else { b"" });
        word(call, &mut out, arg)?;
    }
    Ok(out.into_value())
}

pub(super) fn cat(call: &mut Call<'_>) -> Result<Value, Failure> {
    words(call, |call, out, arg| {
        out.push(show::display(call, arg)?.bytes());
        Ok(())
    })
}

pub(super) fn quote(call: &mut Call<'_>) -> Result<Value, Failure> {
    words(call, |call, out, arg| {
        let text = strval(call, arg)?;
        call.grow(text.len())?;
        out.push(show::quote(text.bytes()).bytes());
        Ok(())
    })
}

pub(super) fn squote(call: &mut Call<'_>) -> Result<Value, Failure> {
    words(call, |call, out, arg| {
        out.push(b"'");
        out.push(show::display(call, arg)?.bytes());
        out.push(b"'");
        Ok(())
    })
}

pub(super) fn plural(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Str(call.string(if call.int(2)? == 1 { 0 } else { 1 })?))
}

pub(super) fn to_string(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value(0);
    Ok(Value::Str(strval(call, &value)?))
}

pub(super) fn to_strings(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value(0);
    Ok(Value::List(strings(call, &value)?))
}

pub(super) fn join(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (separator, value) = (call.string(0)?, call.value(1));
    let items = strings(call, &value)?.items();
    let length = items.iter().map(|item| if let Value::Str(s) = item { s.len() } else { 0 }).sum::<usize>()
        + items.len().saturating_sub(1).saturating_mul(separator.len());
    call.grow(length)?;
    let mut out = Buffer::with_capacity(length);
    for (index, item) in items.iter().enumerate() {
        out.push(if index > 0 { separator.bytes() } else { b"" });
        if let Value::Str(text) = item {
            out.push(text.bytes());
        }
    }
    Ok(out.into_value())
}

/// The characters in random order; each draw is unbiased.
pub(super) fn shuffle(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    let mut chars: Zeroizing<Vec<char>> = Zeroizing::new(Vec::with_capacity(text.len()));
    chars.extend(runes::runes(text.bytes()));
    for last in (1..chars.len()).rev() {
        let bound = last as u64 + 1;
        // Numbers from the incomplete last round of `bound` are thrown away.
        let fair = u64::MAX - u64::MAX % bound;
        let drawn = loop {
            let mut bytes = [0; 8];
            call.step(1)?;
            call.random(&mut bytes)?;
            let drawn = u64::from_le_bytes(bytes);
            if drawn < fair {
                break drawn % bound;
            }
        };
        chars.swap(last, usize::try_from(drawn).unwrap_or(0));
    }
    Ok(Value::Str(runes::encode(chars.iter().copied(), text.len())))
}
