//! The committed CustomResourceDefinitions: they are what the builder makes, and their patterns mean what they should.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;
use syncer_core::crds;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds")
}

#[test]
fn the_committed_files_are_what_the_builder_makes() {
    let mut want = BTreeMap::new();
    for crd in crds::all() {
        want.insert(crd.file_name(), crd.to_yaml());
    }
    let mut got = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        got.insert(entry.file_name().into_string().unwrap(), text);
    }
    let differ: BTreeSet<_> =
        want.keys().chain(got.keys()).filter(|name| want.get(*name) != got.get(*name)).collect();
    assert!(
        differ.is_empty(),
        "deploy/crds is not what the builder makes: {differ:?}. Write the files anew with \
         `keyreeve crds --out deploy/crds` and remove files that no kind has."
    );
}

/// The patterns of a schema and of all below it, by path.
fn patterns(path: &str, schema: &Value, out: &mut BTreeMap<String, String>) {
    if let Some(pattern) = schema.get("pattern") {
        out.insert(path.to_owned(), pattern.as_str().unwrap().to_owned());
    }
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        patterns(&format!("{path}.{name}"), inner, out);
    }
    if let Some(items) = schema.get("items") {
        patterns(&format!("{path}[]"), items, out);
    }
}

#[test]
fn patterns_decide_as_the_field_expects() {
    let mut found = BTreeMap::new();
    for crd in crds::all() {
        let json: Value = serde_json::from_str(&crd.to_json()).unwrap();
        let version = &json["spec"]["versions"][0];
        assert_eq!(version["name"], "v1");
        patterns(
            json["spec"]["names"]["kind"].as_str().unwrap(),
            &version["schema"]["openAPIV3Schema"],
            &mut found,
        );
    }
    let check = |path: &str, good: &[&str], bad: &[&str]| {
        let pattern = Regex::new(&found[path]).unwrap();
        for text in good {
            assert!(pattern.is_match(text), "{path} takes {text:?}");
        }
        for text in bad {
            assert!(!pattern.is_match(text), "{path} refuses {text:?}");
        }
    };
    check(
        "ExternalSecret.spec.target.name",
        &["a", "a-b.c0", "0", "x--y"],
        &["", "A", "a_b", "-a", "a-", "a..b", ".a", "a b", "a/b"],
    );
    check("ExternalSecret.spec.data[].secretKey", &["a", "A_b-c.d", "..x"], &["", "a/b", "a b", "é", "a\n"]);
    check("SecretStore.spec.conditions[].namespaces[]", &["a", "a-b0"], &["", "a.b", "A", "-a", "a-"]);
    check(
        "ExternalSecret.spec.syncWindows.windows[].schedule",
        &["@daily", "@midnight", "@every 2h", "@every 1h 30m", "0 22 * * 1-5", "*/5 0,12 1 JAN sun"],
        &[
            "",
            "daily",
            "@dayly",
            "@every ",
            "@every",
            "0 22 * *",
            "0 22 * * 1 2",
            "0  22 * * 1",
            " 0 22 * * 1",
        ],
    );
    let distinct: BTreeSet<_> = found.values().collect();
    assert_eq!(distinct.len(), 4, "each pattern is decided above: {distinct:?}");
}
