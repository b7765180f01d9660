//! What all tasks of the syncer share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncer_core::StoreKind;
use syncer_core::cluster::{ClusterStore, Index, Lane, Outcome, Queue, StoreKey};
use tokio::sync::Notify;

use super::api::Api;
use super::changes::Changes;
use super::config::Config;
use super::events::Events;
use super::metrics::{Controller, Metrics};
use super::provider::Provider;
use crate::clock::{self, Stopwatch};

/// `namespace/name` of an ExternalSecret.
pub type Key = Arc<str>;

/// What is known and what is to be done. Locked for moments only.
#[derive(Default)]
pub struct State {
    /// Rows of all objects.
    pub index: Index,
    /// ExternalSecrets to serve.
    pub objects: Queue<Key>,
    /// Stores to validate.
    pub stores: Queue<StoreKey>,
    /// All stores; they are few.
    pub known: BTreeMap<StoreKey, Arc<ClusterStore>>,
    /// Lists that are not whole yet.
    pub missing: usize,
}

/// What all tasks share.
pub struct Shared {
    /// What was typed.
    pub config: Config,
    /// The API server.
    pub api: Api,
    /// Time since the start.
    pub watch: Stopwatch,
    /// The counters.
    pub metrics: Metrics,
    /// Sessions at the servers of stores.
    pub provider: Provider,
    /// Where events go.
    pub events: Events,
    /// Who tells of changes.
    pub changes: Changes,
    /// Something was queued.
    pub wake: Notify,
    pub(super) state: Mutex<State>,
}

impl Shared {
    /// The state, for a moment.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues ExternalSecrets.
    pub fn queue(&self, keys: impl IntoIterator<Item = Key>, lane: Lane) {
        let now = self.watch.now();
        {
            let mut state = self.state();
            for key in keys {
                state.objects.add(&key, lane, now);
                self.metrics.queued(Controller::ExternalSecret);
            }
        }
        self.wake.notify_waiters();
    }

    /// A failure, with a wait that grows.
    pub fn failed(&self) -> Outcome {
        Outcome::Failed { random: clock::jitter() }
    }
}

/// The controller for a kind of stores.
pub fn controller_of(kind: StoreKind) -> Controller {
    match kind {
        StoreKind::SecretStore => Controller::SecretStore,
        StoreKind::ClusterSecretStore => Controller::ClusterSecretStore,
    }
}
