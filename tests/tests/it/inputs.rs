//! Bad input of every kind: a clear error that names the field, line or limit, and the good requests beside it still work.

use harness::http::Request;
use harness::target::{Broker, BrokerOptions, Target};
use serde_json::json;

/// A request that is refused: verb, raw path, body, status, and a text that the answer holds.
type Case<'a> = (&'a str, &'a str, &'a str, u16, &'a str);

fn check(target: &Target, (method, path, body, status, text): Case<'_>) {
    let mut request = Request::new(method, path).token(&target.root_token);
    if !body.is_empty() {
        request = request.raw(body.as_bytes());
    }
    let answer = target.send(&request).unwrap();
    let case = format!("{method} {path} {body:.80}");
    assert_eq!(answer.status, status, "{case}: {}", answer.text());
    assert!(answer.text().contains(text), "{case}: {} does not say {text:?}", answer.text());
    let read = target.call("GET", "secret/data/good", None).unwrap();
    assert_eq!(read.status, 200, "the good one beside {case}");
}

#[test]
fn bad_requests_are_named() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "secret/data/good", Some(&json!({"data": {"v": 1}}))).unwrap();
    let deep = format!("{{\"data\":{}1{}}}", "{\"a\":".repeat(300), "}".repeat(300));
    let deeper = "[".repeat(100_000);
    let long_segment = format!("/v1/secret/data/{}", "a".repeat(2000));
    let long_path = format!("/v1/secret/data/{}a", "aaaaaaaa/".repeat(800));
    let many_parameters = format!(
        "/v1/secret/data/good?{}",
        "a=1&".repeat(3) + &(0..200).map(|n| format!("p{n}=1&")).collect::<String>()
    );
    let cases: Vec<Case<'_>> = vec![
        ("POST", "/v1/secret/data/a", "{bad", 400, "line 1, column 2"),
        ("POST", "/v1/secret/data/a", "{\n \"data\": {\n  \"a\": tru\n}}", 400, "line 3"),
        ("POST", "/v1/secret/data/a", "[1]", 400, "must be a JSON object"),
        ("POST", "/v1/secret/data/a", "{\"data\":{}} x", 400, "remove what follows"),
        ("POST", "/v1/secret/data/a", "{\"data\":{}}{\"data\":{}}", 400, "remove what follows"),
        ("POST", "/v1/secret/data/a", "{\"data\":{\"n\":1e400}}", 400, "number out of range"),
        ("POST", "/v1/secret/data/a", &deep, 400, "nested deeper"),
        ("POST", "/v1/secret/data/a", &deeper, 400, "nested deeper"),
        ("POST", "/v1/secret/data/a", "{\"data\":\"x\"}", 400, "\\\"data\\\""),
        ("POST", "/v1/secret/data/a", "{\"data\":{},\"options\":{\"cas\":\"x\"}}", 400, "check-and-set"),
        ("POST", "/v1/secret/data/a", "{\"data\":{},\"options\":7}", 400, "options"),
        ("POST", "/v1/secret/data/a", "", 400, "no data provided"),
        ("POST", "/v1/secret/metadata/a", "{\"max_versions\":\"many\"}", 400, "max_versions"),
        ("POST", "/v1/secret/delete/a", "{\"versions\":\"x\"}", 400, "versions"),
        ("POST", "/v1/auth/token/create", "{\"ttl\":[]}", 400, "ttl"),
        ("POST", "/v1/sys/mounts/x", "{\"type\":7}", 400, "type"),
        (
            "POST",
            "/v1/sys/keyreeve/records",
            "{\"sender\":\"s\",\"first\":1,\"records\":[{}]}",
            400,
            "records[0]",
        ),
        ("GET", "/v1/secret/data/../good", "", 400, "relative paths are not supported"),
        ("GET", "/v1/secret/data/%2e%2e/good", "", 400, "relative paths are not supported"),
        ("GET", "/v1/secret/data/./good", "", 400, "relative paths are not supported"),
        ("GET", "/v1/secret//data/good", "", 400, "empty"),
        ("GET", "/v1/secret/data/%2fgood", "", 400, "empty"),
        ("GET", "/v1/secret/data/good/", "", 400, "slash"),
        ("POST", "/v1/secret/data/good/", "{}", 400, "cannot write to a path ending in '/'"),
        ("GET", "/v1/secret/data/a%00b", "", 400, "print"),
        ("GET", "/v1/secret/data/a%e2%80%8bb", "", 400, "print"),
        ("GET", "/v1/secret/data/a%ffb", "", 400, "UTF-8"),
        ("GET", "/v1/secret/data/a%zz", "", 400, "%"),
        ("GET", &long_segment, "", 400, "1024"),
        ("GET", &long_path, "", 400, "4096"),
        ("GET", &many_parameters, "", 400, "parameters"),
        ("GET", "/v1/secret/data/good?version=x", "", 400, "version"),
        ("GET", "/v1/nowhere/x", "", 404, "no handler for route"),
        ("GET", "/v1/auth/token/nope", "", 404, "unsupported path"),
        ("GET", "/elsewhere", "", 404, "errors"),
        ("FOO", "/v1/secret/data/good", "", 405, "errors"),
    ];
    for case in cases {
        check(target, case);
    }
}

#[test]
fn an_escaped_slash_separates() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    target.must("POST", "secret/data/a/b", Some(&json!({"data": {"v": 1}}))).unwrap();
    let read = target.must("GET", "secret%2Fdata%2fa%2Fb", None).unwrap();
    assert_eq!(read["data"]["data"]["v"], 1);
    let literal = target.call("GET", "secret/data/a%252Fb", None).unwrap();
    assert_eq!(literal.status, 404, "decoded once only");
}

#[test]
fn sizes_are_bounded() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let body = format!("{{\"data\":{{\"v\":\"{}\"}}}}", "x".repeat(3 << 20));
    let request = Request::new("POST", "/v1/secret/data/a").token(&target.root_token).raw(body.into_bytes());
    let answer = target.send(&request).unwrap();
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.text().contains("--max-body-bytes"), "{}", answer.text());
    let value = json!({"data": {"v": "x".repeat(1_100_000)}});
    let answer = target.call("POST", "secret/data/a", Some(&value)).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("1048576"), "{}", answer.text());
    let header = Request::new("GET", "/v1/secret/data/a").header("X-Long", &"x".repeat(100_000));
    assert!(matches!(target.send(&header).unwrap().status, 400 | 431));
    let token = Request::new("GET", "/v1/secret/data/a").token(&"x".repeat(9000));
    assert_eq!(target.send(&token).unwrap().status, 400);
    assert_eq!(target.call("GET", "sys/health", None).unwrap().status, 200);
}

#[test]
fn digits_survive() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let numbers = "12345678901234567890,1.0,1.10,9007199254740993,1e3,-0,0.1e-7";
    target.must("POST", "sys/mounts/old", Some(&json!({"type": "kv"}))).unwrap();
    for (path, body) in [
        ("secret/data/n", format!("{{\"data\":{{\"n\":[{numbers}]}}}}")),
        ("old/n", format!("{{\"n\":[{numbers}]}}")),
    ] {
        let request =
            Request::new("POST", &format!("/v1/{path}")).token(&target.root_token).raw(body.into_bytes());
        assert!(target.send(&request).unwrap().status < 300);
        let text = target.call("GET", path, None).unwrap().text();
        assert!(text.contains(&format!("[{numbers}]")), "{text}");
    }
    let patch = Request::new("PATCH", "/v1/secret/data/n")
        .token(&target.root_token)
        .header("Content-Type", "application/merge-patch+json")
        .raw(b"{\"data\":{\"m\":2.50}}".to_vec());
    assert_eq!(target.send(&patch).unwrap().status, 200);
    let text = target.call("GET", "secret/data/n", None).unwrap().text();
    assert!(text.contains("2.50") && text.contains(numbers), "{text}");
}

#[test]
fn headers_that_change_the_meaning_are_refused_not_ignored() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    for (name, value, status, text) in [
        ("X-Vault-Namespace", "team", 404, "namespace not found"),
        ("X-Vault-Wrap-TTL", "60s", 400, "wrapping is not supported"),
        ("X-Vault-Inline-Auth-Path", "auth/x", 400, "inline"),
        ("Content-Encoding", "gzip", 415, "Content-Encoding"),
    ] {
        let request = Request::new("GET", "/v1/sys/mounts").token(&target.root_token).header(name, value);
        let answer = target.send(&request).unwrap();
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert!(answer.text().contains(text), "{name}: {}", answer.text());
    }
}

#[test]
fn max_versions_are_bounded() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let answer =
        server.target.call("POST", "secret/metadata/a", Some(&json!({"max_versions": 10_001}))).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("at most 10000"), "{}", answer.text());
    assert_eq!(
        server
            .target
            .call("POST", "secret/metadata/a", Some(&json!({"max_versions": 10_000})))
            .unwrap()
            .status,
        204
    );
}

#[test]
fn renewals_after_the_role_was_removed() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let target = &server.target;
    let role = json!({"allowed_policies": "default", "renewable": true});
    assert_eq!(target.call("POST", "auth/token/roles/gone", Some(&role)).unwrap().status, 204);
    let made = target.must("POST", "auth/token/create/gone", Some(&json!({"ttl": "1h"}))).unwrap();
    let token = json!({"token": made["auth"]["client_token"]});
    assert_eq!(target.call("DELETE", "auth/token/roles/gone", None).unwrap().status, 204);
    let answer = target.call("POST", "auth/token/renew", Some(&token)).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("gone"), "{}", answer.text());
}

#[test]
fn role_fields_that_are_not_enforced_are_refused() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    for (field, value) in [
        ("token_bound_cidrs", json!(["10.0.0.0/8"])),
        ("allowed_entity_aliases", json!(["x"])),
        ("token_type", json!("batch")),
    ] {
        let answer =
            server.target.call("POST", "auth/token/roles/r", Some(&json!({ field: value }))).unwrap();
        assert_eq!(answer.status, 400, "{field}: {}", answer.text());
        assert!(
            answer.text().contains(field) || answer.text().contains("batch"),
            "{field}: {}",
            answer.text()
        );
    }
}
