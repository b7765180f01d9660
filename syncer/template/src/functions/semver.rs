//! Functions on semantic versions, as the Masterminds library has them.

mod constraint;
mod object;
mod version;

use crate::function::{Call, Failure, Function, Piece};
use crate::go::Value;

use constraint::Constraints;
use object::Pointer;
use version::{ParseError, Version};

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "semver", signature: "func(string) (*semver.Version, error)", call: semver },
    Function { name: "semverCompare", signature: "func(string, string) (bool, error)", call: semver_compare },
];

/// Longest constraint read, in bytes.
const LONGEST: usize = 4096;

fn semver(call: &mut Call<'_>) -> Result<Value, Failure> {
    Pointer::new(parsed(call, 0)?)
}

/// `semverCompare constraint version`: whether the version is among those that the constraint allows.
fn semver_compare(call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = call.string(0)?;
    if text.len() > LONGEST {
        return Err(Failure::limit(format!(
            "constraint of {} bytes, at most {LONGEST} are read",
            text.len()
        )));
    }
    let constraints = Constraints::parse(text.bytes()).map_err(|error| match error {
        constraint::ParseError::Improper(part) => {
            Failure::error([Piece::from("improper constraint: "), piece(call, 0, &part)])
        }
        constraint::ParseError::Version => Failure::error("constraint parser error"),
    })?;
    let version = parsed(call, 1)?;
    Ok(Value::Bool(constraints.allow(&version)))
}

/// The version that an argument says.
fn parsed(call: &Call<'_>, index: usize) -> Result<Version, Failure> {
    Version::parse(call.str(index)?).map_err(|error| failure(call, index, error))
}

/// Part of an argument in an error's text.
fn piece(call: &Call<'_>, index: usize, part: &[u8]) -> Piece {
    if call.is_literal(index) {
        return Piece::from(String::from_utf8_lossy(part).into_owned());
    }
    Piece::value(part)
}

fn failure(call: &Call<'_>, index: usize, error: ParseError) -> Failure {
    match error {
        ParseError::Words(words) => Failure::error(words),
        ParseError::Segment(digits) => {
            let quote = if call.is_literal(index) { "\"" } else { "" };
            Failure::error([
                Piece::from(format!("error parsing version segment: strconv.ParseUint: parsing {quote}")),
                piece(call, index, &digits),
                Piece::from(format!("{quote}: value out of range")),
            ])
        }
    }
}

#[cfg(test)]
mod tests;
