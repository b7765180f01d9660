//! Requests to the API server as bytes: limited in rate, time and size, with errors told apart by what to do about them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use syncer_core::cluster::Bucket;
use zeroize::Zeroizing;

use super::config::Config;
use super::metrics::Metrics;
use crate::clock::Stopwatch;

/// The longest wait for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer in bytes; a page of large objects fits.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The longest line of a watch in bytes; an object has at most about 3 MiB.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// It changed since it was read, or is there already.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for is too old: list again.
    #[error("the server does not keep so old a state any more")]
    Gone,
    /// Refused for good.
    #[error("{message}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// No answer, or none that can be understood: repeat later.
    #[error("the API server is not available: {0}")]
    Unavailable(String),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The kubeconfig, or the files of the pod.
    #[error("cannot tell how to reach the API server: {0}; give --kubeconfig outside of a pod")]
    Config(String),
    /// TLS.
    #[error("cannot set the client of the API server up: {0}")]
    Client(String),
}

/// How a body is meant.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole object.
    Json,
    /// A JSON merge patch.
    MergePatch,
}

/// What is sent to a path.
pub type Sent = Option<(Kind, Zeroizing<String>)>;

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    client: kube::Client,
    bucket: Arc<Mutex<Bucket>>,
    watch: Stopwatch,
    metrics: Metrics,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusWire {
    message: String,
    reason: String,
}

impl Api {
    /// Sets the client up; connects to nothing yet.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn new(config: &Config, watch: Stopwatch, metrics: Metrics) -> Result<Self, SetupError> {
        let fail = |error: &dyn fmt::Display| SetupError::Config(error.to_string());
        let mut reach = match &config.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(|e| fail(&e))?;
                let options = KubeConfigOptions::default();
                kube::Config::from_custom_kubeconfig(file, &options).await.map_err(|e| fail(&e))?
            }
            None => kube::Config::incluster().map_err(|e| fail(&e))?,
        };
        reach.connect_timeout = Some(Duration::from_secs(5));
        let client = kube::Client::try_from(reach).map_err(|e| SetupError::Client(e.to_string()))?;
        let bucket = Arc::new(Mutex::new(Bucket::new(config.api_qps)));
        Ok(Self { client, bucket, watch, metrics })
    }

    /// Reads an object or a page of a list.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        self.call(Method::GET, path, None).await
    }

    /// The same, `None` if it is not there.
    ///
    /// # Errors
    /// [`ApiError`], never `NotFound`.
    pub async fn find(&self, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, ApiError> {
        match self.get(path).await {
            Ok(body) => Ok(Some(body)),
            Err(ApiError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes an object by a merge patch.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn patch(&self, path: &str, patch: &str) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let body = Some((Kind::MergePatch, Zeroizing::new(patch.to_owned())));
        self.call(Method::PATCH, path, body).await
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn call(&self, method: Method, path: &str, body: Sent) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let request = request(&method, path, "application/json", body)?;
        let answer = async {
            let response = self.send(&method, request).await?;
            let status = response.status().as_u16();
            let body = collect(response).await?;
            if status < 300 { Ok(body) } else { Err(refusal(status, &body)) }
        };
        let late = || ApiError::Unavailable(format!("no answer in {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| Err(late()))
    }

    /// Reads with another form of answer in mind, such as metadata only.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get_as(&self, path: &str, accept: &str) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let mut lines = self.open(path, accept).await?;
        let all = collect_body(&mut lines.body);
        let late = || ApiError::Unavailable(format!("no answer in {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, all).await.unwrap_or_else(|_| Err(late()))
    }

    /// Opens a watch and waits for its head.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn open(&self, path: &str, accept: &str) -> Result<Lines, ApiError> {
        let request = request(&Method::GET, path, accept, None)?;
        let head = async {
            let response = self.send(&Method::GET, request).await?;
            let status = response.status().as_u16();
            if status < 300 {
                return Ok(Lines { body: response.into_body(), buffer: Vec::new(), taken: 0 });
            }
            Err(refusal(status, &collect(response).await?))
        };
        let late = || ApiError::Unavailable(format!("no answer in {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, head).await.unwrap_or_else(|_| Err(late()))
    }

    async fn send(&self, method: &Method, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let wait = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.watch.now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let answer = self.client.send(request).await;
        let code = answer.as_ref().map_or(0, |response| response.status().as_u16());
        self.metrics.api_request(method.as_str(), code);
        answer.map_err(|error| ApiError::Unavailable(chain(&error)))
    }
}

fn request(method: &Method, path: &str, accept: &str, body: Sent) -> Result<Request<Body>, ApiError> {
    let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    let body = match body {
        None => Body::empty(),
        Some((kind, text)) => {
            let kind = match kind {
                Kind::Json => "application/json",
                Kind::MergePatch => "application/merge-patch+json",
            };
            request = request.header(header::CONTENT_TYPE, kind);
            // The text is wiped when the last part of it is sent.
            Body::from(Bytes::from_owner(text))
        }
    };
    request.body(body).map_err(|error| ApiError::Refused { status: 0, message: error.to_string() })
}

async fn collect(response: Response<Body>) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    collect_body(&mut response.into_body()).await
}

async fn collect_body(body: &mut Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    // Grown by hand, so that what is left behind is wiped.
    let mut out = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if out.len() + data.len() > MAX_BYTES {
            return Err(ApiError::Refused {
                status: 0,
                message: format!("the answer has over {MAX_BYTES} bytes"),
            });
        }
        if out.capacity() < out.len() + data.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * (out.len() + data.len())));
            larger.extend_from_slice(&out);
            out = larger;
        }
        out.extend_from_slice(&data);
    }
    Ok(out)
}

fn refusal(status: u16, body: &[u8]) -> ApiError {
    let said: StatusWire = serde_json::from_slice(body).unwrap_or_default();
    let message = if said.message.is_empty() { format!("status {status}") } else { said.message };
    match status {
        404 => ApiError::NotFound(message),
        409 => ApiError::Conflict(message),
        410 => ApiError::Gone,
        408 | 429 | 500.. => ApiError::Unavailable(format!("{status} {}: {message}", said.reason)),
        _ => ApiError::Refused { status, message },
    }
}

/// The texts of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

/// The lines of a watch.
pub struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer that were given out.
    taken: usize,
}

impl Lines {
    /// The next line; `None` when the server ended the watch.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when nothing came for `silence`, or the connection broke.
    pub async fn next(&mut self, silence: Duration) -> Result<Option<&[u8]>, ApiError> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let mut looked = 0;
        loop {
            if let Some(at) = self.buffer.iter().skip(looked).position(|byte| *byte == b'\n') {
                self.taken = looked + at + 1;
                return Ok(self.buffer.get(..self.taken - 1));
            }
            looked = self.buffer.len();
            if looked > MAX_LINE {
                return Err(ApiError::Unavailable(format!("a line has over {MAX_LINE} bytes")));
            }
            let frame = tokio::time::timeout(silence, self.body.frame()).await;
            let silent = || ApiError::Unavailable(format!("nothing came for {} s", silence.as_secs()));
            match frame.map_err(|_| silent())? {
                None => return Ok(None),
                Some(Err(error)) => return Err(ApiError::Unavailable(error.to_string())),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

/// A name as part of a path.
pub fn part(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let body = br#"{"kind":"Status","message":"secrets \"x\" not found","reason":"NotFound"}"#;
        assert!(matches!(refusal(404, body), ApiError::NotFound(text) if text == "secrets \"x\" not found"));
        assert!(matches!(refusal(409, b""), ApiError::Conflict(text) if text == "status 409"));
        assert!(matches!(refusal(410, b"{}"), ApiError::Gone));
        assert!(matches!(refusal(429, b"<html>"), ApiError::Unavailable(_)));
        assert!(matches!(refusal(422, body), ApiError::Refused { status: 422, .. }));
    }

    #[test]
    fn names_stay_one_part_of_a_path() {
        assert_eq!(part("a.b-c"), "a.b-c");
        assert_eq!(part("../x?y#z%"), "..%2Fx%3Fy%23z%25");
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_arrive() {
        let text = Bytes::from_static(b"one\n\ntwo\nrest");
        let mut lines = Lines { body: Body::from(text), buffer: Vec::new(), taken: 0 };
        let silence = Duration::from_secs(1);
        for want in ["one", "", "two"] {
            assert_eq!(lines.next(silence).await.unwrap(), Some(want.as_bytes()));
        }
        assert_eq!(lines.next(silence).await.unwrap(), None);
    }
}
