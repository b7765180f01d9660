//! What is known of all objects between two runs: small rows, and who depends on what. Never whole objects.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Deserialize;

use super::condition::is_ready;
use super::observe::{Meta, ObserveError, Status, plain, read_external_secret_parts};
use crate::render::CREATED_BY;
use crate::wanted::StoreKind;

/// Why a row could not be read; the same as for the whole object.
pub type RowError = ObserveError;

/// `namespace/name`.
type Key = Arc<str>;

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreKey {
    /// Its kind.
    pub kind: StoreKind,
    /// Its namespace; empty for a ClusterSecretStore.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// One ExternalSecret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its uid.
    pub uid: Box<str>,
    /// Fingerprint of what a run depends on: generation, labels, annotations, finalizers, deletion. Not the status.
    pub shape: u64,
    /// Its target's name.
    pub target: Box<str>,
    /// The store it reads from.
    pub store: Option<StoreKey>,
    /// Whether its status says that this form of it is served.
    pub synced: bool,
    /// Its resource version if it has no finalizer and is not being deleted: a new object that nobody serves yet.
    pub untouched: Option<Box<str>>,
}

/// Metadata of one managed Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Fingerprint of its resource version.
    pub version: u64,
    /// Its uid.
    pub uid: Box<str>,
    /// Label `created-by`; empty if it has none.
    pub created_by: Box<str>,
}

/// What a new row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An object that was not known, or was deleted and made anew.
    New,
    /// Something that a run depends on changed.
    Changed,
    /// Nothing did.
    Same,
}

#[derive(Debug)]
struct Entry {
    row: Row,
    /// The last success that was not written into the status, in seconds since 1970.
    last: Option<i64>,
    /// Paths that it read last.
    paths: Box<[Key]>,
    /// A change at the provider that was not served yet.
    forced: bool,
    seen: u32,
}

/// All rows.
#[derive(Debug, Default)]
pub struct Index {
    rows: BTreeMap<Key, Entry>,
    secrets: BTreeMap<Key, (SecretRow, u32)>,
    by_store: BTreeMap<StoreKey, BTreeSet<Key>>,
    by_target: BTreeMap<Key, BTreeSet<Key>>,
    by_path: BTreeMap<Key, BTreeSet<Key>>,
    round: u32,
    secret_round: u32,
}

/// Reads the row of an ExternalSecret: its namespace, name and row.
///
/// # Errors
/// [`RowError`] if it is no object of the API.
pub fn read_row(json: &[u8]) -> Result<(Meta, Row), RowError> {
    let (meta, intent, status) = read_external_secret_parts(json)?;
    let store = intent.store.map(|store| StoreKey {
        namespace: match store.kind {
            StoreKind::SecretStore => Arc::from(meta.namespace.as_str()),
            StoreKind::ClusterSecretStore => Arc::from(""),
        },
        kind: store.kind,
        name: Arc::from(store.name),
    });
    let row = Row {
        uid: meta.uid.as_str().into(),
        shape: shape(&meta),
        target: intent.target.into(),
        store,
        synced: is_synced(&meta, &status),
        untouched: (meta.finalizers.is_empty() && meta.deletion_timestamp.is_none())
            .then(|| meta.resource_version.as_str().into()),
    };
    Ok((meta, row))
}

fn is_synced(meta: &Meta, status: &Status) -> bool {
    status.refresh_time.is_some()
        && is_ready(&status.conditions)
        && status.synced_version == meta.synced_version()
}

/// Reads the row of a managed Secret of which only the metadata are sent.
///
/// # Errors
/// [`RowError`] if it is no object of the API.
pub fn read_secret_row(json: &[u8]) -> Result<(Meta, SecretRow), RowError> {
    #[derive(Deserialize)]
    struct Only {
        metadata: Meta,
    }
    let Only { metadata } = serde_json::from_slice(json).map_err(plain)?;
    let row = SecretRow {
        version: fingerprint(&metadata.resource_version),
        uid: metadata.uid.as_str().into(),
        created_by: metadata.labels.get(CREATED_BY).map_or("", String::as_str).into(),
    };
    Ok((metadata, row))
}

fn shape(meta: &Meta) -> u64 {
    fingerprint(&(
        meta.generation,
        &meta.labels,
        &meta.annotations,
        &meta.finalizers,
        meta.deletion_timestamp.is_some(),
    ))
}

/// The same number for the same thing within one run of the program.
pub(super) fn fingerprint(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

fn unlink<M: Ord>(map: &mut BTreeMap<M, BTreeSet<Key>>, at: &M, key: &Key) {
    if let Some(set) = map.get_mut(at) {
        set.remove(key);
        if set.is_empty() {
            map.remove(at);
        }
    }
}

fn joined(namespace: &str, name: &str) -> Key {
    Arc::from(format!("{namespace}/{name}"))
}

impl Index {
    /// Begins a list of ExternalSecrets: what is not seen until [`Index::end_list`] is gone.
    pub fn begin_list(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Begins a list of Secrets: what is not seen until [`Index::end_secret_list`] is gone.
    pub fn begin_secret_list(&mut self) {
        self.secret_round = self.secret_round.wrapping_add(1);
    }

    /// Ends a list of ExternalSecrets.
    ///
    /// # Returns
    /// The keys that are gone.
    pub fn end_list(&mut self) -> Vec<Key> {
        let round = self.round;
        let gone: Vec<Key> =
            self.rows.iter().filter(|(_, entry)| entry.seen != round).map(|(key, _)| key.clone()).collect();
        for key in &gone {
            self.remove(key);
        }
        gone
    }

    /// Ends a list of Secrets.
    ///
    /// # Returns
    /// The ExternalSecrets whose target is gone.
    pub fn end_secret_list(&mut self) -> Vec<Key> {
        let round = self.secret_round;
        let gone = self.secrets.iter().filter(|(_, (_, seen))| *seen != round).map(|(key, _)| key.clone());
        let gone: Vec<Key> = gone.collect();
        gone.iter().flat_map(|key| self.secret_gone(key)).collect()
    }

    /// Notes an ExternalSecret.
    pub fn note(&mut self, key: &Key, row: Row) -> Change {
        let old = self.rows.get(key);
        let change = match old {
            None => Change::New,
            Some(old) if old.row.uid != row.uid => Change::New,
            Some(old) if old.row.shape != row.shape => Change::Changed,
            Some(_) => Change::Same,
        };
        if change == Change::New {
            self.remove(key);
        } else {
            self.unlink_row(key);
        }
        if let Some(store) = &row.store {
            self.by_store.entry(store.clone()).or_default().insert(key.clone());
        }
        let target = self.target_key(key, &row);
        self.by_target.entry(target).or_default().insert(key.clone());
        let seen = self.round;
        match self.rows.get_mut(key) {
            Some(entry) => (entry.row, entry.seen) = (row, seen),
            None => {
                let entry = Entry { row, last: None, paths: Box::default(), forced: false, seen };
                self.rows.insert(key.clone(), entry);
            }
        }
        change
    }

    /// Forgets an ExternalSecret.
    pub fn remove(&mut self, key: &Key) {
        self.set_paths(key, &[]);
        self.unlink_row(key);
        self.rows.remove(key);
    }

    fn unlink_row(&mut self, key: &Key) {
        let Some(entry) = self.rows.get(key) else { return };
        let (store, target) = (entry.row.store.clone(), self.target_key(key, &entry.row));
        if let Some(store) = store {
            unlink(&mut self.by_store, &store, key);
        }
        unlink(&mut self.by_target, &target, key);
    }

    fn target_key(&self, key: &Key, row: &Row) -> Key {
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        joined(namespace, &row.target)
    }

    /// Notes a managed Secret that was listed or watched.
    ///
    /// # Returns
    /// The ExternalSecrets whose target it is, unless this form of it is known, for example because we wrote it.
    pub fn note_secret(&mut self, key: &Key, row: SecretRow) -> Vec<Key> {
        let seen = self.secret_round;
        let known = self.secrets.get(key).is_some_and(|(old, _)| old.version == row.version);
        self.secrets.insert(key.clone(), (row, seen));
        if known { Vec::new() } else { self.of_target(key) }
    }

    /// Notes that a Secret is gone.
    ///
    /// # Returns
    /// The ExternalSecrets whose target it was, unless that is known, for example because we removed it.
    pub fn secret_gone(&mut self, key: &Key) -> Vec<Key> {
        if self.secrets.remove(key).is_some() { self.of_target(key) } else { Vec::new() }
    }

    fn of_target(&self, key: &Key) -> Vec<Key> {
        self.by_target.get(key).into_iter().flatten().cloned().collect()
    }

    /// The ExternalSecrets that read from a store.
    pub fn of_store(&self, store: &StoreKey) -> Vec<Key> {
        self.by_store.get(store).into_iter().flatten().cloned().collect()
    }

    /// The ExternalSecrets that read a path, or with `below` any path that begins so. Each is marked: its next run asks
    /// the provider although its interval has not passed.
    pub fn force_path(&mut self, path: &str, below: bool) -> Vec<Key> {
        let from = std::ops::Bound::Included(path);
        let range = self.by_path.range::<str, _>((from, std::ops::Bound::Unbounded));
        let hit = |at: &Key| if below { at.starts_with(path) } else { at.as_ref() == path };
        let keys: BTreeSet<Key> =
            range.take_while(|(at, _)| hit(at)).flat_map(|(_, keys)| keys.iter().cloned()).collect();
        for key in &keys {
            if let Some(entry) = self.rows.get_mut(key) {
                entry.forced = true;
            }
        }
        keys.into_iter().collect()
    }

    /// Takes the mark off that [`Index::force_path`] set.
    pub fn take_forced(&mut self, key: &Key) -> bool {
        self.rows.get_mut(key).is_some_and(|entry| std::mem::take(&mut entry.forced))
    }

    /// Sets the mark again, because the run did not come to asking.
    pub fn set_forced(&mut self, key: &Key) {
        if let Some(entry) = self.rows.get_mut(key) {
            entry.forced = true;
        }
    }

    /// Notes which paths an object reads.
    pub fn set_paths(&mut self, key: &Key, paths: &[Key]) {
        let Some(entry) = self.rows.get_mut(key) else { return };
        if *entry.paths == *paths {
            return;
        }
        // One copy of each path is kept for all that read it.
        let shared = |path: &Key| self.by_path.get_key_value(path).map_or(path, |(known, _)| known).clone();
        let new: Box<[Key]> = paths.iter().map(shared).collect();
        let old = std::mem::replace(&mut entry.paths, new.clone());
        for path in &old {
            unlink(&mut self.by_path, path, key);
        }
        for path in new {
            self.by_path.entry(path).or_default().insert(key.clone());
        }
    }

    /// The last success of this object (by uid) that its status may not show, in seconds since 1970.
    pub fn last_sync(&self, key: &Key, uid: &str) -> Option<i64> {
        self.rows.get(key).filter(|entry| *entry.row.uid == *uid).and_then(|entry| entry.last)
    }

    /// Notes a success.
    pub fn set_last_sync(&mut self, key: &Key, time: i64) {
        if let Some(entry) = self.rows.get_mut(key) {
            entry.last = Some(time);
        }
    }

    /// Name and uid of the managed Secrets of a namespace that were made for `created_by`, except `name`.
    pub fn orphans(&self, namespace: &str, created_by: &str, name: &str) -> Vec<(String, String)> {
        let prefix = joined(namespace, "");
        let range = self.secrets.range::<Key, _>(prefix.clone()..);
        range
            .take_while(|(key, _)| key.starts_with(&*prefix))
            .filter(|(_, (row, _))| *row.created_by == *created_by)
            .filter_map(|(key, (row, _))| Some((key.split_once('/')?.1.to_owned(), row.uid.to_string())))
            .filter(|(secret, _)| secret != name)
            .collect()
    }

    /// The resource version of an object that nobody serves yet, see [`Row::untouched`].
    pub fn untouched(&self, key: &Key) -> Option<&str> {
        self.rows.get(key)?.row.untouched.as_deref()
    }

    /// Whether a Secret of this key is known to be managed.
    pub fn is_managed(&self, key: &str) -> bool {
        self.secrets.contains_key(key)
    }

    /// Number of ExternalSecrets.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no ExternalSecrets.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests;
