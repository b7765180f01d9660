//! Metrics and health over plain HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::get;

use super::state::Shared;

/// Serves `/metrics`, `/healthz` and `/readyz` until the process ends.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(address: SocketAddr, shared: Arc<Shared>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let for_ready = Arc::clone(&shared);
    let ready = move || async move {
        // All lists are whole: what is not known now is not there.
        if for_ready.state().missing == 0 {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the first lists are not whole\n")
        }
    };
    let metrics =
        move || async move { format!("{}{}", shared.metrics.text(), shared.changes.metrics_text()) };
    let routes = axum::Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!("metrics and health are not served any more: {error}");
        }
    });
    Ok(())
}
