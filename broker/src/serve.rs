//! The listener: accepts connections within a bound, speaks TLS or plain HTTP, and drains at the end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use broker_core::record::Source;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Listen;
use crate::http::Peer;

/// How long a client may take for the TLS handshake and for the headers of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Largest head of a request in bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Requests at the same time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Pause after a connection could not be accepted, for example since file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound listener.
pub enum Bound {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, removed at the end.
    Unix(UnixListener, PathBuf),
}

impl Bound {
    /// Binds.
    ///
    /// # Errors
    /// When the address is in use or not allowed.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix(listener, path.clone()))
            }
        }
    }

    /// The address as clients write it.
    pub fn url(&self, tls: bool) -> io::Result<String> {
        Ok(match self {
            Self::Tcp(listener) => {
                format!("{}://{}", if tls { "https" } else { "http" }, listener.local_addr()?)
            }
            Self::Unix(_, path) => format!("unix://{}", path.display()),
        })
    }
}

/// What serving needs.
pub struct Service {
    /// The routes.
    pub routes: Router,
    /// TLS, or none.
    pub tls: Option<Arc<ServerConfig>>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Cancelled to stop.
    pub stop: CancellationToken,
    /// Time for running requests at the end.
    pub drain: Duration,
}

/// Serves until it is told to stop, then lets running requests end.
///
/// # Returns
/// Whether all of them ended in time.
pub async fn serve(bound: Bound, service: Service) -> bool {
    let places = Arc::new(Semaphore::new(service.max_connections));
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&bound, &places) => accepted,
            () = service.stop.cancelled() => break,
        };
        match accepted {
            Ok((connection, place)) => {
                let (routes, tls) = (service.routes.clone(), service.tls.clone());
                let stop = service.stop.clone();
                tracker.spawn(async move {
                    connection.run(routes, tls, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if let Bound::Unix(_, path) = &bound {
        // The socket's file may be gone already.
        let _gone = std::fs::remove_file(path);
    }
    drop(bound);
    tracker.close();
    tokio::time::timeout(service.drain, tracker.wait()).await.is_ok()
}

enum Connection {
    Tcp(tokio::net::TcpStream, SocketAddr),
    Unix(tokio::net::UnixStream),
}

async fn accept(
    bound: &Bound,
    places: &Arc<Semaphore>,
) -> io::Result<(Connection, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let connection = match bound {
        Bound::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Answers are small: waiting for more to send only costs time.
            stream.set_nodelay(true)?;
            Connection::Tcp(stream, peer)
        }
        Bound::Unix(listener, _) => Connection::Unix(listener.accept().await?.0),
    };
    Ok((connection, place))
}

impl Connection {
    async fn run(self, routes: Router, tls: Option<Arc<ServerConfig>>, stop: CancellationToken) {
        match (self, tls) {
            (Self::Unix(stream), _) => speak(stream, routes, Peer::default(), stop).await,
            (Self::Tcp(stream, address), None) => speak(stream, routes, peer(address), stop).await,
            (Self::Tcp(stream, address), Some(config)) => {
                let handshake = TlsAcceptor::from(config).accept(stream);
                match tokio::time::timeout(HEAD_PATIENCE, handshake).await {
                    Ok(Ok(stream)) => speak(stream, routes, peer(address), stop).await,
                    Ok(Err(error)) => tracing::debug!(peer = %address, %error, "no TLS handshake"),
                    Err(_) => tracing::debug!(peer = %address, "the TLS handshake took too long"),
                }
            }
        }
    }
}

fn peer(address: SocketAddr) -> Peer {
    Peer(Source { ip: address.ip().to_string(), port: address.port(), agent: String::new() })
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    routes: Router,
    peer: Peer,
    stop: CancellationToken,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    let service = TowerToHyperService::new(routes.layer(axum::Extension(peer)));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
