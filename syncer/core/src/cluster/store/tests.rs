//! Stores as a server gives them, who may use them, and what their validation means.

use super::super::store_spec::{Auth, CaSource, JwtSource};
use super::*;

fn vault(fields: Value) -> Value {
    let mut vault = json!({"server": "http://127.0.0.1:8200/", "path": "secret", "version": "v2",
        "auth": {"tokenSecretRef": {"name": "tok", "key": "token"}}});
    for (name, value) in fields.as_object().unwrap() {
        vault[name] = value.clone();
    }
    json!({"provider": {"vault": vault}})
}

fn store(kind: StoreKind, spec: Value, status: Value) -> ClusterStore {
    let mut metadata = json!({"name": "s", "uid": "u", "resourceVersion": "3", "generation": 1});
    if kind == StoreKind::SecretStore {
        metadata["namespace"] = json!("shop");
    }
    let value = json!({"apiVersion": "external-secrets.io/v1", "kind": kind.as_str(), "metadata": metadata,
        "spec": spec, "status": status});
    read_store(value.to_string().as_bytes(), kind).unwrap()
}

const READY_STATUS: &str = r#"{"conditions":[{"type":"Ready","status":"True","reason":"Valid","message":"store validated","lastTransitionTime":"2026-11-24T23:26:05Z"}],"capabilities":"ReadWrite"}"#;

fn ready() -> Value {
    serde_json::from_str(READY_STATUS).unwrap()
}

/// The provider as it is understood, in short, or what is wrong.
#[track_caller]
fn check(kind: StoreKind, spec: Value, want: &str) {
    let got = match store(kind, spec.clone(), json!({})).spec {
        Ok(spec) => {
            let ca = match &spec.ca {
                CaSource::System => "system".to_owned(),
                CaSource::Bundle(_) => "bundle".to_owned(),
                CaSource::ConfigMap(key) => format!("configmap {}.{}", key.name, key.key),
                CaSource::Secret(key) => format!("secret {}.{}", key.name, key.key),
            };
            let auth = match &spec.auth {
                Auth::Token(key) => format!("token {:?} {}.{}", key.namespace, key.name, key.key),
                Auth::Kubernetes {
                    mount,
                    role,
                    jwt: JwtSource::ServiceAccount { namespace, name, audiences },
                } => {
                    format!("{mount} {role} account {namespace:?} {name} {audiences:?}")
                }
                Auth::Kubernetes { mount, role, jwt: JwtSource::Secret(key) } => {
                    format!("{mount} {role} secret {:?} {}.{}", key.namespace, key.name, key.key)
                }
            };
            format!("{} {ca} {auth} {}", spec.server, spec.is_referent())
        }
        Err(problems) => problems.join("; "),
    };
    assert!(got.contains(want), "{spec}:\n got {got}\nwant {want}");
}

#[test]
fn providers_are_understood_or_named() {
    use StoreKind::{ClusterSecretStore as Cluster, SecretStore as Own};
    let auth = |auth: Value| vault(json!({"auth": auth}));
    check(Own, vault(json!({})), "http://127.0.0.1:8200 system token Some(\"shop\") tok.token false");
    check(Cluster, vault(json!({})), "token None tok.token true");
    check(
        Cluster,
        auth(json!({"tokenSecretRef": {"name": "t", "key": "k", "namespace": "n"}})),
        "Some(\"n\") t.k false",
    );
    check(
        Own,
        auth(json!({"tokenSecretRef": {"name": "t", "key": "k", "namespace": "n"}})),
        "a SecretStore uses objects of its own",
    );
    check(Own, auth(json!({"tokenSecretRef": {"name": "t"}})), "tokenSecretRef.key: is empty");
    let account = json!({"name": "sa", "audiences": ["vault"]});
    check(
        Own,
        auth(json!({"kubernetes": {"role": "r", "mountPath": "k8s", "serviceAccountRef": account}})),
        "k8s r account Some(\"shop\") sa [\"vault\"] false",
    );
    check(
        Cluster,
        auth(json!({"kubernetes": {"role": "r", "serviceAccountRef": account}})),
        "kubernetes r account None sa [\"vault\"] true",
    );
    check(
        Own,
        auth(json!({"kubernetes": {"role": "r", "secretRef": {"name": "x"}}})),
        "secret Some(\"shop\") x.token",
    );
    check(Own, auth(json!({"kubernetes": {"role": "r"}})), "the syncer's own rights would be used");
    check(Own, auth(json!({"appRole": {"path": "approle"}})), "auth.appRole: not supported yet");
    check(Own, auth(json!({})), "has no method that is supported");
    check(
        Own,
        json!({"provider": {"aws": {"service": "SecretsManager"}}}),
        "spec.provider.aws: not supported by this controller",
    );
    check(Own, vault(json!({"server": "vault"})), "spec.provider.vault.server: not a URL");
    check(Own, vault(json!({"caProvider": {"type": "ConfigMap", "name": "ca"}})), "configmap ca.ca.crt");
    check(
        Cluster,
        vault(json!({"caProvider": {"type": "Secret", "name": "ca"}})),
        "caProvider.namespace: required",
    );
    check(Own, vault(json!({"caBundle": "AAAA"})), "caBundle: not Base64 of certificates");
}

#[test]
fn conditions_of_a_cluster_store_are_alternatives() {
    let conditions = json!([
        {"namespaces": ["one"]},
        {"namespaceRegexes": ["^team-"]},
        {"namespaceSelector": {"matchLabels": {"env": "prod"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}},
    ]);
    let mut spec = vault(json!({}));
    spec["conditions"] = conditions;
    let store = store(StoreKind::ClusterSecretStore, spec, ready());
    assert!(store.conditions.needs_labels());
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    for (namespace, labels, allowed) in [
        ("one", labels(&[]), true),
        ("team-a", labels(&[]), true),
        ("a-team-a", labels(&[]), false),
        ("other", labels(&[("env", "prod")]), true),
        ("other", labels(&[("env", "prod"), ("tier", "x")]), false),
        ("other", labels(&[("env", "test")]), false),
    ] {
        assert_eq!(store.conditions.allow(namespace, &labels), allowed, "{namespace} {labels:?}");
    }
    assert!(Conditions::default().allow("any", &BTreeMap::new()));
}

#[test]
fn a_gate_says_why_in_the_words_people_know() {
    let none = BTreeMap::new();
    let own = StoreRef { kind: StoreKind::SecretStore, name: "s".into() };
    let cluster = StoreRef { kind: StoreKind::ClusterSecretStore, name: "s".into() };
    let at = |reference: &StoreRef, store: Option<&ClusterStore>, flood| {
        gate(reference, store, ("shop", &none), "default", flood)
    };
    let closed = |text: &str| Gate::Closed(text.to_owned());
    let missing = r#"could not get SecretStore "s", SecretStore.external-secrets.io "s" not found"#;
    assert_eq!(at(&own, None, true), closed(missing));
    let fresh = store(StoreKind::SecretStore, vault(json!({})), json!({}));
    assert_eq!(at(&own, Some(&fresh), true), closed(r#"SecretStore "s" is not ready"#));
    assert_eq!(at(&own, Some(&fresh), false), Gate::Open);
    let good = store(StoreKind::SecretStore, vault(json!({})), ready());
    assert_eq!(at(&own, Some(&good), true), Gate::Open);
    let mut spec = vault(json!({}));
    spec["controller"] = json!("other");
    assert_eq!(at(&own, Some(&store(StoreKind::SecretStore, spec.clone(), json!({}))), true), Gate::Skip);
    spec["controller"] = json!("default");
    assert_eq!(at(&own, Some(&store(StoreKind::SecretStore, spec, ready())), true), Gate::Open);
    let mut spec = vault(json!({}));
    spec["conditions"] = json!([{"namespaces": ["elsewhere"]}]);
    let denied = r#"using cluster store "s" is not allowed from namespace "shop": denied by spec.condition"#;
    let store = store(StoreKind::ClusterSecretStore, spec, ready());
    assert_eq!(at(&cluster, Some(&store), true), closed(denied));
}

#[test]
fn validation_becomes_the_observed_conditions() {
    let store = |status: Value| store(StoreKind::SecretStore, vault(json!({})), status);
    let rows = [
        (Validation::Valid, "True", "Valid", "store validated", "ReadWrite"),
        (Validation::Refused("403".into()), "False", "InvalidProviderConfig", "unable to validate store", ""),
        (
            Validation::NoClient("none".into()),
            "False",
            "InvalidProviderConfig",
            "unable to create client",
            "",
        ),
    ];
    for (validation, status, reason, message, capabilities) in rows {
        let change = plan_store(&store(json!({})), &validation, 0);
        let new = change.status.unwrap();
        let condition = new.conditions.first().unwrap();
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), (status, reason));
        assert_eq!((condition.message.as_str(), new.capabilities.as_str()), (message, capabilities));
        let event = change.event.unwrap();
        assert_eq!(
            (event.warning, event.reason, change.ready),
            (status == "False", reason, status == "True")
        );
    }
    let same = plan_store(&store(ready()), &Validation::Valid, 99);
    assert_eq!((same.status, same.event), (None, None));
    let lost = plan_store(&store(ready()), &Validation::Refused("403".into()), 99);
    assert_eq!(lost.status.unwrap().capabilities, "ReadWrite");
}

#[test]
fn intervals_are_seconds_or_durations() {
    for (given, want) in
        [(json!(60), Some(60)), (json!("2m"), Some(120)), (json!(0), None), (json!("x"), None)]
    {
        let mut spec = vault(json!({}));
        spec["refreshInterval"] = given;
        let store = store(StoreKind::SecretStore, spec, json!({}));
        assert_eq!(store.interval, want.map(Duration::from_secs));
    }
}
