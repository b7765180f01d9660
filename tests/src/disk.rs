//! Our broker on a real folder: it can be killed, started again, and its files looked at.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Process;
use crate::target::{Kind, Target, built};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A broker whose data outlives its process.
#[derive(Debug)]
pub struct DiskBroker {
    /// Its folder: `data`, `data.seal`, `data.root-token`, `server.log`.
    pub dir: TempDir,
    /// Where it listens now, and the root token.
    pub target: Target,
    /// Its process now.
    pub process: Process,
    arguments: Vec<String>,
    data: PathBuf,
}

impl DiskBroker {
    /// A fresh broker with these arguments besides the usual ones.
    ///
    /// # Errors
    /// The binary is not built or does not start: with its log.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("keyreeve-disk-").tempdir()?;
        let data = dir.path().join("data");
        Self::start_in(dir, data, arguments)
    }

    /// A fresh broker with its data at a place of its own; seal and root token stay in `dir`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_in(dir: TempDir, data: PathBuf, arguments: &[&str]) -> Result<Self> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let (process, addr) = launch(dir.path(), &data, &arguments)?;
        let root_token = std::fs::read_to_string(dir.path().join("data.root-token"))
            .context("the root token file")?
            .trim()
            .to_owned();
        Ok(Self { dir, target: Target { addr, root_token, kind: Kind::Broker }, process, arguments, data })
    }

    /// Ends the process as a crash would, and starts the broker again on the same data.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.launch_again()
    }

    /// Stops in order, and starts again.
    ///
    /// # Errors
    /// It does not stop or start.
    pub fn restart(&mut self) -> Result<()> {
        let status = self.process.stop()?;
        anyhow::ensure!(status.success(), "the broker ended with {status}: {}", self.process.log_tail());
        self.launch_again()
    }

    /// Starts the broker again after its process ended.
    ///
    /// # Errors
    /// It does not start.
    pub fn launch_again(&mut self) -> Result<()> {
        let (process, addr) = launch(self.dir.path(), &self.data, &self.arguments)?;
        self.process = process;
        self.target.addr = addr;
        Ok(())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Everything the broker has logged.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.dir.path().join("server.log"))?)
    }
}

fn launch(dir: &Path, data: &Path, arguments: &[String]) -> Result<(Process, String)> {
    let ready = dir.join("ready");
    let _ = std::fs::remove_file(&ready);
    let mut command = Command::new(built("keyreeve-broker")?);
    command.args(["serve", "--listen", "127.0.0.1:0"]).arg("--data").arg(data);
    if !arguments.iter().any(|a| a == "--tls") {
        command.arg("--plain-http");
    }
    command.arg("--ready-file").arg(&ready);
    command.arg("--seal-file").arg(dir.join("data.seal"));
    command.arg("--root-token-file").arg(dir.join("data.root-token"));
    command.args(arguments.iter().filter(|a| *a != "--tls"));
    let mut process = Process::start("keyreeve-broker", &command, &dir.join("server.log"))?;
    let mut url = String::new();
    process.wait_until(START_LIMIT, || {
        url = std::fs::read_to_string(&ready).unwrap_or_default().trim().to_owned();
        url.contains("://")
    })?;
    let addr = url.split_once("://").map(|(_, addr)| addr.to_owned()).context("no address")?;
    Ok((process, addr))
}
