//! The change stream: names and versions, never values, filtered by policy, resumable.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::target::{Broker, BrokerOptions, Target};
use serde_json::{Value, json};

/// An open stream of one token.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(target: &Target, token: &str, parameters: &str) -> Self {
        let mut stream = TcpStream::connect(&target.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            stream,
            "GET /v1/sys/keyreeve/changes{parameters} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\nAccept: text/event-stream\r\n\r\n"
        )
        .unwrap();
        Self(BufReader::new(stream))
    }

    /// The next event's name and data.
    fn next(&mut self) -> (String, Value) {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.trim().to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return (event, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The next change, other events passed over.
    fn change(&mut self) -> Value {
        loop {
            let (event, data) = self.next();
            if event == "change" {
                return data;
            }
        }
    }
}

fn policy(target: &Target, name: &str, text: &str) -> String {
    target
        .must("PUT", &format!("sys/policies/acl/{name}"), Some(&json!({"policy": text})))
        .unwrap_or_default();
    let body = json!({"policies": [name], "no_default_policy": true});
    let made = target.must("POST", "auth/token/create", Some(&body)).unwrap();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn put(target: &Target, path: &str) {
    target
        .must("POST", &format!("secret/data/{path}"), Some(&json!({"data": {"v": "hidden-value"}})))
        .unwrap();
}

#[test]
fn subscribers_see_what_their_policies_let_them_read() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "sys/mounts/old", Some(&json!({"type": "kv"}))).ok();
    let stream = "path \"sys/keyreeve/changes\" { capabilities = [\"read\"] }\n";
    let by_metadata = policy(
        target,
        "m",
        &format!("{stream}path \"secret/metadata/app/*\" {{ capabilities = [\"read\"] }}"),
    );
    let by_data =
        policy(target, "d", &format!("{stream}path \"secret/data/app/*\" {{ capabilities = [\"read\"] }}"));
    let by_list = policy(target, "l", &format!("{stream}path \"old/\" {{ capabilities = [\"list\"] }}"));
    let mut streams: Vec<Stream> =
        [&by_metadata, &by_data, &by_list].map(|token| Stream::open(target, token, "")).into();
    for stream in &mut streams {
        assert_eq!(stream.next().0, "ready");
    }
    put(target, "other/x");
    put(target, "app/db");
    target.must("POST", "old/one", Some(&json!({"v": 1}))).ok();
    for stream in &mut streams[..2] {
        let change = stream.change();
        assert_eq!(
            (&change["path"], &change["version"], &change["action"]),
            (&json!("app/db"), &json!(1), &json!("write"))
        );
        assert!(!change.to_string().contains("hidden-value"));
    }
    let change = streams[2].change();
    assert_eq!((&change["type"], &change["path"]), (&json!("kv1"), &json!("one")));
}

#[test]
fn a_stream_goes_on_after_a_revision() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    put(target, "a");
    let mut first = Stream::open(target, &target.root_token, "?after=0");
    let mut seen = Vec::new();
    while seen.last().is_none_or(|c: &Value| c["path"] != "a") {
        seen.push(first.change());
    }
    let revision = seen.last().unwrap()["revision"].as_u64().unwrap();
    drop(first);
    put(target, "b");
    put(target, "c");
    let mut second = Stream::open(target, &target.root_token, &format!("?after={revision}"));
    assert_eq!(second.change()["path"], "b");
    assert_eq!(second.change()["path"], "c");
    let future = target.call("GET", "sys/keyreeve/changes?after=999999", None).unwrap();
    assert_eq!(future.status, 410, "a revision that never was: {}", future.text());
    assert!(future.text().contains("list again"), "{}", future.text());
    let wrong = target.call("GET", "sys/keyreeve/changes?after=x", None).unwrap();
    assert_eq!(wrong.status, 400);
}

#[test]
fn revocations_and_policies_are_told() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let rules = "path \"sys/keyreeve/changes\" { capabilities = [\"read\"] }";
    let token = policy(target, "s", rules);
    let mut stream = Stream::open(target, &token, "");
    assert_eq!(stream.next().0, "ready");
    let other = policy(target, "t", rules);
    let changed = json!({"policy": format!("{rules}\npath \"x\" {{ capabilities = [\"read\"] }}")});
    target.must("PUT", "sys/policies/acl/s", Some(&changed)).ok();
    assert_eq!(stream.change()["type"], "policy-changed");
    target.must("POST", "auth/token/revoke", Some(&json!({"token": other}))).ok();
    target.must("POST", "auth/token/revoke", Some(&json!({"token": token}))).ok();
    let change = stream.change();
    assert_eq!(change["type"], "token-revoked", "its own, not the other's");
    assert_eq!(stream.next().0, "token-ended", "a stream ends with its token");
    assert_eq!(target.call_as(&token, "GET", "sys/keyreeve/changes", None).unwrap().status, 403);
}

#[test]
fn a_policy_is_in_force_when_its_change_is_told() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let token = policy(target, "p", "path \"secret/data/app\" { capabilities = [\"read\"] }");
    let mut stream = Stream::open(target, &target.root_token, "");
    assert_eq!(stream.next().0, "ready");
    for round in 0..100 {
        let (path, expected) = if round % 2 == 0 { ("other", "deny") } else { ("app", "read") };
        let rules = format!("path \"secret/data/{path}\" {{ capabilities = [\"read\"] }}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                target.must("PUT", "sys/policies/acl/p", Some(&json!({"policy": rules}))).unwrap();
            });
            while stream.change()["type"] != "policy-changed" {}
            let asked = json!({"paths": ["secret/data/app"], "token": token});
            let may = target.must("POST", "sys/capabilities", Some(&asked)).unwrap();
            assert_eq!(may["data"]["secret/data/app"], json!([expected]), "round {round}");
        });
    }
}
