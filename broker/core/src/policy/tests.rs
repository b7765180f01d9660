//! Tests of the policies.

use super::*;
use crate::command::Command;
use crate::testing::MemoryStore;

/// What came of it: `ok`, `nothing` or the refusal.
fn run(store: &mut MemoryStore, name: &str, text: Option<&str>) -> String {
    let name = name.to_owned();
    let command = match text {
        Some(text) => PolicyCommand::Write { name: name.clone(), text: text.to_owned() },
        None => PolicyCommand::Delete { name: name.clone() },
    };
    match store.run(&Command::Policy(command)) {
        Ok(effects) if effects.changes.is_empty() && effects.mutations.is_empty() => "nothing".to_owned(),
        Ok(effects) => {
            assert_eq!(effects.changes, [Change::PolicyChanged { name }]);
            "ok".to_owned()
        }
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn writes_and_deletes() {
    let mut store = MemoryStore::default();
    let (long_name, long_text) = ("x".repeat(513), "x".repeat(MAX_TEXT_BYTES + 1));
    for (name, text, expected, stored) in [
        ("p", None, "nothing", None),
        ("p", Some("path \"a\" {}"), "ok", Some("path \"a\" {}")),
        ("p", Some("b"), "ok", Some("b")),
        (
            "p",
            Some(long_text.as_str()),
            "the text of the policy has 1048577 bytes; at most 1048576 are allowed",
            Some("b"),
        ),
        ("p", None, "ok", None),
        ("team/p", Some("c"), "ok", Some("c")),
        ("default", Some("d"), "ok", Some("d")),
        ("default", None, "cannot delete \"default\" policy", Some("d")),
        ("root", Some("x"), "cannot update \"root\" policy", None),
        ("root", None, "cannot delete \"root\" policy", None),
        ("", Some("x"), "the policy needs a name", None),
        (&long_name, Some("x"), "the name of the policy has 513 bytes; at most 512 are allowed", None),
    ] {
        assert_eq!(run(&mut store, name, text), expected, "{name} {expected}");
        assert_eq!(store.get(&policy_key(name)).map(|b| decode_policy(b).unwrap()).as_deref(), stored);
    }
    let names: Vec<String> =
        store.children(&RowKey::new(Table::Policy, "")).iter().map(|s| policy_name_of(s)).collect();
    assert_eq!(names, ["default", "team/p"]);
    assert_eq!(decode_policy(b"{}"), None);
}
