//! Tables of `kv` command lines, mounts and the requests that follow.

use clap::Parser;
use zeroize::Zeroizing;

use super::super::tests::line;
use super::*;
use crate::arguments::{Cli, Command};
use crate::testing::words;

/// The preflight, the request and what is shown, or why not.
fn run(versioned: bool, typed: &str) -> Result<[String; 3], String> {
    let cli = Cli::try_parse_from(words(typed)).map_err(|e| e.to_string())?;
    let Command::Kv(command) = cli.command else { panic!("{typed}") };
    let (named, path) = target(&command);
    let preflight = preflight(named, path).map_err(|e| e.to_string())?;
    let mount = Mount { path: "team/secret".to_owned(), versioned };
    let data = match &command {
        KvCommand::Put { data, .. } | KvCommand::Patch { data, .. } => {
            let read = |_: pairs::Origin<'_>| Ok(Zeroizing::new(b"{\"in\":1.0}".to_vec()));
            Some(pairs::object(&data.data, read).map_err(|e| e.to_string())?.0)
        }
        _ => None,
    };
    let job = plan(&command, &mount, data.as_ref()).map_err(|e| e.to_string())?;
    let field = job.field.map(|field| format!(" field {field}")).unwrap_or_default();
    Ok([line(&preflight), line(&job.request), format!("{:?}{field}", job.show)])
}

fn check(versioned: bool, typed: &str, request: &str, show: &str) {
    let [_, got, shown] = run(versioned, typed).unwrap_or_else(|e| panic!("{typed}: {e}"));
    assert_eq!((got.as_str(), shown.as_str()), (request, show), "{typed}");
}

#[test]
fn reads_and_writes_on_a_versioned_mount() {
    let check = |typed: &str, request: &str, show: &str| check(true, typed, request, show);
    let data = "Versioned { path: \"team/secret/data/app\" }";
    check("kv put team/secret/app a=b", r#"PUT team/secret/data/app {"data":{"a":"b"}}"#, data);
    check(
        "kv put -cas=0 team/secret/app a=b",
        r#"PUT team/secret/data/app {"data":{"a":"b"},"options":{"cas":0}}"#,
        data,
    );
    check("kv put -cas -1 team/secret/app a=b", r#"PUT team/secret/data/app {"data":{"a":"b"}}"#, data);
    check("kv put -mount=team/secret app -", r#"PUT team/secret/data/app {"data":{"in":1.0}}"#, data);
    check(
        "kv put -mount=team/secret/ /app/ a=@f",
        r#"PUT team/secret/data/app {"data":{"a":"{\"in\":1.0}"}}"#,
        data,
    );
    check("kv get team/secret/app", "GET team/secret/data/app", data);
    check("kv get -version=2 team/secret/app", "GET team/secret/data/app?version=2", data);
    check("kv get -field=a team/secret/app", "GET team/secret/data/app", &format!("{data} field a"));
    check("kv patch team/secret/app a=b", r#"PATCH team/secret/data/app {"data":{"a":"b"}}"#, data);
    check(
        "kv patch -cas=3 team/secret/app a=b",
        r#"PATCH team/secret/data/app {"data":{"a":"b"},"options":{"cas":3}}"#,
        data,
    );
    check("kv list team/secret", "LIST team/secret/metadata", "Keys");
    check("kv list team/secret/app/", "LIST team/secret/metadata/app", "Keys");
    check("kv list -mount=team/secret", "LIST team/secret/metadata", "Keys");
}

#[test]
fn versions_and_metadata_on_a_versioned_mount() {
    let check = |typed: &str, request: &str, show: &str| check(true, typed, request, show);
    let deleted =
        |part: &str| format!("Done(\"Success! Data deleted (if it existed) at: team/secret/{part}/app\")");
    let written = |part: &str| format!("Done(\"Success! Data written to: team/secret/{part}/app\")");
    check("kv delete team/secret/app", "DELETE team/secret/data/app", &deleted("data"));
    check(
        "kv delete -versions=1,2 team/secret/app",
        r#"PUT team/secret/delete/app {"versions":[1,2]}"#,
        &deleted("data"),
    );
    check(
        "kv undelete -versions=3 team/secret/app",
        r#"PUT team/secret/undelete/app {"versions":[3]}"#,
        &written("undelete"),
    );
    check(
        "kv destroy -versions=1 -versions=2 team/secret/app",
        r#"PUT team/secret/destroy/app {"versions":[1,2]}"#,
        &written("destroy"),
    );
    check(
        "kv metadata get team/secret/app",
        "GET team/secret/metadata/app",
        "Metadata { path: \"team/secret/metadata/app\" }",
    );
    check("kv metadata delete team/secret/app", "DELETE team/secret/metadata/app", &deleted("metadata"));
    check(
        "kv metadata put -max-versions=5 -cas-required -delete-version-after=1h -custom-metadata=a=b team/secret/app",
        r#"PUT team/secret/metadata/app {"cas_required":true,"custom_metadata":{"a":"b"},"delete_version_after":"1h","max_versions":5}"#,
        &written("metadata"),
    );
    check(
        "kv metadata put -cas-required=false team/secret/app",
        r#"PUT team/secret/metadata/app {"cas_required":false}"#,
        &written("metadata"),
    );
}

#[test]
fn requests_on_a_mount_without_versions() {
    let check = |typed: &str, request: &str, show: &str| check(false, typed, request, show);
    check(
        "kv put team/secret/app a=b",
        r#"PUT team/secret/app {"a":"b"}"#,
        "Done(\"Success! Data written to: team/secret/app\")",
    );
    check("kv get team/secret/app", "GET team/secret/app", "Unversioned");
    check("kv list team/secret", "LIST team/secret", "Keys");
    check(
        "kv delete team/secret/app",
        "DELETE team/secret/app",
        "Done(\"Success! Data deleted (if it existed) at: team/secret/app\")",
    );
    for (typed, what) in [
        ("kv get -version=1 team/secret/app", "get -version"),
        ("kv put -cas=1 team/secret/app a=b", "put -cas"),
        ("kv patch team/secret/app a=b", "patch"),
        ("kv delete -versions=1 team/secret/app", "delete -versions"),
        ("kv undelete -versions=1 team/secret/app", "undelete"),
        ("kv destroy -versions=1 team/secret/app", "destroy"),
        ("kv metadata get team/secret/app", "metadata"),
    ] {
        let text = run(false, typed).unwrap_err();
        assert_eq!(
            text,
            format!("team/secret/ keeps no versions (KV version 1), so there is no `kv {what}` on it")
        );
    }
}

#[test]
fn the_preflight_asks_for_the_mount_or_the_whole_path() {
    let check = |typed: &str, expected: &str| assert_eq!(run(true, typed).unwrap()[0], expected);
    check("kv get /team/secret/app/", "GET sys/internal/ui/mounts/team/secret/app");
    check("kv get -mount=team/secret app", "GET sys/internal/ui/mounts/team/secret");
    check("kv list -mount=team/secret", "GET sys/internal/ui/mounts/team/secret");
    assert!(run(true, "kv list").unwrap_err().contains("name a path"));
    assert!(run(true, "kv get team/secret").unwrap_err().contains("is a mount; name the path of a secret"));
}

#[test]
fn a_refused_preflight_says_what_the_command_needs() {
    let check = |typed: &str, expected: Option<&str>| {
        let cli = Cli::try_parse_from(words(typed)).unwrap_or_else(|e| panic!("{e}"));
        let Command::Kv(command) = cli.command else { panic!("{typed}") };
        assert_eq!(needed(&command).as_deref(), expected, "{typed}");
    };
    check(
        "kv get secret/app/db",
        Some("If the mount is \"secret\", the command needs read on \"secret/data/app/db\"."),
    );
    check(
        "kv list -mount=team/a app",
        Some("If the mount is \"team/a\", the command needs list on \"team/a/metadata/app/\"."),
    );
    check(
        "kv put secret/app a=b",
        Some("If the mount is \"secret\", the command needs create and update on \"secret/data/app\"."),
    );
    check("kv get secret", None);
}

#[test]
fn the_mount_is_read_from_the_answer() {
    let check = |text: &str, expected: Result<(&str, bool), &str>| {
        let json = broker_core::json::parse(text.as_bytes(), &Default::default()).unwrap();
        match (mount(&json), expected) {
            (Ok(mount), Ok(expected)) => {
                assert_eq!((mount.path.as_str(), mount.versioned), expected, "{text}")
            }
            (Err(problem), Err(part)) => assert!(problem.to_string().contains(part), "{problem}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    };
    check(r#"{"path":"secret/","type":"kv","options":{"version":"2"}}"#, Ok(("secret", true)));
    check(r#"{"path":"a/b/","type":"kv","options":{"version":"1"}}"#, Ok(("a/b", false)));
    check(r#"{"path":"a/","type":"kv","options":null}"#, Ok(("a", false)));
    check(r#"{"path":"pki/","type":"pki","options":null}"#, Err("type \"pki\""));
    check("{}", Err("which mount"));
}

#[test]
fn a_patch_by_read_and_write_keeps_digits_and_checks_the_version() {
    let check = |read: &str, cas: Option<u64>, changes: &str, expected: Result<&str, &str>| {
        let parse = |text: &str| broker_core::json::parse(text.as_bytes(), &Default::default()).unwrap();
        let job = rewritten("s/data/a", &parse(read), cas, &parse(changes));
        match (job, expected) {
            (Ok(job), Ok(expected)) => assert_eq!(line(&job.request), format!("PUT s/data/a {expected}")),
            (Err(problem), Err(part)) => assert!(problem.to_string().contains(part), "{problem}"),
            _ => panic!("{read}"),
        }
    };
    let read = r#"{"data":{"a":"1","n":1.50},"metadata":{"version":7}}"#;
    check(read, None, r#"{"a":"2"}"#, Ok(r#"{"data":{"a":"2","n":1.50},"options":{"cas":7}}"#));
    check(read, Some(6), r#"{"b":"2"}"#, Ok(r#"{"data":{"a":"1","b":"2","n":1.50},"options":{"cas":6}}"#));
    check(r#"{"data":null,"metadata":{"version":7}}"#, None, "{}", Err("is deleted"));
    check(r#"{"data":{}}"#, None, "{}", Err("does not say its version"));
}
