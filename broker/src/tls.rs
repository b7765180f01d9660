//! TLS: certificates from files that are read again when they change, or a self-signed one made at the first start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use crate::files::{write_new, write_private_new};

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Why TLS cannot be set up. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file holds no PEM of the kind that is needed.
    #[error("{path} holds no {what} in PEM form")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Key and certificate do not fit, or the key is of a kind that is not supported.
    #[error("{cert} and {key} cannot be used together: {reason}")]
    Pair {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What rustls says.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("a self-signed certificate could not be made: {0}")]
    SelfSigned(String),
}

/// The certificate in use; replaced while connections go on.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// A TLS configuration that follows its files.
pub struct Tls {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    current: Arc<Current>,
    cert: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn open(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = Arc::new(Current(ArcSwap::from(Arc::new(load(cert, key)?))));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|e| TlsError::SelfSigned(e.to_string()))?;
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), current, cert: cert.to_owned(), key: key.to_owned() })
    }

    /// Looks at the files now and then, and takes new ones that can be used; the old ones stay otherwise.
    pub async fn follow(self) {
        let mut seen = self.stamp();
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let now = self.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match load(&self.cert, &self.key) {
                Ok(pair) => {
                    self.current.0.store(Arc::new(pair));
                    tracing::info!(cert = %self.cert.display(), "new TLS certificate in use");
                }
                Err(error) => tracing::warn!(%error, "the new TLS files cannot be used; the old ones stay"),
            }
        }
    }

    fn stamp(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok())
    }
}

fn load(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source });
    let missing = |path: &Path, what| TlsError::Pem { path: path.to_owned(), what };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<_, _>>()
        .map_err(|_| missing(cert, "certificate"))?;
    if chain.is_empty() {
        return Err(missing(cert, "certificate"));
    }
    let bytes = zeroize::Zeroizing::new(read(key)?);
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| missing(key, "private key"))?;
    CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider()).map_err(|error| {
        TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), reason: error.to_string() }
    })
}

/// Makes a self-signed certificate for this machine's names, if its files are not there.
///
/// # Errors
/// When it cannot be made or written.
pub fn ensure_self_signed(cert: &Path, key: &Path, names: Vec<String>) -> Result<(), TlsError> {
    if cert.exists() && key.exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| TlsError::SelfSigned(e.to_string()))?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    let pem = zeroize::Zeroizing::new(made.signing_key.serialize_pem());
    write_private_new(key, pem.as_bytes()).map_err(failed(key))?;
    write_new(cert, made.cert.pem().as_bytes()).map_err(failed(cert))
}
