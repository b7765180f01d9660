//! The syncer on a real API server with a real OpenBao: an ordinary ExternalSecret becomes a Secret, and stays one.

use std::process::Command;
use std::time::{Duration, Instant};

use harness::http::{self, Request};
use harness::kube::{Access, Answer, Cluster, Namespace};
use harness::process::Process;
use harness::target::{OpenBao, Server, built, free_port};
use serde_json::{Value, json};
use syncer_core::crds;
use tempfile::TempDir;

/// The rights that the syncer is installed with.
const RIGHTS: &str = include_str!("../../../deploy/kustomize/syncer/clusterrole.yaml");

/// A running syncer.
pub struct Syncer {
    pub process: Process,
    metrics: String,
    _dir: TempDir,
}

impl Syncer {
    /// Starts one with these flags besides those that every one has.
    pub fn start(access: &Access, flags: &[&str]) -> Syncer {
        let dir = tempfile::tempdir().unwrap();
        let metrics = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = Command::new(built("keyreeve-syncer").unwrap());
        command.args(["cluster", "--log", "info,syncer=debug", "--metrics-listen", &metrics, "--kubeconfig"]);
        command.arg(access.kubeconfig()).args(flags);
        let process = Process::start("keyreeve-syncer", &command, &dir.path().join("log")).unwrap();
        Syncer { process, metrics, _dir: dir }
    }

    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = http::send(&self.metrics, &Request::new("GET", path)).ok()?;
        Some((answer.status, answer.text().to_string()))
    }

    /// The sum of all lines of a metric whose labels contain this text.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let (_, text) = self.get("/metrics").expect("metrics");
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    pub fn wait_ready(&mut self) {
        let metrics = self.metrics.clone();
        let ready =
            || http::send(&metrics, &Request::new("GET", "/readyz")).is_ok_and(|answer| answer.status == 200);
        self.process.wait_until(crate::LIMIT, ready).unwrap();
    }
}

/// A namespace with a store, its server, and a syncer for that namespace alone.
pub struct Stage {
    pub syncer: Syncer,
    pub bao: Server,
    pub namespace: Namespace,
    pub access: Access,
}

/// The shared cluster with our definitions.
pub fn cluster() -> &'static Cluster {
    let cluster = Cluster::shared().unwrap();
    prepare(cluster);
    cluster
}

/// Puts our definitions and the syncer's rights into a cluster.
pub fn prepare(access: &Access) {
    access
        .kubectl_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &crds::yaml_documents())
        .unwrap();
    access.apply(RIGHTS).unwrap();
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        let path = format!("/apis/external-secrets.io/v1/{plural}");
        access.wait_for(&path, crate::LIMIT, |answer| answer.status == 200).unwrap();
    }
}

/// A service account with the rights that the syncer is installed with: of one namespace, or of all.
pub fn installed(access: &Access, namespace: &Namespace, everywhere: bool) -> Access {
    namespace.service_account("syncer").unwrap();
    let kind = if everywhere { "ClusterRoleBinding" } else { "RoleBinding" };
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"name": format!("syncer-{}", namespace.name()), "namespace": namespace.name()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "keyreeve-syncer"},
        "subjects": [{"kind": "ServiceAccount", "name": "syncer", "namespace": namespace.name()}],
    });
    access.apply(&binding.to_string()).unwrap();
    namespace.access_for("syncer").unwrap()
}

/// What is in the server at the start.
pub fn fill(bao: &Server) {
    for (path, data) in [
        ("o/a", json!({"value": "one", "user": "u", "nested": {"k": "v"}})),
        ("o/b", json!({"value": "two"})),
        ("o/imm", json!({"value": "one"})),
        ("o/del-retain", json!({"value": "x"})),
        ("o/del-delete", json!({"value": "x"})),
        ("o/del-merge", json!({"value": "x"})),
    ] {
        bao.must("POST", &format!("secret/data/{path}"), Some(&json!({"data": data}))).unwrap();
    }
}

impl Stage {
    /// A stage whose store `vault` reads with the server's root token.
    pub fn new(flags: &[&str]) -> Stage {
        let cluster = cluster();
        let namespace = cluster.namespace().unwrap();
        let bao = OpenBao::start().unwrap();
        fill(&bao);
        let access = installed(cluster, &namespace, false);
        let own = ["--namespace", namespace.name()];
        let syncer = Syncer::start(&access, &[&own, flags].concat());
        let stage = Stage { syncer, bao, namespace, access: cluster.admin().clone() };
        stage.secret("tok", &json!({"token": stage.bao.root_token}));
        stage.store("vault", "tok");
        stage
    }

    pub fn secret(&self, name: &str, data: &Value) {
        let body =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        self.access.must("POST", &self.namespace.path("secrets"), Some(&body)).unwrap();
    }

    pub fn store(&self, name: &str, token: &str) {
        let auth = json!({"tokenSecretRef": {"name": token, "key": "token"}});
        self.create("secretstores", "SecretStore", name, &store_spec(&self.bao.url(), auth));
    }

    /// The path of custom objects.
    pub fn path(&self, plural: &str, name: &str) -> String {
        path(&self.namespace, plural, name)
    }

    pub fn create(&self, plural: &str, kind: &str, name: &str, spec: &Value) {
        create(&self.access, &self.namespace, (plural, kind), name, spec);
    }

    /// An ExternalSecret that reads `value` of a path into the key `value`; `more` is put over its spec.
    pub fn wants(&self, name: &str, key: &str, more: Value) {
        self.create("externalsecrets", "ExternalSecret", name, &wants_spec(key, more));
    }

    pub fn get(&self, name: &str) -> Value {
        self.access.get_json(&self.path("externalsecrets", name)).unwrap()
    }

    /// Waits until the condition of an ExternalSecret is as wanted: `True SecretSynced secret synced`.
    #[track_caller]
    pub fn wait(&self, name: &str, wanted: &str) -> Value {
        wait_condition(&self.access, &self.path("externalsecrets", name), wanted)
    }

    #[track_caller]
    pub fn wait_store(&self, name: &str, wanted: &str) -> Value {
        wait_condition(&self.access, &self.path("secretstores", name), wanted)
    }

    /// Waits until a Secret has these values, in Base64.
    #[track_caller]
    pub fn wait_secret(&self, name: &str, data: &Value) -> Value {
        let path = self.namespace.path(&format!("secrets/{name}"));
        let wanted = |answer: &Answer| answer.status == 200 && &answer.body["data"] == data;
        self.access.wait_for(&path, crate::LIMIT, wanted).unwrap().body
    }

    /// Type, reason, message and count of the events about an object, in the order of their first time.
    pub fn events(&self, name: &str) -> Vec<(String, String, String, u64)> {
        let list = self.namespace.get_json("events").unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mine = list["items"].as_array().unwrap().iter().filter(|it| it["involvedObject"]["name"] == name);
        mine.map(|it| {
            let count = it["count"].as_u64().unwrap_or(0);
            (text(&it["type"]), text(&it["reason"]), text(&it["message"]), count)
        })
        .collect()
    }

    /// Waits for an event of this reason whose message contains a text.
    #[track_caller]
    pub fn wait_event(&self, name: &str, reason: &str, message: &str) {
        let start = Instant::now();
        loop {
            let events = self.events(name);
            if events.iter().any(|(_, it, text, _)| it == reason && text.contains(message)) {
                return;
            }
            assert!(start.elapsed() < crate::LIMIT, "no {reason} {message:?} in {events:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn put(&self, path: &str, data: &Value) {
        self.bao.must("POST", &format!("secret/data/{path}"), Some(&json!({"data": data}))).unwrap();
    }
}

pub fn store_spec(url: &str, auth: Value) -> Value {
    json!({"provider": {"vault": {"server": url, "path": "secret", "version": "v2", "auth": auth}}})
}

pub fn wants_spec(key: &str, more: Value) -> Value {
    let mut spec = json!({
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
        "data": [{"secretKey": "value", "remoteRef": {"key": key, "property": "value"}}],
    });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

pub fn path(namespace: &Namespace, plural: &str, name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("/{name}") };
    format!("/apis/external-secrets.io/v1/namespaces/{}/{plural}{name}", namespace.name())
}

pub fn create(
    access: &Access,
    namespace: &Namespace,
    (plural, kind): (&str, &str),
    name: &str,
    spec: &Value,
) {
    let body = json!({
        "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    access.must("POST", &path(namespace, plural, ""), Some(&body)).unwrap();
}

#[track_caller]
pub fn wait_condition(access: &Access, path: &str, wanted: &str) -> Value {
    let condition = |body: &Value| {
        let conditions = body["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|it| it["type"] == "Ready").cloned().unwrap_or_default();
        let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("status"), text("reason"), text("message"))
    };
    access.wait_for(path, crate::LIMIT, |answer| condition(&answer.body) == wanted).unwrap().body
}

pub const SYNCED: &str = "True SecretSynced secret synced";
pub const NOT_FETCHED: &str = "False SecretSyncedError could not get secret data from provider";

#[test]
fn an_ordinary_object_becomes_a_secret_and_stays_one() {
    let stage = Stage::new(&["--refresh-time-age", "0"]);
    stage.wait_store("vault", "True Valid store validated");
    stage.wants("ok", "o/a", json!({}));
    let object = stage.wait("ok", SYNCED);
    assert_eq!(
        object["metadata"]["finalizers"],
        json!(["externalsecrets.external-secrets.io/externalsecret-cleanup"])
    );
    assert_eq!(object["status"]["binding"], json!({"name": "ok"}));
    assert_eq!(
        object["status"]["syncedResourceVersion"],
        "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
    );
    let secret = stage.wait_secret("ok", &json!({"value": "b25l"}));
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["name"], &owner["controller"]), (&json!("ok"), &json!(true)));
    assert_eq!(owner["uid"], object["metadata"]["uid"]);
    assert_eq!(secret["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    assert_eq!(secret["metadata"]["managedFields"][0]["manager"], "externalsecrets.external-secrets.io/ok");
    assert_eq!(
        secret["metadata"]["annotations"]["reconcile.external-secrets.io/data-hash"],
        "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a"
    );
    stage.wait_event("ok", "Created", "secret created");
    stage.wait_event("vault", "Valid", "store validated");

    // Drift is repaired at once, deletion too.
    let path = stage.namespace.path("secrets/ok");
    stage.access.must("PATCH", &path, Some(&json!({"data": {"value": "eA=="}}))).unwrap();
    stage.wait_secret("ok", &json!({"value": "b25l"}));
    stage.wait_event("ok", "Updated", "secret updated");
    stage.access.must("DELETE", &path, None).unwrap();
    stage.wait_secret("ok", &json!({"value": "b25l"}));

    // An annotation forces a refresh.
    stage.put("o/a", &json!({"value": "three"}));
    let force = json!({"metadata": {"annotations": {"force-sync": "1"}}});
    stage.access.must("PATCH", &stage.path("externalsecrets", "ok"), Some(&force)).unwrap();
    let secret = stage.wait_secret("ok", &json!({"value": "dGhyZWU="}));
    assert_eq!(secret["metadata"]["annotations"]["force-sync"], "1");

    // With its owner the Secret goes.
    stage.access.must("DELETE", &stage.path("externalsecrets", "ok"), None).unwrap();
    stage.access.wait_gone(&stage.path("externalsecrets", "ok"), crate::LIMIT).unwrap();
    stage.access.wait_gone(&path, crate::LIMIT).unwrap();
    assert!(stage.syncer.metric("externalsecret_provider_api_calls_count", "ReadSecretData") >= 2.0);
    assert_eq!(stage.syncer.metric("keyreeve_syncer_malformed_objects_total", ""), 0.0);
}

#[test]
fn stores_that_cannot_be_used_say_why_and_recover() {
    let stage = Stage::new(&[]);
    stage.secret("badtok", &json!({"token": "not-a-token"}));
    stage.store("badtoken", "badtok");
    stage.store("nosecret", "absent");
    let key = json!({"tokenSecretRef": {"name": "tok", "key": "absent"}});
    stage.create("secretstores", "SecretStore", "nokey", &store_spec(&stage.bao.url(), key));
    let token = json!({"tokenSecretRef": {"name": "tok", "key": "token"}});
    let nowhere = format!("http://127.0.0.1:{}", free_port().unwrap());
    stage.create("secretstores", "SecretStore", "unreach", &store_spec(&nowhere, token.clone()));
    let mut other = store_spec(&stage.bao.url(), token);
    other["controller"] = json!("other");
    stage.create("secretstores", "SecretStore", "otherclass", &other);
    let aws = json!({"provider": {"aws": {"service": "SecretsManager", "region": "eu"}}});
    stage.create("secretstores", "SecretStore", "aws", &aws);
    for name in ["badtoken", "nosecret", "nokey", "unreach", "otherclass", "aws", "nope"] {
        stage.wants(&format!("of-{name}"), "o/a", json!({"secretStoreRef": {"name": name}}));
    }
    stage.wants("good", "o/a", json!({}));
    stage.wait("good", SYNCED);
    let refused = "False InvalidProviderConfig unable to validate store";
    let no_client = "False InvalidProviderConfig unable to create client";
    for (name, condition, event) in [
        (
            "badtoken",
            refused,
            format!(
                "invalid vault credentials: Error making API request.\n\nURL: GET {}/v1/auth/token/lookup-self\nCode: 403. Errors:\n\n* ",
                stage.bao.url()
            ),
        ),
        ("unreach", refused, "invalid vault credentials: ".to_owned()),
        (
            "nosecret",
            no_client,
            format!(
                "cannot get Kubernetes secret \"absent\" from namespace \"{}\": secrets \"absent\" not found",
                stage.namespace.name()
            ),
        ),
        ("nokey", no_client, "cannot find secret data for key: \"absent\"".to_owned()),
    ] {
        stage.wait_store(name, condition);
        stage.wait_event(name, "InvalidProviderConfig", &event);
        stage.wait(&format!("of-{name}"), NOT_FETCHED);
        let why =
            format!("error processing spec.data[0] (key: o/a), err: SecretStore \"{name}\" is not ready");
        stage.wait_event(&format!("of-{name}"), "UpdateFailed", &why);
    }
    stage.wait_store(
        "aws",
        "False InvalidProviderConfig spec.provider.aws: not supported by this controller, only vault is",
    );
    stage.wait("of-aws", NOT_FETCHED);
    stage.wait("of-nope", NOT_FETCHED);
    let why = r#"could not get SecretStore "nope", SecretStore.external-secrets.io "nope" not found"#;
    stage.wait_event("of-nope", "UpdateFailed", why);
    // Another class: no word.
    assert_eq!(stage.get("of-otherclass")["status"], Value::Null);
    let store = stage.access.get_json(&stage.path("secretstores", "otherclass")).unwrap();
    assert_eq!(store["status"], Value::Null);

    // A better token opens the gate, and a store that comes late is used.
    let token = json!({"stringData": {"token": stage.bao.root_token}});
    stage.access.must("PATCH", &stage.namespace.path("secrets/badtok"), Some(&token)).unwrap();
    stage.wait("of-badtoken", SYNCED);
    stage.store("nope", "tok");
    stage.wait("of-nope", SYNCED);
}

#[test]
fn a_provider_that_fails_or_has_nothing_changes_what_the_policies_say() {
    let stage = Stage::new(&[]);
    let each = |policy: &str| json!({"refreshInterval": "1s", "target": {"deletionPolicy": policy}});
    for (name, policy) in [("retain", "Retain"), ("delete", "Delete"), ("merge", "Merge")] {
        stage.wants(name, &format!("o/del-{name}"), each(policy));
    }
    let x = json!({"value": "eA=="});
    for name in ["retain", "delete", "merge"] {
        stage.wait(name, SYNCED);
        stage.wait_secret(name, &x);
        stage.bao.must("DELETE", &format!("secret/data/o/del-{name}"), None).unwrap();
    }
    stage.wait("retain", NOT_FETCHED);
    stage.wait_secret("retain", &x);
    stage.wait("delete", "True SecretDeleted secret deleted due to DeletionPolicy=Delete");
    stage.access.wait_gone(&stage.namespace.path("secrets/delete"), crate::LIMIT).unwrap();
    let gone = "secret does not exist at provider using spec.dataFrom[0] (key=o/del-delete)";
    stage.wait_event("delete", "MissingProviderSecret", gone);
    stage.wait_event("delete", "Deleted", "secret deleted due to DeletionPolicy=Delete");
    stage.wait_secret("merge", &Value::Null);
    stage.wait("merge", SYNCED);

    // A token without rights, and then a server that is not there: nothing is touched.
    stage.bao.must("POST", "sys/policies/acl/none", Some(&json!({"policy": "path \"x\" {}"}))).unwrap();
    let made = stage.bao.must("POST", "auth/token/create", Some(&json!({"policies": ["none"]}))).unwrap();
    stage.secret("weak", &json!({"token": made["auth"]["client_token"]}));
    stage.store("weak", "weak");
    stage.wants("denied", "o/a", json!({"secretStoreRef": {"name": "weak"}}));
    stage.wait("denied", NOT_FETCHED);
    let words = format!(
        "cannot read secret data from Vault: Error making API request.\n\nURL: GET {}/v1/secret/data/o/a\nCode: 403. Errors:\n\n* ",
        stage.bao.url()
    );
    stage.wait_event("denied", "UpdateFailed", &words);
    stage.wants("kept", "o/a", json!({"refreshInterval": "1s", "target": {"deletionPolicy": "Delete"}}));
    stage.wait("kept", SYNCED);
    let Stage { syncer: _syncer, mut bao, namespace, access } = stage;
    bao.process.kill().unwrap();
    wait_condition(&access, &path(&namespace, "externalsecrets", "kept"), NOT_FETCHED);
    assert_eq!(namespace.get_json("secrets/kept").unwrap()["data"], json!({"value": "b25l"}));
}

#[test]
fn targets_of_others_are_theirs() {
    let stage = Stage::new(&[]);
    stage.secret("prebound", &json!({"keep": "me"}));
    stage.wants("adopts", "o/a", json!({"target": {"name": "prebound"}}));
    stage.wait("adopts", SYNCED);
    let secret = stage.wait_secret("prebound", &json!({"value": "b25l"}));
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "adopts");
    stage.wait_event("adopts", "Updated", "secret updated");
    stage.wants("second", "o/b", json!({"target": {"name": "prebound"}}));
    stage.wait("second", "False SecretSyncedError target is owned by another ExternalSecret");
    let why = "unable to mutate secret prebound: secret is owned by another ExternalSecret: adopts";
    stage.wait_event("second", "UpdateFailed", why);

    // Merge keeps foreign keys, and takes its own away again.
    stage.secret("mixed", &json!({"theirs": "y"}));
    stage.wants("merges", "o/a", json!({"target": {"name": "mixed", "creationPolicy": "Merge"}}));
    stage.wait("merges", SYNCED);
    stage.wait_secret("mixed", &json!({"theirs": "eQ==", "value": "b25l"}));
    let renamed =
        json!({"spec": {"data": [{"secretKey": "other", "remoteRef": {"key": "o/b", "property": "value"}}]}});
    stage.access.must("PATCH", &stage.path("externalsecrets", "merges"), Some(&renamed)).unwrap();
    stage.wait_secret("mixed", &json!({"theirs": "eQ==", "other": "dHdv"}));
    stage.wants("absent", "o/a", json!({"target": {"name": "nowhere", "creationPolicy": "Merge"}}));
    stage.wait("absent", "True SecretMissing secret will not be created due to CreationPolicy=Merge");

    // Immutable, and a target under a new name.
    stage.wants("frozen", "o/imm", json!({"refreshInterval": "1s", "target": {"immutable": true}}));
    stage.wait("frozen", SYNCED);
    stage.put("o/imm", &json!({"value": "two"}));
    let before = stage.syncer.metric("externalsecret_sync_calls_total", "name=\"frozen\"");
    while stage.syncer.metric("externalsecret_sync_calls_total", "name=\"frozen\"") < before + 2.0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(stage.namespace.get_json("secrets/frozen").unwrap()["data"], json!({"value": "b25l"}));
    stage.wait("frozen", SYNCED);
    let renamed = json!({"spec": {"target": {"name": "renamed"}}});
    stage.access.must("PATCH", &stage.path("externalsecrets", "adopts"), Some(&renamed)).unwrap();
    stage.wait_secret("renamed", &json!({"value": "b25l"}));
    stage.wait_event("adopts", "Deleted", "secret deleted because it was orphaned");
    // Now it is free for the second one.
    let secret = stage.wait_secret("prebound", &json!({"value": "dHdv"}));
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "second");
    stage.wait("second", SYNCED);

    // A field without support is named.
    stage.wants(
        "later",
        "o/a",
        json!({"syncWindows": {"kind": "allow", "windows": [{"schedule": "@daily", "duration": "1h"}]}}),
    );
    stage.wait(
        "later",
        "False SecretSyncedError spec.syncWindows: not supported yet; the Secret was not written",
    );
}
