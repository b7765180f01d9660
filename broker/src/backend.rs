//! What stands behind a mount. Handlers see this enum and never a store; a server behind the broker will be a second variant.

use std::sync::Arc;

use broker_core::authorize::Authorized;
use broker_core::kv2::Existence;
use broker_core::route::KvOp;

use crate::app::App;
use crate::flow::{Context, Plan};
use crate::http::error::Failure;
use crate::kv;

/// A backend of a mount.
pub enum Backend {
    /// The broker's own encrypted store.
    Embedded(kv::Embedded),
}

impl Backend {
    /// The backend of an operation's mount.
    pub fn of(app: &Arc<App>, _op: &KvOp) -> Self {
        Self::Embedded(kv::Embedded::new(Arc::clone(app)))
    }

    /// Whether the key of a write exists: Vault's policies tell `create` from `update` by it. It says nothing
    /// else and nothing to the caller, so it needs no proof.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn existence(&self, op: &KvOp) -> Result<Existence, Failure> {
        match self {
            Self::Embedded(store) => store.existence(op),
        }
    }

    /// Reads what was asked for, or decides on the write.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn plan(
        &self,
        context: &Context<'_>,
        allowed: &Authorized<KvOp>,
        existence: Existence,
    ) -> Result<Plan, Failure> {
        match self {
            Self::Embedded(store) => store.plan(context, allowed, existence),
        }
    }
}
