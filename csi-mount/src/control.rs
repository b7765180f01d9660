//! The control process: it alone has network and tokens. It serves CSI, follows secrets, and reports opens.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use self::credential::{Credential, IdentityKey};
use self::hub::Hub;
use self::plane::{Plane, PlaneError};
use self::secrets::Secrets;
use self::uplink::Uplink;
use self::volumes::Volumes;
use self::wanted::Places;
use crate::config::{NodeConfig, OwnLogin};
use crate::csi::Service;
use crate::health::{self, Health};
use crate::link::Link;
use crate::link::control::Keeper;
use crate::metrics::Metrics;
use crate::proto::csi::identity_server::IdentityServer;
use crate::proto::csi::node_server::NodeServer;
use crate::registration::Registrar;
use crate::{memory, records, sockets};

pub mod credential;
pub mod failed;
pub mod held;
pub mod hub;
pub mod identity;
pub mod meta;
pub mod plane;
mod publish;
mod recover;
pub mod secrets;
pub mod single;
pub mod trouble;
pub mod uplink;
pub mod volume;
pub mod volumes;
pub mod wanted;

/// How long the last records and requests may take at the end.
const GRACE: Duration = Duration::from_secs(3);

/// Why the control process ended; the keeper starts it again.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The process, its signals, or its link.
    #[error("the control process cannot be set up: {0}")]
    Setup(#[from] io::Error),
    /// The CSI socket.
    #[error("the CSI socket {path} cannot be made: {source}")]
    Socket {
        /// Its path.
        path: std::path::PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Health and metrics.
    #[error("--listen {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// What a former process left.
    #[error("the volumes of a former process cannot be found: {0}")]
    Recover(#[from] PlaneError),
    /// The gRPC server.
    #[error("CSI is not served any more; the lines above say why")]
    Unserved,
    /// The keeper.
    #[error("the keeper is gone")]
    Gone,
}

/// Serves a node until SIGTERM.
///
/// # Errors
/// [`ControlError`].
pub fn node(config: NodeConfig) -> Result<(), ControlError> {
    memory::protect_process(true)?;
    let link = Link::inherited()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, link))
}

impl From<OwnLogin> for Credential {
    fn from(login: OwnLogin) -> Self {
        match login {
            OwnLogin::ServiceAccount { mount, role, file } => Self::ServiceAccountFile { mount, role, file },
            OwnLogin::TokenFile(file) => Self::TokenFile(file),
        }
    }
}

async fn serve(config: NodeConfig, link: Link) -> Result<(), ControlError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (keeper, events) = Keeper::connect(link)?;
    let metrics = Metrics::default();
    let secrets = Arc::new(Secrets::new(config.client.clone(), config.interval));
    let own = secrets.identity(IdentityKey::Own, "the driver", config.login.clone().into());
    let (opens, waiting) = records::queue(metrics.clone());
    let places = Places { kubelet_dir: config.kubelet_dir.clone(), any_target_name: config.any_target_name };
    let volumes =
        Arc::new(Volumes::new(Plane(keeper), Arc::clone(&secrets), places, (opens, metrics.clone())));

    let stop = CancellationToken::new();
    let uplink = Arc::new(Uplink::new(Arc::clone(&own), metrics.clone()));
    let delivered = tokio::spawn(records::deliver(uplink, waiting, stop.clone()));
    tokio::spawn(Hub::new(secrets, own, metrics).follow());
    let csi = listen(&config, &volumes, &stop).await?;
    tokio::select! {
        recovered = volumes.recover() => recovered?,
        _ = terminate.recv() => return Ok(()),
    }
    let registered = register(&config, &stop);
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        () = stop.cancelled() => Err(ControlError::Unserved),
        () = Arc::clone(&volumes).hear(events) => Err(ControlError::Gone),
    };
    stop.cancel();
    if let Some(registered) = registered {
        finish(registered).await;
    }
    finish(delivered).await;
    finish(csi).await;
    ended
}

async fn finish<T>(task: tokio::task::JoinHandle<T>) {
    if tokio::time::timeout(GRACE, task).await.is_err() {
        tracing::warn!("the deadline ended work that still ran");
    }
}

/// Serves CSI on its socket, and health and metrics.
async fn listen(
    config: &NodeConfig,
    volumes: &Arc<Volumes>,
    stop: &CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, ControlError> {
    let socket = sockets::listen(&config.socket)
        .map_err(|source| ControlError::Socket { path: config.socket.clone(), source })?;
    let http = TcpListener::bind(config.listen).await;
    let http = http.map_err(|source| ControlError::Listen { address: config.listen, source })?;
    let health = Health { socket: config.socket.clone(), volumes: Arc::clone(volumes) };
    tokio::spawn(health::serve(http, health, stop.clone()));
    let service = Service {
        driver_name: config.driver_name.clone(),
        node_id: config.node_id.clone(),
        volumes: Arc::clone(volumes),
    };
    let (stop, failed) = (stop.clone(), stop.clone());
    Ok(tokio::spawn(async move {
        let served = Server::builder()
            .add_service(IdentityServer::new(service.clone()))
            .add_service(NodeServer::new(service))
            .serve_with_incoming_shutdown(UnixListenerStream::new(socket), stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "CSI is not served any more");
            failed.cancel();
        }
    }))
}

fn register(config: &NodeConfig, stop: &CancellationToken) -> Option<tokio::task::JoinHandle<()>> {
    let folder = config.registration_dir.clone()?;
    let registrar = Registrar {
        driver_name: config.driver_name.clone(),
        endpoint: config.kubelet_endpoint.clone(),
        folder,
    };
    Some(tokio::spawn(registrar.run(stop.clone())))
}
