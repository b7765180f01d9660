//! Tests against a TCP server that answers what the test says, byte by byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A server on loopback; each connection gets the same answer, and what was asked is kept.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Vec<u8> = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), Arc::clone(&kept)));
            }
        });
        Self { url, asked }
    }

    fn session(&self, path: &str) -> Session {
        let mut options = Options::new(Address::parse(&format!("{}{path}", self.url)).unwrap());
        options.timeout = Duration::from_millis(400);
        options.namespace = Some("team".to_owned());
        options.via = Some("syncer shop/db".to_owned());
        options.user_agent = "test/1".to_owned();
        Client::new(options).unwrap().with_token(Token::parse("hvs.t0p").unwrap())
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// Reads one request and answers it; an answer of no bytes hangs until the client gives up.
async fn serve(mut stream: TcpStream, answer: Vec<u8>, asked: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if whole || n == 0 {
            asked.lock().unwrap().push(text);
            break;
        }
    }
    if answer.is_empty() {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    for piece in answer.chunks(7000) {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

fn answer(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn json(status: u16, body: &str) -> String {
    answer(status, "application/json", body)
}

/// What a failed call says, in short.
fn short(error: &CallError) -> String {
    match error {
        CallError::Path { .. } => "path".to_owned(),
        CallError::Denied { errors } => format!("denied {errors:?}"),
        CallError::NotFound => "not found".to_owned(),
        CallError::Sealed => "sealed".to_owned(),
        CallError::RateLimited { retry_after } => format!("rate limited {retry_after:?}"),
        CallError::Unavailable { outage, .. } => format!("unavailable {outage:?}"),
        CallError::Lying { status, .. } => format!("lying {status}"),
        CallError::Redirect { status, to } => format!("redirect {status} {to}"),
        CallError::Refused { status, errors } => format!("refused {status} {errors:?}"),
        CallError::TooLarge { .. } => "too large".to_owned(),
    }
}

fn short_read(read: Result<KvRead, ReadError>) -> String {
    match read {
        Ok(read) => format!("{} v{:?}", read.data.expose(), read.version()),
        Err(ReadError::NotFound) => "not found".to_owned(),
        Err(ReadError::Deleted(meta)) => format!("deleted v{} destroyed {}", meta.version, meta.destroyed),
        Err(ReadError::Call(error)) => short(&error),
    }
}

const META: &str = r#""metadata":{"created_time":"2026-01-01T00:00:00Z","custom_metadata":{"team":"a"},"deletion_time":"","destroyed":false,"version":3}"#;
const GONE: &str = r#""metadata":{"created_time":"2026-01-01T00:00:00Z","custom_metadata":null,"deletion_time":"2026-01-02T00:00:00Z","destroyed":false,"version":3}"#;
const DESTROYED: &str = r#""metadata":{"created_time":"2026-01-01T00:00:00Z","custom_metadata":null,"deletion_time":"","destroyed":true,"version":2}"#;

fn envelope(data: &str) -> String {
    format!(
        r#"{{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":{data},"wrap_info":null,"warnings":null,"auth":null}}"#
    )
}

/// Answers that every read understands the same way.
fn failures() -> Vec<(Vec<u8>, &'static str)> {
    let rows = vec![
        (json(403, r#"{"errors":["permission denied"]}"#), "denied [\"permission denied\"]"),
        (answer(403, "text/html", "<html>"), "denied []"),
        (json(404, r#"{"errors":[]}"#), "not found"),
        (json(404, r#"{ "errors" : [ ] }"#), "not found"),
        (
            json(404, r#"{"errors":["no handler for route \"x/\""]}"#),
            "refused 404 [\"no handler for route \\\"x/\\\"\"]",
        ),
        (
            json(404, r#"{"request_id":"r","data":null,"warnings":["Invalid path"]}"#),
            "refused 404 [\"Invalid path\"]",
        ),
        (json(404, "{}"), "lying 404"),
        (json(404, r#"{"errors":null}"#), "lying 404"),
        (json(404, r#"{"message":"no Route matched"}"#), "lying 404"),
        (json(404, ""), "lying 404"),
        (json(404, r#"{"errors":["#), "lying 404"),
        (answer(404, "text/html", "<html>not here</html>"), "lying 404"),
        (answer(404, "text/plain", r#"{"errors":[]}"#), "lying 404"),
        (json(200, "{}"), "lying 200"),
        (json(200, " { } "), "lying 200"),
        (json(200, ""), "lying 200"),
        (json(200, "[]"), "lying 200"),
        (json(200, "null"), "lying 200"),
        (json(200, r#"{"request_id":"r","data":{"data":{"a":1"#), "lying 200"),
        (json(200, r#"{"data":null}"#), "lying 200"),
        (json(200, r#"{"data":"x","request_id":"r"}"#), "lying 200"),
        (answer(200, "text/html", "<html>log in</html>"), "lying 200"),
        (json(204, ""), "lying 204"),
    ];
    let mut rows: Vec<(Vec<u8>, &str)> = rows.into_iter().map(|(a, w)| (a.into_bytes(), w)).collect();
    let not_text = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{\xff}";
    rows.push((not_text.to_vec(), "lying 200"));
    rows
}

/// Answers of servers in trouble, or of none.
fn troubles() -> Vec<(Vec<u8>, &'static str)> {
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(5 << 20));
    let chunked_huge = format!(
        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{huge}\r\n0\r\n\r\n",
        huge.len()
    );
    let rows = vec![
        (json(500, r#"{"errors":["internal error"]}"#), "unavailable Status(500)"),
        (answer(502, "text/html", "<html>"), "unavailable Status(502)"),
        (json(503, r#"{"errors":["Vault is sealed"]}"#), "sealed"),
        (json(503, r#"{"errors":["the audit log cannot be written"]}"#), "unavailable Status(503)"),
        (json(412, r#"{"errors":["required index state not present"]}"#), "unavailable Status(412)"),
        (json(400, r#"{"errors":["bad \u0001 thing"]}"#), "refused 400 [\"bad \\u{1} thing\"]"),
        ("HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".to_owned(), "rate limited Some(7)"),
        (
            "HTTP/1.1 307 X\r\nlocation: http://other.example/v1/x\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "redirect 307 http://other.example/v1/x",
        ),
        (
            "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"data\":"
                .to_owned(),
            "unavailable Broken",
        ),
        ("not HTTP at all\r\n\r\n".to_owned(), "unavailable Broken"),
        (String::new(), "unavailable Timeout"),
        (json(200, &huge), "too large"),
        (chunked_huge, "too large"),
    ];
    rows.into_iter().map(|(a, w)| (a.into_bytes(), w)).collect()
}

async fn check(answer: &[u8], version: u8, wanted: &str) {
    let server = Server::start(answer).await;
    let session = server.session("");
    let got = match version {
        1 => short_read(session.read_kv1("secret", "app/db").await),
        _ => short_read(session.read_kv2("secret", "app/db", None).await),
    };
    let shown: String = String::from_utf8_lossy(answer).chars().take(200).collect();
    assert_eq!(got, wanted, "KV version {version}: {shown}");
}

#[tokio::test]
async fn whatever_is_no_answer_is_told_apart() {
    for (answer, wanted) in failures().into_iter().chain(troubles()) {
        check(&answer, 1, wanted).await;
        check(&answer, 2, wanted).await;
    }
}

#[tokio::test]
async fn kv2_is_read_with_every_digit_and_byte() {
    let data = r#"{"n":12345678901234567890,"f":1.10,"s":"gr\u00fcn","o":{"b":1,"a":[true,null]}}"#;
    let rows = [
        (200, format!("{{\"data\":{data},{META}}}"), format!("{data} vSome(3)")),
        (200, format!("{{\"data\":{{}},{META}}}"), "{} vSome(3)".to_owned()),
        (404, format!("{{\"data\":null,{GONE}}}"), "deleted v3 destroyed false".to_owned()),
        (404, format!("{{\"data\":null,{DESTROYED}}}"), "deleted v2 destroyed true".to_owned()),
        // What contradicts itself is no answer.
        (404, format!("{{\"data\":null,{META}}}"), "lying 404".to_owned()),
        (404, format!("{{\"data\":{data},{META}}}"), "lying 404".to_owned()),
        (200, format!("{{\"data\":null,{GONE}}}"), "lying 200".to_owned()),
        (200, format!("{{\"data\":\"text\",{META}}}"), "lying 200".to_owned()),
        (200, data.to_owned(), "lying 200".to_owned()),
        (200, r#"{"data":{},"metadata":{}}"#.to_owned(), "lying 200".to_owned()),
        (200, r#"{"data":{},"metadata":{"version":0,"created_time":""}}"#.to_owned(), "lying 200".to_owned()),
    ];
    for (status, body, wanted) in rows {
        check(json(status, &envelope(&body)).as_bytes(), 2, &wanted).await;
    }
    check(json(200, &format!("{{\"data\":{{\"data\":{{}},{META}}}}}")).as_bytes(), 2, "lying 200").await;
}

#[tokio::test]
async fn kv1_is_read_with_every_digit_and_byte() {
    let rows = [
        (200, r#"{"n":1.0,"big":12345678901234567890}"#, r#"{"n":1.0,"big":12345678901234567890} vNone"#),
        (200, "{}", "{} vNone"),
        (200, "[1]", "lying 200"),
        (404, "{\"a\":1}", "lying 404"),
    ];
    for (status, data, wanted) in rows {
        check(json(status, &envelope(data)).as_bytes(), 1, wanted).await;
    }
}

#[tokio::test]
async fn requests_say_who_asks_and_what() {
    let server = Server::start(json(200, &envelope(&format!("{{\"data\":{{}},{META}}}")))).await;
    let session = server.session("/some/proxy/");
    let read = session.read_kv2("kv", "a b/c", Some(2)).await.unwrap();
    assert_eq!(read.metadata.unwrap().custom_metadata["team"], "a");
    let asked = server.asked();
    assert!(asked.starts_with("GET /some/proxy/v1/kv/data/a%20b/c?version=2 HTTP/1.1\r\n"), "{asked}");
    for line in [
        "x-vault-token: hvs.t0p",
        "x-vault-namespace: team",
        "x-keyreeve-via: syncer shop/db",
        "user-agent: test/1",
        "x-vault-request: true",
    ] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line} is not in {asked}");
    }
    session.call(Method::List, "kv/metadata/a/", &[("limit", "5")], None).await.unwrap();
    assert!(server.asked().starts_with("GET /some/proxy/v1/kv/metadata/a/?list=true&limit=5 "));
    session.call(Method::Patch, "kv/data/a", &[], Some("{\"data\":{}}")).await.unwrap();
    assert!(server.asked().contains("\r\ncontent-type: application/merge-patch+json\r\n"));
    assert!(server.asked().ends_with("\r\n\r\n{\"data\":{}}"));
    let error = session.call(Method::Get, "kv/../sys", &[], None).await.unwrap_err();
    assert_eq!(short(&error), "path");
    let anonymous = session.client().without_token();
    anonymous.call(Method::Get, "sys/seal-status", &[], None).await.unwrap();
    assert!(!server.asked().contains("x-vault-token"));
}

#[tokio::test]
async fn answers_of_calls_keep_their_text() {
    let body = r#"{"request_id":"r","data":{"n":1.10},"warnings":["careful"]}"#;
    let rows = [
        (json(200, body), Some(r#"{"n":1.10}"#), vec!["careful"]),
        (json(204, ""), None, vec![]),
        (json(404, &envelope(&format!("{{\"data\":null,{GONE}}}"))), Some(""), vec![]),
        (json(200, r#"{"sealed":false}"#), None, vec![]),
    ];
    for (given, data, warnings) in rows {
        let server = Server::start(given).await;
        let answer = server.session("").call(Method::Get, "x/y", &[], None).await.unwrap();
        match data {
            Some("") => assert!(answer.data().unwrap().contains("deletion_time")),
            wanted => assert_eq!(answer.data(), wanted),
        }
        assert_eq!(answer.warnings(), warnings);
    }
}

#[tokio::test]
async fn nobody_at_home_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for address in [url.as_str(), "unix:///nonexistent/keyreeve.sock"] {
        let client = Client::new(Options::new(Address::parse(address).unwrap())).unwrap();
        let session = client.with_token(Token::parse("t").unwrap());
        let error = session.call(Method::Get, "x", &[], None).await.unwrap_err();
        assert_eq!(short(&error), "unavailable Connect", "{error}");
        let error = session.lookup_self().await.unwrap_err();
        assert_eq!(short(&error), "unavailable Connect", "{error}");
        assert!(!format!("{error:?}").contains("hvs"), "{error:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_an_address() {
    let path = std::env::temp_dir().join(format!("broker-client-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece = [0; 4096];
        let _ = stream.read(&mut piece).await;
        let text = json(200, &envelope("{\"a\":1}"));
        stream.write_all(text.as_bytes()).await.unwrap();
    });
    let address = Address::parse(&format!("unix://{}", path.display())).unwrap();
    let session = Client::new(Options::new(address)).unwrap().with_token(Token::parse("t").unwrap());
    assert_eq!(short_read(session.read_kv1("secret", "x").await), "{\"a\":1} vNone");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn certificates_are_trusted_only_as_the_options_say() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut piece = [0; 4096];
            let _ = stream.read(&mut piece).await;
            let _ = stream.write_all(json(200, &envelope("{\"a\":1}")).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let pem = |cert: &rcgen::Certificate| Trust::Pem(cert.pem().into_bytes());
    let rows = [
        ("127.0.0.1", pem(&made.cert), "{\"a\":1} vNone"),
        ("127.0.0.1", pem(&other.cert), "unavailable Tls"),
        ("127.0.0.1", Trust::System, "unavailable Tls"),
        ("localhost", pem(&made.cert), "unavailable Tls"),
    ];
    for (host, trust, wanted) in rows {
        let mut options = Options::new(Address::parse(&format!("https://{host}:{port}")).unwrap());
        options.trust = trust;
        let session = Client::new(options).unwrap().with_token(Token::parse("t").unwrap());
        assert_eq!(short_read(session.read_kv1("secret", "x").await), wanted, "{host}");
    }
}

#[tokio::test]
async fn the_own_token_goes_through_vaultrs() {
    let auth = r#"{"client_token":"hvs.new","accessor":"acc","policies":["default"],"token_policies":["default"],"metadata":null,"lease_duration":60,"renewable":true,"entity_id":"","token_type":"service","orphan":true}"#;
    let body = format!(
        r#"{{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":null,"auth":{auth}}}"#
    );
    let server = Server::start(json(200, &body)).await;
    let session = server.session("/p");
    let login = session.renew_self(Some(Duration::from_secs(90))).await.unwrap();
    assert_eq!((login.token.expose(), login.lease.as_secs(), login.renewable), ("hvs.new", 60, true));
    assert!(server.asked().starts_with("POST /p/v1/auth/token/renew-self "), "{}", server.asked());
    assert!(server.asked().contains("\r\nx-vault-token: hvs.t0p\r\n"));
    assert!(server.asked().contains("\"90s\""), "{}", server.asked());
    let jwt = SecretText::new("e.y.J".to_owned());
    let login = session.client().login_kubernetes("kubernetes", "app", &jwt).await.unwrap();
    assert_eq!(login.accessor, "acc");
    assert!(server.asked().starts_with("POST /p/v1/auth/kubernetes/login "), "{}", server.asked());
    assert!(!server.asked().contains("x-vault-token"));
    let found = r#"{"accessor":"acc","creation_time":1,"creation_ttl":60,"display_name":"token","entity_id":"","expire_time":"2026-01-01T00:00:00Z","explicit_max_ttl":0,"id":"hvs.t0p","issue_time":"2026-01-01T00:00:00Z","meta":null,"num_uses":0,"orphan":true,"path":"auth/token/create","policies":["default"],"renewable":true,"ttl":59}"#;
    let server = Server::start(json(200, &envelope(found))).await;
    let info = server.session("").lookup_self().await.unwrap();
    assert_eq!((info.accessor.as_str(), info.ttl.as_secs(), info.renewable), ("acc", 59, true));
    let server = Server::start(json(204, "")).await;
    server.session("").revoke_self().await.unwrap();
    assert!(server.asked().starts_with("POST /v1/auth/token/revoke-self "), "{}", server.asked());
}

#[tokio::test]
async fn failures_through_vaultrs_are_told_apart_too() {
    let rows = [
        (json(403, r#"{"errors":["bad token"]}"#), "denied [\"bad token\"]"),
        (json(503, r#"{"errors":["Vault is sealed"]}"#), "sealed"),
        (json(500, r#"{"errors":["internal"]}"#), "unavailable Status(500)"),
        (answer(502, "text/html", "<html>"), "unavailable Broken"),
        (answer(200, "text/html", "<html>"), "unavailable Broken"),
        (json(200, "{}"), "unavailable Broken"),
        (String::new(), "unavailable Timeout"),
    ];
    for (given, wanted) in rows {
        let server = Server::start(given.clone()).await;
        let error = server.session("").lookup_self().await.unwrap_err();
        assert_eq!(short(&error), wanted, "{given}: {error}");
    }
}

fn stream(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn changes_are_followed_and_resumed() {
    let write = r#"{"revision":8,"type":"kv2","mount":"s","path":"a","version":1,"action":"write"}"#;
    let text = format!(
        "id: 7\nevent: ready\ndata: {{\"revision\":7}}\n\nevent: change\ndata: {write}\n\nid: 8\nevent: change\ndata: {write}\n\nid: 12\n: alive\n\n"
    );
    let server = Server::start(stream("text/event-stream", &text)).await;
    let mut changes = server.session("").changes(Some(7)).await.unwrap();
    assert!(server.asked().contains("\r\nlast-event-id: 7\r\n"), "{}", server.asked());
    assert!(server.asked().contains("\r\naccept: text/event-stream\r\n"));
    assert_eq!(changes.next().await.unwrap(), ChangeEvent::Ready { revision: 7 });
    let ChangeEvent::Change(change) = changes.next().await.unwrap() else { panic!("no change") };
    assert_eq!((change.revision, changes.cursor()), (8, Some(7)), "the revision is not told in full yet");
    assert!(matches!(changes.next().await.unwrap(), ChangeEvent::Change(_)));
    assert_eq!(changes.cursor(), Some(8));
    assert!(matches!(changes.next().await, Err(StreamError::Cut)));
    assert_eq!(changes.cursor(), Some(12), "a heartbeat moves on too");
}

#[tokio::test]
async fn a_stream_that_is_none_is_told_apart() {
    let rows = [
        (json(410, r#"{"errors":["list again"]}"#), "gone"),
        (json(404, r#"{"errors":[]}"#), "unsupported"),
        (json(404, r#"{"errors":["unsupported path"]}"#), "unsupported"),
        (json(405, r#"{"errors":[]}"#), "unsupported"),
        (json(403, r#"{"errors":["permission denied"]}"#), "denied [\"permission denied\"]"),
        (json(503, r#"{"errors":["Vault is sealed"]}"#), "sealed"),
        (answer(200, "text/html", "<html>"), "lying 200"),
        (json(200, "{}"), "lying 200"),
    ];
    for (given, wanted) in rows {
        let server = Server::start(given.clone()).await;
        let got = match server.session("").changes(Some(1)).await.unwrap_err() {
            ChangesError::Gone { after: 1 } => "gone".to_owned(),
            ChangesError::Gone { .. } => "gone elsewhere".to_owned(),
            ChangesError::Unsupported => "unsupported".to_owned(),
            ChangesError::Call(error) => short(&error),
        };
        assert_eq!(got, wanted, "{given}");
    }
}

#[tokio::test]
async fn the_audit_log_is_tailed_and_exported() {
    let text = "id: 4\nevent: record\ndata: {\"seq\":4}\n\nevent: end\ndata: {\"cursor\":4}\n\n";
    let server = Server::start(stream("text/event-stream", text)).await;
    let session = server.session("");
    let mut tail = session.audit_stream(&[("result", "denied")], Some(3), AuditFormat::Tail).await.unwrap();
    assert!(server.asked().starts_with("GET /v1/sys/keyreeve/audit?result=denied&after=3 "));
    let record = AuditLine::Record { seq: Some(4), json: "{\"seq\":4}".to_owned() };
    assert_eq!(tail.next().await.unwrap(), Some(record));
    assert_eq!(tail.next().await.unwrap(), Some(AuditLine::Ended { lagged: false, cursor: 4 }));
    assert_eq!(tail.next().await.unwrap(), None);

    let record = |seq: u64| AuditLine::Record { seq: None, json: format!("{{\"seq\":{seq}}}") };
    let trailer = AuditLine::Trailer { json: "{\"$end\":{\"seq\":2}}".to_owned() };
    let whole = "{\"seq\":1}\n{\"seq\":2}\n{\"$end\":{\"seq\":2}}\n";
    let server = Server::start(stream("application/x-ndjson", whole)).await;
    let mut export = server.session("").audit_stream(&[], None, AuditFormat::Export).await.unwrap();
    for wanted in [Some(record(1)), Some(record(2)), Some(trailer), None] {
        assert_eq!(export.next().await.unwrap(), wanted);
    }
    let server = Server::start(stream("application/x-ndjson", "{\"seq\":1}\n{\"seq\":2}\n")).await;
    let mut cut = server.session("").audit_stream(&[], None, AuditFormat::Export).await.unwrap();
    cut.next().await.unwrap();
    cut.next().await.unwrap();
    assert!(matches!(cut.next().await, Err(StreamError::Cut)), "without a trailer it is cut");
}

#[tokio::test]
async fn records_are_sent_as_the_broker_takes_them() {
    let server = Server::start(json(204, "")).await;
    let record = |version| Delivery {
        kind: DeliveryKind::Delivery,
        object: "ExternalSecret a/b".to_owned(),
        target: "Secret a/b".to_owned(),
        path: "secret/data/b".to_owned(),
        version,
    };
    server.session("").send_records("syncer-1", 5, &[record(Some(2)), record(None)]).await.unwrap();
    assert!(server.asked().starts_with("POST /v1/sys/keyreeve/records "));
    let common =
        r#""kind":"delivery","object":"ExternalSecret a/b","target":"Secret a/b","path":"secret/data/b""#;
    let body =
        format!(r#"{{"sender":"syncer-1","first":5,"records":[{{{common},"version":2}},{{{common}}}]}}"#);
    assert!(server.asked().ends_with(&body), "{}", server.asked());
}

#[test]
fn options_that_make_no_client_say_which() {
    let address = |text| Options::new(Address::parse(text).unwrap());
    let mut via = address("http://127.0.0.1:1");
    via.via = Some("a\nb".to_owned());
    let mut namespace = address("http://127.0.0.1:1");
    namespace.namespace = Some("gr\u{fc}n".to_owned());
    let mut trust = address("https://127.0.0.1:1");
    trust.trust = Trust::Pem(b"no certificate".to_vec());
    let rows = [(via, "the via"), (namespace, "the namespace"), (trust, "the certificates")];
    for (options, wanted) in rows {
        let error = Client::new(options).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}
