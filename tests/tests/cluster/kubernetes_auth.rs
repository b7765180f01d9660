//! Logins at our broker with tokens of a real API server: right and wrong audience, reviewers, deleted accounts.

use std::time::Duration;

use harness::http::{Request, Response};
use harness::kube::{Cluster, Namespace};
use harness::target::{Broker, BrokerOptions, Server};
use serde_json::{Value, json};

/// A broker whose role `r` binds the service account `app` of a namespace; `reviewer` asks for reviews.
fn broker(namespace: &Namespace, reviewer: Option<&str>) -> Server {
    let cluster = Cluster::shared().unwrap();
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let config = json!({
        "kubernetes_host": cluster.url(), "kubernetes_ca_cert": std::fs::read_to_string(cluster.ca()).unwrap(),
        "token_reviewer_jwt": reviewer,
    });
    let role = json!({
        "bound_service_account_names": "app", "bound_service_account_namespaces": namespace.name(), "audience": "keyreeve",
    });
    for (path, body) in [
        ("sys/auth/kubernetes", json!({"type": "kubernetes"})),
        ("auth/kubernetes/config", config),
        ("auth/kubernetes/role/r", role),
    ] {
        server.must("POST", path, Some(&body)).unwrap();
    }
    server
}

fn login(server: &Server, jwt: &str) -> Response {
    let request = Request::new("POST", "/v1/auth/kubernetes/login").json(&json!({"role": "r", "jwt": jwt}));
    server.send(&request).unwrap()
}

/// Why the newest login ended as it did.
fn rule(server: &Server) -> String {
    let found = server.must("GET", "sys/keyreeve/audit?kind=login&limit=1000", None).unwrap();
    let record = found["data"]["items"].as_array().unwrap().last().unwrap().clone();
    record["policy"]["rule"].as_str().unwrap().to_owned()
}

/// A login that is refused, and why.
fn refused(server: &Server, jwt: &str, why: &str) {
    assert_eq!(login(server, jwt).status, 403, "{why}");
    let rule = rule(server);
    assert!(rule.contains(why), "{rule}, not {why}");
}

#[test]
fn a_service_account_logs_in_with_a_token_for_the_broker() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    for name in ["app", "other"] {
        namespace.service_account(name).unwrap();
    }
    let server = broker(&namespace, Some(cluster.token()));
    let response = login(&server, &namespace.token("app", &["keyreeve", "x"]).unwrap());
    assert_eq!(response.status, 200, "{}: {}", response.text(), rule(&server));
    let auth = response.json().unwrap()["auth"].take();
    let account = namespace.get_json("serviceaccounts/app").unwrap();
    let metadata = json!({
        "role": "r", "service_account_name": "app", "service_account_namespace": namespace.name(),
        "service_account_uid": account["metadata"]["uid"],
    });
    assert_eq!(auth["metadata"], metadata);
    let token = auth["client_token"].as_str().unwrap();
    let own = server.call_as(token, "GET", "auth/token/lookup-self", None).unwrap().json().unwrap();
    assert_eq!(own["data"]["display_name"], format!("kubernetes-{}-app", namespace.name()).as_str());

    refused(&server, &namespace.token("app", &["elsewhere"]).unwrap(), "not for the role's audience");
    refused(&server, &namespace.token("app", &[]).unwrap(), "not for the role's audience");
    refused(&server, &namespace.token("other", &["keyreeve"]).unwrap(), "does not bind the service account");
    let token = namespace.token("app", &["keyreeve"]).unwrap();
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    refused(&server, &forged, "does not confirm the token");
    refused(&server, &with_claim(&token, "/aud", json!(["keyreeve", "y"])), "does not confirm the token");
}

/// The token with a claim changed and its signature kept.
fn with_claim(token: &str, pointer: &str, value: Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    *claims.pointer_mut(pointer).unwrap() = value;
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

#[test]
fn an_account_that_was_deleted_or_made_again_is_another_one() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    namespace.service_account("app").unwrap();
    let server = broker(&namespace, Some(cluster.token()));
    // The API server remembers for ten seconds that a token was good, so each is asked about once.
    let tokens: Vec<String> = (0..40).map(|_| namespace.token("app", &["keyreeve"]).unwrap()).collect();
    assert_eq!(login(&server, &tokens[0]).status, 200);
    cluster.must("DELETE", &namespace.path("serviceaccounts/app"), None).unwrap();
    namespace.service_account("app").unwrap();
    let ended = tokens[1..].iter().any(|token| {
        std::thread::sleep(Duration::from_millis(100));
        login(&server, token).status == 403
    });
    assert!(ended, "tokens of a deleted service account are good after four seconds");
    assert!(rule(&server).contains("does not confirm the token"), "{}", rule(&server));
    let again = namespace.token("app", &["keyreeve"]).unwrap();
    assert_eq!(login(&server, &again).status, 200, "{}", rule(&server));
}

#[test]
fn whoever_asks_for_reviews_must_be_let() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    for name in ["app", "reviewer"] {
        namespace.service_account(name).unwrap();
    }
    let reviewer = namespace.token("reviewer", &[]).unwrap();
    let server = broker(&namespace, Some(&reviewer));
    let token = namespace.token("app", &["keyreeve"]).unwrap();
    refused(&server, &token, "answered with status 403");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("reviewer-{}", namespace.name())},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": namespace.name()}],
    });
    cluster.apply(&binding.to_string()).unwrap();
    let let_in = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        login(&server, &token).status == 200
    });
    assert!(let_in, "{}", rule(&server));
    // A token for the broker alone cannot ask about itself: the API server is not its audience.
    let own = broker(&namespace, None);
    refused(&own, &token, "answered with status 401");
}
