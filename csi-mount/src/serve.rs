//! The server: answers the kernel from memory, and learns from the keeper what to answer.
//!
//! It has no network and never touches a path of its own file system.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use csi_mount_core::image::{Image, MAX_IMAGE_BYTES};
use csi_mount_core::superblock::plan::{self, Step};
use csi_mount_core::superblock::{FsError, Superblock, Unused};
use csi_mount_core::wire::children::{ServerReply, ServerRequest, Shape};
use csi_mount_core::wire::{self, EVENT_ID, Event, Problem, Refusal};

use self::session::{Kernel, SessionError};
use crate::link::{Link, LinkError};
use crate::memory::{self, Mapping, Steps};
use crate::readers::Readers;

mod attach;
mod fs;
mod session;

/// Why the server ended; the keeper starts it again.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The process itself.
    #[error("the server cannot be set up: {0}")]
    Setup(io::Error),
    /// The first messages.
    #[error("the keeper did not say what to serve; this command is started by the keeper only")]
    Start,
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The kernel.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What both threads share: the one that answers the kernel and the one that hears the keeper.
#[derive(Debug)]
struct Shared {
    superblock: Mutex<Superblock>,
    link: Link,
    steps: Steps,
    /// The only process that may change anything.
    mutator: AtomicU32,
    /// Opens that could not be told.
    lost: AtomicU64,
    readers: Readers,
    epoch: u32,
}

impl Shared {
    /// Asks or changes the file system.
    fn superblock<T>(&self, work: impl FnOnce(&mut Superblock) -> T) -> T {
        // It is whole after every call, so that a panic elsewhere makes it no worse.
        work(&mut self.superblock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_mutator(&self, pid: u32) -> bool {
        pid != 0 && self.mutator.load(Ordering::Relaxed) == pid
    }

    /// Tells something without being asked. It never waits: a reader does.
    fn tell(&self, reply: &ServerReply) -> bool {
        match wire::encode(EVENT_ID, reply) {
            Ok(bytes) => self.link.try_send(&bytes, &[]).is_ok(),
            Err(error) => {
                tracing::error!(%error, "an event cannot be written");
                false
            }
        }
    }

    fn tell_event(&self, event: Event) {
        self.tell_lost();
        let told = self.tell(&ServerReply::Event(event));
        self.lost.fetch_add(u64::from(!told), Ordering::Relaxed);
    }

    /// Tells how many opens could not be told before.
    fn tell_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && !self.tell(&ServerReply::Event(Event::Lost { opens: lost })) {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn tell_unused(&self, unused: impl IntoIterator<Item = Unused>) {
        for (slot, generation) in unused {
            if !self.tell(&ServerReply::Unused { slot, generation }) {
                tracing::debug!(%slot, "a generation is kept a while longer");
            }
        }
    }
}

/// Serves until the keeper is gone.
///
/// # Errors
/// [`ServeError`].
pub fn run() -> Result<(), ServeError> {
    memory::protect_process(true).map_err(ServeError::Setup)?;
    memory::lock_process();
    let link = Link::inherited().map_err(ServeError::Setup)?;
    let mut files = link.receive()?.files.into_iter();
    let (Some(device), Some(steps)) = (files.next(), files.next()) else { return Err(ServeError::Start) };
    let first = link.receive()?;
    let begin = wire::decode::<ServerRequest>(&first.bytes, first.files.len()).ok();
    let Some((id, ServerRequest::Begin { shape, epoch })) = begin.map(|m| (m.id, m.body)) else {
        return Err(ServeError::Start);
    };
    let shared = Shared {
        superblock: Mutex::new(Superblock::new(shape, epoch > 1)),
        link,
        steps: Steps::from_file(steps),
        mutator: AtomicU32::new(0),
        lost: AtomicU64::new(0),
        readers: Readers::default(),
        epoch,
    };
    let server = Server { shared: Arc::new(shared), shape, device, kernel: None };
    server.answer(id, &ServerReply::Done, None)?;
    server.listen()
}

struct Server {
    shared: Arc<Shared>,
    shape: Shape,
    device: OwnedFd,
    kernel: Option<Kernel>,
}

impl Server {
    fn answer(&self, id: u64, reply: &ServerReply, file: Option<&OwnedFd>) -> Result<(), LinkError> {
        let files: Vec<_> = file.into_iter().map(AsFd::as_fd).collect();
        match wire::encode(id, reply) {
            Ok(bytes) => self.shared.link.send(&bytes, &files),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                Ok(())
            }
        }
    }

    fn listen(mut self) -> Result<(), ServeError> {
        loop {
            let packet = match self.shared.link.receive() {
                Err(LinkError::Closed) => return Ok(()),
                packet => packet?,
            };
            let message = match wire::decode::<ServerRequest>(&packet.bytes, packet.files.len()) {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%error, "a message of the keeper is not understood");
                    continue;
                }
            };
            if let ServerRequest::Serve { negotiated } = message.body {
                let kernel = session::start(&self.shared, &self.device, negotiated)?;
                let negotiated = kernel.negotiated();
                self.kernel = Some(kernel);
                self.shared.superblock(Superblock::serves);
                self.answer(message.id, &ServerReply::Serving { negotiated }, None)?;
                continue;
            }
            let mut unused = Vec::new();
            let done = self.work(message.body, packet.files.into_iter().next(), &mut unused);
            let (reply, file) = done.unwrap_or_else(|refusal| (ServerReply::Refused(refusal), None));
            self.answer(message.id, &reply, file.as_ref())?;
            self.shared.tell_unused(unused);
            // The keeper asks now and then, so that a gap is told even if nobody opens anything any more.
            self.shared.tell_lost();
            self.shared.readers.forget();
        }
    }

    fn work(
        &self,
        request: ServerRequest,
        file: Option<OwnedFd>,
        unused: &mut Vec<Unused>,
    ) -> Result<(ServerReply, Option<OwnedFd>), Refusal> {
        let superblock = &self.shared;
        match request {
            ServerRequest::Mutator { pid } => self.shared.mutator.store(pid, Ordering::Relaxed),
            ServerRequest::Volume { slot, owner, folder_mode, revoked } => {
                superblock.superblock(|s| s.create(slot, owner, folder_mode, revoked)).map_err(refused)?;
            }
            ServerRequest::Load { slot, generation } => {
                let image = image(file)?;
                superblock.superblock(|s| s.load(slot, generation, image)).map_err(refused)?;
            }
            ServerRequest::Show { slot, generation } => {
                superblock.superblock(|s| s.show(slot, generation)).map_err(refused)?;
            }
            ServerRequest::BeginSwap { slot, to } => {
                let step =
                    self.shared.steps.get(slot.get()).map_err(|e| system("the steps cannot be read", &e))?;
                let (steps, next) =
                    superblock.superblock(|s| s.begin_swap(slot, to, step)).map_err(refused)?;
                let plan = planned(&steps)?;
                let steps = u16::try_from(steps.len()).unwrap_or(u16::MAX);
                return Ok((ServerReply::SwapBegun { steps, next }, Some(plan)));
            }
            ServerRequest::EndSwap { slot } => {
                *unused = superblock.superblock(|s| s.end_swap(slot)).map_err(refused)?;
            }
            ServerRequest::Unload { slot, generation } => {
                superblock.superblock(|s| s.unload(slot, generation)).map_err(refused)?;
            }
            ServerRequest::Revoke { slot } => {
                let inodes = superblock.superblock(|s| s.revoke(slot, true)).map_err(refused)?;
                self.forget(&inodes);
            }
            ServerRequest::Restore { slot } => {
                superblock.superblock(|s| s.revoke(slot, false)).map_err(refused)?;
            }
            ServerRequest::Drop { slot } => {
                let inodes = superblock.superblock(|s| s.remove(slot)).map_err(refused)?;
                self.forget(&inodes);
                if let Some(kernel) = self.kernel.as_ref().filter(|_| self.shape == Shape::Node) {
                    kernel.forget_folder(&slot.folder());
                }
            }
            ServerRequest::Stats { slot } => {
                let stats = superblock.superblock(|s| s.stats(slot)).map_err(refused)?;
                return Ok((ServerReply::Stats(stats), None));
            }
            ServerRequest::Begin { .. } | ServerRequest::Serve { .. } => {
                return Err(Refusal::new(Problem::Invalid, "the server has begun already"));
            }
        }
        Ok((ServerReply::Done, None))
    }

    /// What programs have mapped is taken from them too.
    fn forget(&self, inodes: &[u64]) {
        if let Some(kernel) = &self.kernel {
            kernel.forget(inodes);
        }
    }
}

fn image(file: Option<OwnedFd>) -> Result<Image, Refusal> {
    let invalid = |text: String| Refusal::new(Problem::Invalid, text);
    let file = file.ok_or_else(|| invalid("an image came without its bytes".to_owned()))?;
    let bytes =
        Mapping::of(file.as_fd(), MAX_IMAGE_BYTES).map_err(|e| system("an image cannot be mapped", &e))?;
    Image::decode(Arc::new(bytes)).map_err(|error| invalid(error.to_string()))
}

fn planned(steps: &[Step]) -> Result<OwnedFd, Refusal> {
    let bytes = plan::encode(steps).map_err(|e| Refusal::new(Problem::System, e.to_string()))?;
    memory::sealed("plan", &bytes).map_err(|e| system("a plan cannot be kept", &e))
}

fn system(what: &str, error: &io::Error) -> Refusal {
    Refusal::new(Problem::System, format!("{what}: {error}"))
}

fn refused(error: FsError) -> Refusal {
    let problem = match error {
        FsError::NotFound | FsError::Stale => Problem::NotFound,
        FsError::TooManyVolumes | FsError::TooManyHandles => Problem::Limit,
        _ => Problem::Invalid,
    };
    Refusal::new(problem, error.to_string())
}
