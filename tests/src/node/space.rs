//! Mount and process namespaces of a node: what is mounted and started in them is gone when their first process ends.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::Process;

/// How long the places may take to be made.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The namespaces, held by a process.
#[derive(Debug)]
pub struct Space {
    holder: Process,
}

impl Space {
    /// Makes the namespaces, with `folder/kubelet` as `/var/lib/kubelet` and empty `/run`, `/var/lib` and `/var/log`.
    ///
    /// # Errors
    /// Not root, or a mount fails: with the log.
    pub fn start(folder: &Path) -> Result<Space> {
        std::fs::create_dir_all(folder.join("kubelet"))?;
        let ready = folder.join("space.ready");
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "--propagation",
            "private",
        ]);
        command.arg("sh").arg(crate::folder().join("servers/node/space.sh")).arg(folder).arg(&ready);
        let mut holder = Process::start("space", &command, &folder.join("space.log"))?;
        holder.wait_until(START_LIMIT, || ready.exists()).context("a node needs root and unshare")?;
        Ok(Space { holder })
    }

    /// A command that runs in the namespaces, in their root folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()));
        command.arg(format!("--pid=/proc/{}/ns/pid_for_children", self.holder.id()));
        command.arg("--").arg(program);
        command
    }

    /// Runs a command in the namespaces and returns what it printed.
    ///
    /// # Errors
    /// It fails: with what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let (program, arguments) = arguments.split_first().context("no command")?;
        let mut command = self.command(program);
        let output = command.args(arguments).stdin(Stdio::null()).output().context("nsenter")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {} failed in the node: {}", arguments.join(" "), words.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A path of the namespaces as this process reaches it.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.holder.id()))
    }

    /// The mount points of the namespace, one for each mount.
    ///
    /// # Errors
    /// The namespaces are gone.
    pub fn mount_points(&self) -> Result<Vec<String>> {
        let table = std::fs::read_to_string(format!("/proc/{}/mountinfo", self.holder.id()))?;
        Ok(table.lines().filter_map(|line| line.split(' ').nth(4)).map(String::from).collect())
    }

    /// The processes of the namespace whose arguments, joined by blanks, satisfy `wanted`, by their ids on the host.
    ///
    /// # Errors
    /// The process table cannot be read.
    pub fn processes(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Pid>> {
        let own = std::fs::read_link(format!("/proc/{}/ns/pid_for_children", self.holder.id()))?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let folder = entry?.path();
            // Processes come and go while the table is read.
            let Some(arguments) = arguments(&folder, &own) else { continue };
            let id = folder.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
            if wanted(&arguments) {
                found.extend(id);
            }
        }
        Ok(found)
    }

    /// Ends every process of the namespaces; returns when the last one is gone.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn stop(&mut self) -> Result<()> {
        if self.holder.ended()?.is_some() {
            return Ok(());
        }
        let children = PathBuf::from(format!("/proc/{0}/task/{0}/children", self.holder.id()));
        let first = std::fs::read_to_string(children)?.trim().parse().ok().and_then(Pid::from_raw);
        kill_process(first.context("the node has no first process")?, Signal::KILL)?;
        // The kernel ends the first process last, and unshare ends after it.
        self.holder.wait_until(START_LIMIT, || false).or_else(|error| match self.holder.ended()? {
            Some(_) => Ok(()),
            None => Err(error),
        })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("the processes of the namespaces: {error:#}");
        }
    }
}

/// The arguments of a process in this process namespace.
fn arguments(folder: &Path, namespace: &Path) -> Option<String> {
    if std::fs::read_link(folder.join("ns/pid")).ok()? != namespace {
        return None;
    }
    let arguments = std::fs::read(folder.join("cmdline")).ok()?;
    Some(String::from_utf8_lossy(&arguments).replace('\0', " "))
}
