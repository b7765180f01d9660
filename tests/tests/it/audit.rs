//! The audit log over HTTP: query, filters and cursor, export with a trailer, live tail, its schema, and its policy.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::http::{Request, Response};
use harness::target::{Broker, BrokerOptions, Target};
use serde_json::{Value, json};

fn query(target: &Target, parameters: &str) -> Value {
    target.must("GET", &format!("sys/keyreeve/audit?{parameters}"), None).unwrap()["data"].clone()
}

/// Reads an event stream until `enough` says so; gives the text read.
fn read_stream(
    target: &Target,
    path: &str,
    last_event_id: Option<u64>,
    enough: impl Fn(&str) -> bool,
) -> String {
    let mut stream = TcpStream::connect(&target.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let resume = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    write!(
        stream,
        "GET /v1/{path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nAccept: text/event-stream\r\n{resume}\r\n",
        target.root_token
    )
    .unwrap();
    let mut text = String::new();
    let mut reader = BufReader::new(stream);
    while !enough(&text) {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the stream ended early: {text}");
        text.push_str(&line);
    }
    text
}

#[test]
fn every_request_can_be_found() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "secret/data/app/db", Some(&json!({"data": {"user": "u", "pw": "p"}}))).unwrap();
    let read = Request::new("GET", "/v1/secret/data/app/db")
        .token(&target.root_token)
        .header("X-Keyreeve-Via", "ExternalSecret app/db")
        .header("User-Agent", "tester/1");
    let answer = target.send(&read).unwrap().json().unwrap();
    target.call_as("wrong", "GET", "secret/data/app/db", None).unwrap();

    let found = query(target, "path=secret/data/app&kind=secret.read&result=allow");
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{found}");
    let record = &items[0];
    assert_eq!(record["id"], answer["request_id"], "the answer names its record");
    assert_eq!(record["via"], "ExternalSecret app/db");
    assert_eq!(record["object"]["keys"], json!(["pw", "user"]));
    assert_eq!(record["object"]["version"], 1);
    assert_eq!(record["source"]["agent"], "tester/1");
    assert!(record["object"]["value_hmac"].as_str().unwrap().starts_with("hmac:"));
    let written = query(target, "kind=secret.write&mount=secret");
    assert_eq!(written["items"][0]["object"]["value_hmac"], record["object"]["value_hmac"], "the same value");
    let denied = query(target, "reason=bad-token");
    assert_eq!(denied["items"][0]["status"], 403);
    assert!(denied["items"][0].get("actor").is_none());

    let misspelt = target.call("GET", "sys/keyreeve/audit?knid=secret.read", None).unwrap();
    assert_eq!(misspelt.status, 400);
    assert!(misspelt.text().contains("knid"), "{}", misspelt.text());
}

#[test]
fn pages_join_without_gap_and_the_tree_counts_them() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    for n in 0..25 {
        target.must("POST", &format!("secret/data/p/{n}"), Some(&json!({"data": {}}))).unwrap();
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = query(target, &format!("limit=7&after={after}"));
        seen.extend(page["items"].as_array().unwrap().iter().map(|r| r["seq"].as_u64().unwrap()));
        after = page["next_cursor"].as_u64().unwrap();
        if seen.len() >= 25 {
            break;
        }
        assert_eq!(page["has_more"], true);
    }
    let expected: Vec<u64> = (1..=seen.len() as u64).collect();
    assert_eq!(seen, expected);
    let tree = target.must("GET", "sys/keyreeve/audit/tree", None).unwrap()["data"].clone();
    assert!(tree["size"].as_u64().unwrap() >= seen.len() as u64);
    assert_eq!(tree["root"].as_str().unwrap().len(), 64);
}

#[test]
fn an_export_ends_with_its_trailer() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    for n in 0..10 {
        target.must("POST", &format!("secret/data/p/{n}"), Some(&json!({"data": {}}))).unwrap();
    }
    let request = Request::new("GET", "/v1/sys/keyreeve/audit?kind=secret.write")
        .token(&target.root_token)
        .header("Accept", "application/x-ndjson");
    let answer: Response = target.send(&request).unwrap();
    let lines: Vec<Value> = answer.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 11, "ten writes and the trailer");
    assert!(lines[10]["$end"]["size"].is_u64());
    assert!(lines[..10].iter().all(|r| r["kind"] == "secret.write"));
}

#[test]
fn a_tail_goes_on_where_it_was_cut() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "secret/data/one", Some(&json!({"data": {}}))).unwrap();
    let all = |text: &str| text.matches("event: record").count() >= 3;
    let first = read_stream(target, "sys/keyreeve/audit?after=0", None, |t| all(t) && t.ends_with("\n\n"));
    let ids: Vec<u64> = first.lines().filter_map(|l| l.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids[..3], [1, 2, 3]);
    let resumed = read_stream(target, "sys/keyreeve/audit", Some(2), |t| t.contains("data: "));
    assert!(resumed.contains("id: 3\n"), "{resumed}");
    assert!(!resumed.contains("id: 2\n"), "{resumed}");
    let live = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            read_stream(target, "sys/keyreeve/audit?path=secret/data/live", None, |t| t.contains("data: "))
        });
        std::thread::sleep(Duration::from_millis(200));
        target.must("POST", "secret/data/live", Some(&json!({"data": {}}))).unwrap();
        reader.join().unwrap()
    });
    assert!(live.contains("secret/data/live"), "{live}");
}

#[test]
fn the_log_is_itself_governed_by_policy() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let policy = json!({"policy": "path \"sys/keyreeve/audit\" { capabilities = [\"read\"] }"});
    target.must("PUT", "sys/policies/acl/auditor", Some(&policy)).unwrap();
    let token = |policies: Value| {
        let made = target.must("POST", "auth/token/create", Some(&json!({"policies": policies}))).unwrap();
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    for (policies, status) in [(json!(["auditor"]), 200), (json!(["default"]), 403)] {
        let answer = target.call_as(&token(policies), "GET", "sys/keyreeve/audit", None).unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let seen = query(target, "kind=audit.read");
    assert!(seen["items"].as_array().unwrap().len() >= 2, "reading the log is in the log");
}

/// A validator of the parts of JSON Schema that ours uses.
fn check(schema: &Value, value: &Value, place: &str) {
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{place}");
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value} is not in the list");
    }
    match schema["type"].as_str() {
        Some("object") => {
            let object = value.as_object().unwrap_or_else(|| panic!("{place} is no object"));
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(object.contains_key(name.as_str().unwrap()), "{place} lacks {name}");
            }
            for (name, value) in object {
                let schema = schema["properties"]
                    .get(name)
                    .unwrap_or_else(|| panic!("{place}.{name} is not in the schema"));
                check(schema, value, &format!("{place}.{name}"));
            }
        }
        Some("array") => {
            for item in value.as_array().unwrap_or_else(|| panic!("{place} is no list")) {
                check(&schema["items"], item, place);
            }
        }
        Some("string") => assert!(value.is_string(), "{place}: {value}"),
        Some("integer") => assert!(value.is_u64(), "{place}: {value}"),
        _ => {}
    }
}

#[test]
fn records_follow_the_published_schema() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "secret/data/a", Some(&json!({"data": {"x": 1}}))).unwrap();
    target.must("GET", "secret/data/a", None).unwrap();
    target.must("DELETE", "secret/data/a", None).ok();
    target.call("LIST", "secret/metadata", None).unwrap();
    target.call("GET", "secret/data/../a", None).unwrap();
    target.call_as("wrong", "GET", "sys/mounts", None).unwrap();
    let batch = json!({"sender": "s", "first": 5, "records": [
        {"kind": "delivery", "object": "ExternalSecret a/b", "target": "Secret a/b", "path": "secret/data/a", "version": 1},
        {"kind": "file.open", "object": "Pod a/web", "target": "db/password", "path": "secret/data/a"}]});
    assert_eq!(target.call("POST", "sys/keyreeve/records", Some(&batch)).unwrap().status, 204);
    let gap = json!({"sender": "s", "first": 9, "records": [
        {"kind": "delivery", "object": "ExternalSecret a/b", "target": "Secret a/b", "path": "secret/data/a", "version": 2}]});
    assert_eq!(target.call("POST", "sys/keyreeve/records", Some(&gap)).unwrap().status, 204);
    let again = target.call("POST", "sys/keyreeve/records", Some(&gap)).unwrap();
    assert_eq!(again.status, 400, "a batch is taken once: {}", again.text());

    let text = target.call("GET", "sys/keyreeve/audit/schema", None).unwrap().text();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let records = query(target, "limit=1000");
    let items = records["items"].as_array().unwrap();
    for record in items {
        check(&schema, record, "record");
    }
    let kinds: Vec<&str> = items.iter().filter_map(|r| r["kind"].as_str()).collect();
    for kind in ["secret.write", "secret.read", "secret.list", "delivery", "file.open", "gap"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    let gap = items.iter().find(|r| r["kind"] == "gap" && r["report"]["missing"][0] == 7).unwrap();
    assert_eq!(gap["report"]["missing"], json!([7, 8]));
    let delivery = items.iter().find(|r| r["kind"] == "delivery").unwrap();
    assert_eq!(
        delivery["actor"]["accessor"],
        records["items"][items.len() - 1]["actor"]["accessor"],
        "stamped"
    );
}
