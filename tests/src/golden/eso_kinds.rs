//! Whether our definitions and metrics are the recorded ones, as far as users see them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Verdict;
use super::eso_compare::differences;

/// Beginnings of the names of metrics that dashboards and alerts refer to; the others are of one implementation.
const COMPARED: [&str; 6] = [
    "externalsecret_",
    "secretstore_",
    "clustersecretstore_",
    "controller_runtime_reconcile_total",
    "controller_runtime_reconcile_errors_total",
    "workqueue_depth",
];

/// A label that only the recorded implementation's queue has.
const NOT_COMPARED: &str = "priority";

/// Compares one recorded metric with the page of ours: its type, and that its series have the recorded labels.
pub(super) fn metric_verdict(recorded: &Value, page: &str) -> Verdict {
    let name = recorded["name"].as_str().unwrap_or_default();
    let of_others = ["clusterexternalsecret_", "pushsecret_", "clusterpushsecret_"];
    if of_others.iter().any(|start| name.starts_with(start)) {
        return Verdict::LeftOut("not built: the kind".into());
    }
    if !COMPARED.iter().any(|start| name.starts_with(start)) {
        return Verdict::LeftOut("of the recorded implementation, not of the product".into());
    }
    let kind = recorded["type"].as_str().unwrap_or_default();
    let head = format!("# TYPE {name} ");
    let ours = page.lines().find_map(|line| line.strip_prefix(&head)).map(str::trim);
    let mut wrong = Vec::new();
    if ours != Some(kind) {
        wrong.push(format!("the type is {ours:?}, expected {kind}"));
    }
    let series: Vec<&str> = page.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect();
    let labels = recorded["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for label in labels.filter(|label| *label != NOT_COMPARED) {
        let there =
            |line: &&&str| line.contains(&format!("{{{label}=\"")) || line.contains(&format!(",{label}=\""));
        if series.iter().find(there).is_none() {
            wrong.push(format!("no series has the label {label}"));
        }
    }
    Verdict::of(wrong)
}

/// Compares one recorded definition with ours: its names, and of its served version what clients see.
pub(super) fn crd_verdict(recorded: &Value, ours: &Value) -> Verdict {
    let names = &ours["spec"]["names"];
    let expected = json!({
        "kind": recorded["kind"], "plural": recorded["plural"], "singular": recorded["singular"],
        "shortNames": recorded["shortNames"], "categories": recorded["categories"], "scope": recorded["scope"],
        "versions": versions(&recorded["versions"], "printerColumns", |version| version["subresources"].clone()),
    });
    let got = json!({
        "kind": names["kind"], "plural": names["plural"], "singular": names["singular"],
        "shortNames": names["shortNames"], "categories": names["categories"], "scope": ours["spec"]["scope"],
        "versions": versions(&ours["spec"]["versions"], "additionalPrinterColumns", |version| {
            version["subresources"].as_object().into_iter().flatten().map(|(name, _)| json!(name)).collect()
        }),
    });
    Verdict::of(differences(&expected, &got))
}

/// The versions that are served, by name.
fn versions(all: &Value, columns: &str, subresources: impl Fn(&Value) -> Value) -> BTreeMap<String, Value> {
    let served = all.as_array().into_iter().flatten().filter(|version| version["served"] == true);
    let one = |version: &Value| {
        let columns = version[columns].as_array().into_iter().flatten();
        let columns = columns.map(|it| json!([it["name"], it["type"], it["jsonPath"]]));
        json!({
            "storage": version["storage"], "subresources": subresources(version),
            "selectableFields": version["selectableFields"], "printerColumns": columns.collect::<Value>(),
        })
    };
    served.map(|version| (version["name"].as_str().unwrap_or_default().to_owned(), one(version))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP externalsecret_sync_calls_total x\n# TYPE externalsecret_sync_calls_total counter\n\
        externalsecret_sync_calls_total{name=\"a\",namespace=\"b\"} 1\n";

    #[test]
    fn metrics_have_a_type_and_labels() {
        let check = |name: &str, kind: &str, labels: Value, wanted: &str| {
            let recorded = json!({"name": name, "type": kind, "labels": labels});
            let got = format!("{:?}", metric_verdict(&recorded, PAGE));
            assert!(got.contains(wanted), "{name}: {got}");
        };
        let calls = "externalsecret_sync_calls_total";
        check(calls, "counter", json!(["name", "namespace"]), "Passed");
        check(calls, "gauge", json!(["name"]), "the type is");
        check(calls, "counter", json!(["name", "space"]), "no series has the label space");
        check("externalsecret_sync_calls", "counter", json!([]), "the type is None");
        check("go_goroutines", "gauge", json!([]), "LeftOut");
        check("pushsecret_status_condition", "gauge", json!([]), "LeftOut");
    }

    #[test]
    fn definitions_are_compared() {
        let column = json!({"name": "Ready", "type": "string", "jsonPath": ".x", "priority": 1});
        let recorded = json!({
            "kind": "A", "plural": "as", "singular": "a", "shortNames": ["x"], "categories": ["c"],
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": true, "storage": true, "subresources": ["status"],
                    "selectableFields": null, "printerColumns": [column]},
                {"name": "v0", "served": false, "storage": false, "subresources": []},
            ],
        });
        let mut ours = json!({"spec": {
            "names": {"kind": "A", "plural": "as", "singular": "a", "shortNames": ["x"], "categories": ["c"]},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "additionalPrinterColumns": [column]}],
        }});
        assert_eq!(crd_verdict(&recorded, &ours), Verdict::Passed);
        for (pointer, value) in [
            ("/spec/names/shortNames", json!([])),
            ("/spec/scope", json!("Cluster")),
            ("/spec/versions/0/subresources", json!({})),
            ("/spec/versions/0/additionalPrinterColumns/0/type", json!("date")),
            ("/spec/versions/0/served", json!(false)),
        ] {
            let before = std::mem::replace(ours.pointer_mut(pointer).unwrap(), value);
            assert!(matches!(crd_verdict(&recorded, &ours), Verdict::Failed(_)), "{pointer}");
            *ours.pointer_mut(pointer).unwrap() = before;
        }
    }
}
