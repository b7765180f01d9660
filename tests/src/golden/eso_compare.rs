//! What is compared of one recorded scenario: its status, finalizers, events and target Secret, in one form for what was
//! recorded and for what is there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::captures::Captures;

/// The annotation with the hash of a target's data.
const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";

/// Events that tell of one change each, so that their number does not depend on the time that passed.
const COUNTED: [&str; 3] = ["Created", "Updated", "Deleted"];

static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z").expect("a constant"));

/// What the API server has, as far as scenarios are about it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// ExternalSecrets by name.
    pub(super) objects: BTreeMap<String, Value>,
    /// Secrets by name.
    pub(super) secrets: BTreeMap<String, Value>,
    /// All events.
    pub(super) events: Vec<Value>,
}

impl Seen {
    /// Everything that a scenario shows about an ExternalSecret and its target.
    pub(super) fn scenario(&self, name: &str) -> Value {
        let absent = Value::Null;
        let object = self.objects.get(name).unwrap_or(&absent);
        let status = &object["status"];
        let target = object["spec"]["target"]["name"].as_str().unwrap_or(name);
        json!({
            "conditions": conditions(&status["conditions"]),
            "binding": status["binding"],
            "refreshTime": time(&status["refreshTime"]),
            "syncedResourceVersion": status["syncedResourceVersion"],
            "finalizers": object["metadata"]["finalizers"],
            "events": self.events_about("ExternalSecret", name),
            "secret": self.secrets.get(target).map_or_else(|| json!({"http": 404}), secret),
        })
    }

    /// What the recording shows about a store.
    pub(super) fn store(&self, kind: &str, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        json!({
            "conditions": conditions(&object["status"]["conditions"]),
            "capabilities": object["status"]["capabilities"],
            "events": self.events_about(kind, name),
        })
    }

    fn events_about(&self, kind: &str, name: &str) -> Value {
        let about = |event: &&Value| {
            event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name
        };
        events(self.events.iter().filter(about).map(|event| (event, &event["involvedObject"])))
    }
}

/// What a recorded scenario shows, in the same form; times stand for any time.
pub(super) fn recorded_scenario(recorded: &Value) -> Value {
    let all = recorded["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut secret = recorded["secret"].clone();
    if let Some(data) = secret.get_mut("data").and_then(Value::as_object_mut) {
        for value in data.values_mut() {
            *value = json!(TIME.replace_all(value.as_str().unwrap_or_default(), "<time>"));
        }
    }
    if secret.get("data").is_some_and(|data| data.to_string().contains("<time>")) {
        secret["annotations"][DATA_HASH] = json!("<hash of other data>");
    }
    if let Some(managers) = secret.get_mut("managers") {
        sort_list(managers);
    }
    json!({
        "conditions": conditions(&recorded["conditions"]),
        "binding": recorded["binding"],
        "refreshTime": time(&recorded["refreshTime"]),
        "syncedResourceVersion": recorded["syncedResourceVersion"],
        "finalizers": recorded["finalizers"],
        "events": events(all.iter().map(|event| (event, &event["involved"]))),
        "secret": secret,
    })
}

/// What a recorded store shows, in the same form.
pub(super) fn recorded_store(recorded: &Value) -> Value {
    let all = recorded["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({
        "conditions": conditions(&recorded["status"]["conditions"]),
        "capabilities": recorded["status"]["capabilities"],
        "events": events(all.iter().map(|event| (event, &event["involved"]))),
    })
}

/// The differences between what was recorded and what is there, each with its place.
pub(super) fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let mut expected = expected.clone();
    let hash = &got["secret"]["annotations"][DATA_HASH];
    let other = expected["secret"]["annotations"].get(DATA_HASH) == Some(&json!("<hash of other data>"));
    if other && hash.as_str().is_some_and(|hash| hash.len() == 56) {
        expected["secret"]["annotations"][DATA_HASH] = hash.clone();
    }
    let mut found = Vec::new();
    Captures::default().compare("", &expected, got, &mut found);
    found
}

fn conditions(list: &Value) -> Value {
    let Some(list) = list.as_array() else { return Value::Null };
    let all = list.iter().map(|condition| {
        json!({
            "type": condition["type"], "status": condition["status"], "reason": condition["reason"],
            "message": condition["message"], "lastTransitionTime": time(&condition["lastTransitionTime"]),
        })
    });
    all.collect()
}

/// A time as any time; nothing stays nothing.
fn time(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| json!(TIME.replace_all(text, "<some time>")))
}

fn events<'a>(all: impl Iterator<Item = (&'a Value, &'a Value)>) -> Value {
    let one = |(event, involved): (&Value, &Value)| {
        let reason = event["reason"].as_str().unwrap_or_default();
        let count = if COUNTED.contains(&reason) { event["count"].clone() } else { json!("some") };
        json!({
            "type": event["type"], "reason": reason, "message": event["message"], "count": count,
            "source": event["source"], "reportingComponent": event["reportingComponent"],
            "involved": {
                "apiVersion": involved["apiVersion"], "kind": involved["kind"], "name": involved["name"],
            },
        })
    };
    let mut all: Value = all.map(one).collect();
    sort_list(&mut all);
    all
}

fn secret(object: &Value) -> Value {
    let meta = &object["metadata"];
    let text = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let data = object["data"]
        .as_object()
        .map(|data| data.iter().map(|(key, value)| (key.clone(), json!(text(value)))).collect::<Map<_, _>>());
    let owners = meta["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
    let owners = owners.iter().map(|owner| {
        let fields = owner.as_object().into_iter().flatten().filter(|(name, _)| *name != "uid");
        Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
    });
    let managers = meta["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let managers = managers.iter().map(|it| json!([it["manager"], it["operation"], it["subresource"]]));
    let mut managers: Value = managers.collect();
    sort_list(&mut managers);
    json!({
        "type": object["type"],
        "immutable": object["immutable"],
        "data": data.unwrap_or_default(),
        "labels": meta["labels"].as_object().cloned().unwrap_or_default(),
        "annotations": meta["annotations"].as_object().cloned().unwrap_or_default(),
        "ownerReferences": owners.collect::<Value>(),
        "finalizers": meta["finalizers"],
        "managers": managers,
    })
}

fn sort_list(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a";

    fn recorded() -> Value {
        json!({
            "spec": {}, "note": null,
            "conditions": [{"lastTransitionTime": "2026-11-24T23:26:10Z", "message": "secret synced",
                "reason": "SecretSynced", "status": "True", "type": "Ready"}],
            "binding": {"name": "ok"}, "refreshTime": "2026-11-24T23:26:10Z", "syncedResourceVersion": "1-f4",
            "finalizers": ["f"],
            "events": [
                {"type": "Normal", "reason": "Updated", "message": "u", "count": 1, "source": {"component": "c"},
                    "reportingComponent": "c", "action": null,
                    "involved": {"apiVersion": "v1", "kind": "ExternalSecret", "name": "ok"}},
                {"type": "Warning", "reason": "UpdateFailed", "message": "m", "count": 7, "source": {"component": "c"},
                    "reportingComponent": "c", "action": null,
                    "involved": {"apiVersion": "v1", "kind": "ExternalSecret", "name": "ok"}},
            ],
            "secret": {"type": "Opaque", "immutable": null, "data": {"value": "one"}, "labels": {"l": "x"},
                "annotations": {DATA_HASH: HASH},
                "ownerReferences": [{"kind": "ExternalSecret", "name": "ok", "controller": true}],
                "finalizers": null, "managers": [["b", "Update", null], ["a", "Update", null]]},
        })
    }

    /// The same, as the API server would have it.
    fn seen() -> Seen {
        let event = |reason: &str, kind: &str, message: &str, count: u32| {
            json!({"type": kind, "reason": reason, "message": message, "count": count, "source": {"component": "c"},
                "reportingComponent": "c", "metadata": {"name": reason}, "firstTimestamp": "x",
                "involvedObject": {"apiVersion": "v1", "kind": "ExternalSecret", "name": "ok", "uid": "u"}})
        };
        let object = json!({
            "metadata": {"name": "ok", "finalizers": ["f"]}, "spec": {},
            "status": {
                "conditions": [{"lastTransitionTime": "2027-01-01T00:00:00Z", "message": "secret synced",
                    "reason": "SecretSynced", "status": "True", "type": "Ready"}],
                "binding": {"name": "ok"}, "refreshTime": "2027-01-01T00:00:00Z", "syncedResourceVersion": "1-f4",
            },
        });
        let secret = json!({
            "type": "Opaque", "data": {"value": "b25l"},
            "metadata": {"name": "ok", "uid": "u", "labels": {"l": "x"}, "annotations": {DATA_HASH: HASH},
                "ownerReferences": [{"kind": "ExternalSecret", "name": "ok", "controller": true, "uid": "u"}],
                "managedFields": [{"manager": "a", "operation": "Update"}, {"manager": "b", "operation": "Update"}]},
        });
        Seen {
            objects: BTreeMap::from([("ok".into(), object)]),
            secrets: BTreeMap::from([("ok".into(), secret)]),
            events: vec![event("UpdateFailed", "Warning", "m", 2), event("Updated", "Normal", "u", 1)],
        }
    }

    /// How many differences there are after one change on the side of what is there.
    fn check(pointer: &str, change: impl Fn(&mut Seen), place: &str) {
        let mut seen = seen();
        change(&mut seen);
        let found = differences(&recorded_scenario(&recorded()), &seen.scenario("ok"));
        assert!(found.iter().any(|line| line.starts_with(place)), "{pointer}: {found:?}");
    }

    #[test]
    fn what_is_the_same_has_no_difference() {
        let found = differences(&recorded_scenario(&recorded()), &seen().scenario("ok"));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn no_secret_is_no_secret() {
        let mut recorded = recorded();
        recorded["secret"] = json!({"http": 404});
        let mut seen = seen();
        assert!(!differences(&recorded_scenario(&recorded), &seen.scenario("ok")).is_empty());
        seen.secrets.clear();
        assert_eq!(differences(&recorded_scenario(&recorded), &seen.scenario("ok")), Vec::<String>::new());
    }

    #[test]
    fn each_change_is_a_difference() {
        let object = |seen: &mut Seen, pointer: &str, value: Value| {
            *seen.objects.get_mut("ok").unwrap().pointer_mut(pointer).unwrap() = value;
        };
        let secret = |seen: &mut Seen, pointer: &str, value: Value| {
            *seen.secrets.get_mut("ok").unwrap().pointer_mut(pointer).unwrap() = value;
        };
        for (pointer, value, place) in [
            ("/status/conditions/0/status", json!("False"), "/conditions/0/status"),
            ("/status/conditions/0/reason", json!("X"), "/conditions/0/reason"),
            ("/status/conditions/0/message", json!("x"), "/conditions/0/message"),
            ("/status/conditions", json!([]), "/conditions"),
            ("/status/binding/name", json!(""), "/binding/name"),
            ("/status/refreshTime", json!(null), "/refreshTime"),
            ("/status/refreshTime", json!("now"), "/refreshTime"),
            ("/status/syncedResourceVersion", json!("2-f4"), "/syncedResourceVersion"),
            ("/metadata/finalizers", json!(null), "/finalizers"),
            ("/status", json!(null), "/conditions"),
        ] {
            check(pointer, |seen| object(seen, pointer, value.clone()), place);
        }
        for (pointer, value, place) in [
            ("/type", json!("x"), "/secret/type"),
            ("/data/value", json!("dHdv"), "/secret/data/value"),
            ("/data", json!({}), "/secret/data/value"),
            ("/metadata/labels/l", json!("y"), "/secret/labels/l"),
            ("/metadata/annotations", json!({}), "/secret/annotations"),
            ("/metadata/ownerReferences", json!(null), "/secret/ownerReferences"),
            ("/metadata/managedFields/0/manager", json!("c"), "/secret/managers/0"),
        ] {
            check(pointer, |seen| secret(seen, pointer, value.clone()), place);
        }
        check("no secret", |seen| seen.secrets.clear(), "/secret/type");
        check("no event", |seen| drop(seen.events.pop()), "/events");
        check("a count", |seen| seen.events[1]["count"] = json!(2), "/events");
        check("a message", |seen| seen.events[0]["message"] = json!("n"), "/events");
    }

    #[test]
    fn data_with_a_time_has_a_hash_of_its_own() {
        let mut recorded = recorded();
        recorded["secret"]["data"] = json!({"value": "{\"t\":\"2026-11-24T23:26:05.887678598Z\"}"});
        let mut seen = seen();
        seen.secrets.get_mut("ok").unwrap()["data"] =
            json!({"value": STANDARD.encode("{\"t\":\"2027-01-01T00:00:00.5Z\"}")});
        seen.secrets.get_mut("ok").unwrap()["metadata"]["annotations"][DATA_HASH] = json!("0".repeat(56));
        let expected = recorded_scenario(&recorded);
        assert_eq!(differences(&expected, &seen.scenario("ok")), Vec::<String>::new());
        seen.secrets.get_mut("ok").unwrap()["metadata"]["annotations"][DATA_HASH] = json!("0");
        assert_eq!(differences(&expected, &seen.scenario("ok")).len(), 1);
    }
}
