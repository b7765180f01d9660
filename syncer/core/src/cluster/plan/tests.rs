//! Decisions over objects as the API shows them, against what the reference operator was observed to write.

use serde_json::{Value, json};

use super::super::observe::read_external_secret;
use super::super::observe::tests::{object, spec};
use super::super::patch::{finalizer_patch, status_patch};
use super::super::secret::read_secret;
use super::super::secret::tests::secret;
use super::super::time::format_time;
use super::*;
use crate::fetch::{FetchFailure, FetchRequest, Fetched};
use crate::template::tests::with_kit;

const NOW: i64 = 1_795_562_770;

fn moment() -> Moment {
    Moment { now: NOW, random: 0, last_sync: None, forced: false, refresh_time_age: 0 }
}

/// One case: how the ordinary object, target and answers are changed.
struct Case {
    object: Value,
    target: Option<Vec<u8>>,
    /// By key: the secret, or `None` for absent, or a failure.
    store: Vec<(&'static str, Result<Option<&'static str>, &'static str>)>,
    orphans: Vec<(String, String)>,
}

fn case(target: Value, old: Option<Vec<u8>>) -> Case {
    let mut spec = spec();
    spec["target"] = target;
    let store = vec![("o/a", Ok(Some(r#"{"value":"one","user":"u"}"#)))];
    Case { object: object(&spec), target: old, store, orphans: Vec::new() }
}

impl Case {
    fn store(mut self, answer: Result<Option<&'static str>, &'static str>) -> Self {
        self.store = vec![("o/a", answer)];
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.object);
        self
    }

    fn actions(&self) -> Actions {
        let object = read_external_secret(self.object.to_string().as_bytes()).unwrap();
        let target = self.target.as_ref().map(|json| read_secret(json, "db").unwrap());
        let seen = Triage { object: &object, target: target.as_ref(), orphans: &self.orphans };
        let answer = |(key, answer): &(&str, Result<Option<&str>, &str>)| {
            let request = FetchRequest { key: (*key).to_owned(), version: None };
            let answer = match answer {
                Ok(secret) => Ok(Fetched { secret: secret.map(SecretValue::from), version: Some(1) }),
                Err(message) => Err(FetchFailure { message: (*message).to_owned() }),
            };
            (request, answer)
        };
        with_kit(|kit| plan_cluster(&seen, &self.store.iter().map(answer).collect(), &moment(), kit))
    }
}

/// What was decided, in short.
fn shown(actions: &Actions) -> String {
    let secret = match &actions.secret {
        SecretAction::None => "-".to_owned(),
        SecretAction::Delete { uid, resource_version } => format!("delete {uid}@{resource_version}"),
        SecretAction::Create(body) | SecretAction::Update(body) => {
            let body: Value = serde_json::from_str(body).unwrap();
            let verb = if matches!(actions.secret, SecretAction::Create(_)) { "create" } else { "update" };
            let owners = body["metadata"]["ownerReferences"].as_array().unwrap();
            let owners: Vec<&str> = owners.iter().map(|owner| owner["name"].as_str().unwrap()).collect();
            let labels: Vec<&str> = body["metadata"]["labels"]
                .as_object()
                .unwrap()
                .keys()
                .map(|label| label.trim_start_matches("reconcile.external-secrets.io/"))
                .collect();
            format!("{verb} {} labels {} owners {}", body["data"], labels.join(","), owners.join(","))
        }
    };
    let status = actions.status.as_ref().map_or("no status".to_owned(), |status| {
        let ready = status.conditions.last().unwrap();
        let refreshed = if status.refresh_time == Some(NOW) { "refreshed" } else { "stale" };
        format!("{} {} {:?} {:?} {refreshed}", ready.status, ready.reason, ready.message, status.binding)
    });
    let events: Vec<String> =
        actions.events.iter().map(|event| format!("{} {:?}", event.reason, event.message)).collect();
    format!("{status} | {secret} | {} | {:?}", events.join("; "), actions.requeue)
}

#[track_caller]
fn check(case: &Case, want: &str) {
    assert_eq!(shown(&case.actions()), want);
}

const OWNER: &str = "Owner";
const ONE: &str = r#"{"value":"b25l"}"#;

fn policies(creation: &str, deletion: &str) -> Value {
    json!({"creationPolicy": creation, "deletionPolicy": deletion})
}

/// The ordinary target, owned by the object.
fn owned() -> Option<Vec<u8>> {
    Some(secret(|value| {
        value["metadata"]["ownerReferences"] = json!([owner("external-secrets.io/v1", "db")])
    }))
}

fn owner(api: &str, name: &str) -> Value {
    let kind = if api == "v1" { "ConfigMap" } else { "ExternalSecret" };
    json!({"apiVersion": api, "kind": kind, "name": name, "uid": "u-1", "controller": true,
        "blockOwnerDeletion": true})
}

#[test]
fn targets_that_are_not_there() {
    let synced = r#"True SecretSynced "secret synced" "db" refreshed"#;
    let created = r#"Created "secret created" | After(3600s)"#;
    check(
        &case(policies(OWNER, "Retain"), None),
        &format!("{synced} | create {ONE} labels created-by,managed owners db | {created}"),
    );
    for creation in ["Orphan", "CreateOrMerge"] {
        check(
            &case(policies(creation, "Retain"), None),
            &format!("{synced} | create {ONE} labels managed owners  | {created}"),
        );
    }
    check(
        &case(policies("None", "Retain"), None),
        r#"True SecretSynced "secret synced" "" refreshed | - |  | After(3600s)"#,
    );
    check(
        &case(policies("Merge", "Retain"), None),
        r#"True SecretMissing "secret will not be created due to CreationPolicy=Merge" "" refreshed | - |  | After(3600s)"#,
    );
}

#[test]
fn targets_that_are_there() {
    let synced = r#"True SecretSynced "secret synced" "db" refreshed"#;
    let updated = r#"Updated "secret updated" | After(3600s)"#;
    // Adopted: the label that was ours goes, the one that was not stays.
    check(
        &case(policies(OWNER, "Retain"), Some(secret(|_| {}))),
        &format!("{synced} | update {ONE} labels created-by,managed,team owners db | {updated}"),
    );
    // Nothing differs: nothing is written.
    let same = secret(|value| {
        value["metadata"]["ownerReferences"] = json!([owner("external-secrets.io/v1", "db")]);
        value["metadata"]["labels"] = json!({"reconcile.external-secrets.io/managed": "true",
            "reconcile.external-secrets.io/created-by": crate::hash::created_by("shop", "db")});
    });
    check(&case(policies(OWNER, "Retain"), Some(same.clone())), &format!("{synced} | - |  | After(3600s)"));
    // The same, but no longer owned.
    check(
        &case(policies("Orphan", "Retain"), Some(same)),
        &format!("{synced} | update {ONE} labels managed owners  | {updated}"),
    );
    // Merge keeps what is foreign and drops what was ours.
    let foreign = secret(|value| {
        value["data"] = json!({"value": "b25l", "gone": "eA==", "theirs": "eQ=="});
        value["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]["f:gone"] = json!({});
    });
    check(
        &case(policies("Merge", "Retain"), Some(foreign.clone())),
        &format!(
            r#"{synced} | update {{"theirs":"eQ==","value":"b25l"}} labels managed,team owners  | {updated}"#
        ),
    );
    check(
        &case(policies(OWNER, "Retain"), Some(foreign)),
        &format!("{synced} | update {ONE} labels created-by,managed,team owners db | {updated}"),
    );
}

#[test]
fn foreign_owners_are_kept_and_foreign_controllers_win() {
    let plain = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "c"});
    let shared = secret(|value| value["metadata"]["ownerReferences"] = json!([plain]));
    check(
        &case(policies(OWNER, "Retain"), Some(shared)),
        &format!(
            r#"True SecretSynced "secret synced" "db" refreshed | update {ONE} labels created-by,managed,team owners x,db | Updated "secret updated" | After(3600s)"#
        ),
    );
    let other = secret(|value| {
        value["metadata"]["ownerReferences"] = json!([owner("external-secrets.io/v1beta1", "owner-a")])
    });
    let stopped = |creation: &str| case(policies(creation, "Retain"), Some(other.clone()));
    for creation in [OWNER, "Orphan", "Merge", "CreateOrMerge"] {
        check(
            &stopped(creation),
            r#"False SecretSyncedError "target is owned by another ExternalSecret" "db" stale | - | UpdateFailed "unable to mutate secret db: secret is owned by another ExternalSecret: owner-a" | Never"#,
        );
    }
    let foreign = secret(|value| value["metadata"]["ownerReferences"] = json!([owner("v1", "cmowner")]));
    check(
        &case(policies(OWNER, "Retain"), Some(foreign.clone())),
        r#"False SecretSyncedError "failed to take ownership of target secret" "db" stale | - | UpdateFailed "unable to mutate secret db: could not set controller reference on secret: Object shop/db is already owned by another ConfigMap controller cmowner" | Never"#,
    );
    let merged = case(policies("Merge", "Retain"), Some(foreign)).actions();
    assert!(matches!(merged.secret, SecretAction::Update(_)));
}

#[test]
fn what_the_provider_does_not_have() {
    let missing =
        r#"MissingProviderSecret "secret does not exist at provider using spec.dataFrom[0] (key=o/a)""#;
    let absent = |creation, deletion, old| case(policies(creation, deletion), old).store(Ok(None));
    let failed = r#"False SecretSyncedError "could not get secret data from provider" "" stale | - | UpdateFailed "error processing spec.data[0] (key: o/a), err: Secret does not exist" | Failed"#;
    check(&absent(OWNER, "Retain", owned()), failed);
    check(&absent(OWNER, "Retain", None), failed);
    let deleted = r#"True SecretDeleted "secret deleted due to DeletionPolicy=Delete" "" refreshed"#;
    check(&absent(OWNER, "Delete", None), &format!("{deleted} | - | {missing} | After(3600s)"));
    check(
        &absent(OWNER, "Delete", owned()),
        &format!(
            r#"{deleted} | delete s-1@11 | {missing}; Deleted "secret deleted due to DeletionPolicy=Delete" | After(3600s)"#
        ),
    );
    // What is not ours is not ours to delete.
    let stopped = absent(OWNER, "Delete", Some(secret(|_| {}))).actions();
    assert!(matches!(stopped.secret, SecretAction::None) && stopped.failed);
    assert_eq!(absent("Orphan", "Delete", owned()).actions().requeue, Requeue::Never);
    check(
        &absent(OWNER, "Merge", None),
        &format!(
            r#"True SecretSynced "secret synced" "db" refreshed | create {{}} labels created-by,managed owners db | {missing}; Created "secret created" | After(3600s)"#
        ),
    );
}

#[test]
fn what_gives_no_key() {
    let empty = |deletion| {
        case(policies(OWNER, deletion), owned()).store(Ok(Some("{}"))).change(|value| {
            value["spec"]["data"] = json!([]);
            value["spec"]["dataFrom"] = json!([{"extract": {"key": "o/a"}}]);
        })
    };
    check(
        &empty("Retain"),
        r#"True SecretSynced "secret retained due to DeletionPolicy=Retain" "" refreshed | - |  | After(3600s)"#,
    );
    assert!(matches!(empty("Delete").actions().secret, SecretAction::Delete { .. }));
    assert!(matches!(empty("Merge").actions().secret, SecretAction::Update(_)));
}

#[test]
fn failures_touch_nothing_but_the_condition() {
    for (answer, cause) in [
        (Err("SecretStore \"s\" is not ready"), "SecretStore \"s\" is not ready"),
        (Ok(Some(r#"{"other":1}"#)), "cannot find secret data for key: \"value\""),
    ] {
        for old in [None, owned()] {
            for deletion in ["Retain", "Delete", "Merge"] {
                let actions = case(policies(OWNER, deletion), old.clone()).store(answer).actions();
                assert!(matches!(actions.secret, SecretAction::None) && actions.failed);
                let text = shown(&actions);
                let want = format!("error processing spec.data[0] (key: o/a), err: {cause}");
                assert!(text.contains(&format!("{want:?}")), "{text}");
                let status = actions.status.unwrap();
                assert_eq!((status.refresh_time, status.synced_version.as_str()), (None, ""));
            }
        }
    }
}

#[test]
fn immutable_targets() {
    let frozen = |value: &str| {
        let value = value.to_owned();
        Some(secret(move |it| {
            it["immutable"] = json!(true);
            it["data"] = json!({"value": value});
            it["metadata"]["ownerReferences"] = json!([owner("external-secrets.io/v1", "db")]);
        }))
    };
    let wanted = json!({"immutable": true});
    let other = case(wanted.clone(), frozen("eA=="));
    check(&other, r#"True SecretSynced "secret synced" "db" refreshed | - |  | After(3600s)"#);
    check(
        &case(json!({}), frozen("eA==")),
        r#"False SecretSyncedError "could not update secret, target is immutable" "db" stale | - | UpdateFailed "unable to update secret db: secret is immutable" | Never"#,
    );
    let created = case(wanted, None).actions();
    let SecretAction::Create(body) = created.secret else { panic!("not created") };
    assert!(body.contains(r#""immutable":true"#));
}

#[test]
fn a_renamed_target_takes_the_old_one_along() {
    let mut case = case(policies(OWNER, "Retain"), None);
    case.orphans = vec![("old".to_owned(), "s-0".to_owned())];
    let actions = case.actions();
    assert_eq!(actions.orphans, case.orphans);
    assert!(shown(&actions).contains("secret deleted because it was orphaned"));
    case.object["spec"]["target"]["creationPolicy"] = json!("Orphan");
    assert!(case.actions().orphans.is_empty());
}

/// What happens before the provider is asked, in short.
#[track_caller]
fn check_triage(object: &Value, target: Option<Vec<u8>>, moment: &Moment, want: &str) {
    let object = read_external_secret(object.to_string().as_bytes()).unwrap();
    let target = target.map(|json| read_secret(&json, "db").unwrap());
    let seen = Triage { object: &object, target: target.as_ref(), orphans: &[] };
    let got = match triage(&seen, moment) {
        Step::Adopt(_) => "adopt".to_owned(),
        Step::Fetch(_) => "fetch".to_owned(),
        Step::Finish(actions) => format!("{} {:?}", shown(&actions), actions.release.is_some()),
    };
    assert_eq!(got, want);
}

/// The ordinary object, served `age` seconds ago.
fn served(age: i64, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = object(&spec());
    value["status"] = json!({
        "refreshTime": format_time(NOW - age), "binding": {"name": "db"},
        "syncedResourceVersion": "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2",
    });
    change(&mut value);
    value
}

#[test]
fn the_provider_is_asked_only_when_due_or_when_the_target_drifted() {
    let same = |_: &mut Value| {};
    let check = |object: Value, target, want| check_triage(&object, target, &moment(), want);
    check(object(&spec()), None, "fetch");
    check(served(60, same), owned(), "no status | - |  | After(3540s) false");
    check(served(3300, same), owned(), "fetch");
    check(served(3700, same), owned(), "fetch");
    check(served(-60, same), owned(), "fetch");
    check(served(60, same), None, "fetch");
    check(served(60, same), Some(secret(|value| value["data"]["value"] = json!("eA=="))), "fetch");
    check(served(60, same), Some(secret(|value| value["metadata"]["labels"] = json!({}))), "adopt");
    check(
        served(60, |value| value["metadata"]["annotations"] = json!({"force-sync": "1"})),
        owned(),
        "fetch",
    );
    let orphan = |value: &mut Value| value["spec"]["target"]["creationPolicy"] = json!("Orphan");
    check(served(60, orphan), None, "no status | - |  | After(3540s) false");
    let zero = |value: &mut Value| {
        value["spec"]["refreshInterval"] = json!("0");
        value["metadata"]["generation"] = json!(2);
    };
    check(served(9999, zero), owned(), "no status | - |  | Never false");
    let once = |value: &mut Value| value["spec"]["refreshPolicy"] = json!("CreatedOnce");
    check(served(9999, once), owned(), "no status | - |  | Never false");
    check(served(9999, once), None, "fetch");
    // A change at the provider counts where the interval would.
    let forced = Moment { forced: true, ..moment() };
    check_triage(&served(60, same), owned(), &forced, "fetch");
    check_triage(&served(60, zero), owned(), &forced, "no status | - |  | Never false");
    // What was not written into the status counts too.
    let known = Moment { last_sync: Some(NOW - 60), ..moment() };
    check_triage(&served(9999, same), owned(), &known, "no status | - |  | After(3540s) false");
}

#[test]
fn deleted_objects_are_let_go() {
    let going = |deletion: &str| {
        let mut spec = spec();
        spec["target"]["deletionPolicy"] = json!(deletion);
        let mut value = object(&spec);
        value["metadata"]["deletionTimestamp"] = json!("2026-11-24T23:26:10Z");
        value["metadata"]["finalizers"] = json!(["other", FINALIZER]);
        value
    };
    check_triage(&going("Retain"), owned(), &moment(), "no status | - |  | Never true");
    check_triage(&going("Delete"), owned(), &moment(), "no status | delete s-1@11 |  | Never true");
    check_triage(&going("Delete"), Some(secret(|_| {})), &moment(), "no status | - |  | Never true");
    let mut gone = going("Retain");
    gone["metadata"]["finalizers"] = json!(["other"]);
    check_triage(&gone, owned(), &moment(), "no status | - |  | Never false");
    let read = read_external_secret(going("Retain").to_string().as_bytes()).unwrap();
    assert_eq!(finalizer_patch(&read), None);
    let fresh = read_external_secret(object(&spec()).to_string().as_bytes()).unwrap();
    assert!(finalizer_patch(&fresh).unwrap().contains(FINALIZER));
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let mut value = object(&spec());
    value["spec"]["target"] = json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}});
    check_triage(
        &value,
        None,
        &moment(),
        r#"False SecretSyncedError "invalid generic target" "" stale | - | UpdateFailed "spec.target.manifest: not supported yet; the Secret was not written" | Never false"#,
    );
}

#[test]
fn a_status_is_written_only_when_it_says_something_new() {
    let read = |value: &Value| read_external_secret(value.to_string().as_bytes()).unwrap();
    let old = read(&served(60, |_| {}));
    let mut status = old.status.clone();
    assert_eq!(status_patch(&old, &status, 0), None);
    status.refresh_time = Some(NOW);
    assert_eq!(status_patch(&old, &status, 3600), None);
    assert!(status_patch(&old, &status, 60).is_some());
    assert!(status_patch(&old, &status, 0).is_some());
    set_condition(&mut status.conditions, false, "SecretSyncedError", "x", NOW);
    let patch: Value = serde_json::from_str(&status_patch(&old, &status, 3600).unwrap()).unwrap();
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(patch["status"]["binding"], json!({"name": "db"}));
    assert_eq!(patch["status"]["refreshTime"], format_time(NOW));
}

#[test]
fn refreshes_are_spread() {
    let actions = |random| {
        let case = case(policies(OWNER, "Retain"), None);
        let object = read_external_secret(case.object.to_string().as_bytes()).unwrap();
        next_refresh(object.wanted.as_ref().unwrap(), Duration::ZERO, random)
    };
    assert_eq!(actions(0), Requeue::After(Duration::from_secs(3600)));
    let Requeue::After(early) = actions(u64::MAX) else { panic!("no refresh") };
    assert_eq!(early.as_secs(), 3240);
}

#[test]
fn a_refused_write_is_told_in_the_servers_words() {
    let object = read_external_secret(object(&spec()).to_string().as_bytes()).unwrap();
    let seen = Triage { object: &object, target: None, orphans: &[] };
    let actions = write_failed(&seen, "update", "Secret \"db\" is invalid: data[x]: Invalid value", NOW);
    assert_eq!(
        shown(&actions),
        r#"False SecretSyncedError "could not update secret" "" stale | - | UpdateFailed "Secret \"db\" is invalid: data[x]: Invalid value" | Failed"#
    );
    assert!(shown(&write_failed(&seen, "delete", "no", NOW)).contains(NOT_DELETED));
}
