//! Tests against what the Masterminds library said of random constraints and versions.

use super::constraint::{Constraints, ParseError as ConstraintError};
use super::version::{ParseError, Version};

fn answer(constraint: &str, version: &str) -> String {
    let constraints = match Constraints::parse(constraint.as_bytes()) {
        Ok(constraints) => constraints,
        Err(ConstraintError::Improper(part)) => {
            return format!("improper constraint: {}", String::from_utf8(part).unwrap());
        }
        Err(ConstraintError::Version) => return "constraint parser error".to_owned(),
    };
    match Version::parse(version.as_bytes()) {
        Ok(version) => {
            format!("{} {}", constraints.allow(&version), String::from_utf8(version.text()).unwrap())
        }
        Err(ParseError::Words(words)) => words.to_owned(),
        Err(ParseError::Segment(digits)) => format!(
            "error parsing version segment: strconv.ParseUint: parsing \"{}\": value out of range",
            String::from_utf8(digits).unwrap()
        ),
    }
}

/// Rows of constraint, version and answer. `SEMVER_ROWS=file` takes others than the recorded ones.
#[test]
fn constraints_allow_what_the_library_allows() {
    let recorded = std::env::var("SEMVER_ROWS").ok().map(|path| std::fs::read_to_string(path).unwrap());
    let text = recorded.as_deref().unwrap_or(include_str!("recorded.json"));
    let rows: Vec<[String; 3]> = serde_json::from_str(text).unwrap();
    let wrong: Vec<String> = rows
        .iter()
        .filter(|[constraint, version, expected]| answer(constraint, version) != *expected)
        .map(|[constraint, version, expected]| {
            format!("{constraint:?} {version:?}: {} not {expected}\n", answer(constraint, version))
        })
        .collect();
    assert!(wrong.is_empty(), "{}{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}
