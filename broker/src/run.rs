//! From a configuration to a running broker and back: open, load, listen, drain, close.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock;
use crate::config::{Config, Data, Transport};
use crate::first_start::{self, FirstStartError, RootTokenFile};
use crate::http::{self, Shared};
use crate::keys::SealSource;
use crate::policy_store::{LoadError, PolicyStore};
use crate::serve::{Bound, Service, serve};
use crate::store::{DirMedia, FolderError, Ledger, LedgerOptions, Media, MemMedia, OpenError, Opened};
use crate::sweep;
use crate::tls::{self, Tls, TlsError};

/// Why the broker could not start; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The policies.
    #[error(transparent)]
    Policies(#[from] LoadError),
    /// The first start.
    #[error(transparent)]
    FirstStart(#[from] FirstStartError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// The ready file.
    #[error("{path} cannot be written: {source}")]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

/// A broker that listens.
pub struct Running {
    /// Its parts.
    pub app: Arc<App>,
    /// Its address as clients write it.
    pub url: String,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<bool>,
    background: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Stops: no new connections, running requests end, the log is flushed.
    ///
    /// # Returns
    /// Whether all requests ended in time.
    pub async fn stop(self) -> bool {
        self.app.drain.cancel();
        self.stop.cancel();
        let drained = self.server.await.unwrap_or(false);
        for task in &self.background {
            task.abort();
        }
        if let Err(error) = self.app.ledger.close() {
            tracing::error!(%error, "the store could not be closed in order; the next start replays its journal");
        }
        drained
    }
}

/// Starts a broker.
///
/// # Errors
/// The step that failed.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    let (ledger, opened) = open(config)?;
    let storage_type = if config.data == Data::Memory { "inmem" } else { "redb" };
    let (app, problems) = App::load(ledger, config.policies.clone(), storage_type)?;
    for problem in problems {
        tracing::error!(file = problem.file, problem = problem.message, "a policy is not in force");
    }
    // A first start that was cut short left no token behind: without one, nobody could ever log in.
    let first_start = first_start::is_unfinished(&app)?;
    if first_start {
        let chosen = config.data == Data::Memory;
        first_start::prepare(&app, &RootTokenFile { path: config.root_token_file.clone(), chosen }).await?;
        tracing::info!(file = %config.root_token_file.display(), "first start: the root token is in this file");
    }
    let tls = open_tls(config)?;
    let listen_failed = |source| StartError::Listen { address: format!("{:?}", config.listen), source };
    let bound = Bound::bind(&config.listen).await.map_err(listen_failed)?;
    let url = bound.url(tls.is_some()).map_err(listen_failed)?;
    let stop = CancellationToken::new();
    let service = Service {
        routes: http::routes(Shared { app: Arc::clone(&app), max_body_bytes: config.max_body_bytes }),
        tls: tls.as_ref().map(|t| Arc::clone(&t.config)),
        max_connections: config.max_connections,
        stop: stop.clone(),
        drain: config.drain,
    };
    let server = tokio::spawn(serve(bound, service));
    let mut background = vec![tokio::spawn(sweep::run(Arc::clone(&app)))];
    background.extend(tls.map(|t| tokio::spawn(t.follow())));
    background.extend(metrics(config, &app, &stop).await?);
    if let Some(path) = &config.ready_file {
        std::fs::write(path, format!("{url}\n"))
            .map_err(|source| StartError::ReadyFile { path: path.clone(), source })?;
    }
    tracing::info!(
        url,
        seq = opened.seq,
        revision = opened.revision,
        replayed = opened.replayed_frames,
        "listening"
    );
    Ok(Running { app, url, stop, server, background })
}

fn open(config: &Config) -> Result<(Ledger, Opened), StartError> {
    let (media, seal): (Arc<dyn Media>, SealSource) = match &config.data {
        Data::Memory => (Arc::new(MemMedia::default()), SealSource::Memory),
        Data::Folder { folder, seal } => {
            let media = DirMedia::open(folder)?;
            (Arc::new(media), SealSource::File { path: seal.clone(), create: true })
        }
    };
    let mut options = LedgerOptions::new(media, seal, clock::now);
    options.cache_bytes = config.cache_bytes;
    Ok(Ledger::open(options)?)
}

fn open_tls(config: &Config) -> Result<Option<Tls>, StartError> {
    let (cert, key) = match &config.transport {
        Transport::Plain => return Ok(None),
        Transport::Files { cert, key } => (cert, key),
        Transport::SelfSigned { cert, key } => {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            let names = ["localhost", "127.0.0.1", "::1", &host].map(str::to_owned).to_vec();
            tls::ensure_self_signed(cert, key, names)?;
            (cert, key)
        }
    };
    Ok(Some(Tls::open(cert, key)?))
}

async fn metrics(
    config: &Config,
    app: &Arc<App>,
    stop: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<()>>, StartError> {
    let Some(address) = config.metrics_listen else { return Ok(None) };
    let bound = Bound::bind(&crate::config::Listen::Tcp(address))
        .await
        .map_err(|source| StartError::Listen { address: address.to_string(), source })?;
    let service = Service {
        routes: http::metrics_routes(Arc::clone(app)),
        tls: None,
        max_connections: 16,
        stop: stop.clone(),
        drain: std::time::Duration::from_secs(1),
    };
    Ok(Some(tokio::spawn(async move {
        serve(bound, service).await;
    })))
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads the policy folder again.
///
/// # Errors
/// The step of the start that failed.
pub async fn run(config: &Config) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
    let running = start(config).await?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload_policies(&running.app),
        }
    }
    tracing::info!("draining");
    if running.stop().await {
        tracing::info!("drained");
    } else {
        tracing::warn!("the deadline ended requests that still ran");
    }
    Ok(())
}

fn reload_policies(app: &App) {
    let loaded = app
        .ledger
        .snapshot()
        .map_err(LoadError::from)
        .and_then(|snapshot| PolicyStore::load(&snapshot, app.policy_folder.as_deref()));
    match loaded {
        Ok((policies, problems)) => {
            for problem in problems {
                tracing::error!(file = problem.file, problem = problem.message, "a policy is not in force");
            }
            app.policies.replace(&policies);
            tracing::info!("the policies were read again");
        }
        Err(error) => tracing::error!(%error, "the policies could not be read again; the old ones stay"),
    }
}
