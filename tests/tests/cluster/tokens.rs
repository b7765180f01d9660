//! Tokens of service accounts: who they are for, and what the API server says when it is asked about them.

use harness::kube::{Cluster, Namespace};
use serde_json::{Value, json};

const ISSUER: &str = "https://kubernetes.default.svc";

/// What the API server says about a token that is asked about for these audiences.
fn review(token: &str, audiences: &[&str]) -> Value {
    let body = json!({"spec": {"token": token, "audiences": audiences}});
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    Cluster::shared().unwrap().must("POST", path, Some(&body)).unwrap()["status"].take()
}

/// A token for `wanted` is asked about for `asked`; `agreed` are the audiences that the answer names.
fn check(namespace: &Namespace, wanted: &[&str], asked: &[&str], agreed: Option<&[&str]>) {
    let status = review(&namespace.token("app", wanted).unwrap(), asked);
    let case = format!("for {wanted:?}, asked for {asked:?}: {status}");
    let Some(agreed) = agreed else {
        assert!(status.get("authenticated").is_none(), "{case}");
        assert_eq!(status["user"], json!({}), "{case}");
        assert!(status["error"].as_str().unwrap().contains("token audiences"), "{case}");
        return;
    };
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!(agreed)), "{case}");
    let name = format!("system:serviceaccount:{}:app", namespace.name());
    assert_eq!(status["user"]["username"], name.as_str(), "{case}");
}

#[test]
fn a_review_passes_with_the_audience_only() {
    let namespace = Cluster::shared().unwrap().namespace().unwrap();
    namespace.service_account("app").unwrap();
    check(&namespace, &["keyreeve"], &["keyreeve"], Some(&["keyreeve"]));
    check(&namespace, &["keyreeve", "other"], &["other", "third"], Some(&["other"]));
    check(&namespace, &[], &[], Some(&[ISSUER]));
    check(&namespace, &["keyreeve"], &["other"], None);
    check(&namespace, &["keyreeve"], &[], None);
    check(&namespace, &[], &["keyreeve"], None);
}

#[test]
fn a_token_ends_with_its_service_account() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    namespace.service_account("app").unwrap();
    let token = || namespace.token("app", &["keyreeve"]).unwrap();
    let good = |token: &str| review(token, &["keyreeve"]).get("authenticated").is_some();
    // The API server remembers for ten seconds that a token was good, so each is asked about once.
    let tokens: Vec<String> = (0..40).map(|_| token()).collect();
    assert!(good(&tokens[0]));
    let forged = format!("{}AAAA", &tokens[1][..tokens[1].len() - 4]);
    assert!(!good(&forged));
    cluster.must("DELETE", &namespace.path("serviceaccounts/app"), None).unwrap();
    assert!(namespace.token("app", &["keyreeve"]).unwrap_err().to_string().contains("answered 404"));
    let refused = tokens[1..].iter().any(|token| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        !good(token)
    });
    assert!(refused, "tokens of a deleted service account are good after four seconds");
}

#[test]
fn a_kubeconfig_of_a_service_account_is_its_own() {
    let cluster = Cluster::shared().unwrap();
    let namespace = cluster.namespace().unwrap();
    namespace.service_account("app").unwrap();
    let path = namespace.kubeconfig_for("app").unwrap();
    let config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    let user = review(token, &[])["user"].take();
    assert_eq!(user["username"], format!("system:serviceaccount:{}:app", namespace.name()).as_str());
    assert_ne!(path, cluster.kubeconfig());
}
