//! Many random cases on both sides: counted by function, compared byte for byte, errors by their class.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::catalogue::LEFT_OUT;
use super::generate::{Function, around, program};
use super::random::Random;
use super::systematic::{Case, cases, lacks};
use super::{Data, Oracle, Rendered, functions};

/// Templates of the language itself among the cases, in percent.
const PROGRAMS: u64 = 10;
/// Failures that are shown.
const SHOWN: usize = 40;

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The template is none.
    Parse,
    /// There is no such key.
    MissingKey,
    /// A value has another type than it must have, or there are too many or too few.
    Argument,
    /// A function failed.
    Function,
    /// A limit was met.
    Limit,
}

/// The class of an error's text.
pub fn class(text: &str) -> Class {
    if text.starts_with("parse: ") {
        return Class::Parse;
    }
    if text.contains("map has no entry for key") || text.contains("nil data; no entry for key") {
        return Class::MissingKey;
    }
    if text.contains("exceeded maximum template depth") {
        return Class::Limit;
    }
    if text.contains(": error calling ") || text.contains("exec: panic") {
        Class::Function
    } else {
        Class::Argument
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases.
    pub cases: usize,
    /// Cases that Go renders.
    pub rendered: usize,
    /// Templates that two processes of Go's render differently, because an address is in the output: no cases.
    pub unstable: usize,
    /// Errors of Go's by class.
    pub errors: BTreeMap<Class, usize>,
    /// Cases by function.
    pub functions: BTreeMap<String, usize>,
    /// What differed, in words, first by function.
    pub failures: Vec<(String, String)>,
}

impl Report {
    fn note(&mut self, name: &str, template: &str, expected: &Rendered, got: &Rendered) {
        *self.functions.entry(name.to_owned()).or_default() += 1;
        self.cases += 1;
        match expected {
            Ok(_) => self.rendered += 1,
            Err(error) => *self.errors.entry(class(error)).or_default() += 1,
        }
        if let Some(failure) = differs(template, expected, got) {
            self.failures.push((name.to_owned(), failure));
        }
    }

    /// The figures and the first failures.
    pub fn text(&self, seed: u64) -> String {
        let mut out = format!(
            "seed {seed}, {} cases, {} rendered ({} %)",
            self.cases,
            self.rendered,
            self.rendered * 100 / self.cases.max(1)
        );
        let _written = write!(
            out,
            ", errors {:?}, {} not counted for an address in the output",
            self.errors, self.unstable
        );
        let least = self.functions.iter().min_by_key(|(_, count)| **count);
        let _written = writeln!(out, "\n{} functions, the fewest cases: {least:?}", self.functions.len());
        for (name, why) in LEFT_OUT {
            let _written = writeln!(out, "left to golden rows and properties: {name}: {why}");
        }
        let mut by_function: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &self.failures {
            *by_function.entry(name).or_default() += 1;
        }
        let _written = writeln!(out, "{} differ: {by_function:?}", self.failures.len());
        for (name, text) in self.failures.iter().take(SHOWN) {
            let _written = writeln!(out, "--- {name}: {text}");
        }
        out
    }
}

/// Texts, numbers, documents and bytes, the same for every case of a run.
fn data() -> Data {
    let pairs: [(&str, &[u8]); 15] = [
        ("a", b"alpha"),
        ("b", b"beta gamma"),
        ("c", b"x,y,z"),
        ("num", b"42"),
        ("neg", b"-7.5"),
        ("empty", b""),
        ("list", b"c,a,b"),
        ("json", br#"{"user":"bob","port":5432,"tags":["x","y"],"nul":null}"#),
        ("arr", br#"[{"n":"n1","v":1},{"n":"n2","v":2.5}]"#),
        ("yaml", b"k: v\nl:\n  - 1\n  - yes\n"),
        ("multi", b"line1\nline2\n\n"),
        ("utf", "h\u{e9}llo \u{65e5}\u{672c} <&>'\"".as_bytes()),
        ("b64", b"//79AA=="),
        ("date", b"2024-02-29"),
        ("bin", b"\xff\xfe\x00\x01x"),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_vec())).collect()
}

/// Asks both sides about `count` templates.
///
/// # Errors
/// The oracle failed, or a function of it is neither asked about nor left out.
pub fn run(
    seed: u64,
    count: usize,
    extra: Data,
    mut ours: impl FnMut(&str, &Data) -> Rendered,
) -> Result<Report> {
    let (mut oracle, mut second) = (Oracle::start()?, Oracle::start()?);
    let mut data = data();
    data.extend(extra);
    if let Ok(text) = oracle.render("{{ encryptAES \"password\" \"the text\" }}", &data)? {
        data.insert("aes".to_owned(), text);
    }
    let all = functions()?;
    ensure!(
        LEFT_OUT.iter().all(|(name, _)| all.iter().any(|it| it.name == *name)),
        "a function that is left out is not there"
    );
    let asked: Vec<&Function> =
        all.iter().filter(|it| !LEFT_OUT.iter().any(|(name, _)| *name == it.name)).collect();
    let mut random = Random::new(seed);
    let mut report = Report::default();
    let mut next = 0;
    while report.cases < count {
        let (name, template) = if random.chance(PROGRAMS) {
            ("language", program(&mut random))
        } else {
            let function = asked[next % asked.len()];
            next += 1;
            (function.name.as_str(), around(&mut random, function))
        };
        let expected = oracle.render(&template, &data)?;
        if second.render(&template, &data)? != expected {
            report.unstable += 1;
            continue;
        }
        report.note(name, &template, &expected, &ours(&template, &data));
    }
    Ok(report)
}

/// Asks both sides about the usual, edge and wrong arguments of every function that has a fixed answer.
///
/// # Errors
/// The oracle failed, or a function lacks one of the three.
pub fn systematic(mut ours: impl FnMut(&str, &Data) -> Rendered) -> Result<Report> {
    let (mut oracle, mut second, data) = (Oracle::start()?, Oracle::start()?, data());
    let cases: Vec<Case> = functions()?.iter().flat_map(cases).collect();
    ensure!(lacks(&cases).is_empty(), "{:?}", lacks(&cases));
    let mut report = Report::default();
    for case in cases {
        let expected = oracle.render(&case.template, &data)?;
        let random = expected.is_ok() && LEFT_OUT.iter().any(|(name, _)| *name == case.function);
        if random || second.render(&case.template, &data)? != expected {
            report.unstable += 1;
            continue;
        }
        report.note(&case.function, &case.template, &expected, &ours(&case.template, &data));
    }
    Ok(report)
}

fn differs(template: &str, expected: &Rendered, got: &Rendered) -> Option<String> {
    let same = match (expected, got) {
        (Ok(expected), Ok(got)) => expected == got,
        (Err(expected), Err(got)) => class(expected) == class(got),
        _ => false,
    };
    let show = |it: &Rendered| match it {
        Ok(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        Err(error) => format!("error {error}"),
    };
    (!same).then(|| format!("{template}\n    Go:   {}\n    ours: {}", show(expected), show(got)))
}
