//! Tests of operations through the whole road of a request, on a broker in memory.

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use broker_core::record::Source;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::app::App;
use crate::clock;
use crate::first_start::{RootTokenFile, prepare};
use crate::flow::handle;
use crate::http::reply::Payload;
use crate::http::request::Incoming;
use crate::keys::SealSource;
use crate::store::{Ledger, LedgerOptions, MemMedia};

/// A broker in memory, and the token that asks.
struct Bench {
    app: Arc<App>,
    token: String,
}

impl Bench {
    async fn start() -> Self {
        let options = LedgerOptions::new(Arc::new(MemMedia::default()), SealSource::Memory, clock::now);
        let (ledger, _) = Ledger::open(options).unwrap();
        let (app, _) = App::load(ledger, None, "inmem").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "root").unwrap();
        prepare(&app, &RootTokenFile { path, chosen: true }).await.unwrap();
        Self { app, token: "root".to_owned() }
    }

    /// Sends `METHOD path` with a body.
    async fn ask(&self, line: &str, body: &Value) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-vault-token", self.token.parse().unwrap());
        let incoming = Incoming {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: format!("/v1/{path}"),
            query: String::new(),
            headers,
            body: Zeroizing::new(body.to_string().into_bytes()),
            source: Source::default(),
            id: self.app.random_id(),
            time: clock::now(),
        };
        let answer = handle(&self.app, incoming).await;
        let body = match answer.body {
            Payload::Json(text) => serde_json::from_str(&text).unwrap(),
            _ => Value::Null,
        };
        (answer.status, body)
    }

    /// Each step: what is sent, the status, and what stands in the answer at a JSON pointer.
    async fn check(&self, steps: &[(&str, Value, u16, &str, Value)]) {
        for (line, body, status, pointer, expected) in steps {
            let (got, answer) = self.ask(line, body).await;
            assert_eq!(got, *status, "{line} {body}: {answer}");
            let value = answer.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(value, expected, "{line} {body}: {answer}");
        }
    }

    /// The same broker asked with a new token of these policies.
    async fn user(&self, policies: &[&str]) -> Self {
        let (_, answer) = self.ask("POST auth/token/create", &json!({ "policies": policies })).await;
        Self { app: Arc::clone(&self.app), token: token_of(&answer) }
    }
}

fn token_of(answer: &Value) -> String {
    answer.pointer("/auth/client_token").and_then(Value::as_str).unwrap().to_owned()
}

#[tokio::test]
async fn roles_are_kept_and_their_tokens_renewed_by_them() {
    let root = Bench::start().await;
    let none = Value::Null;
    let body =
        json!({ "allowed_policies": "p1", "period": "1h", "token_num_uses": 20, "path_suffix": "v-1" });
    let strange = json!({ "token_ttl": 5 });
    let ignored = json!(["Endpoint ignored these unrecognized parameters: [token_ttl]"]);
    root.check(&[
        ("LIST auth/token/roles", none.clone(), 404, "/errors", json!([])),
        ("POST auth/token/roles/r", body, 204, "", none.clone()),
        ("POST auth/token/roles/r", strange, 200, "/warnings", ignored),
        ("GET auth/token/roles/r", none.clone(), 200, "/data/period", json!(3600)),
        ("GET auth/token/roles/r", none.clone(), 200, "/data/token_num_uses", json!(20)),
        ("POST auth/token/roles/r", json!({ "token_period": "2h" }), 204, "", none.clone()),
        ("GET auth/token/roles/r", none.clone(), 200, "/data/period", json!(0)),
        ("GET auth/token/roles/r", none.clone(), 200, "/data/allowed_policies", json!(["p1"])),
        ("LIST auth/token/roles", none.clone(), 200, "/data/keys", json!(["r"])),
        ("POST auth/token/create/nope", json!({}), 400, "/errors/0", json!("unknown role nope")),
    ])
    .await;
    let (_, answer) = root.ask("POST auth/token/create/r", &json!({})).await;
    let holder = Bench { app: Arc::clone(&root.app), token: token_of(&answer) };
    let lookup = "GET auth/token/lookup-self";
    holder
        .check(&[
            (lookup, none.clone(), 200, "/data/role", json!("r")),
            (lookup, none.clone(), 200, "/data/path", json!("auth/token/create/r/v-1")),
            (lookup, none.clone(), 200, "/data/creation_ttl", json!(7200)),
            (lookup, none.clone(), 200, "/data/num_uses", json!(16)),
        ])
        .await;
    root.check(&[("POST auth/token/roles/r", json!({ "token_period": 600 }), 204, "", none.clone())]).await;
    let renew = "POST auth/token/renew-self";
    holder.check(&[(renew, json!({ "increment": "5h" }), 200, "/auth/lease_duration", json!(600))]).await;
    root.check(&[
        ("DELETE auth/token/roles/r", none.clone(), 204, "", none.clone()),
        ("DELETE auth/token/roles/r", none.clone(), 204, "", none.clone()),
        ("GET auth/token/roles/r", none.clone(), 404, "/errors", json!([])),
    ])
    .await;
    let gone = "original token role \"r\" could not be found, not renewing; write the role again or create a new token";
    holder
        .check(&[
            (renew, json!({}), 400, "/errors/0", json!(gone)),
            (lookup, none.clone(), 200, "/data/role", json!("r")),
        ])
        .await;
}

#[tokio::test]
async fn a_role_gives_what_its_caller_may_not() {
    let root = Bench::start().await;
    let policy = "path \"auth/token/create/r\" { capabilities = [\"update\"] }";
    let role = json!({ "allowed_policies_glob": "team-*", "orphan": true });
    root.check(&[
        ("POST sys/policies/acl/maker", json!({ "policy": policy }), 204, "", Value::Null),
        ("POST auth/token/roles/r", role, 204, "", Value::Null),
    ])
    .await;
    let denied = json!("1 error occurred:\n\t* permission denied\n\n");
    let sudo = json!("root or sudo privileges required to specify token id");
    root.user(&["maker"])
        .await
        .check(&[
            ("POST auth/token/create", json!({}), 403, "/errors/0", denied.clone()),
            ("POST auth/token/roles/r", json!({}), 403, "/errors/0", denied.clone()),
            ("GET auth/token/roles/r", Value::Null, 403, "/errors/0", denied),
            (
                "POST auth/token/create/r",
                json!({ "policies": ["team-a"] }),
                200,
                "/auth/policies",
                json!(["default", "team-a"]),
            ),
            ("POST auth/token/create/r", json!({}), 200, "/auth/orphan", json!(true)),
            ("POST auth/token/create/r", json!({ "id": "x" }), 400, "/errors/0", sudo),
            (
                "POST auth/token/create/r",
                json!({ "policies": ["root"] }),
                400,
                "/errors/0",
                json!(
                    "token policies ([\"default\" \"root\"]) must be subset of the role's allowed policies ([\"default\"]) or glob policies ([\"team-*\"])"
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_moved_mount_is_read_at_its_new_path() {
    let root = Bench::start().await;
    let value = json!({ "data": { "a": "b" } });
    let moved = json!({ "from": "secret/", "to": "team/kv" });
    root.check(&[("POST secret/data/x", value, 200, "/data/version", json!(1))]).await;
    let (status, answer) = root.ask("POST sys/remount", &moved).await;
    let id = answer.pointer("/data/migration_id").and_then(Value::as_str).unwrap();
    assert_eq!((status, answer.pointer("/migration_id").and_then(Value::as_str)), (200, Some(id)));
    let both = "both 'from' and 'to' path must be specified as a string";
    let to = |to: &str| json!({ "from": "team/kv", "to": to });
    root.check(&[
        ("GET team/kv/data/x", Value::Null, 200, "/data/data/a", json!("b")),
        ("GET secret/data/x", Value::Null, 404, "/data", Value::Null),
        (
            &format!("GET sys/remount/status/{id}"),
            Value::Null,
            200,
            "/data/migration_info/status",
            json!("success"),
        ),
        (
            &format!("GET sys/remount/status/{id}"),
            Value::Null,
            200,
            "/data/migration_info/target_mount",
            json!("team/kv/"),
        ),
        ("GET sys/remount/status/nope", Value::Null, 404, "/errors", json!([])),
        ("POST sys/remount", json!({}), 400, "/errors/0", json!(both)),
        ("POST sys/remount", to("team"), 400, "/errors/0", json!("path is already in use at team/kv/")),
        ("POST sys/remount", to("sys/x"), 400, "/errors/0", json!("cannot mount \"sys/x/\"")),
        ("POST sys/mounts/secret", json!({ "type": "kv" }), 204, "", Value::Null),
    ])
    .await;
    let sudo = root.user(&["default"]).await;
    sudo.check(&[("POST sys/remount", to("other"), 403, "/data", Value::Null)]).await;
}

#[tokio::test]
async fn leases_devices_tools_and_the_resultant_acl() {
    let root = Bench::start().await;
    let lease = json!("lease_id must be specified");
    let none = Value::Null;
    let one = json!({ "lease_id": "x" });
    let device = |verb: &str| {
        json!(format!(
            "cannot {verb} audit device via API; use declarative, config-based audit device management instead"
        ))
    };
    root.check(&[
        ("POST sys/leases/lookup", json!({}), 400, "/errors/0", lease.clone()),
        ("POST sys/leases/renew", json!({}), 400, "/errors/0", lease.clone()),
        ("POST sys/leases/renew/a/b", json!({}), 400, "/errors/0", json!("lease not found")),
        ("POST sys/leases/revoke", json!({}), 400, "/errors/0", lease),
        ("POST sys/leases/revoke/a/b", json!({}), 204, "", none.clone()),
        ("LIST sys/leases/lookup/a", none.clone(), 404, "/errors", json!([])),
        ("POST sys/audit/f", json!({ "type": "file" }), 400, "/errors/0", device("enable")),
        ("DELETE sys/audit/f", none.clone(), 400, "/errors/0", device("disable")),
        ("POST sys/audit-hash/f", json!({}), 400, "/errors/0", json!("the \"input\" parameter is empty")),
        ("GET sys/internal/ui/resultant-acl", none.clone(), 200, "/data", json!({ "root": true })),
    ])
    .await;
    let (status, answer) =
        root.ask("POST sys/tools/random/platform/131072", &json!({ "format": "hex" })).await;
    let text = answer.pointer("/data/random_bytes").and_then(Value::as_str).unwrap();
    assert_eq!((status, text.len()), (200, 262_144));
    let user = root.user(&["default"]).await;
    user.check(&[
        ("POST sys/leases/lookup", one.clone(), 400, "/errors/0", json!("invalid lease")),
        ("POST sys/leases/renew", one.clone(), 400, "/errors/0", json!("lease not found")),
        ("POST sys/leases/revoke", one, 403, "/data", none.clone()),
        ("LIST sys/leases/lookup/a", none.clone(), 403, "/data", none.clone()),
        ("POST sys/tools/hash/sha2-256", json!({ "input": "!" }), 400, "/data", none.clone()),
        ("POST sys/tools/random", json!({}), 403, "/data", none.clone()),
        ("GET sys/internal/ui/resultant-acl", none.clone(), 200, "/data/root", json!(false)),
        (
            "GET sys/internal/ui/resultant-acl",
            none.clone(),
            200,
            "/data/exact_paths/auth~1token~1lookup-self/capabilities",
            json!(["read"]),
        ),
        (
            "GET sys/internal/ui/resultant-acl",
            none.clone(),
            200,
            "/data/glob_paths/cubbyhole~1/capabilities",
            json!(["create", "delete", "list", "read", "update"]),
        ),
    ])
    .await;
}
