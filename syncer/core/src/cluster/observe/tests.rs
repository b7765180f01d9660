//! ExternalSecrets as a server gives them.

use serde_json::json;

use super::*;

/// An ExternalSecret with this spec, as a server gives it.
pub(crate) fn object(spec: &Value) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {
            "name": "db", "namespace": "shop", "uid": "u-1", "resourceVersion": "7", "generation": 1,
            "creationTimestamp": "2026-11-24T23:26:10Z",
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:data": {}}}}],
        },
        "spec": spec,
    })
}

/// A spec that reads one key.
pub(crate) fn spec() -> Value {
    json!({
        "refreshInterval": "1h0m0s",
        "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
        "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
        "data": [{"secretKey": "value", "remoteRef": {"key": "o/a", "property": "value"}}],
    })
}

fn read(value: &Value) -> ExternalSecret {
    read_external_secret(value.to_string().as_bytes()).unwrap()
}

#[test]
fn an_ordinary_object_is_understood() {
    let mut value = object(&spec());
    value["status"] = json!({
        "binding": {"name": "db"}, "refreshTime": "2026-11-24T23:27:29Z", "syncedResourceVersion": "1-x",
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
            "lastTransitionTime": "2026-11-24T23:26:10Z"}],
    });
    let read = read(&value);
    let wanted = read.wanted.unwrap();
    assert_eq!((wanted.namespace.as_str(), wanted.name.as_str()), ("shop", "db"));
    assert_eq!(wanted.entries.len(), 1);
    assert_eq!(read.intent.target, "db");
    assert_eq!(read.status.refresh_time, Some(1_795_562_849));
    assert_eq!((read.status.binding.as_str(), read.status.synced_version.as_str()), ("db", "1-x"));
    assert_eq!(read.status.conditions.len(), 1);
    assert_eq!(read.meta.synced_version(), "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2");
}

#[test]
fn fields_without_support_are_named_and_the_rest_is_known() {
    let mut spec = spec();
    spec["target"] = json!({"name": "t", "creationPolicy": "Merge", "template": {"engineVersion": "v1"}});
    spec["dataFrom"] = json!([{"find": {"name": {"regexp": "x"}}}]);
    let read = read(&object(&spec));
    let problems = read.wanted.unwrap_err().join("\n");
    assert!(problems.contains("spec.target.template.engineVersion: unsupported value"), "{problems}");
    assert!(problems.contains("spec.dataFrom[0].find: not supported yet"), "{problems}");
    assert_eq!((read.intent.target.as_str(), read.intent.creation), ("t", CreationPolicy::Merge));
    assert!(!read.intent.generic);
}

#[test]
fn what_a_server_leaves_out_or_nulls_is_absent() {
    let mut value = object(&json!({"data": []}));
    value["metadata"]["labels"] = Value::Null;
    value["status"] = json!({"refreshTime": null, "conditions": null, "binding": null});
    let read = read(&value);
    assert_eq!(read.status, Status::default());
    assert_eq!(read.intent.store, None);
    assert!(read.wanted.is_ok());
}

#[test]
fn what_is_no_object_is_an_error_without_its_values() {
    for text in [
        "",
        "[]",
        "{\"metadata\":{}}",
        "{\"metadata\":{\"name\":\"hunter2\",\"uid\":7}}",
        "{\"metadata\":\"hunter2\"}",
        "hunter2",
    ] {
        let error = read_external_secret(text.as_bytes()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn text_survives_as_the_api_holds_it() {
    // YAML would read some of these otherwise.
    for text in ["yes", "1.0", "~", "\u{1f600}/\u{7f}", "a: b", "{{ x }}", "#"] {
        let mut value = object(&spec());
        value["metadata"]["annotations"] = json!({"note": text});
        let wanted = read(&value).wanted.unwrap();
        assert_eq!(wanted.annotations.get("note").map(String::as_str), Some(text));
    }
}
