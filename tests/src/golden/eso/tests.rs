//! What of the runner needs no cluster: addresses, features, differences on purpose, and that the file is understood.

use super::*;
use crate::golden::eso_setup::spec_of;

fn recorded() -> Value {
    let path = crate::folder().join("golden").join(FILE);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn addresses_and_names_are_those_of_the_run() {
    let text = json!({
        "a": "URL: GET http://127.0.0.1:28200/v1/x", "b": "dial tcp 127.0.0.1:28999: connect: connection refused",
        "spec": {"name": "css-cond-obs"}, "message": "store \"css-cond-obs1\" from \"obs1\"", "css-ref-obs1": 1,
    });
    let got = localized(&text, "obs1", "127.0.0.1:1", "http://127.0.0.1:2").unwrap();
    let wanted = json!({
        "a": "URL: GET http://127.0.0.1:1/v1/x", "b": "dial tcp 127.0.0.1:2: connect: connection refused",
        "spec": {"name": "css-cond-obs1"}, "message": "store \"css-cond-obs1\" from \"obs1\"", "css-ref-obs1": 1,
    });
    assert_eq!(got, wanted);
}

#[test]
fn features_are_found() {
    let check = |spec: Value, wanted: &[&str]| assert_eq!(features(&spec), wanted, "{spec}");
    check(json!({"data": [{"remoteRef": {"key": "a"}}], "dataFrom": [{"extract": {"key": "a"}}]}), &[]);
    check(json!({"target": {"template": {}}}), &["eso-template"]);
    check(json!({"target": {"manifest": {}}}), &["eso-generic-target"]);
    check(json!({"dataFrom": [{"extract": {}, "rewrite": []}, {"find": {}}]}), &["eso-find", "eso-rewrite"]);
    check(json!({"dataFrom": [{"sourceRef": {"generatorRef": {}}}]}), &["eso-generator"]);
    check(json!({"data": [{"sourceRef": {"storeRef": {}}}]}), &["eso-source-ref"]);
    check(json!({"data": [{"remoteRef": {"metadataPolicy": "Fetch"}}]}), &["eso-metadata"]);
    check(json!({"data": [{"remoteRef": {"metadataPolicy": "None"}}]}), &[]);
    check(json!({"syncWindows": {}}), &["eso-sync-windows"]);
}

#[test]
fn every_recorded_scenario_has_an_object() {
    let recorded = recorded();
    let scenarios = recorded["scenarios"].as_object().unwrap();
    assert!(scenarios.len() > 50, "{}", scenarios.len());
    for (name, scenario) in scenarios {
        let phase = Phase::of(name, scenario["spec"].is_object());
        assert!(phase.is_some(), "{name}");
        if !matches!(phase, Some(Phase::Provider | Phase::Tampered | Phase::Deleted)) {
            let spec = Some(scenario["spec"].clone()).filter(Value::is_object).or_else(|| spec_of(name));
            assert!(spec.is_some(), "{name}");
        }
    }
}

#[test]
fn a_difference_on_purpose_covers_its_fields_only() {
    let list = r#"[{"id": "D-1", "file": "eso-observed.json", "scenario": "s", "step": 0, "request": "s",
        "expect": {"fields": {"/binding/name": "x"}}}]"#;
    let list = crate::golden::differences::Differences::parse(list).unwrap();
    let check = |name: &str, other: &str, wanted: usize| {
        let expected = json!({"binding": {"name": ""}, "finalizers": ["f"]});
        let got = json!({"binding": {"name": name}, "finalizers": [other]});
        let left = as_expected(&list.all()[0], differences(&expected, &got), &got);
        assert_eq!(left.len(), wanted, "{left:?}");
    };
    check("x", "f", 0);
    check("y", "f", 1);
    check("x", "g", 1);
    check("", "f", 1);
}
