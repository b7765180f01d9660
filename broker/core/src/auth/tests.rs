//! Tests of the table of auth methods.

use super::*;
use crate::command::Command;
use crate::json::{Json, JsonLimits, parse};
use crate::refusal::Refusal;
use crate::row::Table;
use crate::testing::MemoryStore;
use crate::time::Time;

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &JsonLimits::default()).unwrap()
}

fn request(path: &str, id: &str, body: &str) -> Result<AuthMount, Refusal> {
    AuthMountRequest::parse(&json(body))?.into_mount(path, id.to_owned(), Time::from_seconds(7))
}

/// `enable PATH`, `disable PATH` or `tune PATH`, with a body.
fn run(store: &mut MemoryStore, line: &str, body: &str) -> Result<(), String> {
    let (verb, path) = line.split_once(' ').unwrap();
    let path = path.to_owned();
    let command = match verb {
        "enable" => {
            let mount = request(&path, &format!("1234567890-{path}"), body).map_err(|r| r.to_string())?;
            AuthCommand::Enable(Box::new(mount))
        }
        "tune" => {
            let tune = Box::new(AuthTune::parse(&json(body)).map_err(|r| r.to_string())?);
            AuthCommand::Tune { path, tune }
        }
        _ => AuthCommand::Disable { path },
    };
    store.run(&Command::Auth(command)).map(drop).map_err(|r| r.to_string())
}

#[test]
fn methods_come_change_and_go() {
    let mut store = MemoryStore::default();
    let kubernetes = r#"{"type":"kubernetes"}"#;
    let given = "given default lease TTL greater than given max lease TTL";
    for (line, body, expected) in [
        ("enable k", kubernetes, Ok(())),
        ("enable k", kubernetes, Err("path is already in use at k/")),
        ("enable k/a", kubernetes, Err("path is already in use at k/")),
        ("enable team/k8s", kubernetes, Ok(())),
        ("enable team", kubernetes, Err("path is already in use at team/k8s/")),
        ("enable token", kubernetes, Err("path is already in use at token/")),
        ("enable token/a", kubernetes, Err("path is already in use at token/")),
        ("enable tokens", kubernetes, Ok(())),
        (
            "enable a//b",
            kubernetes,
            Err("cannot enable an auth method at \"a//b/\": give a path without empty segments"),
        ),
        ("enable x", r#"{"type":"ldap"}"#, Err("plugin not found in the catalog: ldap")),
        ("enable x", "{}", Err("backend type must be specified as a string")),
        (
            "enable x",
            r#"{"type":"kubernetes","config":{"default_lease_ttl":"2h","max_lease_ttl":"1h"}}"#,
            Err(given),
        ),
        (
            "enable x",
            r#"{"type":"kubernetes","config":{"token_type":"batch"}}"#,
            Err("invalid 'token_type' value; use \"default-service\" or \"service\""),
        ),
        ("tune k", r#"{"max_lease_ttl":"1h","description":"d","token_type":"service"}"#, Ok(())),
        ("tune k", r#"{"default_lease_ttl":"2h"}"#, Err(given)),
        ("tune gone", "{}", Err("cannot fetch sysview for path \"auth/gone/\"")),
        ("disable token", "{}", Err("token credential backend cannot be disabled")),
        ("disable gone", "{}", Ok(())),
        ("disable team/k8s", "{}", Ok(())),
        ("enable team", kubernetes, Ok(())),
    ] {
        assert_eq!(run(&mut store, line, body), expected.map_err(str::to_owned), "{line} {body}");
    }
    let tuned = decode_auth(store.get(&auth_key("k")).unwrap()).unwrap();
    assert_eq!(
        (tuned.max_lease_ttl, tuned.default_lease_ttl, tuned.description.as_str(), tuned.token_type.as_str()),
        (3600, 0, "d", "service")
    );
    assert_eq!((tuned.accessor.as_str(), tuned.created), ("auth_kubernetes_12345678", Time::from_seconds(7)));
    assert_eq!(store.children(&auths_key()), ["k", "team", "tokens"]);
    assert_eq!(decode_auth(b"{}"), None);
}

#[test]
fn a_method_goes_with_everything_in_it() {
    let mut store = MemoryStore::default();
    for path in ["a", "b"] {
        run(&mut store, &format!("enable {path}"), r#"{"type":"kubernetes"}"#).unwrap();
        let mount = decode_auth(store.get(&auth_key(path)).unwrap()).unwrap();
        store.put(kubernetes::config_key(&mount.id), b"x");
        store.put(kubernetes::kubernetes_role_key(&mount.id, "r"), b"x");
    }
    run(&mut store, "disable a", "{}").unwrap();
    let left: Vec<(Table, &str)> = store.keys().map(|key| (key.table, key.key.as_str())).collect();
    let id = "1234567890-b";
    let role = format!("{id}/r");
    assert_eq!(left, [(Table::AuthMount, "b"), (Table::AuthConfig, id), (Table::AuthRole, role.as_str())]);
}

#[test]
fn their_number_is_bounded() {
    let mut store = MemoryStore::default();
    for i in 0..MAX_AUTH_MOUNTS {
        run(&mut store, &format!("enable m{i}x"), r#"{"type":"kubernetes"}"#).unwrap();
    }
    let refused = run(&mut store, "enable more", r#"{"type":"kubernetes"}"#).unwrap_err();
    assert!(refused.contains("100 auth methods"), "{refused}");
}

#[test]
fn tokens_of_logins_are_told_by_their_path() {
    for (path, expected) in [
        ("auth/kubernetes/login", Some("kubernetes")),
        ("auth/team/k8s/login", Some("team/k8s")),
        ("auth/token/create", None),
        ("auth/token/create/r/login", None),
        ("auth/token/root", None),
        ("secret/login", None),
    ] {
        assert_eq!(login_mount(path), expected, "{path}");
    }
}
