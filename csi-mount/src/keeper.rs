//! The keeper: the first process of the driver. It holds what must outlive the others, and starts them again when they die.
//!
//! It has no network, no token, one thread, and never touches a path of the file system that it keeps.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csi_mount_core::ids::{IdError, TargetPath};
use csi_mount_core::wire::children::{MutatorReply, ServerReply, Shape};
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest};
use csi_mount_core::wire::{self, Body, EVENT_ID};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Resource, Signal, WaitOptions, WaitStatus};

use self::child::{Member, Role};
use self::machine::{Machine, Out};
use self::ring::Ring;
use self::volumes::File;
use crate::memory::{self, Steps};
use crate::mounts::superblock::{self, Superblock, SuperblockError};
use crate::mutate::Manner;

pub mod child;
pub mod jobs;
pub mod machine;
pub mod ring;
pub mod volumes;

/// How long the control process may take to say goodbye.
const GRACE: Duration = Duration::from_secs(10);
/// Events that may wait in the control process's queue; more stay in the ring.
const MAX_SENT_EVENTS: usize = 64;
/// The longest wait before a child that keeps dying is started again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The longest sleep, so that a clock is looked at now and then.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What the file system is for.
#[derive(Clone, Debug)]
pub enum Use {
    /// The volumes of a node; `holder` is a folder only root can enter, for kernels that clone only what is mounted somewhere.
    Node {
        /// The folder, if there is one.
        holder: Option<PathBuf>,
    },
    /// One volume at one place. It ends with the control process, and then nothing is mounted there any more.
    Single {
        /// The place: an absolute path of a folder that is there.
        at: PathBuf,
        /// A token in a file in memory, which every control process is sent first.
        token: Option<File>,
    },
}

/// How to keep.
#[derive(Clone, Debug)]
pub struct Options {
    /// What for.
    pub purpose: Use,
    /// The program of the children; itself, `/proc/self/exe`, as a rule.
    pub program: PathBuf,
    /// What the children are called in the list of processes.
    pub title: &'static str,
    /// Arguments that make it the server.
    pub server: Vec<OsString>,
    /// Arguments that make it the mutator.
    pub mutator: Vec<OsString>,
    /// Arguments that make it the control process.
    pub control: Vec<OsString>,
    /// How long nobody may serve before whoever waits for an answer gets an error instead.
    pub stall: Duration,
}

/// Why the keeper ended; the variant is the step. Mounts are dead then, and whoever reads gets an error at once.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The place of a single volume.
    #[error("{at} cannot be mounted at: {problem}")]
    Place {
        /// The place.
        at: PathBuf,
        /// Why.
        problem: IdError,
    },
    /// The file system.
    #[error(transparent)]
    Superblock(#[from] SuperblockError),
    /// Signals, shared memory, the process itself.
    #[error("the keeper cannot be set up: {0}")]
    Setup(io::Error),
    /// A child.
    #[error("the {name} cannot be started: {source}")]
    Start {
        /// Which.
        name: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Waiting for the children.
    #[error("the keeper cannot wait for its children: {0}")]
    Wait(io::Error),
    /// The first server.
    #[error("the file system could not be served at all; the lines above say why")]
    NeverServed,
    /// The watchdog.
    #[error(
        "nobody has served the file system for {0:?}; it is given up, so that nobody waits for it. Pods get errors until the driver has mounted again"
    )]
    Stalled(Duration),
}

/// Keeps until the control process has ended after SIGTERM or SIGINT (or, for a single volume, by itself).
///
/// # Returns
/// The control process's exit code.
///
/// # Errors
/// [`KeeperError`].
pub fn run(options: &Options) -> Result<u8, KeeperError> {
    memory::protect_process(false).map_err(KeeperError::Setup)?;
    raise_limit();
    Keeper::new(options)?.keep()
}

/// Many volumes are many open files.
fn raise_limit() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

struct Keeper<'a> {
    options: &'a Options,
    device: File,
    base: File,
    steps: File,
    machine: Machine,
    ring: Ring,
    server: Member,
    mutator: Member,
    control: Member,
    signals: Signals,
    /// When the server said something, and when it was asked for a sign of life since then.
    heard: Instant,
    pinged: Option<Instant>,
    /// Since when nobody serves.
    idle_since: Option<Instant>,
    /// When the control process must have ended.
    ending: Option<Instant>,
}

struct Signals {
    end: UnixStream,
    child: UnixStream,
}

impl Signals {
    fn new() -> io::Result<Self> {
        use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
        let pair = |signals: &[i32]| {
            let (read, write) = UnixStream::pair()?;
            read.set_nonblocking(true)?;
            write.set_nonblocking(true)?;
            for signal in signals {
                signal_hook::low_level::pipe::register(*signal, write.try_clone()?)?;
            }
            io::Result::Ok(read)
        };
        Ok(Self { end: pair(&[SIGTERM, SIGINT])?, child: pair(&[SIGCHLD])? })
    }

    /// Whether a signal came since the last look.
    fn came(mut stream: &UnixStream) -> bool {
        let mut came = false;
        while matches!(stream.read(&mut [0; 64]), Ok(1..)) {
            came = true;
        }
        came
    }
}

fn manner(options: &Options) -> Manner {
    match &options.purpose {
        Use::Node { .. } => Manner::Node,
        Use::Single { .. } if rustix::process::geteuid().is_root() => Manner::Single,
        Use::Single { .. } => Manner::Helper,
    }
}

impl<'a> Keeper<'a> {
    fn new(options: &'a Options) -> Result<Self, KeeperError> {
        let place = |at: &PathBuf| {
            TargetPath::try_from(at.to_string_lossy().into_owned())
                .map_err(|problem| KeeperError::Place { at: at.clone(), problem })
        };
        let (shape, single, made) = match (&options.purpose, manner(options)) {
            (Use::Node { holder }, _) => (Shape::Node, None, superblock::make(holder.as_deref())),
            (Use::Single { at, .. }, Manner::Helper) => {
                (Shape::Single, Some(place(at)?), superblock::make_with_helper(at))
            }
            (Use::Single { at, .. }, _) => (Shape::Single, Some(place(at)?), superblock::make(None)),
        };
        let Superblock { device, base } = made?;
        let steps = Steps::new().map_err(KeeperError::Setup)?;
        // One superblock only: the server's large buffers must go back to the system when they are freed.
        let lean = &[("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "131072")];
        let role = |name, args: &Vec<OsString>, longest_wait| {
            let title = options.title;
            Member::new(Role { name, title, args: args.clone(), environment: lean, longest_wait })
        };
        let soon = (options.stall / 8).min(LONGEST_WAIT);
        Ok(Self {
            options,
            device: Arc::new(device),
            base: Arc::new(base),
            steps: Arc::new(steps.into_file()),
            machine: Machine::new(shape, single),
            ring: Ring::default(),
            server: role("server", &options.server, soon),
            mutator: role("mutator", &options.mutator, soon),
            control: role("control process", &options.control, LONGEST_WAIT),
            signals: Signals::new().map_err(KeeperError::Setup)?,
            heard: Instant::now(),
            pinged: None,
            idle_since: None,
            ending: None,
        })
    }

    fn keep(mut self) -> Result<u8, KeeperError> {
        let now = Instant::now();
        self.start_server(now)?;
        self.start_mutator(now)?;
        loop {
            self.wait()?;
            let now = Instant::now();
            self.hear(now);
            if let Some(code) = self.bury(now)? {
                return Ok(code);
            }
            self.revive(now)?;
            self.watch(now)?;
            self.send();
        }
    }

    fn start_server(&mut self, now: Instant) -> Result<(), KeeperError> {
        let failed = |source| KeeperError::Start { name: "server", source };
        self.server.start(&self.options.program, now).map_err(failed)?;
        self.server.send(b"files".to_vec(), vec![Arc::clone(&self.device), Arc::clone(&self.steps)]);
        self.machine.server_started();
        (self.heard, self.pinged) = (now, None);
        self.idle_since.get_or_insert(now);
        self.send();
        Ok(())
    }

    fn start_mutator(&mut self, now: Instant) -> Result<(), KeeperError> {
        let failed = |source| KeeperError::Start { name: "mutator", source };
        let pid = self.mutator.start(&self.options.program, now).map_err(failed)?;
        self.mutator.send(manner(self.options).word().to_vec(), vec![Arc::clone(&self.base)]);
        self.machine.mutator_started(pid);
        self.send();
        Ok(())
    }

    fn start_control(&mut self, now: Instant) -> Result<(), KeeperError> {
        let failed = |source| KeeperError::Start { name: "control process", source };
        self.control.start(&self.options.program, now).map_err(failed)?;
        if let Use::Single { token: Some(token), .. } = &self.options.purpose {
            self.control.send(b"token".to_vec(), vec![Arc::clone(token)]);
        }
        self.machine.control_started();
        Ok(())
    }

    /// Sleeps until there is something to do.
    fn wait(&self) -> Result<(), KeeperError> {
        let now = Instant::now();
        let members = [&self.server, &self.mutator, &self.control];
        let stalled = self.idle_since.map(|since| since + self.options.stall);
        let silent = self.machine.is_serving().then(|| match self.pinged {
            Some(pinged) => pinged + self.options.stall / 2,
            None => self.heard + self.options.stall / 4,
        });
        let starts = members.iter().filter_map(|member| member.due());
        let due = starts.chain(stalled).chain(self.ending).chain(silent).min();
        let sleep = due.map_or(LONGEST_SLEEP, |due| due.saturating_duration_since(now).min(LONGEST_SLEEP));
        // The timer may be a little early: then it is waited for once more.
        let sleep = Timespec::try_from(sleep + Duration::from_millis(1)).unwrap_or_default();
        let mut descriptors: Vec<PollFd<'_>> = vec![
            PollFd::new(&self.signals.end, PollFlags::IN),
            PollFd::new(&self.signals.child, PollFlags::IN),
        ];
        for member in members {
            let interest = if member.has_queue() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            if let Some((death, link)) = member.descriptors() {
                descriptors.push(PollFd::from_borrowed_fd(death, PollFlags::IN));
                descriptors.push(PollFd::from_borrowed_fd(link, interest));
            }
        }
        match poll(&mut descriptors, Some(&sleep)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(KeeperError::Wait(errno.into())),
        }
    }

    /// Takes what the children said.
    fn hear(&mut self, now: Instant) {
        while let Some(packet) = self.server.receive() {
            (self.heard, self.pinged) = (now, None);
            let count = packet.files.len();
            if let Some((id, reply)) = understood::<ServerReply>(self.server.name(), &packet.bytes, count) {
                let file = packet.files.into_iter().next().map(Arc::new);
                self.machine.server_said(id, reply, file);
            }
        }
        while let Some(packet) = self.mutator.receive() {
            let count = packet.files.len();
            if let Some((id, reply)) = understood::<MutatorReply>(self.mutator.name(), &packet.bytes, count) {
                self.machine.mutator_said(id, reply);
            }
        }
        while let Some(packet) = self.control.receive() {
            let count = packet.files.len();
            if let Some((id, request)) =
                understood::<KeeperRequest>(self.control.name(), &packet.bytes, count)
            {
                let file = packet.files.into_iter().next().map(Arc::new);
                self.machine.asked(id, request, file);
            }
        }
    }

    /// Looks who died, and whether all is to end.
    fn bury(&mut self, now: Instant) -> Result<Option<u8>, KeeperError> {
        if Signals::came(&self.signals.end) && self.ending.is_none() {
            tracing::info!("the driver is told to end");
            self.control.signal(Signal::TERM);
            self.ending = Some(now + GRACE);
        }
        if !Signals::came(&self.signals.child) {
            return Ok(None);
        }
        // As the first process of a container it has the children of the dead to bury too.
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Some(code) = self.died(pid, status, now)? {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }

    fn died(&mut self, pid: Pid, status: WaitStatus, now: Instant) -> Result<Option<u8>, KeeperError> {
        let dead = Some(pid);
        let name = if self.server.pid() == dead {
            self.server.ended(now);
            self.machine.server_ended();
            self.idle_since.get_or_insert(now);
            self.server.name()
        } else if self.mutator.pid() == dead {
            self.mutator.ended(now);
            self.machine.mutator_ended();
            self.mutator.name()
        } else if self.control.pid() == dead {
            self.control.ended(now);
            if let Some(code) = self.is_over(status) {
                return Ok(Some(code));
            }
            self.control.name()
        } else {
            return Ok(None);
        };
        tracing::warn!(?status, "the {name} ended; it is started again");
        if self.machine.has_served() { Ok(None) } else { Err(KeeperError::NeverServed) }
    }

    /// Whether the end of the control process is the end of all.
    fn is_over(&self, status: WaitStatus) -> Option<u8> {
        let single = matches!(self.options.purpose, Use::Single { .. });
        match status.exit_status() {
            Some(code) if single || self.ending.is_some() => Some(u8::try_from(code).unwrap_or(u8::MAX)),
            _ if self.ending.is_some() => Some(0),
            _ => None,
        }
    }

    /// Starts again whoever is due.
    fn revive(&mut self, now: Instant) -> Result<(), KeeperError> {
        let due = |member: &Member| member.due().is_some_and(|due| due <= now);
        if due(&self.server) {
            self.start_server(now)?;
        }
        if due(&self.mutator) {
            self.start_mutator(now)?;
        }
        let first = !self.control.is_running() && self.control.due().is_none() && self.machine.is_serving();
        if self.ending.is_none() && (first || due(&self.control)) {
            self.start_control(now)?;
        }
        Ok(())
    }

    /// Gives up when nobody serves for too long, and ends who does not end.
    fn watch(&mut self, now: Instant) -> Result<(), KeeperError> {
        if self.machine.is_serving() {
            self.idle_since = None;
        } else if self.idle_since.is_some_and(|since| now >= since + self.options.stall) {
            return Err(KeeperError::Stalled(self.options.stall));
        }
        self.listen_for_life(now);
        if self.ending.is_some_and(|deadline| now >= deadline) {
            tracing::warn!("the control process did not end in time; it is ended");
            self.control.signal(Signal::KILL);
        }
        Ok(())
    }

    /// A server that is there and says nothing is ended, so that another one answers.
    fn listen_for_life(&mut self, now: Instant) {
        let stall = self.options.stall;
        match self.pinged {
            _ if !self.machine.is_serving() => self.pinged = None,
            Some(pinged) if now >= pinged + stall / 2 => {
                tracing::error!("the server does not answer; another one takes its place");
                self.server.signal(Signal::KILL);
                self.pinged = Some(now);
            }
            None if now >= self.heard + stall / 4 => {
                self.machine.ping();
                self.pinged = Some(now);
            }
            _ => {}
        }
    }

    /// Sends what the machine wants sent.
    fn send(&mut self) {
        for event in self.machine.take_events() {
            self.ring.push(event);
        }
        for out in self.machine.take_out() {
            match out {
                Out::Server(id, request, file) => post(&mut self.server, id, &request, file),
                Out::Mutator(id, request, file) => post(&mut self.mutator, id, &request, file),
                Out::Control(id, reply, file) => post(&mut self.control, id, &reply, file),
            }
        }
        while self.machine.is_listening()
            && self.control.is_running()
            && self.control.queued() < MAX_SENT_EVENTS
            && let Some(event) = self.ring.pop()
        {
            post(&mut self.control, EVENT_ID, &KeeperReply::Event(event), None);
        }
        for member in [&mut self.server, &mut self.mutator, &mut self.control] {
            member.flush();
        }
    }
}

fn understood<T: Body>(name: &str, bytes: &[u8], files: usize) -> Option<(u64, T)> {
    match wire::decode(bytes, files) {
        Ok(message) => Some((message.id, message.body)),
        Err(error) => {
            tracing::error!(%error, child = name, "a message is not understood");
            None
        }
    }
}

fn post<T: Body>(member: &mut Member, id: u64, body: &T, file: Option<File>) {
    match wire::encode(id, body) {
        Ok(bytes) => member.send(bytes, file.into_iter().collect()),
        Err(error) => tracing::error!(%error, child = member.name(), "a message cannot be written"),
    }
}
