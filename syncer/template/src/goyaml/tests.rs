//! Tests against what `sigs.k8s.io/yaml` made of random documents and values, and of limits of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{from_yaml, to_yaml};
use crate::gojson::tests::write;
use crate::gojson::{Json, Writer};

/// What became of a text, and how the row calls that.
fn answer(kind: &str, text: &[u8]) -> (&'static str, Vec<u8>) {
    if kind == "write" {
        return to_yaml(text).map_or(("error", Vec::new()), |yaml| ("yaml", yaml.to_vec()));
    }
    match from_yaml(text) {
        Ok(members) => {
            let mut out = Writer::new(true, None);
            write(&mut out, &Json::Object(members.unwrap_or_default()));
            ("json", out.finish().to_vec())
        }
        Err(error) => ("error", error.as_bytes().to_vec()),
    }
}

/// Rows of kind, text, kind of answer and answer, texts in Base64. `YAML_ROWS=file` takes others than the recorded ones.
#[test]
fn documents_are_what_go_makes_of_them() {
    let recorded = std::env::var("YAML_ROWS").ok().map(|path| std::fs::read_to_string(path).unwrap());
    let text = recorded.as_deref().unwrap_or(include_str!("recorded.json"));
    let rows: Vec<[String; 4]> = serde_json::from_str(text).unwrap();
    let mut wrong = Vec::new();
    for [kind, text, outcome, expected] in &rows {
        let (text, expected) = (STANDARD.decode(text).unwrap(), STANDARD.decode(expected).unwrap());
        let given = answer(kind, &text);
        if given != (outcome.as_str(), expected.clone()) {
            let (text, given, expected) =
                (text.escape_ascii(), given.1.escape_ascii(), expected.escape_ascii());
            wrong.push(format!("{kind} \"{text}\"\n  gives {given}\n  not   {expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}
