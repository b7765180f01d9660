//! Templates on a real API server: from the object itself, from a ConfigMap, into labels and types, and when they fail.

use serde_json::json;

use crate::syncer::Stage;

const SYNCED: &str = "True SecretSynced secret synced";

#[test]
fn templates_make_secrets_of_every_kind() {
    let stage = Stage::new(&["--template-left-delimiter", "<<", "--template-right-delimiter", ">>"]);
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"},
        "data": {"app.conf": "value=<< .value | upper >>\n", "more": "a: << .value >>\nb: << len .value >>\n"},
    });
    stage.access.must("POST", &stage.namespace.path("configmaps"), Some(&config)).unwrap();
    stage.wants("files", "o/a", json!({"target": {"template": {
        "metadata": {"labels": {"app": "<< .value >>-app"}},
        "templateFrom": [{"configMap": {"name": "app", "items": [{"key": "app.conf"}, {"key": "more", "templateAs": "KeysAndValues"}]}}],
    }}}));
    stage.wait("files", SYNCED);
    let secret =
        stage.wait_secret("files", &json!({"app.conf": "dmFsdWU9T05FCg==", "a": "b25l", "b": "Mw=="}));
    assert_eq!(secret["metadata"]["labels"]["app"], "one-app");

    // A pull secret; its type and the whole of it are what a template says.
    stage.wants("pull", "o/a", json!({"target": {"template": {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "<< dict \"auths\" (dict \"registry.example.com\" (dict \"auth\" (printf \"u:%s\" .value | b64enc))) | toJson >>"},
    }}}));
    stage.wait("pull", SYNCED);
    let secret = stage.namespace.get_json("secrets/pull").unwrap();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");

    // Keys of others stay under Merge, and templates see the fetched values beside theirs.
    stage.secret("mixed", &json!({"theirs": "y"}));
    stage.wants(
        "merges",
        "o/a",
        json!({"target": {
            "name": "mixed", "creationPolicy": "Merge",
            "template": {"mergePolicy": "Merge", "data": {"twice": "<< .value >><< .value >>"}},
        }}),
    );
    stage.wait("merges", SYNCED);
    stage.wait_secret("mixed", &json!({"theirs": "eQ==", "value": "b25l", "twice": "b25lb25l"}));
}

#[test]
fn a_template_that_fails_leaves_the_secret_alone() {
    let stage = Stage::new(&[]);
    stage.wants("app", "o/a", json!({"target": {"template": {"data": {"x": "{{ .value }}"}}}}));
    stage.wait("app", SYNCED);
    let before = stage.wait_secret("app", &json!({"x": "b25l"}));
    let broken = json!({"spec": {"target": {"template": {"data": {"x": "{{ .value | atoi | fail }}"}}}}});
    stage.access.must("PATCH", &stage.path("externalsecrets", "app"), Some(&broken)).unwrap();
    stage.wait("app", "False SecretSyncedError could not update secret");
    stage.wait_event("app", "UpdateFailed", "unable to execute template at key x");
    let after = stage.namespace.get_json("secrets/app").unwrap();
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);

    // Keys are made while others are served.
    stage.wants(
        "keys",
        "o/a",
        json!({"target": {"template": {"data": {"tls.key": "{{ genPrivateKey \"ecdsa\" }}"}}}}),
    );
    stage.wait("keys", SYNCED);
    let mended = json!({"spec": {"target": {"template": {"data": {"x": "{{ .value }}!"}}}}});
    stage.access.must("PATCH", &stage.path("externalsecrets", "app"), Some(&mended)).unwrap();
    stage.wait_secret("app", &json!({"x": "b25lIQ=="}));
}
