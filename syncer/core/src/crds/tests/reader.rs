//! Asks our own reader about every place of the schemas: both must know the same fields and take the same values.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::crd::{EXTERNAL_SECRET, STORE};
use crate::schema::{Findings, Shape, check};
use crate::yaml::Node;

const NOT_YET: &str = "not yet";

/// What the reader says about a value at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Fine,
    /// It does not know the field.
    Unknown,
    /// It knows the field and has no support for it.
    NotYet,
    /// It knows the field and wants another type or one of some strings.
    Wrong,
}

/// A place: names of fields, and `[]` for the one item of a list.
type Path = Vec<String>;

/// A document that holds only this value, at this place.
fn wrap(path: &[String], value: &Value) -> Node {
    let document = path.iter().rev().fold(value.clone(), |inner, step| match step.as_str() {
        "[]" => json!([inner]),
        name => json!({name: inner}),
    });
    let Ok(node) = Node::read(&document.to_string()) else { panic!("{document}") };
    node
}

/// The place as findings name it.
fn place(path: &[String]) -> String {
    path.iter().fold(String::new(), |path, step| match step.as_str() {
        "[]" => format!("{path}[0]"),
        name if path.is_empty() => name.to_owned(),
        name => format!("{path}.{name}"),
    })
}

/// What the reader says about one place of the document, if anything.
fn message(shape: &Shape, node: &Node, path: &[String]) -> Option<String> {
    let mut findings = Findings::default();
    check(node, shape, "", NOT_YET, &mut findings);
    let place = place(path);
    findings.0.into_iter().find(|finding| finding.field == place).map(|finding| finding.message)
}

fn ask(shape: &Shape, path: &[String], value: &Value) -> Says {
    match message(shape, &wrap(path, value), path).as_deref() {
        None => Says::Fine,
        Some(NOT_YET) => Says::NotYet,
        Some(message) if message.starts_with("unknown field") => Says::Unknown,
        Some(_) => Says::Wrong,
    }
}

/// Values of all types, and for a choice every word that the reader or the schema might know.
fn samples(schema: &Value, names: &BTreeSet<String>) -> Vec<Value> {
    let types = [json!("some text"), json!(7), json!(true), json!(["x"]), json!([1]), json!({"x": 1})];
    let words = names.iter().filter(|_| schema.get("enum").is_some()).map(|name| json!(name));
    types.into_iter().chain(words).collect()
}

/// Whether the schema takes the value, by its type and choices only: what the reader's shapes look at.
fn takes(schema: &Value, value: &Value) -> bool {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return value.is_string() || value.is_i64();
    }
    match schema["type"].as_str().unwrap() {
        "string" => {
            schema.get("enum").map_or(value.is_string(), |all| all.as_array().unwrap().contains(value))
        }
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "array" => value.as_array().is_some_and(|list| list.iter().all(|it| takes(&schema["items"], it))),
        "object" => value.as_object().is_some_and(|map| match schema.get("additionalProperties") {
            Some(inner) => map.values().all(|it| takes(inner, it)),
            None => true,
        }),
        other => panic!("{other}"),
    }
}

/// Counts of what was compared, so that a walk that skips everything fails.
#[derive(Default)]
struct Seen {
    fields: usize,
    not_yet: usize,
}

struct Walk<'a> {
    shape: &'a Shape,
    /// Every name that the reader or the schema might know.
    names: BTreeSet<String>,
    seen: Seen,
    problems: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, path: &mut Path, schema: &Value) {
        self.seen.fields += 1;
        let samples = samples(schema, &self.names);
        let said: Vec<Says> = samples.iter().map(|value| ask(self.shape, path, value)).collect();
        let place = place(path);
        if said.contains(&Says::NotYet) {
            self.seen.not_yet += 1;
            return;
        }
        // The reader looks at nothing here: the server writes it, or it has no effect.
        if said.iter().all(|says| *says == Says::Fine) {
            return;
        }
        for (value, says) in samples.iter().zip(said) {
            // Of a list or map only the outermost level is asked for here; the walk goes on inside.
            let inner = value.is_array() || value.is_object();
            if !inner && (says == Says::Fine) != takes(schema, value) {
                self.problems
                    .push(format!("{place}: {value} reader {says:?}, schema {}", takes(schema, value)));
            }
        }
        match schema["type"].as_str() {
            Some("array") => {
                path.push("[]".to_owned());
                self.value(path, &schema["items"]);
                path.pop();
            }
            Some("object") if schema.get("additionalProperties").is_some() => {
                path.push("x".to_owned());
                self.value(path, &schema["additionalProperties"]);
                path.pop();
            }
            Some("object") => self.fields(path, schema),
            _ => {}
        }
    }

    fn fields(&mut self, path: &mut Path, schema: &Value) {
        let properties = schema["properties"].as_object().unwrap();
        for name in self.names.clone() {
            path.push(name.clone());
            let known = ask(self.shape, path, &json!([])) != Says::Unknown;
            if known != properties.contains_key(&name) {
                self.problems.push(format!("{}: reader {known}, schema {}", place(path), !known));
            }
            // `metadata` is the business of the server.
            if known
                && name != "metadata"
                && let Some(inner) = properties.get(&name)
            {
                self.value(path, inner);
            }
            path.pop();
        }
        // The reader requires what the schema requires, except where the server writes a default; it may require more.
        let empty = wrap(path, &json!({}));
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            path.push(name.as_str().unwrap().to_owned());
            let missed = message(self.shape, &empty, path).is_some_and(|it| it.starts_with("required"));
            if !missed && properties[name.as_str().unwrap()].get("default").is_none() {
                self.problems.push(format!("{}: the reader does not require it", place(path)));
            }
            path.pop();
        }
    }
}

/// The names of all fields of a schema, and its choices.
fn names_of(schema: &Value, out: &mut BTreeSet<String>) {
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        out.insert(name.clone());
        names_of(inner, out);
    }
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    out.extend(choices.filter_map(Value::as_str).map(str::to_owned));
    if let Some(items) = schema.get("items") {
        names_of(items, out);
    }
}

#[track_caller]
fn agree(plural: &str, shape: &Shape, at_least: usize) {
    let schema = super::schema(plural, "v1");
    let mut names = BTreeSet::new();
    names_of(&schema, &mut names);
    // Whatever the reader can know stands in its source as a string.
    let strings = include_str!("../../crd.rs").split('"').skip(1).step_by(2);
    names.extend(strings.filter(|it| it.chars().all(char::is_alphanumeric)).map(str::to_owned));
    let mut walk = Walk { shape, names, seen: Seen::default(), problems: vec![] };
    walk.fields(&mut vec![], &schema);
    assert!(walk.problems.is_empty(), "{plural}: {:#?}", walk.problems);
    assert!(walk.seen.fields >= at_least, "only {} fields compared", walk.seen.fields);
    assert!(walk.seen.not_yet < walk.seen.fields);
}

#[test]
fn the_reader_knows_the_same_external_secrets() {
    agree("externalsecrets", &EXTERNAL_SECRET, 40);
}

#[test]
fn the_reader_knows_the_same_stores() {
    agree("secretstores", &STORE, 60);
    agree("clustersecretstores", &STORE, 60);
}
