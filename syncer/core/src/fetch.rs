//! What to ask a store, and what it answered.

use std::collections::BTreeMap;
use std::fmt;

use syncer_template::SecretValue;

use crate::wanted::RemoteRef;

/// One secret to read; the store's settings turn it into a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchRequest {
    /// `remoteRef.key`.
    pub key: String,
    /// The secret's version; `None` is the newest.
    pub version: Option<u64>,
}

impl From<&RemoteRef> for FetchRequest {
    fn from(remote: &RemoteRef) -> Self {
        Self { key: remote.key.clone(), version: remote.version }
    }
}

/// What the store answered.
#[derive(Clone)]
pub struct Fetched {
    /// The KV data object as JSON text, byte by byte as the server sent it: `data.data` of KV v2, `data` of KV v1.
    ///
    /// `None` only for the store's own "does not exist": status 404 from a mount that is there, or a version that is
    /// deleted or destroyed (`data.data` is `null`). This alone lets `deletionPolicy` act; anything unclear must be a
    /// [`FetchFailure`].
    pub secret: Option<SecretValue>,
    /// The version that was read, if the store says.
    pub version: Option<u64>,
}

// Names only: a key's name may be shown, its value never.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("exists", &self.secret.is_some())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer: refused, sealed, unreachable, timed out, not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchFailure {
    /// The failure for people; must not hold a secret value or token.
    pub message: String,
}

/// All answers for one ExternalSecret.
pub type Fetches = BTreeMap<FetchRequest, Result<Fetched, FetchFailure>>;
