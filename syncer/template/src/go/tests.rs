//! Tests of the value model: types and their spelling, sharing, nil.

use super::{Kind, List, Map, Str, Type, Value};

#[test]
fn a_type_reads_back_as_it_prints() {
    for text in [
        "interface {}",
        "bool",
        "int",
        "int64",
        "uint8",
        "uint32",
        "uint64",
        "float64",
        "string",
        "error",
        "[]interface {}",
        "[][]interface {}",
        "[]string",
        "[]int",
        "[]uint8",
        "[]float64",
        "[]map[string]interface {}",
        "map[string]interface {}",
        "map[string]string",
        "sprig.HashAlgorithm",
        "sprig.certificate",
        "time.Time",
        "time.Duration",
        "time.Month",
        "*semver.Version",
    ] {
        assert_eq!(Type::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
    }
    assert_eq!(Type::parse("chan int"), None);
}

#[test]
fn slices_share_their_array() {
    let list = List::new(Type::STRING, ["a", "b", "c"].map(Value::string).to_vec());
    let tail = list.slice(1, 3).unwrap();
    tail.set(0, Value::string("x"));
    tail.set(2, Value::string("out of bounds"));
    let seen: Vec<_> = list.items().iter().map(|v| matches!(v, Value::Str(s) if s.bytes() == b"x")).collect();
    assert_eq!(seen, [false, true, false]);
    assert!(list.slice(2, 4).is_none() && list.slice(2, 1).is_none());
    assert!(List::nil(Type::STRING).is_nil() && !List::new(Type::STRING, vec![]).is_nil());
    assert_eq!(Value::List(list).type_name(), "[]string");
}

#[test]
fn maps_are_shared_and_sorted() {
    let map = Map::new();
    let other = map.clone();
    for key in ["b", "a", "a9", "a10"] {
        assert!(other.insert(key, Value::Int(1)));
    }
    let keys: Vec<_> = map.keys().iter().map(|k| k.bytes().to_vec()).collect();
    assert_eq!(keys, [b"a".to_vec(), b"a10".to_vec(), b"a9".to_vec(), b"b".to_vec()]);
    assert!(map.same(&other) && !map.same(&Map::new()));
    assert!(!Map::nil(Type::ANY).insert(Str::from("k"), Value::Nil));
    assert_eq!(Value::Map(Map::of(Type::STRING)).type_name(), "map[string]string");
}

#[test]
fn nil_has_no_type() {
    assert_eq!((Value::Nil.kind(), Value::Nil.type_name().as_str()), (Kind::Invalid, "<nil>"));
    assert!(Value::Map(Map::nil(Type::ANY)).is_nil());
}

#[test]
fn a_deep_nest_is_dropped_without_a_deep_stack() {
    let mut value = Value::Nil;
    for level in 0..300_000 {
        value = if level % 2 == 0 {
            Value::list(vec![value])
        } else {
            let map = Map::new();
            map.insert("in", value);
            Value::Map(map)
        };
    }
    let shared = value.clone();
    drop(value);
    assert!(!shared.is_nil());
}
