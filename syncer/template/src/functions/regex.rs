//! Functions with regular expressions.

use syncer_regexp::{ErrorCode, Regexp, quote_meta};

use super::show::{self, can_backquote};
use crate::function::{Call, Failure, Function, Piece, Text};
use crate::go::{List, Type, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "mustRegexFind", signature: "func(string, string) (string, error)", call: |call| find(call, true) },
    Function { name: "mustRegexFindAll", signature: "func(string, string, int) ([]string, error)", call: |call| find_all(call, true) },
    Function { name: "mustRegexMatch", signature: "func(string, string) (bool, error)", call: must_match },
    Function { name: "mustRegexReplaceAll", signature: "func(string, string, string) (string, error)", call: |call| replace_all(call, true) },
    Function { name: "mustRegexReplaceAllLiteral", signature: "func(string, string, string) (string, error)", call: |call| replace_literal(call, true) },
    Function { name: "mustRegexSplit", signature: "func(string, string, int) ([]string, error)", call: |call| split(call, true) },
    Function { name: "regexFind", signature: "func(string, string) string", call: |call| find(call, false) },
    Function { name: "regexFindAll", signature: "func(string, string, int) []string", call: |call| find_all(call, false) },
    Function { name: "regexMatch", signature: "func(string, string) bool", call: is_match },
    Function { name: "regexQuoteMeta", signature: "func(string) string", call: quote },
    Function { name: "regexReplaceAll", signature: "func(string, string, string) string", call: |call| replace_all(call, false) },
    Function { name: "regexReplaceAllLiteral", signature: "func(string, string, string) string", call: |call| replace_literal(call, false) },
    Function { name: "regexSplit", signature: "func(string, string, int) []string", call: |call| split(call, false) },
];

/// Bytes of pattern that are compiled for one step.
const PATTERN_PER_STEP: u64 = 4;

/// Compiles the first argument. The functions without `must` panic with an error that says they were compiling.
fn compiled(call: &mut Call<'_>, must: bool) -> Result<Regexp, Failure> {
    let pattern = call.string(0)?;
    call.step(1 + pattern.len() as u64 / PATTERN_PER_STEP)?;
    Regexp::new(pattern.bytes()).map_err(|error| {
        if matches!(error.code(), ErrorCode::Large | ErrorCode::NestingDepth) {
            // Go's own limits are wider: this may be a pattern that Go would take.
            return Failure::limit(format!("regular expression: {}", error.code().as_str()));
        }
        let part = if call.is_literal(0) {
            Piece::from(String::from_utf8_lossy(error.expr()).into_owned())
        } else {
            Piece::value(error.expr())
        };
        let reason = format!("error parsing regexp: {}: `", error.code().as_str());
        let text = Text::from([Piece::from(reason), part, "`".into()]);
        if must {
            return Failure::error(text);
        }
        let mut whole = Text::from(["regexp: Compile(".into(), quoted(call), "): ".into()]);
        whole.append(text);
        Failure::error(whole)
    })
}

/// The pattern as Go's `regexp` quotes it: in back quotes if that can be.
fn quoted(call: &Call<'_>) -> Piece {
    let pattern = call.str(0).unwrap_or_default();
    if !call.is_literal(0) {
        return Piece::value(pattern);
    }
    let quoted = show::quote(pattern);
    let (mark, text) = if can_backquote(pattern) { ("`", pattern) } else { ("", quoted.bytes()) };
    Piece::from(format!("{mark}{}{mark}", String::from_utf8_lossy(text)))
}

fn is_match(call: &mut Call<'_>) -> Result<Value, Failure> {
    match compiled(call, true) {
        Ok(re) => Ok(Value::Bool(re.is_match(call.str(1)?))),
        Err(Failure::Error(_)) => Ok(Value::Bool(false)),
        Err(other) => Err(other),
    }
}

fn must_match(call: &mut Call<'_>) -> Result<Value, Failure> {
    let re = compiled(call, true)?;
    Ok(Value::Bool(re.is_match(call.str(1)?)))
}

fn find(call: &mut Call<'_>, must: bool) -> Result<Value, Failure> {
    let re = compiled(call, must)?;
    let text = call.str(1)?;
    let found = re.find(text).and_then(|range| text.get(range)).unwrap_or_default();
    Ok(Value::string(found))
}

/// The parts of the text as a `[]string`.
fn parts(call: &mut Call<'_>, text: &[u8], ranges: Vec<std::ops::Range<usize>>) -> Result<Value, Failure> {
    call.grow(ranges.len() * 64)?;
    Ok(Value::strings(ranges.into_iter().map(|range| text.get(range).unwrap_or_default())))
}

fn find_all(call: &mut Call<'_>, must: bool) -> Result<Value, Failure> {
    let re = compiled(call, must)?;
    let (text, n) = (call.string(1)?, call.int(2)?);
    let found = re.find_all(text.bytes(), n, &mut |bytes| spend(call, bytes))?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(Type::STRING)));
    }
    parts(call, text.bytes(), found)
}

fn split(call: &mut Call<'_>, must: bool) -> Result<Value, Failure> {
    let re = compiled(call, must)?;
    let (text, n) = (call.string(1)?, call.int(2)?);
    match re.split(text.bytes(), n, &mut |bytes| spend(call, bytes))? {
        None => Ok(Value::List(List::nil(Type::STRING))),
        Some(found) => parts(call, text.bytes(), found),
    }
}

/// Counts a search, and the bytes that come of it.
fn spend(call: &mut Call<'_>, bytes: usize) -> Result<(), Failure> {
    call.step(1)?;
    call.grow(bytes)
}

fn replace_all(call: &mut Call<'_>, must: bool) -> Result<Value, Failure> {
    let re = compiled(call, must)?;
    let (text, template) = (call.string(1)?, call.string(2)?);
    let replaced = re.replace_all(text.bytes(), template.bytes(), &mut |bytes| spend(call, bytes))?;
    Ok(Value::string(replaced))
}

fn replace_literal(call: &mut Call<'_>, must: bool) -> Result<Value, Failure> {
    let re = compiled(call, must)?;
    let (text, with) = (call.string(1)?, call.string(2)?);
    let replaced = re.replace_all_literal(text.bytes(), with.bytes(), &mut |bytes| spend(call, bytes))?;
    Ok(Value::string(replaced))
}

fn quote(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(quote_meta(call.str(0)?)))
}
