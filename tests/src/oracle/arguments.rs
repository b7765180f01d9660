//! Expressions of a wanted Go type, and what each function likes to be given.

use super::random::Random;
use super::words::*;

/// What an expression is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// `string`.
    Text,
    /// `int` as a constant.
    Int,
    /// Any number.
    Number,
    /// `bool`.
    Bool,
    /// A list.
    List,
    /// A `map[string]interface {}`.
    Dict,
    /// A `time.Time`.
    Time,
    /// Anything at all.
    Any,
}

/// Nesting of expressions.
const DEEPEST: usize = 2;

/// A Go string literal, quoted or raw.
pub fn literal(random: &mut Random, text: &str) -> String {
    if random.chance(10) && !text.contains('`') && !text.contains('\r') {
        return format!("`{text}`");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One of these texts as a literal.
pub fn one_of(random: &mut Random, of: &[&str]) -> String {
    let text = random.pick(of);
    literal(random, text)
}

/// An expression that can stand as an argument.
pub fn expression(random: &mut Random, want: Want, depth: usize) -> String {
    match want {
        Want::Text => text(random, depth),
        Want::Int => int(random),
        Want::Number => number(random, depth),
        Want::Bool => boolean(random, depth),
        Want::List => list(random, depth),
        Want::Dict => dict(random, depth),
        Want::Time => time(random),
        Want::Any => {
            let all = [Want::Text, Want::Number, Want::Bool, Want::List, Want::Dict, Want::Int];
            match random.below(14) {
                0 => "nil".to_owned(),
                1 => ".".to_owned(),
                2 => time(random),
                3 => format!("(semver {})", one_of(random, &VERSIONS[..4])),
                n => expression(random, all[n % all.len()], depth),
            }
        }
    }
}

fn text(random: &mut Random, depth: usize) -> String {
    let deeper = if depth < DEEPEST { 14 } else { 9 };
    match random.below(deeper) {
        0..=4 => one_of(random, TEXTS),
        5 => one_of(random, PIECES),
        6..=8 => format!(".{}", random.pick(FIELDS)),
        9 => format!(
            "({} {})",
            random.pick(&["upper", "lower", "trim", "title", "quote", "b64enc", "nospace", "sha1sum"]),
            text(random, depth + 1)
        ),
        10 => format!(
            "(printf {} {})",
            one_of(random, &["%v", "%s-%s", "%d", "%q", "%5s|", "%x", "%05.1f", "%t"]),
            expression(random, Want::Any, depth + 1)
        ),
        11 => format!("(cat {} {})", text(random, depth + 1), expression(random, Want::Any, depth + 1)),
        12 => format!("(toJson {})", expression(random, Want::Any, depth + 1)),
        _ => format!("(default {} {})", text(random, depth + 1), text(random, depth + 1)),
    }
}

fn int(random: &mut Random) -> String {
    match random.below(10) {
        0 => "0".to_owned(),
        1 => "-1".to_owned(),
        2 => "1".to_owned(),
        3 => random.between(-6, 40).to_string(),
        4 => "2.0".to_owned(),
        5 => format!("(len {})", one_of(random, TEXTS)),
        _ => random.between(0, 8).to_string(),
    }
}

fn number(random: &mut Random, depth: usize) -> String {
    match random.below(if depth < DEEPEST { 12 } else { 8 }) {
        0 | 1 => int(random),
        2 => random
            .pick(&[
                "1.5",
                "-0.25",
                "3.14159",
                "1e3",
                "1e21",
                "2.5e-7",
                "100.0",
                "0x1F",
                "1000000",
                "-9223372036854775808",
                "0.1",
                "7",
                "'a'",
            ])
            .to_owned(),
        3 => one_of(
            random,
            &[
                "42",
                "-7",
                "3.14",
                "1e3",
                "010",
                "0b11",
                "x",
                "",
                "1_000",
                "99999999999999999999",
                "0x10",
                " 5",
            ],
        ),
        4 => random.between(-1000, 100_000).to_string(),
        5 => format!("{}.{}", random.between(-99, 99), random.between(0, 9999)),
        6 => random.pick(&["true", "false", "nil", ".num", ".neg"]).to_owned(),
        7 => format!("(int64 {})", random.between(-50, 50)),
        8 => format!("(add {} {})", number(random, depth + 1), int(random)),
        9 => format!("(mulf {} {})", number(random, depth + 1), number(random, depth + 1)),
        10 => {
            format!("(index (fromJson {}) 0)", one_of(random, &["[5432]", "[1.25, 2]", "[21000000]", "[-3]"]))
        }
        _ => format!("(float64 {})", number(random, depth + 1)),
    }
}

fn boolean(random: &mut Random, depth: usize) -> String {
    match random.below(6) {
        0..=2 => random.pick(&["true", "false"]).to_owned(),
        3 => format!("(eq {} {})", text(random, DEEPEST), text(random, DEEPEST)),
        4 => format!("(not {})", expression(random, Want::Any, depth.max(DEEPEST))),
        _ => format!("(empty {})", expression(random, Want::Any, depth.max(DEEPEST))),
    }
}

fn list(random: &mut Random, depth: usize) -> String {
    match random.below(8) {
        0 => "(list)".to_owned(),
        1 => format!(
            "(splitList {} {})",
            one_of(random, &[",", "/", " ", ""]),
            text(random, depth.max(DEEPEST))
        ),
        2 => format!("(until {})", random.between(0, 6)),
        3 => {
            format!("(list {})", (0..random.between(1, 5)).map(|_| int(random)).collect::<Vec<_>>().join(" "))
        }
        4 => format!(
            "(fromJson {})",
            one_of(random, &["[1,2,2,null]", "[\"b\",\"a\",\"b\"]", "[]", "[[1],[2,3]]", "[{\"a\":1}]"])
        ),
        5 => format!(
            "(list {})",
            (0..random.between(1, 4)).map(|_| one_of(random, PIECES)).collect::<Vec<_>>().join(" ")
        ),
        6 if depth < DEEPEST => format!("(reverse {})", list(random, depth + 1)),
        _ => {
            let all: Vec<String> =
                (0..random.between(1, 4)).map(|_| expression(random, Want::Any, depth.max(1) + 1)).collect();
            format!("(list {})", all.join(" "))
        }
    }
}

fn dict(random: &mut Random, depth: usize) -> String {
    match random.below(6) {
        0 => "(dict)".to_owned(),
        1 => format!("(fromJson {})", one_of(random, &JSONS[9..12]))
            .replace("[1,\\\"two\\\",3.5,false]", "{\\\"q\\\":0}"),
        2 => format!("(fromYaml {})", one_of(random, &YAMLS[..6])),
        3 if depth < DEEPEST => format!(
            "(set {} {} {})",
            dict(random, depth + 1),
            one_of(random, &["a", "n"]),
            expression(random, Want::Any, depth + 1)
        ),
        _ => {
            let mut pairs = String::new();
            for key in ["a", "b", "nested", "k9", "k10"].iter().take(random.below(5) + 1) {
                let value = expression(random, Want::Any, depth.max(1) + 1);
                pairs.push_str(&format!(" \"{key}\" {value}"));
            }
            format!("(dict{pairs})")
        }
    }
}

fn time(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("(toDate \"2006-01-02\" {})", one_of(random, &DATES[..5])),
        1 => "(toDate \"2006-01-02T15:04:05Z07:00\" \"2024-03-10T23:59:58+02:00\")".to_owned(),
        _ => {
            format!("(dateModify {} (toDate \"2006-01-02\" \"2021-05-05\"))", one_of(random, &DURATIONS[..6]))
        }
    }
}
