//! Readers in processes of their own, as pods are: they read round and round, and tell at the end what they saw.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, openat};

use super::node::eventually;

/// What a reader saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub reads: u64,
    pub failed: u64,
    /// Reads of a file that had just gone with its generation.
    pub gone: u64,
    /// Pairs of files of different generations.
    pub mixed: u64,
    pub worst: Duration,
    pub last_error: String,
}

fn pair(target: &Path) -> std::io::Result<(String, String)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let data: OwnedFd = rustix::fs::open(target.join("..data"), flags | OFlags::DIRECTORY, Mode::empty())?;
    let read = |name: &str| {
        let mut text = String::new();
        File::from(openat(&data, name, flags, Mode::empty())?).read_to_string(&mut text)?;
        std::io::Result::Ok(text)
    };
    Ok((read("a")?, read("b")?))
}

/// The reader's process: until the file REPORT.stop is there.
pub fn read_loop(report: &str, targets: &[String]) -> Result<(), String> {
    let mut seen = Seen::default();
    let targets: Vec<PathBuf> = targets.iter().map(PathBuf::from).collect();
    let stop = PathBuf::from(format!("{report}.stop"));
    fs::write(format!("{report}.started"), "").map_err(|e| e.to_string())?;
    while !stop.exists() {
        for target in &targets {
            let started = Instant::now();
            match pair(target) {
                Ok((a, b)) if a == b && !a.is_empty() => {}
                Ok(_) => seen.mixed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => seen.gone += 1,
                Err(error) => {
                    seen.failed += 1;
                    seen.last_error = error.to_string();
                }
            }
            seen.worst = seen.worst.max(started.elapsed());
            seen.reads += 2;
        }
    }
    let Seen { reads, failed, gone, mixed, worst, last_error } = seen;
    let text = format!("{reads} {failed} {gone} {mixed} {} {last_error}", worst.as_micros());
    fs::write(report, text).map_err(|e| e.to_string())
}

pub struct Reader {
    child: Child,
    report: PathBuf,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Reader {
    pub fn start(folder: &Path, targets: &[PathBuf]) -> Self {
        let report = folder.join(format!("report-{}", fs::read_dir(folder).unwrap().count()));
        let child = Command::new("/proc/self/exe").arg("read").arg(&report).args(targets).spawn().unwrap();
        eventually("the reader reads", || report.with_extension("started").exists());
        Self { child, report }
    }

    pub fn stop(mut self) -> Seen {
        fs::write(self.report.with_extension("stop"), "").unwrap();
        assert!(self.child.wait().unwrap().success());
        let text = fs::read_to_string(&self.report).unwrap();
        let mut fields = text.splitn(6, ' ');
        let mut number = || fields.next().unwrap().parse::<u64>().unwrap();
        let (reads, failed, gone, mixed, worst) = (number(), number(), number(), number(), number());
        let last_error = fields.next().unwrap_or_default().to_owned();
        Seen { reads, failed, gone, mixed, worst: Duration::from_micros(worst), last_error }
    }
}
