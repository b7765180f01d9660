//! What happens to a target: decisions by hand, and a model against random answers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fetch::{FetchFailure, FetchRequest, Fetched};
use crate::render::{DATA_HASH, MANAGED};
use crate::template::tests::with_kit;
use crate::wanted::tests::read_spec;

/// The plan without objects that hold templates.
fn plan(wanted: &Wanted, fetches: &Fetches, previous: Option<&ExistingSecret>) -> Plan {
    with_kit(|kit| super::plan(wanted, fetches, previous, kit))
}

/// What the store says about one secret.
#[derive(Clone, Debug)]
enum Answer {
    /// It holds this JSON.
    Json(&'static str),
    /// It does not exist.
    Missing,
    /// No answer.
    Failed,
}
use Answer::{Failed, Json, Missing};

fn fetches(answers: &[(&str, Answer)]) -> Fetches {
    answers
        .iter()
        .map(|(key, answer)| {
            let fetched = match answer {
                Json(text) => Ok(Fetched { secret: Some(SecretValue::from(*text)), version: None }),
                Missing => Ok(Fetched { secret: None, version: None }),
                Failed => Err(FetchFailure { message: "sealed".to_owned() }),
            };
            (FetchRequest { key: (*key).to_owned(), version: None }, fetched)
        })
        .collect()
}

fn wanted(creation: &str, deletion: &str, immutable: bool) -> Wanted {
    read_spec(&format!(
        "secretStoreRef: {{name: s}}\ntarget: {{creationPolicy: {creation}, deletionPolicy: {deletion}, immutable: {immutable}}}\ndata:\n- {{secretKey: x, remoteRef: {{key: a, property: v}}}}\ndataFrom:\n- extract: {{key: b}}"
    ))
    .unwrap()
}

fn values(data: &BTreeMap<String, SecretValue>) -> String {
    let pairs: Vec<_> = data
        .iter()
        .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value.expose())))
        .collect();
    pairs.join(",")
}

/// The plan in one line.
fn show(plan: &Plan) -> String {
    match plan {
        Plan::Write(secret) => format!("write {}", values(&secret.data)),
        Plan::Unchanged => "unchanged".to_owned(),
        Plan::Keep { reason } => format!("keep: {reason}"),
        Plan::Delete { reason } => format!("delete: {reason}"),
    }
}

/// A target as a write of this Secret leaves it.
fn written(secret: &RenderedSecret) -> ExistingSecret {
    ExistingSecret {
        secret_type: secret.secret_type.clone(),
        labels: secret.labels.clone(),
        annotations: secret.annotations.clone(),
        data: secret.data.clone(),
        finalizers: secret.finalizers.clone(),
        immutable: secret.immutable,
        our_keys: secret.data.keys().cloned().collect(),
        our_labels: secret.labels.keys().cloned().collect(),
        our_annotations: secret.annotations.keys().cloned().collect(),
        foreign_owner: None,
    }
}

fn foreign(pairs: &[(&str, &str)]) -> ExistingSecret {
    let data = pairs.iter().map(|(key, value)| ((*key).to_owned(), SecretValue::from(*value))).collect();
    ExistingSecret { data, ..ExistingSecret::default() }
}

const GOOD: Answer = Json(r#"{"v":"1"}"#);
const EMPTY: Answer = Json("{}");

#[track_caller]
fn check(wanted: &Wanted, a: Answer, b: Answer, previous: Option<&ExistingSecret>, want: &str) {
    assert_eq!(show(&plan(wanted, &fetches(&[("a", a), ("b", b)]), previous)), want);
}

#[test]
fn first_write() {
    for creation in ["Owner", "Orphan", "CreateOrMerge"] {
        check(&wanted(creation, "Retain", false), GOOD, GOOD, None, "write v=1,x=1");
    }
    let merge = "keep: secret will not be created due to CreationPolicy=Merge";
    check(&wanted("Merge", "Retain", false), GOOD, GOOD, None, merge);
    check(
        &wanted("None", "Retain", false),
        GOOD,
        GOOD,
        None,
        "keep: secret not written due to CreationPolicy=None",
    );
}

#[test]
fn failures_keep_the_target() {
    let old = foreign(&[("old", "0")]);
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge", "None"] {
        for deletion in ["Retain", "Delete", "Merge"] {
            let wanted = wanted(creation, deletion, false);
            for previous in [None, Some(&old)] {
                let sealed = "keep: could not get secret data from provider: error processing spec.data[0] (key: a), err: sealed";
                check(&wanted, Failed, GOOD, previous, sealed);
                check(&wanted, Failed, Missing, previous, &{
                    let missing = "error processing spec.dataFrom[0].extract, err: Secret does not exist; ";
                    if deletion == "Retain" {
                        sealed.replace("provider: ", &format!("provider: {missing}"))
                    } else {
                        sealed.to_owned()
                    }
                });
                let property = "keep: could not get secret data from provider: error processing spec.data[0] (key: a), err: cannot find secret data for key: \"v\"";
                check(&wanted, EMPTY, EMPTY, previous, property);
                let lie = "keep: could not get secret data from provider: error processing spec.dataFrom[0].extract, err: the store's answer is not a JSON object (but Null); check the store's version and path";
                check(&wanted, GOOD, Json("null"), previous, lie);
                assert!(matches!(
                    plan(&wanted, &Fetches::new(), previous),
                    Plan::Keep { reason: KeepReason::Failed(_) }
                ));
            }
        }
    }
}

#[test]
fn what_does_not_exist() {
    let old = foreign(&[("x", "0"), ("foreign", "f")]);
    let ours = ExistingSecret { our_keys: BTreeSet::from(["x".to_owned()]), ..old.clone() };
    let retain = "keep: could not get secret data from provider: error processing spec.dataFrom[0].extract, err: Secret does not exist; error processing spec.data[0] (key: a), err: Secret does not exist";
    check(&wanted("Owner", "Retain", false), Missing, Missing, Some(&old), retain);
    let deleted = "delete: secret deleted due to DeletionPolicy=Delete";
    check(&wanted("Owner", "Delete", false), Missing, Missing, Some(&old), deleted);
    check(&wanted("Owner", "Delete", false), Missing, Missing, None, "unchanged");
    let not_ours = "keep: secret not deleted: DeletionPolicy=Delete needs CreationPolicy=Owner";
    for creation in ["Orphan", "Merge", "CreateOrMerge"] {
        check(&wanted(creation, "Delete", false), Missing, Missing, Some(&old), not_ours);
    }
    check(&wanted("Owner", "Merge", false), Missing, Missing, Some(&old), "write ");
    check(&wanted("Owner", "Merge", false), Missing, Missing, None, "write ");
    check(&wanted("Merge", "Merge", false), Missing, Missing, Some(&ours), "write foreign=f");
    // One is there, one is not.
    check(&wanted("Owner", "Delete", false), GOOD, Missing, Some(&old), "write x=1");
    check(&wanted("Owner", "Delete", false), Missing, GOOD, Some(&old), "write v=1");
    // An empty object is no "does not exist".
    let empty = "keep: secret retained: the provider returned no keys";
    for deletion in ["Delete", "Merge"] {
        check(&wanted("Owner", deletion, false), Missing, EMPTY, Some(&old), empty);
    }
    let nothing = read_spec("target: {deletionPolicy: Delete}").unwrap();
    check(&nothing, GOOD, GOOD, Some(&old), empty);
}

#[test]
fn updates() {
    let old = foreign(&[("x", "0"), ("foreign", "f"), ("stale", "s")]);
    let ours =
        ExistingSecret { our_keys: BTreeSet::from(["x".to_owned(), "stale".to_owned()]), ..old.clone() };
    for (creation, want) in [
        ("Owner", "write v=1,x=1"),
        ("Orphan", "write v=1,x=1"),
        ("Merge", "write foreign=f,v=1,x=1"),
        ("CreateOrMerge", "write foreign=f,v=1,x=1"),
    ] {
        check(&wanted(creation, "Retain", false), GOOD, GOOD, Some(&ours), want);
    }
    check(&wanted("Merge", "Retain", false), GOOD, GOOD, Some(&old), "write foreign=f,stale=s,v=1,x=1");
}

#[test]
fn the_same_again_is_not_written() {
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge"] {
        let wanted = wanted(creation, "Retain", false);
        let answers = fetches(&[("a", GOOD), ("b", GOOD)]);
        let start = foreign(&[("foreign", "f")]);
        let Plan::Write(secret) = plan(&wanted, &answers, Some(&start)) else { panic!("{creation}") };
        let now = ExistingSecret { our_keys: ["x", "v"].map(str::to_owned).into(), ..written(&secret) };
        assert_eq!(show(&plan(&wanted, &answers, Some(&now))), "unchanged", "{creation}");
        // Somebody changed a value, a label, the fingerprint.
        let mut edited = now.clone();
        edited.data.insert("x".to_owned(), SecretValue::from("edited"));
        assert!(matches!(plan(&wanted, &answers, Some(&edited)), Plan::Write(_)), "{creation}");
        for part in [MANAGED, "team"] {
            let mut edited = now.clone();
            edited.labels.remove(part);
            assert!(matches!(plan(&wanted, &answers, Some(&edited)), Plan::Write(_)), "{creation} {part}");
        }
        let mut edited = now.clone();
        edited.annotations.insert(DATA_HASH.to_owned(), "other".to_owned());
        assert!(matches!(plan(&wanted, &answers, Some(&edited)), Plan::Write(_)), "{creation}");
    }
}

#[test]
fn labels_and_annotations_of_others_stay() {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let old = ExistingSecret {
        secret_type: "kubernetes.io/tls".to_owned(),
        labels: map(&[("theirs", "1"), ("stale", "1"), ("team", "z"), (CREATED_BY, "hash")]),
        annotations: map(&[("theirs", "1"), ("stale", "1")]),
        our_labels: BTreeSet::from(["stale".to_owned()]),
        our_annotations: BTreeSet::from(["stale".to_owned()]),
        ..ExistingSecret::default()
    };
    for (creation, mark) in [("Owner", true), ("Orphan", false), ("Merge", true)] {
        let answers = fetches(&[("a", GOOD), ("b", GOOD)]);
        let Plan::Write(secret) = plan(&wanted(creation, "Retain", false), &answers, Some(&old)) else {
            panic!()
        };
        let labels: Vec<_> =
            secret.labels.keys().map(String::as_str).filter(|key| *key != CREATED_BY).collect();
        assert_eq!(labels, [MANAGED, "team", "theirs"], "{creation}");
        assert_eq!(secret.labels["team"], "a");
        assert_eq!(secret.labels.contains_key(CREATED_BY), mark, "{creation}");
        assert_eq!(
            secret.annotations.keys().map(String::as_str).collect::<Vec<_>>(),
            ["note", DATA_HASH, "theirs"]
        );
        assert_eq!(secret.secret_type, "kubernetes.io/tls");
    }
}

#[test]
fn immutable_targets() {
    let sealed = ExistingSecret { immutable: true, ..foreign(&[("x", "0")]) };
    let same = ExistingSecret { immutable: true, ..foreign(&[("v", "1"), ("x", "1")]) };
    let ours = "keep: secret is immutable, the provider's change is not written";
    let theirs = "keep: could not update secret, target is immutable; delete it or remove the field immutable by recreating it";
    check(&wanted("Owner", "Retain", true), GOOD, GOOD, Some(&sealed), ours);
    check(&wanted("Owner", "Retain", false), GOOD, GOOD, Some(&sealed), theirs);
    // Labels may still be set.
    check(&wanted("Owner", "Retain", false), GOOD, GOOD, Some(&same), "write v=1,x=1");
    let Plan::Write(secret) =
        plan(&wanted("Owner", "Retain", true), &fetches(&[("a", GOOD), ("b", GOOD)]), None)
    else {
        panic!()
    };
    assert!(secret.immutable);
}

#[test]
fn owned_by_others() {
    let old = ExistingSecret {
        foreign_owner: Some("another ExternalSecret: owner-a".to_owned()),
        ..foreign(&[("x", "0")])
    };
    let want = "keep: target is owned by another ExternalSecret: owner-a; choose another spec.target.name";
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge", "None"] {
        check(&wanted(creation, "Delete", false), GOOD, GOOD, Some(&old), want);
        check(&wanted(creation, "Delete", false), Missing, Missing, Some(&old), want);
    }
}

#[test]
fn a_merge_that_grows_too_large_is_not_written() {
    let old = ExistingSecret {
        data: BTreeMap::from([("big".to_owned(), SecretValue::new(vec![b'x'; MAX_SECRET_BYTES]))]),
        ..ExistingSecret::default()
    };
    let want = "keep: could not get secret data from provider: error processing spec, err: the Secret would have 1048578 bytes, at most 1048576 are allowed; split it";
    check(&wanted("Merge", "Retain", false), GOOD, GOOD, Some(&old), want);
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(GOOD),
        Just(Json(r#"{"v":"2","w":"3"}"#)),
        Just(EMPTY),
        Just(Json("no JSON")),
        Just(Missing),
        Just(Failed),
    ]
}

proptest! {
    /// A target over time, with any answers: the rules that no answer may break.
    #[test]
    fn the_target_is_safe(
        creation in prop::sample::select(vec!["Owner", "Orphan", "Merge", "CreateOrMerge"]),
        deletion in prop::sample::select(vec!["Retain", "Delete", "Merge"]),
        foreign_key in any::<bool>(),
        steps in prop::collection::vec((answers(), answers()), 1..12),
    ) {
        let wanted = wanted(creation, deletion, false);
        let merge = matches!(creation, "Merge" | "CreateOrMerge");
        let mut target = foreign_key.then(|| foreign(&[("foreign", "f")]));
        for (a, b) in steps {
            let answers = fetches(&[("a", a.clone()), ("b", b.clone())]);
            let all_missing = matches!((&a, &b), (Missing, Missing));
            let failed = [&a, &b].iter().any(|answer| matches!(answer, Failed | Json("no JSON")));
            match plan(&wanted, &answers, target.as_ref()) {
                Plan::Write(secret) => {
                    prop_assert!(!failed);
                    prop_assert!(deletion != "Retain" || !matches!((&a, &b), (Missing, _) | (_, Missing)));
                    prop_assert!(creation != "Merge" || target.is_some());
                    let had = target.as_ref().is_some_and(|old| old.data.contains_key("foreign"));
                    prop_assert_eq!(secret.data.contains_key("foreign"), merge && had);
                    prop_assert!(all_missing || secret.data.keys().any(|key| key != "foreign"));
                    // What was just written needs no second write.
                    let mut now = written(&secret);
                    now.our_keys.remove("foreign");
                    prop_assert_eq!(show(&plan(&wanted, &answers, Some(&now))), "unchanged");
                    target = Some(now);
                }
                Plan::Delete { .. } => {
                    prop_assert!(all_missing && deletion == "Delete" && creation == "Owner" && target.is_some());
                    target = None;
                }
                Plan::Unchanged => prop_assert!(!failed),
                Plan::Keep { .. } => {}
            }
        }
    }
}
