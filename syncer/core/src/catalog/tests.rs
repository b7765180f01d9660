//! Objects that belong together.

use super::*;
use crate::manifest::read_documents;

fn store(kind: &str, namespace: &str, name: &str, more: &str) -> String {
    format!(
        "apiVersion: external-secrets.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  provider: {{vault: {{server: http://h, auth: {{tokenSecretRef: {{name: t, key: token{more}}}}}}}}}\n"
    )
}

fn wanted(namespace: &str, name: &str, store: &str, target: &str) -> String {
    format!(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  secretStoreRef: {{{store}}}\n  target: {{{target}}}\n  data: [{{secretKey: k, remoteRef: {{key: m/x}}}}]\n"
    )
}

fn secret(namespace: &str, name: &str, token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\nstringData: {{token: \"{token}\"}}\n"
    )
}

fn catalog(documents: &[String]) -> (Catalog, Vec<Wanted>, Vec<String>) {
    let documents = read_documents("f", &documents.join("---\n"), "default");
    let (catalog, wanted, problems) = Catalog::new(documents.into_iter().map(Result::unwrap));
    (catalog, wanted, problems.iter().map(ToString::to_string).collect())
}

/// The token that each ExternalSecret gets, or why it gets none.
#[track_caller]
fn check(documents: &[String], want: &[Result<&str, &str>]) {
    let (catalog, wanted, problems) = catalog(documents);
    assert_eq!(problems, Vec::<String>::new());
    let got: Vec<_> = wanted
        .iter()
        .map(|wanted| {
            let store = catalog.store(wanted).map_err(|error| error.to_string())?;
            let token = catalog.token(store, wanted).map_err(|error| error.to_string())?;
            Ok(String::from_utf8(token.expose().to_vec()).unwrap())
        })
        .collect();
    let want: Vec<Result<String, String>> =
        want.iter().map(|it| it.map(str::to_owned).map_err(str::to_owned)).collect();
    assert_eq!(got, want);
}

#[test]
fn stores_and_tokens() {
    check(
        &[
            store("SecretStore", "a", "s", ""),
            store("ClusterSecretStore", "x", "c", ""),
            store("ClusterSecretStore", "x", "fixed", ", namespace: b"),
            secret("a", "t", "of a\\n"),
            secret("b", "t", "of b"),
            wanted("a", "one", "name: s", ""),
            wanted("b", "two", "name: s", ""),
            wanted("a", "three", "name: c, kind: ClusterSecretStore", ""),
            wanted("b", "four", "name: c, kind: ClusterSecretStore", ""),
            wanted("a", "five", "name: fixed, kind: ClusterSecretStore", ""),
            wanted("z", "six", "name: c, kind: ClusterSecretStore", ""),
            wanted("a", "seven", "name: c", ""),
        ],
        &[
            Ok("of a"),
            Err("could not get SecretStore \"s\", SecretStore.external-secrets.io \"s\" not found"),
            Ok("of a"),
            Ok("of b"),
            Ok("of b"),
            Err("cannot get Kubernetes secret \"t\" from namespace \"z\": not found; add it to the files"),
            Err("could not get SecretStore \"c\", SecretStore.external-secrets.io \"c\" not found"),
        ],
    );
}

#[test]
fn tokens_that_are_not_there() {
    let other = secret("a", "t", "x").replace("token:", "other:");
    for (token, want) in [
        (other, "cannot find secret data for key: \"token\" in the Secret a/t"),
        (secret("a", "t", " \\n"), "cannot find secret data for key: \"token\" in the Secret a/t"),
        (
            secret("b", "t", "x"),
            "cannot get Kubernetes secret \"t\" from namespace \"a\": not found; add it to the files",
        ),
    ] {
        check(&[store("SecretStore", "a", "s", ""), token, wanted("a", "one", "name: s", "")], &[Err(want)]);
    }
}

#[test]
fn conditions_of_cluster_stores() {
    let conditions = "  conditions: [{namespaces: [a]}]\n";
    check(
        &[
            store("ClusterSecretStore", "x", "c", "") + conditions,
            secret("a", "t", "token"),
            secret("b", "t", "token"),
            wanted("a", "one", "name: c, kind: ClusterSecretStore", ""),
            wanted("b", "two", "name: c, kind: ClusterSecretStore", ""),
        ],
        &[
            Ok("token"),
            Err("using cluster store \"c\" is not allowed from namespace \"b\": denied by spec.condition"),
        ],
    );
}

#[test]
fn doubles() {
    let (_, kept, problems) = catalog(&[
        wanted("a", "one", "name: s", ""),
        wanted("a", "one", "name: s2", "name: other"),
        wanted("b", "one", "name: s", ""),
        store("SecretStore", "a", "s", ""),
        store("SecretStore", "a", "s", ""),
        secret("a", "t", "x"),
        secret("a", "t", "y"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n".to_owned(),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n".to_owned(),
    ]);
    assert_eq!(kept.len(), 2);
    assert_eq!(
        problems,
        [
            "f:8 (document 2): ExternalSecret a/one: metadata.name: is already in f:1; remove one of them",
            "f:30 (document 5): SecretStore a/s: metadata.name: is already in f:24; remove one of them",
            "f:41 (document 7): Secret a/t: metadata.name: is already in f:36; remove one of them",
            "f:50 (document 9): ConfigMap default/c: metadata.name: is already in f:46; remove one of them",
        ]
    );
}

#[test]
fn two_for_one_target() {
    for (one, other, want) in [
        ("", "name: one", true),
        ("name: t", "name: t, creationPolicy: Merge", true),
        ("name: t, creationPolicy: Orphan", "name: t", true),
        ("name: t, creationPolicy: Merge", "name: t, creationPolicy: Merge", false),
        ("name: t, creationPolicy: CreateOrMerge", "name: t, creationPolicy: Merge", false),
        ("name: t", "name: t, creationPolicy: None", false),
        ("name: t", "name: t2", false),
    ] {
        let (_, kept, problems) =
            catalog(&[wanted("a", "one", "name: s", one), wanted("a", "two", "name: s", other)]);
        assert_eq!(kept.len(), if want { 1 } else { 2 }, "{one} {other}");
        let problem = "f:8 (document 2): ExternalSecret a/two: spec.target.name: target is owned by another ExternalSecret: one";
        assert_eq!(problems, if want { vec![problem] } else { vec![] }, "{one} {other}");
        let (_, kept, _) =
            catalog(&[wanted("a", "one", "name: s", one), wanted("b", "two", "name: s", other)]);
        assert_eq!(kept.len(), 2, "another namespace");
    }
}

#[test]
fn no_store_named() {
    let (catalog, mut wanted, _) = catalog(&[wanted("a", "one", "name: s", "")]);
    wanted[0].store = None;
    assert_eq!(catalog.store(&wanted[0]), Err(LookupError::NoStoreRef));
}
