//! Tests of KV version 1.

use super::*;
use crate::command::Command;
use crate::testing::MemoryStore;

const ID: &str = "m1";

fn command(action: Kv1Action) -> Command {
    let mount = MountRef { id: ID.to_owned(), path: "kv".to_owned() };
    Command::Kv1(Kv1Command { mount, path: "a/b".to_owned(), action })
}

fn write(text: &str, expect: Existence) -> Command {
    command(Kv1Action::Write { data: SecretJson::new(text.to_owned()), expect })
}

/// Runs the command; then the value is as expected, and the change stream says what happened.
fn check(
    store: &mut MemoryStore,
    command: &Command,
    expected: Result<Option<ChangeAction>, Refusal>,
    value: Option<&str>,
) {
    let change = store.run(command).map(|effects| {
        effects.changes.into_iter().next().map(|change| {
            let Change::Kv1 { mount, path, action } = change else { panic!("not a change of KV 1") };
            assert_eq!((mount.as_str(), path.as_str()), ("kv", "a/b"));
            action
        })
    });
    assert_eq!(change, expected, "{command:?}");
    let stored = store.get(&value_key(ID, "a/b")).map(|bytes| decode(bytes).unwrap());
    assert_eq!(stored.and_then(|s| s.json).map(|j| j.expose().to_owned()), value.map(str::to_owned));
}

#[test]
fn writes_and_deletes() {
    let mut store = MemoryStore::default();
    let invalid = |text: &str| Err(Refusal::Invalid(text.to_owned()));
    let delete = command(Kv1Action::Delete);
    let (a, b) = ("{\"n\":1.10}", "{\"m\":\"x\"}");
    check(&mut store, &delete, Ok(None), None);
    check(&mut store, &write(a, Existence::Present), Err(Refusal::ExistenceChanged), None);
    check(&mut store, &write(a, Existence::Absent), Ok(Some(ChangeAction::Write)), Some(a));
    check(&mut store, &write(b, Existence::Absent), Err(Refusal::ExistenceChanged), Some(a));
    check(&mut store, &write(b, Existence::Present), Ok(Some(ChangeAction::Write)), Some(b));
    check(&mut store, &write("{}", Existence::Present), invalid("missing data fields"), Some(b));
    check(&mut store, &write("[1]", Existence::Present), invalid("the value must be a JSON object"), Some(b));
    check(&mut store, &delete, Ok(Some(ChangeAction::Delete)), None);
    assert_eq!(store.keys().count(), 0);
}
