//! Holds the definitions against the field's tables, against what a real server listed, and against our own reader.

use serde_json::Value;

use super::{PROVIDERS, SUPPORTED_PROVIDER, all, yaml_documents};

mod fields;
mod reader;
mod structural;

/// A definition as JSON.
fn json(plural: &str) -> Value {
    let crd = all().into_iter().find(|crd| crd.plural == plural).unwrap();
    serde_json::from_str(&crd.to_json()).unwrap()
}

/// The schema of a version.
fn schema(plural: &str, version: &str) -> Value {
    let crd = json(plural);
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let found = versions.iter().find(|it| it["name"] == version).unwrap();
    found["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn names_scopes_versions_and_columns_as_observed() {
    let observed: Vec<Value> = serde_json::from_str(include_str!("tests/observed.json")).unwrap();
    let built = all();
    assert_eq!(built.len(), observed.len());
    for (crd, want) in built.iter().zip(&observed) {
        let got: Value = serde_json::from_str(&crd.to_json()).unwrap();
        let (meta, spec) = (&got["metadata"], &got["spec"]);
        assert_eq!(meta["name"], want["name"]);
        assert_eq!(crd.name(), want["name"]);
        assert_eq!(meta["labels"], want["labels"]);
        assert_eq!(spec["group"], "external-secrets.io");
        assert_eq!(spec["scope"], want["scope"]);
        for field in ["kind", "plural", "singular", "shortNames", "categories"] {
            assert_eq!(spec["names"][field], want[field], "{} {field}", crd.name());
        }
        assert_eq!(spec["names"]["listKind"], format!("{}List", want["kind"].as_str().unwrap()));
        assert_eq!(spec["conversion"], Value::Null, "objects change their version by name only");
        let versions = spec["versions"].as_array().unwrap();
        assert_eq!(versions.len(), want["versions"].as_array().unwrap().len());
        for (got, want) in versions.iter().zip(want["versions"].as_array().unwrap()) {
            for field in ["name", "served", "storage", "selectableFields"] {
                assert_eq!(got[field], want[field], "{} {field}", crd.name());
            }
            assert_eq!(got["deprecated"].as_bool().unwrap_or(false), want["deprecated"]);
            assert_eq!(got["additionalPrinterColumns"], want["printerColumns"], "{}", crd.name());
            let subresources: Vec<&String> = got["subresources"].as_object().unwrap().keys().collect();
            assert_eq!(serde_json::json!(subresources), want["subresources"]);
        }
    }
}

#[test]
fn both_forms_say_the_same_and_are_small() {
    for crd in all() {
        let json: Value = serde_json::from_str(&crd.to_json()).unwrap();
        let yaml: Value = serde_saphyr::from_str(&crd.to_yaml()).unwrap();
        assert_eq!(yaml, json, "{}", crd.name());
        // What `kubectl apply` keeps in an annotation, which holds 256 KiB.
        assert!(crd.to_json().len() < 256 * 1024, "{}: {} bytes", crd.name(), crd.to_json().len());
        assert_eq!(crd.file_name(), format!("external-secrets.io_{}.yaml", crd.plural));
    }
    assert_eq!(all(), all());
    let parts: Vec<String> = all().iter().map(super::Crd::to_yaml).collect();
    let stream = yaml_documents();
    assert_eq!(stream.split("---\n").skip(1).collect::<Vec<_>>(), parts);
}

#[test]
fn providers_are_sorted_and_known_once() {
    assert!(PROVIDERS.is_sorted_by(|a, b| a.to_ascii_lowercase() < b.to_ascii_lowercase()));
    assert!(PROVIDERS.contains(&SUPPORTED_PROVIDER));
    assert_eq!(PROVIDERS.len(), 43);
}

#[test]
fn the_old_version_keeps_everything() {
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        let old = schema(plural, "v1beta1");
        for part in ["spec", "status"] {
            assert_eq!(old["properties"][part]["type"], "object");
            assert_eq!(old["properties"][part]["x-kubernetes-preserve-unknown-fields"], true);
        }
    }
    assert_eq!(schema("secretstores", "v1")["properties"]["spec"], {
        schema("clustersecretstores", "v1")["properties"]["spec"].clone()
    });
}

/// The conditions over several fields, by the place they stand at.
#[test]
fn rules_over_several_fields() {
    let check = |plural: &str, path: &str, checks: &[&str]| {
        let schema = schema(plural, "v1");
        let at = path.split('.').fold(&schema["properties"]["spec"], |at, name| &at["properties"][name]);
        let rules = at["x-kubernetes-validations"].as_array().unwrap();
        let got: Vec<_> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
        assert_eq!(got, checks, "{path}");
        for rule in rules {
            assert!(
                rule["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("set ") || text.contains("choose ")),
                "{path}: the message says what to do"
            );
        }
    };
    check(
        "externalsecrets",
        "target",
        &[
            "self.deletionPolicy != 'Delete' || self.creationPolicy in ['Owner', 'Orphan']",
            "self.deletionPolicy != 'Merge' || self.creationPolicy != 'None'",
        ],
    );
    let vault = |path: &str, rule: &str| check("secretstores", &format!("provider.vault{path}"), &[rule]);
    vault(
        "",
        "self.version != 'v1' || !has(self.checkAndSet) || !has(self.checkAndSet.required) \
         || !self.checkAndSet.required",
    );
    vault(".tls", "has(self.certSecretRef) == has(self.keySecretRef)");
    vault(".auth.appRole", "has(self.roleRef) || (has(self.roleId) && self.roleId != '')");
    vault(".auth.jwt", "has(self.secretRef) || has(self.kubernetesServiceAccountToken)");
}
