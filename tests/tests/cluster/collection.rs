//! What the controllers clear away: namespaces with all that is in them, and objects whose owner is gone.

use harness::kube::Cluster;
use serde_json::{Value, json};

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    let body = json!({"metadata": {"name": "a"}, "stringData": {"key": "value"}});
    cluster.must("POST", &namespace.path("secrets"), Some(&body)).unwrap();
    let (secret, itself) = (namespace.path("secrets/a"), format!("/api/v1/namespaces/{}", namespace.name()));
    assert_eq!(cluster.get_json(&itself).unwrap()["status"]["phase"], "Active");
    drop(namespace);
    cluster.wait_gone(&secret, crate::LIMIT).unwrap();
    cluster.wait_gone(&itself, crate::LIMIT).unwrap();
}

#[test]
fn a_secret_goes_after_its_owner() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    let owner = json!({"metadata": {"name": "owner"}});
    let owner = cluster.must("POST", &namespace.path("configmaps"), Some(&owner)).unwrap();
    let make = |name: &str, owners: Value| {
        let body = json!({"metadata": {"name": name, "ownerReferences": owners}});
        cluster.must("POST", &namespace.path("secrets"), Some(&body)).unwrap();
    };
    let uid = &owner["metadata"]["uid"];
    make("owned", json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]));
    make("free", json!([]));
    cluster.must("DELETE", &namespace.path("configmaps/owner"), None).unwrap();
    cluster.wait_gone(&namespace.path("secrets/owned"), crate::LIMIT).unwrap();
    assert_eq!(namespace.get_json("secrets/free").unwrap()["metadata"]["name"], "free");
}
