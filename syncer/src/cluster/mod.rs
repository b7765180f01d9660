//! The syncer in a cluster: ExternalSecrets of an API server become Secrets, until a signal ends it.
//!
//! [`watch`] sees, [`sinks`] notes and queues, [`dispatch`] runs [`reconcile`] and [`store_controller`], and
//! [`apply`] writes. What is decided is decided in `syncer_core::cluster`.

pub mod api;
pub mod apply;
pub mod changes;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod dispatch;
pub mod events;
pub mod flights;
pub mod health;
pub mod lease;
pub mod metrics;
pub mod provider;
pub mod reconcile;
pub mod sinks;
pub mod state;
pub mod store_controller;
pub mod watch;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use syncer_core::StoreKind;
use syncer_core::cluster::StoreKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use api::{Api, SetupError, part};
use changes::Changes;
use config::Config;
use dispatch::{Line, dispatch};
use events::Events;
use lease::Leadership;
use metrics::{Controller, Metrics};
use provider::Provider;
use state::{Key, Shared, State};
use watch::{Resource, SILENCE, follow};

use crate::clock::Stopwatch;

/// Stores that are validated at the same time.
const STORES_AT_ONCE: usize = 8;
const API: &str = "/apis/external-secrets.io/v1";

/// Why the syncer could not start or had to end; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// The API server.
    #[error(transparent)]
    Api(#[from] SetupError),
    /// Metrics and health.
    #[error("cannot listen on {address} for metrics and health: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Another leads now.
    #[error("the lease is lost; start again to wait for it")]
    LeaseLost,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// The step of the start that failed, or a lost Lease.
pub async fn run(config: Config) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    run_until(config, stop).await
}

/// The same until `stop` ends.
///
/// # Errors
/// See [`run`].
pub async fn run_until(config: Config, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    let (metrics, clock) = (Metrics::default(), Stopwatch::start());
    let api = Api::new(&config, clock, metrics.clone()).await?;
    let (events, event_task) = Events::start(api.clone(), clock);
    let (changes, heard) = Changes::new(config.broker_token.clone());
    let resources = resources(config.namespace.as_deref());
    let state = State { missing: resources.len(), ..State::default() };
    let mut leadership = config.lease.clone().map(|lease| Leadership::new(api.clone(), lease, clock));
    let shared = Arc::new(Shared {
        provider: Provider::new(api.clone(), clock, metrics.clone()),
        api,
        watch: clock,
        metrics,
        events,
        changes,
        wake: Notify::new(),
        state: Mutex::new(state),
        config,
    });
    if let Some(address) = shared.config.metrics_listen {
        let listen = health::serve(address, Arc::clone(&shared)).await;
        listen.map_err(|source| RunError::Listen { address, source })?;
    }
    let mut helpers: Vec<JoinHandle<()>> = resources.into_iter().map(|it| start(&shared, it)).collect();
    helpers.push(tokio::spawn(Changes::listen(Arc::clone(&shared), heard)));
    // Who leads no more must not go on: another does. What is under way ends with the process.
    lead(&shared, leadership.as_mut(), stop).await?;
    helpers.iter().for_each(JoinHandle::abort);
    shared.changes.close().await;
    if let Some(leadership) = &mut leadership {
        leadership.release().await;
    }
    shared.provider.close().await;
    events::finish(&shared.events, event_task).await;
    Ok(())
}

/// Works, once we lead, until we stop or lead no more.
async fn lead(
    shared: &Arc<Shared>,
    mut leadership: Option<&mut Leadership>,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    tokio::pin!(stop);
    if let Some(leadership) = &mut leadership {
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = leadership.acquire() => {}
        }
    }
    let ended = CancellationToken::new();
    let work = tokio::spawn(work(Arc::clone(shared), ended.clone()));
    let held = async {
        match leadership {
            Some(leadership) => leadership.hold().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = &mut stop => {}
        () = held => return Err(RunError::LeaseLost),
    }
    tracing::info!("ends: no new work is begun");
    ended.cancel();
    let _ended = work.await;
    Ok(())
}

async fn work(shared: Arc<Shared>, stop: CancellationToken) {
    let objects: Line<Key> = Line {
        controller: Controller::ExternalSecret,
        queue: |state| &mut state.objects,
        limit: shared.config.concurrency,
    };
    let stores: Line<StoreKey> =
        Line { controller: Controller::SecretStore, queue: |state| &mut state.stores, limit: STORES_AT_ONCE };
    tokio::join!(
        dispatch(Arc::clone(&shared), objects, reconcile::reconcile, stop.clone()),
        dispatch(shared, stores, store_controller::reconcile, stop),
    );
}

/// What is followed.
#[derive(Clone, Copy)]
enum Kind {
    Objects,
    Secrets,
    Stores(StoreKind),
}

fn resources(namespace: Option<&str>) -> Vec<(Kind, Resource)> {
    let within = |api: &str, plural: &str| match namespace {
        Some(namespace) => format!("{api}/namespaces/{}/{plural}", part(namespace)),
        None => format!("{api}/{plural}"),
    };
    let resource = |name, path, query| Resource { name, path, query, metadata_only: false, silence: SILENCE };
    let secrets = resource(
        "Secrets",
        within("/api/v1", "secrets"),
        "&labelSelector=reconcile.external-secrets.io%2Fmanaged%3Dtrue",
    );
    let mut out = vec![
        (Kind::Stores(StoreKind::SecretStore), resource("SecretStores", within(API, "secretstores"), "")),
        (Kind::Secrets, Resource { metadata_only: true, ..secrets }),
        (Kind::Objects, resource("ExternalSecrets", within(API, "externalsecrets"), "")),
    ];
    if namespace.is_none() {
        let path = format!("{API}/clustersecretstores");
        out.push((Kind::Stores(StoreKind::ClusterSecretStore), resource("ClusterSecretStores", path, "")));
    }
    out
}

fn start(shared: &Arc<Shared>, (kind, resource): (Kind, Resource)) -> JoinHandle<()> {
    let sink = match kind {
        Kind::Objects => sinks::objects(Arc::clone(shared)),
        Kind::Secrets => sinks::secrets(Arc::clone(shared)),
        Kind::Stores(kind) => sinks::stores(Arc::clone(shared), kind),
    };
    tokio::spawn(follow(shared.api.clone(), resource, sink, shared.metrics.clone()))
}
