//! The CustomResourceDefinitions on a real API server: applied, over the originals, and what they let through.

use std::collections::BTreeSet;

use harness::kube::{Access, Cluster, Namespace};
use serde_json::{Map, Value, json};
use syncer_core::crds;

const GROUP: &str = "/apis/external-secrets.io/v1";

/// Every field of ExternalSecret, and every field of the stores; VERSION stands for the version.
const OBJECTS: [&str; 2] = [include_str!("crds/external-secrets.yaml"), include_str!("crds/stores.yaml")];

/// The plurals with the kinds, and whether the kind is in namespaces.
const KINDS: [(&str, &str, bool); 3] = [
    ("externalsecrets", "ExternalSecret", true),
    ("secretstores", "SecretStore", true),
    ("clustersecretstores", "ClusterSecretStore", false),
];

/// Waits until the API server checks objects with our schemas.
fn wait_in_force(access: &Access, namespace: &Namespace) {
    let start = std::time::Instant::now();
    loop {
        let wrong = [
            create(access, namespace, "ExternalSecret", &json!({"refreshPolicy": "Never"})),
            create(access, namespace, "SecretStore", &json!({"provider": {}})),
            create(access, namespace, "ClusterSecretStore", &json!({"provider": {}})),
        ];
        if wrong.iter().all(|(status, _)| *status == 422) {
            return;
        }
        assert!(start.elapsed() < crate::LIMIT, "not in force: {wrong:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Tries to create an object with this spec, without keeping it: status and message, or the object as it would be.
fn create(access: &Access, namespace: &Namespace, kind: &str, spec: &Value) -> (u16, Value) {
    let (plural, _, inside) = KINDS.iter().find(|(_, it, _)| *it == kind).unwrap();
    let place =
        if *inside { format!("namespaces/{}/{plural}", namespace.name()) } else { (*plural).to_owned() };
    let path = format!("{GROUP}/{place}?dryRun=All&fieldValidation=Strict");
    let body = json!({
        "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": "tried"}, "spec": spec,
    });
    let answer = access.api("POST", &path, Some(&body)).unwrap();
    (answer.status, answer.body)
}

/// A shared cluster that has our definitions.
fn with_ours() -> (&'static Cluster, Namespace) {
    let cluster = Cluster::shared().unwrap();
    cluster.kubectl_with(&["apply", "--server-side", "-f", "-"], &crds::yaml_documents()).unwrap();
    let namespace = cluster.namespace().unwrap();
    wait_in_force(cluster, &namespace);
    (cluster, namespace)
}

#[test]
fn they_are_accepted_and_stay_as_applied() {
    let cluster = Cluster::start().unwrap();
    let documents = crds::yaml_documents();
    for way in [&[][..], &["--server-side", "--force-conflicts"][..]] {
        cluster.kubectl_with(&[&["apply", "-f", "-"], way].concat(), &documents).unwrap();
        let differences = cluster.kubectl_with(&[&["diff", "-f", "-"], way].concat(), &documents);
        assert!(differences.is_ok(), "{way:?}: {:.2000}", differences.unwrap_err().to_string());
    }
    for crd in crds::all() {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", crd.name());
        let got = cluster.get_json(&path).unwrap();
        let conditions = got["status"]["conditions"].as_array().unwrap();
        let of = |kind: &str| conditions.iter().find(|it| it["type"] == kind).map(|it| it["status"].clone());
        assert_eq!(of("Established"), Some(json!("True")), "{}: {conditions:?}", crd.name());
        assert_eq!(of("NamesAccepted"), Some(json!("True")), "{}", crd.name());
        assert_eq!(of("NonStructuralSchema"), None, "{}: {conditions:?}", crd.name());
        assert_eq!(got["status"]["storedVersions"], json!(["v1"]));
    }
}

#[test]
fn names_columns_and_selectors() {
    let (_, namespace) = with_ours();
    let spec = |store: &str| json!({"secretStoreRef": {"name": store}, "data": []});
    for name in ["a", "b"] {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name},
            "spec": spec(&format!("store-{name}")),
        });
        namespace.apply(&object.to_string()).unwrap();
    }
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "s"},
        "spec": {"provider": {"fake": {"data": []}}},
    });
    namespace.apply(&store.to_string()).unwrap();
    let header = |arguments: &[&str]| {
        let printed = namespace.kubectl(arguments).unwrap();
        let line = printed.lines().next().unwrap_or_default().to_owned();
        line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join("|")
    };
    assert_eq!(header(&["get", "es"]), "NAME|STORETYPE|STORE|REFRESH INTERVAL|STATUS|READY|LAST SYNC");
    assert_eq!(header(&["get", "ss"]), "NAME|AGE|STATUS|CAPABILITIES|READY");
    namespace.kubectl(&["get", "css"]).unwrap();
    let all = namespace.kubectl(&["get", "external-secrets", "-o", "name"]).unwrap();
    assert!(
        all.contains("externalsecret.external-secrets.io/a")
            && all.contains("secretstore.external-secrets.io/s")
    );
    let selector = "spec.secretStoreRef.name=store-b,spec.refreshInterval=1h0m0s";
    let found = namespace.kubectl(&["get", "es", "--field-selector", selector, "-o", "name"]).unwrap();
    assert_eq!(found, "externalsecret.external-secrets.io/b\n");
}

#[test]
fn defaults_are_written() {
    let (cluster, namespace) = with_ours();
    let check = |kind: &str, spec: Value, pointer: &str, want: Value| {
        let (status, object) = create(cluster, &namespace, kind, &spec);
        assert_eq!(status, 201, "{object}");
        assert_eq!(object.pointer(pointer), Some(&want), "{object}");
    };
    let es = |spec: Value, pointer: &str, want: Value| check("ExternalSecret", spec, pointer, want);
    es(
        json!({}),
        "/spec",
        json!({"refreshInterval": "1h0m0s", "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"}}),
    );
    es(
        json!({"target": {"template": {"templateFrom": [{"secret": {"name": "s", "items": [{"key": "k"}]}}]}}}),
        "/spec/target",
        json!({
            "creationPolicy": "Owner", "deletionPolicy": "Retain",
            "template": {
                "engineVersion": "v2", "mergePolicy": "Replace",
                "templateFrom": [{"target": "Data", "secret": {
                    "name": "s", "items": [{"key": "k", "templateAs": "Values"}],
                }}],
            },
        }),
    );
    es(
        json!({"data": [{"secretKey": "a", "remoteRef": {"key": "k"}}]}),
        "/spec/data/0",
        json!({"secretKey": "a", "remoteRef": {"key": "k"}}),
    );
    es(
        json!({"dataFrom": [{"extract": {"key": "k"}, "rewrite": [{"merge": {}}]}]}),
        "/spec/dataFrom/0/rewrite/0/merge",
        json!({"into": "", "priorityPolicy": "Strict", "conflictPolicy": "Error", "strategy": "Extract"}),
    );
    let vault =
        |auth: Value| json!({"provider": {"vault": {"server": "http://127.0.0.1:8200", "auth": auth}}});
    for kind in ["SecretStore", "ClusterSecretStore"] {
        check(kind, vault(json!({})), "/spec/provider/vault/version", json!("v2"));
        let kubernetes = vault(json!({"kubernetes": {"role": "r"}}));
        check(kind, kubernetes, "/spec/provider/vault/auth/kubernetes/mountPath", json!("kubernetes"));
        let user = vault(json!({"userPass": {"username": "u"}}));
        check(kind, user, "/spec/provider/vault/auth/userPass/path", json!("userpass"));
        let cert = vault(json!({"cert": {}}));
        check(kind, cert, "/spec/provider/vault/auth/cert/path", json!("cert"));
    }
}

#[test]
fn wrong_external_secrets_are_refused_by_field() {
    let (cluster, namespace) = with_ours();
    let check = |spec: Value, parts: &[&str]| {
        let (status, answer) = create(cluster, &namespace, "ExternalSecret", &spec);
        let message = answer["message"].as_str().unwrap_or_default();
        assert!([400, 422].contains(&status), "{spec}: {status} {answer}");
        assert!(parts.iter().all(|part| message.contains(part)), "{spec}: {message}");
    };
    check(json!({"refreshPolicy": "Never"}), &["spec.refreshPolicy", "Periodic"]);
    check(json!({"refreshInterval": 5}), &["spec.refreshInterval", "string"]);
    check(json!({"refreshIntervall": "1h"}), &["spec.refreshIntervall", "unknown field"]);
    check(json!({"secretStoreRef": {"name": "A B"}}), &["spec.secretStoreRef.name"]);
    check(json!({"secretStoreRef": {"kind": "Store"}}), &["spec.secretStoreRef.kind"]);
    check(json!({"syncWindows": {"kind": "deny", "windows": []}}), &["spec.syncWindows.windows"]);
    let window = json!({"schedule": "at night", "duration": "1h"});
    check(json!({"syncWindows": {"kind": "deny", "windows": [window]}}), &["windows[0].schedule"]);
    check(json!({"data": [{"secretKey": "a"}]}), &["spec.data[0].remoteRef", "Required"]);
    check(json!({"data": [{"secretKey": "a/b", "remoteRef": {"key": "k"}}]}), &["spec.data[0].secretKey"]);
    let both = json!({"storeRef": {"name": "a"}, "generatorRef": {"kind": "UUID", "name": "b"}});
    let data = json!({"secretKey": "a", "remoteRef": {"key": "k"}, "sourceRef": both});
    check(json!({"data": [data]}), &["spec.data[0].sourceRef"]);
    let generator = json!({"generatorRef": {"kind": "Dice", "name": "b"}});
    check(json!({"dataFrom": [{"sourceRef": generator}]}), &["spec.dataFrom[0].sourceRef.generatorRef.kind"]);
    check(json!({"dataFrom": [{"rewrite": []}]}), &["spec.dataFrom[0]"]);
    let rewrite = json!([{"regexp": {"source": "a", "target": "b"}, "merge": {}}]);
    check(
        json!({"dataFrom": [{"extract": {"key": "k"}, "rewrite": rewrite}]}),
        &["spec.dataFrom[0].rewrite[0]"],
    );
    let target = |creation: &str, deletion: &str| json!({"target": {"creationPolicy": creation, "deletionPolicy": deletion}});
    for creation in ["Merge", "None", "CreateOrMerge"] {
        check(target(creation, "Delete"), &["spec.target.deletionPolicy", "Delete needs creationPolicy"]);
    }
    check(target("None", "Merge"), &["spec.target.deletionPolicy", "choose Retain"]);
    check(target("Maybe", "Retain"), &["spec.target.creationPolicy"]);
    for good in [target("Orphan", "Delete"), target("Merge", "Merge"), target("None", "Retain"), json!({})] {
        let (status, answer) = create(cluster, &namespace, "ExternalSecret", &good);
        assert_eq!(status, 201, "{answer}");
    }
}

#[test]
fn wrong_stores_are_refused_by_field() {
    let (cluster, namespace) = with_ours();
    let check = |provider: Value, parts: &[&str]| {
        for kind in ["SecretStore", "ClusterSecretStore"] {
            let (status, answer) = create(cluster, &namespace, kind, &json!({"provider": provider}));
            let message = answer["message"].as_str().unwrap_or_default();
            assert!([400, 422].contains(&status), "{provider}: {status} {answer}");
            assert!(parts.iter().all(|part| message.contains(part)), "{provider}: {message}");
        }
    };
    let vault = |more: Value| {
        let mut vault = json!({"server": "http://127.0.0.1:8200"});
        vault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"vault": vault})
    };
    check(json!({}), &["spec.provider"]);
    check(json!({"aws": {}, "fake": {}}), &["spec.provider"]);
    check(json!({"valt": {}}), &["spec.provider.valt", "unknown field"]);
    check(json!({"aws": "x"}), &["spec.provider.aws"]);
    check(json!({"vault": {}}), &["spec.provider.vault.server", "Required"]);
    check(vault(json!({"version": "v3"})), &["spec.provider.vault.version"]);
    check(vault(json!({"caBundle": "!"})), &["spec.provider.vault.caBundle"]);
    check(vault(json!({"pth": "x"})), &["spec.provider.vault.pth", "unknown field"]);
    let tls = json!({"tls": {"certSecretRef": {"name": "a", "key": "b"}}});
    check(vault(tls), &["spec.provider.vault.tls", "set both"]);
    let auth = |auth: Value| vault(json!({"auth": auth}));
    check(auth(json!({"tokenSecretRef": {"namespace": "A"}})), &["vault.auth.tokenSecretRef.namespace"]);
    check(auth(json!({"kubernetes": {}})), &["vault.auth.kubernetes.role", "Required"]);
    check(auth(json!({"jwt": {}})), &["vault.auth.jwt", "set secretRef"]);
    check(auth(json!({"appRole": {"secretRef": {}}})), &["vault.auth.appRole.roleId", "set roleId"]);
    check(auth(json!({"appRole": {"secretRef": {}, "roleId": ""}})), &["vault.auth.appRole.roleId"]);
    let set = |version: &str, required: bool| {
        vault(json!({"version": version, "checkAndSet": {"required": required}}))
    };
    check(set("v1", true), &["vault.checkAndSet", "set version to v2"]);
    for good in [set("v2", true), set("v1", false), auth(json!({"jwt": {"secretRef": {"name": "a"}}}))] {
        for interval in [json!(30), json!("5m")] {
            let spec = json!({"provider": good, "refreshInterval": interval});
            let (status, answer) = create(cluster, &namespace, "SecretStore", &spec);
            assert_eq!(status, 201, "{answer}");
        }
    }
}

/// Definitions of the same names as others leave them: any field is kept, and `status` is written with the rest.
fn foreign(stored: &str) -> String {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |name: &str| {
        json!({
            "name": name, "served": name == stored, "storage": name == stored,
            "schema": {"openAPIV3Schema": any},
            "additionalPrinterColumns": [{"name": "Other", "type": "string", "jsonPath": ".spec.x"}],
        })
    };
    let definitions = KINDS.iter().map(|(plural, kind, inside)| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.external-secrets.io"),
                "labels": {"external-secrets.io/component": "controller", "helm": "other"},
                "annotations": {"controller-gen.kubebuilder.io/version": "v0.19.0"},
            },
            "spec": {
                "group": "external-secrets.io", "scope": if *inside { "Namespaced" } else { "Cluster" },
                "names": {"kind": kind, "plural": plural},
                "versions": [version("v1"), version("v1beta1")],
            },
        })
    });
    json!({"apiVersion": "v1", "kind": "List", "items": definitions.collect::<Vec<_>>()}).to_string()
}

/// All objects of the three kinds as version v1 shows them, by kind and name.
fn objects(cluster: &Cluster) -> Map<String, Value> {
    let mut found = Map::new();
    for (plural, kind, _) in KINDS {
        let list = cluster.get_json(&format!("{GROUP}/{plural}")).unwrap();
        for item in list["items"].as_array().unwrap() {
            found.insert(format!("{kind}/{}", item["metadata"]["name"].as_str().unwrap()), item.clone());
        }
    }
    found
}

/// Waits until the version is served as the foreign definitions say.
fn wait_foreign(cluster: &Cluster, version: &str) {
    for (plural, _, _) in KINDS {
        let path = format!("/apis/external-secrets.io/{version}/{plural}");
        cluster.wait_for(&path, crate::LIMIT, |answer| answer.status == 200).unwrap();
    }
}

/// Stores objects under foreign definitions with these versions, applies ours in this way, and compares the objects.
fn take_over(cluster: &Cluster, stored: &[&str], way: &[&str]) {
    let namespace = cluster.namespace().unwrap();
    for (at, version) in stored.iter().enumerate() {
        cluster.kubectl_with(&["apply", "-f", "-"], &foreign(version)).unwrap();
        wait_foreign(cluster, version);
        for text in OBJECTS.iter().filter(|_| at == 0) {
            let arguments = ["--namespace", namespace.name(), "create", "-f", "-"];
            cluster.kubectl_with(&arguments, &text.replace("VERSION", version)).unwrap();
        }
    }
    let before = objects(cluster);
    every_field_is_there(&before);
    for (plural, _, _) in KINDS {
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.external-secrets.io");
        assert_eq!(cluster.get_json(&path).unwrap()["status"]["storedVersions"], json!(stored));
    }
    cluster.kubectl_with(&[way, &["-f", "-"]].concat(), &crds::yaml_documents()).unwrap();
    wait_in_force(cluster, &namespace);
    let now = objects(cluster);
    let changed: Vec<_> = before.iter().filter(|(name, object)| now.get(*name) != Some(*object)).collect();
    assert!(changed.is_empty() && now.len() == before.len(), "{stored:?}: changed: {changed:?}");

    // A write stores the object anew, by the new schema.
    for (kind, name) in
        [("es", "whole"), ("es", "contradiction"), ("ss", "vault"), ("ss", "azure"), ("css", "aws")]
    {
        namespace.kubectl(&["label", kind, name, "touched=yes"]).unwrap();
        let status = "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}";
        namespace
            .kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", status])
            .unwrap();
    }
    let after = objects(cluster);
    for (name, object) in &before {
        assert_eq!(after[name]["spec"], object["spec"], "{name}: written anew");
    }
    assert_eq!(after["ClusterSecretStore/aws"]["metadata"]["labels"]["touched"], "yes");
    let names: Vec<String> = crds::all().iter().map(crds::Crd::name).collect();
    let mut delete = vec!["delete", "crd"];
    delete.extend(names.iter().map(String::as_str));
    cluster.kubectl(&delete).unwrap();
}

/// The objects have every field that our schemas have, so that none can be dropped unseen.
fn every_field_is_there(objects: &Map<String, Value>) {
    fn paths(schema: &Value, path: &str, out: &mut BTreeSet<String>) {
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            out.insert(format!("{path}.{name}"));
            paths(inner, &format!("{path}.{name}"), out);
        }
        if let Some(items) = schema.get("items") {
            paths(items, &format!("{path}[]"), out);
        }
    }
    fn used(value: &Value, path: &str, out: &mut BTreeSet<String>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            out.insert(format!("{path}.{name}"));
            used(inner, &format!("{path}.{name}"), out);
        }
        for item in value.as_array().into_iter().flatten() {
            used(item, &format!("{path}[]"), out);
        }
    }
    let (mut known, mut there) = (BTreeSet::new(), BTreeSet::new());
    for crd in crds::all() {
        let json: Value = serde_json::from_str(&crd.to_json()).unwrap();
        paths(&json["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "", &mut known);
    }
    for object in objects.values() {
        used(object, "", &mut there);
    }
    let other = |path: &&String| {
        path.strip_prefix(".spec.provider.").is_none_or(|rest| rest == "vault" || rest.starts_with("vault."))
    };
    let missing: Vec<_> = known.difference(&there).filter(other).collect();
    assert!(missing.is_empty(), "no object has {missing:#?}");
}

#[test]
fn stored_objects_outlive_the_change_of_definitions() {
    let cluster = Cluster::start().unwrap();
    take_over(&cluster, &["v1"], &["apply"]);
    take_over(&cluster, &["v1beta1", "v1"], &["apply", "--server-side", "--force-conflicts"]);
}
