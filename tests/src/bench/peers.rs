//! The servers that are measured: OpenBao with raft storage and a file audit device, and our broker on its folder.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::disk::DiskBroker;
use crate::http::{self, Request};
use crate::process::Process;
use crate::target::{Kind, Target, fetched, free_port};

/// A server under measurement.
pub trait Peer {
    /// Its name in the report.
    fn name(&self) -> &'static str;
    /// Where it listens.
    fn target(&self) -> &Target;
    /// Its process id.
    fn pid(&self) -> u32;
    /// Syncs it has done so far, if it tells.
    fn syncs(&self) -> Option<u64>;
}

/// Our broker, built for release.
pub struct Ours(pub DiskBroker);

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "Keyreeve"
    }

    fn target(&self) -> &Target {
        &self.0.target
    }

    fn pid(&self) -> u32 {
        self.0.process.id()
    }

    fn syncs(&self) -> Option<u64> {
        let text = self.target().call("GET", "sys/metrics", None).ok()?.text();
        let line = text.lines().find(|l| l.starts_with("keyreeve_ledger_syncs_total"))?;
        line.split(' ').nth(1)?.parse().ok()
    }
}

/// A single OpenBao node: raft storage, no TLS, a file audit device.
pub struct RaftOpenBao {
    target: Target,
    process: Process,
    _dir: TempDir,
}

impl Peer for RaftOpenBao {
    fn name(&self) -> &'static str {
        "OpenBao"
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn syncs(&self) -> Option<u64> {
        None
    }
}

impl RaftOpenBao {
    /// Starts, initialises and unseals a fresh node with KV v2 at `secret/`.
    ///
    /// # Errors
    /// It does not start: with its log.
    pub fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("keyreeve-bench-").tempdir()?;
        let (addr, cluster) = (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::create_dir(dir.path().join("raft"))?;
        let config = format!(
            "storage \"raft\" {{ path = {:?}\n node_id = \"one\" }}\nlistener \"tcp\" {{ address = {addr:?}\n cluster_address = {cluster:?}\n tls_disable = true }}\napi_addr = \"http://{addr}\"\ncluster_addr = \"https://{cluster}\"\naudit \"file\" \"file\" {{ options {{ file_path = {:?} }} }}\n",
            path("raft"),
            path("audit.log")
        );
        std::fs::write(dir.path().join("config.hcl"), config)?;
        let binary: PathBuf = fetched("openbao.sh")?;
        let mut command = Command::new(binary);
        command.args(["server", "-log-level=error"]).arg(format!("-config={}", path("config.hcl")));
        command.env("HOME", dir.path());
        let mut process = Process::start("openbao", &command, &dir.path().join("server.log"))?;
        let mut target = Target { addr, root_token: String::new(), kind: Kind::OpenBao };
        process.wait_until(Duration::from_secs(30), || {
            let request = Request::new("GET", "/v1/sys/init");
            http::send(&target.addr, &request).is_ok_and(|answer| answer.status == 200)
        })?;
        let init =
            target.must("PUT", "sys/init", Some(&json!({"secret_shares": 1, "secret_threshold": 1})))?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no answer to init");
        target.must("PUT", "sys/unseal", Some(&json!({"key": text(&init["keys_base64"][0])?})))?;
        target.root_token = text(&init["root_token"])?;
        let mount = json!({"type": "kv", "options": {"version": "2"}});
        process.wait_until(Duration::from_secs(30), || {
            target.call("POST", "sys/mounts/secret", Some(&mount)).is_ok_and(|a| a.status == 204)
        })?;
        process.wait_until(Duration::from_secs(30), || {
            let body = json!({"data": {"v": 1}});
            target.call("POST", "secret/data/ready", Some(&body)).is_ok_and(|a| a.status == 200)
        })?;
        Ok(Self { target, process, _dir: dir })
    }
}

/// Time from the start of our broker to its first answer, on a folder that is there already.
///
/// # Errors
/// It does not start again.
pub fn start_to_first_answer(broker: &mut DiskBroker) -> Result<Duration> {
    broker.process.stop()?;
    let start = Instant::now();
    broker.launch_again()?;
    broker.target.must("GET", "secret/data/bench/0", None)?;
    Ok(start.elapsed())
}
