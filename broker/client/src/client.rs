//! A client: options checked once, connections shared by all its sessions.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::address::Address;
use crate::session::Session;
use crate::token::Token;

/// The longest header text of an option in bytes.
const MAX_HEADER_BYTES: usize = 256;

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the system.
    #[default]
    System,
    /// These alone, in PEM.
    Pem(Vec<u8>),
}

/// How to reach a server. Nothing is read from the environment, proxies neither.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is.
    pub address: Address,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The namespace that requests name (`X-Vault-Namespace`).
    pub namespace: Option<String>,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for a whole answer. Streams are open for as long as they say something.
    pub timeout: Duration,
    /// On whose behalf requests are made (`X-Keyreeve-Via`), for the audit log.
    pub via: Option<String>,
    /// The `User-Agent`.
    pub user_agent: String,
}

impl Options {
    /// Options with the usual limits: 5 s to connect, 30 s for an answer, the system's certificates.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            trust: Trust::System,
            namespace: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            via: None,
            user_agent: concat!("keyreeve/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why options make no client.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// A text that a header cannot carry.
    #[error("the {name} must be printable ASCII of at most {MAX_HEADER_BYTES} bytes")]
    Header {
        /// Which option.
        name: &'static str,
    },
    /// The certificates to trust cannot be read.
    #[error("the certificates to trust are no PEM with at least one certificate: {0}")]
    Certificates(String),
    /// The HTTP client or its TLS cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

/// A client of one server. Cheap to clone; all clones and sessions share connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) options: Arc<Options>,
}

impl Client {
    /// Checks the options and sets the client up; connects to nothing yet.
    ///
    /// If the process has no default provider of cryptography for rustls yet, ring becomes it.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Losing a race to another thread is fine: then there is one.
            let _lost = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(options.connect_timeout)
            .user_agent(header("user agent", &options.user_agent)?)
            .default_headers(headers(&options)?);
        if let Some(socket) = options.address.unix_socket() {
            builder = builder.unix_socket(socket);
        }
        if !options.address.is_tls() {
            // No certificate is ever looked at, so the system's need not be loaded.
            builder = builder.tls_certs_only(Vec::new());
        } else if let Trust::Pem(pem) = &options.trust {
            builder = builder.tls_certs_only(certificates(pem)?);
        }
        let http = builder.build().map_err(|e| OptionsError::Setup(crate::outage::chain(&e)))?;
        Ok(Self { http, options: Arc::new(options) })
    }

    /// A session that sends a token with each request.
    pub fn with_token(&self, token: Token) -> Session {
        Session::new(self.clone(), Some(token))
    }

    /// A session without a token, for what needs none, such as `sys/seal-status`.
    pub fn without_token(&self) -> Session {
        Session::new(self.clone(), None)
    }

    /// Where the server is.
    pub fn address(&self) -> &Address {
        &self.options.address
    }
}

fn header(name: &'static str, text: &str) -> Result<HeaderValue, OptionsError> {
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if text.is_empty() || text.len() > MAX_HEADER_BYTES || !printable {
        return Err(OptionsError::Header { name });
    }
    HeaderValue::from_str(text).map_err(|_| OptionsError::Header { name })
}

fn headers(options: &Options) -> Result<HeaderMap, OptionsError> {
    let mut headers = HeaderMap::new();
    if let Some(via) = &options.via {
        headers.insert(HeaderName::from_static("x-keyreeve-via"), header("via", via)?);
    }
    if let Some(namespace) = &options.namespace {
        headers.insert(HeaderName::from_static("x-vault-namespace"), header("namespace", namespace)?);
    }
    Ok(headers)
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, OptionsError> {
    let certificates = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|e| OptionsError::Certificates(crate::outage::chain(&e)))?;
    if certificates.is_empty() {
        return Err(OptionsError::Certificates("there is none".to_owned()));
    }
    Ok(certificates)
}
