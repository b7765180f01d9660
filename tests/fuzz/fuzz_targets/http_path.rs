//! A path as it stands in the request line, through parsing, routing, and a decision about it.
#![no_main]

use std::sync::{Arc, LazyLock};

use broker_core::mount::{Engine, MountInfo};
use broker_core::route::{MountTable, Verb, route};
use libfuzzer_sys::fuzz_target;
use policies::{
    Capability, DEFAULT_TEXT, PolicySet, PolicySource, RequestPath, compile, explain, is_sudo_protected,
};

static MOUNTS: LazyLock<MountTable> = LazyLock::new(|| {
    let mount = |path: &str, engine| MountInfo {
        path: path.to_owned(),
        id: format!("id-of-{path}"),
        accessor: "kv_00000000".to_owned(),
        engine,
        description: String::new(),
        default_lease_ttl: 0,
        max_lease_ttl: 0,
        listing_visibility: String::new(),
    };
    MountTable::new(vec![mount("secret", Engine::Kv2), mount("kv/old", Engine::Kv1)], Vec::new())
});

static POLICIES: LazyLock<PolicySet> = LazyLock::new(|| {
    let policy =
        compile("default", DEFAULT_TEXT, PolicySource::BuiltIn).expect("the default policy compiles");
    PolicySet::new([Arc::new(policy)])
});

fuzz_target!(|data: &[u8]| {
    let Some((flags, raw)) = data.split_first() else { return };
    let Ok(raw) = std::str::from_utf8(raw) else { return };
    let list = flags & 1 == 1;
    let Ok(path) = RequestPath::parse(raw, list) else { return };

    let text = path.as_str();
    assert_eq!(text.ends_with('/'), list, "a list and only a list ends in a slash: {text:?}");
    for segment in path.segments() {
        assert!(!["", ".", ".."].contains(&segment), "no canonical path: {text:?}");
    }
    let again = RequestPath::from_canonical(text).expect("a canonical path is accepted again");
    assert!(again == path, "{text:?} is read in two ways");

    for verb in [Verb::Read, Verb::List, Verb::Scan, Verb::Write, Verb::Patch, Verb::Delete] {
        let lists = matches!(verb, Verb::List | Verb::Scan);
        if lists == list
            && let Ok(operation) = route(verb, &path, &MOUNTS)
        {
            let _ = operation.kind();
        }
    }
    for capability in Capability::ALL {
        let sudo = is_sudo_protected(text, capability);
        let decision = POLICIES.decide(&path, capability, sudo);
        assert!(!explain(&decision, &path, capability).is_empty());
    }
});
