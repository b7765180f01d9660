//! Compares every field of v1 with `fields.txt`, which was written from the field's own tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// `fields.txt`, read.
struct Table {
    /// Name to expression.
    patterns: BTreeMap<String, String>,
    /// Kind to its lines, with the references spelled out.
    kinds: BTreeMap<String, Vec<String>>,
}

fn table() -> Table {
    let mut patterns = BTreeMap::new();
    let mut shared: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Vec<String> = vec![];
    for line in include_str!("fields.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(names) = line.strip_prefix("== ") {
            current = names.split(' ').map(str::to_owned).collect();
        } else if line.starts_with('@') {
            let (name, pattern) = line.split_once(' ').unwrap();
            patterns.insert(name.to_owned(), pattern.to_owned());
        } else if let Some(rest) = line.strip_prefix('*') {
            let (name, field) = rest.split_once('.').unwrap();
            let (field, rest) = field.split_once(' ').unwrap();
            shared.entry(name.to_owned()).or_default().push((field.to_owned(), rest.to_owned()));
        } else {
            let mut words = line.split(' ');
            let (path, kind) = (words.next().unwrap(), words.next().unwrap());
            let mut lines = vec![line.to_owned()];
            if let Some(fields) = shared.get(kind) {
                lines = vec![line.replace(kind, "object")];
                lines.extend(fields.iter().map(|(field, rest)| format!("{path}.{field} {rest}")));
            }
            for kind in &current {
                kinds.entry(kind.clone()).or_default().extend(lines.clone());
            }
        }
    }
    Table { patterns, kinds }
}

/// The line of one field, in the words of the table.
fn line(
    path: &str,
    schema: &Map<String, Value>,
    required: bool,
    patterns: &BTreeMap<String, String>,
) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    let words = |list: &Value| -> String {
        let list = list.as_array().unwrap();
        list.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join("|")
    };
    let mut out = format!("{path} {}", kind(schema));
    if required {
        out.push_str(" required");
    }
    if let Some(default) = schema.get("default") {
        let _ = write!(out, " ={default}");
    }
    if let Some(choices) = schema.get("enum") {
        let _ = write!(out, " {}", words(choices));
    }
    if let (Some(least), Some(most)) = (schema.get("minLength"), schema.get("maxLength")) {
        let _ = write!(out, " {least}..{most}");
    }
    if let Some(pattern) = text("pattern") {
        let name = patterns.iter().find(|(_, known)| *known == pattern).map(|(name, _)| name.as_str());
        let _ = write!(out, " {}", name.unwrap_or(pattern));
    }
    if let Some(format) = text("format") {
        let _ = write!(out, " format:{format}");
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        out.push_str(" nullable");
    }
    if let Some(least) = schema.get("minItems") {
        let _ = write!(out, " items>={least}");
    }
    if (schema.get("minProperties"), schema.get("maxProperties")) == (Some(&1.into()), Some(&1.into())) {
        out.push_str(" exactly-one");
    }
    if kind(schema) == "object"
        && let Some(any) = schema.get("anyOf").and_then(Value::as_array)
    {
        let names: Vec<_> = any.iter().map(|it| words(&it["required"])).collect();
        let _ = write!(out, " any-of:{}", names.join(","));
    }
    if [text("x-kubernetes-map-type"), text("x-kubernetes-list-type")].contains(&Some("atomic")) {
        out.push_str(" atomic");
    }
    if let Some(rules) = schema.get("x-kubernetes-validations").and_then(Value::as_array) {
        let fields: Vec<_> = rules.iter().map(|rule| rule["fieldPath"].as_str().unwrap()).collect();
        let _ = write!(out, " rules:{}", fields.join(","));
    }
    out
}

fn kind(schema: &Map<String, Value>) -> &str {
    let plain = serde_json::json!({"type": "string"});
    match schema.get("type").and_then(Value::as_str) {
        None if schema.contains_key("x-kubernetes-int-or-string") => "int-or-string",
        Some("object") if schema.get("additionalProperties") == Some(&plain) => "map",
        Some("object") if schema.contains_key("x-kubernetes-preserve-unknown-fields") => "open",
        Some("array") if schema.get("items") == Some(&plain) => "string[]",
        other => other.unwrap(),
    }
}

/// The lines of a schema and of all below it.
fn lines(
    path: &str,
    schema: &Value,
    required: bool,
    patterns: &BTreeMap<String, String>,
    out: &mut Vec<String>,
) {
    let schema = schema.as_object().unwrap();
    if !path.is_empty() {
        out.push(line(path, schema, required, patterns));
    }
    let must = |name: &str| {
        schema.get("required").is_some_and(|list| list.as_array().unwrap().iter().any(|it| it == name))
    };
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        lines(&path, inner, must(name), patterns, out);
    }
    if kind(schema) == "array" {
        lines(&format!("{path}[]"), &schema["items"], false, patterns, out);
    }
}

#[track_caller]
fn check(kind: &str, plural: &str) {
    let table = table();
    let mut got = vec![];
    lines("", &super::schema(plural, "v1"), false, &table.patterns, &mut got);
    let mut want = table.kinds[kind].clone();
    got.sort();
    want.sort();
    let missing: Vec<_> = want.iter().filter(|it| !got.contains(it)).collect();
    let extra: Vec<_> = got.iter().filter(|it| !want.contains(it)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{kind}: missing {missing:#?}, extra {extra:#?}");
    assert_eq!(got.len(), want.len(), "a line of the table stands twice");
}

#[test]
fn external_secret() {
    check("ExternalSecret", "externalsecrets");
}

#[test]
fn stores() {
    check("SecretStore", "secretstores");
    check("ClusterSecretStore", "clustersecretstores");
}
