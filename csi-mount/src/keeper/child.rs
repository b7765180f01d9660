//! One of the keeper's children: started, spoken with, noticed when it dies, started again.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::volumes::File;
use crate::link::{Link, LinkError, Packet};

/// A child that lives shorter has died quickly.
const QUICK: Duration = Duration::from_secs(1);
/// Quick deaths in a row after which the next start waits.
const PATIENCE: u32 = 5;
/// The first wait; each one is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// Messages that may wait for a child that does not read.
const MAX_QUEUE: usize = 65_536;

/// What a child does, and with which arguments it is started.
#[derive(Debug)]
pub struct Role {
    /// Its name in log lines.
    pub name: &'static str,
    /// Its name in the list of processes.
    pub title: &'static str,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its environment, beyond the keeper's.
    pub environment: &'static [(&'static str, &'static str)],
    /// The longest wait before it is started again.
    pub longest_wait: Duration,
}

/// A child that runs.
#[derive(Debug)]
struct Running {
    pid: Pid,
    pidfd: OwnedFd,
    link: Link,
    since: Instant,
}

/// A child, running or not.
#[derive(Debug)]
pub struct Member {
    role: Role,
    running: Option<Running>,
    queue: VecDeque<(Vec<u8>, Vec<File>)>,
    quick_deaths: u32,
    /// When to start it again.
    due: Option<Instant>,
}

impl Member {
    /// Not started yet.
    pub const fn new(role: Role) -> Self {
        Self { role, running: None, queue: VecDeque::new(), quick_deaths: 0, due: None }
    }

    /// Its name in log lines.
    pub const fn name(&self) -> &'static str {
        self.role.name
    }

    /// Starts it; its standard input is its end of the link.
    ///
    /// # Errors
    /// The system's.
    pub fn start(&mut self, program: &Path, now: Instant) -> io::Result<u32> {
        let (ours, theirs) = Link::pair()?;
        let pid = Command::new(program)
            .arg0(self.role.title)
            .args(&self.role.args)
            .envs(self.role.environment.iter().copied())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // A terminal's Ctrl-C is for the keeper, which tells the others.
            .process_group(0)
            .spawn()?
            .id();
        let number = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
        let pidfd = rustix::process::pidfd_open(number, PidfdFlags::empty())?;
        self.queue.clear();
        self.due = None;
        self.running = Some(Running { pid: number, pidfd, link: ours, since: now });
        Ok(pid)
    }

    /// What to wait for: its death, and its link.
    pub fn descriptors(&self) -> Option<(BorrowedFd<'_>, BorrowedFd<'_>)> {
        self.running.as_ref().map(|running| (running.pidfd.as_fd(), running.link.as_fd()))
    }

    /// When it is to be started again.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether messages wait for room.
    pub fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// How many messages wait.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether it runs.
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its number while it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.running.as_ref().map(|running| running.pid)
    }

    /// It has ended: it is due again, at once unless it keeps dying quickly.
    pub fn ended(&mut self, now: Instant) {
        let Some(running) = self.running.take() else { return };
        let quick = now.saturating_duration_since(running.since) < QUICK;
        self.quick_deaths = if quick { self.quick_deaths.saturating_add(1) } else { 0 };
        let wait = match self.quick_deaths.checked_sub(PATIENCE) {
            Some(over) => FIRST_WAIT.saturating_mul(1 << over.min(10)).min(self.role.longest_wait),
            None => Duration::ZERO,
        };
        self.due = Some(now + wait);
        self.queue.clear();
    }

    /// Ends it: at once with `KILL`, on its own terms with `TERM`.
    pub fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running
            && let Err(error) = rustix::process::pidfd_send_signal(&running.pidfd, signal)
        {
            tracing::debug!(%error, child = self.role.name, "it cannot be told to end; it may have");
        }
    }

    /// Sends a message, after those that wait.
    pub fn send(&mut self, bytes: Vec<u8>, files: Vec<File>) {
        if self.running.is_none() {
            return;
        }
        if self.queue.len() >= MAX_QUEUE {
            tracing::error!(child = self.role.name, "it does not take its messages; it is started again");
            return self.signal(Signal::KILL);
        }
        self.queue.push_back((bytes, files));
        self.flush();
    }

    /// Sends what there is room for.
    pub fn flush(&mut self) {
        let Some(running) = &self.running else { return };
        while let Some((bytes, files)) = self.queue.front() {
            let files: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
            match running.link.try_send(bytes, &files) {
                Ok(()) => {}
                Err(LinkError::WouldBlock) => return,
                // Its death is noticed elsewhere.
                Err(LinkError::Closed) => return self.queue.clear(),
                Err(error) => tracing::error!(%error, child = self.role.name, "a message is lost"),
            }
            self.queue.pop_front();
        }
    }

    /// A message if one waits.
    pub fn receive(&mut self) -> Option<Packet> {
        match self.running.as_ref()?.link.try_receive() {
            Ok(packet) => Some(packet),
            Err(LinkError::WouldBlock | LinkError::Closed) => None,
            Err(error) => {
                tracing::error!(%error, child = self.role.name, "a message is lost");
                None
            }
        }
    }
}
