//! For every function the usual, the edge and the wrong arguments, one after another.

use std::collections::BTreeMap;

use super::arguments::Want;
use super::generate::Function;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Try {
    /// Arguments of the right types, neither empty nor extreme.
    Usual,
    /// One argument is empty, zero, negative or nil.
    Edge,
    /// One argument is of a wrong type, or there are too few or too many.
    Wrong,
}

/// One template and what it tries.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it tries.
    pub tries: Try,
    /// The function.
    pub function: String,
    /// The template.
    pub template: String,
}

/// Values that are wrong somewhere; the fields hold texts.
const ANY: &[&str] = &[
    ".a",
    "5",
    "1.5",
    "true",
    "nil",
    "(list .a)",
    "(dict \"k\" .a)",
    "(int64 7)",
    "(toDate \"2006-01-02\" \"2024-02-29\")",
    ".",
];

fn want(parameter: &str) -> Want {
    match parameter.trim_start_matches("...") {
        "string" | "sprig.HashAlgorithm" => Want::Text,
        "int" | "uint32" | "float64" => Want::Int,
        "bool" => Want::Bool,
        "map[string]interface {}" => Want::Dict,
        "[]interface {}" => Want::List,
        "time.Time" => Want::Time,
        _ => Want::Any,
    }
}

fn usual(parameter: &str) -> &'static str {
    match want(parameter) {
        Want::Text => "\"abc\"",
        Want::Int | Want::Number => "2",
        Want::Bool => "true",
        Want::Dict => "(dict \"abc\" 1)",
        Want::List => "(list \"a\" \"b\")",
        Want::Time => "(toDate \"2006-01-02\" \"2024-02-29\")",
        Want::Any => "\"7\"",
    }
}

fn edges(parameter: &str) -> &'static [&'static str] {
    match want(parameter) {
        Want::Text => &["\"\"", ".empty", ".bin", ".multi"],
        Want::Int | Want::Number => &["0", "-1", "1.0"],
        Want::Bool => &["false"],
        Want::Dict => &["(dict)"],
        Want::List => &["(list)"],
        Want::Time => &["(toDate \"2006-01-02\" \"\")"],
        Want::Any => {
            &["\"\"", "0", "(list)", "(dict)", "nil", "-3.5", "(list nil)", "(splitList \",\" \"\")"]
        }
    }
}

/// All cases of a function.
pub fn cases(function: &Function) -> Vec<Case> {
    let usually: Vec<&str> = function.parameters.iter().map(|it| usual(it)).collect();
    let mut out = Vec::new();
    let mut add = |tries: Try, arguments: &[&str]| {
        let template = format!("{{{{ {} {} }}}}", function.name, arguments.join(" "));
        out.push(Case { tries, function: function.name.clone(), template });
    };
    add(Try::Usual, &usually);
    for (at, parameter) in function.parameters.iter().enumerate() {
        let with = |value: &'static str| {
            let mut all = usually.clone();
            all[at] = value;
            all
        };
        edges(parameter).iter().for_each(|value| add(Try::Edge, &with(value)));
        ANY.iter().for_each(|value| add(Try::Wrong, &with(value)));
    }
    let variadic = function.parameters.last().is_some_and(|it| it.starts_with("..."));
    if let Some((_, fewer)) = usually.split_last() {
        add(if variadic { Try::Edge } else { Try::Wrong }, fewer);
    } else {
        add(Try::Edge, &usually);
    }
    let more: Vec<&str> = usually.iter().copied().chain([".a", "(list .a)"]).collect();
    add(if variadic { Try::Edge } else { Try::Wrong }, &more);
    if variadic {
        add(Try::Wrong, &[&usually[..], &["(fail .a)"]].concat());
    }
    out
}

/// What a function lacks of the three.
pub fn lacks(cases: &[Case]) -> Vec<String> {
    let mut seen: BTreeMap<&str, [bool; 3]> = BTreeMap::new();
    for case in cases {
        seen.entry(&case.function).or_default()[case.tries as usize] = true;
    }
    seen.iter()
        .filter(|(_, all)| all.contains(&false))
        .map(|(name, all)| format!("{name}: {all:?}"))
        .collect()
}
