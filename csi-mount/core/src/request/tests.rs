//! Attributes, kubelet's keys, and tokens.

use super::*;

const KUBELET: [(&str, &str); 5] = [
    ("csi.storage.k8s.io/ephemeral", "true"),
    ("csi.storage.k8s.io/pod.name", "app-1"),
    ("csi.storage.k8s.io/pod.namespace", "shop"),
    ("csi.storage.k8s.io/pod.uid", "uid-1"),
    ("csi.storage.k8s.io/serviceAccount.name", "app"),
];

fn context(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    KUBELET.iter().chain(attributes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn plain() -> Request {
    let pod = ["shop", "app-1", "uid-1", "app"].map(str::to_owned);
    let [namespace, name, uid, account] = pod;
    Request {
        pod: Pod { namespace, name, uid, account },
        mount: "secret".to_owned(),
        path: "app/db".to_owned(),
        version: None,
        files: FileMap { chosen: None, mode: 0o444 },
        role: String::new(),
        auth: "kubernetes".to_owned(),
        audience: "keyreeve".to_owned(),
        keep: false,
        max_stale: None,
    }
}

#[test]
fn attributes_say_what_is_mounted() {
    let file = |name: &str, key: &str| (FilePath::of_segments(name.split('/')).unwrap(), key.to_owned());
    let files = |chosen, mode| FileMap { chosen, mode };
    let two = Some(vec![file("a", "user"), file("db/pass", "password")]);
    for (attributes, group, expected) in [
        (vec![("secret", "secret/app/db")], false, plain()),
        (vec![("secret", " /secret/app/db/ ")], true, Request { files: files(None, 0o440), ..plain() }),
        (
            vec![("secret", "app/db"), ("secretMount", "team/kv/"), ("version", "3")],
            false,
            Request { mount: "team/kv".to_owned(), version: Some(3), ..plain() },
        ),
        (
            vec![("secret", "secret/app/db"), ("files", "{\"db/pass\": \"password\", \"a\": \"user\"}")],
            false,
            Request { files: files(two.clone(), 0o444), ..plain() },
        ),
        (
            vec![("secret", "secret/app/db"), ("files", "a: user\ndb/pass: password\n"), ("mode", "0400")],
            true,
            Request { files: files(two, 0o400), ..plain() },
        ),
        (
            vec![
                ("secret", "secret/app/db"),
                ("role", "app"),
                ("auth", "k8s-2"),
                ("audience", "vault"),
                ("onRevoke", "keep"),
                ("maxStale", "10m"),
            ],
            false,
            Request {
                role: "app".to_owned(),
                auth: "k8s-2".to_owned(),
                audience: "vault".to_owned(),
                keep: true,
                max_stale: Some(600_000),
                ..plain()
            },
        ),
    ] {
        assert_eq!(Request::of(&context(&attributes), group), Ok(expected), "{attributes:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let long = "x".repeat(MAX_ATTRIBUTE_BYTES + 1);
    for (attributes, expected) in [
        (vec![("sekret", "x")], "\"sekret\" is not known; the attributes are audience, auth, files"),
        (vec![], "secret is missing"),
        (vec![("secret", "app")], "secret is not understood; write MOUNT/PATH"),
        (vec![("secret", "a/b"), ("version", "0")], "version is not understood"),
        (vec![("secret", "a/b"), ("mode", "1777")], "mode is not understood"),
        (vec![("secret", "a/b"), ("mode", "rw")], "mode is not understood"),
        (vec![("secret", "a/b"), ("onRevoke", "no")], "onRevoke is not understood; write fail or keep"),
        (vec![("secret", "a/b"), ("maxStale", "soon")], "maxStale is not understood"),
        (vec![("secret", "a/b"), ("maxStale", "-5s")], "maxStale is not understood"),
        (vec![("secret", "a/b"), ("files", "[1]")], "files is not understood"),
        (vec![("secret", "a/b"), ("files", "{}")], "files is not understood"),
        (vec![("secret", "a/b"), ("files", "{\"../x\": \"a\"}")], "\"../x\" cannot be a file"),
        (vec![("secret", "a/b"), ("files", &long)], "longer than"),
        (
            vec![("secret", "a/b"), ("csi.storage.k8s.io/pod.uid", "")],
            "pod.uid is missing; set podInfoOnMount",
        ),
        (vec![("secret", "a/b"), ("csi.storage.k8s.io/ephemeral", "false")], "written into a pod"),
    ] {
        let error = Request::of(&context(&attributes), false).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn tokens_are_found_by_their_audience() {
    let tokens = r#"{"keyreeve": {"token": "a.b.c", "expirationTimestamp": "2026-01-01T00:00:00Z"}, "": {"token": "d"}}"#;
    let of = |audience| token_of(tokens, audience).map(|token| token.map(|token| token.to_string()));
    assert_eq!(of("keyreeve"), Ok(Some("a.b.c".to_owned())));
    assert_eq!(of("vault"), Ok(None));
    assert_eq!(token_of("hunter2", "keyreeve"), Err(RequestError::Tokens));
}

#[test]
fn a_reader_is_told_with_the_pod_of_the_volume() {
    let pod = plain().pod;
    let reader = |uid: Option<&str>| Reader {
        pid: 7,
        name: "cat".to_owned(),
        uid: Some(1000),
        pod: uid.map(str::to_owned),
        container: None,
    };
    let own = "pod shop/app-1 service account app process 7 (cat) uid 1000";
    assert_eq!(pod.reader(&reader(Some("uid-1"))), own);
    assert_eq!(pod.reader(&reader(None)), own);
    assert_eq!(
        pod.reader(&reader(Some("uid-2"))),
        "pod shop/app-1 service account app; opened by process 7 (cat) uid 1000 pod uid-2"
    );
}

#[test]
fn chosen_keys_are_files() {
    let map = |name: &str, key: &str| FileMap {
        chosen: Some(vec![(FilePath::of_segments(name.split('/')).unwrap(), key.to_owned())]),
        mode: 0o400,
    };
    let text = r#"{"password": "hunter2", "n": 1}"#;
    let files = map("db/pass", "password").files(text).unwrap();
    let seen: Vec<_> = files.iter().map(|e| (e.path.to_string(), e.bytes.to_vec(), e.mode)).collect();
    assert_eq!(seen, [("db/pass".to_owned(), b"hunter2".to_vec(), 0o400)]);
    let error = map("x", "pass").files(text).err().unwrap().to_string();
    assert_eq!(error, "the secret has no key \"pass\", which the file \"x\" is to show");
}
