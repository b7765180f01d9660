//! The rules that an API server has for the schemas of apiextensions v1.

use serde_json::{Map, Value};

/// The keywords that may stand at each type, besides those of any type.
fn keywords(kind: &str) -> &'static [&'static str] {
    match kind {
        "object" => &[
            "properties",
            "additionalProperties",
            "required",
            "minProperties",
            "maxProperties",
            "anyOf",
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-map-type",
        ],
        "array" => &["items", "minItems", "maxItems", "x-kubernetes-list-type"],
        "string" => &["enum", "pattern", "minLength", "maxLength", "format"],
        "integer" => &["enum", "format", "minimum", "maximum"],
        "boolean" => &[],
        // An integer or a string.
        "" => &["anyOf", "x-kubernetes-int-or-string"],
        other => panic!("unknown type {other}"),
    }
}

/// What is wrong with a schema and with all below it.
fn problems(path: &str, schema: &Value, out: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else { return out.push(format!("{path}: no map")) };
    let either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("");
    if kind.is_empty() != either {
        out.push(format!("{path}: needs a type, or x-kubernetes-int-or-string and none"));
    }
    for keyword in schema.keys() {
        let common = ["type", "description", "default", "nullable", "x-kubernetes-validations"];
        if !common.contains(&keyword.as_str()) && !keywords(kind).contains(&keyword.as_str()) {
            out.push(format!("{path}: {keyword} does not go with type {kind:?}"));
        }
    }
    if either && schema.get("anyOf") != Some(&serde_json::json!([{"type": "integer"}, {"type": "string"}])) {
        out.push(format!("{path}: anyOf of an int-or-string has exactly these two"));
    }
    if schema.contains_key("properties") && schema.contains_key("additionalProperties") {
        out.push(format!("{path}: properties and additionalProperties at once"));
    }
    if kind == "array" && !schema.contains_key("items") {
        out.push(format!("{path}: a list needs items"));
    }
    known_names(path, schema, out);
    if let Some(default) = schema.get("default") {
        fits(&format!("{path} default"), schema, default, out);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, inner) in properties.into_iter().flatten() {
        problems(&format!("{path}.{name}"), inner, out);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(inner) {
            problems(&format!("{path}.{inner}"), schema, out);
        }
    }
}

/// `required`, here and within `anyOf`, names properties only; `anyOf` has nothing else.
fn known_names(path: &str, schema: &Map<String, Value>, out: &mut Vec<String>) {
    let known =
        |name: &Value| schema.get("properties").is_some_and(|all| all.get(name.as_str().unwrap()).is_some());
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let object = schema.get("type").is_some_and(|kind| kind == "object");
    let any = if object { list(schema.get("anyOf")) } else { vec![] };
    let mut names = list(schema.get("required"));
    for branch in &any {
        names.extend(list(branch.get("required")));
        if branch.as_object().unwrap().len() != 1 {
            out.push(format!("{path}: a branch of anyOf has more than required"));
        }
    }
    out.extend(
        names.iter().filter(|name| !known(name)).map(|name| format!("{path}: requires unknown {name}")),
    );
}

/// Whether a default passes its own schema, and has no field that would be dropped.
fn fits(path: &str, schema: &Map<String, Value>, value: &Value, out: &mut Vec<String>) {
    let good = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    let choices = schema.get("enum").and_then(Value::as_array);
    if !good || choices.is_some_and(|choices| !choices.contains(value)) {
        out.push(format!("{path}: {value} does not fit"));
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match schema.get("properties").and_then(|all| all.get(name)).and_then(Value::as_object) {
            Some(schema) => fits(&format!("{path}.{name}"), schema, inner, out),
            None => out.push(format!("{path}.{name}: unknown field")),
        }
    }
}

#[test]
fn every_schema_is_structural() {
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        for version in ["v1", "v1beta1"] {
            let schema = super::schema(plural, version);
            assert_eq!(schema["type"], "object");
            assert_eq!(schema["properties"]["metadata"], serde_json::json!({"type": "object"}));
            let mut found = vec![];
            problems(plural, &schema, &mut found);
            assert!(found.is_empty(), "{version}: {found:#?}");
        }
    }
}

#[test]
fn every_field_is_described() {
    fn check(path: &str, schema: &Value) {
        let about = schema.get("description").and_then(Value::as_str);
        let plain = path.ends_with("metadata") && schema == &serde_json::json!({"type": "object"});
        assert!(plain || about.is_some_and(|text| text.ends_with('.')), "{path}: {about:?} is no sentence");
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            check(&format!("{path}.{name}"), inner);
        }
        if let Some(items) = schema.get("items").filter(|items| items.get("properties").is_some()) {
            check(&format!("{path}[]"), items);
        }
    }
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        check(plural, &super::schema(plural, "v1"));
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let check = |schema: Value, want: &str| {
        let mut found = vec![];
        problems("x", &schema, &mut found);
        assert!(found.iter().any(|it| it.contains(want)), "{schema}: {found:?}");
    };
    use serde_json::json;
    check(json!({}), "needs a type");
    check(json!({"type": "string", "items": {}}), "items does not go");
    check(json!({"type": "array"}), "needs items");
    check(json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}), "at once");
    check(json!({"type": "object", "required": ["a"]}), "requires unknown");
    check(
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["b"]}]}),
        "unknown",
    );
    check(json!({"type": "string", "enum": ["a"], "default": "b"}), "does not fit");
    check(json!({"type": "object", "properties": {}, "default": {"a": 1}}), "unknown field");
    check(json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}}), "x.a.items: needs");
}
