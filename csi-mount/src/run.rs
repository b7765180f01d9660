//! From a configuration to a mount and back: fetch, mount, follow, report, unmount.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::BrokerSource;
use crate::config::{Config, MountOptions};
use crate::follow::{FetchError, Follower};
use crate::fuse::Fuse;
use crate::metrics::Metrics;
use crate::mounts::{self, MountError, Mounted};
use crate::records;
use crate::source::Source;
use crate::volume::Volume;

/// How long the last records and requests may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Why nothing was mounted, or why it could not be taken away; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The first fetch.
    #[error("there is nothing to mount: {0}")]
    Fetch(#[from] FetchError),
    /// The mount.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

/// A secret that is mounted.
#[derive(Debug)]
pub struct Serving {
    mounted: Mounted,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Waits until the mount is taken away by somebody else.
    pub async fn over(&self) {
        self.mounted.over().await;
    }

    /// Unmounts, and sends the records that wait.
    ///
    /// # Errors
    /// [`MountError`]; the files are served no longer all the same.
    pub async fn stop(self) -> Result<(), MountError> {
        let unmounted = self.mounted.unmount();
        self.stop.cancel();
        for task in self.tasks {
            if tokio::time::timeout(GRACE, task).await.is_err() {
                tracing::warn!("the deadline ended work that still ran");
            }
        }
        unmounted
    }
}

/// Mounts what a source gives. There is a mount only once there is something to show.
///
/// # Errors
/// The step that failed; nothing is mounted then.
pub async fn start<S: Source>(source: Arc<S>, options: &MountOptions) -> Result<Serving, RunError> {
    let at = mounts::place(&options.at)?;
    mounts::clear(&at)?;
    let mut follower = Follower::new(Arc::clone(&source), options);
    let snapshot = follower.first().await?;
    let version = snapshot.stamp().version;
    let (opens, waiting) = records::queue(Metrics::default());
    let volume =
        Arc::new(Volume::new(snapshot, opens, (at.clone(), source.path()), (options.uid, options.gid)));
    let mounted = mounts::mount(Fuse(Arc::clone(&volume)), &at)?;
    let stop = CancellationToken::new();
    let tasks = vec![
        tokio::spawn(follower.run(volume, mounted.kernel().clone(), stop.clone())),
        tokio::spawn(records::deliver(source, waiting, stop.clone())),
    ];
    tracing::info!(at = %at.display(), version, "mounted");
    Ok(Serving { mounted, stop, tasks })
}

/// Runs until SIGTERM, SIGINT or somebody else's unmount.
///
/// # Errors
/// The step that failed.
pub async fn run(config: &Config) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    // Secrets must not be in a core dump, nor open to a debugger.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "core dumps cannot be turned off");
    }
    let source =
        Arc::new(BrokerSource::new(config.client.clone(), config.secret.clone(), config.token_file.clone()));
    let changes = tokio::spawn(Arc::clone(&source).follow());
    let serving = tokio::select! {
        serving = start(source, &config.mount) => serving?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = serving.over() => tracing::warn!("the mount was taken away by somebody else"),
    }
    changes.abort();
    serving.stop().await?;
    tracing::info!("unmounted");
    Ok(())
}
