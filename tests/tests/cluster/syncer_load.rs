//! The syncer with many objects: one read for all that ask together, quiet when nothing changes, told by the broker.

use std::time::{Duration, Instant};

use harness::target::{Broker, BrokerOptions};
use serde_json::{Value, json};

use crate::syncer::{
    SYNCED, Stage, Syncer, cluster, create, fill, installed, path, store_spec, wait_condition, wants_spec,
};

/// Objects of the load.
const MANY: usize = 150;

/// Requests to the API server so far that write.
fn writes(syncer: &Syncer) -> f64 {
    let of = |method: &str| syncer.metric("rest_client_requests_total", &format!("method=\"{method}\""));
    of("POST") + of("PUT") + of("PATCH") + of("DELETE")
}

#[test]
fn many_objects_on_one_path_are_few_reads_and_then_silence() {
    let stage = Stage::new(&["--concurrency", "16"]);
    // The store comes last, so that all objects ask in the same moment.
    let object = |number: usize| {
        let spec = wants_spec("o/b", json!({"secretStoreRef": {"name": "late"}}));
        json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": {"name": format!("many-{number}")}, "spec": spec})
    };
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": (0..MANY).map(object).collect::<Vec<_>>()});
    stage.namespace.apply(&list.to_string()).unwrap();
    let ready = |syncer: &Syncer, is: &str| {
        let all = syncer.metric("externalsecret_status_condition{condition=\"Ready\",name=\"many", "");
        let labels = format!("status=\"{is}\"");
        let some = syncer.metric("externalsecret_status_condition{condition=\"Ready\",name=\"many", &labels);
        assert!(all <= MANY as f64);
        some
    };
    let wait = |is: &str| {
        let start = Instant::now();
        while ready(&stage.syncer, is) < MANY as f64 {
            assert!(start.elapsed() < crate::LIMIT, "{} of {MANY} are {is}", ready(&stage.syncer, is));
            std::thread::sleep(Duration::from_millis(50));
        }
        start.elapsed()
    };
    wait("False");
    let before = stage.syncer.metric("externalsecret_provider_api_calls_count", "ReadSecretData");
    stage.store("late", "tok");
    let time = wait("True");
    let reads = stage.syncer.metric("externalsecret_provider_api_calls_count", "ReadSecretData") - before;
    println!("{MANY} objects in {time:?}, {reads} reads");
    assert!(reads <= 10.0, "{reads} reads");
    let secrets =
        stage.namespace.get_json("secrets?labelSelector=reconcile.external-secrets.io/managed=true").unwrap();
    assert_eq!(secrets["items"].as_array().unwrap().len(), MANY);

    // What we wrote comes back by the watch and changes nothing.
    let mut before = -1.0;
    while before < writes(&stage.syncer) {
        // Events are written apart from the work.
        before = writes(&stage.syncer);
        std::thread::sleep(Duration::from_secs(1));
    }
    let (quiet, served) =
        (writes(&stage.syncer), stage.syncer.metric("controller_runtime_reconcile_total", "externalsecret"));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(writes(&stage.syncer), quiet);
    assert_eq!(stage.syncer.metric("controller_runtime_reconcile_total", "externalsecret"), served);

    // A new object goes before a storm of refreshes.
    let again = json!({"metadata": {"annotations": {"again": "1"}}});
    for number in 0..20 {
        let path = stage.path("externalsecrets", &format!("many-{number}"));
        stage.access.must("PATCH", &path, Some(&again)).unwrap();
    }
    stage.wants("new", "o/a", json!({}));
    let start = Instant::now();
    stage.wait("new", SYNCED);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_broker_tells_of_changes_and_is_told_of_deliveries() {
    let cluster = cluster();
    let namespace = cluster.namespace().unwrap();
    let broker = Broker::start(&BrokerOptions::default()).unwrap();
    fill(&broker);
    // The syncer's own login sees that something changed, and may send records; it reads no value.
    let policy = "path \"secret/metadata/*\" { capabilities = [\"read\"] }\n\
                  path \"sys/keyreeve/changes\" { capabilities = [\"read\"] }\n\
                  path \"sys/keyreeve/records\" { capabilities = [\"update\"] }";
    broker.must("POST", "sys/policies/acl/syncer", Some(&json!({"policy": policy}))).unwrap();
    let own = broker.must("POST", "auth/token/create", Some(&json!({"policies": ["syncer"]}))).unwrap();
    let own = own["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!(broker.call_as(&own, "GET", "secret/data/o/a", None).unwrap().status, 403);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, &own).unwrap();
    let access = installed(cluster, &namespace, false);
    let flags = ["--namespace", namespace.name(), "--broker-token-file", file.to_str().unwrap()];
    let syncer = Syncer::start(&access, &flags);
    let body = json!({"metadata": {"name": "tok"}, "stringData": {"token": broker.root_token}});
    cluster.must("POST", &namespace.path("secrets"), Some(&body)).unwrap();
    let auth = json!({"tokenSecretRef": {"name": "tok", "key": "token"}});
    create(cluster, &namespace, ("secretstores", "SecretStore"), "vault", &store_spec(&broker.url(), auth));
    for (name, key) in [("a", "o/a"), ("b", "o/b")] {
        create(cluster, &namespace, ("externalsecrets", "ExternalSecret"), name, &wants_spec(key, json!({})));
        wait_condition(cluster, &path(&namespace, "externalsecrets", name), SYNCED);
    }
    let written = |value: &str| {
        broker.must("POST", "secret/data/o/a", Some(&json!({"data": {"value": value}}))).unwrap()
    };
    let mut worst = Duration::ZERO;
    let secret = namespace.path("secrets/a");
    for (value, wanted) in [("2", "Mg=="), ("3", "Mw=="), ("4", "NA=="), ("5", "NQ==")] {
        written(value);
        let start = Instant::now();
        cluster.wait_for(&secret, crate::LIMIT, |it| it.body["data"]["value"] == wanted).unwrap();
        worst = worst.max(start.elapsed());
    }
    println!("a change at the broker is in the Secret after {worst:?} at most, looking every 50 ms");
    assert!(worst < Duration::from_secs(3), "{worst:?}");
    assert!(syncer.metric("keyreeve_syncer_changes_total", "") >= 4.0);
    // Who does not read the path is left alone.
    assert_eq!(syncer.metric("externalsecret_sync_calls_total", "name=\"b\""), 1.0);
    let start = Instant::now();
    let delivered = |version: u64| {
        let found = broker.must("GET", "sys/keyreeve/audit?limit=1000", None).unwrap();
        let items = found["data"]["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .any(|it| is_delivery(it, &namespace.path("").replace("/api/v1/namespaces/", ""), version))
    };
    while !delivered(5) {
        assert!(start.elapsed() < crate::LIMIT, "no delivery record");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a record says that this version was written into the Secret `a` of a namespace (with a slash at its end).
fn is_delivery(record: &Value, namespace: &str, version: u64) -> bool {
    let text = record.to_string();
    record["kind"] == "delivery"
        && text.contains(&format!("Secret {namespace}a"))
        && text.contains(&format!("\"version\":{version}"))
}
