//! What the recording's prose says was there before its scenarios, and what happened between them.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::kube::Access;
use crate::kube::syncer::{GROUP, object, path, store_spec};
use crate::target::Target;

/// What was written at `secret/`; each path below `o/del-` that a scenario names has `value: x`.
fn kv() -> [(&'static str, Value); 5] {
    [
        ("o/a", json!({"value": "one", "user": "u", "nested": {"k": "v"}})),
        ("o/b", json!({"value": "two"})),
        ("o/imm", json!({"value": "one"})),
        ("o/fmt", json!({"b64": "!!notb64!!", "bad key": "x"})),
        ("o/json", json!({"j": "{\"x\":1}"})),
    ]
}

/// The cluster and the server behind, on which scenarios are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage<'a> {
    /// The cluster's administrator.
    pub(super) access: &'a Access,
    /// The namespace, named as the recorded one.
    pub(super) namespace: &'a str,
    /// The real server.
    pub(super) server: &'a Target,
    /// The base address of a server that refuses connections.
    pub(super) unreachable: &'a str,
}

/// When a scenario was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// After all that have a spec were created.
    First,
    /// After second objects wanted the targets of others.
    Owners,
    /// After values were changed or deleted at the provider.
    Provider,
    /// After an object came whose store's token is good.
    BeforeRevoked,
    /// After that token was revoked.
    Revoked,
    /// After an object came whose store's token may read nothing.
    Denied,
    /// After a store was deleted under its object.
    StoreDeleted,
    /// After a target was edited.
    Tampered,
    /// After a target was deleted.
    Deleted,
}

/// All phases, in their order.
pub(super) const PHASES: [Phase; 9] = [
    Phase::First,
    Phase::Owners,
    Phase::Provider,
    Phase::BeforeRevoked,
    Phase::Revoked,
    Phase::Denied,
    Phase::StoreDeleted,
    Phase::Tampered,
    Phase::Deleted,
];

impl Phase {
    /// The phase of a scenario, if it is one that is known.
    pub(super) fn of(scenario: &str, has_spec: bool) -> Option<Phase> {
        Some(match scenario {
            "owner_b" | "owner_foreign" => Phase::Owners,
            "immutable_after_change" => Phase::Provider,
            _ if scenario.starts_with("del_") && scenario.ends_with("_after_provider_delete") => {
                Phase::Provider
            }
            "revoked_before" => Phase::BeforeRevoked,
            "token_revoked_after_ready" => Phase::Revoked,
            "policy_denied" => Phase::Denied,
            "store_deleted_after_sync" => Phase::StoreDeleted,
            "secret_tampered" => Phase::Tampered,
            "secret_deleted" => Phase::Deleted,
            _ if has_spec => Phase::First,
            _ => return None,
        })
    }

    /// How long nothing may be concluded, since in some scenarios nothing shall happen.
    pub(super) fn least_wait(self) -> Duration {
        match self {
            // Two refreshes of the objects in question.
            Phase::Provider | Phase::Revoked | Phase::StoreDeleted => Duration::from_secs(5),
            _ => Duration::from_secs(2),
        }
    }
}

/// The spec that the runner gives an object whose recording has none.
pub(super) fn spec_of(scenario: &str) -> Option<Value> {
    let value = |key: &str| json!([{"secretKey": "value", "remoteRef": {"key": key, "property": "value"}}]);
    let spec = |store: &str, interval: &str, key: &str| {
        json!({
            "refreshInterval": interval, "secretStoreRef": {"name": store, "kind": "SecretStore"},
            "data": value(key),
        })
    };
    let mut owner = spec("vault", "1h", if scenario == "owner_b" { "o/b" } else { "o/a" });
    Some(match scenario {
        "owner_b" => {
            owner["target"] = json!({"name": "shared"});
            owner
        }
        "owner_foreign" => {
            owner["target"] = json!({"name": "foreign"});
            owner
        }
        "revoked_before" | "token_revoked_after_ready" => spec("child", "2s", "o/a"),
        "policy_denied" => spec("deny", "1h", "o/a"),
        "store_deleted_after_sync" => spec("vanish", "2s", "o/a"),
        _ => return None,
    })
}

impl Stage<'_> {
    /// Writes the values, Secrets and stores. `deletable` are the paths of values that will be deleted.
    pub(super) fn prepare(&self, deletable: &[String]) -> Result<()> {
        for (key, data) in kv() {
            self.write(key, &data)?;
        }
        for key in deletable {
            self.write(key, &json!({"value": "x"}))?;
        }
        let root = self.server.root_token.as_str();
        self.secret("tok", &json!({"token": root}), &json!({}))?;
        self.secret("badtok", &json!({"token": "not-a-token"}), &json!({}))?;
        self.secret("sptok", &json!({"token": "s.x"}), &json!({}))?;
        self.secret("prebound", &json!({"keep": "me"}), &json!({}))?;
        self.secret("preimm", &json!({"a": "b"}), &json!({"immutable": true}))?;
        self.foreign()?;
        self.stores()
    }

    fn write(&self, key: &str, data: &Value) -> Result<()> {
        self.server.must("POST", &format!("secret/data/{key}"), Some(&json!({"data": data}))).map(|_| ())
    }

    /// The path of a core object.
    fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    /// Creates a Secret as the recorder did, with its name as a field manager.
    fn secret(&self, name: &str, data: &Value, more: &Value) -> Result<Value> {
        let mut body = json!({"metadata": {"name": name}, "stringData": data});
        for (field, value) in more.as_object().into_iter().flatten() {
            match field.as_str() {
                "ownerReferences" => body["metadata"][field] = value.clone(),
                _ => body[field] = value.clone(),
            }
        }
        self.access.must("POST", &self.core("secrets?fieldManager=unknown"), Some(&body))
    }

    fn foreign(&self) -> Result<()> {
        let owner = json!({"metadata": {"name": "cmowner"}});
        let owner = self.access.must("POST", &self.core("configmaps"), Some(&owner))?;
        let owners = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "cmowner", "uid": owner["metadata"]["uid"],
            "controller": true,
        }]);
        self.secret("foreign", &json!({"a": "b"}), &json!({"ownerReferences": owners})).map(|_| ())
    }

    fn stores(&self) -> Result<()> {
        let good = |secret: &str| store_spec(&self.server.url(), secret);
        let mut no_key = good("tok");
        no_key["provider"]["vault"]["auth"]["tokenSecretRef"]["key"] = json!("absent");
        let mut other_class = good("tok");
        other_class["controller"] = json!("other");
        let mut retry = store_spec(self.unreachable, "tok");
        retry["retrySettings"] = json!({"maxRetries": 1, "retryInterval": "1s"});
        for (name, spec) in [
            ("vault", good("tok")),
            ("badtoken", good("badtok")),
            ("unreach", store_spec(self.unreachable, "tok")),
            ("nosecret", good("absent")),
            ("nokey", no_key),
            ("flip", good("sptok")),
            ("otherclass", other_class),
            ("retry", retry),
        ] {
            self.create("SecretStore", name, &spec)?;
        }
        let mut conditional = good("tok");
        conditional["provider"]["vault"]["auth"]["tokenSecretRef"]["namespace"] = json!(self.namespace);
        conditional["conditions"] = json!([{"namespaces": ["elsewhere"]}]);
        self.cluster_store("cond", &conditional)?;
        self.cluster_store("ref", &good("tok"))
    }

    fn cluster_store(&self, name: &str, spec: &Value) -> Result<()> {
        let body = object("ClusterSecretStore", &format!("css-{name}-{}", self.namespace), spec);
        self.access.must("POST", &format!("{GROUP}/clustersecretstores"), Some(&body)).map(|_| ())
    }

    /// Creates a SecretStore or an ExternalSecret.
    fn create(&self, kind: &str, name: &str, spec: &Value) -> Result<()> {
        let plural = format!("{}s", kind.to_lowercase());
        let body = object(kind, name, spec);
        self.access.must("POST", &path(self.namespace, &plural), Some(&body)).map(|_| ())
    }

    /// Does what precedes the reading of a phase's scenarios, which are `(scenario, name of its ExternalSecret)`; their
    /// objects are created where the recording has no spec.
    pub(super) fn enter(&self, phase: Phase, scenarios: &[(&str, &str)]) -> Result<()> {
        match phase {
            Phase::First => {}
            Phase::Owners => self.create_all(scenarios)?,
            Phase::Provider => {
                self.write("o/imm", &json!({"value": "two"}))?;
                for (scenario, name) in scenarios.iter().filter(|(scenario, _)| scenario.starts_with("del_"))
                {
                    self.delete_value(scenario, name)?;
                }
                // By now its Secret has a good token.
                let token = json!({"stringData": {"token": self.server.root_token}});
                self.access.must("PATCH", &self.core("secrets/sptok"), Some(&token))?;
            }
            Phase::BeforeRevoked => {
                self.store_with_token("child", "root")?;
                self.create_all(scenarios)?;
            }
            Phase::Revoked => {
                // Recordings may have the second half of this pair alone.
                if !self.exists(scenarios.first().map_or("", |(_, name)| name))? {
                    self.store_with_token("child", "root")?;
                    self.create_all(scenarios)?;
                }
                self.revoke("child")?;
            }
            Phase::Denied => {
                self.store_with_token("deny", "default")?;
                self.create_all(scenarios)?;
            }
            Phase::StoreDeleted => {
                self.store_with_token("vanish", "root")?;
                self.create_all(scenarios)?;
                for (_, name) in scenarios {
                    self.wait_ready("externalsecrets", name)?;
                }
                self.access.must("DELETE", &path(self.namespace, "secretstores/vanish"), None)?;
            }
            Phase::Tampered => {
                let edit = json!({"stringData": {"value": "tampered"}});
                for (_, name) in scenarios {
                    self.access.must("PATCH", &self.core(&format!("secrets/{name}")), Some(&edit))?;
                }
            }
            Phase::Deleted => {
                for (_, name) in scenarios {
                    self.access.must("DELETE", &self.core(&format!("secrets/{name}")), None)?;
                }
            }
        }
        Ok(())
    }

    fn create_all(&self, scenarios: &[(&str, &str)]) -> Result<()> {
        for (scenario, name) in scenarios {
            if let Some(spec) = spec_of(scenario) {
                self.create("ExternalSecret", name, &spec)?;
            }
        }
        Ok(())
    }

    /// Deletes what an ExternalSecret reads: its newest version, or all of it.
    fn delete_value(&self, scenario: &str, name: &str) -> Result<()> {
        let object = self.access.get_json(&path(self.namespace, &format!("externalsecrets/{name}")))?;
        let Some(key) = object["spec"]["data"][0]["remoteRef"]["key"].as_str() else {
            bail!("{scenario}: its object reads nothing")
        };
        let part = if scenario.contains("_meta_") { "metadata" } else { "data" };
        let answer = self.server.call("DELETE", &format!("secret/{part}/{key}"), None)?;
        if answer.status >= 300 {
            bail!("{scenario}: deleting {key} answered {}", answer.status);
        }
        Ok(())
    }

    /// A store with a token of its own in the Secret `NAME-tok`, and waits until it is ready.
    fn store_with_token(&self, name: &str, policy: &str) -> Result<()> {
        let request = json!({"policies": [policy], "no_default_policy": false, "ttl": "1h"});
        let answer = self.server.must("POST", "auth/token/create", Some(&request))?;
        let token = &answer["auth"]["client_token"];
        self.secret(&format!("{name}-tok"), &json!({"token": token}), &json!({}))?;
        self.create("SecretStore", name, &store_spec(&self.server.url(), &format!("{name}-tok")))?;
        self.wait_ready("secretstores", name)
    }

    fn revoke(&self, store: &str) -> Result<()> {
        use base64::Engine;
        let secret = self.access.get_json(&self.core(&format!("secrets/{store}-tok")))?;
        let token = secret["data"]["token"].as_str().unwrap_or_default();
        let token = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(token)?)?;
        let answer = self.server.call("POST", "auth/token/revoke", Some(&json!({"token": token})))?;
        if answer.status >= 300 {
            bail!("revoking the token of {store} answered {}", answer.status);
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let path = path(self.namespace, &format!("externalsecrets/{name}"));
        Ok(self.access.api("GET", &path, None)?.status == 200)
    }

    fn wait_ready(&self, plural: &str, name: &str) -> Result<()> {
        let path = path(self.namespace, &format!("{plural}/{name}"));
        let ready = |body: &Value| {
            let conditions = body["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            conditions.iter().any(|it| it["type"] == "Ready" && it["status"] == "True")
        };
        self.access.wait_for(&path, Duration::from_secs(30), |answer| ready(&answer.body)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_have_their_phase() {
        for (name, has_spec, phase) in [
            ("ok", true, Some(Phase::First)),
            ("del_retain", true, Some(Phase::First)),
            ("del_merge_meta_after_provider_delete", false, Some(Phase::Provider)),
            ("immutable_after_change", false, Some(Phase::Provider)),
            ("owner_b", false, Some(Phase::Owners)),
            ("policy_denied", false, Some(Phase::Denied)),
            ("something_else", false, None),
        ] {
            assert_eq!(Phase::of(name, has_spec), phase, "{name}");
        }
        assert!(PHASES.is_sorted());
        for name in
            ["owner_b", "owner_foreign", "revoked_before", "policy_denied", "store_deleted_after_sync"]
        {
            assert!(spec_of(name).is_some(), "{name}");
        }
    }
}
