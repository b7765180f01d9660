//! Does what the clock says: fetch, show, renew, wait. What is shown stays while the broker is away.

use std::sync::Arc;
use std::time::Duration;

use csi_mount_core::files::{FilesError, files_of};
use csi_mount_core::refresh::{Action, Failure, Refresh};
use csi_mount_core::snapshot::{Limits, Snapshot, SnapshotError, Stamp};
use csi_mount_core::tree::Stale;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{MountOptions, OnRevoke};
use crate::fuse::Kernel;
use crate::source::{Reading, Source, SourceError};
use crate::volume::Volume;

/// How long the first fetch waits until it is known whether changes are told.
const SETTLE: Duration = Duration::from_secs(1);

/// Why a fetch gave nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The secret's keys or values.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Its size.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl FetchError {
    const fn failure(&self) -> Failure {
        match self {
            Self::Source(error) => error.failure,
            Self::Files(_) | Self::Snapshot(_) => Failure::Unusable,
        }
    }
}

/// Keeps a volume as its source says.
#[derive(Debug)]
pub struct Follower<S> {
    source: Arc<S>,
    changes: watch::Receiver<u64>,
    clock: Refresh,
    mode: u16,
    on_revoke: OnRevoke,
    /// Whether the last fetch failed; failures are logged once in a row.
    failing: bool,
}

impl<S: Source> Follower<S> {
    /// A follower that has fetched nothing yet.
    pub fn new(source: Arc<S>, options: &MountOptions) -> Self {
        Self {
            changes: source.changes(),
            source,
            clock: Refresh::new(options.refresh, clock::now()),
            mode: options.mode,
            on_revoke: options.on_revoke,
            failing: false,
        }
    }

    /// Fetches what is shown first. Waits for a broker that is away as long as the policy's patience.
    ///
    /// # Errors
    /// Why there is nothing to show.
    pub async fn first(&mut self) -> Result<Snapshot, FetchError> {
        // Once changes are told, none can slip in between this fetch and the first of them.
        let _settled_or_not = tokio::time::timeout(SETTLE, self.changes.changed()).await;
        loop {
            self.changes.borrow_and_update();
            let error = match self.fetch().await {
                Ok(snapshot) => {
                    self.clock.fetched(clock::now());
                    self.ask_lease().await;
                    return Ok(snapshot);
                }
                Err(error) => error,
            };
            self.clock.fetch_failed(clock::now(), error.failure(), clock::jitter());
            match self.clock.next(clock::now()) {
                Action::GiveUp(_) => return Err(error),
                Action::Wait(until) => {
                    tracing::warn!(%error, "the secret cannot be read yet");
                    tokio::time::sleep(clock::remaining(until)).await;
                }
                Action::Fetch | Action::Renew => {}
            }
        }
    }

    /// Follows the source until it is stopped.
    pub async fn run(mut self, volume: Arc<Volume>, kernel: Kernel, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let work = async {
                match self.clock.next(clock::now()) {
                    Action::Fetch => self.refetch(&volume, &kernel).await,
                    Action::Renew => self.renew().await,
                    Action::Wait(until) => self.wait(until).await,
                    // What was shown once is never given up.
                    Action::GiveUp(_) => self.clock.changed(clock::now()),
                }
            };
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn wait(&mut self, until: u64) {
        tokio::select! {
            () = tokio::time::sleep(clock::remaining(until)) => {}
            changed = self.changes.changed() => match changed {
                Ok(()) => self.clock.changed(clock::now()),
                // Nobody tells changes any more.
                Err(_) => tokio::time::sleep(clock::remaining(until)).await,
            },
        }
    }

    async fn fetch(&self) -> Result<Snapshot, FetchError> {
        let Reading { data, version } = self.source.read().await?;
        let entries = files_of(data.expose(), self.mode)?;
        let stamp = Stamp { version, modified: clock::unix_millis() / 1_000 };
        Ok(Snapshot::build(entries, stamp, &Limits::default())?)
    }

    async fn refetch(&mut self, volume: &Volume, kernel: &Kernel) {
        self.changes.borrow_and_update();
        let stale = match self.fetch().await {
            Ok(snapshot) => {
                let version = snapshot.stamp().version;
                let (revoked, stale) = volume.tree(|tree| (tree.is_revoked(), tree.swap(snapshot)));
                if self.failing || revoked || !stale.is_empty() {
                    tracing::info!(version, "the files show this version");
                }
                if revoked {
                    self.ask_lease().await;
                }
                self.failing = false;
                self.clock.fetched(clock::now());
                stale
            }
            Err(error) => {
                let stale = self.failed(volume, &error);
                self.clock.fetch_failed(clock::now(), error.failure(), clock::jitter());
                stale
            }
        };
        tell(kernel, stale).await;
    }

    fn failed(&mut self, volume: &Volume, error: &FetchError) -> Vec<Stale> {
        let first = !std::mem::replace(&mut self.failing, true);
        if error.failure() == Failure::Denied && self.on_revoke == OnRevoke::Fail {
            let stale = volume.tree(csi_mount_core::tree::Tree::revoke);
            if !stale.is_empty() {
                tracing::warn!(%error, "the files are let go, access to them is refused");
            }
            return stale;
        }
        if first {
            tracing::warn!(%error, "the secret cannot be read; the files stay as they are");
        }
        Vec::new()
    }

    async fn ask_lease(&mut self) {
        match self.source.lease().await {
            Ok(lease) => self.clock.leased(clock::now(), lease),
            Err(error) => tracing::warn!(%error, "the token's life is not known; it is not renewed"),
        }
    }

    async fn renew(&mut self) {
        match self.source.renew().await {
            Ok(lease) => self.clock.leased(clock::now(), lease),
            Err(error) => {
                tracing::warn!(%error, "the token cannot be renewed");
                self.clock.renew_failed(clock::now(), error.failure, clock::jitter());
            }
        }
    }
}

/// Tells the kernel on a thread that may block.
async fn tell(kernel: &Kernel, stale: Vec<Stale>) {
    if stale.is_empty() {
        return;
    }
    let kernel = kernel.clone();
    if tokio::task::spawn_blocking(move || kernel.forget(&stale)).await.is_err() {
        tracing::error!("the kernel could not be told what to forget");
    }
}
