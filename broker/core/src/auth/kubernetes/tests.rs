//! Tests of logins with Kubernetes service accounts: settings, roles, claims, reviews, decisions, tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::auth::{AuthCommand, AuthMethod, AuthMount, auth_key};
use crate::command::{Command, Reply};
use crate::identity::Facts;
use crate::json::{Json, JsonLimits, parse};
use crate::reason::ReasonCode;
use crate::testing::MemoryStore;
use crate::time::Time;
use crate::token::{NewIds, SYSTEM_MAX_TTL_SECONDS, TokenInfo, plan_renew};

const NOW: Time = Time::from_seconds(1_000_000);

fn body(value: &Value) -> Json {
    parse(value.to_string().as_bytes(), &JsonLimits::default()).unwrap()
}

fn mount() -> AuthMount {
    AuthMount {
        path: "k8s/prod".to_owned(),
        id: "id".to_owned(),
        accessor: "auth_kubernetes_00000000".to_owned(),
        method: AuthMethod::Kubernetes,
        description: String::new(),
        default_lease_ttl: 0,
        max_lease_ttl: 0,
        listing_visibility: String::new(),
        token_type: "default-service".to_owned(),
        created: NOW,
    }
}

/// The method as it is after `enable`, with its id.
fn store() -> (MemoryStore, AuthRef) {
    let mut store = MemoryStore::default();
    store.run(&Command::Auth(AuthCommand::Enable(Box::new(mount())))).unwrap();
    (store, mount().reference())
}

fn run(store: &mut MemoryStore, command: KubernetesCommand) -> Result<Reply, String> {
    let command = Command::Auth(AuthCommand::Kubernetes(command));
    store.run(&command).map(|effects| effects.reply).map_err(|refusal| refusal.to_string())
}

fn check_config(fields: &Value, expected: Result<(), &str>) {
    let parsed = KubernetesConfig::parse(&body(fields)).map(drop).map_err(|r| r.to_string());
    assert_eq!(parsed, expected.map_err(str::to_owned), "{fields}");
}

#[test]
fn addresses_are_checked() {
    let unusable =
        "kubernetes_host is no address; write https://HOST, https://HOST:PORT or https://HOST:PORT/PATH";
    let plain = "kubernetes_host without TLS is allowed on loopback only; write https://";
    for (host, expected) in [
        ("https://api", Ok(())),
        ("https://api.example:6443/k8s/c-1/", Ok(())),
        ("https://[::1]:6443", Ok(())),
        ("http://127.0.0.1:80", Ok(())),
        ("http://[::1]", Ok(())),
        ("http://localhost:8001", Ok(())),
        ("http://localhost.example", Err(plain)),
        ("http://10.0.0.1", Err(plain)),
        ("http://127.0.0.1@evil.example", Err(unusable)),
        ("api:6443", Err(unusable)),
        ("ftp://api", Err(unusable)),
        ("https://", Err(unusable)),
        ("https:///path", Err(unusable)),
        ("https://user:pw@api", Err(unusable)),
        ("https://api?x=1", Err(unusable)),
        ("https://api#x", Err(unusable)),
        ("https://a pi", Err(unusable)),
        ("", Err("no host provided")),
    ] {
        check_config(&json!({ "kubernetes_host": host }), expected);
    }
}

#[test]
fn settings_that_are_not_carried_out_are_refused() {
    for (name, value, expected) in [
        (
            "pem_keys",
            json!(["x"]),
            Err(
                "pem_keys is not supported by this broker; leave it out, tokens are reviewed by the API server",
            ),
        ),
        ("pem_keys", json!([]), Ok(())),
        (
            "use_annotations_as_alias_metadata",
            json!(true),
            Err("use_annotations_as_alias_metadata is not supported by this broker; leave it out"),
        ),
        (
            "disable_local_ca_jwt",
            json!(true),
            Err("kubernetes_ca_cert must be given when disable_local_ca_jwt is true"),
        ),
        (
            "disable_iss_validation",
            json!(false),
            Err("issuer must be given when disable_iss_validation is false"),
        ),
        ("token_reviewer_jwt", json!("a b"), Err("token_reviewer_jwt holds a character that no token has")),
        (
            "token_reviewer_jwt",
            json!("a".repeat(20_000)),
            Err("token_reviewer_jwt is longer than 16384 bytes"),
        ),
        (
            "kubernetes_ca_cert",
            json!("a".repeat(70_000)),
            Err("kubernetes_ca_cert is longer than 65536 bytes"),
        ),
        (
            "issuer",
            json!([1]),
            Err(
                "error converting input for field \"issuer\": '' expected type 'string', got unconvertible type '[]interface {}'",
            ),
        ),
    ] {
        check_config(&json!({ "kubernetes_host": "https://api", name: value }), expected);
    }
}

#[test]
fn settings_are_kept_and_not_printed() {
    let given = json!({
        "kubernetes_host": "https://api/", "kubernetes_ca_cert": "CA\n\"x\"", "token_reviewer_jwt": "canary.a.b",
        "issuer": "i", "disable_iss_validation": false, "disable_local_ca_jwt": true,
    });
    let config = KubernetesConfig::parse(&body(&given)).unwrap();
    let kept = KubernetesConfig::decode(config.encode().expose()).unwrap();
    assert_eq!(
        (kept.host.as_str(), kept.ca_cert.as_str(), kept.reviewer_jwt.as_str(), kept.issuer.as_str()),
        ("https://api", "CA\n\"x\"", "canary.a.b", "i")
    );
    assert_eq!((kept.disable_iss_validation, kept.disable_local_ca_jwt), (false, true));
    let login = LoginRequest::parse(&body(&json!({ "role": "r", "jwt": "canary.a.b" }))).unwrap();
    assert!(!format!("{kept:?} {login:?}").contains("canary"));
    for bad in [&b"{}"[..], b"", b"[]", br#"{"v":"2"}"#] {
        assert!(KubernetesConfig::decode(bad).is_none());
    }
    for (host, ca, disabled, local) in [
        ("https://api", "", false, true),
        ("https://api", "x", false, false),
        ("https://api", "x", true, false),
        ("http://localhost", "", false, false),
    ] {
        let fields =
            json!({ "kubernetes_host": host, "kubernetes_ca_cert": ca, "disable_local_ca_jwt": disabled });
        assert_eq!(KubernetesConfig::parse(&body(&fields)).unwrap().is_local(), local, "{fields}");
    }
}

/// Writes the role `r`, and what is then kept.
fn write_role(store: &mut MemoryStore, at: &AuthRef, fields: &Value) -> Result<KubernetesRole, String> {
    let change = KubernetesRoleChange::parse(&body(fields)).map_err(|r| r.to_string())?;
    let command =
        KubernetesCommand::WriteRole { mount: at.clone(), name: "r".to_owned(), change: Box::new(change) };
    run(store, command)?;
    Ok(decode_kubernetes_role(store.get(&kubernetes_role_key(&at.id, "r")).unwrap()).unwrap())
}

fn check_role(fields: Value, expected: Result<KubernetesRole, &str>) {
    let (mut store, at) = store();
    let mut all = json!({ "bound_service_account_names": "sa", "bound_service_account_namespaces": "ns" });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let expected = expected.map_err(str::to_owned);
    assert_eq!(write_role(&mut store, &at, &all), expected, "{all}");
}

fn role() -> KubernetesRole {
    KubernetesRole {
        name: "r".to_owned(),
        bound_names: vec!["sa".to_owned()],
        bound_namespaces: vec!["ns".to_owned()],
        ..KubernetesRole::default()
    }
}

#[test]
fn roles_are_checked() {
    check_role(json!({}), Ok(role()));
    check_role(json!({ "audience": "a" }), Ok(KubernetesRole { audience: "a".to_owned(), ..role() }));
    let all = vec!["*".to_owned()];
    check_role(
        json!({ "bound_service_account_names": "*", "bound_service_account_namespaces": ["*"] }),
        Ok(KubernetesRole { bound_names: all.clone(), bound_namespaces: all, ..role() }),
    );
    let policies = vec!["a".to_owned(), "b".to_owned()];
    check_role(
        json!({ "token_policies": "B, a,a" }),
        Ok(KubernetesRole { policies: policies.clone(), ..role() }),
    );
    check_role(
        json!({ "policies": ["b", "A"], "ttl": "1h", "max_ttl": 7200, "period": 1, "num_uses": 2 }),
        Ok(KubernetesRole { policies, ttl: 3600, max_ttl: 7200, period: 1, num_uses: 2, ..role() }),
    );
    check_role(json!({ "token_ttl": 1, "ttl": 2 }), Ok(KubernetesRole { ttl: 1, ..role() }));
    check_role(
        json!({ "token_type": "service", "alias_name_source": "serviceaccount_name", "token_no_default_policy": true }),
        Ok(KubernetesRole {
            token_type: KubernetesTokenType::Service,
            alias_name_source: AliasNameSource::ServiceAccountName,
            no_default_policy: true,
            ..role()
        }),
    );
    check_role(json!({ "token_bound_cidrs": [], "token_strictly_bind_ip": false }), Ok(role()));
}

#[test]
fn roles_that_do_not_fit_or_are_not_enforced_are_refused() {
    for (fields, expected) in [
        (json!({ "bound_service_account_names": "" }), "\"bound_service_account_names\" can not be empty"),
        (
            json!({ "bound_service_account_namespaces": [] }),
            "\"bound_service_account_namespaces\" can not be empty",
        ),
        (
            json!({ "bound_service_account_names": ["*", "a"] }),
            "bound_service_account_names: can not mix \"*\" with values",
        ),
        (
            json!({ "bound_service_account_namespace_selector": "{}" }),
            "bound_service_account_namespace_selector is not supported by this broker; leave it out",
        ),
        (
            json!({ "token_bound_cidrs": "10.0.0.0/8" }),
            "token_bound_cidrs is not supported by this broker; leave it out",
        ),
        (json!({ "bound_cidrs": "10.0.0.0/8" }), "bound_cidrs is not supported by this broker; leave it out"),
        (
            json!({ "token_strictly_bind_ip": true }),
            "token_strictly_bind_ip is not supported by this broker; leave it out",
        ),
        (json!({ "token_ttl": 2, "token_max_ttl": 1 }), "token_ttl cannot be longer than token_max_ttl"),
        (json!({ "token_policies": "Root" }), "token_policies: a login cannot give the policy \"root\""),
        (
            json!({ "token_type": "batch" }),
            "token_type: batch tokens are not supported by this broker yet; use \"default\" or \"service\"",
        ),
        (json!({ "token_type": "x" }), "invalid 'token_type' value; use \"default\" or \"service\""),
        (
            json!({ "alias_name_source": "x" }),
            "invalid alias_name_source; use \"serviceaccount_uid\" or \"serviceaccount_name\"",
        ),
        (json!({ "audience": "a".repeat(600) }), "audience is longer than 512 bytes"),
        (
            json!({ "bound_service_account_names": vec!["a"; 300] }),
            "bound_service_account_names has more than 256 entries, or one longer than 512 bytes",
        ),
    ] {
        check_role(fields, Err(expected));
    }
}

#[test]
fn roles_change_field_by_field_and_go() {
    let (mut store, at) = store();
    let first = json!({
        "bound_service_account_names": "a,b*", "bound_service_account_namespaces": "ns", "audience": "aud", "token_ttl": 60,
    });
    write_role(&mut store, &at, &first).unwrap();
    let kept = write_role(&mut store, &at, &json!({ "token_policies": "p" })).unwrap();
    assert_eq!((kept.audience.as_str(), kept.ttl, kept.policies.len()), ("aud", 60, 1));
    for (namespace, name, expected) in
        [("ns", "a", true), ("ns", "bc", true), ("ns", "ab", false), ("n", "a", false), ("ns", "", false)]
    {
        assert_eq!(kept.binds(namespace, name), expected, "{namespace}/{name}");
    }
    let gone = AuthRef { id: "other".to_owned(), ..at.clone() };
    let delete =
        |mount: &AuthRef| KubernetesCommand::DeleteRole { mount: mount.clone(), name: "r".to_owned() };
    let changed = "the key was created or deleted at the same time; repeat the request";
    assert_eq!(
        run(&mut store, delete(&gone)).map(drop),
        Err(changed.to_owned()),
        "another method is at the path"
    );
    run(&mut store, delete(&at)).unwrap();
    run(&mut store, delete(&at)).unwrap();
    assert_eq!(store.get(&kubernetes_role_key(&at.id, "r")), None);
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer", "aud": ["aud", "other"], "sub": "system:serviceaccount:ns:sa", "exp": 1_000_600,
        "kubernetes.io": { "namespace": "ns", "serviceaccount": { "name": "sa", "uid": "u-1" } },
    })
}

fn jwt(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part(&claims.to_string()), part("signature"))
}

fn unverified() -> UnverifiedClaims {
    unverified_claims(&jwt(&claims())).unwrap()
}

#[test]
fn what_is_no_service_account_token_is_refused_early() {
    assert_eq!(
        unverified(),
        UnverifiedClaims {
            unverified_issuer: "https://issuer".to_owned(),
            unverified_audiences: vec!["aud".to_owned(), "other".to_owned()],
            unverified_namespace: "ns".to_owned(),
            unverified_name: "sa".to_owned(),
            unverified_uid: "u-1".to_owned(),
            unverified_expiry: Some(1_000_600),
        }
    );
    let changed = |pointer: &str, value: Value| {
        let mut claims = claims();
        *claims.pointer_mut(pointer).unwrap() = value;
        jwt(&claims)
    };
    let legacy = json!({
        "iss": "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/namespace": "ns",
        "kubernetes.io/serviceaccount/service-account.name": "sa", "sub": "system:serviceaccount:ns:sa",
    });
    let account = Denial::NoServiceAccountToken;
    for (text, expected) in [
        ("x".to_owned(), Denial::NoJwt),
        ("a.b".to_owned(), Denial::NoJwt),
        ("a..b".to_owned(), Denial::NoJwt),
        ("..".to_owned(), Denial::NoJwt),
        (format!("{}.x", jwt(&claims())), Denial::NoJwt),
        (format!("{} ", jwt(&claims())), Denial::NoJwt),
        (format!("{}\n", jwt(&claims())), Denial::NoJwt),
        ("a".repeat(MAX_JWT_BYTES + 1), Denial::TooLong),
        (jwt(&json!([])), account.clone()),
        (jwt(&json!({})), account.clone()),
        (jwt(&legacy), account.clone()),
        (changed("/kubernetes.io/namespace", json!("a:b")), account.clone()),
        (changed("/kubernetes.io/namespace", json!("")), account.clone()),
        (changed("/kubernetes.io/serviceaccount/name", json!("a/b")), account.clone()),
        (changed("/kubernetes.io/serviceaccount/name", json!("*")), account.clone()),
        (changed("/kubernetes.io/serviceaccount/uid", json!(1)), account.clone()),
        (changed("/kubernetes.io/serviceaccount/name", json!("a".repeat(300))), account),
    ] {
        assert_eq!(unverified_claims(&text), Err(expected), "{text:.40}");
    }
    assert_eq!(unverified_claims(&changed("/aud", json!("one"))).unwrap().unverified_audiences, ["one"]);
    assert_eq!(unverified_claims(&changed("/exp", json!("x"))).unwrap().unverified_expiry, None);
    for (fields, expected) in [
        (json!({}), "missing role"),
        (json!({ "role": "r" }), "missing jwt"),
        (json!({ "role": "", "jwt": "x" }), "missing role"),
        (json!({ "role": "r", "jwt": 1 }), "missing jwt"),
    ] {
        assert_eq!(LoginRequest::parse(&body(&fields)).unwrap_err().to_string(), expected, "{fields}");
    }
}

fn config(fields: &Value) -> KubernetesConfig {
    let mut all = json!({ "kubernetes_host": "https://api" });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    KubernetesConfig::parse(&body(&all)).unwrap()
}

fn bound_role() -> KubernetesRole {
    KubernetesRole { audience: "aud".to_owned(), ..role() }
}

#[test]
fn the_api_server_is_not_asked_in_vain() {
    let any = config(&json!({}));
    let issuer = |issuer: &str| config(&json!({ "issuer": issuer, "disable_iss_validation": false }));
    let elsewhere = KubernetesRole { bound_namespaces: vec!["other".to_owned()], ..bound_role() };
    for (config, role, expected) in [
        (&any, bound_role(), Ok(())),
        (&issuer("https://issuer"), bound_role(), Ok(())),
        (&issuer("https://issuer/"), bound_role(), Err(Denial::Issuer)),
        (&config(&json!({ "issuer": "ignored" })), bound_role(), Ok(())),
        (&any, KubernetesRole { audience: "x".to_owned(), ..bound_role() }, Err(Denial::UnverifiedAudience)),
        (&any, role(), Err(Denial::UnverifiedAudience)),
        (&any, elsewhere, Err(Denial::UnverifiedNotBound("ns/sa".to_owned()))),
    ] {
        assert_eq!(screen(config, &role, &unverified()), expected, "{role:?}");
    }
}

fn review() -> Value {
    json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": { "token": "x" },
        "status": {
            "authenticated": true, "audiences": ["aud"],
            "user": { "username": "system:serviceaccount:ns:sa", "uid": "u-1", "groups": ["system:serviceaccounts"] },
        },
    })
}

fn check_review(pointer: &str, value: Value, expected: Option<Denial>) {
    let mut answer = review();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = answer.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
    object.insert(name.to_owned(), value);
    let review = Review::parse(answer.to_string().as_bytes()).unwrap();
    assert_eq!(decide(&bound_role(), &unverified(), &review).err(), expected, "{answer}");
}

#[test]
fn only_a_review_of_the_same_account_for_the_audience_lets_in() {
    check_review("/status/authenticated", json!(true), None);
    check_review("/status/audiences", json!(["x", "aud"]), None);
    for value in [json!(false), json!("true"), json!(1), Value::Null] {
        check_review("/status/authenticated", value, Some(Denial::NotAuthenticated));
    }
    check_review("/status/error", json!("token has expired"), Some(Denial::NotAuthenticated));
    for value in [json!([]), Value::Null, json!(["other"]), json!(["AUD"]), json!([["aud"]])] {
        check_review("/status/audiences", value, Some(Denial::Audience));
    }
    for name in [
        "admin",
        "system:serviceaccount:ns",
        "system:serviceaccount:ns:sa:x",
        "system:serviceaccount::sa",
        "system:serviceaccount:ns:",
        "system:node:ns:sa",
        " system:serviceaccount:ns:sa",
        "",
    ] {
        check_review("/status/user/username", json!(name), Some(Denial::NotServiceAccount));
    }
    for name in ["system:serviceaccount:ns:other", "system:serviceaccount:other:sa"] {
        check_review("/status/user/username", json!(name), Some(Denial::Disagrees));
    }
    check_review("/status/user/uid", json!(""), Some(Denial::NoUid));
    check_review("/status/user/uid", Value::Null, Some(Denial::NoUid));
    check_review("/status/user/uid", json!("u-2"), Some(Denial::Disagrees));
    check_review("/status/user", Value::Null, Some(Denial::NotServiceAccount));
    for text in
        ["", "{}", "<html></html>", r#"{"kind":"Status","status":"Failure"}"#, r#"{"kind":"TokenReview"}"#]
    {
        assert_eq!(Review::parse(text.as_bytes()), None, "{text}");
    }
    let review = Review::parse(review().to_string().as_bytes()).unwrap();
    assert_eq!(decide(&role(), &unverified(), &review), Err(Denial::Audience), "a role without audience");
    let elsewhere = KubernetesRole { bound_names: vec!["x".to_owned()], ..bound_role() };
    assert_eq!(decide(&elsewhere, &unverified(), &review), Err(Denial::NotBound("ns/sa".to_owned())));
    assert_eq!(Denial::NotReviewed(String::new()).reason(), ReasonCode::ReviewFailed);
    assert_eq!(Denial::Disagrees.reason(), ReasonCode::LoginRefused);
    let asked: Value = serde_json::from_str(&review_body("a.\"b\".c", "aud")).unwrap();
    assert_eq!(asked["spec"], json!({ "audiences": ["aud"], "token": "a.\"b\".c" }));
}

fn logged_in(role: &KubernetesRole) -> Facts {
    let review = Review::parse(review().to_string().as_bytes()).unwrap();
    facts(&mount(), role, decide(role, &unverified(), &review).unwrap())
}

fn token(mount: &AuthMount, role: &KubernetesRole) -> TokenInfo {
    let ids = NewIds { token_hash_hex: "aa".to_owned(), accessor: "acc".to_owned() };
    plan_token(LoginPlace { mount, now: NOW, ids }, role, logged_in(role))
}

#[test]
fn tokens_of_logins() {
    let by_uid = token(&mount(), &bound_role());
    assert_eq!(
        (by_uid.path.as_str(), by_uid.display_name.as_str()),
        ("auth/k8s/prod/login", "k8s-prod-ns-sa")
    );
    assert_eq!(
        (by_uid.orphan, by_uid.renewable, by_uid.policies.as_slice()),
        (true, true, &["default".to_owned()][..])
    );
    assert_eq!(
        by_uid.facts,
        Facts {
            mount: "k8s/prod".to_owned(),
            issuer: Some("https://issuer".to_owned()),
            subject: "u-1".to_owned(),
            namespace: Some("ns".to_owned()),
            service_account: Some("sa".to_owned()),
            uid: Some("u-1".to_owned()),
            ..Facts::default()
        }
    );
    let meta: Vec<(String, String)> = by_uid.meta.unwrap().into_iter().collect();
    let expected = [
        ("role", "r"),
        ("service_account_name", "sa"),
        ("service_account_namespace", "ns"),
        ("service_account_uid", "u-1"),
    ];
    assert_eq!(meta, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let by_name = KubernetesRole {
        alias_name_source: AliasNameSource::ServiceAccountName,
        no_default_policy: true,
        ..bound_role()
    };
    let by_name = token(&mount(), &by_name);
    assert_eq!((by_name.facts.subject.as_str(), by_name.policies.len()), ("system:serviceaccount:ns:sa", 0));
}

#[test]
fn lives_of_tokens() {
    let system = SYSTEM_MAX_TTL_SECONDS;
    let role = |ttl, max_ttl, period, explicit_max_ttl| KubernetesRole {
        ttl,
        max_ttl,
        period,
        explicit_max_ttl,
        ..bound_role()
    };
    // What the role says, what the method says, and life, hard limit and period that follow, in seconds.
    for (role, (default, max), expected) in [
        (role(0, 0, 0, 0), (0, 0), (system, 0, 0)),
        (role(0, 0, 0, 0), (60, 0), (60, 0, 0)),
        (role(0, 0, 0, 0), (0, 90), (90, 90, 0)),
        (role(120, 0, 0, 0), (60, 90), (90, 90, 0)),
        (role(30, 300, 0, 0), (60, 90), (30, 90, 0)),
        (role(30, 40, 0, 35), (0, 0), (30, 35, 0)),
        (role(0, 40, 0, 0), (0, 0), (40, 40, 0)),
        (role(9_999_999, 0, 0, 0), (0, 0), (system, 0, 0)),
        (role(30, 40, 600, 0), (0, 90), (600, 0, 600)),
        (role(30, 0, 600, 100), (0, 0), (100, 100, 600)),
        (role(0, 0, 9_999_999, 0), (0, 0), (system, 0, system)),
    ] {
        let mount = AuthMount { default_lease_ttl: default, max_lease_ttl: max, ..mount() };
        let token = token(&mount, &role);
        assert_eq!(
            (token.creation_ttl, token.explicit_max_ttl, token.period),
            expected,
            "{role:?} {default} {max}"
        );
        // A renewal at half its life stays within the hard limit.
        let half = NOW.plus_seconds(i64::try_from(token.creation_ttl / 2).unwrap());
        let (renewed, _) = plan_renew(&token, None, 0, half).unwrap();
        let life = renewed.expires.unwrap().seconds() - NOW.seconds();
        let limit = if token.explicit_max_ttl > 0 { token.explicit_max_ttl } else { 2 * system };
        assert!(life <= i64::try_from(limit).unwrap(), "{role:?}: {life}");
    }
}

#[test]
fn a_login_is_written_only_as_it_was_decided() {
    let (mut store, at) = store();
    let fields = json!({ "bound_service_account_names": "sa", "bound_service_account_namespaces": "ns", "audience": "aud" });
    let role = write_role(&mut store, &at, &fields).unwrap();
    let login = |mount: &AuthRef, role: &KubernetesRole| KubernetesCommand::Login {
        mount: mount.clone(),
        role: Box::new(role.clone()),
        create: TokenCommand::Create(Box::new(token(&super::tests::mount(), role))),
    };
    let again = Err("the key was created or deleted at the same time; repeat the request".to_owned());
    let other = AuthRef { id: "other".to_owned(), ..at.clone() };
    assert_eq!(run(&mut store, login(&other, &role)).map(drop), again, "another method");
    let changed = KubernetesRole { ttl: 1, ..role.clone() };
    assert_eq!(run(&mut store, login(&at, &changed)).map(drop), again, "another role");
    assert!(matches!(run(&mut store, login(&at, &role)), Ok(Reply::Token(_))));
    let disable = Command::Auth(AuthCommand::Disable { path: at.path.clone() });
    store.run(&disable).unwrap();
    assert_eq!(store.get(&auth_key(&at.path)), None);
    assert_eq!(run(&mut store, login(&at, &role)).map(drop), again, "no method");
}

#[test]
fn reviews_are_kept_for_seconds() {
    let review = Review::parse(review().to_string().as_bytes()).unwrap();
    let (role, config) = (bound_role(), config(&json!({})));
    let key = review_key("id", &config, &role, "jwt");
    let mut cache = ReviewCache::default();
    cache.put(key, review.clone(), NOW, None);
    for (seconds, there) in [(0, true), (9, true), (10, false), (-1, false)] {
        assert_eq!(cache.get(&key, NOW.plus_seconds(seconds)).is_some(), there, "{seconds}");
    }
    cache.put(key, review.clone(), NOW, Some(NOW.seconds() + 3));
    assert!(cache.get(&key, NOW.plus_seconds(2)).is_some() && cache.get(&key, NOW.plus_seconds(3)).is_none());
    let mut ended = ReviewCache::default();
    ended.put(key, review.clone(), NOW, Some(NOW.seconds()));
    assert!(ended.get(&key, NOW).is_none(), "a token that has ended is not kept");
    let host = KubernetesConfig { host: "https://other".to_owned(), ..config.clone() };
    for other in [
        review_key("id2", &config, &role, "jwt"),
        review_key("id", &host, &role, "jwt"),
        review_key("id", &config, &KubernetesRole { name: "s".to_owned(), ..role.clone() }, "jwt"),
        review_key("id", &config, &KubernetesRole { audience: "x".to_owned(), ..role.clone() }, "jwt"),
        review_key("id", &config, &role, "jwt2"),
    ] {
        assert!(other != key && cache.get(&other, NOW).is_none());
    }
    for i in 0..=MAX_CACHED {
        cache.put(review_key("id", &config, &role, &i.to_string()), review.clone(), NOW, None);
    }
    assert!(cache.get(&review_key("id", &config, &role, &MAX_CACHED.to_string()), NOW).is_none(), "full");
    let later = NOW.plus_seconds(CACHE_SECONDS);
    cache.put(key, review, later, None);
    assert!(cache.get(&key, later).is_some(), "what ended makes room");
}

proptest! {
    /// Whatever arrives, nothing panics, and claims that are taken hold names that are safe to show.
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", payload in any::<Vec<u8>>()) {
        let made = format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(&payload));
        for jwt in [text.as_str(), made.as_str()] {
            if let Ok(claims) = unverified_claims(jwt) {
                prop_assert!(!claims.unverified_name.contains([':', '/', '*', '"']));
            }
        }
        let _ = Review::parse(&payload);
        let _ = KubernetesConfig::decode(&payload);
    }

    /// A login is allowed exactly where everything fits.
    #[test]
    fn decisions_follow_the_model(
        authenticated: bool,
        audience in "aud|other|",
        username in "system:serviceaccount:(ns|x):(sa|y)|system:node:n|",
        uid in "u-1|u-2|",
        bound in "sa|s\\*|y|\\*",
    ) {
        let review = Review { authenticated, username: username.clone(), uid: uid.clone(), audiences: vec![audience.clone()] };
        let role = KubernetesRole { bound_names: vec![bound.clone()], ..bound_role() };
        let fits = authenticated && audience == "aud" && username == "system:serviceaccount:ns:sa" && uid == "u-1" && bound != "y";
        prop_assert_eq!(decide(&role, &unverified(), &review).is_ok(), fits);
    }
}
