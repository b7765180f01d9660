//! Reads secrets: one session for each server, namespace, certificate and token, and one flight for each request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use broker_client::{Address, Client, Options, ReadError, Session, Token, Trust};
use futures::StreamExt;
use syncer_core::{
    Catalog, FetchFailure, FetchRequest, Fetched, Fetches, KvPath, KvVersion, LookupError, SecretValue,
    VaultStore, Wanted,
};
use tokio::sync::{OnceCell, Semaphore};

/// Requests at the same time over one session: a server that hangs holds up its own objects only.
const AT_ONCE: usize = 8;

/// Tokens from elsewhere than the manifests.
#[derive(Default)]
pub struct Tokens {
    /// By the name of the Secret that `tokenSecretRef` names; goes before a Secret in the manifests.
    pub by_secret: BTreeMap<String, SecretValue>,
    /// For stores whose Secret is nowhere.
    pub fallback: Option<SecretValue>,
}

impl Tokens {
    /// The token with which a store is read.
    ///
    /// # Errors
    /// [`LookupError`] if it is nowhere.
    pub fn find(
        &self,
        catalog: &Catalog,
        store: &syncer_core::Store,
        wanted: &Wanted,
    ) -> Result<SecretValue, LookupError> {
        if let Some(token) = self.by_secret.get(&store.vault.token_ref.name) {
            return Ok(token.clone());
        }
        catalog.token(store, wanted).or_else(|error| self.fallback.clone().ok_or(error))
    }
}

/// A session and its number; the same number is the same server, namespace, certificate and token.
#[derive(Clone)]
pub struct Line {
    /// The number.
    pub id: u64,
    /// The session.
    pub session: Session,
    permits: Arc<Semaphore>,
}

struct Known {
    server: String,
    namespace: Option<String>,
    ca_bundle: Option<String>,
    token: Token,
    line: Line,
}

/// All sessions.
#[derive(Default)]
pub struct Fetcher {
    known: Mutex<(u64, Vec<Known>)>,
    via: Option<String>,
}

impl Fetcher {
    /// Sessions whose requests name on whose behalf they are made.
    pub fn new(via: &str) -> Self {
        Self { known: Mutex::default(), via: Some(via.to_owned()) }
    }

    /// The session for a store, made at its first use. Connects to nothing yet.
    ///
    /// # Errors
    /// [`FetchFailure`] if the token or the certificates are none.
    pub fn line(&self, store: &VaultStore, token: &SecretValue) -> Result<Line, FetchFailure> {
        let fail = |message: String| FetchFailure { message };
        let token = Token::parse(token.expose()).map_err(|e| fail(e.to_string()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |k: &&Known| {
            k.server == store.server
                && k.namespace == store.namespace
                && k.ca_bundle == store.ca_bundle
                && k.token.expose() == token.expose()
        };
        if let Some(found) = known.1.iter().find(same) {
            return Ok(found.line.clone());
        }
        let address = Address::parse(&store.server).map_err(|e| fail(e.to_string()))?;
        let mut options = Options::new(address);
        options.namespace.clone_from(&store.namespace);
        options.via.clone_from(&self.via);
        if let Some(pem) = &store.ca_bundle {
            options.trust = Trust::Pem(pem.clone().into_bytes());
        }
        let session = Client::new(options).map_err(|e| fail(e.to_string()))?.with_token(token.clone());
        known.0 += 1;
        let line = Line { id: known.0, session, permits: Arc::new(Semaphore::new(AT_ONCE)) };
        known.1.push(Known {
            server: store.server.clone(),
            namespace: store.namespace.clone(),
            ca_bundle: store.ca_bundle.clone(),
            token,
            line: line.clone(),
        });
        Ok(line)
    }

    /// Forgets the sessions that nobody uses any more.
    pub fn keep(&self, used: impl Fn(u64) -> bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.1.retain(|k| used(k.line.id));
    }
}

/// A secret that was read: where, and which version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where.
    pub path: KvPath,
    /// The version, if the store says.
    pub version: Option<u64>,
}

type Cell = Arc<OnceCell<Result<Fetched, FetchFailure>>>;

/// The requests of objects that are served together: the same request is made once.
#[derive(Default)]
pub struct Round {
    cells: Mutex<HashMap<(u64, KvPath), Cell>>,
}

impl Round {
    /// Reads everything that an ExternalSecret asks for.
    pub async fn fetch(&self, line: &Line, store: &VaultStore, wanted: &Wanted) -> (Fetches, Vec<Source>) {
        let reads = wanted.requests().into_iter().map(|request| self.one(line, store, request));
        let mut reads = futures::stream::iter(reads).buffered(AT_ONCE);
        let (mut fetches, mut sources) = (Fetches::new(), Vec::new());
        while let Some((request, path, result)) = reads.next().await {
            if let (Some(path), Ok(fetched)) = (path, &result)
                && fetched.secret.is_some()
            {
                sources.push(Source { path, version: fetched.version });
            }
            fetches.insert(request, result);
        }
        (fetches, sources)
    }

    async fn one(
        &self,
        line: &Line,
        store: &VaultStore,
        request: FetchRequest,
    ) -> (FetchRequest, Option<KvPath>, Result<Fetched, FetchFailure>) {
        let path = match store.read_path(&request) {
            Ok(path) => path,
            Err(error) => return (request, None, Err(FetchFailure { message: error.to_string() })),
        };
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((line.id, path.clone())).or_default())
        };
        let result = cell.get_or_init(|| read(line, &path)).await.clone();
        (request, Some(path), result)
    }
}

/// Reads one secret. Absent is only what the store itself calls absent.
async fn read(line: &Line, path: &KvPath) -> Result<Fetched, FetchFailure> {
    let _permit = line.permits.acquire().await;
    let read = match path.kv {
        KvVersion::V1 => line.session.read_kv1(&path.mount, &path.path).await,
        KvVersion::V2 => line.session.read_kv2(&path.mount, &path.path, path.version).await,
    };
    match read {
        Ok(read) => {
            let version = read.version();
            Ok(Fetched { secret: Some(SecretValue::from(read.data.expose())), version })
        }
        Err(ReadError::NotFound) => Ok(Fetched { secret: None, version: None }),
        Err(ReadError::Deleted(metadata)) => Ok(Fetched { secret: None, version: Some(metadata.version) }),
        Err(ReadError::Call(error)) => Err(FetchFailure { message: format!("{}: {error}", path.api_path()) }),
    }
}
