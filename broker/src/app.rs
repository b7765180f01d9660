//! Everything a request needs: the ledger, the policies, the mount table, counters.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use broker_core::auth::{auth_key, auths_key, decode_auth};
use broker_core::mount::{decode_mount, mount_key, mount_path_of, mounts_key};
use broker_core::record::uuid_text;
use broker_core::route::MountTable;
use broker_core::row::RowKey;

use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::ops::remount::Moves;
use crate::policy_store::{FolderProblem, LoadError, PolicyStore};
use crate::reviewer::Reviewer;
use crate::store::{Ledger, ReadError, Snapshot};

/// The version of Vault's API that clients are told, since some switch features by it.
pub const API_VERSION: &str = "1.14.0";

/// Composed once at the start; cheap to share.
pub struct App {
    /// Store and audit log.
    pub ledger: Ledger,
    /// Policies in force.
    pub policies: PolicyStore,
    /// Mounts of secret engines, and auth methods.
    pub mounts: ArcSwap<MountTable>,
    /// Counters.
    pub metrics: Metrics,
    /// Folder of policies, read again on a hang-up signal.
    pub policy_folder: Option<PathBuf>,
    /// The broker's own id, the same over restarts.
    pub cluster_id: String,
    /// `inmem` or `redb`, for `seal-status`.
    pub storage_type: &'static str,
    /// Cancelled when the broker drains; long streams end then.
    pub drain: tokio_util::sync::CancellationToken,
    /// Mounts that were moved in this run.
    pub moves: Mutex<Moves>,
    /// Asks API servers about tokens of service accounts.
    pub reviewer: Reviewer,
    ids: Ids,
    mount_change: Mutex<()>,
}

impl App {
    /// Loads policies and mounts from an open ledger.
    ///
    /// # Errors
    /// When they cannot be read; single bad policies are returned as problems.
    pub fn load(
        ledger: Ledger,
        policy_folder: Option<PathBuf>,
        storage_type: &'static str,
    ) -> Result<(Arc<Self>, Vec<FolderProblem>), LoadError> {
        let snapshot = ledger.snapshot()?;
        let (policies, problems) = PolicyStore::load(&snapshot, policy_folder.as_deref())?;
        let mounts = ArcSwap::from_pointee(load_mounts(&snapshot)?);
        let cluster_id = ledger.head().log;
        let app = Self {
            metrics: Metrics::new(ledger.clone()),
            ledger,
            policies,
            mounts,
            policy_folder,
            cluster_id,
            storage_type,
            drain: tokio_util::sync::CancellationToken::new(),
            moves: Mutex::default(),
            reviewer: Reviewer::default(),
            ids: Ids::default(),
            mount_change: Mutex::new(()),
        };
        Ok((Arc::new(app), problems))
    }

    /// Reads the mount table again, after a change.
    ///
    /// # Errors
    /// When the store cannot be read; the old table stays.
    pub fn reload_mounts(&self) -> Result<(), ReadError> {
        let _one_at_a_time = self.mount_change.lock().unwrap_or_else(PoisonError::into_inner);
        self.mounts.store(Arc::new(load_mounts(&self.ledger.snapshot()?)?));
        Ok(())
    }

    /// A random id in the form of a UUID, version 4.
    pub fn random_id(&self) -> u128 {
        self.ids.next(&self.ledger)
    }

    /// A random UUID as text.
    pub fn random_uuid(&self) -> String {
        uuid_text(self.random_id())
    }

    /// Random base62 characters: 24 of them carry 142 bits.
    pub fn random_base62(&self, length: usize) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut out = String::with_capacity(length);
        while out.len() < length {
            let mut bytes = [0; 64];
            self.ledger.random(&mut bytes);
            // 248 is the largest multiple of 62 in a byte: values above would prefer some characters.
            let fair = bytes.iter().filter(|b| **b < 248).filter_map(|b| ALPHABET.get(usize::from(b % 62)));
            out.extend(fair.take(length - out.len()).map(|c| char::from(*c)));
        }
        out
    }
}

fn load_mounts(snapshot: &Snapshot) -> Result<MountTable, ReadError> {
    let mounts = load_table(snapshot, &mounts_key(), mount_key, |row| {
        decode_mount(row).ok_or(ReadError::Damaged("mount"))
    })?;
    let auth = load_table(snapshot, &auths_key(), auth_key, |row| {
        decode_auth(row).ok_or(ReadError::Damaged("auth method"))
    })?;
    Ok(MountTable::new(mounts, auth))
}

fn load_table<T>(
    snapshot: &Snapshot,
    all: &RowKey,
    key: fn(&str) -> RowKey,
    decode: fn(&[u8]) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let mut found = Vec::new();
    for name in snapshot.children(all, None, usize::MAX)? {
        let Some(row) = snapshot.get(&key(&mount_path_of(&name)))? else { continue };
        found.push(decode(row.expose())?);
    }
    Ok(found)
}
