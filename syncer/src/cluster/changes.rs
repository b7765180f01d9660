//! Changes at brokers: one stream for each server, with the syncer's own login, which sees metadata only; and the
//! records of what was delivered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker_client::{ChangeKind, Delivery, DeliveryKind, Token};
use syncer_core::cluster::{ClusterStore, Lane, StoreSpec};
use syncer_core::{FetchRequest, Fetches, KvPath, Wanted};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::state::{Key, Shared};
use crate::clock;
use crate::deliveries::{self, Numbering};
use crate::follow::{Heard, follow};
use crate::metrics;
use crate::render::object_name;

/// A server without a change stream is asked again after so long.
const AGAIN: Duration = Duration::from_secs(600);
/// Things heard that wait.
const WAITING: usize = 1024;
/// How long records that wait are sent at the end.
const FLUSH: Duration = Duration::from_secs(3);

/// One server.
struct Peer {
    id: u64,
    follower: JoinHandle<()>,
    numbering: Numbering,
    sender: JoinHandle<()>,
}

/// All servers that are followed.
pub struct Changes {
    token: Option<Token>,
    run: i64,
    heard: mpsc::Sender<(u64, Heard)>,
    peers: Mutex<BTreeMap<String, Peer>>,
    metrics: metrics::Metrics,
}

/// What all paths of a server begin with, as the index holds them.
fn prefix(spec: &StoreSpec) -> String {
    format!("{}|{}|", spec.server, spec.namespace.as_deref().unwrap_or_default())
}

fn path_key(spec: &StoreSpec, path: &KvPath) -> Key {
    Key::from(format!("{}{}/{}", prefix(spec), path.mount, path.path))
}

impl Changes {
    /// No servers yet; without a token there never are any.
    pub fn new(token: Option<Token>) -> (Self, mpsc::Receiver<(u64, Heard)>) {
        let (heard, receiver) = mpsc::channel(WAITING);
        let run = clock::run_id();
        let changes =
            Self { token, run, heard, peers: Mutex::default(), metrics: metrics::Metrics::default() };
        (changes, receiver)
    }

    /// Follows the server of a store that is ready.
    pub async fn meet(&self, shared: &Shared, store: &ClusterStore) {
        let (Some(token), Ok(spec)) = (&self.token, &store.spec) else { return };
        let prefix = prefix(spec);
        if self.lock().contains_key(&prefix) {
            return;
        }
        let client = match shared.provider.client(spec, &store.meta.namespace).await {
            Ok(client) => client,
            Err(error) => {
                tracing::info!(%store, "changes are not heard of: {}", error.text());
                return;
            }
        };
        let session = client.with_token(token.clone());
        let mut peers = self.lock();
        let id = peers.len() as u64 + 1;
        peers.entry(prefix).or_insert_with(|| {
            let name = format!("syncer-{}-{id}", self.run);
            let (numbering, sender) = deliveries::start(session.clone(), name, self.metrics.clone());
            let follower = tokio::spawn(follow(id, session, AGAIN, self.heard.clone()));
            Peer { id, follower, numbering, sender }
        });
    }

    /// Notes what an object has read.
    pub fn read(&self, shared: &Shared, store: &ClusterStore, key: &Key, paths: &[(FetchRequest, KvPath)]) {
        let Ok(spec) = &store.spec else { return };
        let keys: Vec<Key> = match self.token {
            Some(_) => paths.iter().map(|(_, path)| path_key(spec, path)).collect(),
            // Nobody will ever ask for them.
            None => return,
        };
        shared.state().index.set_paths(key, &keys);
    }

    /// Tells the server's audit log what went into the target.
    pub fn delivered(
        &self,
        store: &ClusterStore,
        wanted: &Wanted,
        fetches: &Fetches,
        paths: &[(FetchRequest, KvPath)],
    ) {
        let Ok(spec) = &store.spec else { return };
        let mut peers = self.lock();
        let Some(peer) = peers.get_mut(&prefix(spec)) else { return };
        for (request, path) in paths {
            let Some(Ok(fetched)) =
                fetches.get(request).filter(|it| it.as_ref().is_ok_and(|it| it.secret.is_some()))
            else {
                continue;
            };
            peer.numbering.push(Delivery {
                kind: DeliveryKind::Delivery,
                object: object_name(wanted),
                target: format!("Secret {}/{}", wanted.namespace, wanted.target.name),
                path: path.api_path(),
                version: fetched.version,
            });
        }
    }

    /// Queues who is concerned by what is heard, until nothing more can be heard.
    pub async fn listen(shared: Arc<Shared>, mut heard: mpsc::Receiver<(u64, Heard)>) {
        while let Some((id, what)) = heard.recv().await {
            let prefix = {
                let peers = shared.changes.lock();
                peers.iter().find(|(_, peer)| peer.id == id).map(|(prefix, _)| prefix.clone())
            };
            let Some(prefix) = prefix else { continue };
            let (path, below, lane) = match what {
                Heard::Silent | Heard::Told { list: false } => continue,
                // Some changes may have been missed.
                Heard::Told { list: true } => (prefix, true, Lane::Refresh),
                Heard::Change(ChangeKind::Kv2 { mount, path, .. } | ChangeKind::Kv1 { mount, path, .. }) => {
                    (format!("{prefix}{mount}/{path}"), false, Lane::Fresh)
                }
                Heard::Change(ChangeKind::MountChanged { mount }) => {
                    (format!("{prefix}{mount}/"), true, Lane::Refresh)
                }
                Heard::Change(_) => continue,
            };
            shared.metrics.change();
            let keys = shared.state().index.force_path(&path, below);
            shared.queue(keys, lane);
        }
    }

    /// Lines of metrics about delivery records.
    pub fn metrics_text(&self) -> String {
        let text = self.metrics.text();
        let mine = text.lines().filter(|line| line.contains("keyreeve_syncer_deliveries"));
        mine.map(|line| format!("{line}\n")).collect()
    }

    /// Stops to listen, and sends the records that wait.
    pub async fn close(&self) {
        let peers = std::mem::take(&mut *self.lock());
        let mut senders = Vec::new();
        for peer in peers.into_values() {
            peer.follower.abort();
            senders.push(peer.sender);
        }
        if tokio::time::timeout(FLUSH, futures::future::join_all(senders)).await.is_err() {
            tracing::warn!("some delivery records could not be sent in time");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
