//! Policies from a folder: a bad one beside good ones, read-only over the API, read again on SIGHUP.

use std::time::{Duration, Instant};

use harness::disk::DiskBroker;
use harness::target::Target;
use serde_json::json;

fn token(target: &Target, policy: &str) -> String {
    let body = json!({"policies": [policy], "no_default_policy": true});
    let made = target.must("POST", "auth/token/create", Some(&body)).unwrap();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

#[test]
fn one_bad_file_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.hcl", "path \"secret/data/*\" { capabilities = [\"read\"] }");
    write("bad.hcl", "path \"secret/data/*\" {\n  capabilities = [\"fly\"]\n}");
    write(
        "later.hcl",
        "path \"secret/data/*\" {\n  capabilities = [\"read\"]\n  allowed_parameters = { \"a\" = [] }\n}",
    );
    write("json.json", "{\"path\":{\"secret/data/*\":{\"capabilities\":[\"read\"]}}}");
    write("notes.txt", "not a policy");
    let broker = DiskBroker::start(&["--policies", folder.path().to_str().unwrap()]).unwrap();
    let target = &broker.target;
    target.must("POST", "secret/data/a", Some(&json!({"data": {"v": 1}}))).unwrap();
    for (policy, status) in [("good", 200), ("json", 200), ("bad", 403), ("later", 403)] {
        let answer = target.call_as(&token(target, policy), "GET", "secret/data/a", None).unwrap();
        assert_eq!(answer.status, status, "{policy}: {}", answer.text());
    }
    let log = broker.log().unwrap();
    assert!(log.contains("bad.hcl") && log.contains("line 2"), "{log}");
    assert!(log.contains("later.hcl") && log.contains("allowed_parameters"), "refused by name: {log}");

    let answer =
        target.call("PUT", "sys/policies/acl/good", Some(&json!({"policy": "path \"x\" {}"}))).unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("good.hcl"), "names the file: {}", answer.text());
    assert_eq!(target.call("DELETE", "sys/policies/acl/good", None).unwrap().status, 400);

    let reader = token(target, "good");
    write("good.hcl", "path \"secret/data/b\" { capabilities = [\"read\"] }");
    let id = rustix::process::Pid::from_raw(i32::try_from(broker.process.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    let start = Instant::now();
    while target.call_as(&reader, "GET", "secret/data/a", None).unwrap().status != 403 {
        assert!(start.elapsed() < Duration::from_secs(10), "SIGHUP was not heard");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn written_policies_and_tokens_outlive_a_restart() {
    let mut broker = DiskBroker::start(&[]).unwrap();
    let text = "path \"secret/data/a\" { capabilities = [\"read\"] }";
    let answer = broker.target.call("PUT", "sys/policies/acl/p", Some(&json!({"policy": text}))).unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
    broker.target.must("POST", "secret/data/a", Some(&json!({"data": {"v": 1}}))).unwrap();
    let reader = token(&broker.target, "p");
    broker.restart().unwrap();
    let target = &broker.target;
    assert_eq!(target.call_as(&reader, "GET", "secret/data/a", None).unwrap().status, 200);
    assert_eq!(target.call_as(&reader, "GET", "secret/data/b", None).unwrap().status, 403);
    let read = target.must("GET", "sys/policies/acl/p", None).unwrap();
    assert_eq!(read["data"]["policy"], text);
}
