//! Strings: finding, trimming, replacing, splitting.

use memchr::memmem;

use super::super::runes::{first, indexed, is_space, last, runes};
use crate::function::{Call, Failure};
use crate::go::{Map, Type, Value};

pub(super) fn contains(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(memmem::find(call.str(1)?, call.str(0)?).is_some()))
}

pub(super) fn has_prefix(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.str(1)?.starts_with(call.str(0)?)))
}

pub(super) fn has_suffix(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.str(1)?.ends_with(call.str(0)?)))
}

pub(super) fn trim(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(trim_matching(call.str(0)?, is_space)))
}

pub(super) fn trim_all(call: &mut Call<'_>) -> Result<Value, Failure> {
    let cut: Vec<char> = runes(call.str(0)?).collect();
    call.step(cut.len() as u64 / 64)?;
    Ok(Value::string(trim_matching(call.str(1)?, |c| cut.contains(&c))))
}

pub(super) fn trim_prefix(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.str(1)?;
    Ok(Value::string(text.strip_prefix(call.str(0)?).unwrap_or(text)))
}

pub(super) fn trim_suffix(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.str(1)?;
    Ok(Value::string(text.strip_suffix(call.str(0)?).unwrap_or(text)))
}

pub(super) fn trim_matching(mut text: &[u8], matching: impl Fn(char) -> bool) -> &[u8] {
    while let Some((c, width)) = first(text)
        && matching(c)
    {
        text = text.get(width..).unwrap_or_default();
    }
    while let Some((c, width)) = last(text)
        && matching(c)
    {
        text = text.get(..text.len() - width).unwrap_or_default();
    }
    text
}

pub(super) fn replace(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (old, new, text) = (call.string(0)?, call.string(1)?, call.string(2)?);
    let (old, new, text) = (old.bytes(), new.bytes(), text.bytes());
    // An empty text stands before each character and at the end.
    let places: Vec<usize> = if old.is_empty() {
        indexed(text).map(|(at, _, _)| at).chain([text.len()]).collect()
    } else {
        memmem::find_iter(text, old).collect()
    };
    let length = text.len() + places.len().saturating_mul(new.len());
    call.grow(length)?;
    let mut out = Vec::with_capacity(length);
    let mut from = 0;
    for at in places {
        out.extend_from_slice(text.get(from..at).unwrap_or_default());
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Ok(Value::string(out))
}

/// `strings.SplitN`: at most `n` pieces, all if negative; none at all for 0.
pub(super) fn pieces<'t>(separator: &[u8], text: &'t [u8], n: i64) -> Vec<&'t [u8]> {
    let limit = usize::try_from(n).unwrap_or(usize::MAX);
    if limit == 0 || (text.is_empty() && separator.is_empty()) {
        return Vec::new();
    }
    let cuts: Vec<(usize, usize)> = if separator.is_empty() {
        indexed(text).skip(1).map(|(at, _, _)| (at, at)).take(limit - 1).collect()
    } else {
        memmem::find_iter(text, separator).map(|at| (at, at + separator.len())).take(limit - 1).collect()
    };
    let ends = cuts.iter().map(|cut| cut.0).chain([text.len()]);
    let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut.1));
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).collect()
}

fn numbered(call: &mut Call<'_>, pieces: &[&[u8]]) -> Result<Value, Failure> {
    call.grow(pieces.len() * 64)?;
    let map = Map::of(Type::STRING);
    for (index, piece) in pieces.iter().enumerate() {
        map.insert(format!("_{index}").as_str(), Value::string(*piece));
    }
    Ok(Value::Map(map))
}

pub(super) fn split(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (separator, text) = (call.string(0)?, call.string(1)?);
    numbered(call, &pieces(separator.bytes(), text.bytes(), -1))
}

pub(super) fn splitn(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (separator, n, text) = (call.string(0)?, call.int(1)?, call.string(2)?);
    numbered(call, &pieces(separator.bytes(), text.bytes(), n))
}

pub(super) fn split_list(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (separator, text) = (call.string(0)?, call.string(1)?);
    let pieces = pieces(separator.bytes(), text.bytes(), -1);
    call.grow(pieces.len() * 64)?;
    Ok(Value::strings(pieces))
}
