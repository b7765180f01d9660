//! Takes in what the watches see: rows for the index, stores as they are, and who is to be served because of it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use syncer_core::StoreKind;
use syncer_core::cluster::{Change, Lane, StoreKey, read_meta, read_row, read_secret_row, read_store};

use super::metrics::Controller;
use super::state::{Key, Shared, controller_of};
use super::watch::{Seen, Sink};

fn key(namespace: &str, name: &str) -> Key {
    Key::from(format!("{namespace}/{name}"))
}

/// One object that cannot be read stops nothing else.
fn malformed(shared: &Shared, what: &str, error: &dyn Display) {
    shared.metrics.malformed();
    tracing::warn!(what, "an object is left out: {error}");
}

/// The first list of a kind is whole.
fn listed(shared: &Shared, first: &AtomicBool) {
    if first.swap(false, Ordering::Relaxed) {
        shared.state().missing -= 1;
    }
}

/// For ExternalSecrets.
pub fn objects(shared: Arc<Shared>) -> Sink {
    let first = AtomicBool::new(true);
    Arc::new(move |seen| match seen {
        Seen::ListBegins => shared.state().index.begin_list(),
        Seen::Listed(json) | Seen::Changed(json) => match read_row(json) {
            Err(error) => malformed(&shared, "ExternalSecret", &error),
            Ok((meta, row)) => {
                let key = key(&meta.namespace, &meta.name);
                let lane = if row.synced { Lane::Refresh } else { Lane::Fresh };
                let change = shared.state().index.note(&key, row);
                match change {
                    Change::New => shared.queue([key], lane),
                    Change::Changed => shared.queue([key], Lane::Fresh),
                    Change::Same => {}
                }
            }
        },
        Seen::ListEnds => {
            let gone = shared.state().index.end_list();
            gone.iter().for_each(|key| forget(&shared, key));
            listed(&shared, &first);
            shared.wake.notify_waiters();
        }
        Seen::Gone(json) => match read_meta(json) {
            Err(error) => malformed(&shared, "ExternalSecret", &error),
            Ok(meta) => {
                let key = key(&meta.namespace, &meta.name);
                shared.state().index.remove(&key);
                forget(&shared, &key);
            }
        },
    })
}

fn forget(shared: &Shared, key: &Key) {
    shared.state().objects.forget(key);
    if let Some((namespace, name)) = key.split_once('/') {
        shared.metrics.forget(Controller::ExternalSecret, namespace, name);
    }
}

/// For managed Secrets.
pub fn secrets(shared: Arc<Shared>) -> Sink {
    let first = AtomicBool::new(true);
    Arc::new(move |seen| match seen {
        Seen::ListBegins => shared.state().index.begin_secret_list(),
        Seen::Listed(json) | Seen::Changed(json) => match read_secret_row(json) {
            Err(error) => malformed(&shared, "Secret", &error),
            Ok((meta, row)) => {
                let key = key(&meta.namespace, &meta.name);
                let keys = shared.state().index.note_secret(&key, row);
                // At the start all objects are looked at anyway.
                if !first.load(Ordering::Relaxed) {
                    shared.queue(keys, Lane::Fresh);
                }
            }
        },
        Seen::ListEnds => {
            let keys = shared.state().index.end_secret_list();
            shared.queue(keys, Lane::Fresh);
            listed(&shared, &first);
            shared.wake.notify_waiters();
        }
        Seen::Gone(json) => match read_meta(json) {
            Err(error) => malformed(&shared, "Secret", &error),
            Ok(meta) => {
                let keys = shared.state().index.secret_gone(&key(&meta.namespace, &meta.name));
                shared.queue(keys, Lane::Fresh);
            }
        },
    })
}

/// For stores of one kind.
pub fn stores(shared: Arc<Shared>, kind: StoreKind) -> Sink {
    let first = AtomicBool::new(true);
    let seen_in_list: Mutex<BTreeSet<StoreKey>> = Mutex::default();
    Arc::new(move |seen| {
        let mut in_list = seen_in_list.lock().unwrap_or_else(PoisonError::into_inner);
        match seen {
            Seen::ListBegins => in_list.clear(),
            Seen::Listed(json) => in_list.extend(note_store(&shared, kind, json)),
            Seen::Changed(json) => drop(note_store(&shared, kind, json)),
            Seen::ListEnds => {
                let known = |key: &&StoreKey| key.kind == kind && !in_list.contains(*key);
                let gone: Vec<StoreKey> = shared.state().known.keys().filter(known).cloned().collect();
                gone.iter().for_each(|key| store_gone(&shared, key));
                in_list.clear();
                listed(&shared, &first);
                shared.wake.notify_waiters();
            }
            Seen::Gone(json) => match read_meta(json) {
                Err(error) => malformed(&shared, kind.as_str(), &error),
                Ok(meta) => {
                    let (namespace, name) = (meta.namespace.as_str().into(), meta.name.as_str().into());
                    store_gone(&shared, &StoreKey { kind, namespace, name });
                }
            },
        }
    })
}

/// Notes a store: a new form is validated, and what waits for a store that is ready now is served.
fn note_store(shared: &Arc<Shared>, kind: StoreKind, json: &[u8]) -> Option<StoreKey> {
    let store = match read_store(json, kind) {
        Ok(store) => Arc::new(store),
        Err(error) => {
            malformed(shared, kind.as_str(), &error);
            return None;
        }
    };
    let meta = &store.meta;
    let (namespace, name) = (meta.namespace.as_str().into(), meta.name.as_str().into());
    let key = StoreKey { kind, namespace, name };
    let now = shared.watch.now();
    let (changed, waiting) = {
        let mut state = shared.state();
        let old = state.known.insert(key.clone(), Arc::clone(&store));
        let same = |old: &Arc<_>| is_same(old, &store);
        let changed = !old.as_ref().is_some_and(same);
        let opened = store.is_ready() && !old.as_ref().is_some_and(|old| old.is_ready());
        if changed {
            state.stores.add(&key, Lane::Fresh, now);
            shared.metrics.queued(controller_of(kind));
        }
        (changed, if opened || old.is_none() { state.index.of_store(&key) } else { Vec::new() })
    };
    if changed {
        let (shared, uid, generation) = (Arc::clone(shared), meta.uid.clone(), meta.generation);
        tokio::spawn(async move { shared.provider.forget(&uid, Some(generation)).await });
    }
    shared.queue(waiting, Lane::Fresh);
    Some(key)
}

fn is_same(old: &syncer_core::cluster::ClusterStore, new: &syncer_core::cluster::ClusterStore) -> bool {
    old.meta.uid == new.meta.uid && old.meta.generation == new.meta.generation
}

fn store_gone(shared: &Arc<Shared>, key: &StoreKey) {
    let old = {
        let mut state = shared.state();
        state.stores.forget(key);
        state.known.remove(key)
    };
    shared.metrics.forget(controller_of(key.kind), &key.namespace, &key.name);
    if let Some(old) = old {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { shared.provider.forget(&old.meta.uid, None).await });
    }
}
