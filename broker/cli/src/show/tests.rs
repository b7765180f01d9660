//! Answers and what is printed for them, as golden texts; the tables are those of OpenBao's tool for the same answers.

use super::*;
use crate::request::{Method, Request};

const READ: &str = r#"{"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"user":"a","pass":"b","n":12345678901234567890123},"metadata":{"created_time":"2026-11-25T02:04:17.757088886Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":2}},"wrap_info":null,"warnings":null,"auth":null}"#;
const DELETED: &str = r#"{"data":{"data":null,"metadata":{"created_time":"t","custom_metadata":{"a":"b"},"deletion_time":"u","destroyed":false,"version":2}}}"#;
const WRITTEN: &str = r#"{"data":{"created_time":"t","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}}"#;
const METADATA: &str = r#"{"data":{"cas_required":false,"created_time":"t","current_version":10,"custom_metadata":{"a":"b"},"delete_version_after":"0s","max_versions":0,"oldest_version":0,"updated_time":"u","versions":{"10":{"created_time":"v","deletion_time":"","destroyed":false},"9":{"created_time":"w","deletion_time":"","destroyed":true}}}}"#;
const AUTH: &str = r#"{"data":null,"warnings":["Policy \"p1\" does not exist"],"auth":{"client_token":"hvs.x","accessor":"acc","policies":["default","p1"],"token_policies":["default","p1"],"metadata":{"k":"v"},"lease_duration":3600,"renewable":true}}"#;
const LOOKUP: &str = r#"{"data":{"accessor":"acc","creation_ttl":3600,"display_name":"token","entity_id":"","expire_time":null,"explicit_max_ttl":0,"id":"hvs.x","meta":null,"num_uses":0,"policies":["default","p1"],"ttl":3599}}"#;
const KEYS: &str = r#"{"data":{"keys":["app","team/"]}}"#;
const CAPABILITIES: &str = r#"{"capabilities":["read"],"a":["read","update"],"data":{"a":["read","update"],"capabilities":["read","update"]}}"#;
const POLICY: &str = r#"{"data":{"name":"p1","policy":"path \"a\" {}\n"}}"#;

fn versioned_at() -> Show {
    Show::Versioned { path: "secret/data/app".to_owned() }
}

fn run(show: Show, body: &str, format: Format, field: Option<&str>) -> Result<String, String> {
    let job = Job::new(Request::new(Method::Get, "some/path"), show).only(field.map(str::to_owned));
    answer(&job, body, format, false).map(|shown| shown.text.to_string()).map_err(|e| e.to_string())
}

#[test]
fn tables() {
    let check = |show: Show, body: &str, expected: &str| {
        assert_eq!(run(show, body, Format::Table, None).as_deref(), Ok(expected), "{body}");
    };
    let metadata_head = "= Secret Path =\nsecret/data/app\n\n======= Metadata =======\nKey                Value\n---                -----\n";
    check(
        versioned_at(),
        READ,
        &format!(
            "{metadata_head}created_time       2026-11-25T02:04:17.757088886Z\ncustom_metadata    <nil>\ndeletion_time      n/a\ndestroyed          false\nversion            2\n\n==== Data ====\nKey     Value\n---     -----\nn       12345678901234567890123\npass    b\nuser    a\n"
        ),
    );
    check(
        versioned_at(),
        DELETED,
        &format!(
            "{metadata_head}created_time       t\ncustom_metadata    map[a:b]\ndeletion_time      u\ndestroyed          false\nversion            2\n\n"
        ),
    );
    check(
        versioned_at(),
        WRITTEN,
        &format!(
            "{metadata_head}created_time       t\ncustom_metadata    <nil>\ndeletion_time      n/a\ndestroyed          false\nversion            1\n"
        ),
    );
    check(
        Show::Unversioned,
        r#"{"data":{"a":"b","c":"d"}}"#,
        "== Data ==\nKey    Value\n---    -----\na      b\nc      d\n",
    );
    check(
        Show::Metadata { path: "secret/metadata/app".to_owned() },
        METADATA,
        "== Metadata Path ==\nsecret/metadata/app\n\n========== Metadata ==========\nKey                     Value\n---                     -----\ncas_required            false\ncreated_time            t\ncurrent_version         10\ncustom_metadata         map[a:b]\ndelete_version_after    0s\nmax_versions            0\noldest_version          0\nupdated_time            u\n\n====== Version 9 ======\nKey              Value\n---              -----\ncreated_time     w\ndeletion_time    n/a\ndestroyed        true\n\n===== Version 10 =====\nKey              Value\n---              -----\ncreated_time     v\ndeletion_time    n/a\ndestroyed        false\n",
    );
    check(
        Show::Auth,
        AUTH,
        "Key                  Value\n---                  -----\ntoken                hvs.x\ntoken_accessor       acc\ntoken_duration       1h\ntoken_renewable      true\ntoken_policies       [\"default\" \"p1\"]\nidentity_policies    []\npolicies             [\"default\" \"p1\"]\ntoken_meta_k         v\n",
    );
    check(
        Show::Lookup,
        LOOKUP,
        "Key                 Value\n---                 -----\naccessor            acc\ncreation_ttl        1h\ndisplay_name        token\nentity_id           n/a\nexpire_time         <nil>\nexplicit_max_ttl    0s\nid                  hvs.x\nmeta                <nil>\nnum_uses            0\npolicies            [default p1]\nttl                 59m59s\n",
    );
    check(Show::Keys, KEYS, "Keys\n----\napp\nteam/\n");
    check(Show::Names, KEYS, "app\nteam/\n");
    check(Show::Capabilities, CAPABILITIES, "read, update\n");
    check(Show::Capabilities, r#"{"data":{"a":["deny"]}}"#, "deny\n");
    check(Show::PolicyText, POLICY, "path \"a\" {}\n");
    check(Show::Done("Success! Done".to_owned()), "", "Success! Done\n");
}

#[test]
fn json_and_yaml() {
    let check = |show: Show, body: &str, format: Format, expected: &str| {
        assert_eq!(run(show, body, format, None).as_deref(), Ok(expected), "{body}");
    };
    check(
        versioned_at(),
        r#"{"z":1.0,"data":{"data":{"n":1.50E+3},"metadata":{}}}"#,
        Format::Json,
        "{\n  \"z\": 1.0,\n  \"data\": {\n    \"data\": {\n      \"n\": 1.50E+3\n    },\n    \"metadata\": {}\n  }\n}\n",
    );
    check(
        versioned_at(),
        r#"{"data":{"data":{"n":1.50E+3}}}"#,
        Format::Yaml,
        "data:\n  data:\n    \"n\": 1.50E+3\n",
    );
    check(Show::Keys, KEYS, Format::Json, "[\n  \"app\",\n  \"team/\"\n]\n");
    check(Show::Names, KEYS, Format::Yaml, "- app\n- team/\n");
    check(Show::Capabilities, CAPABILITIES, Format::Json, "[\n  \"read\",\n  \"update\"\n]\n");
    check(
        Show::PolicyText,
        POLICY,
        Format::Json,
        "{\n  \"name\": \"p1\",\n  \"policy\": \"path \\\"a\\\" {}\\n\"\n}\n",
    );
    // Nothing came back, so there is nothing to show.
    check(Show::Done("Success! Done".to_owned()), "", Format::Json, "");
    check(Show::Done("Success! Done".to_owned()), "", Format::Yaml, "");
}

#[test]
fn single_fields() {
    let check = |show: Show, body: &str, format: Format, field: &str, expected: Result<&str, &str>| match (
        run(show, body, format, Some(field)),
        expected,
    ) {
        (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{field}"),
        (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
        (got, _) => panic!("{field}: {got:?}"),
    };
    use Format::{Json, Table, Yaml};
    check(versioned_at(), READ, Table, "user", Ok("a"));
    check(versioned_at(), READ, Table, "n", Ok("12345678901234567890123"));
    check(versioned_at(), READ, Json, "user", Ok("\"a\"\n"));
    check(versioned_at(), READ, Yaml, "user", Ok("a\n"));
    check(versioned_at(), READ, Table, "none", Err("the answer for some/path has no field \"none\""));
    check(versioned_at(), READ, Table, "version", Err("has no field"));
    check(versioned_at(), DELETED, Table, "version", Err("has no field"));
    check(versioned_at(), WRITTEN, Table, "version", Ok("1"));
    check(Show::Unversioned, r#"{"data":{"a":{"b":[1.0]}}}"#, Table, "a", Ok("{\"b\":[1.0]}"));
    check(Show::Auth, AUTH, Table, "token", Ok("hvs.x"));
    check(Show::Auth, AUTH, Table, "client_token", Ok("hvs.x"));
    check(Show::Auth, AUTH, Table, "policies", Ok("[\"default\",\"p1\"]"));
    check(Show::Lookup, LOOKUP, Table, "ttl", Ok("3599"));
    let job = Job::new(Request::new(Method::Get, "p"), versioned_at()).only(Some("user".to_owned()));
    assert_eq!(answer(&job, READ, Format::Table, true).unwrap().text.as_str(), "a\n");
}

#[test]
fn warnings_are_told_apart() {
    let check = |show: Show, body: &str, expected: &[&str]| {
        let job = Job::new(Request::new(Method::Put, "p"), show);
        assert_eq!(answer(&job, body, Format::Json, false).unwrap().warnings, expected);
    };
    check(Show::Auth, AUTH, &["Policy \"p1\" does not exist"]);
    check(versioned_at(), DELETED, &["p is deleted in this version; only its metadata is left"]);
    check(versioned_at(), READ, &[]);
    check(versioned_at(), WRITTEN, &[]);
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    for (show, body) in [
        (versioned_at(), ""),
        (Show::Auth, "{}"),
        (Show::Lookup, "{\"data\":null}"),
        (versioned_at(), "{\"data\":"),
        (Show::Unversioned, "<html>"),
    ] {
        assert!(run(show, body, Format::Table, None).is_err(), "{body}");
    }
}

#[test]
fn status_tables() {
    let check = |seal: &str, leader: Option<&str>, expected: &str| {
        let leader = leader.map(|text| parsed(text).unwrap());
        assert_eq!(status(&parsed(seal).unwrap(), leader.as_ref()), expected);
    };
    check(
        r#"{"type":"shamir","initialized":true,"sealed":false,"t":1,"n":1,"progress":0,"nonce":"","version":"2.7.2","commit_date":"d","build_date":"","migration":false,"cluster_name":"c","cluster_id":"i","recovery_seal":false,"storage_type":"inmem"}"#,
        Some(r#"{"ha_enabled":false}"#),
        "Key             Value\n---             -----\nSeal Type       shamir\nInitialized     true\nSealed          false\nTotal Shares    1\nThreshold       1\nVersion         2.7.2\nCommit Date     d\nStorage Type    inmem\nCluster Name    c\nCluster ID      i\nHA Enabled      false\n",
    );
    check(
        r#"{"type":"shamir","sealed":true,"t":3,"n":5,"progress":1}"#,
        None,
        "Key                Value\n---                -----\nSeal Type          shamir\nSealed             true\nTotal Shares       5\nThreshold          3\nUnseal Progress    1\n",
    );
}
