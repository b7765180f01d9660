//! Stores, and which path a key means.

use super::*;
use crate::manifest::{Document, Object, read_documents};

/// Reads a store of a kind with the given text under `spec.provider.vault` (four spaces) and further lines.
fn read_store(kind: &str, vault: &str, more: &str) -> Result<Store, Vec<String>> {
    let vault: String = vault.lines().map(|line| format!("      {line}\n")).collect();
    let text = format!(
        "apiVersion: external-secrets.io/v1\nkind: {kind}\nmetadata: {{name: s, namespace: ns}}\nspec:\n  provider:\n    vault:\n{vault}{more}"
    );
    let mut store = None;
    let mut problems = Vec::new();
    for result in read_documents("f", &text, "default") {
        match result {
            Ok(Document { object: Object::Store(read), .. }) => store = Some(read),
            Ok(_) => panic!("another kind"),
            Err(problem) => problems.push(format!("{}: {}", problem.field, problem.message)),
        }
    }
    store.ok_or(problems)
}

const AUTH: &str = "auth: {tokenSecretRef: {name: t, key: token}}";

fn store(version: KvVersion, path: Option<&str>) -> VaultStore {
    VaultStore {
        server: "https://vault:8200".to_owned(),
        path: path.map(str::to_owned),
        version,
        namespace: None,
        token_ref: SecretKeyRef { namespace: None, name: "t".to_owned(), key: "token".to_owned() },
        ca_bundle: None,
    }
}

#[track_caller]
fn check_path(version: KvVersion, mount: Option<&str>, key: &str, want: Result<&str, PathError>) {
    let request = FetchRequest { key: key.to_owned(), version: None };
    let got = store(version, mount).read_path(&request).map(|path| path.api_path());
    assert_eq!(got, want.map(str::to_owned), "{version:?} {mount:?} {key:?}");
}

#[test]
fn paths() {
    use KvVersion::{V1, V2};
    check_path(V2, Some("secret"), "foo/bar", Ok("secret/data/foo/bar"));
    check_path(V2, Some("secret"), "secret/foo", Ok("secret/data/foo"));
    check_path(V2, Some("secret"), "secret/data/foo", Ok("secret/data/foo"));
    check_path(V2, Some("secret"), "data/foo", Ok("secret/data/data/foo"));
    check_path(V2, Some("secret"), "secret/secret/foo", Ok("secret/data/secret/foo"));
    check_path(V2, Some("secret"), "secret/data/data/foo", Ok("secret/data/data/foo"));
    check_path(V2, Some("secret"), "secrets/foo", Ok("secret/data/secrets/foo"));
    check_path(V2, Some("secret"), "secret", Ok("secret/data/secret"));
    check_path(V2, Some("a/b"), "foo", Ok("a/b/data/foo"));
    check_path(V2, Some("a/b"), "a/b/foo", Ok("a/b/data/foo"));
    check_path(V2, None, "secret/foo/bar", Ok("secret/data/foo/bar"));
    check_path(V2, None, "secret/data/foo", Ok("secret/data/foo"));
    check_path(V2, None, "a/b/data/foo", Ok("a/b/data/foo"));
    check_path(V2, None, "foo", Err(PathError::NoMount));
    check_path(V1, Some("secret"), "foo", Ok("secret/foo"));
    check_path(V1, Some("secret"), "secret/foo", Ok("secret/foo"));
    check_path(V1, Some("secret"), "secret/data/foo", Ok("secret/data/foo"));
    check_path(V1, None, "any/thing/data/x", Ok("any/thing/data/x"));
    check_path(V1, None, "any", Err(PathError::NoMount));
    check_path(V2, Some("secret"), "", Err(PathError::Empty));
    check_path(V2, Some("secret"), "/foo", Err(PathError::Slashes));
    check_path(V2, Some("secret"), "foo/", Err(PathError::Slashes));
    check_path(V2, Some("secret"), "a//b", Err(PathError::Slashes));
    check_path(V2, Some("secret"), "../sys/x", Err(PathError::Dots));
    check_path(V2, Some("secret"), "a/./b", Err(PathError::Dots));
    check_path(V2, Some("secret"), "a/..", Err(PathError::Dots));
    check_path(V2, Some("secret"), "a..b/.c", Ok("secret/data/a..b/.c"));
    check_path(V2, Some("secret"), "a\nb", Err(PathError::Control));
    check_path(V2, Some("secret"), &"k".repeat(1025), Err(PathError::TooLong(1025)));
}

#[test]
fn urls() {
    for (version, key, revision, want) in [
        (KvVersion::V2, "a/b", None, "https://vault:8200/v1/kv/data/a/b"),
        (KvVersion::V2, "a/b", Some(3), "https://vault:8200/v1/kv/data/a/b?version=3"),
        (KvVersion::V1, "a/b", Some(3), "https://vault:8200/v1/kv/a/b"),
        (KvVersion::V2, "a b?c#d%é", None, "https://vault:8200/v1/kv/data/a%20b%3Fc%23d%25%C3%A9"),
        (KvVersion::V1, "a-b._~", None, "https://vault:8200/v1/kv/a-b._~"),
    ] {
        let store = store(version, Some("kv"));
        let path = store.read_path(&FetchRequest { key: key.to_owned(), version: revision }).unwrap();
        assert_eq!(store.url(&path), want);
    }
}

#[test]
fn keys_that_mean_one_secret_give_one_path() {
    let store = store(KvVersion::V2, Some("secret"));
    let path = |key: &str| store.read_path(&FetchRequest { key: key.to_owned(), version: None }).unwrap();
    assert_eq!(path("foo"), path("secret/foo"));
    assert_eq!(path("foo"), path("secret/data/foo"));
    assert_ne!(path("foo"), path("data/foo"));
}

#[test]
fn every_field() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let once = STANDARD.encode(pem);
    for bundle in [once.clone(), STANDARD.encode(&once)] {
        let vault = format!(
            "server: https://vault.example:8200/\npath: /team/kv/\nversion: v1\nnamespace: admin/team\ncaBundle: {bundle}\ncheckAndSet: {{required: true}}\nreadYourWrites: false\n{AUTH}"
        );
        let got = read_store("SecretStore", &vault, "  refreshInterval: 60\n").unwrap();
        let want = Store {
            kind: StoreKind::SecretStore,
            namespace: Some("ns".to_owned()),
            name: "s".to_owned(),
            allowed: None,
            vault: VaultStore {
                server: "https://vault.example:8200".to_owned(),
                path: Some("team/kv".to_owned()),
                version: KvVersion::V1,
                namespace: Some("admin/team".to_owned()),
                ca_bundle: Some(pem.to_owned()),
                ..store(KvVersion::V1, None)
            },
        };
        assert_eq!(got, want);
    }
}

#[test]
fn cluster_stores() {
    let vault =
        "server: http://127.0.0.1:8200\nauth: {tokenSecretRef: {name: t, key: token, namespace: other}}";
    let got = read_store(
        "ClusterSecretStore",
        vault,
        "  conditions:\n  - namespaces: [b, a]\n  - namespaces: [c]\n",
    )
    .unwrap();
    assert_eq!((got.kind, got.namespace), (StoreKind::ClusterSecretStore, None));
    assert_eq!(got.allowed.unwrap().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(got.vault.version, KvVersion::V2);
    assert_eq!(got.vault.token_ref.namespace.as_deref(), Some("other"));
    let open = read_store("ClusterSecretStore", vault, "  conditions: []\n").unwrap();
    assert_eq!(open.allowed, None);
    let ignored = "server: http://h\nauth: {tokenSecretRef: {name: t, key: token, namespace: ns}}";
    assert_eq!(
        read_store("SecretStore", ignored, "  conditions: [{namespaces: [x]}]\n").unwrap().allowed,
        None
    );
}

/// Text in which `SERVER` stands for a server with a token, and `AUTH` for the token only.
fn full(vault: &str) -> String {
    vault.replace("SERVER", "server: https://vault:8200\nAUTH").replace("AUTH", AUTH)
}

/// What stands under `vault` and behind it, and the field with its problem.
const REFUSALS: [(&str, &str, &str); 27] = [
    ("AUTH", "", "server: required field is missing"),
    (
        "server: vault:8200\nAUTH",
        "",
        "server: not a URL with http or https; write it like https://vault.example:8200",
    ),
    ("server: \"\"\nAUTH", "", "server: not a URL; write it like https://vault.example:8200"),
    (
        "server: unix:///run/x\nAUTH",
        "",
        "server: not a URL with http or https; write it like https://vault.example:8200",
    ),
    ("server: https://u:p@vault\nAUTH", "", "server: must not hold a user or password; remove them"),
    (
        "server: https://vault?x=1\nAUTH",
        "",
        "server: must not have a query or fragment; write it like https://vault.example:8200",
    ),
    (
        "SERVER\npath: a/../b",
        "",
        "path: the mount path must not have the segments '.' or '..'; write the path in full",
    ),
    ("SERVER\nversion: v3", "", "version: unsupported value, supported values are: v1, v2"),
    ("SERVER\nversion: 2", "", "version: expected a string; put the value in quotes"),
    (
        "SERVER\nnamespace: \"a\\nb\"",
        "",
        "namespace: not a namespace of the server; use printable ASCII only",
    ),
    ("SERVER\ncaBundle: xyz!", "", "caBundle: not Base64 of certificates in PEM form"),
    ("SERVER\ncaBundle: YWJj", "", "caBundle: not Base64 of certificates in PEM form"),
    ("SERVER\ncaProvider: {type: Secret, name: x}", "", "caProvider: NOT_YET"),
    ("SERVER\ntls: {}", "", "tls: NOT_YET"),
    ("SERVER\nheaders: {a: b}", "", "headers: NOT_YET"),
    ("SERVER\nreadYourWrites: true", "", "readYourWrites: NOT_YET"),
    ("server: http://h", "", "auth: has no method that is supported; set tokenSecretRef"),
    ("server: http://h\nauth: {}", "", "auth: has no method that is supported; set tokenSecretRef"),
    ("server: http://h\nauth: {kubernetes: {role: r}}", "", "auth.kubernetes: NOT_YET"),
    ("server: http://h\nauth: {appRole: {roleId: r}}", "", "auth.appRole: NOT_YET"),
    (
        "server: http://h\nauth: {tokenSecretRef: {name: t}}",
        "",
        "auth.tokenSecretRef.key: required field is missing",
    ),
    (
        "server: http://h\nauth: {tokenSecretRef: {name: t, key: \"\"}}",
        "",
        "auth.tokenSecretRef.key: is empty; name the key of the Secret that holds the token",
    ),
    (
        "server: http://h\nauth: {tokenSecretRef: {name: t, key: k, namespace: other}}",
        "",
        "auth.tokenSecretRef.namespace: a SecretStore reads Secrets of its own namespace only; remove the field or use a ClusterSecretStore",
    ),
    ("SERVER", "    aws: {service: SecretsManager}\n", "/spec.provider.aws: NOT_YET"),
    ("SERVER", "    nosuch: {}\n", "/spec.provider.nosuch: unknown field; correct its name or remove it"),
    ("SERVER", "  retrySettings: {maxRetries: 3}\n", "/spec.retrySettings: NOT_YET"),
    (
        "SERVER",
        "  controller: other\n",
        "/spec.controller: belongs to the controller class \"other\"; the store was not used",
    ),
];

#[test]
fn refusals() {
    let not_yet = "not supported yet; the store was not used";
    for (vault, more, want) in REFUSALS {
        let vault = full(vault);
        let want = match want.strip_prefix('/') {
            Some(want) => want.to_owned(),
            None => format!("spec.provider.vault.{want}"),
        };
        let want = want.replace("NOT_YET", not_yet);
        assert_eq!(read_store("SecretStore", &vault, more), Err(vec![want]), "{vault} {more}");
    }
    for (more, want) in [
        ("  conditions: [{}]\n", "spec.conditions[0]: allows nothing; set namespaces"),
        (
            "  conditions: [{namespaceRegexes: [a]}]\n",
            "spec.conditions[0].namespaceRegexes: not supported yet; the store was not used",
        ),
        (
            "  conditions: [{namespaceSelector: {}}]\n",
            "spec.conditions[0].namespaceSelector: not supported yet; the store was not used",
        ),
    ] {
        assert_eq!(
            read_store("ClusterSecretStore", &full("SERVER"), more),
            Err(vec![want.to_owned()]),
            "{more}"
        );
    }
}

#[test]
fn every_provider_of_the_field_is_known() {
    for provider in [
        "aws",
        "gcpsm",
        "azurekv",
        "kubernetes",
        "fake",
        "webhook",
        "openBao",
        "onepasswordSDK",
        "yandexlockbox",
    ] {
        let text = format!(
            "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{name: s}}\nspec: {{provider: {{{provider}: {{}}}}}}\n"
        );
        let problems: Vec<_> = read_documents("f", &text, "d").into_iter().filter_map(Result::err).collect();
        assert_eq!(problems.len(), 1, "{provider}");
        assert_eq!(problems[0].field, format!("spec.provider.{provider}"));
        assert!(problems[0].message.starts_with("not supported yet"), "{provider}");
    }
}
