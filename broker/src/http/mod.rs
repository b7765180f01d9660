//! The routes, one screen: what is answered without a token, what goes through the flow, and what is nothing.

pub mod error;
pub mod reply;
pub mod request;
pub mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, Method, Request, Response, header};
use axum::{Router, routing::any};
use broker_core::record::{Source, uuid_text};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use zeroize::Zeroizing;

use crate::app::App;
use crate::clock;
use crate::flow;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::http::request::Incoming;
use crate::ops::{mounts, public};

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// Where a connection comes from; put into each request by the listener.
#[derive(Clone, Debug, Default)]
pub struct Peer(pub Source);

/// What handlers share.
#[derive(Clone)]
pub struct Shared {
    /// The broker.
    pub app: Arc<App>,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
}

/// The API.
pub fn routes(shared: Shared) -> Router {
    Router::new().fallback(any(entry)).with_state(shared)
}

/// `/metrics` and `/healthz` for the loopback listener.
pub fn metrics_routes(app: Arc<App>) -> Router {
    let metrics = |State(app): State<Arc<App>>| async move { app.metrics.text() };
    let healthz = |State(app): State<Arc<App>>| async move {
        let degraded = app.ledger.metrics().degraded;
        let status = if degraded { 503 } else { 200 };
        let text = if degraded { "the audit log or store cannot be written\n" } else { "ok\n" };
        Answer { status, body: reply::Payload::Text("text/plain", text.to_owned()) }.into_response(false)
    };
    Router::new()
        .route("/metrics", axum::routing::get(metrics))
        .route("/healthz", axum::routing::get(healthz))
        .with_state(app)
}

async fn entry(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    let path = request.uri().path();
    let head = request.method() == Method::HEAD;
    if path == "/" {
        return redirect("/ui/");
    }
    if !path.starts_with("/v1/") {
        return Answer::failure(&Failure::not_found(), "").into_response(head);
    }
    let namespace = request.headers().get("x-vault-namespace").cloned();
    let mut response = api(&shared, peer, request).await.into_response(head);
    if let Some(namespace) = namespace {
        response.headers_mut().insert("x-vault-namespace", namespace);
    }
    response
}

async fn api(shared: &Shared, peer: Peer, request: Request<Body>) -> Answer {
    let app = &shared.app;
    let (parts, body) = request.into_parts();
    let mut incoming = Incoming {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body: Zeroizing::default(),
        source: peer.0,
        id: app.random_id(),
        time: clock::now(),
    };
    if let Some(answer) = without_token(app, &incoming) {
        return answer;
    }
    match collect(body, shared.max_body_bytes).await {
        Ok(bytes) => incoming.body = bytes,
        Err(failure) => return flow::refuse(app, &incoming, failure).await,
    }
    flow::handle(app, incoming).await
}

/// Health, seal status, leadership: answered while nothing else works, and not recorded.
fn without_token(app: &App, incoming: &Incoming) -> Option<Answer> {
    let read = matches!(incoming.method, Method::GET | Method::HEAD);
    let answer = match incoming.path.as_str() {
        "/v1/sys/health" if read => public::health(app, &parameters(&incoming.query)),
        "/v1/sys/health" => Answer::failure(&Failure::method(), ""),
        "/v1/sys/seal-status" if read => public::seal_status(app),
        "/v1/sys/init" if read => public::init(),
        "/v1/sys/init" => Answer::failure(&Failure::bad_request("Vault is already initialized"), ""),
        "/v1/sys/leader" if read => public::leader(),
        "/v1/sys/internal/ui/mounts" if read && !has_token(incoming) => {
            mounts::visible_to_all(app, &uuid_text(incoming.id))
        }
        _ => return None,
    };
    Some(answer)
}

fn has_token(incoming: &Incoming) -> bool {
    ["x-vault-token", "authorization"].iter().any(|name| incoming.headers.contains_key(*name))
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|p| !p.is_empty());
    pairs.map(|p| p.split_once('=').unwrap_or((p, ""))).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

async fn collect(body: Body, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let collected = tokio::time::timeout(BODY_PATIENCE, Limited::new(body, limit).collect()).await;
    match collected {
        Err(_) => Err(Failure::too_slow()),
        Ok(Ok(bytes)) => Ok(Zeroizing::new(bytes.to_bytes().to_vec())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::too_large(limit)),
        Ok(Err(_)) => Err(Failure::bad_request("the request body ended too early")),
    }
}

fn redirect(to: &'static str) -> Response<Body> {
    let page = format!("<a href=\"{to}\">Temporary Redirect</a>.\n\n");
    let answer = Answer { status: 307, body: reply::Payload::Text("text/html; charset=utf-8", page) };
    let mut response = answer.into_response(false);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}
