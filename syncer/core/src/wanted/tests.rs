//! ExternalSecrets and what is understood of them.

use super::*;
use crate::manifest::{Document, Object, read_documents};

/// Reads the spec of one ExternalSecret.
pub(crate) fn read_spec(spec: &str) -> Result<Wanted, Vec<String>> {
    let head = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: es\n  namespace: ns\n  labels: {team: a}\n  annotations: {note: \"1\"}\nspec:\n";
    let body: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    let mut wanted = None;
    let mut problems = Vec::new();
    for result in read_documents("f", &format!("{head}{body}"), "default") {
        match result {
            Ok(Document { object: Object::ExternalSecret(read), .. }) => wanted = Some(read),
            Ok(_) => panic!("another kind"),
            Err(problem) => problems.push(format!("{}: {}", problem.field, problem.message)),
        }
    }
    wanted.ok_or(problems)
}

const MINIMAL: &str = "secretStoreRef: {name: s}\ndata:\n- {secretKey: k, remoteRef: {key: a/b}}";

fn remote(key: &str) -> RemoteRef {
    RemoteRef {
        key: key.to_owned(),
        property: None,
        version: None,
        conversion: ConversionStrategy::Default,
        decoding: DecodingStrategy::None,
        null_bytes: NullBytePolicy::Ignore,
    }
}

#[test]
fn defaults() {
    let wanted = read_spec(MINIMAL).unwrap();
    assert_eq!(
        wanted,
        Wanted {
            origin: Origin { file: "f".to_owned(), document: 1, line: 1 },
            namespace: "ns".to_owned(),
            name: "es".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            annotations: BTreeMap::from([("note".to_owned(), "1".to_owned())]),
            store: Some(StoreRef { kind: StoreKind::SecretStore, name: "s".to_owned() }),
            target: Target {
                name: "es".to_owned(),
                creation: CreationPolicy::Owner,
                deletion: DeletionPolicy::Retain,
                immutable: false,
                template: None,
            },
            refresh: RefreshPolicy::Periodic { interval: Duration::from_secs(3600) },
            entries: vec![Entry::Key { index: 0, secret_key: "k".to_owned(), remote: remote("a/b") }],
        }
    );
}

#[test]
fn every_field() {
    let wanted = read_spec(
        "secretStoreRef: {name: s, kind: ClusterSecretStore}\n\
         refreshPolicy: Periodic\n\
         refreshInterval: 1h30m\n\
         target: {name: other, creationPolicy: Merge, deletionPolicy: Delete, immutable: true}\n\
         dataFrom:\n\
         - extract: {key: all, version: \"3\", conversionStrategy: Unicode, decodingStrategy: Auto, metadataPolicy: None, nullBytePolicy: Ignore}\n\
         data:\n\
         - {secretKey: k, remoteRef: {key: a/b, property: x.y, version: \"0\", decodingStrategy: Base64URL, nullBytePolicy: Fail}}",
    )
    .unwrap();
    assert_eq!(wanted.store, Some(StoreRef { kind: StoreKind::ClusterSecretStore, name: "s".to_owned() }));
    assert_eq!(wanted.refresh, RefreshPolicy::Periodic { interval: Duration::from_secs(5400) });
    let target = Target {
        name: "other".to_owned(),
        creation: CreationPolicy::Merge,
        deletion: DeletionPolicy::Delete,
        immutable: true,
        template: None,
    };
    assert_eq!(wanted.target, target);
    let extract = RemoteRef {
        version: Some(3),
        conversion: ConversionStrategy::Unicode,
        decoding: DecodingStrategy::Auto,
        ..remote("all")
    };
    let key = RemoteRef {
        property: Some("x.y".to_owned()),
        decoding: DecodingStrategy::Base64Url,
        null_bytes: NullBytePolicy::Fail,
        ..remote("a/b")
    };
    assert_eq!(
        wanted.entries,
        [
            Entry::Extract { index: 0, remote: extract },
            Entry::Key { index: 0, secret_key: "k".to_owned(), remote: key }
        ]
    );
    let places: Vec<_> = wanted.entries.iter().map(Entry::place).collect();
    assert_eq!(places, ["spec.dataFrom[0].extract", "spec.data[0] (key: a/b)"]);
}

#[test]
fn policies() {
    for (text, want) in [
        ("Owner", CreationPolicy::Owner),
        ("Orphan", CreationPolicy::Orphan),
        ("Merge", CreationPolicy::Merge),
        ("CreateOrMerge", CreationPolicy::CreateOrMerge),
        ("None", CreationPolicy::None),
    ] {
        let wanted = read_spec(&format!("{MINIMAL}\ntarget: {{creationPolicy: {text}}}")).unwrap();
        assert_eq!(wanted.target.creation, want);
    }
    for (text, want) in [
        ("Delete", DeletionPolicy::Delete),
        ("Merge", DeletionPolicy::Merge),
        ("Retain", DeletionPolicy::Retain),
    ] {
        let wanted = read_spec(&format!("{MINIMAL}\ntarget: {{deletionPolicy: {text}}}")).unwrap();
        assert_eq!(wanted.target.deletion, want);
    }
    for (text, want) in [
        ("refreshPolicy: OnChange", RefreshPolicy::OnChange),
        ("refreshPolicy: CreatedOnce\nrefreshInterval: 5m", RefreshPolicy::CreatedOnce),
        ("refreshInterval: \"0\"", RefreshPolicy::Periodic { interval: Duration::ZERO }),
        ("refreshInterval: 0s", RefreshPolicy::Periodic { interval: Duration::ZERO }),
        ("refreshInterval: -1m", RefreshPolicy::Periodic { interval: Duration::ZERO }),
        ("refreshInterval: 15s", RefreshPolicy::Periodic { interval: Duration::from_secs(15) }),
    ] {
        assert_eq!(read_spec(&format!("{MINIMAL}\n{text}")).unwrap().refresh, want, "{text}");
    }
}

/// Specs, and the problems they give.
const REFUSALS: [(&str, &[&str]); 25] = [
    ("data: []", &[]),
    ("{}", &[]),
    ("secretStoreRef: {name: s}\ndataFrom: [{find: {path: x}}]", &["spec.dataFrom[0].find: NOT_YET"]),
    (
        "secretStoreRef: {name: s}\ndataFrom: [{extract: {key: x}, rewrite: [{regexp: {source: a, target: b}}]}]",
        &["spec.dataFrom[0].rewrite: NOT_YET"],
    ),
    (
        "dataFrom: [{sourceRef: {generatorRef: {kind: Password, name: p}}}]",
        &["spec.dataFrom[0].sourceRef: NOT_YET"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: x}, sourceRef: {storeRef: {name: t}}}]",
        &["spec.data[0].sourceRef: NOT_YET"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: x, metadataPolicy: Fetch}}]",
        &["spec.data[0].remoteRef.metadataPolicy: Fetch is NOT_YET"],
    ),
    ("secretStoreRef: {name: s}\ntarget: {manifest: {}}", &["spec.target.manifest: NOT_YET"]),
    (
        "data: [{secretKey: k, remoteRef: {key: x}}]",
        &["spec.secretStoreRef: required field is missing; name the store to read from"],
    ),
    ("secretStoreRef: {kind: SecretStore}", &["spec.secretStoreRef.name: required field is missing"]),
    ("secretStoreRef: {name: s}\ndataFrom: [{}]", &["spec.dataFrom[0]: has no source; set extract"]),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k}]",
        &["spec.data[0].remoteRef: required field is missing"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {property: x}}]",
        &["spec.data[0].remoteRef.key: required field is missing"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: \"\"}}]",
        &["spec.data[0].remoteRef.key: the key is empty; give the path of a secret"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: a/../b}}]",
        &[
            "spec.data[0].remoteRef.key: the key must not have the segments '.' or '..'; write the path in full",
        ],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: \"a b\", remoteRef: {key: x}}]",
        &[
            "spec.data[0].secretKey: the key has the illegal character ' '; allowed are letters, digits, '-', '_' and '.'; set conversionStrategy or rename it at the provider",
        ],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: \"..\", remoteRef: {key: x}}]",
        &["spec.data[0].secretKey: the key must not be '.' or begin with '..'; rename it at the provider"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: x, version: v1}}]",
        &[
            "spec.data[0].remoteRef.version: not a version of the KV store; write a whole number such as \"3\"",
        ],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: x, version: 1}}]",
        &["spec.data[0].remoteRef.version: expected a string; put the value in quotes"],
    ),
    (
        "secretStoreRef: {name: s}\ndata: [{secretKey: k, remoteRef: {key: x, decodingStrategy: Hex}}]",
        &[
            "spec.data[0].remoteRef.decodingStrategy: unsupported value, supported values are: Auto, Base64, Base64URL, None",
        ],
    ),
    (
        "refreshInterval: 1d",
        &["spec.refreshInterval: not a duration; write it like 1h30m, with the units h, m, s, ms, us or ns"],
    ),
    ("refreshInterval: 0", &["spec.refreshInterval: expected a string; put the value in quotes"]),
    (
        "refreshPolicy: Sometimes",
        &["spec.refreshPolicy: unsupported value, supported values are: CreatedOnce, Periodic, OnChange"],
    ),
    (
        "target: {creationPolicy: owner}",
        &[
            "spec.target.creationPolicy: unsupported value, supported values are: Owner, Orphan, Merge, None, CreateOrMerge",
        ],
    ),
    (
        "target: {name: ../up}",
        &[
            "spec.target.name: not a name of Kubernetes: at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
        ],
    ),
];

#[test]
fn refusals() {
    let not_yet = "not supported yet; the Secret was not written";
    for (spec, want) in REFUSALS {
        let want: Vec<_> = want.iter().map(|line| line.replace("NOT_YET", not_yet)).collect();
        assert_eq!(read_spec(spec).err().unwrap_or_default(), want, "{spec}");
    }
}

#[test]
fn number_of_entries() {
    let entries = |count: usize| {
        let list = "- {secretKey: k, remoteRef: {key: x}}\n".repeat(count);
        read_spec(&format!("secretStoreRef: {{name: s}}\ndata:\n{list}"))
    };
    assert_eq!(entries(MAX_ENTRIES).unwrap().entries.len(), MAX_ENTRIES);
    let want = format!(
        "spec.data: {} entries with dataFrom, at most {MAX_ENTRIES}; split the object",
        MAX_ENTRIES + 1
    );
    assert_eq!(entries(MAX_ENTRIES + 1), Err(vec![want]));
}

#[test]
fn requests_name_each_secret_once() {
    let wanted = read_spec(
        "secretStoreRef: {name: s}\n\
         data:\n\
         - {secretKey: a, remoteRef: {key: one, property: a}}\n\
         - {secretKey: b, remoteRef: {key: one, property: b}}\n\
         - {secretKey: c, remoteRef: {key: one, version: \"2\"}}\n\
         - {secretKey: d, remoteRef: {key: two}}\n\
         dataFrom:\n\
         - extract: {key: two}\n\
         - extract: {key: one, version: \"0\"}",
    )
    .unwrap();
    let request = |key: &str, version| FetchRequest { key: key.to_owned(), version };
    assert_eq!(wanted.requests(), [request("two", None), request("one", None), request("one", Some(2))]);
}

#[test]
fn when_a_refresh_is_due() {
    let hour = RefreshPolicy::Periodic { interval: Duration::from_secs(3600) };
    let once = RefreshPolicy::Periodic { interval: Duration::ZERO };
    let last = |seconds, changed| Some(LastSync { age: Duration::from_secs(seconds), changed });
    for (policy, last, want) in [
        (hour, None, true),
        (once, None, true),
        (RefreshPolicy::OnChange, None, true),
        (RefreshPolicy::CreatedOnce, None, true),
        (hour, last(3599, false), false),
        (hour, last(3600, false), true),
        (hour, last(0, true), true),
        (once, last(99_999, true), false),
        (RefreshPolicy::OnChange, last(99_999, false), false),
        (RefreshPolicy::OnChange, last(0, true), true),
        (RefreshPolicy::CreatedOnce, last(99_999, true), false),
    ] {
        assert_eq!(policy.is_due(last), want, "{policy:?} {last:?}");
    }
}

#[test]
fn names_of_kubernetes() {
    for (name, want) in [
        ("a", true),
        ("a-b.c1", true),
        ("1a", true),
        ("", false),
        (".", false),
        ("..", false),
        ("a..b", false),
        ("a.", false),
        ("-a", false),
        ("a-", false),
        ("A", false),
        ("a_b", false),
        ("a/b", false),
        ("ä", false),
    ] {
        let mut findings = Findings::default();
        check_name(name, None, "f", &mut findings);
        assert_eq!(findings.0.is_empty(), want, "{name:?}");
    }
    let mut findings = Findings::default();
    check_name(&"a".repeat(253), None, "f", &mut findings);
    assert!(findings.0.is_empty());
    check_name(&"a".repeat(254), None, "f", &mut findings);
    assert_eq!(findings.0.len(), 1);
}
