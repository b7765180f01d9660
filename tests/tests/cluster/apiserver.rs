//! The API server itself: it says what it is, lets in who may, and keeps its data over a crash.

use harness::kube::{Access, Cluster, Namespace};
use serde_json::json;

/// The status with which `access` gets a path.
fn status(access: &Access, path: &str) -> u16 {
    access.api("GET", path, None).unwrap().status
}

/// Lets a service account read the Secrets of its namespace.
const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: app}]
";

#[test]
fn it_answers_as_the_version_it_is() {
    let cluster = Cluster::shared().unwrap();
    assert_eq!(cluster.get_json("/version").unwrap()["gitVersion"], "v1.34.4");
    assert_eq!(cluster.get_json("/readyz").unwrap(), "ok");
    let names = cluster.kubectl(&["get", "namespaces", "-o", "name"]).unwrap();
    assert!(names.lines().any(|name| name == "namespace/kube-system"), "{names}");
    let error = cluster.kubectl(&["get", "nothing-like-that"]).unwrap_err().to_string();
    assert!(error.contains("the server doesn't have a resource type"), "{error}");
}

#[test]
fn objects_are_applied_and_read() {
    let namespace = Cluster::shared().unwrap().namespace().unwrap();
    let secret = |value: &str| {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"key": value},
        });
        namespace.apply(&secret.to_string()).unwrap()
    };
    assert_eq!(secret("one"), "secret/a created\n");
    assert_eq!(secret("two"), "secret/a configured\n");
    assert_eq!(namespace.get_json("secrets/a").unwrap()["data"]["key"], "dHdv");
    let printed = namespace.kubectl(&["get", "secret", "a", "-o", "jsonpath={.data.key}"]).unwrap();
    assert_eq!(printed, "dHdv");
}

#[test]
fn a_service_account_may_only_what_its_role_says() {
    let cluster = Cluster::shared().unwrap();
    let (ours, others) = (cluster.namespace().unwrap(), cluster.namespace().unwrap());
    ours.service_account("app").unwrap();
    let app = ours.access_for("app").unwrap();
    let secrets = |namespace: &Namespace| status(&app, &namespace.path("secrets"));
    assert_eq!((secrets(&ours), secrets(&others)), (403, 403), "no role yet");
    ours.apply(READER).unwrap();
    app.wait_for(&ours.path("secrets"), crate::LIMIT, |answer| answer.status == 200).unwrap();
    assert_eq!(secrets(&others), 403, "a role ends with its namespace");
    let body = json!({"metadata": {"name": "b"}});
    assert_eq!(app.api("POST", &ours.path("secrets"), Some(&body)).unwrap().status, 403, "reading only");
    let printed = app.kubectl(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]).unwrap();
    assert_eq!(printed, format!("system:serviceaccount:{}:app", ours.name()));
}

#[test]
fn it_comes_back_with_its_data() {
    let mut cluster = Cluster::start().unwrap();
    let namespace = cluster.namespace().unwrap();
    let body = json!({"metadata": {"name": "kept"}, "stringData": {"key": "value"}});
    let created = cluster.must("POST", &namespace.path("secrets"), Some(&body)).unwrap();
    cluster.stop_apiserver().unwrap();
    assert!(cluster.api("GET", "/readyz", None).is_err(), "nothing listens");
    cluster.start_apiserver().unwrap();
    assert_eq!(namespace.get_json("secrets/kept").unwrap()["metadata"]["uid"], created["metadata"]["uid"]);
    cluster.restart_apiserver().unwrap();
    // The controllers find it again too.
    let other = cluster.namespace().unwrap();
    assert_eq!(status(cluster.admin(), &other.path("secrets")), 200);
}
