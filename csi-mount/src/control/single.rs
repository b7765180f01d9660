//! The control process of a single mount: one secret at one folder, for a workstation or a server without Kubernetes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker_client::{Client, Token, TokenError};
use csi_mount_core::decide::{Rules, Shown};
use csi_mount_core::ids::{Slot, TargetPath, VolumeId};
use csi_mount_core::request::FileMap;
use csi_mount_core::wire::control::Place;
use csi_mount_core::wire::{Event, Owner};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::credential::{Credential, IdentityKey};
use super::failed::Failed;
use super::finish;
use super::hub::Hub;
use super::meta::Meta;
use super::plane::{NewVolume, Plane, PlaneError};
use super::secrets::Secrets;
use super::uplink::Uplink;
use super::volume::{Begin, Following, Spec, note_token};
use super::volumes::opened_file;
use crate::clock;
use crate::config::SecretRef;
use crate::link::control::{Events, Keeper};
use crate::link::{Link, LinkError};
use crate::memory::{self, Mapping};
use crate::metrics::Metrics;
use crate::mounts::place;
use crate::records::{self, Open, Opens};

/// The longest token in bytes that comes from the keeper.
const MAX_TOKEN_BYTES: usize = 64 << 10;
/// How long the first read waits until it is known whether changes are told.
const SETTLE: Duration = Duration::from_secs(1);
/// Permission bits of the folders: only their owner looks into them. An ordinary user's mutator needs the bit for writing; the
/// server refuses everybody else.
const FOLDER_MODE: u16 = 0o700;

/// What is mounted where.
#[derive(Debug)]
pub struct Single {
    /// The folder, as [`place::ready`] gave it.
    pub at: PathBuf,
    /// The broker.
    pub client: Client,
    /// Where the token is; `None` when the keeper has it.
    pub token_file: Option<PathBuf>,
    /// The secret.
    pub secret: SecretRef,
    /// Its files.
    pub files: FileMap,
    /// What becomes of them in trouble.
    pub rules: Rules,
    /// Time between two reads while changes are not told.
    pub interval: Duration,
    /// How long the first read may wait for the broker.
    pub patience: Duration,
}

/// Why nothing is mounted any more.
#[derive(Debug, thiserror::Error)]
pub enum SingleError {
    /// The process, its signals, or its link.
    #[error("the mount cannot be set up: {0}")]
    Setup(#[from] std::io::Error),
    /// The token did not come.
    #[error("the token did not come from the keeper: {0}")]
    Link(#[from] LinkError),
    /// What came is none.
    #[error("the token: {0}")]
    Token(#[from] TokenError),
    /// The place.
    #[error("{0} cannot be mounted at: it is no path that can be named")]
    Place(PathBuf),
    /// The secret cannot be read or shown.
    #[error("there is nothing to mount: {0}")]
    Nothing(Failed),
    /// The keeper.
    #[error(transparent)]
    Plane(#[from] PlaneError),
}

/// Mounts, follows, and takes away at SIGTERM or SIGINT, or when somebody else has unmounted.
///
/// # Errors
/// [`SingleError`].
pub fn single(what: Single) -> Result<(), SingleError> {
    memory::protect_process(true)?;
    let link = Link::inherited()?;
    let credential = match &what.token_file {
        Some(file) => Credential::TokenFile(file.clone()),
        None => Credential::Token(sent_token(&link)?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(what, link, credential))
}

fn sent_token(link: &Link) -> Result<Token, SingleError> {
    let packet = link.receive()?;
    let file = packet.files.into_iter().next().ok_or(LinkError::Closed)?;
    let bytes = Mapping::of(std::os::fd::AsFd::as_fd(&file), MAX_TOKEN_BYTES)?;
    Ok(Token::parse(&bytes)?)
}

async fn serve(what: Single, link: Link, credential: Credential) -> Result<(), SingleError> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut signal, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signal.recv().await;
            stop.cancel();
        });
    }
    let (keeper, events) = Keeper::connect(link)?;
    let plane = Plane(keeper);
    let at = TargetPath::try_from(what.at.to_string_lossy().into_owned())
        .map_err(|_| SingleError::Place(what.at.clone()))?;
    let over = follow(&what, &plane, credential, (&at, events), &stop).await;
    // Whatever happened, nothing stays mounted.
    let detached = plane.detach(Place::Target(at)).await;
    over?;
    Ok(detached?)
}

async fn follow(
    what: &Single,
    plane: &Plane,
    credential: Credential,
    (at, events): (&TargetPath, Events),
    stop: &CancellationToken,
) -> Result<(), SingleError> {
    let metrics = Metrics::default();
    let secrets = Arc::new(Secrets::new(what.client.clone(), what.interval));
    let own = secrets.identity(IdentityKey::Own, "the token", credential);
    let hub = Hub::new(Arc::clone(&secrets), Arc::clone(&own), metrics.clone());
    let mut settled = hub.settled();
    let _followed = Task(tokio::spawn(hub.follow()));
    // Once changes are told, none can slip in between the first read and the first of them.
    let known = async { settled.wait_for(|settled| *settled).await.is_ok() };
    if tokio::time::timeout(SETTLE, known).await.is_err() {
        tracing::debug!("it is not known yet whether changes are told");
    }
    let source = secrets.source(&own, &what.secret);
    let patience = u64::try_from(what.patience.as_millis()).unwrap_or(u64::MAX);
    let spec =
        Spec { name: what.at.display().to_string(), files: Arc::new(what.files.clone()), rules: what.rules };
    let begin = match plane.hello().await?.first() {
        Some(slot) => recovered(plane, *slot, spec).await?,
        None => {
            let reading = tokio::select! {
                reading = source.newest(clock::now().saturating_add(patience)) => reading,
                () = stop.cancelled() => return Ok(()),
            };
            let reading = reading.map_err(|trouble| SingleError::Nothing(trouble.into()))?;
            let image = spec.image(&reading).map_err(|error| SingleError::Nothing(error.into()))?;
            let shown = Shown { mark: Some(reading.mark.clone()), refused: false };
            let mut meta = Meta::of(None);
            note_token(&mut meta, &source);
            meta.show(&shown);
            let slot = plane.create(new_volume(), &meta.bytes()).await?;
            plane.show(slot, &image).await?;
            plane.attach(slot).await?;
            tracing::info!(at = %what.at.display(), version = reading.mark.version, "mounted; Ctrl-C unmounts");
            Begin { slot, spec, shown, meta }
        }
    };
    let _following = Following::start(begin, source, plane.clone(), metrics.clone());
    let (opens, waiting) = records::queue(metrics.clone());
    let sink = Arc::new(Uplink::new(own, metrics));
    let delivered = tokio::spawn(records::deliver(sink, waiting, stop.clone()));
    let path = what.secret.api_path();
    tokio::select! {
        () = hear(events, &opens, (at, &path)) => {}
        () = stop.cancelled() => {}
        gone = unmounted(at) => {
            gone?;
            tracing::warn!("the mount was taken away by somebody else");
        }
    }
    stop.cancel();
    finish(delivered).await;
    Ok(())
}

/// A task that ends with whoever started it.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn new_volume() -> NewVolume {
    let owner = Owner { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    NewVolume { volume_id: VolumeId::single(), target: None, owner, folder_mode: FOLDER_MODE }
}

/// The volume of a former process of this kind.
async fn recovered(plane: &Plane, slot: Slot, spec: Spec) -> Result<Begin, PlaneError> {
    let (state, notes) = plane.recall(slot).await?;
    let meta = Meta::read(&notes).unwrap_or_else(|| Meta::of(None));
    Ok(Begin { slot, spec, shown: Shown { mark: meta.mark(), refused: state.revoked }, meta })
}

/// Notes opens for the audit log until the keeper is gone.
async fn hear(mut events: Events, opens: &Opens, (at, path): (&TargetPath, &str)) {
    while let Some(event) = events.next().await {
        match event {
            Event::Opened(opened) => {
                let object = opened.reader.describe();
                let target = opened_file(at, &opened);
                opens.note(Open { object: &object, target: &target, path, version: opened.version });
            }
            Event::Lost { opens: lost } => opens.lost(lost),
        }
    }
}

/// Waits until our file system is at its place no more.
#[expect(deprecated, reason = "its successor is unsafe; the table is an open file for as long as this waits")]
async fn unmounted(at: &TargetPath) -> Result<(), SingleError> {
    let table = AsyncFd::with_interest(place::table()?, Interest::PRIORITY)?;
    loop {
        if !place::is_ours(at.as_str()).map_err(std::io::Error::other)? {
            return Ok(());
        }
        // The kernel says so whenever the table is another.
        table.ready(Interest::PRIORITY).await?.clear_ready();
    }
}
