//! `kill -9` under writes, again and again: what was acknowledged is there, with exactly one record that names its revision.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::disk::DiskBroker;
use harness::http::Request;
use harness::target::Target;
use serde_json::{Value, json};

/// How often the process is killed; `KILLS` sets another number.
const KILLS: usize = 50;
const WRITERS: usize = 4;

/// What one acknowledged request was answered with.
struct Acknowledged {
    path: String,
    version: u64,
    request_id: String,
    value: String,
}

/// Writes keys of its own until the server is gone; every answer is kept.
fn write_until_gone(target: &Target, writer: usize, round: usize, stop: &AtomicBool) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("crash/{writer}/{round}/{n}");
        let value = format!("{round}-{n}");
        let request = Request::new("POST", &format!("/v1/secret/data/{path}"))
            .token(&target.root_token)
            .json(&json!({"data": {"value": value}}));
        let Ok(answer) = target.send(&request) else { break };
        let Ok(body) = answer.json() else { break };
        if answer.status != 200 {
            break;
        }
        acknowledged.push(Acknowledged {
            path,
            version: body["data"]["version"].as_u64().unwrap(),
            request_id: body["request_id"].as_str().unwrap().to_owned(),
            value,
        });
    }
    acknowledged
}

fn records(target: &Target) -> Vec<Value> {
    let request = Request::new("GET", "/v1/sys/keyreeve/audit")
        .token(&target.root_token)
        .header("Accept", "application/x-ndjson");
    let text = target.send(&request).unwrap().text();
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let trailer = lines.pop().unwrap();
    assert!(trailer["$end"]["seq"].is_u64(), "the export has its trailer: {trailer}");
    lines
}

#[test]
fn killed_under_writes_nothing_acknowledged_is_lost() {
    let kills = std::env::var("KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(KILLS);
    let mut broker = DiskBroker::start(&[]).unwrap();
    let mut all: Vec<Acknowledged> = Vec::new();
    for round in 0..kills {
        let stop = AtomicBool::new(false);
        let target = broker.target.clone();
        std::thread::scope(|scope| {
            let (target, stop) = (&target, &stop);
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| scope.spawn(move || write_until_gone(target, writer, round, stop)))
                .collect();
            // Another moment in each round, so that the kill meets every step of a commit.
            std::thread::sleep(Duration::from_millis(20 + (round as u64 * 7) % 60));
            broker.process.kill().unwrap();
            stop.store(true, Ordering::Relaxed);
            for writer in writers {
                all.extend(writer.join().unwrap());
            }
        });
        broker.launch_again().unwrap();
    }
    assert!(all.len() > kills * 2, "only {} writes were acknowledged", all.len());
    check(&broker.target, &all);
    println!("{kills} kills, {} acknowledged writes, all there", all.len());
}

fn check(target: &Target, all: &[Acknowledged]) {
    let records = records(target);
    let mut by_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record["seq"].as_u64(), Some(at as u64 + 1), "numbers are gapless");
        by_id.entry(record["id"].as_str().unwrap()).or_default().push(record);
    }
    let mut revisions: Vec<u64> = Vec::new();
    for write in all {
        let found = by_id.get(write.request_id.as_str()).map_or(0, Vec::len);
        assert_eq!(found, 1, "records of {} version {}", write.path, write.version);
        let record = by_id[write.request_id.as_str()][0];
        assert_eq!(record["object"]["version"].as_u64(), Some(write.version));
        revisions.push(record["revision"].as_u64().unwrap());
        let path = format!("secret/data/{}?version={}", write.path, write.version);
        let read = target.must("GET", &path, None).unwrap();
        assert_eq!(read["data"]["data"]["value"].as_str(), Some(write.value.as_str()));
    }
    let count = revisions.len();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), count, "each write names a revision of its own");
    // A write that was not acknowledged may be there, but then with its record: keys and records agree.
    let written = records.iter().filter(|r| r["kind"] == "secret.write" && r["reason"] == "ok").count();
    let keys = target.must("SCAN", "secret/metadata/crash", None).unwrap();
    assert_eq!(
        keys["data"]["keys"].as_array().unwrap().len(),
        written,
        "each key has one record, each record a key"
    );
}

/// The root token could not be written: the next start makes it, instead of leaving a store that nobody can open.
#[test]
fn a_first_start_that_was_cut_short_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let serve = |token: &str| {
        let mut command = std::process::Command::new(harness::target::built("keyreeve-broker").unwrap());
        command
            .args(["serve", "--plain-http", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path().join("data"));
        command.arg("--ready-file").arg(dir.path().join("ready"));
        command.arg("--root-token-file").arg(dir.path().join(token));
        command
    };
    let output = serve("nowhere/token").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--root-token-file"), "{output:?}");
    let log = dir.path().join("log");
    for _ in 0..2 {
        let _ = std::fs::remove_file(dir.path().join("ready"));
        let mut broker = harness::process::Process::start("keyreeve-broker", &serve("token"), &log).unwrap();
        broker.wait_until(Duration::from_secs(20), || dir.path().join("ready").exists()).unwrap();
        let url = std::fs::read_to_string(dir.path().join("ready")).unwrap();
        let target = Target {
            addr: url.trim().trim_start_matches("http://").to_owned(),
            root_token: std::fs::read_to_string(dir.path().join("token")).unwrap().trim().to_owned(),
            kind: harness::target::Kind::Broker,
        };
        target.must("GET", "auth/token/lookup-self", None).unwrap();
        target.must("GET", "secret/config", None).unwrap();
        assert!(broker.stop().unwrap().success());
    }
}
