//! The syncer for a whole cluster of its own: restarts of the API server, objects that cannot be read, stores for all
//! namespaces, logins with service accounts, and the Lease.

use std::time::{Duration, Instant};

use harness::kube::{Access, Cluster, Namespace};
use harness::target::{Broker, BrokerOptions, HashiVault, OpenBao, Server};
use serde_json::{Value, json};

use crate::syncer::{
    NOT_FETCHED, SYNCED, Syncer, create, fill, installed, path, prepare, store_spec, wait_condition,
    wants_spec,
};

const EXTERNAL: (&str, &str) = ("externalsecrets", "ExternalSecret");
const STORE: (&str, &str) = ("secretstores", "SecretStore");

fn secret(access: &Access, namespace: &Namespace, name: &str, data: &Value) {
    let body = json!({"metadata": {"name": name}, "stringData": data});
    access.must("POST", &namespace.path("secrets"), Some(&body)).unwrap();
}

fn wait_value(access: &Access, namespace: &Namespace, name: &str, data: &Value) {
    let path = namespace.path(&format!("secrets/{name}"));
    access.wait_for(&path, crate::LIMIT, |answer| &answer.body["data"] == data).unwrap();
}

fn cluster_store(access: &Access, name: &str, spec: &Value) {
    let body = json!({"apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
        "metadata": {"name": name}, "spec": spec});
    access.must("POST", "/apis/external-secrets.io/v1/clustersecretstores", Some(&body)).unwrap();
}

#[test]
fn restarts_and_unreadable_objects_stop_nothing() {
    let mut cluster = Cluster::start().unwrap();
    prepare(&cluster);
    // A definition that lets anything through, as an older one may.
    for plural in ["externalsecrets", "secretstores"] {
        let definition =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.external-secrets.io");
        let mut crd = cluster.get_json(&definition).unwrap();
        let open =
            json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        for version in crd["spec"]["versions"].as_array_mut().unwrap() {
            version["schema"] = open.clone();
            version["selectableFields"] = Value::Null;
            version["additionalPrinterColumns"] = Value::Null;
        }
        cluster.must("PUT", &definition, Some(&crd)).unwrap();
    }
    let namespace = cluster.namespace().unwrap();
    let bao = OpenBao::start().unwrap();
    fill(&bao);
    secret(&cluster, &namespace, "tok", &json!({"token": bao.root_token}));
    let auth = json!({"tokenSecretRef": {"name": "tok", "key": "token"}});
    create(&cluster, &namespace, STORE, "vault", &store_spec(&bao.url(), auth));
    create_raw(&cluster, &namespace, STORE, "odd", &json!({"status": {"conditions": "odd"}, "spec": 7}));
    create_raw(&cluster, &namespace, EXTERNAL, "odd", &json!({"status": "odd", "spec": {"data": {}}}));
    let access = installed(&cluster, &namespace, true);
    let mut syncer = Syncer::start(&access, &[]);
    syncer.wait_ready();
    create(&cluster, &namespace, EXTERNAL, "first", &wants_spec("o/a", json!({})));
    wait_condition(&cluster, &path(&namespace, "externalsecrets", "first"), SYNCED);
    create_raw(&cluster, &namespace, EXTERNAL, "odder", &json!({"status": 7}));
    create_raw(&cluster, &namespace, EXTERNAL, "spec", &json!({"spec": {"data": "x", "target": []}}));
    // A spec that is not understood says so itself.
    let odd = path(&namespace, "externalsecrets", "spec");
    cluster
        .wait_for(&odd, crate::LIMIT, |it| it.body["status"]["conditions"][0]["status"] == "False")
        .unwrap();
    create(&cluster, &namespace, EXTERNAL, "second", &wants_spec("o/b", json!({})));
    wait_condition(&cluster, &path(&namespace, "externalsecrets", "second"), SYNCED);
    assert!(syncer.metric("keyreeve_syncer_malformed_objects_total", "") >= 2.0);

    // The API server dies; what happens meanwhile at the provider, and what happens after its return, is served.
    cluster.stop_apiserver().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    cluster.start_apiserver().unwrap();
    let access = cluster.admin().clone();
    create(&access, &namespace, EXTERNAL, "third", &wants_spec("o/a", json!({})));
    wait_condition(&access, &path(&namespace, "externalsecrets", "third"), SYNCED);
    access.must("DELETE", &namespace.path("secrets/first"), None).unwrap();
    wait_value(&access, &namespace, "first", &json!({"value": "b25l"}));
    assert!(syncer.metric("keyreeve_syncer_watch_restarts_total", "") >= 1.0);

    // A graceful end, and a new start that finds nothing to do.
    assert!(syncer.process.stop().unwrap().success());
    let before = versions(&access, &namespace);
    let mut syncer = Syncer::start(&installed_again(&namespace), &[]);
    syncer.wait_ready();
    let start = Instant::now();
    while syncer.metric("controller_runtime_reconcile_total", "controller=\"externalsecret\"") < 3.0 {
        assert!(start.elapsed() < crate::LIMIT, "the objects are not looked at");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(versions(&access, &namespace), before);
}

fn create_raw(
    access: &Access,
    namespace: &Namespace,
    (plural, kind): (&str, &str),
    name: &str,
    more: &Value,
) {
    let mut body = json!({"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    access.must("POST", &path(namespace, plural, ""), Some(&body)).unwrap();
    // A status is only kept through its own path.
    if body.get("status").is_some() {
        let status = json!({"status": body["status"]});
        access.must("PATCH", &format!("{}/status", path(namespace, plural, name)), Some(&status)).unwrap();
    }
}

fn installed_again(namespace: &Namespace) -> Access {
    namespace.access_for("syncer").unwrap()
}

/// Resource versions of all that the syncer could write.
fn versions(access: &Access, namespace: &Namespace) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for path in [path(namespace, "externalsecrets", ""), namespace.path("secrets")] {
        for item in access.get_json(&path).unwrap()["items"].as_array().unwrap() {
            let text = |field: &str| item["metadata"][field].as_str().unwrap().to_owned();
            out.push((text("name"), text("resourceVersion")));
        }
    }
    out
}

/// The token of a service account that may ask for reviews.
fn reviewer(cluster: &Access, namespace: &Namespace) -> String {
    namespace.service_account("reviewer").unwrap();
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "reviewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": namespace.name()}]});
    cluster.apply(&binding.to_string()).unwrap();
    namespace.token("reviewer", &[]).unwrap()
}

/// Binds the service account `app` of every namespace to the role `app`, which may read what lies below `secret/o`.
fn bind(server: &Server, cluster: &Access, reviewer: &str) {
    let policy = json!({"policy": "path \"secret/data/o/*\" { capabilities = [\"read\"] }"});
    let config = json!({
        "kubernetes_host": cluster.url(), "kubernetes_ca_cert": std::fs::read_to_string(cluster.ca()).unwrap(),
        "token_reviewer_jwt": reviewer, "disable_iss_validation": true,
    });
    let role = json!({
        "bound_service_account_names": "app", "bound_service_account_namespaces": "*", "audience": "vault",
        "token_policies": ["app"], "token_ttl": "10m",
    });
    for (path, body) in [
        ("sys/policies/acl/app", &policy),
        ("sys/auth/kubernetes", &json!({"type": "kubernetes"})),
        ("auth/kubernetes/config", &config),
        ("auth/kubernetes/role/app", &role),
    ] {
        server.must("POST", path, Some(body)).unwrap();
    }
}

#[test]
fn stores_for_all_namespaces_log_in_as_each_of_them() {
    let cluster = Cluster::start().unwrap();
    prepare(&cluster);
    let own = cluster.namespace().unwrap();
    let access = installed(&cluster, &own, true);
    let syncer = Syncer::start(&access, &[]);
    let account = json!({"name": "app", "audiences": ["vault"]});
    let auth =
        json!({"kubernetes": {"mountPath": "kubernetes", "role": "app", "serviceAccountRef": account}});
    let servers = [
        OpenBao::start().unwrap(),
        HashiVault::start().unwrap(),
        Broker::start(&BrokerOptions::default()).unwrap(),
    ];
    let namespaces: Vec<Namespace> = (0..2).map(|_| cluster.namespace().unwrap()).collect();
    for namespace in &namespaces {
        namespace.service_account("app").unwrap();
    }
    let reviewer = reviewer(&cluster, &own);
    for server in &servers {
        fill(server);
        bind(server, &cluster, &reviewer);
        let store = format!("{:?}", server.kind).to_lowercase();
        cluster_store(&cluster, &store, &store_spec(&server.url(), auth.clone()));
        let reference = json!({"secretStoreRef": {"name": store, "kind": "ClusterSecretStore"}});
        for namespace in &namespaces {
            for number in 0..3 {
                let name = format!("{store}-{number}");
                create(&cluster, namespace, EXTERNAL, &name, &wants_spec("o/a", reference.clone()));
            }
        }
        for namespace in &namespaces {
            for number in 0..3 {
                let name = format!("{store}-{number}");
                wait_condition(&cluster, &path(namespace, "externalsecrets", &name), SYNCED);
                wait_value(&cluster, namespace, &name, &json!({"value": "b25l"}));
            }
        }
        // Not below o: the role's own rights, not the syncer's.
        server.must("POST", "secret/data/p/x", Some(&json!({"data": {"value": "x"}}))).unwrap();
        let name = format!("{store}-denied");
        create(&cluster, &namespaces[0], EXTERNAL, &name, &wants_spec("p/x", reference));
        wait_condition(&cluster, &path(&namespaces[0], "externalsecrets", &name), NOT_FETCHED);
    }
    // One login for each server and namespace, however many objects.
    assert_eq!(syncer.metric("externalsecret_provider_api_calls_count", "call=\"Login\""), 6.0);

    // Who has no such service account gets no token, and who is not let in does not even try.
    let reference = json!({"secretStoreRef": {"name": "openbao", "kind": "ClusterSecretStore"}});
    create(&cluster, &own, EXTERNAL, "nobody", &wants_spec("o/a", reference));
    wait_condition(&cluster, &path(&own, "externalsecrets", "nobody"), NOT_FETCHED);
    let mut closed = store_spec(&servers[0].url(), auth);
    let name = namespaces[0].name();
    closed["conditions"] = json!([{"namespaceRegexes": ["^none$"]}, {"namespaceSelector":
        {"matchLabels": {"kubernetes.io/metadata.name": name}}}]);
    cluster_store(&cluster, "closed", &closed);
    let reference = json!({"secretStoreRef": {"name": "closed", "kind": "ClusterSecretStore"}});
    for namespace in &namespaces {
        create(&cluster, namespace, EXTERNAL, "closed", &wants_spec("o/a", reference.clone()));
    }
    wait_condition(&cluster, &path(&namespaces[0], "externalsecrets", "closed"), SYNCED);
    wait_condition(&cluster, &path(&namespaces[1], "externalsecrets", "closed"), NOT_FETCHED);
}

#[test]
fn only_the_holder_of_the_lease_serves() {
    let cluster = crate::syncer::cluster();
    let namespace = cluster.namespace().unwrap();
    let bao = OpenBao::start().unwrap();
    fill(&bao);
    let access = installed(cluster, &namespace, false);
    let rights = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "leases", "namespace": namespace.name()},
        "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "leases", "namespace": namespace.name()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leases"},
        "subjects": [{"kind": "ServiceAccount", "name": "syncer", "namespace": namespace.name()}]});
    cluster.apply(&rights.to_string()).unwrap();
    cluster.apply(&binding.to_string()).unwrap();
    let name = namespace.name();
    let flags = ["--namespace", name, "--leader-elect", "--leader-election-namespace", name];
    let mut first = Syncer::start(&access, &flags);
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{name}/leases/external-secrets-controller");
    let held = cluster.wait_for(&lease, crate::LIMIT, |answer| answer.status == 200).unwrap().body;
    let holder = held["spec"]["holderIdentity"].clone();
    assert_eq!(held["spec"]["leaseDurationSeconds"], 15);
    let mut second = Syncer::start(&access, &flags);
    second.wait_ready();
    secret(cluster, &namespace, "tok", &json!({"token": bao.root_token}));
    let auth = json!({"tokenSecretRef": {"name": "tok", "key": "token"}});
    create(cluster, &namespace, STORE, "vault", &store_spec(&bao.url(), auth));
    create(cluster, &namespace, EXTERNAL, "one", &wants_spec("o/a", json!({})));
    wait_condition(cluster, &path(&namespace, "externalsecrets", "one"), SYNCED);
    let served = |syncer: &Syncer| syncer.metric("externalsecret_sync_calls_total", "name=\"one\"");
    assert!(served(&first) >= 1.0);
    assert_eq!(served(&second), 0.0);

    // A graceful end hands the Lease over at once.
    let start = Instant::now();
    assert!(first.process.stop().unwrap().success());
    cluster
        .wait_for(&lease, crate::LIMIT, |answer| {
            let now = &answer.body["spec"]["holderIdentity"];
            *now != holder && now.as_str().is_some_and(|now| !now.is_empty())
        })
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    create(cluster, &namespace, EXTERNAL, "two", &wants_spec("o/a", json!({})));
    wait_condition(cluster, &path(&namespace, "externalsecrets", "two"), SYNCED);
    assert!(second.metric("externalsecret_sync_calls_total", "name=\"two\"") >= 1.0);
}

#[test]
fn a_leader_that_cannot_renew_ends_before_another_can_lead() {
    let mut cluster = Cluster::start().unwrap();
    prepare(&cluster);
    let namespace = cluster.namespace().unwrap();
    let name = namespace.name().to_owned();
    let flags = ["--namespace", &name, "--leader-elect", "--leader-election-namespace", &name];
    let mut syncer = Syncer::start(cluster.admin(), &flags);
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{name}/leases/external-secrets-controller");
    let held = |answer: &harness::kube::Answer| answer.body["spec"]["holderIdentity"].is_string();
    cluster.wait_for(&lease, crate::LIMIT, held).unwrap();
    cluster.stop_apiserver().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = syncer.process.ended().unwrap() {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "still leads");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(1), "{}", syncer.process.log_tail());
    assert!(syncer.process.log_tail().contains("the lease is lost"));
}

#[test]
fn what_is_installed_is_valid_and_says_so_to_a_strict_server() {
    let cluster = crate::syncer::cluster();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kustomize/syncer");
    let namespace = json!({"metadata": {"name": "keyreeve"}});
    cluster.must("POST", "/api/v1/namespaces", Some(&namespace)).unwrap();
    let said = cluster.kubectl(&["apply", "-k", folder, "--dry-run=server", "--validate=strict"]).unwrap();
    for object in
        ["deployment.apps/keyreeve-syncer", "clusterrolebinding.rbac.authorization.k8s.io/keyreeve-syncer"]
    {
        assert!(said.contains(&format!("{object} created (server dry run)")), "{said}");
    }
}
