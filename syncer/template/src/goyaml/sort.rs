//! The order of keys that Go's writer gives a mapping: numbers in texts by their value.

use std::cmp::Ordering;

use super::Yaml;

/// Compares two keys.
pub(super) fn compare(one: &Yaml, other: &Yaml) -> Ordering {
    if let (Some(a), Some(b)) = (number(one), number(other)) {
        return a.partial_cmp(&b).unwrap_or(Ordering::Equal).then_with(|| rank(one).cmp(&rank(other)));
    }
    match (one, other) {
        (Yaml::String(a), Yaml::String(b)) => texts(a, b),
        _ => rank(one).cmp(&rank(other)),
    }
}

/// The order of Go's kinds.
fn rank(value: &Yaml) -> u8 {
    match value {
        Yaml::Null => 0,
        Yaml::Bool(_) => 1,
        Yaml::Int(_) => 2,
        Yaml::Uint(_) => 3,
        Yaml::Float(_) => 4,
        Yaml::Map(_) => 5,
        Yaml::List(_) => 6,
        Yaml::String(_) => 7,
    }
}

fn number(value: &Yaml) -> Option<f64> {
    Some(match value {
        Yaml::Bool(flag) => f64::from(u8::from(*flag)),
        Yaml::Int(number) => *number as f64,
        Yaml::Uint(number) => *number as f64,
        Yaml::Float(number) => *number,
        _ => return None,
    })
}

fn texts(one: &[u8], other: &[u8]) -> Ordering {
    let chars = |text: &[u8]| String::from_utf8_lossy(text).chars().collect::<Vec<char>>();
    let (a, b) = (chars(one), chars(other));
    for (at, (x, y)) in a.iter().zip(&b).enumerate() {
        if x == y {
            continue;
        }
        return match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => x.cmp(y),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => numbers(&a, &b, at),
        };
    }
    a.len().cmp(&b.len())
}

/// The order of two texts whose first difference, at `at`, is no letter: the numbers that stand there.
fn numbers(a: &[char], b: &[char], at: usize) -> Ordering {
    let digits =
        |text: &[char]| text.iter().skip(at).take_while(|ch| ch.is_numeric()).copied().collect::<Vec<_>>();
    let value = |digits: &[char], start: i64| {
        digits
            .iter()
            .fold(start, |n, digit| n.wrapping_mul(10).wrapping_add(i64::from(u32::from(*digit)) - 48))
    };
    let (mine, theirs) = (digits(a), digits(b));
    // A nought counts only behind another digit.
    let nought = a.get(at) == Some(&'0') || b.get(at) == Some(&'0');
    let before = a.iter().take(at).rev().take_while(|ch| ch.is_numeric());
    let start = i64::from(nought && before.into_iter().any(|ch| *ch != '0'));
    value(&mine, start)
        .cmp(&value(&theirs, start))
        .then_with(|| mine.len().cmp(&theirs.len()))
        .then_with(|| a.get(at).cmp(&b.get(at)))
}
