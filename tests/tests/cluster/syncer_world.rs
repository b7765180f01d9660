//! What the tests of our syncer in a cluster share: a namespace with a syncer, a server behind, and what happens in them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::kube::syncer::{self, object, path, store_spec};
use harness::kube::{Answer, Cluster, Namespace, Syncer, SyncerOptions};
use harness::target::{Broker, BrokerOptions, HashiVault, Kind, OpenBao, Server};
use regex::Regex;
use serde_json::{Value, json};

/// A namespace of the shared cluster with one syncer for it alone, and a fresh server with secrets.
pub struct World {
    pub syncer: Syncer,
    pub cluster: &'static Cluster,
    pub namespace: Namespace,
    pub server: Server,
}

/// The value of a Secret's key `value`, with the Secret's resource version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub value: String,
    pub resource_version: String,
}

/// A fresh server of a kind.
pub fn server(kind: Kind) -> Server {
    match kind {
        Kind::OpenBao => OpenBao::start().unwrap(),
        Kind::HashiVault => HashiVault::start().unwrap(),
        Kind::Broker => Broker::start(&BrokerOptions::default()).unwrap(),
    }
}

/// Whether an object's condition `Ready` has this status.
pub fn is_ready(object: &Value, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == status)
}

impl World {
    /// Starts everything; the token of the Secret `tok` may do all.
    pub fn start(kind: Kind, arguments: &[&str]) -> World {
        World::on(server(kind), arguments)
    }

    /// The same with a server that is there already.
    pub fn on(server: Server, arguments: &[&str]) -> World {
        let cluster = Cluster::shared().unwrap();
        syncer::apply_definitions(cluster).unwrap();
        let namespace = cluster.namespace().unwrap();
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let options = SyncerOptions { namespace: Some(namespace.name().into()), arguments };
        let syncer = Syncer::start(cluster, &options).unwrap();
        let world = World { syncer, cluster, namespace, server };
        world.token_secret("tok", &world.server.root_token);
        world
    }

    /// Writes a secret with the key `value` at the server.
    pub fn write(&self, key: &str, value: &str) {
        let body = json!({"data": {"value": value}});
        self.server.must("POST", &format!("secret/data/{key}"), Some(&body)).unwrap();
    }

    /// Makes or changes the Secret that holds a store's token.
    pub fn token_secret(&self, name: &str, token: &str) {
        let body = json!({"metadata": {"name": name}, "stringData": {"token": token}});
        let answer = self.cluster.api("POST", &self.namespace.path("secrets"), Some(&body)).unwrap();
        if answer.status == 409 {
            self.cluster
                .must("PATCH", &self.namespace.path(&format!("secrets/{name}")), Some(&body))
                .unwrap();
        }
    }

    /// The path of an object of the syncer's API in this namespace.
    pub fn path(&self, rest: &str) -> String {
        path(self.namespace.name(), rest)
    }

    pub fn create(&self, kind: &str, name: &str, spec: &Value) {
        let plural = format!("{}s", kind.to_lowercase());
        self.cluster.must("POST", &self.path(&plural), Some(&object(kind, name, spec))).unwrap();
    }

    /// A store on the server itself.
    pub fn store(&self, name: &str, token_secret: &str) {
        self.create("SecretStore", name, &store_spec(&self.server.url(), token_secret));
    }

    /// An ExternalSecret with one key, `value`.
    pub fn external_secret(&self, name: &str, (store, key): (&str, &str), interval: &str, target: &Value) {
        let spec = json!({
            "refreshInterval": interval, "secretStoreRef": {"name": store, "kind": "SecretStore"}, "target": target,
            "data": [{"secretKey": "value", "remoteRef": {"key": key, "property": "value"}}],
        });
        self.create("ExternalSecret", name, &spec);
    }

    fn wait(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Value {
        match self.cluster.wait_for(path, crate::LIMIT, wanted) {
            Ok(answer) => answer.body,
            Err(error) => {
                panic!("{error:#}\n---- events: {:#?}", self.events_of(path.rsplit('/').next().unwrap()))
            }
        }
    }

    /// Waits until an object such as `secretstores/a` is ready (`True`) or not (`False`), and returns it.
    pub fn wait_ready(&self, rest: &str, status: &str) -> Value {
        self.wait(&self.path(rest), |answer| is_ready(&answer.body, status))
    }

    /// Waits until a Secret has this value.
    pub fn wait_value(&self, name: &str, value: &str) -> Held {
        let path = self.namespace.path(&format!("secrets/{name}"));
        held(&self.wait(&path, |answer| held(&answer.body).is_some_and(|held| held.value == value))).unwrap()
    }

    /// What a Secret holds now.
    pub fn held(&self, name: &str) -> Option<Held> {
        let path = self.namespace.path(&format!("secrets/{name}"));
        held(&self.cluster.api("GET", &path, None).unwrap().body)
    }

    /// The events about an object of this name, as `Type Reason component: message`.
    pub fn events_of(&self, name: &str) -> Vec<String> {
        let list = self.namespace.get_json("events").unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let about = |event: &&Value| event["involvedObject"]["name"] == name;
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(about)
            .map(|event| {
                let parts =
                    [&event["type"], &event["reason"], &event["source"]["component"], &event["message"]]
                        .map(text);
                format!("{} {} {}: {}", parts[0], parts[1], parts[2], parts[3])
            })
            .collect()
    }

    /// Waits for an event about an object that matches, in the form of [`World::events_of`].
    pub fn wait_event(&self, name: &str, pattern: &str) {
        let pattern = Regex::new(&format!("(?s){pattern}")).unwrap();
        let start = std::time::Instant::now();
        loop {
            let events = self.events_of(name);
            if events.iter().any(|event| pattern.is_match(event)) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{name}: no {pattern} in {events:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Deletes an object and waits until it is gone.
    pub fn delete(&self, path: &str) {
        self.cluster.must("DELETE", path, None).unwrap();
        self.cluster.wait_gone(path, crate::LIMIT).unwrap();
    }

    pub fn still_runs(&mut self) {
        assert_eq!(self.syncer.process.ended().unwrap(), None);
    }
}

fn held(secret: &Value) -> Option<Held> {
    let value = STANDARD.decode(secret["data"]["value"].as_str()?).unwrap();
    Some(Held {
        value: String::from_utf8(value).unwrap(),
        resource_version: secret["metadata"]["resourceVersion"].as_str().unwrap().to_owned(),
    })
}
