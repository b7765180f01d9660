//! The conditions `#(…)` of a path.

use std::cmp::Ordering;

use super::path::Query;
use super::scan::{Value, number};
use super::{Kind, wild};

/// Whether a value, or nothing, fits. `~true` and the like ask what a value counts as.
pub(super) fn matches(left: Option<&Value<'_>>, query: &Query<'_>) -> bool {
    if let Some(word) = query.value.strip_prefix(b"~") {
        let counts = match word {
            b"*" => left.is_some(),
            b"null" => left.is_none_or(|left| left.kind == Kind::Null),
            b"true" => left.is_some_and(|left| truth(left) == Some(true)),
            b"false" => left.is_none_or(|left| left.kind == Kind::Null || truth(left) == Some(false)),
            _ => return false,
        };
        return query.operator.is_empty() || compare_flag(counts, query.operator, b"true");
    }
    let Some(left) = left else { return false };
    if query.operator.is_empty() {
        return true;
    }
    match left.kind {
        Kind::String => compare_text(&left.text(), query.operator, &query.value),
        Kind::Number => ordered(left.number().partial_cmp(&number(&query.value)), query.operator),
        Kind::True => compare_flag(true, query.operator, &query.value),
        Kind::False => compare_flag(false, query.operator, &query.value),
        Kind::Null | Kind::Json => false,
    }
}

/// The work of [`matches`], in characters that are looked at.
pub(super) fn cost(left: Option<&Value<'_>>, query: &Query<'_>) -> usize {
    left.map_or(0, |left| wild::cost(&left.raw, &query.value))
}

/// Whether a value counts as true or false; `None` for neither.
fn truth(value: &Value<'_>) -> Option<bool> {
    match value.kind {
        Kind::True => Some(true),
        Kind::False => Some(false),
        Kind::String => match value.text().to_ascii_lowercase().as_slice() {
            b"1" | b"t" | b"true" => Some(true),
            b"0" | b"f" | b"false" => Some(false),
            _ => None,
        },
        Kind::Number => Some(value.number() != 0.0),
        Kind::Null | Kind::Json => None,
    }
}

fn compare_text(left: &[u8], operator: &[u8], right: &[u8]) -> bool {
    match operator {
        b"%" => wild::matches(left, right),
        b"!%" => !wild::matches(left, right),
        _ => ordered(Some(left.cmp(right)), operator),
    }
}

/// False is less than true; a right side that is neither fits only `!=`, and `<=` and `>=` as their left side goes.
fn compare_flag(left: bool, operator: &[u8], right: &[u8]) -> bool {
    let own: &[u8] = if left { b"true" } else { b"false" };
    match operator {
        b"=" => right == own,
        b"!=" => right != own,
        b">" => left && right == b"false",
        b">=" => left,
        b"<" => !left && right == b"true",
        b"<=" => !left,
        _ => false,
    }
}

fn ordered(order: Option<Ordering>, operator: &[u8]) -> bool {
    match operator {
        b"=" => order == Some(Ordering::Equal),
        b"!=" => order != Some(Ordering::Equal),
        b"<" => order == Some(Ordering::Less),
        b"<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        b">" => order == Some(Ordering::Greater),
        b">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    }
}
