//! Tests of the functions on typed arguments, without templates around: what Go gave for random ones, recorded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::environment::{Env, Limits, NoRandomness};
use crate::function::{Call, Failure, Runtime, find};
use crate::go::{List, Map, Str, Type, Value};

struct NoEnv;

impl Env for NoEnv {
    fn now(&self) -> i128 {
        0
    }
    fn local_zone(&self) -> &str {
        "UTC"
    }
    fn fill_random(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
    fn expired(&self) -> bool {
        false
    }
}

fn value(json: &Json) -> Value {
    let number = |name: &str| json.get(name).and_then(Json::as_str).map(|n| n.parse::<i64>().unwrap());
    if json.is_null() {
        return Value::Nil;
    }
    if let Some(b) = json.as_bool() {
        return Value::Bool(b);
    }
    if let Some(n) = number("int") {
        return Value::Int(n);
    }
    if let Some(n) = number("int64") {
        return Value::Int64(n);
    }
    if let Some(bits) = json.get("float64") {
        return Value::Float64(f64::from_bits(u64::from_str_radix(bits.as_str().unwrap(), 16).unwrap()));
    }
    if let Some(text) = json.get("string") {
        return Value::string(STANDARD.decode(text.as_str().unwrap()).unwrap());
    }
    if let Some(element) = json.get("list") {
        let element = Type::parse(element.as_str().unwrap()).unwrap();
        let items = json["items"].as_array();
        return Value::List(items.map_or_else(
            || List::nil(element),
            |items| List::new(element, items.iter().map(value).collect()),
        ));
    }
    let element = Type::parse(json["map"].as_str().unwrap()).unwrap();
    let Some(entries) = json["entries"].as_array() else { return Value::Map(Map::nil(element)) };
    let map = Map::of(element);
    for entry in entries {
        map.insert(Str::new(STANDARD.decode(entry[0].as_str().unwrap()).unwrap()), value(&entry[1]));
    }
    Value::Map(map)
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!({ "int": n.to_string() }),
        Value::Int64(n) => json!({ "int64": n.to_string() }),
        Value::Float64(n) if n.is_nan() => json!({ "float64": "NaN" }),
        Value::Float64(n) => json!({ "float64": format!("{:016x}", n.to_bits()) }),
        Value::Str(text) => json!({ "string": STANDARD.encode(text.bytes()) }),
        Value::List(list) => {
            let items = list.items().iter().map(json_of).collect::<Vec<_>>();
            let items = if list.is_nil() { Json::Null } else { items.into() };
            json!({ "list": list.element().to_string(), "items": items })
        }
        Value::Map(map) => {
            let entries = map.entries();
            let entries = entries.iter().map(|(k, v)| json!([STANDARD.encode(k.bytes()), json_of(v)]));
            let entries = if map.is_nil() { Json::Null } else { entries.collect::<Vec<_>>().into() };
            json!({ "map": map.element().to_string(), "entries": entries })
        }
        _ => panic!("no such value in these rows"),
    }
}

/// The same in both spellings of NaN.
fn normal(json: &Json) -> Json {
    let empty = Json::Null;
    json_of(&value(if json.is_null() { &empty } else { json }))
}

fn difference(row: &Json) -> Option<String> {
    let (function, _) = find(row["f"].as_str().unwrap())?;
    let args: Vec<Value> = row["args"].as_array().unwrap().iter().map(value).collect();
    let mut env = NoEnv;
    let mut runtime = Runtime::new(&mut env, Limits::default());
    let mut call = Call::new(Value::Nil, args.clone(), vec![true; args.len()], &mut runtime);
    let result = (function.call)(&mut call);
    match (result, row.get("err").and_then(Json::as_str)) {
        (Ok(out), None) if json_of(&out) != normal(&row["out"]) => {
            return Some(format!("gave {}", json_of(&out)));
        }
        (Ok(_), None) => {}
        (Ok(out), Some(_)) => return Some(format!("gave {}, should fail", json_of(&out))),
        (Err(Failure::Error(text) | Failure::Panic(text)), Some(err)) => {
            let same = text.to_string() == err || (text.to_string().contains("<redacted") && err.len() > 10);
            return (!same).then(|| format!("failed with {text}"));
        }
        (Err(failure), _) => return Some(format!("failed: {failure:?}")),
    }
    let after: Vec<Json> = args.iter().map(json_of).collect();
    let wanted = row.get("after").unwrap_or(&row["args"]).as_array().unwrap();
    let wanted: Vec<Json> = wanted.iter().map(normal).collect();
    (after != wanted).then(|| format!("left its arguments as {}", Json::from(after)))
}

/// `TYPED_ROWS=file` at build time takes other rows: each has the function `f`, `args` with their types, and `out` or `err`;
/// `after` where the arguments are changed.
#[test]
fn functions_answer_as_in_go() {
    let recorded = match option_env!("TYPED_ROWS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("typed-rows.json").to_owned(),
    };
    let rows: Vec<Json> = serde_json::from_str(&recorded).unwrap();
    assert!(rows.len() > 1000);
    let wrong: Vec<String> =
        rows.iter().filter_map(|row| Some(format!("{row}\n   {}", difference(row)?))).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// A dict in a dict in a dict.
fn nest(levels: usize) -> Value {
    let mut value = Value::Nil;
    for _ in 0..levels {
        let map = Map::new();
        map.insert("in", value);
        value = Value::Map(map);
    }
    value
}

#[test]
fn deep_values_are_walked_up_to_a_limit() {
    for name in ["deepCopy", "deepEqual", "merge", "toString", "uniq", "quote"] {
        for (levels, fits) in [(400, true), (600, false), (100_000, false)] {
            let (function, signature) = find(name).unwrap();
            let args = match name {
                "uniq" => vec![Value::list(vec![nest(levels), nest(levels)])],
                _ => vec![nest(levels), nest(levels)],
            };
            let args = args.into_iter().take(signature.params.len()).collect::<Vec<_>>();
            let (mut env, literal) = (NoEnv, vec![false; args.len()]);
            let mut runtime = Runtime::new(&mut env, Limits::default());
            let result = (function.call)(&mut Call::new(Value::Nil, args, literal, &mut runtime));
            let limited = matches!(result, Err(Failure::Limit(_)));
            assert_eq!((result.is_ok(), limited), (fits, !fits), "{name} of {levels} levels");
        }
    }
}

#[test]
fn what_grows_without_end_is_stopped() {
    let big = Value::string(vec![b'a'; 1 << 20]);
    let doubled = (0..40).fold(Value::list(vec![Value::Int(1)]), |v, _| Value::list(vec![v.clone(), v]));
    let bombs: [(&str, Vec<Value>); 9] = [
        ("repeat", vec![Value::Int(i64::MAX), Value::string("a")]),
        ("until", vec![Value::Int(i64::MAX)]),
        ("seq", vec![Value::Int(1), Value::Int(1 << 40)]),
        ("indent", vec![Value::Int(1 << 40), Value::string("a")]),
        ("replace", vec![Value::string(""), big.clone(), big.clone()]),
        ("join", vec![big.clone(), Value::strings(vec!["a"; 1000])]),
        ("wrapWith", vec![Value::Int(1), big.clone(), big.clone()]),
        ("regexReplaceAll", vec![Value::string(""), big.clone(), big]),
        ("toString", vec![doubled]),
    ];
    for (name, args) in bombs {
        let (function, _) = find(name).unwrap();
        let (mut env, literal) = (NoEnv, vec![false; args.len()]);
        let mut runtime = Runtime::new(&mut env, Limits::default());
        let result = (function.call)(&mut Call::new(Value::Nil, args, literal, &mut runtime));
        assert!(matches!(result, Err(Failure::Limit(_))), "{name}");
    }
}
