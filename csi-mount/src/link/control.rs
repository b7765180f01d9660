//! The control process's end of its link to the keeper: requests with their answers, and a stream of events.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use csi_mount_core::wire::control::{KeeperReply, KeeperRequest};
use csi_mount_core::wire::{self, EVENT_ID, Event, Refusal, WireError};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};

use super::{Link, LinkError, Packet};

/// Events that may wait to be taken; what comes beyond is lost, and told as lost.
const WAITING_EVENTS: usize = 1_024;
/// How long lost events wait for another event to be told with.
const TELL_LOST: Duration = Duration::from_millis(500);

/// Why a request has no answer that helps.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The keeper is gone; so will be this process.
    #[error("the keeper is gone; the driver starts again")]
    Gone,
    /// The keeper says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request cannot be written.
    #[error("a request to the keeper cannot be written: {0}")]
    Request(#[from] WireError),
    /// The link failed.
    #[error(transparent)]
    Link(LinkError),
}

/// What the keeper answered.
#[derive(Debug)]
pub struct Answer {
    /// The reply; never an event and never a refusal.
    pub reply: KeeperReply,
    /// The open file that came with it.
    pub file: Option<OwnedFd>,
}

type Waiting = HashMap<u64, oneshot::Sender<(KeeperReply, Option<OwnedFd>)>>;

#[derive(Debug)]
struct Shared {
    link: AsyncFd<Link>,
    /// Who waits for which answer; `None` once the keeper is gone.
    waiting: Mutex<Option<Waiting>>,
    next: AtomicU64,
}

/// The keeper as the control process sees it. Clones share the link.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Shared>);

/// What the keeper tells by itself. It ends with the keeper.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// The next one; `None` when the keeper is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

impl Keeper {
    /// Takes a link into use. Answers are read by a task of the runtime that runs now.
    ///
    /// # Errors
    /// The system's.
    #[expect(deprecated, reason = "its successor is unsafe; a link owns its socket for as long as it lives")]
    pub fn connect(link: Link) -> io::Result<(Self, Events)> {
        rustix::io::ioctl_fionbio(&link, true)?;
        let shared = Shared {
            link: AsyncFd::new(link)?,
            waiting: Mutex::new(Some(Waiting::new())),
            next: AtomicU64::new(EVENT_ID.wrapping_add(1)),
        };
        let keeper = Self(Arc::new(shared));
        let (events, taken) = mpsc::channel(WAITING_EVENTS);
        tokio::spawn(keeper.clone().listen(events));
        Ok((keeper, Events(taken)))
    }

    /// Asks, with an open file where the request goes with one, and waits for the answer.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, request: &KeeperRequest, file: Option<OwnedFd>) -> Result<Answer, AskError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let bytes = wire::encode(id, request)?;
        let (answer, answered) = oneshot::channel();
        self.waiting(|waiting| waiting.insert(id, answer)).ok_or(AskError::Gone)?;
        if let Err(error) = self.send(&bytes, file).await {
            self.waiting(|waiting| waiting.remove(&id));
            return Err(match error {
                LinkError::Closed => AskError::Gone,
                other => AskError::Link(other),
            });
        }
        match answered.await {
            Ok((KeeperReply::Refused(refusal), _)) => Err(AskError::Refused(refusal)),
            Ok((reply, file)) => Ok(Answer { reply, file }),
            Err(_) => Err(AskError::Gone),
        }
    }

    fn waiting<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> Option<T> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
    }

    async fn send(&self, bytes: &[u8], file: Option<OwnedFd>) -> Result<(), LinkError> {
        let files: Vec<_> = file.iter().map(AsFd::as_fd).collect();
        loop {
            let mut ready = self.0.link.writable().await.map_err(LinkError::System)?;
            match self.0.link.get_ref().try_send(bytes, &files) {
                Err(LinkError::WouldBlock) => ready.clear_ready(),
                sent => return sent,
            }
        }
    }

    async fn receive(&self) -> Result<Packet, LinkError> {
        loop {
            let mut ready = self.0.link.readable().await.map_err(LinkError::System)?;
            match self.0.link.get_ref().try_receive() {
                Err(LinkError::WouldBlock) => ready.clear_ready(),
                received => return received,
            }
        }
    }

    /// Reads until the keeper is gone; whoever waits for an answer then learns that there is none.
    async fn listen(self, events: mpsc::Sender<Event>) {
        let mut lost = 0;
        loop {
            let packet = tokio::select! {
                packet = self.receive() => packet,
                () = tokio::time::sleep(TELL_LOST), if lost > 0 => {
                    tell_lost(&events, &mut lost);
                    continue;
                }
            };
            match packet {
                Ok(packet) => self.take(packet, &events, &mut lost),
                Err(LinkError::TooLarge { .. }) => {
                    tracing::error!("a message of the keeper is over the limits")
                }
                Err(LinkError::Closed) => break,
                Err(error) => {
                    tracing::error!(%error, "the keeper cannot be heard");
                    break;
                }
            }
        }
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn take(&self, packet: Packet, events: &mpsc::Sender<Event>, lost: &mut u64) {
        let message = match wire::decode::<KeeperReply>(&packet.bytes, packet.files.len()) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, "a message of the keeper is not understood"),
        };
        match message.body {
            KeeperReply::Event(event) => tell(event, events, lost),
            reply => {
                let asked = self.waiting(|waiting| waiting.remove(&message.id)).flatten();
                // Whoever asked may have given up.
                if let Some(asked) = asked {
                    let _unheard = asked.send((reply, packet.files.into_iter().next()));
                }
            }
        }
    }
}

fn tell_lost(events: &mpsc::Sender<Event>, lost: &mut u64) {
    if *lost > 0 && events.try_send(Event::Lost { opens: *lost }).is_ok() {
        *lost = 0;
    }
}

/// Hands an event on without waiting, since answers come the same way.
fn tell(event: Event, events: &mpsc::Sender<Event>, lost: &mut u64) {
    tell_lost(events, lost);
    if events.try_send(event.clone()).is_err() {
        *lost = lost.saturating_add(match event {
            Event::Opened(_) => 1,
            Event::Lost { opens } => opens,
        });
    }
}
