//! Logins of service accounts, against an API server of this test that answers token reviews as each case wants it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::disk::DiskBroker;
use harness::http::{Request, Response};
use harness::target::{Broker, BrokerOptions, Server, Target};
use serde_json::{Value, json};

/// What stands in every JWT of this test, so that it can be looked for.
const CANARY: &str = "canary-5d1e08b4";

/// What the API server does with a request.
#[derive(Clone, Debug)]
enum Behaviour {
    /// This status and body.
    Answer(u16, String),
    /// A redirect to another address.
    Redirect(String),
    /// Nothing, for so long.
    Hang(Duration),
    /// The connection is closed.
    Close,
}

/// A request that the API server got: its bearer token and body.
#[derive(Clone, Debug)]
struct Asked {
    bearer: String,
    body: Value,
}

/// An API server that reviews tokens.
struct ApiServer {
    url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl ApiServer {
    fn start() -> ApiServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behaviour = Arc::new(Mutex::new(Behaviour::Close));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, log) = (Arc::clone(&behaviour), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, log) = (Arc::clone(&shared), Arc::clone(&log));
                std::thread::spawn(move || serve(&stream.unwrap(), &shared, &log));
            }
        });
        ApiServer { url, behaviour, asked }
    }

    fn will(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
        self.asked.lock().unwrap().clear();
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, behaviour: &Mutex<Behaviour>, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let lines = head.iter().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.to_owned())
            .next()
            .unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    log.lock().unwrap().push(Asked { bearer: header("authorization").replacen("Bearer ", "", 1), body });
    let now = behaviour.lock().unwrap().clone();
    let mut out = stream;
    let (status, more, body) = match now {
        Behaviour::Close => return,
        Behaviour::Hang(time) => return std::thread::sleep(time),
        Behaviour::Redirect(to) => (307, format!("Location: {to}\r\n"), String::new()),
        Behaviour::Answer(status, body) => (status, String::new(), body),
    };
    let length = body.len();
    // A client that has heard enough closes first.
    let _ = write!(
        out,
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n{body}"
    );
}

/// A review that lets `app/web` in, changed at a JSON pointer.
fn review(pointer: &str, value: Value) -> Behaviour {
    let mut review = json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "spec": {"token": "echoed"},
        "status": {
            "authenticated": true, "audiences": ["keyreeve"],
            "user": {"username": "system:serviceaccount:app:web", "uid": "uid-1", "groups": ["system:authenticated"]},
        },
    });
    *review.pointer_mut(pointer).unwrap() = value;
    Behaviour::Answer(201, review.to_string())
}

fn good() -> Behaviour {
    review("/status/authenticated", json!(true))
}

/// A JWT of `app/web` for the audience `keyreeve`, another one each time `id` is another.
fn jwt(id: &str) -> String {
    jwt_of(&json!({
        "iss": "https://cluster", "aud": ["keyreeve"], "sub": "system:serviceaccount:app:web", "exp": 4_000_000_000_u64,
        "jti": format!("{CANARY}-{id}"),
        "kubernetes.io": {"namespace": "app", "serviceaccount": {"name": "web", "uid": "uid-1"}},
    }))
}

fn jwt_of(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part(&claims.to_string()), part(CANARY))
}

fn login(target: &Target, role: &str, jwt: &str) -> Response {
    let request = Request::new("POST", "/v1/auth/kubernetes/login").json(&json!({"role": role, "jwt": jwt}));
    target.send(&request).unwrap()
}

/// Enables the method and lets `app/web` in by the role `r`.
fn set_up(target: &Target, api: &ApiServer) {
    let role = json!({
        "bound_service_account_names": "web", "bound_service_account_namespaces": "app", "audience": "keyreeve",
        "token_policies": "readers", "token_ttl": "1h",
    });
    let config = json!({"kubernetes_host": api.url, "token_reviewer_jwt": format!("{CANARY}.reviewer.x")});
    for (path, body) in [
        ("sys/auth/kubernetes", json!({"type": "kubernetes"})),
        ("auth/kubernetes/config", config),
        ("auth/kubernetes/role/r", role),
    ] {
        target.must("POST", path, Some(&body)).unwrap();
    }
}

fn start() -> (Server, ApiServer) {
    let (server, api) = (Broker::start(&BrokerOptions::default()).unwrap(), ApiServer::start());
    set_up(&server, &api);
    (server, api)
}

/// The newest record of a login.
fn record(target: &Target) -> Value {
    let found = target.must("GET", "sys/keyreeve/audit?kind=login&limit=1000", None).unwrap();
    found["data"]["items"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn a_confirmed_account_gets_its_token() {
    let (server, api) = start();
    api.will(good());
    let response = login(&server, "r", &jwt("one"));
    assert_eq!(response.status, 200, "{}", response.text());
    let auth = response.json().unwrap()["auth"].take();
    let metadata = json!({
        "role": "r", "service_account_name": "web", "service_account_namespace": "app", "service_account_uid": "uid-1",
    });
    assert_eq!((&auth["policies"], &auth["metadata"]), (&json!(["default", "readers"]), &metadata));
    assert_eq!(
        (&auth["lease_duration"], &auth["renewable"], &auth["orphan"]),
        (&json!(3600), &json!(true), &json!(true))
    );
    let asked = api.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].bearer, format!("{CANARY}.reviewer.x"));
    assert_eq!(asked[0].body["spec"], json!({"audiences": ["keyreeve"], "token": jwt("one")}));

    let record = record(&server);
    assert_eq!((&record["result"], &record["reason"]), (&json!("allow"), &json!("ok")));
    assert_eq!(record["object"]["mount"], "auth/kubernetes");
    let actor = &record["actor"];
    let expected = json!({
        "name": "kubernetes-app-web", "accessor": auth["accessor"], "token": actor["token"], "policies": auth["policies"],
        "mount": "kubernetes", "subject": "uid-1", "issuer": "https://cluster", "namespace": "app",
        "service_account": "web", "uid": "uid-1",
    });
    assert_eq!(*actor, expected);
    let rule = "allowed: role \"r\" of auth/kubernetes/: the API server confirmed app/web";
    assert_eq!(record["policy"]["rule"], rule);

    let token = auth["client_token"].as_str().unwrap();
    let own =
        server.call_as(token, "GET", "auth/token/lookup-self", None).unwrap().json().unwrap()["data"].take();
    assert_eq!(
        (&own["display_name"], &own["path"]),
        (&json!("kubernetes-app-web"), &json!("auth/kubernetes/login"))
    );
    // A second login of the same token within seconds is not asked about again; another token is.
    assert_eq!(login(&server, "r", &jwt("one")).status, 200);
    assert_eq!(api.asked().len(), 1);
    assert_eq!(login(&server, "r", &jwt("two")).status, 200);
    assert_eq!(api.asked().len(), 2);
    // What is kept counts for this role only, and not once the settings are others.
    let role = json!({"bound_service_account_names": "web", "bound_service_account_namespaces": "app", "audience": "keyreeve"});
    server.must("POST", "auth/kubernetes/role/s", Some(&role)).unwrap();
    api.will(review("/status/authenticated", json!(false)));
    assert_eq!(login(&server, "s", &jwt("one")).status, 403);
    let elsewhere = ApiServer::start();
    let config = json!({"kubernetes_host": elsewhere.url});
    server.must("POST", "auth/kubernetes/config", Some(&config)).unwrap();
    assert_eq!(login(&server, "r", &jwt("one")).status, 403);
    assert_eq!(elsewhere.asked()[0].bearer, jwt("one"), "without a reviewer's token the caller's own asks");
}

/// A login while the API server behaves so: refused with nothing said, and recorded with this reason and sentence.
fn check(server: &Target, api: &ApiServer, behaviour: Behaviour, expected: (&str, &str)) {
    let case = format!("{behaviour:?}");
    api.will(behaviour);
    let response = login(server, "r", &jwt("refused"));
    assert_eq!(
        (response.status, response.json().unwrap()),
        (403, json!({"errors": ["permission denied"]})),
        "{case}"
    );
    let record = record(server);
    let rule = record["policy"]["rule"].as_str().unwrap();
    assert!(
        rule.starts_with("denied: role \"r\" of auth/kubernetes/: ") && rule.contains(expected.1),
        "{case}: {rule}"
    );
    assert_eq!(record["reason"], expected.0, "{case}");
    assert!(record.get("actor").is_none() && !record.to_string().contains(CANARY), "{case}: {record}");
    assert_eq!(api.asked().len(), 1, "{case}");
}

#[test]
fn whatever_the_api_server_does_not_confirm_is_refused() {
    let (server, api) = start();
    let (refused, failed) = ("login-refused", "review-failed");
    let name = |name: &str| review("/status/user/username", json!(name));
    let html = "<html>gateway</html>".to_owned();
    let status = json!({"kind": "Status", "status": "Failure", "code": 403}).to_string();
    let redirect = Behaviour::Redirect(format!("{}/apis/authentication.k8s.io/v1/tokenreviews", api.url));
    let cases = [
        (review("/status/authenticated", json!(false)), (refused, "does not confirm the token")),
        (review("/status", json!({"error": "expired"})), (refused, "does not confirm the token")),
        (review("/status/audiences", json!(["other"])), (refused, "does not confirm the role's audience")),
        (review("/status/audiences", Value::Null), (refused, "does not confirm the role's audience")),
        (name("system:serviceaccount:app:other"), (refused, "another service account than the JWT")),
        (name("system:serviceaccount:other:web"), (refused, "another service account than the JWT")),
        (name("system:serviceaccount:app:web:x"), (refused, "no service account")),
        (name("admin"), (refused, "no service account")),
        (review("/status/user/uid", json!("uid-2")), (refused, "another service account than the JWT")),
        (review("/status/user/uid", json!("")), (refused, "names no UID")),
        (Behaviour::Answer(500, "{}".to_owned()), (failed, "answered with status 500")),
        (Behaviour::Answer(401, status.clone()), (failed, "answered with status 401")),
        (Behaviour::Answer(403, status), (failed, "answered with status 403")),
        (Behaviour::Answer(200, html), (failed, "no TokenReview")),
        (Behaviour::Answer(201, String::new()), (failed, "no TokenReview")),
        (Behaviour::Answer(201, " ".repeat(2 << 20)), (failed, "larger than 1048576 bytes")),
        (redirect, (failed, "answered with status 307")),
        (Behaviour::Close, (failed, "cannot be asked")),
    ];
    for (behaviour, expected) in cases {
        check(&server, &api, behaviour, expected);
    }
    let start = Instant::now();
    check(
        &server,
        &api,
        Behaviour::Hang(Duration::from_secs(30)),
        (failed, "did not answer within 10 seconds"),
    );
    assert!((9..20).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    // A refusal is never kept: the same token is let in as soon as the API server confirms it.
    api.will(good());
    assert_eq!(login(&server, "r", &jwt("refused")).status, 200);
    let stopped = ApiServer { url: format!("http://{}", free_address()), ..api };
    server.must("POST", "auth/kubernetes/config", Some(&json!({"kubernetes_host": stopped.url}))).unwrap();
    assert_eq!(login(&server, "r", &jwt("nobody")).status, 403);
    assert_eq!(record(&server)["reason"], failed);
}

/// An address on which nothing listens.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn what_cannot_be_right_is_not_asked_about() {
    let (server, api) = start();
    api.will(good());
    let claims = |pointer: &str, value: Value| {
        let mut claims = json!({
            "aud": ["keyreeve"],
            "kubernetes.io": {"namespace": "app", "serviceaccount": {"name": "web", "uid": "uid-1"}},
        });
        *claims.pointer_mut(pointer).unwrap() = value;
        jwt_of(&claims)
    };
    let long = format!("{}{}", jwt("long"), "A".repeat(16 << 10));
    for (jwt, expected) in [
        ("x".to_owned(), "no JWT"),
        (long, "longer than 16384 bytes"),
        (jwt_of(&json!({"iss": "kubernetes/serviceaccount"})), "no token of a service account"),
        (claims("/aud", json!(["other"])), "not for the role's audience"),
        (
            claims("/kubernetes.io/namespace", json!("other")),
            "does not bind the service account that the JWT names: other/web",
        ),
        (
            claims("/kubernetes.io/serviceaccount/name", json!("we")),
            "does not bind the service account that the JWT names: app/we",
        ),
    ] {
        let response = login(&server, "r", &jwt);
        assert_eq!(
            (response.status, response.json().unwrap()),
            (403, json!({"errors": ["permission denied"]})),
            "{expected}"
        );
        let record = record(&server);
        let rule = record["policy"]["rule"].as_str().unwrap();
        assert!(rule.contains(expected), "{rule}");
        assert_eq!((&record["reason"], &record["kind"]), (&json!("login-refused"), &json!("login")));
    }
    assert!(api.asked().is_empty());
    let role = json!({"bound_service_account_names": "*", "bound_service_account_namespaces": "*"});
    server.must("POST", "auth/kubernetes/role/any", Some(&role)).unwrap();
    let response = login(&server, "any", &jwt("any"));
    assert_eq!(response.status, 400);
    assert!(response.text().contains("set `audience` on the role"), "{}", response.text());
    server.must("POST", "sys/auth/other", Some(&json!({"type": "kubernetes"}))).unwrap();
    server.must("POST", "auth/other/role/r", Some(&role)).unwrap();
    let bare = Request::new("POST", "/v1/auth/other/login").json(&json!({"role": "r", "jwt": "x"}));
    let response = server.send(&bare).unwrap();
    assert_eq!((response.status, response.text().contains("write auth/other/config first")), (400, true));
    assert!(api.asked().is_empty());
    // Only the login of a method that is there needs no token.
    for (method, path) in [
        ("POST", "auth/nothing/login"),
        ("GET", "auth/kubernetes/login"),
        ("POST", "auth/kubernetes/login/x"),
        ("POST", "auth/kubernetes/login?help=1"),
        ("GET", "auth/kubernetes/config"),
        ("LIST", "auth/kubernetes/role"),
        ("POST", "auth/kubernetes/role/mine"),
    ] {
        let response = server.send(&Request::new(method, &format!("/v1/{path}"))).unwrap();
        assert_eq!(
            (response.status, response.json().unwrap()),
            (403, json!({"errors": ["permission denied"]})),
            "{method} {path}"
        );
    }
}

#[test]
fn a_token_ends_with_its_method_and_is_renewed_with_its_role() {
    let (server, api) = start();
    api.will(good());
    let token = || {
        let auth = login(&server, "r", &jwt("t")).json().unwrap()["auth"].take();
        auth["client_token"].as_str().unwrap().to_owned()
    };
    let look = |token: &str| server.call_as(token, "GET", "auth/token/lookup-self", None).unwrap().status;
    let renew = |token: &str| server.call_as(token, "POST", "auth/token/renew-self", None).unwrap();
    let first = token();
    let made = server.call_as(&first, "POST", "auth/token/create", Some(&json!({}))).unwrap();
    assert_eq!(made.status, 403, "its policies do not let it make tokens");
    assert_eq!(renew(&first).json().unwrap()["auth"]["lease_duration"], 3600);
    server.must("DELETE", "auth/kubernetes/role/r", None).unwrap();
    let refused = renew(&first);
    assert_eq!((refused.status, refused.text().contains("could not be found, not renewing")), (400, true));
    assert_eq!(look(&first), 200, "it lives until its end");
    server.must("DELETE", "sys/auth/kubernetes", None).unwrap();
    assert_eq!(look(&first), 403, "it ends with the method");
    set_up(&server, &api);
    assert_eq!(look(&first), 403, "and does not come back with another one at the same path");
    assert_eq!(look(&token()), 200);
    assert_eq!(
        server.call("GET", "sys/auth/gone", None).unwrap().json().unwrap(),
        json!({"errors": ["No auth engine at gone/"]})
    );
    let list = server.must("GET", "sys/auth", None).unwrap()["data"].take();
    let kinds: Vec<(&String, &Value)> =
        list.as_object().unwrap().iter().map(|(k, v)| (k, &v["type"])).collect();
    assert_eq!(
        kinds,
        [(&"kubernetes/".to_owned(), &json!("kubernetes")), (&"token/".to_owned(), &json!("token"))]
    );
    server
        .must(
            "POST",
            "sys/auth/kubernetes/tune",
            Some(&json!({"listing_visibility": "unauth", "max_lease_ttl": "10m"})),
        )
        .unwrap();
    let shown = server.send(&Request::new("GET", "/v1/sys/internal/ui/mounts")).unwrap().json().unwrap();
    assert_eq!(
        shown["data"]["auth"],
        json!({"kubernetes/": {"description": "", "options": {}, "type": "kubernetes"}})
    );
    let tuned = server.must("GET", "sys/auth/kubernetes/tune", None).unwrap();
    assert_eq!(
        (&tuned["data"]["max_lease_ttl"], &tuned["data"]["token_type"]),
        (&json!(600), &json!("default-service"))
    );
    let auth = login(&server, "r", &jwt("t")).json().unwrap()["auth"].take();
    assert_eq!(auth["lease_duration"], 600, "the method's limit holds");
}

#[test]
fn settings_outlive_a_restart_and_jwts_leave_no_trace() {
    let mut broker = DiskBroker::start(&["--log", "trace"]).unwrap();
    let api = ApiServer::start();
    set_up(&broker.target, &api);
    api.will(good());
    assert_eq!(login(&broker.target, "r", &jwt("disk")).status, 200);
    api.will(Behaviour::Answer(500, "{}".to_owned()));
    assert_eq!(login(&broker.target, "r", &jwt("other")).status, 403);
    let shown = broker.target.must("GET", "auth/kubernetes/config", None).unwrap();
    assert_eq!(
        (&shown["data"]["kubernetes_host"], &shown["data"]["token_reviewer_jwt_set"]),
        (&json!(api.url), &json!(true))
    );
    assert!(!shown.to_string().contains(CANARY));
    broker.restart().unwrap();
    api.will(good());
    assert_eq!(login(&broker.target, "r", &jwt("disk")).status, 200);
    assert_eq!(api.asked()[0].bearer, format!("{CANARY}.reviewer.x"));
    let encoded = jwt("disk").split('.').nth(1).unwrap().to_owned();
    for path in files(broker.dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        for text in [CANARY, encoded.as_str(), jwt_of(&Value::Null).rsplit_once('.').unwrap().1] {
            assert!(
                !bytes.windows(text.len()).any(|w| w == text.as_bytes()),
                "{} holds {text}",
                path.display()
            );
        }
    }
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
