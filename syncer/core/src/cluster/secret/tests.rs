//! Secrets as a server gives them, and what is sent back.

use serde_json::{Value, json};

use super::*;

/// A Secret with these fields over an ordinary one.
pub(crate) fn secret(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": "db", "namespace": "shop", "uid": "s-1", "resourceVersion": "11",
            "labels": {"reconcile.external-secrets.io/managed": "true", "team": "a", "old": "x"},
            "annotations": {"reconcile.external-secrets.io/data-hash":
                "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a"},
            "managedFields": [{
                "manager": "externalsecrets.external-secrets.io/db", "operation": "Update",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:data": {".": {}, "f:value": {}},
                    "f:metadata": {
                        "f:labels": {".": {}, "f:old": {}, "f:reconcile.external-secrets.io/managed": {}},
                        "f:annotations": {".": {}, "f:reconcile.external-secrets.io/data-hash": {}},
                        "f:ownerReferences": {".": {}, "k:{\"uid\":\"u-1\"}": {}},
                    },
                    "f:type": {},
                },
            }],
        },
        "data": {"value": "b25l"},
    });
    change(&mut value);
    value.to_string().into_bytes()
}

#[test]
fn what_is_ours_is_told_by_the_manager() {
    let read = read_secret(&secret(|_| {}), "db").unwrap();
    assert!(read.existing.is_intact());
    assert_eq!(read.existing.our_keys, BTreeSet::from(["value".to_owned()]));
    let ours = ["old", "reconcile.external-secrets.io/managed"].map(str::to_owned);
    assert_eq!(read.existing.our_labels, BTreeSet::from(ours));
    let other = read_secret(&secret(|_| {}), "other").unwrap();
    assert!(other.existing.our_keys.is_empty() && other.existing.our_labels.is_empty());
    // The hashed spelling counts too.
    let hashed =
        secret(|value| value["metadata"]["managedFields"][0]["manager"] = json!(field_managers("db")[1]));
    assert!(!read_secret(&hashed, "db").unwrap().existing.our_keys.is_empty());
}

#[test]
fn no_error_shows_a_value() {
    for data in [json!({"value": "hunter2!"}), json!({"value": 7}), json!(["hunter2"])] {
        let error = read_secret(&secret(|value| value["data"] = data), "db").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(!format!("{:?}", read_secret(&secret(|_| {}), "db").unwrap()).contains("one"));
}

#[test]
fn a_body_says_what_was_read() {
    let read = read_secret(&secret(|value| value["metadata"]["finalizers"] = json!(["a/b"])), "db").unwrap();
    let rendered = RenderedSecret {
        namespace: "shop".into(),
        name: "db".into(),
        secret_type: "Opaque".into(),
        labels: read.existing.labels.clone(),
        annotations: BTreeMap::from([("quote\"".to_owned(), "line\n".to_owned())]),
        data: BTreeMap::from([("k".to_owned(), SecretValue::new(vec![0, 255]))]),
        finalizers: Vec::new(),
        immutable: true,
    };
    let owner = Owner { api_version: "v1".into(), kind: "ConfigMap".into(), ..Owner::default() };
    let body = secret_body(&rendered, std::slice::from_ref(&owner), Some(&read.meta));
    let value: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(value["metadata"]["resourceVersion"], "11");
    assert_eq!(value["metadata"]["finalizers"], json!(["a/b"]));
    assert_eq!(value["metadata"]["annotations"]["quote\""], "line\n");
    assert_eq!(value["metadata"]["ownerReferences"], json!([owner]));
    assert_eq!((&value["immutable"], &value["data"]["k"]), (&json!(true), &json!("AP8=")));
    let fresh: Value = serde_json::from_str(&secret_body(&rendered, &[], None)).unwrap();
    assert!(fresh["metadata"].get("resourceVersion").is_none());
}
