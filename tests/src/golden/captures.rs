//! Values captured earlier in a scenario, and the comparison of an answer with a recording that has typed placeholders.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use regex::{Captures as Groups, Regex};
use serde_json::Value;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<([a-z][a-z0-9-]*(?::[A-Za-z0-9-]+)?)>|\$\{([A-Za-z0-9_]+)\}").expect("a constant")
});

/// What each placeholder without parameters stands for.
const PATTERNS: &[(&str, &str)] = &[
    ("time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"),
    ("unix", r"\d{10}"),
    ("int", r"\d+"),
    ("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    // The recorded server's tokens start with `s.`, ours with `hvs.` as Vault's do.
    ("token", r"(?:s|hvs)\.[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]+)?"),
    ("batch-token", r"b\.AAAA[A-Za-z0-9_-]+(?:\.[A-Za-z0-9]+)?"),
    ("accessor", r"[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]+)?"),
    ("cluster-name", r"[A-Za-z0-9][A-Za-z0-9-]*"),
    ("version", r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?"),
    ("plugin-version", r"v\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?"),
    ("entity-name", r"entity_[0-9a-f]{8}(?:\.[A-Za-z0-9]+)?"),
    ("base64", r"[A-Za-z0-9+/]+={0,2}"),
    ("pem", r"-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s]+-----END [A-Z ]+-----\s*"),
];

/// How far a server's clock may be from ours, in seconds.
const CLOCK_SKEW: u64 = 3600;

/// How much of a time to live may have run off when it is read, in seconds.
const TTL_SPAN: u64 = 10;

/// Values by their name in the scenario.
#[derive(Clone, Debug, Default)]
pub struct Captures(BTreeMap<String, String>);

impl Captures {
    /// Keeps a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
    }

    /// Puts the captured values into a text.
    ///
    /// # Errors
    /// The name of a value that was not captured.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut missing = None;
        let filled = PLACEHOLDER.replace_all(text, |groups: &Groups<'_>| {
            let whole = groups.get(0).map_or("", |group| group.as_str());
            let Some(name) = groups.get(2).map(|group| group.as_str()) else { return whole.to_owned() };
            self.0.get(name).cloned().unwrap_or_else(|| {
                missing.get_or_insert(name.to_owned());
                whole.to_owned()
            })
        });
        let filled = filled.into_owned();
        missing.map_or(Ok(filled), Err)
    }

    /// Puts the captured values into every string and key of a document.
    ///
    /// # Errors
    /// The name of a value that was not captured.
    pub fn fill_value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Array(list) => {
                Value::Array(list.iter().map(|v| self.fill_value(v)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(k, v)| Ok((self.fill(k)?, self.fill_value(v)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    /// Compares an answer's text with a recorded one that has placeholders. White space at the end does not count.
    pub fn compare_text(&self, what: &str, expected: &str, got: &str) -> Option<String> {
        let fits = Regex::new(&format!(r"^(?:{})\s*$", self.pattern_of(expected.trim_end())))
            .is_ok_and(|r| r.is_match(got));
        (!fits).then(|| format!("{what} is {}, expected {}", short(got), short(expected)))
    }

    /// Compares an answer's document with a recorded one that has placeholders; the order of keys does not count.
    /// Adds one line per difference, each with its place.
    pub fn compare(&self, place: &str, expected: &Value, got: &Value, differences: &mut Vec<String>) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    match got.get(key) {
                        Some(got) => self.compare(&format!("{place}/{key}"), value, got, differences),
                        None => differences
                            .push(format!("{place}/{key} is missing, expected {}", short_value(value))),
                    }
                }
                for (key, value) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    differences.push(format!("{place}/{key} is there, not expected: {}", short_value(value)));
                }
            }
            (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
                let got = self.in_order_of(expected, got);
                for (i, (expected, got)) in expected.iter().zip(got).enumerate() {
                    self.compare(&format!("{place}/{i}"), expected, got, differences);
                }
            }
            _ if self.same(expected, got) => {}
            _ => differences.push(format!(
                "{place} is {}, expected {}",
                short_value(got),
                short_value(expected)
            )),
        }
    }

    /// A list with placeholders was sorted before they were put in: then each finds its value in any place.
    fn in_order_of<'a>(&self, expected: &[Value], got: &'a [Value]) -> Vec<&'a Value> {
        let mut rest: Vec<&Value> = got.iter().collect();
        if !expected.iter().any(|value| value.as_str().is_some_and(|text| PLACEHOLDER.is_match(text))) {
            return rest;
        }
        let mut ordered = Vec::with_capacity(got.len());
        for value in expected {
            let place = rest.iter().position(|got| self.same(value, got)).unwrap_or(0);
            ordered.push(rest.remove(place));
        }
        ordered
    }

    fn same(&self, expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::String(text), got) => self.same_text(text, got),
            (Value::Number(a), Value::Number(b)) => {
                a == b || a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64())
            }
            _ => expected == got,
        }
    }

    fn same_text(&self, expected: &str, got: &Value) -> bool {
        if let Some(name) = expected.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
            if let Some(limit) = name.strip_prefix("ttl:").and_then(|n| n.parse::<u64>().ok()) {
                return got.as_u64().is_some_and(|ttl| ttl <= limit && ttl + TTL_SPAN > limit);
            }
            match name {
                "unix" => return got.as_u64().is_some_and(|time| time.abs_diff(now) < CLOCK_SKEW),
                "int" => return got.is_u64(),
                _ => {}
            }
        }
        let Value::String(got) = got else { return false };
        expected == got
            || Regex::new(&format!("^(?s:{})$", self.pattern_of(expected))).is_ok_and(|r| r.is_match(got))
    }

    /// The regular expression for a text with placeholders; what is no known placeholder stands for itself.
    fn pattern_of(&self, text: &str) -> String {
        let mut pattern = String::new();
        let mut rest = 0;
        for groups in PLACEHOLDER.captures_iter(text) {
            let Some(whole) = groups.get(0) else { continue };
            let part = match (groups.get(1), groups.get(2)) {
                (Some(name), _) => pattern_for(name.as_str()),
                (_, Some(name)) => self.0.get(name.as_str()).map(|value| regex::escape(value)),
                _ => None,
            };
            pattern.push_str(&regex::escape(&text[rest..whole.start()]));
            pattern.push_str(&part.unwrap_or_else(|| regex::escape(whole.as_str())));
            rest = whole.end();
        }
        pattern.push_str(&regex::escape(&text[rest..]));
        pattern
    }
}

/// The regular expression for a placeholder, if it is a known one.
pub(crate) fn pattern_for(name: &str) -> Option<String> {
    match name.split_once(':') {
        Some(("mount-accessor", kind)) => Some(format!("{}_[0-9a-f]{{8}}", regex::escape(kind))),
        Some(("ciphertext", version)) => {
            Some(format!("vault:{}:[A-Za-z0-9+/]+={{0,2}}", regex::escape(version)))
        }
        _ => PATTERNS.iter().find(|(known, _)| *known == name).map(|(_, pattern)| (*pattern).to_owned()),
    }
}

/// A document for a message, cut after 200 characters.
pub fn short_value(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 200 { text } else { text.chars().take(200).chain("…".chars()).collect() }
}

fn short(text: &str) -> String {
    short_value(&Value::String(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The number of differences, with `t` captured as `a+b`.
    fn differences(expected: Value, got: Value) -> usize {
        let mut captures = Captures::default();
        captures.set("t", "a+b");
        let mut found = Vec::new();
        captures.compare("", &expected, &got, &mut found);
        found.len()
    }

    #[test]
    fn documents_are_compared() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let rows = [
            (json!({"a": 1, "b": [null]}), json!({"b": [null], "a": 1}), 0),
            (json!({"a": 1}), json!({"a": "1"}), 1),
            (json!({"a": 1}), json!({"b": 1}), 2),
            (json!([1, 2]), json!([2, 1]), 2),
            (json!([1, 2]), json!([1]), 1),
            (json!(0), json!(-0.0), 0),
            (json!(9007199254740992_u64), json!(9007199254740993_u64), 1),
            (json!("${t}"), json!("a+b"), 0),
            (json!("id ${t}!"), json!("id a+b!"), 0),
            (json!("id ${t}!"), json!("id aab!"), 1),
            (json!("${u}"), json!("a+b"), 1),
            (json!("<uuid>"), json!("01234567-89ab-cdef-0123-456789abcdef"), 0),
            (json!("<uuid>"), json!("x01234567-89ab-cdef-0123-456789abcdef"), 1),
            (json!(["<entity-name>", "b"]), json!(["b", "entity_0123abcd.root"]), 0),
            (json!(["<entity-name>", "b"]), json!(["b", "b"]), 1),
            (json!("<time>"), json!("2026-10-26T20:32:27Z"), 0),
            (json!("<time>"), json!("2026-10-26"), 1),
            (json!("<unix>"), json!(now), 0),
            (json!("<unix>"), json!(now.to_string()), 1),
            (json!("<unix>"), json!(now - 100_000), 1),
            (json!("<int>"), json!(3), 0),
            (json!("<ttl:60>"), json!(60), 0),
            (json!("<ttl:60>"), json!(50), 1),
            (json!("<ttl:60>"), json!(61), 1),
            (json!("<token>"), json!("s.ABCDEFGHIJKLMNOPQRSTUVWX"), 0),
            (json!("<token>"), json!("hvs.ABCDEFGHIJKLMNOPQRSTUVWX"), 0),
            (json!("<token>"), json!("ABCDEFGHIJKLMNOPQRSTUVWX"), 1),
            (json!("<accessor>"), json!("ABCDEFGHIJKLMNOPQRSTUVWX.abc"), 0),
            (json!("<mount-accessor:kv>"), json!("kv_0123abcd"), 0),
            (json!("<mount-accessor:kv>"), json!("sys_0123abcd"), 1),
            (json!("<ciphertext:v2>"), json!("vault:v2:AAAA=="), 0),
            (json!("<ciphertext:v2>"), json!("vault:v1:AAAA=="), 1),
            (json!("<&>"), json!("<&>"), 0),
            (json!("<name>"), json!("<name>"), 0),
            (json!("<name>"), json!("other"), 1),
        ];
        for (expected, got, count) in rows {
            assert_eq!(differences(expected.clone(), got.clone()), count, "{expected} and {got}");
        }
    }

    #[test]
    fn texts_are_filled_and_compared() {
        let mut captures = Captures::default();
        captures.set("t", "x");
        assert_eq!(captures.fill("a ${t} <uuid>"), Ok("a x <uuid>".into()));
        assert_eq!(captures.fill("a ${t} ${u}"), Err("u".into()));
        assert_eq!(captures.fill_value(&json!({"${t}": ["${t}"]})), Ok(json!({"x": ["x"]})));
        assert_eq!(
            captures.compare_text("body", "<a href=\"/\">${t}</a>.", "<a href=\"/\">x</a>.\n\n"),
            None
        );
        assert!(captures.compare_text("body", "{\"e\":-0}", "{\"e\":0}").is_some());
    }
}
