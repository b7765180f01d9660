//! Tests of the mount table.

use super::*;
use crate::command::Command;
use crate::json::{JsonLimits, parse};
use crate::testing::MemoryStore;

/// What is done with the mount table.
enum Do {
    Enable(&'static str),
    Tune(&'static str),
    Disable,
    Move(&'static str),
}

fn command(path: &str, what: &Do) -> Result<Command, Refusal> {
    let json = |text: &str| parse(text.as_bytes(), &JsonLimits::default()).unwrap();
    Ok(Command::Mount(match what {
        Do::Enable(body) => {
            let request = MountRequest::parse(&json(body))?;
            let mount = request.into_mount(path, format!("id-{path}").replace('/', "-"), "kv_0".to_owned());
            MountCommand::Enable(Box::new(mount))
        }
        Do::Tune(body) => MountCommand::Tune { path: path.to_owned(), tune: Tune::parse(&json(body))? },
        Do::Disable => MountCommand::Disable { path: path.to_owned() },
        Do::Move(to) => MountCommand::Move { from: path.to_owned(), to: (*to).to_owned() },
    }))
}

/// What came of it: `ok`, `nothing` or the refusal.
fn run(store: &mut MemoryStore, path: &str, what: &Do) -> String {
    match command(path, what).and_then(|command| store.run(&command)) {
        Ok(effects) if effects.mutations.is_empty() && effects.changes.is_empty() => "nothing".to_owned(),
        Ok(effects) => {
            let to = if let Do::Move(to) = what { Some(*to) } else { None };
            let told = std::iter::once(path).chain(to);
            let told: Vec<Change> =
                told.map(|path| Change::MountChanged { mount: path.to_owned() }).collect();
            assert_eq!(effects.changes, told);
            "ok".to_owned()
        }
        Err(refusal) => refusal.to_string(),
    }
}

fn check(store: &mut MemoryStore, steps: &[(&str, Do, &str)]) {
    for (i, (path, what, expected)) in steps.iter().enumerate() {
        assert_eq!(run(store, path, what), *expected, "step {i}: {path}");
    }
}

fn mount(store: &MemoryStore, path: &str) -> MountInfo {
    decode_mount(store.get(&mount_key(path)).unwrap()).unwrap()
}

#[test]
fn paths_do_not_overlap() {
    let used = "path is already in use at team/a/";
    let kv2 = "{\"type\":\"kv-v2\"}";
    let mut store = MemoryStore::default();
    check(
        &mut store,
        &[
            ("team/a", Do::Enable(kv2), "ok"),
            ("team/a", Do::Enable(kv2), used),
            ("team", Do::Enable(kv2), used),
            ("team/a/b", Do::Enable(kv2), used),
            ("team/ab", Do::Enable(kv2), "ok"),
            ("team%2Fa", Do::Enable(kv2), "ok"),
            ("sys", Do::Enable(kv2), "cannot mount \"sys/\""),
            ("auth/x", Do::Enable(kv2), "cannot mount \"auth/x/\""),
            ("a//b", Do::Enable(kv2), "cannot mount \"a//b/\": give a path without empty segments"),
            ("system", Do::Enable(kv2), "ok"),
            ("sys", Do::Disable, "cannot unmount \"sys/\""),
            ("none", Do::Disable, "nothing"),
            ("team/a", Do::Disable, "ok"),
            ("team/a/b", Do::Enable(kv2), "ok"),
        ],
    );
    let paths: Vec<String> = store.children(&mounts_key()).iter().map(|s| mount_path_of(s)).collect();
    assert_eq!(paths, ["system", "team%2Fa", "team/a/b", "team/ab"]);
}

#[test]
fn reads_types_and_settings() {
    let mut store = MemoryStore::default();
    let full = "{\"type\":\"kv\",\"description\":\"d\",\"options\":{\"version\":\"2\"},\"config\":{\"default_lease_ttl\":\"1h\",\"max_lease_ttl\":\"24h\",\"listing_visibility\":\"unauth\",\"options\":null}}";
    let visibility = "invalid listing_visibility; use \"unauth\", \"hidden\" or nothing";
    check(
        &mut store,
        &[
            ("u", Do::Enable("{\"type\":\"nope\"}"), "plugin not found in the catalog: nope"),
            ("u", Do::Enable("null"), "backend type must be specified as a string"),
            ("u", Do::Enable("{\"type\":1}"), "backend type must be specified as a string"),
            (
                "u",
                Do::Enable("{\"type\":\"kv\",\"options\":{\"version\":3}}"),
                "invalid options.version; use \"1\" or \"2\"",
            ),
            (
                "u",
                Do::Enable("{\"type\":\"kv-v1\",\"options\":{\"version\":\"2\"}}"),
                "options.version does not fit the type kv-v1; leave it out",
            ),
            (
                "u",
                Do::Enable("{\"type\":\"kv\",\"config\":{\"default_lease_ttl\":2,\"max_lease_ttl\":1}}"),
                "given default lease TTL greater than given max lease TTL",
            ),
            ("u", Do::Enable("{\"type\":\"kv\",\"config\":{\"listing_visibility\":\"x\"}}"), visibility),
            ("full", Do::Enable(full), "ok"),
            (
                "one",
                Do::Enable("{\"type\":\"kv\",\"options\":null,\"config\":{\"default_lease_ttl\":\"\"}}"),
                "ok",
            ),
            ("two", Do::Enable("{\"type\":\"kv\",\"options\":{\"version\":2}}"), "ok"),
        ],
    );
    let expected = MountInfo {
        path: "full".to_owned(),
        id: "id-full".to_owned(),
        accessor: "kv_0".to_owned(),
        engine: Engine::Kv2,
        description: "d".to_owned(),
        default_lease_ttl: 3_600,
        max_lease_ttl: 86_400,
        listing_visibility: "unauth".to_owned(),
    };
    assert_eq!(mount(&store, "full"), expected);
    assert_eq!(mount(&store, "one").engine, Engine::Kv1);
    assert_eq!(mount(&store, "two").engine, Engine::Kv2);
    for bytes in [&b""[..], b"{}", b"{\"v\":2}"] {
        assert!(decode_mount(bytes).is_none());
    }
}

#[test]
fn tunes_what_is_given() {
    let mut store = MemoryStore::default();
    let version = "the version of a mount cannot be changed; enable another mount and copy the secrets";
    check(
        &mut store,
        &[
            ("a", Do::Tune("{}"), "cannot fetch sysview for path \"a/\""),
            ("a", Do::Enable("{\"type\":\"kv\",\"description\":\"d\"}"), "ok"),
            ("a", Do::Tune("{}"), "nothing"),
            (
                "a",
                Do::Tune(
                    "{\"default_lease_ttl\":\"1h\",\"max_lease_ttl\":7200,\"listing_visibility\":\"hidden\"}",
                ),
                "ok",
            ),
            ("a", Do::Tune("{\"options\":{\"version\":\"1\"}}"), "nothing"),
            ("a", Do::Tune("{\"options\":{\"version\":\"2\"}}"), version),
            (
                "a",
                Do::Tune("{\"max_lease_ttl\":60}"),
                "default_lease_ttl of 3600 seconds is longer than max_lease_ttl of 60 seconds",
            ),
        ],
    );
    let tuned = mount(&store, "a");
    assert_eq!((tuned.default_lease_ttl, tuned.max_lease_ttl), (3_600, 7_200));
    assert_eq!((tuned.description.as_str(), tuned.listing_visibility.as_str()), ("d", "hidden"));
    check(&mut store, &[("a", Do::Tune("{\"default_lease_ttl\":\"system\",\"description\":\"\"}"), "ok")]);
    assert_eq!((mount(&store, "a").default_lease_ttl, mount(&store, "a").description.as_str()), (0, ""));
}

#[test]
fn a_mount_goes_with_everything_in_it() {
    let mut store = MemoryStore::default();
    for path in ["a", "ab"] {
        check(&mut store, &[(path, Do::Enable("{\"type\":\"kv\"}"), "ok")]);
        for table in [Table::KvMeta, Table::KvData, Table::Kv1] {
            store.put(RowKey::join(table, &[&format!("id-{path}"), "x", "1"]), b"");
        }
        store.put(RowKey::new(Table::KvConfig, format!("id-{path}")), b"");
    }
    assert_eq!(store.keys().count(), 10);
    check(&mut store, &[("a", Do::Disable, "ok")]);
    assert_eq!(store.keys().count(), 5);
    assert!(store.keys().all(|k| k.key.starts_with("ab") || k.key.starts_with("id-ab")));
}

#[test]
fn mounts_are_limited() {
    let mut store = MemoryStore::default();
    for i in 1..MAX_MOUNTS {
        store.put(mount_key(&format!("m{i}")), b"");
    }
    let kv = "{\"type\":\"kv\"}";
    check(
        &mut store,
        &[
            ("last", Do::Enable(kv), "ok"),
            ("more", Do::Enable(kv), "there are 1000 mounts already; disable one first"),
        ],
    );
}

#[test]
fn a_move_keeps_everything_but_the_path() {
    let mut store = MemoryStore::default();
    let full = "{\"type\":\"kv-v2\",\"description\":\"d\",\"config\":{\"max_lease_ttl\":\"1h\"}}";
    check(&mut store, &[("a", Do::Enable(full), "ok"), ("c/d", Do::Enable("{\"type\":\"kv\"}"), "ok")]);
    store.put(RowKey::new(Table::KvMeta, "id-a/x"), b"");
    let before = mount(&store, "a");
    check(
        &mut store,
        &[
            ("none", Do::Move("b"), "no matching mount at \"none/\""),
            ("c", Do::Move("b"), "no matching mount at \"c/\""),
            ("sys", Do::Move("b"), "cannot remount \"sys/\""),
            ("a", Do::Move("auth/b"), "cannot mount \"auth/b/\""),
            ("a", Do::Move("c/d"), "path is already in use at c/d/"),
            ("a", Do::Move("c"), "path is already in use at c/d/"),
            ("a", Do::Move("c/d/e"), "path is already in use at c/d/"),
            ("a", Do::Move("a"), "path is already in use at a/"),
            ("a", Do::Move("a/b"), "path is already in use at a/"),
            ("a", Do::Move("b/b"), "ok"),
            ("a", Do::Move("b/c"), "no matching mount at \"a/\""),
            ("a", Do::Enable("{\"type\":\"kv\"}"), "ok"),
        ],
    );
    assert_eq!(mount(&store, "b/b"), MountInfo { path: "b/b".to_owned(), ..before });
    assert!(store.get(&RowKey::new(Table::KvMeta, "id-a/x")).is_some());
}

#[test]
fn paths_of_a_move_are_canonical() {
    let both = "both 'from' and 'to' path must be specified as a string";
    let relative = "'to': relative paths are not supported; remove the \".\" or \"..\" segment";
    let empty = "'to': the path has an empty segment; remove the leading or doubled slash";
    for (body, expected) in [
        ("{\"from\":\"/a/\",\"to\":\"b/c/\"}", Ok(("a", "b/c"))),
        ("{\"from\":\"a\"}", Err(both)),
        ("{\"from\":\"/\",\"to\":\"b\"}", Err(both)),
        ("{\"from\":\"a\",\"to\":\"b/../sys\"}", Err(relative)),
        ("{\"from\":\"a\",\"to\":\"b//c\"}", Err(empty)),
        ("{\"from\":\"a\",\"to\":\"//b\"}", Err(empty)),
        ("{\"from\":\"a\",\"to\":\"b//\"}", Err("'to': remove the doubled slash at the end")),
    ] {
        let parsed = MoveRequest::parse(&parse(body.as_bytes(), &JsonLimits::default()).unwrap());
        let got = parsed.as_ref().map(|m| (m.from.as_str(), m.to.as_str())).map_err(ToString::to_string);
        assert_eq!(got, expected.map_err(str::to_owned), "{body}");
    }
}
