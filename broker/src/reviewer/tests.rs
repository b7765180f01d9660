//! Tests of the reviewer against an API server of its own over TLS: whose token asks, and what is trusted.

use std::path::Path;
use std::sync::{Arc, Mutex};

use broker_core::auth::{AuthMount, AuthMountRequest};
use broker_core::json::{JsonLimits, parse};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const REVIEW: &str = r#"{"kind":"TokenReview","status":{"authenticated":true,"user":{"username":"u"}}}"#;

/// An API server that answers every request with one review.
struct ApiServer {
    host: String,
    ca: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ApiServer {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut tls) = acceptor.accept(stream).await else { continue };
                let mut head = vec![0; 4096];
                let length = tls.read(&mut head).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&head[..length]).into_owned();
                let bearer = text.lines().find_map(|l| l.strip_prefix("authorization: ")).unwrap_or_default();
                log.lock().unwrap().push(bearer.to_owned());
                let length = REVIEW.len();
                let answer = format!(
                    "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{REVIEW}"
                );
                let _ = tls.write_all(answer.as_bytes()).await;
                let _ = tls.shutdown().await;
            }
        });
        Self { host, ca: made.cert.pem(), asked }
    }
}

fn config(fields: &Value) -> KubernetesConfig {
    let body = parse(fields.to_string().as_bytes(), &JsonLimits::default()).unwrap();
    KubernetesConfig::parse(&body).unwrap()
}

fn mount() -> AuthMount {
    let body = parse(br#"{"type":"kubernetes"}"#, &JsonLimits::default()).unwrap();
    let request = AuthMountRequest::parse(&body).unwrap();
    request.into_mount("k", "12345678".to_owned(), Time::default()).unwrap()
}

/// Asks for a review in a pod whose files are in a folder.
async fn ask(pod: &Path, config: &KubernetesConfig) -> Result<Review, String> {
    let (mount, role) = (mount(), KubernetesRole { audience: "aud".to_owned(), ..KubernetesRole::default() });
    let question = Question { mount: &mount, config, role: &role, unverified_jwt: "own.jwt.x" };
    let reviewer = Reviewer::in_pod(pod.to_owned());
    let answer = reviewer.review(&question).await.map_err(|e| e.to_string());
    if answer.is_ok() {
        reviewer.review(&question).await.unwrap();
    }
    answer
}

#[tokio::test]
async fn the_pods_token_goes_to_the_pods_own_api_server_only() {
    let server = ApiServer::start().await;
    let pod = tempfile::tempdir().unwrap();
    std::fs::write(pod.path().join("token"), "pod.jwt.x\n").unwrap();
    std::fs::write(pod.path().join("ca.crt"), &server.ca).unwrap();
    let nowhere = pod.path().join("nowhere");
    let (host, ca) = (server.host.as_str(), server.ca.as_str());
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    let no_ca =
        "there is nothing to check the API server's certificate with; write kubernetes_ca_cert".to_owned();
    for (folder, fields, expected) in [
        (pod.path(), json!({ "kubernetes_host": host }), Ok("Bearer pod.jwt.x")),
        (pod.path(), json!({ "kubernetes_host": host, "kubernetes_ca_cert": ca }), Ok("Bearer own.jwt.x")),
        (
            pod.path(),
            json!({ "kubernetes_host": host, "kubernetes_ca_cert": ca, "disable_local_ca_jwt": true }),
            Ok("Bearer own.jwt.x"),
        ),
        (
            pod.path(),
            json!({ "kubernetes_host": host, "token_reviewer_jwt": "set.jwt.x" }),
            Ok("Bearer set.jwt.x"),
        ),
        (nowhere.as_path(), json!({ "kubernetes_host": host }), Err(no_ca)),
        (
            pod.path(),
            json!({ "kubernetes_host": host, "kubernetes_ca_cert": other }),
            Err("invalid peer certificate".to_owned()),
        ),
    ] {
        server.asked.lock().unwrap().clear();
        match (ask(folder, &config(&fields)).await, expected) {
            (Ok(review), Ok(bearer)) => {
                assert_eq!((review.authenticated, review.username.as_str()), (true, "u"));
                assert_eq!(*server.asked.lock().unwrap(), [bearer, bearer], "{fields}");
            }
            (Err(problem), Err(expected)) => {
                assert!(problem.contains(&expected), "{fields}: {problem}");
                assert!(server.asked.lock().unwrap().is_empty(), "{fields}");
            }
            (got, expected) => panic!("{fields}: {got:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn certificates_are_checked_when_they_are_written() {
    let good = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap().cert.pem();
    let cut = good.replacen("MII", "AAA", 1);
    for (pem, expected) in [
        (good.clone(), true),
        (format!("text before\n{good}\n{good}"), true),
        (String::new(), false),
        ("-----BEGIN CERTIFICATE-----".to_owned(), false),
        (format!("{good}{cut}"), false),
    ] {
        assert_eq!(check_ca(&pem).is_ok(), expected, "{pem}");
    }
}
