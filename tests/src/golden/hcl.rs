//! `hcl-policy.json` as data: policy texts, and what the parser of Vault's policy language makes of them.

use anyhow::Result;
use policies::{PathStanza, PolicyDocument, Value as Hcl};
use serde::Deserialize;
use serde_json::{Value, json};

use super::report::{Part, Report};
use super::{Recordings, Verdict};

/// The file.
pub const FILE: &str = "hcl-policy.json";

#[derive(Deserialize)]
struct Row {
    name: String,
    src: String,
    err: String,
    paths: Option<Vec<Value>>,
}

/// Parses every row of the file; none if `GOLDEN_DIR` has no such file.
///
/// # Errors
/// The file cannot be read or has another shape.
pub fn run(recordings: &Recordings) -> Result<Option<Report>> {
    let Some(rows) = recordings.read::<Vec<Row>>(FILE)? else { return Ok(None) };
    let mut part = Part { name: "rows".to_owned(), ..Part::default() };
    for row in &rows {
        part.add(row.name.clone(), Verdict::of(compare(row)));
    }
    Ok(Some(Report { title: format!("{FILE} on the parser"), parts: vec![part] }))
}

fn compare(row: &Row) -> Vec<String> {
    let (error, paths) = match PolicyDocument::parse(&row.src) {
        Ok(document) => (String::new(), document.paths.iter().map(shape).collect()),
        Err(errors) => (errors.first().map(ToString::to_string).unwrap_or_default(), Vec::new()),
    };
    let expected = row.paths.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    if error != row.err {
        wrong.push(format!("the error is {error:?}, expected {:?}", row.err));
    }
    if paths != expected {
        wrong.push(format!("the paths are {paths:?}, expected {expected:?}"));
    }
    wrong
}

/// A stanza in the shape of the recorded answers.
fn shape(stanza: &PathStanza) -> Value {
    let mut shape = json!({ "path": stanza.pattern });
    if let Some((word, _)) = &stanza.policy {
        shape["policy"] = json!(word);
    }
    if !stanza.capabilities.is_empty() {
        shape["caps"] = stanza.capabilities.iter().map(|(word, _)| json!(word)).collect();
    }
    for (key, name) in [("allowed_parameters", "allowed"), ("min_wrapping_ttl", "minttl")] {
        if let Some(value) = stanza.setting(key) {
            shape[name] = as_json(value);
        }
    }
    shape
}

fn as_json(value: &Hcl) -> Value {
    match value {
        Hcl::String(text) => json!(text),
        Hcl::Integer(number) => json!(number),
        Hcl::Float(number) => json!(number),
        Hcl::Bool(value) => json!(value),
        Hcl::Null => Value::Null,
        Hcl::List(values) => values.iter().map(as_json).collect(),
        Hcl::Object(items) => {
            Value::Object(items.iter().map(|i| (i.keys.join(" "), as_json(&i.value))).collect())
        }
    }
}
