//! Rows, what depends on them, and that nothing is left over.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn key(text: &str) -> Key {
    Arc::from(text)
}

fn row(uid: &str, shape: u64, target: &str, store: &str) -> Row {
    let namespace = key("shop");
    let store = StoreKey { kind: StoreKind::SecretStore, namespace, name: key(store) };
    Row { uid: uid.into(), shape, target: target.into(), store: Some(store), synced: false, untouched: None }
}

fn secret(version: u64, created_by: &str) -> SecretRow {
    SecretRow { version, uid: "s".into(), created_by: created_by.into() }
}

fn store(name: &str) -> StoreKey {
    StoreKey { kind: StoreKind::SecretStore, namespace: key("shop"), name: key(name) }
}

#[test]
fn only_what_a_run_depends_on_is_a_change() {
    let mut index = Index::default();
    let one = key("shop/a");
    assert_eq!(index.note(&one, row("u", 1, "t", "s")), Change::New);
    assert_eq!(index.note(&one, row("u", 1, "t", "s")), Change::Same);
    assert_eq!(index.note(&one, row("u", 2, "t2", "s2")), Change::Changed);
    assert!(index.of_store(&store("s")).is_empty());
    assert_eq!(index.of_store(&store("s2")), [key("shop/a")]);
    assert_eq!(index.note_secret(&key("shop/t"), secret(1, "")), Vec::<Key>::new());
    assert_eq!(index.note_secret(&key("shop/t2"), secret(1, "")), [key("shop/a")]);
    index.set_last_sync(&one, 7);
    assert_eq!((index.last_sync(&one, "u"), index.last_sync(&one, "v")), (Some(7), None));
    assert_eq!(index.note(&one, row("v", 2, "t2", "s2")), Change::New);
    assert_eq!(index.last_sync(&one, "v"), None);
}

#[test]
fn our_own_writes_come_back_without_effect() {
    let mut index = Index::default();
    index.note(&key("shop/a"), row("u", 1, "t", "s"));
    index.note_secret(&key("shop/t"), secret(5, ""));
    assert!(index.note_secret(&key("shop/t"), secret(5, "")).is_empty());
    assert_eq!(index.note_secret(&key("shop/t"), secret(6, "")).len(), 1);
    assert_eq!(index.secret_gone(&key("shop/t")).len(), 1);
    assert!(index.secret_gone(&key("shop/t")).is_empty());
}

#[test]
fn a_changed_path_finds_exactly_its_objects() {
    let mut index = Index::default();
    for number in 0..1000 {
        let one = key(&format!("shop/{number}"));
        index.note(&one, row("u", 1, &number.to_string(), "s"));
        index.set_paths(&one, &[key(&format!("http://v||secret/p{}", number % 500))]);
    }
    assert_eq!(index.force_path("http://v||secret/p7", false), [key("shop/507"), key("shop/7")]);
    assert!(index.take_forced(&key("shop/7")) && !index.take_forced(&key("shop/7")));
    assert_eq!(index.force_path("http://v||secret/", true).len(), 1000);
    assert!(index.force_path("http://v||secret", false).is_empty());
    index.set_paths(&key("shop/7"), &[]);
    assert_eq!(index.force_path("http://v||secret/p7", false), [key("shop/507")]);
}

#[test]
fn lists_sweep_what_was_not_seen() {
    let mut index = Index::default();
    for name in ["shop/a", "shop/b"] {
        index.note(&key(name), row("u", 1, "t", "s"));
        index.note_secret(&key(name), secret(1, ""));
    }
    index.begin_list();
    index.note(&key("shop/b"), row("u", 1, "t", "s"));
    assert_eq!(index.end_list(), [key("shop/a")]);
    index.begin_secret_list();
    index.note_secret(&key("shop/a"), secret(1, ""));
    assert!(index.end_secret_list().is_empty());
    assert_eq!((index.len(), index.secrets.len()), (1, 1));
}

#[test]
fn orphans_are_of_the_same_namespace_and_maker() {
    let mut index = Index::default();
    for (name, maker) in [("shop/a", "m"), ("shop/b", "m"), ("shop/c", "x"), ("shop2/d", "m"), ("sho/e", "m")]
    {
        index.note_secret(&key(name), secret(1, maker));
    }
    assert_eq!(index.orphans("shop", "m", "a"), [("b".to_owned(), "s".to_owned())]);
}

#[test]
fn rows_are_read_from_objects() {
    let value = json!({
        "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 2,
            "labels": {"x": "y"}},
        "spec": {"secretStoreRef": {"name": "s", "kind": "ClusterSecretStore"}, "target": {"name": "t"}},
    });
    let read = |value: &serde_json::Value| read_row(value.to_string().as_bytes()).unwrap().1;
    let one = read(&value);
    assert_eq!((one.target.as_ref(), one.synced), ("t", false));
    assert_eq!(one.store.as_ref().map(|store| store.namespace.as_ref()), Some(""));
    let mut other = value.clone();
    other["status"] = json!({"refreshTime": "2026-11-24T23:26:05Z", "syncedResourceVersion": "x"});
    other["metadata"]["resourceVersion"] = json!("2");
    assert_eq!(read(&other).shape, one.shape);
    for (field, change) in [
        ("generation", json!(3)),
        ("labels", json!({"x": "z"})),
        ("annotations", json!({"force-sync": "1"})),
        ("finalizers", json!(["f"])),
        ("deletionTimestamp", json!("2026-11-24T23:26:05Z")),
    ] {
        let mut other = value.clone();
        other["metadata"][field] = change;
        assert_ne!(read(&other).shape, one.shape, "{field}");
    }
}

proptest! {
    /// Whatever is noted and removed, the maps hold what the rows say and nothing else.
    #[test]
    fn maps_follow_the_rows(steps in proptest::collection::vec((0_u8..5, 0_u8..4, 0_u8..3, any::<bool>()), 0..80)) {
        let mut index = Index::default();
        for (name, target, path, keep) in steps {
            let one = key(&format!("shop/{name}"));
            if keep {
                index.note(&one, row("u", 1, &target.to_string(), &target.to_string()));
                index.set_paths(&one, &[key(&path.to_string())]);
            } else {
                index.remove(&one);
            }
            let links = index.rows.len();
            prop_assert_eq!(index.by_store.values().map(BTreeSet::len).sum::<usize>(), links);
            prop_assert_eq!(index.by_target.values().map(BTreeSet::len).sum::<usize>(), links);
            prop_assert_eq!(index.by_path.values().map(BTreeSet::len).sum::<usize>(), links);
            for (one, entry) in &index.rows {
                let target = key(&format!("shop/{}", entry.row.target));
                prop_assert!(index.by_target.get(&target).is_some_and(|keys| keys.contains(one)));
            }
        }
    }
}
