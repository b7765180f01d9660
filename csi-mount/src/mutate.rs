//! The mutator: changes the shown files the way a program would, mounts volumes where pods look, and takes them away.
//!
//! It has no FUSE descriptor, so that it can never wait for itself, and no network.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use csi_mount_core::ids::{Slot, TargetPath};
use csi_mount_core::wire::children::{MutatorReply, MutatorRequest};
use csi_mount_core::wire::{self, Problem, Refusal};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::link::{Link, LinkError};
use crate::memory;
use crate::mounts::{superblock, target};

mod plan;

/// Permission bits of a target's own folder; the mount's root hides it.
const TARGET_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);

/// How volumes come to where they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Each volume is a folder of the file system, cloned to its target, whose last folder is ours.
    Node,
    /// The file system is one volume, cloned to a folder that stays.
    Single,
    /// The file system was mounted by the helper for ordinary users, and is taken away by it.
    Helper,
}

impl Manner {
    /// As the keeper tells the mutator.
    pub const fn word(self) -> &'static [u8] {
        match self {
            Self::Node => b"node",
            Self::Single => b"single",
            Self::Helper => b"helper",
        }
    }

    fn of(word: &[u8]) -> Option<Self> {
        [Self::Node, Self::Single, Self::Helper].into_iter().find(|manner| manner.word() == word)
    }
}

/// Why the mutator ended; the keeper starts it again.
#[derive(Debug, thiserror::Error)]
pub enum MutateError {
    /// The process itself.
    #[error("the mutator cannot be set up: {0}")]
    Setup(io::Error),
    /// The first message.
    #[error("the keeper did not say what to work on; this command is started by the keeper only")]
    Start,
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Works until the keeper is gone.
///
/// # Errors
/// [`MutateError`].
pub fn run() -> Result<(), MutateError> {
    memory::protect_process(true).map_err(MutateError::Setup)?;
    let link = Link::inherited().map_err(MutateError::Setup)?;
    let first = link.receive()?;
    let manner = Manner::of(&first.bytes).ok_or(MutateError::Start)?;
    let base = first.files.into_iter().next().ok_or(MutateError::Start)?;
    let mutator = Mutator { manner, base };
    loop {
        let packet = match link.receive() {
            Err(LinkError::Closed) => return Ok(()),
            packet => packet?,
        };
        let message = match wire::decode::<MutatorRequest>(&packet.bytes, packet.files.len()) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a message of the keeper is not understood");
                continue;
            }
        };
        let file = packet.files.into_iter().next();
        let reply = match mutator.work(message.body, file) {
            Ok(()) => MutatorReply::Done,
            Err(refusal) => MutatorReply::Refused(refusal),
        };
        match wire::encode(message.id, &reply) {
            Ok(bytes) => link.send(&bytes, &[])?,
            Err(error) => tracing::error!(%error, "an answer cannot be written"),
        }
    }
}

struct Mutator {
    manner: Manner,
    base: OwnedFd,
}

impl Mutator {
    fn work(&self, request: MutatorRequest, file: Option<OwnedFd>) -> Result<(), Refusal> {
        match request {
            MutatorRequest::Swap { slot, next } => {
                let plan =
                    file.ok_or_else(|| Refusal::new(Problem::Invalid, "a change came without its plan"))?;
                self.swap(slot, next, &plan)
            }
            MutatorRequest::Attach { slot, target } => self.attach(slot, &target),
            MutatorRequest::Detach { target } => self.detach(&target),
        }
    }

    /// The folder of a volume below the base; empty for its root.
    fn folder(&self, slot: Slot) -> String {
        match self.manner {
            Manner::Node => slot.folder(),
            Manner::Single | Manner::Helper => String::new(),
        }
    }

    fn swap(&self, slot: Slot, next: u16, plan: &OwnedFd) -> Result<(), Refusal> {
        let steps = plan::read(plan.as_fd())?;
        let failed = |errno: Errno| system("the volume's folder cannot be opened", errno.into());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match self.folder(slot).as_str() {
            "" => rustix::io::fcntl_dupfd_cloexec(&self.base, 0).map_err(failed)?,
            name => rustix::fs::openat(&self.base, name, flags, Mode::empty()).map_err(failed)?,
        };
        for step in steps.iter().skip(usize::from(next)) {
            plan::perform(folder.as_fd(), step)
                .map_err(|errno| system(&format!("the files cannot be changed ({step:?})"), errno.into()))?;
        }
        Ok(())
    }

    fn attach(&self, slot: Slot, at: &TargetPath) -> Result<(), Refusal> {
        if self.manner == Manner::Helper {
            return Ok(());
        }
        let failed = |what: &str| {
            let text = format!("{what} {at}");
            move |error: io::Error| system(&text, error)
        };
        if let Some(mount) = target::on_top(at.as_str()).map_err(|e| stuck(&e))? {
            let device = rustix::fs::fstat(&self.base)
                .map_err(|e| failed("the base cannot be looked at for")(e.into()))?;
            let device = format!("{}:{}", rustix::fs::major(device.st_dev), rustix::fs::minor(device.st_dev));
            if mount.device == device {
                return Ok(());
            }
            tracing::info!(target = %at, kind = mount.kind, "taking away what is mounted there");
            target::unmount_all(at.as_str()).map_err(|e| stuck(&e))?;
        }
        let (parent, name) = at.split();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())
            .map_err(|e| failed("the folder above is not there for")(e.into()))?;
        match rustix::fs::mkdirat(&parent, name, TARGET_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("the folder cannot be made:")(errno.into())),
        }
        let clone = superblock::clone_folder(self.base.as_fd(), &self.folder(slot))
            .map_err(failed("the volume cannot be cloned for"))?;
        superblock::attach(clone.as_fd(), parent.as_fd(), Path::new(name))
            .map_err(failed("the volume cannot be mounted at"))
    }

    fn detach(&self, at: &TargetPath) -> Result<(), Refusal> {
        match self.manner {
            Manner::Node => {
                target::unmount_all(at.as_str()).map_err(|e| stuck(&e))?;
                target::remove(at.as_str()).map_err(|e| stuck(&e))
            }
            Manner::Single => target::unmount_all(at.as_str()).map_err(|e| stuck(&e)),
            Manner::Helper if target::on_top(at.as_str()).map_err(|e| stuck(&e))?.is_none() => Ok(()),
            Manner::Helper => superblock::unmount_with_helper(Path::new(at.as_str()))
                .map_err(|error| system(&format!("{at} cannot be unmounted"), error)),
        }
    }
}

fn stuck(error: &target::TargetError) -> Refusal {
    let problem = match error.source_errno() {
        Some(Errno::BUSY | Errno::NOTEMPTY) => Problem::Busy,
        Some(Errno::PERM | Errno::ACCESS) => Problem::Denied,
        _ => Problem::System,
    };
    Refusal::new(problem, error.to_string())
}

fn system(what: &str, error: io::Error) -> Refusal {
    let problem = match Errno::from_io_error(&error) {
        Some(Errno::PERM | Errno::ACCESS) => Problem::Denied,
        Some(Errno::BUSY) => Problem::Busy,
        Some(Errno::NOENT | Errno::NOTDIR) => Problem::NotFound,
        Some(Errno::NOSYS) => Problem::Unsupported,
        _ => Problem::System,
    };
    Refusal::new(problem, format!("{what}: {error}"))
}
