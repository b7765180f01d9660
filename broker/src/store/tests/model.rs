//! Rows against a plain map: puts, deletes, deletes of subtrees, look-ups and listings.

use std::collections::{BTreeMap, BTreeSet};

use broker_core::row::{RowKey, Table};
use proptest::prelude::*;

use super::*;
use crate::store::rows::{ROWS, RawMutation, carry_out, children, get};

#[derive(Clone, Debug)]
enum Op {
    Put(String, u8),
    Delete(String),
    DeleteTree(String),
}

fn key() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "aa", "ä", "x y"]), 1..5)
        .prop_map(|p| p.join("/"))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(k, v)| Op::Put(k, v)),
        2 => key().prop_map(Op::Delete),
        1 => key().prop_map(Op::DeleteTree),
    ]
}

fn below(key: &str, parent: &str) -> bool {
    parent.is_empty() || key.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

fn names(model: &BTreeMap<String, u8>, parent: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for key in model.keys().filter(|key| below(key, parent)) {
        let rest = if parent.is_empty() { key } else { key.split_at(parent.len() + 1).1 };
        found.insert(match rest.split_once('/') {
            Some((first, _)) => format!("{first}/"),
            None => rest.to_owned(),
        });
    }
    found.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn rows_behave_like_a_map(ops in prop::collection::vec(op(), 1..60)) {
        let (db, codec) = empty_database();
        let mut model = BTreeMap::new();
        let transaction = db.write().unwrap();
        let mut table = transaction.open_table(ROWS).unwrap();
        let row = |key: &str| RowKey::new(Table::KvMeta, key);
        // A neighbour in another table stays untouched by everything.
        let other = codec.key(&RowKey::new(Table::KvData, "a")).unwrap();
        carry_out(&mut table, &RawMutation::Put(other.clone(), vec![1])).unwrap();
        for (revision, op) in ops.iter().enumerate() {
            let mutation = match op {
                Op::Put(key, value) => {
                    model.insert(key.clone(), *value);
                    let raw = codec.key(&row(key)).unwrap();
                    let sealed = codec.seal(&raw, revision as u64, &[*value]).unwrap();
                    RawMutation::Put(raw, sealed)
                }
                Op::Delete(key) => {
                    model.remove(key);
                    RawMutation::Delete(codec.key(&row(key)).unwrap())
                }
                Op::DeleteTree(key) => {
                    model.retain(|k, _| k != key && !below(k, key));
                    RawMutation::DeletePrefix(codec.prefix(&row(key)).unwrap())
                }
            };
            carry_out(&mut table, &mutation).unwrap();
        }
        let mut places: BTreeSet<String> = BTreeSet::from([String::new(), "none".to_owned()]);
        for op in &ops {
            let (Op::Put(key, _) | Op::Delete(key) | Op::DeleteTree(key)) = op;
            places.extend(key.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| key.split_at(at).0.to_owned()));
            places.insert(key.clone());
        }
        for place in &places {
            prop_assert_eq!(children(&table, &codec, &row(place)).unwrap(), names(&model, place), "below {:?}", place);
            if !place.is_empty() {
                let found = get(&table, &codec, &row(place)).unwrap().map(|v| v.expose().to_vec());
                prop_assert_eq!(found, model.get(place).map(|v| vec![*v]));
            }
        }
        prop_assert!(redb::ReadableTable::get(&table, other.as_slice()).unwrap().is_some());
    }
}
