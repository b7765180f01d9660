//! Asks the API server of a cluster to review a token, and keeps its positive answers for seconds.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use broker_core::auth::kubernetes::{
    KubernetesConfig, KubernetesRole, Review, ReviewCache, ReviewKey, review_body, review_key,
};
use broker_core::auth::{AuthMount, MAX_AUTH_MOUNTS};
use broker_core::time::Time;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::files::read_small;

#[cfg(test)]
mod tests;

/// How long a review may take as a whole.
const PATIENCE: Duration = Duration::from_secs(10);
/// Reviews under way at the same time; logins need no token, so they are bounded here.
const MAX_REVIEWS: usize = 64;
/// The largest answer in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// The largest file of the own pod in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// Where the files of a pod's service account are.
const POD_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A token to be reviewed.
pub struct Question<'a> {
    /// The auth method.
    pub mount: &'a AuthMount,
    /// Its settings.
    pub config: &'a KubernetesConfig,
    /// The role of the login.
    pub role: &'a KubernetesRole,
    /// The token, which nothing vouches for yet.
    pub unverified_jwt: &'a str,
}

impl Question<'_> {
    /// The key that a review of it is kept by.
    pub fn key(&self) -> ReviewKey {
        review_key(&self.mount.id, self.config, self.role, self.unverified_jwt)
    }
}

/// Why there is no review. No message holds a token.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The settings name no certificates, and the broker runs in no pod that has some.
    #[error("there is nothing to check the API server's certificate with; write kubernetes_ca_cert")]
    NoCa,
    /// The certificates cannot be read.
    #[error("the text holds no certificate in PEM form")]
    BadCa,
    /// The reviewer's token cannot be sent.
    #[error("the token that asks for the review holds a character that no token has")]
    Credential,
    /// No connection, or it broke off.
    #[error("the API server cannot be asked: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the API server did not answer within {} seconds", PATIENCE.as_secs())]
    TooSlow,
    /// Another status; 401 and 403 are about the token that asks.
    #[error("the API server answered with status {0}")]
    Status(u16),
    /// The answer is too large.
    #[error("the API server's answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// The answer is something else.
    #[error("the API server's answer is no TokenReview")]
    Unreadable,
}

/// The client of all auth methods' API servers.
pub struct Reviewer {
    folder: PathBuf,
    places: Semaphore,
    clients: Mutex<BTreeMap<String, Client>>,
    cache: Mutex<ReviewCache>,
}

/// The client of one method, and the certificates it was made with.
#[derive(Clone)]
struct Client {
    ca: Arc<str>,
    http: reqwest::Client,
}

impl Default for Reviewer {
    fn default() -> Self {
        Self::in_pod(PathBuf::from(POD_FOLDER))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reviewer {
    /// A reviewer whose own pod has the files of its service account in a folder, if it has any.
    pub fn in_pod(folder: PathBuf) -> Self {
        Self {
            folder,
            places: Semaphore::new(MAX_REVIEWS),
            clients: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    /// A positive review of the last seconds.
    pub fn kept(&self, key: &ReviewKey, now: Time) -> Option<Review> {
        lock(&self.cache).get(key, now).cloned()
    }

    /// Keeps a positive review for seconds.
    pub fn keep(&self, key: ReviewKey, review: Review, now: Time, unverified_expiry: Option<i64>) {
        lock(&self.cache).put(key, review, now, unverified_expiry);
    }

    /// Asks for a review; the log says what went wrong.
    ///
    /// # Errors
    /// There is none.
    pub async fn review(&self, question: &Question<'_>) -> Result<Review, ReviewError> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(question)).await;
        let review = asked.unwrap_or(Err(ReviewError::TooSlow));
        if let Err(problem) = &review {
            let (mount, host) = (&question.mount.path, &question.config.host);
            tracing::warn!(mount, host, %problem, "a token could not be reviewed, so its login is refused");
            if matches!(problem, ReviewError::Status(401 | 403)) {
                tracing::warn!(
                    mount,
                    "the token that asks for reviews must be valid and bound to the ClusterRole system:auth-delegator"
                );
            }
        }
        review
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Review, ReviewError> {
        // The semaphore is never closed.
        let _place = self.places.acquire().await.map_err(|_| ReviewError::TooSlow)?;
        let config = question.config;
        let url = format!("{}/apis/authentication.k8s.io/v1/tokenreviews", config.host);
        let body = review_body(question.unverified_jwt, &question.role.audience);
        let sent = self
            .client(question)?
            .post(url)
            .header(AUTHORIZATION, self.credential(question)?)
            .header(CONTENT_TYPE, "application/json")
            .body(body.as_bytes().to_vec())
            .send()
            .await;
        let mut response = sent.map_err(unreachable)?;
        // A redirect is not followed: tokens go to the configured address only.
        if !matches!(response.status().as_u16(), 200 | 201) {
            return Err(ReviewError::Status(response.status().as_u16()));
        }
        let mut answer = Zeroizing::new(Vec::new());
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + piece.len() > MAX_ANSWER_BYTES {
                return Err(ReviewError::TooLarge);
            }
            answer.extend_from_slice(&piece);
        }
        Review::parse(&answer).ok_or(ReviewError::Unreadable)
    }

    /// The token that asks: the configured one, that of the own pod, or the one that is reviewed.
    fn credential(&self, question: &Question<'_>) -> Result<HeaderValue, ReviewError> {
        let config = question.config;
        let own = if config.is_local() { self.own_file("token") } else { None };
        let token = match (config.reviewer_jwt.as_str(), &own) {
            ("", Some(own)) => own.trim(),
            ("", None) => question.unverified_jwt,
            (configured, _) => configured,
        };
        let text = Zeroizing::new(format!("Bearer {token}"));
        let mut value = HeaderValue::from_str(&text).map_err(|_| ReviewError::Credential)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A file of the own pod's service account; Kubernetes replaces them, so they are read each time.
    fn own_file(&self, name: &str) -> Option<Zeroizing<String>> {
        read_small(&self.folder.join(name), MAX_FILE_BYTES).ok()
    }

    /// The client of a method; kept, with its connections, as long as its certificates stay the same.
    fn client(&self, question: &Question<'_>) -> Result<reqwest::Client, ReviewError> {
        let config = question.config;
        let ca: Arc<str> = if config.is_local() {
            self.own_file("ca.crt").ok_or(ReviewError::NoCa)?.as_str().into()
        } else {
            config.ca_cert.as_str().into()
        };
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(&question.mount.id).filter(|client| client.ca == ca) {
            return Ok(client.http.clone());
        }
        let roots = if config.is_plain() { RootCertStore::empty() } else { certificates(&ca)? };
        let http = http_client(roots)?;
        if clients.len() >= MAX_AUTH_MOUNTS {
            // Those of methods that are gone are among them.
            clients.clear();
        }
        clients.insert(question.mount.id.clone(), Client { ca, http: http.clone() });
        Ok(http)
    }
}

fn http_client(roots: RootCertStore) -> Result<reqwest::Client, ReviewError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|e| ReviewError::Unreachable(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(unreachable)
}

fn certificates(pem: &str) -> Result<RootCertStore, ReviewError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| ReviewError::BadCa)?;
        roots.add(certificate).map_err(|_| ReviewError::BadCa)?;
    }
    if roots.is_empty() { Err(ReviewError::BadCa) } else { Ok(roots) }
}

/// Whether a text holds certificates, and all of them can be used.
///
/// # Errors
/// [`ReviewError::BadCa`].
pub fn check_ca(pem: &str) -> Result<(), ReviewError> {
    certificates(pem).map(drop)
}

/// The causes of a failure in one line.
fn unreachable(error: reqwest::Error) -> ReviewError {
    if error.is_timeout() {
        return ReviewError::TooSlow;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    ReviewError::Unreachable(text)
}
