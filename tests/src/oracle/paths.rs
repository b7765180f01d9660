//! Random documents and gjson paths, and what both sides say about them.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Oracle;
use super::random::Random;
use super::words::{JSONS, TEXTS};

const KEYS: &[&str] = &["a", "b", "c", "ab", "a.b", "a*", "x y", "é", "\\\"q", "0", "1", "@a", "#"];

/// JSON, most of the time.
fn document(random: &mut Random) -> String {
    let mut out = if random.chance(10) { random.pick(JSONS).to_owned() } else { value(random, 0) };
    if random.chance(8) {
        out = format!("{out}\n{}", value(random, 1));
    }
    if random.chance(20) {
        let places: Vec<usize> = out.char_indices().map(|(at, _)| at).chain([out.len()]).collect();
        let at = places[random.below(places.len())];
        match random.below(3) {
            0 => out.truncate(at),
            1 => out.insert_str(at, random.pick(&["\"", "\\", "}", "]", "{", "[", ",", ":", "n", "1", " "])),
            _ if at < out.len() => drop(out.remove(at)),
            _ => {}
        }
    }
    out
}

fn value(random: &mut Random, depth: usize) -> String {
    let blank = random.pick(&["", "", "", " ", "\n"]).to_owned();
    match random.below(if depth < 4 { 11 } else { 7 }) {
        0 => random.pick(&["true", "false", "null"]).to_owned(),
        1 | 2 => random.between(-5, 300).to_string(),
        3 => random.pick(&["1.50", "0.1", "1e3", "-0", "12345678901234567890", "2.5e-7", "1E400"]).to_owned(),
        4..=6 => string(random),
        7 | 8 => {
            let all: Vec<String> = (0..random.below(5)).map(|_| value(random, depth + 1)).collect();
            format!("[{blank}{}{blank}]", all.join(&format!("{blank},")))
        }
        _ => {
            let member = |random: &mut Random| {
                format!(
                    "\"{}\"{}{}",
                    random.pick(KEYS),
                    random.pick(&[":", ": ", " : "]),
                    value(random, depth + 1)
                )
            };
            let all: Vec<String> = (0..random.below(5)).map(|_| member(random)).collect();
            format!("{{{blank}{}{blank}}}", all.join(","))
        }
    }
}

fn string(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!(
            "\"{}\"",
            random.pick(&[
                "a",
                "b",
                "ab",
                "x",
                "true",
                "1",
                "\\u00e9\\n",
                "\\ud83d\\ude00",
                "a\\\"b",
                "\\\\",
                "{\\\"a\\\":1}"
            ])
        ),
        _ => serde_json::to_string(random.pick(TEXTS)).unwrap_or_default(),
    }
}

/// A path, most of the time.
fn path(random: &mut Random, depth: usize) -> String {
    let mut out = String::new();
    for at in 0..random.below(4) + 1 {
        if at > 0 {
            out.push_str(random.pick(&[".", ".", ".", "|"]));
        }
        out.push_str(&step(random, depth));
    }
    if depth == 0 && random.chance(4) {
        out.insert_str(0, "..");
    }
    if depth == 0 && random.chance(6) {
        let places: Vec<usize> = out.char_indices().map(|(at, _)| at).collect();
        let at = places[random.below(places.len())];
        out.insert_str(
            at,
            random.pick(&["\\", "\"", "(", ")", "[", "]", "{", "}", "|", ".", "#", "@", ":", ",", "!"]),
        );
    }
    out
}

fn step(random: &mut Random, depth: usize) -> String {
    match random.below(if depth < 2 { 16 } else { 7 }) {
        0..=3 => random.pick(&["a", "b", "c", "ab", "é", "x y", "0", "1"]).to_owned(),
        4 => random.pick(&["a\\.b", "a\\*", "a*", "?", "*", "*b", "\\@a", "\\#", "a?"]).to_owned(),
        5 => random.below(4).to_string(),
        6 => "#".to_owned(),
        7 => format!("#.{}", step(random, depth + 1)),
        8..=10 => {
            let operator = random.pick(&["==", "=", "!=", "<", "<=", ">", ">=", "%", "!%", "==~", ""]);
            let right = if operator.is_empty() {
                ""
            } else {
                random.pick(&["1", "\"a\"", "a", "\"*b\"", "true", "null", "\"a\\\"b\"", "false", "*", ""])
            };
            let left = if random.chance(60) { step(random, depth + 1) } else { String::new() };
            format!("#({left}{operator}{right}){}", random.pick(&["", "#", "#"]))
        }
        11 => format!("{{{},\"n\":{}}}", path(random, depth + 1), path(random, depth + 1)),
        12 => format!("[{},{}]", path(random, depth + 1), path(random, depth + 1)),
        13 => random.pick(&["!true", "!\"x\"", "!5", "!null", "![1]"]).to_owned(),
        _ => random
            .pick(&[
                "@this",
                "@reverse",
                "@keys",
                "@values",
                "@flatten",
                "@flatten:{\"deep\":true}",
                "@join",
                "@join:{\"preserve\":true}",
                "@valid",
                "@tostr",
                "@fromstr",
                "@group",
                "@ugly",
                "@pretty",
                "@pretty:{\"sortKeys\":true,\"indent\":\"\\t\"}",
                "@dig:a",
                "@pretty:{\"width\":10}",
                "@nope",
            ])
            .to_owned(),
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Looked {
    /// Pairs of a document and a path.
    pub cases: usize,
    /// Those that lead somewhere.
    pub found: usize,
    /// Those on which Go's library panics.
    pub panics: usize,
    /// What differed.
    pub failures: Vec<String>,
}

/// Asks both sides. Ours gives kind, raw and text as the library names them, or `None`; an error for a limit.
///
/// # Errors
/// The oracle failed.
pub fn run(
    seed: u64,
    cases: usize,
    ours: impl Fn(&str, &str) -> Result<Option<(String, String, String)>, String>,
) -> Result<Looked> {
    let mut oracle = Oracle::start()?;
    let (mut random, mut looked) = (Random::new(seed), Looked::default());
    while looked.cases < cases {
        let (json, path) = (document(&mut random), path(&mut random, 0));
        let answer = oracle.look(&json, &path)?;
        if answer.get("err").is_some() {
            looked.panics += 1;
            continue;
        }
        looked.cases += 1;
        let text = |name: &str| answer[name].as_str().map(str::to_owned).context("no text");
        let exists = answer["exists"] == Value::Bool(true);
        looked.found += usize::from(exists);
        let expected = if exists { Some((text("type")?, text("raw")?, text("str")?)) } else { None };
        let got = ours(&json, &path);
        if got.as_ref() != Ok(&expected) {
            looked
                .failures
                .push(format!("{path}\n    in   {json}\n    Go:   {expected:?}\n    ours: {got:?}"));
        }
    }
    Ok(looked)
}
