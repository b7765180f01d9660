//! Volatile values of clients' answers as typed placeholders, and the comparison of two such answers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::golden::captures::pattern_for;

/// Kinds of values that are found anywhere in a text.
static IN_TEXT: LazyLock<Vec<(Regex, String)>> = LazyLock::new(|| {
    let kind = |name: &str| {
        let pattern = pattern_for(name).expect("a known placeholder");
        (Regex::new(&format!(r"\b(?:{pattern})")).expect("a constant"), format!("<{name}>"))
    };
    vec![kind("uuid"), kind("time"), kind("token")]
});

static ACCESSOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!("^(?:{})$", pattern_for("accessor").expect("a known placeholder")))
        .expect("a constant")
});

/// Remaining times are rounded up to full minutes, in seconds.
const TTL_STEP: u64 = 60;

/// Puts placeholders in the place of the server's address and of volatile values.
pub fn normalise(value: &mut Value, url: &str) {
    match value {
        Value::String(text) => *text = normal_text(text, url),
        Value::Array(list) => list.iter_mut().for_each(|value| normalise(value, url)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), &*value) {
                    ("creation_time", Value::Number(_)) => *value = "<unix>".into(),
                    ("ttl", Value::Number(ttl)) => {
                        let ttl = ttl.as_u64().unwrap_or_default().div_ceil(TTL_STEP) * TTL_STEP;
                        *value = format!("<ttl:{ttl}>").into();
                    }
                    ("accessor", Value::String(text)) if ACCESSOR.is_match(text) => {
                        *value = "<accessor>".into()
                    }
                    _ => normalise(value, url),
                }
            }
        }
        _ => {}
    }
}

fn normal_text(text: &str, url: &str) -> String {
    let mut text = text.replace(url, "<addr>");
    for (pattern, placeholder) in IN_TEXT.iter() {
        text = pattern.replace_all(&text, placeholder.as_str()).into_owned();
    }
    text
}

/// A place with both values, absent ones as none.
pub type Place = (String, Option<Value>, Option<Value>);

/// Finds the places where two documents differ; the order of keys does not count.
pub fn compare(place: &str, one: &Value, other: &Value, found: &mut Vec<Place>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let place = format!("{place}/{key}");
                match b.get(key) {
                    Some(other) => compare(&place, value, other, found),
                    None => found.push((place, Some(value.clone()), None)),
                }
            }
            let added = b.iter().filter(|(key, _)| !a.contains_key(*key));
            found.extend(added.map(|(key, value)| (format!("{place}/{key}"), None, Some(value.clone()))));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (one, other)) in a.iter().zip(b).enumerate() {
                compare(&format!("{place}/{i}"), one, other, found);
            }
        }
        _ if one == other => {}
        _ => found.push((place.to_owned(), Some(one.clone()), Some(other.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn volatile_values_become_placeholders() {
        let mut answer = json!({
            "id": "s.ABCDEFGHIJKLMNOPQRSTUVWX", "accessor": "ABCDEFGHIJKLMNOPQRSTUVWX", "ttl": 3599, "creation_time": 1700000000,
            "text": "GET http://127.0.0.1:1/v1/a at 2026-10-26T20:32:27.5Z: 01234567-89ab-cdef-0123-456789abcdef", "n": [7, "abc"]
        });
        normalise(&mut answer, "http://127.0.0.1:1");
        let expected = json!({
            "id": "<token>", "accessor": "<accessor>", "ttl": "<ttl:3600>", "creation_time": "<unix>",
            "text": "GET <addr>/v1/a at <time>: <uuid>", "n": [7, "abc"]
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn differences_have_their_place() {
        let mut found = Vec::new();
        compare("", &json!({"a": [1, {"b": 2}], "c": 3}), &json!({"d": 4, "a": [1, {"b": 5}]}), &mut found);
        let expected = vec![
            ("/a/1/b".to_owned(), Some(json!(2)), Some(json!(5))),
            ("/c".to_owned(), Some(json!(3)), None),
            ("/d".to_owned(), None, Some(json!(4))),
        ];
        assert_eq!(found, expected);
    }
}
