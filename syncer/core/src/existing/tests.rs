//! Targets as they are read from files.

use super::*;
use crate::emit::{Values, to_yaml};
use crate::fetch::{FetchRequest, Fetched, Fetches};
use crate::plan::Plan;
use crate::template::tests::with_kit;
use crate::wanted::Wanted;
use crate::wanted::tests::read_spec;

fn plan(wanted: &Wanted, fetches: &Fetches, previous: Option<&ExistingSecret>) -> Plan {
    with_kit(|kit| crate::plan::plan(wanted, fetches, previous, kit))
}

#[test]
fn what_was_written_is_read_and_needs_no_second_write() {
    let wanted = read_spec("secretStoreRef: {name: s}\ndataFrom: [{extract: {key: a}}]").unwrap();
    let fetches = |json: &str| -> Fetches {
        let fetched = Fetched { secret: Some(SecretValue::from(json)), version: None };
        [(FetchRequest { key: "a".to_owned(), version: None }, Ok(fetched))].into()
    };
    let Plan::Write(secret) = plan(&wanted, &fetches(r#"{"x":"1"}"#), None) else { panic!() };
    let existing = ExistingSecret::read("f", &to_yaml(&secret, Values::Base64)).unwrap();
    assert!(existing.is_intact());
    assert!(matches!(plan(&wanted, &fetches(r#"{"x":"1"}"#), Some(&existing)), Plan::Unchanged));
    assert!(matches!(plan(&wanted, &fetches(r#"{"x":"2"}"#), Some(&existing)), Plan::Write(_)));
    // A label that the ExternalSecret lost goes away, for the file is ours.
    let mut fewer = wanted.clone();
    fewer.labels.clear();
    let Plan::Write(secret) = plan(&fewer, &fetches(r#"{"x":"1"}"#), Some(&existing)) else { panic!() };
    assert!(!secret.labels.contains_key("team"));
}

#[test]
fn files_of_others() {
    let existing = ExistingSecret::read(
        "f",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {l: v}}\ntype: t\nimmutable: true\nstringData: {k: v}\n",
    )
    .unwrap();
    assert!(existing.our_labels.is_empty() && existing.our_keys.is_empty() && existing.immutable);
    assert!(!existing.is_intact());
    assert_eq!((existing.secret_type.as_str(), existing.data["k"].expose()), ("t", b"v".as_slice()));
}

#[test]
fn only_the_mark_of_a_managed_secret_counts() {
    for (mark, want) in [("\"true\"", 2), ("\"false\"", 0), ("\"\"", 0)] {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a, labels: {{l: v, {MANAGED}: {mark}}}}}\n"
        );
        assert_eq!(ExistingSecret::read("f", &text).unwrap().our_labels.len(), want, "{mark}");
    }
}

#[test]
fn a_changed_file_is_noticed() {
    let text = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations: {{{DATA_HASH}: 8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a}}\nstringData: {{value: {value}}}\n"
        )
    };
    assert!(ExistingSecret::read("f", &text("one")).unwrap().is_intact());
    assert!(!ExistingSecret::read("f", &text("two")).unwrap().is_intact());
}

#[test]
fn what_is_no_secret() {
    for (text, want) in [
        ("", "f: 0 objects where one Secret is expected"),
        ("a: [", "f:1 (document 1): not readable as YAML: unclosed bracket '['"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
            "f:1 (document 1): ConfigMap a: kind: not a Secret; move the file away",
        ),
        ("a: 1\n---\nb: 2\n", "f: 2 objects where one Secret is expected"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: '!'}",
            "f:4 (document 1): Secret a: data.k: not Base64; use stringData for plain text",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndate: {}",
            "f:4 (document 1): Secret a: date: unknown field; correct its name or remove it",
        ),
    ] {
        let problems: Vec<_> =
            ExistingSecret::read("f", text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(problems, [want], "{text}");
    }
}
