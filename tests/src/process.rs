//! A child process with a log file, which is stopped by its id when it is dropped; the log's tail is printed when the test panics.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a process may take to leave after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// How much of a log is printed, in bytes.
const TAIL: u64 = 3 << 10;

/// A running child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with no input and both outputs appended to `log`; its arguments, folder and added variables count.
    ///
    /// # Errors
    /// The log cannot be written or the program cannot be started.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Process> {
        let out =
            File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let mut tied = tied(command);
        tied.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child =
            spawn(tied).with_context(|| format!("cannot start {name} ({:?})", command.get_program()))?;
        Ok(Process { name: name.into(), child, log: log.into() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last 3 KiB of the log.
    pub fn log_tail(&self) -> String {
        log_tail(&self.log).unwrap_or_else(|error| format!("(no log: {error:#})"))
    }

    /// How the process ended, if it has.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Calls `ready` every 10 ms until it says so.
    ///
    /// # Errors
    /// The process ended, or `limit` passed: with the tail of the log.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.ended()? {
                bail!(
                    "{} ended with {status} before it was ready; its log ends:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if start.elapsed() > limit {
                bail!("{} was not ready after {limit:?}; its log ends:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Ends the process with SIGTERM, after 10 seconds with SIGKILL, and says how it ended.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            let id = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        }
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill()
    }

    /// Ends the process with SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
        if std::thread::panicking() {
            eprintln!("---- the log of {} ends:\n{}----", self.name, self.log_tail());
        }
    }
}

fn log_tail(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

type Job = Box<dyn FnOnce() + Send>;

/// The tool that ties a child to its parent's life; without it, a killed test run leaves its servers behind.
const TIE: &str = "/usr/bin/setpriv";

/// The same command, killed by the kernel when its parent ends.
fn tied(command: &Command) -> Command {
    let mut tied = Command::new(command.get_program());
    if Path::new(TIE).exists() {
        tied = Command::new(TIE);
        tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
    }
    tied.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

/// Starts the command in a thread that never ends: the kernel ties a child to the thread that started it.
fn spawn(mut command: Command) -> Result<Child> {
    static STARTER: OnceLock<Sender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
        sender
    });
    let (answer, child) = channel();
    let job: Job = Box::new(move || {
        let _ = answer.send(command.spawn());
    });
    starter.send(job).ok().context("the thread that starts processes is gone")?;
    Ok(child.recv().context("the thread that starts processes gave no answer")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str, log: &Path) -> Process {
        Process::start("sh", Command::new("sh").args(["-c", script]).env("WORD", "hello"), log).unwrap()
    }

    #[test]
    fn an_early_end_shows_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = start("echo $WORD; exit 3", &dir.path().join("log"));
        let error = process.wait_until(Duration::from_secs(20), || false).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("hello"), "{error}");
    }

    #[test]
    fn a_process_ends_by_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut process = start("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done", &log);
        process
            .wait_until(Duration::from_secs(20), || std::fs::read_to_string(&log).unwrap() == "up\n")
            .unwrap();
        assert_eq!(process.stop().unwrap().code(), Some(7));
        let process = start("sleep 600", &log);
        let folder = PathBuf::from(format!("/proc/{}", process.id()));
        assert!(folder.exists());
        drop(process);
        assert!(!folder.exists());
    }
}
