//! Tests of KV version 2: steps as data, then a random walk against a simple model.

use proptest::prelude::*;

use super::*;
use crate::command::{Change, ChangeAction, Command, Reply};
use crate::json::{Json, JsonLimits, parse};
use crate::refusal::Refusal;
use crate::testing::MemoryStore;

const ID: &str = "m1";
const PATH: &str = "team/a";

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &JsonLimits::default()).unwrap()
}

/// A mount and a clock that stands still between steps.
#[derive(Default)]
struct World {
    store: MemoryStore,
    now: Time,
}

impl World {
    fn run_at(&mut self, path: &str, action: Kv2Action) -> Result<Effects, Refusal> {
        let mount = MountRef { id: ID.to_owned(), path: "secret".to_owned() };
        self.store.run(&Command::Kv2(Kv2Command { mount, path: path.to_owned(), now: self.now, action }))
    }

    fn meta(&self, path: &str) -> Option<KeyMeta> {
        self.store.get(&meta_key(ID, path)).map(|bytes| decode_meta(bytes).unwrap())
    }

    /// What a read shows: the value, `gone` or `missing`.
    fn read(&self, path: &str, version: Option<u64>) -> String {
        let Some(meta) = self.meta(path) else { return "missing".to_owned() };
        match read_version(&meta, version, self.now) {
            ReadOutcome::Missing => "missing".to_owned(),
            ReadOutcome::Gone(_) => "gone".to_owned(),
            ReadOutcome::Live(info) => {
                let row = self.store.get(&data_key(ID, path, info.version)).unwrap();
                let value = decode_data(row).unwrap();
                value.json.map_or("null".to_owned(), |j| j.expose().to_owned())
            }
        }
    }

    /// All versions in short: number, `d` for a deletion time, `x` for destroyed.
    fn versions(&self, path: &str) -> String {
        let Some(meta) = self.meta(path) else { return "none".to_owned() };
        let flags = |v: &Version| {
            format!("{}{}", if v.deletion.is_some() { "d" } else { "" }, if v.destroyed { "x" } else { "" })
        };
        let all: Vec<String> = meta.versions.iter().map(|(n, v)| format!("{n}{}", flags(v))).collect();
        format!("{} of {}..{}", all.join(" "), meta.oldest_version, meta.current_version)
    }
}

/// One step: what is done with which body, and what comes of it (`ok`, the version written, or the message).
struct Step(&'static str, &'static str, &'static str);

fn action(world: &World, verb: &str, body: &str) -> Result<Kv2Action, Refusal> {
    let body = json(if body.is_empty() { "null" } else { body });
    let expect = if world.meta(PATH).is_some() { Existence::Present } else { Existence::Absent };
    match verb {
        "write" => request::write(&body, expect),
        "write-absent" => request::write(&body, Existence::Absent),
        "write-present" => request::write(&body, Existence::Present),
        "patch" => request::patch(&body),
        "delete-latest" => Ok(Kv2Action::DeleteLatest),
        "delete" => request::versions(&body, "No version number provided").map(Kv2Action::Delete),
        "undelete" => request::versions(&body, "No version number provided").map(Kv2Action::Undelete),
        "destroy" => request::versions(&body, "no version number provided").map(Kv2Action::Destroy),
        "metadata" => request::metadata(&body, false, Some(expect)),
        "metadata-absent" => request::metadata(&body, false, Some(Existence::Absent)),
        "metadata-patch" => request::metadata(&body, true, None),
        "remove" => Ok(Kv2Action::Remove),
        "config" => request::config(&body),
        _ => panic!("unknown verb {verb}"),
    }
}

fn step(world: &mut World, verb: &str, body: &str) -> String {
    match verb {
        "wait" => {
            world.now = world.now.plus_seconds(body.parse().unwrap());
            return "ok".to_owned();
        }
        "read" => return world.read(PATH, body.parse().ok()),
        "versions" => return world.versions(PATH),
        "custom" => return format!("{:?}", world.meta(PATH).unwrap().custom_metadata.unwrap_or_default()),
        _ => {}
    }
    match action(world, verb, body).and_then(|action| world.run_at(PATH, action)) {
        Ok(Effects { reply: Reply::Version(info), .. }) => {
            let deletion = if info.deletion.is_some() { " deletes itself" } else { "" };
            format!("{}{deletion}", info.version)
        }
        Ok(effects) if effects.changes.is_empty() => {
            assert!(effects.mutations.is_empty(), "what changes is said");
            "nothing".to_owned()
        }
        Ok(_) => "ok".to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}

fn check(steps: &[Step]) {
    let mut world = World { now: Time::from_seconds(1_000), ..World::default() };
    for (i, Step(verb, body, expected)) in steps.iter().enumerate() {
        assert_eq!(step(&mut world, verb, body), *expected, "step {i}: {verb} {body}");
    }
}

#[test]
fn versions_come_go_and_come_back() {
    check(&[
        Step("read", "", "missing"),
        Step("write", "{\"data\":{\"user\":\"u\",\"pw\":1.10}}", "1"),
        Step("read", "", "{\"pw\":1.10,\"user\":\"u\"}"),
        Step("write", "{\"data\":{\"user\":\"u2\"}}", "2"),
        Step("read", "1", "{\"pw\":1.10,\"user\":\"u\"}"),
        Step("read", "0", "{\"user\":\"u2\"}"),
        Step("read", "9", "missing"),
        Step("write", "{\"data\":null}", "3"),
        Step("read", "", "null"),
        Step("delete-latest", "", "ok"),
        Step("delete-latest", "", "nothing"),
        Step("read", "", "gone"),
        Step("versions", "", "1 2 3d of 0..3"),
        Step("undelete", "{\"versions\":[3]}", "ok"),
        Step("undelete", "{\"versions\":[3]}", "nothing"),
        Step("read", "", "null"),
        Step("delete", "{\"versions\":[\"1\",2,7,-1]}", "ok"),
        Step("read", "2", "gone"),
        Step("destroy", "{\"versions\":\"1,1\"}", "ok"),
        Step("destroy", "{\"versions\":\"1\"}", "nothing"),
        Step("versions", "", "1dx 2d 3 of 0..3"),
        Step("undelete", "{\"versions\":[1]}", "nothing"),
        Step("read", "1", "gone"),
        Step("remove", "", "ok"),
        Step("remove", "", "nothing"),
        Step("versions", "", "none"),
    ]);
}

#[test]
fn says_what_is_wrong_with_a_request() {
    let not_object = "error converting input for field \"data\": '' expected type 'map[string]interface {}', got unconvertible type 'string'";
    check(&[
        Step("write", "null", "no data provided"),
        Step("write", "{\"data\":\"x\"}", not_object),
        Step("patch", "{\"data\":null}", "no data provided"),
        Step("delete", "null", "No version number provided"),
        Step("destroy", "{\"versions\":[]}", "no version number provided"),
        Step(
            "delete",
            "{\"versions\":[\"x\"]}",
            "error converting input for field \"versions\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
        ),
        Step("delete", "{\"versions\":[1]}", "nothing"),
        Step("delete-latest", "", "nothing"),
        Step("patch", "{\"data\":{}}", "not found"),
        Step("metadata-patch", "{\"max_versions\":1}", "not found"),
        Step("metadata-patch", "{}", "not found"),
        Step(
            "write-present",
            "{\"data\":{}}",
            "the key was created or deleted at the same time; repeat the request",
        ),
        Step("write-absent", "{\"data\":{}}", "1"),
        Step(
            "write-absent",
            "{\"data\":{}}",
            "the key was created or deleted at the same time; repeat the request",
        ),
        Step(
            "metadata-absent",
            "{\"max_versions\":1}",
            "the key was created or deleted at the same time; repeat the request",
        ),
    ]);
}

#[test]
fn checks_and_sets() {
    let mismatch = "check-and-set parameter did not match the current version";
    let required = "check-and-set parameter required for this call";
    check(&[
        Step("write", "{\"data\":{},\"options\":{\"cas\":1}}", mismatch),
        Step("write", "{\"data\":{},\"options\":{\"cas\":0}}", "1"),
        Step("write", "{\"data\":{},\"options\":{\"cas\":0}}", mismatch),
        Step("write", "{\"data\":{},\"options\":{\"cas\":null}}", mismatch),
        Step("write", "{\"data\":{},\"options\":{\"cas\":\"1\"}}", "2"),
        Step("write", "{\"data\":{},\"options\":{\"cas\":2.0}}", "error parsing check-and-set parameter"),
        Step("write", "{\"data\":{},\"options\":null}", "3"),
        Step("metadata", "{\"cas_required\":true}", "ok"),
        Step("write", "{\"data\":{}}", required),
        Step("patch", "{\"data\":{}}", required),
        Step("patch", "{\"data\":{\"a\":1},\"options\":{\"cas\":3}}", "4"),
        Step("metadata", "{\"cas_required\":false}", "ok"),
        Step("config", "{\"cas_required\":true}", "ok"),
        Step("config", "{\"cas_required\":true}", "nothing"),
        Step("write", "{\"data\":{}}", required),
        // A key whose versions are all gone still counts from its last one.
        Step("delete-latest", "", "ok"),
        Step("write", "{\"data\":{},\"options\":{\"cas\":0}}", mismatch),
        Step("write", "{\"data\":{},\"options\":{\"cas\":4}}", "5"),
    ]);
}

#[test]
fn patches_the_latest_version() {
    check(&[
        Step("write", "{\"data\":{\"a\":1,\"b\":{\"c\":9007199254740993,\"d\":2}}}", "1"),
        Step("patch", "{\"data\":{\"a\":null,\"b\":{\"d\":\"x\"}}}", "2"),
        Step("read", "", "{\"b\":{\"c\":9007199254740993,\"d\":\"x\"}}"),
        Step("write", "{\"data\":null}", "3"),
        Step("patch", "{\"data\":{\"n\":{\"x\":null}}}", "4"),
        Step("read", "", "{\"n\":{}}"),
        Step("delete-latest", "", "ok"),
        Step("patch", "{\"data\":{\"n\":1}}", "not found"),
    ]);
}

#[test]
fn prunes_the_oldest() {
    check(&[
        Step("metadata", "{\"max_versions\":2}", "ok"),
        Step("versions", "", " of 0..0"),
        Step("read", "", "missing"),
        Step("write", "{\"data\":{\"i\":0}}", "1"),
        Step("write", "{\"data\":{\"i\":1}}", "2"),
        Step("write", "{\"data\":{\"i\":2}}", "3"),
        Step("versions", "", "2 3 of 2..3"),
        Step("read", "1", "missing"),
        Step("config", "{\"max_versions\":4}", "ok"),
        Step("write", "{\"data\":{}}", "4"),
        Step("write", "{\"data\":{}}", "5"),
        Step("write", "{\"data\":{}}", "6"),
        Step("versions", "", "3 4 5 6 of 3..6"),
        Step("config", "{\"max_versions\":1}", "ok"),
        Step("metadata", "{\"max_versions\":1}", "ok"),
        Step("write", "{\"data\":{}}", "7"),
        Step("versions", "", "7 of 7..7"),
        Step(
            "metadata",
            "{\"max_versions\":10001}",
            "max_versions is 10001; at most 10000 versions are kept",
        ),
    ]);
}

#[test]
fn versions_delete_themselves() {
    let negative =
        "error converting input for field \"delete_version_after\": cannot provide negative value '-5'";
    check(&[
        Step("metadata", "{\"delete_version_after\":\"-5s\"}", negative),
        Step("metadata", "{\"delete_version_after\":\"30s\"}", "ok"),
        Step("write", "{\"data\":{\"a\":1}}", "1 deletes itself"),
        Step("wait", "29", "ok"),
        Step("read", "", "{\"a\":1}"),
        Step("wait", "1", "ok"),
        Step("read", "", "gone"),
        Step("undelete", "{\"versions\":[1]}", "ok"),
        Step("wait", "29", "ok"),
        Step("read", "", "{\"a\":1}"),
        Step("config", "{\"delete_version_after\":\"10s\"}", "ok"),
        Step("write", "{\"data\":{\"a\":2}}", "2 deletes itself"),
        Step("wait", "10", "ok"),
        Step("read", "", "gone"),
        Step("config", "{\"delete_version_after\":\"-1s\"}", "ok"),
        Step("write", "{\"data\":{\"a\":3}}", "3"),
        Step("undelete", "{\"versions\":[1,2]}", "ok"),
        Step("wait", "1000000", "ok"),
        Step("versions", "", "1 2 3 of 0..3"),
    ]);
}

#[test]
fn keeps_custom_metadata() {
    let mismatch = "metadata check-and-set parameter does not match the current version";
    check(&[
        Step("metadata", "null", "nothing"),
        Step("versions", "", "none"),
        Step("metadata", "{\"metadata_cas\":1,\"custom_metadata\":{\"a\":\"b\"}}", mismatch),
        Step("metadata", "{\"metadata_cas\":0,\"custom_metadata\":{\"a\":\"b\"}}", "ok"),
        Step("metadata", "{\"custom_metadata\":{\"c\":\"d\"}}", "ok"),
        Step("custom", "", "{\"c\": \"d\"}"),
        Step("metadata-patch", "{\"custom_metadata\":{\"e\":\"f\",\"c\":null}}", "ok"),
        Step("custom", "", "{\"e\": \"f\"}"),
        Step("metadata", "{\"metadata_cas\":5,\"max_versions\":1}", mismatch),
        Step("metadata", "{\"metadata_cas\":3,\"metadata_cas_required\":true}", "ok"),
        Step("metadata", "{\"max_versions\":1}", "metadata check-and-set parameter required for this call"),
        Step("metadata-patch", "{\"metadata_cas\":4,\"metadata_cas_required\":false}", "ok"),
        Step(
            "metadata",
            "{\"custom_metadata\":{\"a\":\"\"}}",
            "1 error occurred:\n\t* custom_metadata validation failed: length of value for key \"a\" is 0 but must be 0 < len(value) <= 512\n\n",
        ),
        Step(
            "metadata",
            "{\"custom_metadata\":{\"\":\"a\\u0007\"}}",
            "2 errors occurred:\n\t* custom_metadata validation failed: length of key \"\" is 0 but must be 0 < len(key) <= 128\n\t* custom_metadata validation failed: value for key \"\" contains unprintable characters\n\n",
        ),
        Step(
            "metadata",
            "{\"custom_metadata\":{\"a\":{\"b\":1}}}",
            "custom_metadata validation failed: '' expected type 'string', got unconvertible type 'map[string]interface {}'",
        ),
        Step(
            "metadata-patch",
            "{\"custom_metadata\":null}",
            "custom_metadata cannot be null in a patch; set the keys to remove to null",
        ),
        Step("custom", "", "{\"e\": \"f\"}"),
        Step("write", "{\"data\":{}}", "1"),
    ]);
}

#[test]
fn limits_custom_metadata() {
    let many = |n: usize| (0..n).map(|i| (i.to_string(), "x".to_owned())).collect();
    let one = |key: usize, value: usize| [("k".repeat(key), "v".repeat(value))].into();
    for (custom, fits) in [
        (many(64), true),
        (many(65), false),
        (one(128, 512), true),
        (one(129, 1), false),
        (one(1, 513), false),
    ] {
        assert_eq!(check_custom_metadata(&custom).is_ok(), fits);
    }
    let text = check_custom_metadata(&many(65)).unwrap_err().to_string();
    assert_eq!(
        text,
        "1 error occurred:\n\t* custom_metadata validation failed: payload must contain at most 64 keys, provided 65\n\n"
    );
}

fn write_text(text: String) -> Kv2Action {
    Kv2Action::Write { data: Some(SecretJson::new(text)), cas: None, expect: Existence::Absent }
}

#[test]
fn refuses_values_beyond_its_limits() {
    let mut world = World::default();
    let fill = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n - 8));
    assert!(world.run_at("big", write_text(fill(MAX_VALUE_BYTES))).is_ok());
    let refusal = world.run_at("bigger", write_text(fill(MAX_VALUE_BYTES + 1))).unwrap_err();
    assert_eq!(refusal.to_string(), "the value has 1048577 bytes; at most 1048576 are stored");
    let refusal = world.run_at("list", write_text("[1]".to_owned())).unwrap_err();
    assert_eq!(refusal.to_string(), "the value must be a JSON object");
}

#[test]
fn removes_a_key_and_not_what_lies_below_it() {
    let mut world = World::default();
    for path in ["a", "a/1", "a/1/1", "ab"] {
        world.run_at(path, write_text(format!("{{\"p\":\"{path}\"}}"))).unwrap();
    }
    world.run_at("a", Kv2Action::Remove).unwrap();
    assert_eq!(world.read("a", None), "missing");
    for path in ["a/1", "a/1/1", "ab"] {
        assert_eq!(world.read(path, None), format!("{{\"p\":\"{path}\"}}"));
    }
    assert_eq!(world.store.keys().count(), 6);
}

#[test]
fn tells_what_changed() {
    let mut world = World::default();
    let mut changes = Vec::new();
    for action in [
        write_text("{}".to_owned()),
        Kv2Action::Delete(vec![1, 2]),
        Kv2Action::Undelete(vec![1]),
        Kv2Action::Destroy(vec![1]),
        request::metadata(&json("{\"max_versions\":3}"), true, None).unwrap(),
        Kv2Action::Remove,
    ] {
        changes.extend(world.run_at("a", action).unwrap().changes);
    }
    let expected = [
        (1, ChangeAction::Write),
        (1, ChangeAction::Delete),
        (1, ChangeAction::Undelete),
        (1, ChangeAction::Destroy),
        (0, ChangeAction::Metadata),
        (0, ChangeAction::Remove),
    ];
    let expected: Vec<Change> = expected
        .into_iter()
        .map(|(version, action)| Change::Kv2 {
            mount: "secret".to_owned(),
            path: "a".to_owned(),
            version,
            action,
        })
        .collect();
    assert_eq!(changes, expected);
}

#[test]
fn damaged_rows_are_named() {
    let mut world = World::default();
    world.store.put(meta_key(ID, "a"), b"{\"v\":2}");
    let refusal = world.run_at("a", Kv2Action::DeleteLatest).unwrap_err();
    assert_eq!(refusal, Refusal::Corrupt("kv2 metadata"));
    for bytes in [&b""[..], b"1", b"2[]\n{}", b"1[\n{}", b"1[]\n\xff"] {
        assert!(decode_data(bytes).is_none(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn decides_in_two_rounds() {
    let mut world = World::default();
    world.run_at("a", write_text("{}".to_owned())).unwrap();
    assert_eq!(world.store.rounds, 2);
}

/// A random step of the model test.
#[derive(Clone, Debug)]
enum Op {
    Write(Option<u64>),
    Patch,
    DeleteLatest,
    Delete(Vec<u64>),
    Undelete(Vec<u64>),
    Destroy(Vec<u64>),
    Remove,
    MaxVersions(u64),
    DeleteAfter(i64),
    Wait(i64),
}

fn any_op() -> impl Strategy<Value = Op> {
    let numbers = || prop::collection::vec(0..9_u64, 1..4);
    prop_oneof![
        4 => prop::option::of(0..6_u64).prop_map(Op::Write),
        2 => Just(Op::Patch),
        2 => Just(Op::DeleteLatest),
        2 => numbers().prop_map(Op::Delete),
        2 => numbers().prop_map(Op::Undelete),
        2 => numbers().prop_map(Op::Destroy),
        1 => Just(Op::Remove),
        1 => (0..4_u64).prop_map(Op::MaxVersions),
        1 => (0..4_i64).prop_map(Op::DeleteAfter),
        2 => (1..4_i64).prop_map(Op::Wait),
    ]
}

/// The model: every version ever written since the key came to be, and what became of it.
#[derive(Clone, Debug, Default)]
struct ModelKey {
    versions: Vec<ModelVersion>,
    first_kept: usize,
    max_versions: u64,
    delete_after: i64,
}

#[derive(Clone, Debug)]
struct ModelVersion {
    text: String,
    deletes_at: Option<i64>,
    destroyed: bool,
}

impl ModelKey {
    fn ends(&self, now: i64) -> Option<i64> {
        (self.delete_after > 0).then_some(now + self.delete_after)
    }

    fn push(&mut self, text: String, now: i64) {
        self.versions.push(ModelVersion { text, deletes_at: self.ends(now), destroyed: false });
        let kept = if self.max_versions == 0 { 10 } else { self.max_versions } as usize;
        self.first_kept = self.first_kept.max(self.versions.len().saturating_sub(kept));
    }

    fn kept(&mut self, number: u64) -> Option<&mut ModelVersion> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        if index < self.first_kept { None } else { self.versions.get_mut(index) }
    }

    fn read(&mut self, number: u64, now: i64) -> String {
        match self.kept(number) {
            None => "missing".to_owned(),
            Some(v) if v.destroyed || v.deletes_at.is_some_and(|at| at <= now) => "gone".to_owned(),
            Some(v) => v.text.clone(),
        }
    }

    /// Does what the operation says; whether it is accepted.
    fn step(key: &mut Option<Self>, op: &Op, text: String, now: i64) -> bool {
        match op {
            Op::Write(cas) => {
                let model = key.clone().unwrap_or_default();
                if cas.is_some_and(|c| c != model.versions.len() as u64) {
                    return false;
                }
                key.insert(model).push(text, now);
            }
            Op::Patch => {
                let Some(model) = key else { return false };
                let latest = model.versions.len() as u64;
                if ["missing", "gone"].contains(&model.read(latest, now).as_str()) {
                    return false;
                }
                model.push(text, now);
            }
            Op::Remove => *key = None,
            Op::MaxVersions(n) => key.get_or_insert_default().max_versions = *n,
            Op::DeleteAfter(seconds) => key.get_or_insert_default().delete_after = *seconds,
            Op::Wait(_) => {}
            Op::DeleteLatest | Op::Delete(_) | Op::Undelete(_) | Op::Destroy(_) => {
                if let Some(model) = key {
                    model.change(op, now);
                }
            }
        }
        true
    }

    fn change(&mut self, op: &Op, now: i64) {
        let (Op::Delete(numbers) | Op::Undelete(numbers) | Op::Destroy(numbers)) = op else {
            return self.change(&Op::Delete(vec![self.versions.len() as u64]), now);
        };
        let ends = self.ends(now);
        for number in numbers {
            let Some(version) = self.kept(*number) else { continue };
            match op {
                Op::Destroy(_) => version.destroyed = true,
                _ if version.destroyed => {}
                Op::Undelete(_) => version.deletes_at = ends,
                _ if version.deletes_at.is_some_and(|at| at <= now) => {}
                _ => version.deletes_at = Some(now),
            }
        }
    }
}

fn model_action(op: &Op, text: &str, expect: Existence) -> Option<Kv2Action> {
    let settings = |settings| Kv2Action::Metadata {
        settings,
        custom_metadata: None,
        metadata_cas: None,
        merge: false,
        expect: Some(expect),
    };
    Some(match op {
        Op::Write(cas) => {
            Kv2Action::Write { data: Some(SecretJson::new(text.to_owned())), cas: *cas, expect }
        }
        Op::Patch => Kv2Action::Patch { patch: SecretJson::new(text.to_owned()), cas: None },
        Op::DeleteLatest => Kv2Action::DeleteLatest,
        Op::Delete(numbers) => Kv2Action::Delete(numbers.clone()),
        Op::Undelete(numbers) => Kv2Action::Undelete(numbers.clone()),
        Op::Destroy(numbers) => Kv2Action::Destroy(numbers.clone()),
        Op::Remove => Kv2Action::Remove,
        Op::MaxVersions(n) => settings(Settings { max_versions: Some(*n), ..Settings::default() }),
        Op::DeleteAfter(s) => settings(Settings { delete_version_after: Some(*s), ..Settings::default() }),
        Op::Wait(_) => return None,
    })
}

proptest! {
    #[test]
    fn agrees_with_a_list_of_versions(ops in prop::collection::vec(any_op(), 1..40)) {
        let mut world = World { now: Time::from_seconds(100), ..World::default() };
        let mut model: Option<ModelKey> = None;
        for (i, op) in ops.iter().enumerate() {
            if let Op::Wait(seconds) = op {
                world.now = world.now.plus_seconds(*seconds);
            }
            let text = format!("{{\"i\":{i}}}");
            let expect = if model.is_some() { Existence::Present } else { Existence::Absent };
            let accepted = ModelKey::step(&mut model, op, text.clone(), world.now.seconds());
            if let Some(action) = model_action(op, &text, expect) {
                prop_assert_eq!(world.run_at(PATH, action).is_ok(), accepted, "step {}: {:?}", i, op);
            }
            prop_assert_eq!(world.meta(PATH).is_some(), model.is_some());
            for number in 1..=ops.len() as u64 {
                let expected = model.as_mut().map_or("missing".to_owned(), |m| m.read(number, world.now.seconds()));
                prop_assert_eq!(world.read(PATH, Some(number)), expected, "step {}: {:?}, version {}", i, op, number);
            }
        }
        // Destroyed and pruned values leave no row behind.
        let values = model.map_or(0, |m| m.versions.iter().skip(m.first_kept).filter(|v| !v.destroyed).count());
        prop_assert_eq!(world.store.keys().filter(|k| k.table == crate::row::Table::KvData).count(), values);
    }
}
