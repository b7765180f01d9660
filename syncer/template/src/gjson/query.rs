//! Compares a value with the right side of a query.

use std::cmp::Ordering;

use super::path::Pattern;
use crate::json::{Kind, Raw};

/// How a query compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
}

impl Operator {
    /// The operator that a text begins with, and what follows.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        const ALL: [(&str, Operator); 9] = [
            ("!=", Operator::NotEqual),
            ("!%", Operator::NotLike),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
            ("%", Operator::Like),
        ];
        ALL.iter().find_map(|(name, operator)| Some((*operator, text.strip_prefix(name)?)))
    }
}

/// Whether `left` fits. Without an operator only its presence counts. A right side that begins with `~` asks what the
/// left side counts as, and compares the answer with `true`.
pub(super) fn matches(left: Option<Raw<'_>>, operator: Option<Operator>, right: &str) -> bool {
    if let (Some(operator), Some(right)) = (operator, right.strip_prefix('~')) {
        let answer = match right {
            "*" => left.is_some(),
            "null" => left.is_none_or(|left| left.kind() == Kind::Null),
            "true" => left.is_some_and(|left| truth(left) == Some(true)),
            "false" => left.is_none_or(|left| left.kind() == Kind::Null || truth(left) == Some(false)),
            _ => return false,
        };
        return compare_flag(answer, operator, "true");
    }
    let Some(left) = left else { return false };
    let Some(operator) = operator else { return true };
    match left.kind() {
        Kind::String => compare_text(&left.decoded(), operator, right),
        Kind::Number => compare_number(left.text(), operator, right),
        Kind::True => compare_flag(true, operator, right),
        Kind::False => compare_flag(false, operator, right),
        Kind::Null | Kind::Array | Kind::Object => false,
    }
}

/// The work of [`matches`], in characters that are looked at.
pub(super) fn cost(left: Raw<'_>, operator: Option<Operator>, right: &str) -> usize {
    match operator {
        Some(Operator::Like | Operator::NotLike) => Pattern::new(right).cost(left.text()),
        _ => 0,
    }
}

/// Whether a value counts as true or false; `None` for neither.
fn truth(value: Raw<'_>) -> Option<bool> {
    match value.kind() {
        Kind::True => Some(true),
        Kind::False => Some(false),
        Kind::String => match value.decoded().to_lowercase().as_str() {
            "1" | "t" | "true" => Some(true),
            "0" | "f" | "false" => Some(false),
            _ => None,
        },
        Kind::Number => value.text().parse::<f64>().ok().map(|number| number != 0.0),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

fn compare_text(left: &str, operator: Operator, right: &str) -> bool {
    match operator {
        Operator::Like => Pattern::new(right).matches(left),
        Operator::NotLike => !Pattern::new(right).matches(left),
        _ => ordered(Some(left.as_bytes().cmp(right.as_bytes())), operator),
    }
}

fn compare_number(left: &str, operator: Operator, right: &str) -> bool {
    // A right side that is no number counts as zero.
    let right = right.parse::<f64>().unwrap_or(0.0);
    left.parse::<f64>().is_ok_and(|left| ordered(left.partial_cmp(&right), operator))
}

/// False is less than true; a right side that is neither fits only `!=`, and `<=` and `>=` as their left side goes.
fn compare_flag(left: bool, operator: Operator, right: &str) -> bool {
    match operator {
        Operator::Equal => right == if left { "true" } else { "false" },
        Operator::NotEqual => right != if left { "true" } else { "false" },
        Operator::Greater => left && right == "false",
        Operator::GreaterOrEqual => left,
        Operator::Less => !left && right == "true",
        Operator::LessOrEqual => !left,
        Operator::Like | Operator::NotLike => false,
    }
}

fn ordered(order: Option<Ordering>, operator: Operator) -> bool {
    match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Like | Operator::NotLike => false,
    }
}
