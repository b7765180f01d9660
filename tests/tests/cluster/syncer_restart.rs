//! A restart of our syncer among many objects that are as they should be: nothing is written, little is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::kube::syncer::{self, object, path};
use harness::kube::{Cluster, Namespace, Syncer, SyncerOptions};
use harness::lying::Liar;
use harness::target::{Broker, BrokerOptions, Server};
use serde_json::{Value, json};

/// Service accounts, each with a store and a login of its own.
const IDENTITIES: usize = 4;

/// What the syncer may write to besides Leases; counted by the API server itself.
const WRITTEN: [&str; 6] =
    ["externalsecrets", "secretstores", "clustersecretstores", "secrets", "events", "configmaps"];

/// How many objects on how many paths.
const SIZE: (usize, usize) = (1000, 50);

/// A broker at which the service accounts `app-0`… of a namespace log in.
fn broker(cluster: &Cluster, namespace: &Namespace, paths: usize) -> Server {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let policy = "path \"secret/data/n/*\" { capabilities = [\"read\"] }";
    let config = json!({
        "kubernetes_host": cluster.url(), "kubernetes_ca_cert": std::fs::read_to_string(cluster.ca()).unwrap(),
        "token_reviewer_jwt": cluster.token(),
    });
    let role = json!({
        "bound_service_account_names": "*", "bound_service_account_namespaces": namespace.name(),
        "audience": "keyreeve", "token_policies": ["n"],
    });
    let mut requests = vec![
        ("sys/policies/acl/n".to_owned(), json!({"policy": policy})),
        ("sys/auth/kubernetes".to_owned(), json!({"type": "kubernetes"})),
        ("auth/kubernetes/config".to_owned(), config),
        ("auth/kubernetes/role/r".to_owned(), role),
    ];
    let value = |at: usize| (format!("secret/data/n/{at}"), json!({"data": {"value": format!("v{at}")}}));
    requests.extend((0..paths).map(value));
    for (path, body) in requests {
        let answer = server.call("POST", &path, Some(&body)).unwrap();
        assert!(answer.status < 300, "{path}: {}", answer.text());
    }
    server
}

fn create_all(cluster: &Cluster, namespace: &Namespace, server: &str) {
    for identity in 0..IDENTITIES {
        let name = format!("app-{identity}");
        namespace.service_account(&name).unwrap();
        let account = json!({"name": name, "audiences": ["keyreeve"]});
        let spec = json!({"provider": {"vault": {
            "server": server, "path": "secret", "version": "v2",
            "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "r", "serviceAccountRef": account}},
        }}});
        let body = object("SecretStore", &name, &spec);
        cluster.must("POST", &path(namespace.name(), "secretstores"), Some(&body)).unwrap();
    }
    let (objects, paths) = SIZE;
    let list: Vec<Value> = (0..objects)
        .map(|at| {
            let key = at % paths;
            let spec = json!({
                "refreshInterval": "1h",
                "secretStoreRef": {"name": format!("app-{}", key % IDENTITIES), "kind": "SecretStore"},
                "data": [{"secretKey": "value", "remoteRef": {"key": format!("n/{key}"), "property": "value"}}],
            });
            object("ExternalSecret", &format!("es-{at}"), &spec)
        })
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": list});
    let arguments = ["--namespace", namespace.name(), "create", "-f", "-"];
    cluster.kubectl_with(&arguments, &list.to_string()).unwrap();
}

/// Name and resource version of everything of the syncer's in a namespace.
fn versions(cluster: &Cluster, namespace: &Namespace) -> BTreeMap<String, String> {
    let ours = |plural: &str| path(namespace.name(), plural);
    let core = |plural: &str| namespace.path(plural);
    let mut all = BTreeMap::new();
    for list in [ours("externalsecrets"), ours("secretstores"), core("secrets"), core("events")] {
        for item in cluster.get_json(&list).unwrap()["items"].as_array().unwrap() {
            let text = |field: &str| item["metadata"][field].as_str().unwrap().to_owned();
            all.insert(format!("{list}/{}", text("name")), text("resourceVersion"));
        }
    }
    all
}

/// Requests that write, as the API server has counted them, by resource; and requests for tokens.
fn writes(cluster: &Cluster) -> (BTreeMap<String, u64>, u64) {
    let page = cluster.api("GET", "/metrics", None).unwrap().body;
    let (mut found, mut tokens) = (BTreeMap::new(), 0);
    for line in page.as_str().unwrap().lines().filter(|line| line.starts_with("apiserver_request_total{")) {
        let label = |name: &str| line.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        let count = line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64;
        let writes = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"].contains(&label("verb"));
        if writes && label("resource") == "serviceaccounts" && label("subresource") == "token" {
            tokens += count;
        } else if writes && WRITTEN.contains(&label("resource")) {
            *found.entry(label("resource").to_owned()).or_default() += count;
        }
    }
    (found, tokens)
}

/// Waits until the syncer has served every object at least once and nothing waits.
fn wait_idle(syncer: &Syncer, objects: usize) {
    let start = Instant::now();
    loop {
        let page = syncer.metrics().unwrap();
        let sum = |name: &str| -> f64 {
            let lines =
                page.lines().filter(|line| line.starts_with(name) && line.contains("=\"externalsecret\""));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
        };
        if sum("controller_runtime_reconcile_total{") >= objects as f64 && sum("workqueue_depth{") == 0.0 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "not idle: {page}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_restart_writes_nothing_and_reads_little() {
    let (objects, paths) = SIZE;
    // A cluster of its own, so that the API server counts nobody else's requests.
    let cluster = Cluster::start().unwrap();
    syncer::apply_definitions(&cluster).unwrap();
    let namespace = cluster.namespace().unwrap();
    let server = broker(&cluster, &namespace, paths);
    let liar = Liar::start(&server.addr).unwrap();
    create_all(&cluster, &namespace, &liar.url());
    let lease = ["--leader-elect", "--leader-election-namespace", namespace.name()];
    let options = SyncerOptions {
        namespace: Some(namespace.name().into()),
        arguments: lease.iter().map(|it| (*it).to_owned()).collect(),
    };
    let mut first = Syncer::start(&cluster, &options).unwrap();
    let ready = |page: &Value| page["items"].as_array().is_some_and(|all| all.len() == objects + IDENTITIES);
    let managed = namespace.path("secrets");
    wait_idle(&first, objects);
    cluster
        .wait_for(&managed, Duration::from_secs(120), |answer| {
            let all = answer.body["items"].as_array().map_or(0, Vec::len);
            all >= objects || ready(&answer.body)
        })
        .unwrap();
    let logins = |liar: &Liar| liar.asked().iter().filter(|(_, path)| path.ends_with("/login")).count();
    let reads = |liar: &Liar| liar.asked().iter().filter(|(_, path)| path.contains("/secret/data/")).count();
    println!("{objects} objects, {paths} paths: {} reads, {} logins at first", reads(&liar), logins(&liar));
    assert_eq!(logins(&liar), IDENTITIES);
    assert!(first.process.stop().unwrap().success());

    let (before, counted) = (versions(&cluster, &namespace), writes(&cluster));
    liar.forget();
    let second = Syncer::start(&cluster, &options).unwrap();
    wait_idle(&second, objects);
    // Whatever comes late, comes within this.
    std::thread::sleep(Duration::from_secs(3));
    let (after, count) = (versions(&cluster, &namespace), writes(&cluster));
    println!(
        "after the restart: {} reads, {} logins, {} tokens",
        reads(&liar),
        logins(&liar),
        count.1 - counted.1
    );
    assert_eq!(before, after);
    assert_eq!(counted.0, count.0, "writes");
    assert_eq!(logins(&liar), IDENTITIES, "{:?}", liar.asked());
    assert_eq!(count.1 - counted.1, IDENTITIES as u64, "requests for tokens");
    assert!(reads(&liar) <= paths, "{:?}", liar.asked());
    let lease = namespace_lease(&cluster, &namespace);
    assert!(lease["spec"]["leaseTransitions"].as_u64().unwrap_or_default() >= 1, "{lease}");
}

fn namespace_lease(cluster: &Cluster, namespace: &Namespace) -> Value {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", namespace.name());
    cluster.get_json(&path).unwrap()["items"][0].clone()
}
