//! Constraints on versions: `>=1.2 <2 || ^3.1, !=3.2.0`, ranges `1.2 - 1.4`, wildcards `1.x`.

use std::cmp::Ordering;

use super::version::{Parts, Version, compare_prereleases, split};

/// Alternatives, each a list of conditions that hold together.
pub(super) struct Constraints(Vec<Vec<Condition>>);

/// Why a text is no constraint.
pub(super) enum ParseError {
    /// This alternative has another form.
    Improper(Vec<u8>),
    /// A version in it cannot be.
    Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// Longer ones first.
const OPERATORS: [(&[u8], Operator); 11] = [
    (b"!=", Operator::NotEqual),
    (b">=", Operator::GreaterEqual),
    (b"=>", Operator::GreaterEqual),
    (b"<=", Operator::LessEqual),
    (b"=<", Operator::LessEqual),
    (b"~>", Operator::Tilde),
    (b"=", Operator::Equal),
    (b">", Operator::Greater),
    (b"<", Operator::Less),
    (b"~", Operator::Tilde),
    (b"^", Operator::Caret),
];

/// How much of the version is a wildcard or missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    All,
}

struct Condition {
    operator: Operator,
    version: Version,
    open: Open,
}

/// What a condition's numbers are made of; the bar is a slip of the original that users may rely on.
fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

impl Constraints {
    /// Reads constraints.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let text = without_ranges(text);
        split_on_bars(&text).into_iter().map(alternative).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a version meets all conditions of an alternative.
    pub(super) fn allow(&self, version: &Version) -> bool {
        self.0.iter().any(|conditions| {
            let prereleases = conditions.iter().any(|condition| condition.version.pre.len() > 0);
            (prereleases || version.pre.len() == 0)
                && conditions.iter().all(|condition| condition.holds(version))
        })
    }
}

fn split_on_bars(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(bars) = rest.windows(2).position(|pair| pair == b"||") {
        parts.push(rest.get(..bars).unwrap_or_default());
        rest = rest.get(bars + 2..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// Writes every `a - b` as `>= a, <= b `.
fn without_ranges(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((low, high, after)) = range(rest) {
            out.extend_from_slice(&[b">= ", low, b", <= ", high, b" "].concat());
            rest = after;
        } else {
            out.extend(rest.first());
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}

/// A range at the start: its ends, and what comes after.
fn range(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (low, rest) = version_text(trim(text))?;
    let dash = trim(rest);
    let after = dash.strip_prefix(b"-")?;
    let high = trim(after);
    if dash.len() == rest.len() || high.len() == after.len() {
        return None;
    }
    let (high, rest) = version_text(high)?;
    Some((low, high, trim(rest)))
}

fn version_text(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let parts = split(text, is_number)?;
    text.split_at_checked(text.len() - parts.rest.len())
}

/// Conditions with spaces or a comma between.
fn alternative(text: &[u8]) -> Result<Vec<Condition>, ParseError> {
    let improper = || ParseError::Improper(text.to_vec());
    let mut conditions = Vec::new();
    let mut versions = Vec::new();
    let mut rest = text;
    loop {
        let from_operator = trim(rest);
        let (operator, after) = operator(from_operator);
        let from_version = trim(after);
        let parts = split(from_version, is_number).ok_or_else(improper)?;
        rest = parts.rest;
        versions.push((operator, from_version, parts));
        let next = trim(rest);
        if next.is_empty() {
            break;
        }
        match next.strip_prefix(b",") {
            Some(after) => rest = after,
            None if next.len() < rest.len() => rest = next,
            None => return Err(improper()),
        }
    }
    for (operator, text, parts) in versions {
        conditions.push(condition(operator, text, &parts)?);
    }
    Ok(conditions)
}

fn operator(text: &[u8]) -> (Operator, &[u8]) {
    let found = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(*sign)?)));
    found.unwrap_or((Operator::Equal, text))
}

fn condition(operator: Operator, text: &[u8], parts: &Parts<'_>) -> Result<Condition, ParseError> {
    let is_open = |number: Option<&[u8]>| matches!(number, None | Some(b"x" | b"X" | b"*"));
    let [major, minor, patch] = parts.numbers;
    let pre = if parts.pre.is_empty() { Vec::new() } else { [b"-", parts.pre].concat() };
    let (open, text) = if is_open(major) {
        (Open::All, [b"0.0.0".as_slice(), &pre].concat())
    } else if is_open(minor) {
        (Open::Minor, [major.unwrap_or_default(), b".0.0", &pre].concat())
    } else if is_open(patch) {
        (Open::Patch, [major.unwrap_or_default(), b".", minor.unwrap_or_default(), b".0", &pre].concat())
    } else {
        let length = text.len() - parts.rest.len();
        (Open::Nothing, text.get(..length).unwrap_or_default().to_vec())
    };
    let version = Version::parse(&text).map_err(|_| ParseError::Version)?;
    Ok(Condition { operator, version, open })
}

impl Condition {
    /// Whether a version meets the condition, prereleases being wanted or none.
    fn holds(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => self.tilde(version, order),
            Operator::NotEqual => self.differs(version, order),
            Operator::Greater => self.greater(version, order),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterEqual => order != Ordering::Less,
            Operator::LessEqual => self.less_or_equal(version, order),
            Operator::Caret => self.caret(version, order),
        }
    }

    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        if order == Ordering::Less {
            return false;
        }
        let zero = wanted.major == 0 && wanted.minor == 0 && wanted.patch == 0;
        if zero && matches!(self.open, Open::Nothing | Open::All) {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.open == Open::Minor)
    }

    fn differs(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        if self.open == Open::Nothing {
            return order != Ordering::Equal;
        }
        if version.major != wanted.major {
            return true;
        }
        match self.open {
            Open::Minor => false,
            _ if version.minor != wanted.minor => true,
            Open::Patch => compare_prereleases(version.pre.bytes(), wanted.pre.bytes()) != Ordering::Equal,
            _ => version.patch != wanted.patch || order != Ordering::Equal,
        }
    }

    fn greater(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => order == Ordering::Greater,
            _ if version.major != wanted.major => version.major > wanted.major,
            Open::Minor => false,
            Open::Patch => version.minor > wanted.minor,
            Open::All => order == Ordering::Greater,
        }
    }

    fn less_or_equal(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => order != Ordering::Greater,
            _ if version.major > wanted.major => false,
            Open::Minor => true,
            _ => version.major != wanted.major || version.minor <= wanted.minor,
        }
    }

    fn caret(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        if order == Ordering::Less || version.major != wanted.major {
            return false;
        }
        if wanted.major > 0 || self.open == Open::Minor {
            return true;
        }
        if wanted.minor > 0 || self.open == Open::Patch || version.minor > 0 {
            return version.minor == wanted.minor;
        }
        version.patch == wanted.patch
    }
}
