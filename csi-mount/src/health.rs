//! Health and metrics over HTTP: healthy is who answers on its own CSI socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::control::volumes::Volumes;
use crate::proto::csi::NodeGetInfoRequest;
use crate::proto::csi::node_client::NodeClient;
use crate::sockets;

/// The longest wait for the own answer.
const LIMIT: Duration = Duration::from_secs(2);

/// What is asked about.
#[derive(Clone, Debug)]
pub struct Health {
    /// Path of the CSI socket.
    pub socket: PathBuf,
    /// The volumes, which have the metrics.
    pub volumes: Arc<Volumes>,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until it is stopped.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "health and metrics are not served any more");
    }
}

/// Asks over the socket's file, which finds out too when that was removed.
async fn healthz(State(health): State<Health>) -> (StatusCode, String) {
    let asked = async {
        let channel = sockets::channel(health.socket).map_err(|error| error.to_string())?;
        let info = NodeClient::new(channel).node_get_info(NodeGetInfoRequest {}).await;
        info.map(drop).map_err(|status| status.message().to_owned())
    };
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n".to_owned()),
        Ok(Err(problem)) => (StatusCode::SERVICE_UNAVAILABLE, format!("the CSI socket: {problem}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the CSI socket does not answer\n".to_owned()),
    }
}

/// Healthy, and the volumes of a former process are found: requests are taken.
async fn readyz(state: State<Health>) -> (StatusCode, String) {
    if state.volumes.is_ready() {
        return healthz(state).await;
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the volumes of a former process are looked for\n".to_owned())
}

async fn metrics(State(health): State<Health>) -> ([(&'static str, &'static str); 1], String) {
    let kind = [("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, health.volumes.metrics_text())
}
