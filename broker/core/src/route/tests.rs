//! Tests of routes: verb and path to operation.

use policies::RequestPath;

use super::*;
use crate::auth::AuthMethod;
use crate::time::Time;

fn routed(verb: Verb, path: &str) -> Result<Op, RouteError> {
    let path = RequestPath::parse(path, matches!(verb, Verb::List | Verb::Scan)).unwrap();
    route(verb, &path, &table())
}

/// Auth methods at `kubernetes` and `team/k8s`.
fn table() -> MountTable {
    let mount = |path: &str| AuthMount {
        path: path.to_owned(),
        id: format!("id of {path}"),
        accessor: "auth_kubernetes_00000000".to_owned(),
        method: AuthMethod::Kubernetes,
        description: String::new(),
        default_lease_ttl: 0,
        max_lease_ttl: 0,
        listing_visibility: String::new(),
        token_type: "default-service".to_owned(),
        created: Time::from_seconds(100),
    };
    MountTable::new(Vec::new(), vec![mount("team/k8s"), mount("kubernetes")])
}

fn check(verb: Verb, path: &str, expected: Result<&str, RouteError>) {
    let printed = routed(verb, path).map(|op| match op {
        Op::Kv(op) => format!("{op:?}"),
        Op::Token(op) => format!("{op:?}"),
        Op::Sys(op) => format!("{op:?}"),
        Op::Auth(op) => format!("{} {:?}", op.mount.path, op.action),
    });
    assert_eq!(printed.as_deref().map_err(|e| *e), expected, "{verb:?} {path}");
}

#[test]
fn token_roles() {
    let (path, operation) = (Err(RouteError::UnsupportedPath), Err(RouteError::UnsupportedOperation));
    for (verb, text, expected) in [
        (Verb::List, "auth/token/roles", Ok("Roles")),
        (Verb::Read, "auth/token/roles", operation),
        (Verb::Read, "auth/token/roles/r", Ok("Role(\"r\")")),
        (Verb::Write, "auth/token/roles/a.b-c_1", Ok("RoleWrite(\"a.b-c_1\")")),
        (Verb::Delete, "auth/token/roles/r", Ok("RoleDelete(\"r\")")),
        (Verb::List, "auth/token/roles/r", operation),
        (Verb::Patch, "auth/token/roles/r", operation),
        (Verb::Write, "auth/token/roles/-r", path),
        (Verb::Write, "auth/token/roles/r.", path),
        (Verb::Write, "auth/token/roles/a/b", path),
        (Verb::Write, "auth/token/roles/%C3%A9", path),
        (Verb::Write, "auth/token/create/r", Ok("CreateWithRole(\"r\")")),
        (Verb::Write, "auth/token/create/a/b", path),
        (Verb::Read, "auth/token/create/r", operation),
    ] {
        check(verb, text, expected);
    }
}

#[test]
fn leases_tools_and_devices() {
    let (path, operation) = (Err(RouteError::UnsupportedPath), Err(RouteError::UnsupportedOperation));
    for (verb, text, expected) in [
        (Verb::Write, "sys/leases/lookup", Ok("Lease(Lookup)")),
        (Verb::List, "sys/leases/lookup", Ok("Lease(List)")),
        (Verb::List, "sys/leases/lookup/a/b", Ok("Lease(List)")),
        (Verb::Write, "sys/leases/lookup/a", operation),
        (Verb::Write, "sys/leases/renew", Ok("Lease(Renew { id: None })")),
        (Verb::Write, "sys/leases/renew/a/b", Ok("Lease(Renew { id: Some(\"a/b\") })")),
        (Verb::Write, "sys/leases/revoke/a/b", Ok("Lease(Revoke { id: Some(\"a/b\") })")),
        (Verb::Delete, "sys/leases/revoke", operation),
        (Verb::Write, "sys/leases/revoke-prefix/a", path),
        (Verb::Read, "sys/leases", path),
        (Verb::Write, "sys/tools/hash", Ok("Hash { algorithm: None }")),
        (Verb::Write, "sys/tools/hash/sha2-512", Ok("Hash { algorithm: Some(\"sha2-512\") }")),
        (Verb::Read, "sys/tools/hash", operation),
        (Verb::Write, "sys/tools/random", Ok("Random { source: None, bytes: None }")),
        (Verb::Write, "sys/tools/random/8", Ok("Random { source: None, bytes: Some(\"8\") }")),
        (Verb::Write, "sys/tools/random/seal", Ok("Random { source: Some(\"seal\"), bytes: None }")),
        (
            Verb::Write,
            "sys/tools/random/platform/8",
            Ok("Random { source: Some(\"platform\"), bytes: Some(\"8\") }"),
        ),
        (Verb::Write, "sys/tools/other", path),
        (Verb::Write, "sys/remount", Ok("Remount")),
        (Verb::Read, "sys/remount", operation),
        (Verb::Read, "sys/remount/status/x", Ok("RemountStatus(\"x\")")),
        (Verb::Read, "sys/remount/status", path),
        (Verb::Read, "sys/audit", Ok("AuditDevices")),
        (Verb::Write, "sys/audit/f", Ok("AuditEnable")),
        (Verb::Delete, "sys/audit/f/g", Ok("AuditDisable")),
        (Verb::Read, "sys/audit/f", operation),
        (Verb::Write, "sys/audit-hash/f", Ok("AuditHash(\"f\")")),
        (Verb::Read, "sys/internal/ui/resultant-acl", Ok("ResultantAcl")),
    ] {
        check(verb, text, expected);
    }
}

#[test]
fn kinds_of_records() {
    for (verb, text, kind) in [
        (Verb::Write, "auth/token/create/r", Kind::TokenCreate),
        (Verb::Read, "auth/token/roles/r", Kind::PolicyRead),
        (Verb::List, "auth/token/roles", Kind::PolicyRead),
        (Verb::Write, "auth/token/roles/r", Kind::PolicyWrite),
        (Verb::Delete, "auth/token/roles/r", Kind::PolicyWrite),
        (Verb::Write, "sys/remount", Kind::MountWrite),
        (Verb::Read, "sys/remount/status/x", Kind::MountRead),
        (Verb::Write, "sys/leases/revoke", Kind::SysRead),
        (Verb::Write, "sys/tools/hash", Kind::SysRead),
        (Verb::Write, "sys/audit/f", Kind::SysRead),
    ] {
        assert_eq!(routed(verb, text).unwrap().kind(), kind, "{verb:?} {text}");
    }
}

#[test]
fn auth_methods() {
    let (path, operation) = (Err(RouteError::UnsupportedPath), Err(RouteError::UnsupportedOperation));
    for (verb, text, expected) in [
        (Verb::Read, "sys/auth", Ok("AuthMethods")),
        (Verb::Read, "sys/auth/a/b", Ok("AuthMount(One(\"a/b\"))")),
        (Verb::Write, "sys/auth/a", Ok("AuthMount(Enable(\"a\"))")),
        (Verb::Delete, "sys/auth/a", Ok("AuthMount(Disable(\"a\"))")),
        (Verb::Read, "sys/auth/a/tune", Ok("AuthMount(Tuning(\"a\"))")),
        (Verb::Write, "sys/auth/a/tune", Ok("AuthMount(Tune(\"a\"))")),
        (Verb::Delete, "sys/auth/a/tune", operation),
        (Verb::List, "sys/auth/a", operation),
        (Verb::Read, "auth/kubernetes/config", Ok("kubernetes Config")),
        (Verb::Write, "auth/team/k8s/config", Ok("team/k8s ConfigWrite")),
        (Verb::Delete, "auth/kubernetes/config", operation),
        (Verb::List, "auth/kubernetes/role", Ok("kubernetes Roles")),
        (Verb::Read, "auth/kubernetes/role", operation),
        (Verb::Read, "auth/kubernetes/role/r", Ok("kubernetes Role(\"r\")")),
        (Verb::Write, "auth/kubernetes/role/r", Ok("kubernetes RoleWrite(\"r\")")),
        (Verb::Delete, "auth/kubernetes/role/r", Ok("kubernetes RoleDelete(\"r\")")),
        (Verb::Patch, "auth/kubernetes/role/r", operation),
        (Verb::Write, "auth/kubernetes/role/a/b", path),
        (Verb::Write, "auth/kubernetes/login", operation),
        (Verb::Write, "auth/kubernetes", path),
        (Verb::Write, "auth/kubernetes2/login", Err(RouteError::NoMount)),
        (Verb::Write, "auth/team/login", Err(RouteError::NoMount)),
    ] {
        check(verb, text, expected);
    }
    for (verb, text, expected) in [
        (Verb::Write, "auth/kubernetes/login", Some("kubernetes")),
        (Verb::Write, "auth/team/k8s/login", Some("team/k8s")),
        (Verb::Read, "auth/kubernetes/login", None),
        (Verb::Write, "auth/kubernetes/login/x", None),
        (Verb::Write, "auth/token/login", None),
        (Verb::Write, "kubernetes/login", None),
    ] {
        let found = login(verb, &RequestPath::parse(text, false).unwrap(), &table());
        assert_eq!(found.as_ref().map(|m| m.path.as_str()), expected, "{verb:?} {text}");
    }
}

#[test]
fn tokens_stand_with_their_auth_method() {
    for (path, created, expected) in [
        ("auth/kubernetes/login", 100, true),
        ("auth/team/k8s/login", 200, true),
        ("auth/kubernetes/login", 99, false),
        ("auth/gone/login", 200, false),
        ("auth/token/create", 1, true),
        ("auth/token/create/r/login", 1, true),
        ("auth/token/root", 1, true),
    ] {
        let token =
            TokenInfo { path: path.to_owned(), created: Time::from_seconds(created), ..TokenInfo::default() };
        assert_eq!(table().stands_behind(&token), expected, "{path} {created}");
    }
}
