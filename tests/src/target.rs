//! Servers under test: a real OpenBao, a real HashiCorp Vault or our broker, each fresh, in a folder of its own, on a free
//! loopback port.

use std::net::TcpListener;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Request, Response};
use crate::process::Process;

/// How long a server may take to answer its first request.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How many ports are tried; another process may take a free one before the server does.
const PORTS_TRIED: usize = 3;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The recorded server, the proof that a runner is right.
    OpenBao,
    /// HashiCorp Vault 1.13.1, for what OpenBao has changed since.
    HashiVault,
    /// Ours.
    Broker,
}

/// Where a server listens and how to get in.
#[derive(Clone, Debug)]
pub struct Target {
    /// `127.0.0.1:port`, plain HTTP.
    pub addr: String,
    /// A token that may do everything.
    pub root_token: String,
    /// Whose server it is.
    pub kind: Kind,
}

impl Target {
    /// The base address for clients, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// See [`http::send`].
    pub fn send(&self, request: &Request) -> Result<Response> {
        http::send(&self.addr, request)
    }

    /// Sends a request with the root token; `path` is without `/v1/`.
    ///
    /// # Errors
    /// See [`http::send`].
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        self.call_as(&self.root_token, method, path, body)
    }

    /// Sends a request with this token; `path` is without `/v1/`.
    ///
    /// # Errors
    /// See [`http::send`].
    pub fn call_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let mut request = Request::new(method, &format!("/v1/{path}")).token(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        if method == "PATCH" {
            request = request.header("Content-Type", "application/merge-patch+json");
        }
        self.send(&request)
    }

    /// Like [`Target::call`], for what must work: the body as JSON.
    ///
    /// # Errors
    /// Any status from 300 on, with the server's own words.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let response = self.call(method, path, body)?;
        if response.status >= 300 {
            bail!("{method} {path} answered {}: {}", response.status, response.text());
        }
        response.json()
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub target: Target,
    /// Its child process.
    pub process: Process,
    /// Its folder with log and data.
    pub dir: TempDir,
}

impl Deref for Server {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

/// The real OpenBao, as a dev server with KV v2 at `secret/` and everything in memory.
#[derive(Debug)]
pub struct OpenBao;

impl OpenBao {
    /// Starts a fresh one; fetches the binary where it is missing.
    ///
    /// # Errors
    /// The binary cannot be had or does not start: with its log.
    pub fn start() -> Result<Server> {
        dev_server(Kind::OpenBao, &Command::new(fetched("openbao.sh")?))
    }
}

/// The real HashiCorp Vault, as a dev server with KV v2 at `secret/` and everything in memory.
#[derive(Debug)]
pub struct HashiVault;

impl HashiVault {
    /// Starts a fresh one; builds the binary where it is missing, which takes many minutes.
    ///
    /// # Errors
    /// The binary cannot be had or does not start: with its log.
    pub fn start() -> Result<Server> {
        let mut command = Command::new(fetched("vault.sh")?);
        // One of its drivers has a certificate with a negative serial number, at which a current Go panics.
        command.env("GODEBUG", "x509negativeserial=1");
        dev_server(Kind::HashiVault, &command)
    }
}

/// Starts the program of `command`, with its environment, as a dev server that both projects know.
fn dev_server(kind: Kind, command: &Command) -> Result<Server> {
    let mut last = None;
    for _ in 0..PORTS_TRIED {
        let dir = folder()?;
        let addr = format!("127.0.0.1:{}", free_port()?);
        let mut dev = Command::new(command.get_program());
        dev.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        dev.args(["server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root"]);
        dev.arg(format!("-dev-listen-address={addr}")).env("HOME", dir.path());
        let process = Process::start(&format!("{kind:?}"), &dev, &dir.path().join("server.log"))?;
        let target = Target { addr, root_token: "root".into(), kind };
        match ready(process, dir, || Some(target.clone())) {
            Err(error) if format!("{error:#}").contains("address already in use") => last = Some(error),
            other => return other,
        }
    }
    Err(last.context("no port was tried")?)
}

/// How our broker is started.
#[derive(Clone, Debug, Default)]
pub struct BrokerOptions {
    /// The data folder, kept when the server ends; without one everything is in memory.
    pub data: Option<PathBuf>,
    /// More arguments after the ones every test server gets.
    pub arguments: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
}

/// Our broker, over plain HTTP, with KV v2 at `secret/`.
#[derive(Debug)]
pub struct Broker;

impl Broker {
    /// Starts one from `target/debug` (or the folder that `KEYREEVE_BIN_DIR` names): a fresh one, or one on the data of an
    /// earlier one.
    ///
    /// # Errors
    /// The binary is not built or does not start: with its log.
    pub fn start(options: &BrokerOptions) -> Result<Server> {
        let dir = folder()?;
        let ready_file = dir.path().join("ready");
        let mut command = Command::new(built("keyreeve-broker")?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--plain-http", "--ready-file"]).arg(&ready_file);
        let token_file = match &options.data {
            // The first start writes the token beside the data, and later ones leave it there.
            Some(data) => {
                command.arg("--data").arg(data);
                data.with_extension("root-token")
            }
            // In memory, the broker takes the token that it finds.
            None => {
                command.arg("--dev");
                let file = dir.path().join("root-token");
                std::fs::write(&file, "root")?;
                file
            }
        };
        command.arg("--root-token-file").arg(&token_file);
        command.args(&options.arguments).envs(options.environment.clone()).current_dir(dir.path());
        let process = Process::start("keyreeve-broker", &command, &dir.path().join("server.log"))?;
        ready(process, dir, || {
            let url = std::fs::read_to_string(&ready_file).ok()?;
            let addr = url.trim().strip_prefix("http://")?.trim_end_matches('/').to_owned();
            let root_token = std::fs::read_to_string(&token_file).ok()?.trim().to_owned();
            Some(Target { addr, root_token, kind: Kind::Broker })
        })
    }
}

fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("keyreeve-test-").tempdir()?)
}

/// Waits until the process has a target whose `secret/` answers.
fn ready(mut process: Process, dir: TempDir, target: impl Fn() -> Option<Target>) -> Result<Server> {
    let mut found = None;
    process.wait_until(START_LIMIT, || {
        let answers = |target: &Target| {
            target.call("GET", "secret/config", None).is_ok_and(|response| response.status == 200)
        };
        found = target().filter(answers);
        found.is_some()
    })?;
    Ok(Server { target: found.context("no target")?, process, dir })
}

/// A loopback port that was free a moment ago.
///
/// # Errors
/// The operating system has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The program that a script in `tests/servers` fetches, fetched if it is not there yet.
///
/// # Errors
/// The script's own words.
pub fn fetched(script: &str) -> Result<PathBuf> {
    let path = crate::folder().join("servers").join(script);
    let output = Command::new(&path).arg("ensure").output().with_context(|| path.display().to_string())?;
    if !output.status.success() {
        bail!("{script} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// A program of this workspace, next to the test's own executable or in the folder that `KEYREEVE_BIN_DIR` names.
///
/// # Errors
/// It is not there.
pub fn built(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("KEYREEVE_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        // target/debug/deps/test-0123 -> target/debug
        None => std::env::current_exe()?.ancestors().nth(2).context("the test has no folder")?.to_owned(),
    };
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "{} is not built: run `cargo build --bins --workspace` first, or set KEYREEVE_BIN_DIR",
            path.display()
        );
    }
    Ok(path)
}
