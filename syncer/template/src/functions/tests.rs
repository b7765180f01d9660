//! Tests that our functions are External Secrets': names and signatures as recorded.

use std::collections::BTreeMap;

use crate::function::Signature;

#[derive(serde::Deserialize)]
struct Recorded {
    name: String,
    signature: String,
}

fn recorded() -> BTreeMap<String, String> {
    let rows: Vec<Recorded> = serde_json::from_str(include_str!("signatures.json")).unwrap();
    rows.into_iter().map(|row| (row.name, row.signature)).collect()
}

#[test]
fn names_and_signatures_are_the_recorded_ones() {
    let recorded = recorded();
    let mut seen = BTreeMap::new();
    for function in super::own() {
        assert_eq!(
            recorded.get(function.name).map(String::as_str),
            Some(function.signature),
            "{}",
            function.name
        );
        assert!(seen.insert(function.name, ()).is_none(), "{} twice", function.name);
    }
    let missing: Vec<&String> = recorded.keys().filter(|name| !seen.contains_key(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_recorded_signature_can_be_read() {
    for (name, signature) in recorded() {
        let parsed = Signature::parse(&signature);
        assert!(parsed.is_some_and(|s| s.second.is_none()), "{name} {signature}");
    }
}
