//! Our syncer as a process at a cluster, and what it needs there: the definitions and a namespace of a given name.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Access, Namespace};
use crate::http::{self, Request};
use crate::process::Process;
use crate::target::{built, free_port};

/// How long the syncer may take until it says that it is ready.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the API server may take until it checks objects with new definitions.
const DEFINITIONS_LIMIT: Duration = Duration::from_secs(30);

/// The API of the objects that the syncer serves.
pub const GROUP: &str = "/apis/external-secrets.io/v1";

/// How the syncer is started.
#[derive(Clone, Debug, Default)]
pub struct SyncerOptions {
    /// The one namespace that it serves; all of them without one.
    pub namespace: Option<String>,
    /// More arguments after the ones every test gets.
    pub arguments: Vec<String>,
}

/// A running syncer; it ends when this is dropped.
#[derive(Debug)]
pub struct Syncer {
    /// Its process.
    pub process: Process,
    listen: String,
    // Dropped last: it has the log.
    _dir: TempDir,
}

impl Syncer {
    /// Starts `keyreeve-syncer cluster` with the rights of `access` and waits until it is ready.
    ///
    /// # Errors
    /// The binary is not built or does not start: with its log.
    pub fn start(access: &Access, options: &SyncerOptions) -> Result<Syncer> {
        let dir = tempfile::Builder::new().prefix("keyreeve-syncer-").tempdir()?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut command = std::process::Command::new(built("keyreeve-syncer")?);
        command.arg("cluster").arg("--kubeconfig").arg(access.kubeconfig());
        command.args(["--metrics-listen", &listen]);
        if let Some(namespace) = &options.namespace {
            command.args(["--namespace", namespace]);
        }
        command.args(&options.arguments).current_dir(dir.path());
        let process = Process::start("keyreeve-syncer", &command, &dir.path().join("syncer.log"))?;
        let mut syncer = Syncer { process, listen, _dir: dir };
        let ready = Request::new("GET", "/readyz");
        let addr = syncer.listen.clone();
        syncer
            .process
            .wait_until(START_LIMIT, || http::send(&addr, &ready).is_ok_and(|answer| answer.status == 200))?;
        Ok(syncer)
    }

    /// What it tells about itself, in the text format of Prometheus.
    ///
    /// # Errors
    /// It does not answer.
    pub fn metrics(&self) -> Result<String> {
        Ok(http::send(&self.listen, &Request::new("GET", "/metrics"))?.text())
    }
}

/// The path of objects of the syncer's API in a namespace: of `externalsecrets/a`, `/apis/…/namespaces/NAME/externalsecrets/a`.
pub fn path(namespace: &str, rest: &str) -> String {
    format!("{GROUP}/namespaces/{namespace}/{rest}")
}

/// Applies these definitions and waits until the API server serves all of the kinds that the tests use.
///
/// # Errors
/// The API server refuses one, or does not serve it within 30 seconds.
pub fn apply_definitions(access: &Access) -> Result<()> {
    let folder = crate::folder().parent().context("the tests have no workspace")?.join("deploy/crds");
    let folder = folder.to_str().context("the path is not UTF-8")?;
    access.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", folder])?;
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        access.wait_for(&format!("{GROUP}/{plural}"), DEFINITIONS_LIMIT, |answer| answer.status == 200)?;
    }
    Ok(())
}

/// Creates a namespace of this name.
///
/// # Errors
/// There is one, or the controllers do not fill it within 30 seconds.
pub fn namespace(access: &Access, name: &str) -> Result<Namespace> {
    Namespace::create(access, name)
}

/// An object of the syncer's API.
pub fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// The spec of a store with the `vault` provider: KV v2 at `secret/`, the token in the key `token` of a Secret.
pub fn store_spec(server: &str, token_secret: &str) -> Value {
    let auth = json!({"tokenSecretRef": {"name": token_secret, "key": "token"}});
    json!({"provider": {"vault": {"server": server, "path": "secret", "version": "v2", "auth": auth}}})
}
