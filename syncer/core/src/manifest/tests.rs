//! Files, good and bad, and what is read from them.

use proptest::prelude::*;

use super::*;
use crate::wanted::Entry;

const STORE: &str = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: s, namespace: a}\nspec:\n  provider:\n    vault:\n      server: https://vault:8200\n      path: secret\n      auth: {tokenSecretRef: {name: t, key: token}}\n";
const WANTED: &str = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: x, namespace: a}\nspec:\n  secretStoreRef: {name: s}\n  data:\n  - secretKey: k\n    remoteRef: {key: app/db, property: p}\n";

/// One line per document or problem.
fn summary(text: &str) -> Vec<String> {
    read_documents("f.yaml", text, "default")
        .into_iter()
        .map(|result| match result {
            Err(problem) => problem.to_string(),
            Ok(Document { origin, object }) => {
                let what = match object {
                    Object::ExternalSecret(wanted) => {
                        format!(
                            "ExternalSecret {}/{} {} entries",
                            wanted.namespace,
                            wanted.name,
                            wanted.entries.len()
                        )
                    }
                    Object::Store(store) => format!("{} {}", store.kind.as_str(), store.name),
                    Object::ConfigMap(map) => format!("ConfigMap {}/{}", map.namespace, map.name),
                    Object::Secret(secret) => {
                        format!("Secret {}/{} {:?}", secret.namespace, secret.name, secret.data)
                    }
                    Object::Ignored(name) => format!("ignored {name}"),
                };
                format!("{}:{}#{} {what}", origin.file, origin.line, origin.document)
            }
        })
        .collect()
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    assert_eq!(summary(text), want, "{text}");
}

#[test]
fn documents_are_told_apart() {
    check("", &[]);
    check("# only a comment\n---\n\n---\n", &[]);
    let two = format!("# first\n{STORE}---\n{WANTED}");
    check(&two, &["f.yaml:1#1 SecretStore s", "f.yaml:11#2 ExternalSecret a/x 1 entries"]);
    let marked = format!("%YAML 1.1\n--- # from a chart\n{WANTED}...\n{STORE}");
    check(&marked, &["f.yaml:2#1 ExternalSecret a/x 1 entries", "f.yaml:12#2 SecretStore s"]);
    let windows = format!("{STORE}---\n{WANTED}").replace('\n', "\r\n");
    check(&windows, &["f.yaml:1#1 SecretStore s", "f.yaml:10#2 ExternalSecret a/x 1 entries"]);
    check(&format!("\u{feff}{STORE}"), &["f.yaml:1#1 SecretStore s"]);
    check(
        "--- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n",
        &["f.yaml:1#1 ConfigMap default/c"],
    );
    // Three dashes inside a word or a deeper line separate nothing.
    check(
        "apiVersion: v1\nkind: ---x\nmetadata:\n  name: c\n  x: |\n    ---\n",
        &["f.yaml:1#1 ignored ---x default/c"],
    );
}

#[test]
fn one_bad_document_hides_nothing() {
    let text = format!(
        "{STORE}---\na: [\n---\n{WANTED}---\njust text\n---\n{}",
        STORE.replace("name: s", "name: s2")
    );
    check(
        &text,
        &[
            "f.yaml:1#1 SecretStore s",
            "f.yaml:11 (document 2): not readable as YAML: unclosed bracket '['",
            "f.yaml:12#3 ExternalSecret a/x 1 entries",
            "f.yaml:22 (document 4): apiVersion: required field is missing; is this an object of Kubernetes?",
            "f.yaml:23#5 SecretStore s2",
        ],
    );
}

#[test]
fn problems_name_the_place() {
    let changed = |from: &str, to: &str| WANTED.replace(from, to);
    let at = "f.yaml:5 (document 1): ExternalSecret a/x: ";
    let here = |rest: &str| vec![format!("{at}{rest}")];
    for (text, want) in [
        (
            changed("  secretStoreRef: {name: s}\n", "  secretStoreRef: {name: s, knd: x}\n"),
            here("spec.secretStoreRef.knd: unknown field; correct its name or remove it"),
        ),
        (
            changed("  secretStoreRef: {name: s}\n", "  target: {template: {data: {a: 1}}}\n  secretStoreRef: {name: s}\n"),
            here("spec.target.template.data.a: expected a string; put the value in quotes"),
        ),
        (
            changed("  secretStoreRef: {name: s}\n", "  target: {manifest: {apiVersion: v1, kind: ConfigMap}}\n  secretStoreRef: {name: s}\n"),
            here("spec.target.manifest: not supported yet; the Secret was not written"),
        ),
        (
            changed("  secretStoreRef: {name: s}\n", "  syncWindows: {kind: allow, windows: []}\n  secretStoreRef: {name: s}\n"),
            here("spec.syncWindows: not supported yet; the Secret was not written"),
        ),
        (
            changed("external-secrets.io/v1", "external-secrets.io/v1alpha1"),
            vec!["f.yaml:1 (document 1): ExternalSecret a/x: apiVersion: unsupported version; use external-secrets.io/v1 or external-secrets.io/v1beta1".to_owned()],
        ),
        (
            changed("name: x", "name: Not_A_Name"),
            vec!["f.yaml:3 (document 1): ExternalSecret a/Not_A_Name: metadata.name: not a name of Kubernetes: at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit".to_owned()],
        ),
        (
            changed("namespace: a", "namespace: ../a"),
            vec!["f.yaml:3 (document 1): ExternalSecret ../a/x: metadata.namespace: not a name of Kubernetes: at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit".to_owned()],
        ),
        (
            changed("metadata: {name: x, namespace: a}", "metadata: {namespace: a}"),
            vec!["f.yaml:3 (document 1): metadata.name: required field is missing".to_owned()],
        ),
        (changed("- secretKey: k", "- secretKey: yes"), vec![
            "f.yaml:7 (document 1): ExternalSecret a/x: spec.data[0].secretKey: expected a string; put the value in quotes".to_owned(),
        ]),
    ] {
        assert_eq!(summary(&text), want, "{text}");
    }
}

#[test]
fn all_mistakes_of_a_document_come_at_once() {
    let text = WANTED
        .replace("secretKey: k", "secretkey: k")
        .replace("property: p", "property: 1")
        .replace("{name: s}", "{name: s, kind: Store}");
    check(
        &format!("---\n{text}"),
        &[
            "f.yaml:6 (document 1): ExternalSecret a/x: spec.secretStoreRef.kind: unsupported value, supported values are: SecretStore, ClusterSecretStore",
            "f.yaml:8 (document 1): ExternalSecret a/x: spec.data[0].secretkey: unknown field; correct its name or remove it",
            "f.yaml:9 (document 1): ExternalSecret a/x: spec.data[0].remoteRef.property: expected a string; put the value in quotes",
            "f.yaml:8 (document 1): ExternalSecret a/x: spec.data[0].secretKey: required field is missing",
        ],
    );
}

#[test]
fn versions_and_defaults() {
    let old = WANTED.replace("/v1", "/v1beta1").replace(", namespace: a", "");
    check(&old, &["f.yaml:1#1 ExternalSecret default/x 1 entries"]);
    let status = format!("{WANTED}status: {{conditions: [], anything: 1}}\n");
    check(&status, &["f.yaml:1#1 ExternalSecret a/x 1 entries"]);
    check(
        "apiVersion: other.io/v1\nkind: SecretStore\nmetadata: {name: s}\nspec: 1\n",
        &["f.yaml:1#1 ignored SecretStore default/s"],
    );
    check(
        "apiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\nmetadata: {name: s}\n",
        &["f.yaml:1#1 ignored ClusterExternalSecret default/s"],
    );
    check("apiVersion: v1\nkind: List\nitems: []\n", &["f.yaml:1#1 ignored List default/"]);
}

#[test]
fn secrets_are_decoded_and_stay_hidden() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\n";
    check(
        &format!("{head}data: {{token: c2VjcmV0}}\n"),
        &["f.yaml:1#1 Secret default/t {\"token\": <redacted, 6 bytes>}"],
    );
    check(
        &format!("{head}type: Opaque\ndata: {{token: \"YQ==\"}}\nstringData: {{token: hunter2}}\n"),
        &["f.yaml:1#1 Secret default/t {\"token\": <redacted, 7 bytes>}"],
    );
    check(
        &format!("{head}data: {{token: hunter2!}}\n"),
        &["f.yaml:4 (document 1): Secret default/t: data.token: not Base64; use stringData for plain text"],
    );
    check(
        &format!("{head}stringData: {{token: 12345}}\n"),
        &[
            "f.yaml:4 (document 1): Secret default/t: stringData.token: expected a string; put the value in quotes",
        ],
    );
    let wrapped = format!("{head}data:\n  token: |\n    c2Vj\n    cmV0\n");
    check(&wrapped, &["f.yaml:1#1 Secret default/t {\"token\": <redacted, 6 bytes>}"]);
}

#[test]
fn limits() {
    let long = format!("# {}", "x".repeat(MAX_FILE_BYTES));
    check(
        &long,
        &[format!("f.yaml: {} bytes, at most {MAX_FILE_BYTES} are read; split the file", long.len())
            .as_str()],
    );
    let many = "---\na: 1\n".repeat(MAX_DOCUMENTS + 1);
    check(
        &many,
        &[format!(
            "f.yaml: {} documents, at most {MAX_DOCUMENTS} are read; split the file",
            MAX_DOCUMENTS + 1
        )
        .as_str()],
    );
}

#[test]
fn order_of_entries() {
    let text = format!("{WANTED}  dataFrom:\n  - extract: {{key: all}}\n");
    let documents = read_documents("f.yaml", &text, "default");
    let Some(Ok(Document { object: Object::ExternalSecret(wanted), .. })) = documents.first() else {
        panic!()
    };
    assert!(matches!(
        wanted.entries.as_slice(),
        [Entry::Extract { index: 0, .. }, Entry::Key { index: 0, .. }]
    ));
}

proptest! {
    /// Whatever is cut out of a good file: an answer, and the documents before and after are still there.
    #[test]
    fn damage_stays_in_its_document(from in 0usize..250, len in 0usize..40, insert in r"[ -~\n]{0,6}") {
        let end = (from + len).min(WANTED.len());
        let from = from.min(end);
        let damaged = format!("{}{insert}{}", WANTED.get(..from).unwrap(), WANTED.get(end..).unwrap());
        prop_assume!(!damaged.lines().any(|line| line.starts_with("---") || line.starts_with("...")));
        let got = summary(&format!("{STORE}---\n{damaged}\n---\n{STORE}"));
        prop_assert!(got.len() >= 2);
        prop_assert_eq!(got.first().map(String::as_str), Some("f.yaml:1#1 SecretStore s"));
        prop_assert!(got.last().is_some_and(|line| line.ends_with("SecretStore s")), "{:?}", got);
    }

    /// Any text at all gives an answer.
    #[test]
    fn any_text_gives_an_answer(text in r"([a-z]{1,3}: |- |\[|\]|\{|\}|&a |\*a|'|\x22|#|\||>|\n|  |---\n|!!int |,|<<: ){0,20}") {
        for line in summary(&text) {
            prop_assert!(line.starts_with("f.yaml"));
        }
    }
}
