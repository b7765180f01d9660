//! The shipped policies do what the matrix beside each says.

use std::path::Path;
use std::sync::Arc;

use crate::{
    Capability, DEFAULT, DEFAULT_TEXT, PolicySet, PolicySource, RequestPath, compile, explain,
    is_sudo_protected,
};

fn check(set: &PolicySet, matrix: &str, name: &str) {
    let rows: Vec<_> =
        matrix.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    assert!(
        rows.iter().any(|r| r.starts_with("allow")) && rows.iter().any(|r| r.starts_with("deny")),
        "{name}"
    );
    for row in rows {
        let [verdict, capability, path] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{name}: a row is `allow|deny capability path`: {row}");
        };
        assert!(matches!(verdict, "allow" | "deny"), "{name}: {row}");
        let capability = Capability::from_name(capability).unwrap_or_else(|| panic!("{name}: {row}"));
        let path = RequestPath::from_canonical(path).unwrap();
        let decision = set.decide(&path, capability, is_sudo_protected(path.as_str(), capability));
        let sentence = explain(&decision, &path, capability);
        assert_eq!(decision.is_allowed(), verdict == "allow", "{name}: {row}: {sentence}");
    }
}

#[test]
fn shipped_policies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "hcl") {
            continue;
        }
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let source = PolicySource::File { path: format!("{name}.hcl") };
        let policy = compile(&name, &text, source).unwrap_or_else(|problems| panic!("{problems:?}"));
        let matrix = std::fs::read_to_string(file.with_extension("matrix")).unwrap();
        check(&PolicySet::new([Arc::new(policy)]), &matrix, &name);
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["auditor", "developer", "syncer"]);
}

#[test]
fn default_policy() {
    let policy = compile(DEFAULT, DEFAULT_TEXT, PolicySource::BuiltIn).unwrap();
    let matrix = "
        allow read   auth/token/lookup-self
        allow update auth/token/renew-self
        allow update auth/token/revoke-self
        allow update sys/capabilities-self
        allow read   sys/internal/ui/resultant-acl
        allow update sys/leases/renew
        allow update sys/leases/lookup
        allow create cubbyhole/a/b
        allow list   cubbyhole/
        allow update sys/wrapping/wrap
        allow update sys/wrapping/lookup
        allow update sys/wrapping/unwrap
        allow update sys/tools/hash/sha2-256
        allow read   identity/oidc/provider/p/authorize
        deny  patch  cubbyhole/a
        deny  update auth/token/create
        deny  update auth/token/lookup
        deny  update sys/leases/revoke
        deny  update sys/capabilities
        deny  read   secret/data/a
        deny  read   identity/oidc/provider/p/x/authorize";
    let matrix: Vec<&str> = matrix.lines().map(str::trim).collect();
    check(&PolicySet::new([Arc::new(policy)]), &matrix.join("\n"), DEFAULT);
}
