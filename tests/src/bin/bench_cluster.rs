//! `make bench`, second part: the first sync of 1,000 ExternalSecrets beside a bare generator of the same writes, and the time
//! from a change at the broker to the Secret. The report goes behind the first part's in `tests/bench/RESULTS.md`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::bench::apiserver::Connection;
use harness::bench::measure::{load_average, resident_bytes};
use harness::bench::write_section;
use harness::kube::syncer::{Syncer, SyncerOptions, apply_definitions, namespace, path, store_spec};
use harness::kube::{Access, Cluster};
use harness::target::{Broker, BrokerOptions, Server};
use serde_json::{Value, json};

const OBJECTS: usize = 1000;
const PATHS: usize = 50;
const CONNECTIONS: usize = 16;
const CHANGES: usize = 200;
const LIMIT: Duration = Duration::from_secs(180);

/// Does `work` for each object from several connections; gives the time it took.
fn each(access: &Access, work: impl Fn(&mut Connection, usize) -> Result<()> + Sync) -> Result<Duration> {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut connection = Connection::open(access)?;
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= OBJECTS {
                            return Ok(());
                        }
                        work(&mut connection, n)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|w| w.join().map_err(|_| anyhow::anyhow!("a worker panicked"))?)
    })?;
    Ok(start.elapsed())
}

/// One object on a path that no other reads, so that its change is measured and not the queue of its neighbours.
fn alone() -> Value {
    let mut object = external_secret(0);
    object["metadata"]["name"] = "alone".into();
    object["spec"]["data"][0]["remoteRef"]["key"] = "bench/alone".into();
    object
}

fn external_secret(n: usize) -> Value {
    json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": format!("e{n}")},
        "spec": {"refreshInterval": "1h", "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
            "data": [{"secretKey": "value", "remoteRef": {"key": format!("bench/{}", n % PATHS), "property": "value"}}]}})
}

/// The writes that a first sync needs, without any of its thoughts: finalizer, Secret, status, event.
fn bare_writes(connection: &mut Connection, space: &str, n: usize) -> Result<()> {
    let object = path(space, &format!("externalsecrets/e{n}"));
    connection.send("PATCH", &object, r#"{"metadata":{"finalizers":["example.com/bench"]}}"#)?;
    let secret = json!({"metadata": {"name": format!("e{n}"), "labels": {"a": "b".repeat(56)}}, "data": {"value": "dmFsdWU="}});
    connection.send("POST", &format!("/api/v1/namespaces/{space}/secrets"), &secret.to_string())?;
    let status = json!({"status": {"refreshTime": "2026-01-01T00:00:00Z", "syncedResourceVersion": "1-".to_owned() + &"c".repeat(56),
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    connection.send("PATCH", &format!("{object}/status"), &status.to_string())?;
    let event = json!({"metadata": {"name": format!("e{n}.1")}, "involvedObject": {"kind": "ExternalSecret", "namespace": space, "name": format!("e{n}")},
        "type": "Normal", "reason": "Created", "message": "secret created", "source": {"component": "bench"}});
    connection.send("POST", &format!("/api/v1/namespaces/{space}/events"), &event.to_string())?;
    Ok(())
}

fn metric(text: &str, name: &str, label: &str) -> f64 {
    let lines = text.lines().filter(|l| l.starts_with(name) && l.contains(label));
    lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Time from the broker's answer to the Secret with the new value.
fn propagation(access: &Access, broker: &Server, space: &str) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(access)?;
    let secret = format!("/api/v1/namespaces/{space}/secrets/alone");
    let mut times = Vec::new();
    for n in 0..CHANGES {
        let value = format!("changed-{n}");
        broker.must("POST", "secret/data/bench/alone", Some(&json!({"data": {"value": value}})))?;
        let start = Instant::now();
        let wanted = base64(&value);
        while connection.send("GET", &secret, "")?["data"]["value"] != wanted.as_str() {
            ensure!(start.elapsed() < Duration::from_secs(20), "change {n} did not arrive");
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn prepare(cluster: &Cluster, broker: &Server) -> Result<tempfile::NamedTempFile> {
    apply_definitions(cluster)?;
    for space in ["ours", "bare"] {
        // Kept until the cluster ends.
        std::mem::forget(namespace(cluster, space)?);
        each(cluster, |connection, n| {
            connection
                .send("POST", &path(space, "externalsecrets"), &external_secret(n).to_string())
                .map(drop)
        })?;
    }
    for n in 0..PATHS {
        broker.must("POST", &format!("secret/data/bench/{n}"), Some(&json!({"data": {"value": "first"}})))?;
    }
    broker.must("POST", "secret/data/bench/alone", Some(&json!({"data": {"value": "first"}})))?;
    cluster.must("POST", &path("ours", "externalsecrets"), Some(&alone()))?;
    let token = json!({"metadata": {"name": "tok"}, "stringData": {"token": broker.root_token}});
    cluster.must("POST", "/api/v1/namespaces/ours/secrets", Some(&token))?;
    let rules = "path \"secret/metadata/*\" { capabilities = [\"read\"] }\npath \"sys/keyreeve/changes\" { capabilities = [\"read\"] }\npath \"sys/keyreeve/records\" { capabilities = [\"update\"] }";
    broker.must("PUT", "sys/policies/acl/syncer", Some(&json!({"policy": rules})))?;
    let made = broker.must("POST", "auth/token/create", Some(&json!({"policies": ["syncer"]})))?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), made["auth"]["client_token"].as_str().unwrap_or_default())?;
    let store = json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "vault"},
        "spec": store_spec(&broker.url(), "tok")});
    cluster.must("POST", &path("ours", "secretstores"), Some(&store))?;
    Ok(file)
}

fn main() -> Result<()> {
    let cluster = Cluster::start()?;
    let broker = Broker::start(&BrokerOptions::default())?;
    let token = prepare(&cluster, &broker)?;
    let load = load_average();
    let bare = each(&cluster, |connection, n| bare_writes(connection, "bare", n))?;
    let start = Instant::now();
    let token_file = token.path().display().to_string();
    let concurrency = CONNECTIONS.to_string();
    let arguments =
        ["--concurrency", &concurrency, "--broker-token-file", &token_file].map(str::to_owned).to_vec();
    let syncer = Syncer::start(&cluster, &SyncerOptions { namespace: Some("ours".to_owned()), arguments })?;
    while metric(&syncer.metrics()?, "externalsecret_status_condition{condition=\"Ready\"", "status=\"True\"")
        <= OBJECTS as f64
    {
        ensure!(start.elapsed() < LIMIT, "not all objects became ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ours = start.elapsed();
    let requests = metric(&syncer.metrics()?, "rest_client_requests_total", "") / OBJECTS as f64;
    let memory = resident_bytes(syncer.process.id())? as f64 / 1e6;
    let times = propagation(&cluster, &broker, "ours")?;
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let share = bare.as_secs_f64() / ours.as_secs_f64() * 100.0;
    let verdict = |reached: bool| if reached { "reached" } else { "falls short" };
    let mut report = String::new();
    writeln!(
        report,
        "* 1,000 ExternalSecrets on 50 paths, {CONNECTIONS} at a time; load average before: {load}; the API server runs on the same processors"
    )?;
    writeln!(
        report,
        "* first sync: {:.1} s, its start included; a bare generator of the same writes: {:.1} s: {share:.0} % of its rate (goal ≥ 80 %: {})",
        ours.as_secs_f64(),
        bare.as_secs_f64(),
        verdict(share >= 80.0)
    )?;
    writeln!(report, "* requests to the API server for each object: {requests:.2}")?;
    writeln!(
        report,
        "* resident memory with 1,000 objects: {memory:.0} MB (goal ≤ 20 MB: {})",
        verdict(memory <= 20.0)
    )?;
    writeln!(
        report,
        "* from the broker's answer to the changed Secret, {CHANGES} changes of a path that one object reads: p50 {:.1} ms, p99 {:.1} ms (goals ≤ 20 and ≤ 200 ms: {})",
        at(50),
        at(99),
        verdict(at(50) <= 20.0 && at(99) <= 200.0)
    )?;
    write_section("The syncer on a real API server", &report)?;
    println!("{report}");
    Ok(())
}
