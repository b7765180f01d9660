//! The metadata of a KV version 2 key: its versions, its settings, what a read finds, and its row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Settings, VersionInfo};
use crate::row::{RowKey, RowValue, Table};
use crate::time::Time;

/// Versions kept where neither mount nor key say otherwise.
pub const DEFAULT_MAX_VERSIONS: u64 = 10;

const FORMAT: u8 = 1;
/// Versions and metadata writes beyond this were never made.
const MAX_COUNTER: u64 = 1 << 53;

/// One version of a key, without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// When it was written.
    pub created: Time,
    /// When it was or will be deleted; `None` for never.
    pub deletion: Option<Time>,
    /// Whether its value is gone for good.
    pub destroyed: bool,
}

impl Version {
    /// Whether it can be read at a time.
    pub fn is_live(&self, now: Time) -> bool {
        !self.destroyed && self.deletion.is_none_or(|at| at > now)
    }
}

/// The settings of a mount or a key, all given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvSettings {
    /// Versions to keep; 0 for unset.
    pub max_versions: u64,
    /// Whether writes must give `cas`.
    pub cas_required: bool,
    /// Seconds after which a new version deletes itself; 0 for never, negative (mounts only) switches it off.
    pub delete_version_after: i64,
    /// Whether metadata writes must give `metadata_cas`.
    pub metadata_cas_required: bool,
}

impl KvSettings {
    /// These settings with the given ones laid over them.
    pub fn with(mut self, given: &Settings) -> Self {
        self.max_versions = given.max_versions.unwrap_or(self.max_versions);
        self.cas_required = given.cas_required.unwrap_or(self.cas_required);
        // Every negative value means the same, so one of them is stored.
        self.delete_version_after = given.delete_version_after.unwrap_or(self.delete_version_after).max(-1);
        self.metadata_cas_required = given.metadata_cas_required.unwrap_or(self.metadata_cas_required);
        self
    }

    /// When a version that begins now deletes itself: after the smaller of both settings, if any.
    pub fn deletion(mount: &Self, key: &Self, now: Time) -> Option<Time> {
        if mount.delete_version_after < 0 {
            return None;
        }
        let both = [mount.delete_version_after, key.delete_version_after];
        both.into_iter().filter(|seconds| *seconds > 0).min().map(|seconds| now.plus_seconds(seconds))
    }

    /// How many versions are kept: the larger of both settings, 10 if there is none.
    pub fn kept(mount: &Self, key: &Self) -> u64 {
        match mount.max_versions.max(key.max_versions) {
            0 => DEFAULT_MAX_VERSIONS,
            kept => kept,
        }
    }
}

/// The metadata of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyMeta {
    /// When the key came to be.
    pub created: Time,
    /// When its last version was written.
    pub updated: Time,
    /// The newest version; 0 where none was written.
    pub current_version: u64,
    /// The oldest version kept; 0 before the first pruning.
    pub oldest_version: u64,
    /// Counts the writes of metadata, for `metadata_cas`.
    pub metadata_version: u64,
    /// The key's own settings.
    pub settings: KvSettings,
    /// Custom metadata; `None` prints as null.
    pub custom_metadata: Option<BTreeMap<String, String>>,
    /// The versions kept, by number.
    pub versions: BTreeMap<u64, Version>,
}

/// What a read of a version finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// There is no such version: 404 without data.
    Missing,
    /// It was deleted or destroyed: 404 with its metadata.
    Gone(VersionInfo),
    /// Its value can be read.
    Live(VersionInfo),
}

impl KeyMeta {
    /// What callers are told about a version.
    pub fn info(&self, number: u64, version: &Version) -> VersionInfo {
        VersionInfo {
            version: number,
            created: version.created,
            deletion: version.deletion,
            destroyed: version.destroyed,
            custom_metadata: self.custom_metadata.clone(),
        }
    }

    /// Adds the next version and drops those beyond the number to keep.
    ///
    /// # Returns
    /// The numbers that were dropped.
    pub(super) fn add_version(&mut self, version: Version, kept: u64) -> Vec<u64> {
        self.current_version += 1;
        self.updated = version.created;
        self.versions.insert(self.current_version, version);
        if self.current_version.saturating_sub(self.oldest_version) < kept {
            return Vec::new();
        }
        self.oldest_version = self.current_version.saturating_sub(kept) + 1;
        let newer = self.versions.split_off(&self.oldest_version);
        std::mem::replace(&mut self.versions, newer).into_keys().collect()
    }
}

/// What a read finds: the version asked for, the newest for `None` and 0.
pub fn read_version(meta: &KeyMeta, requested: Option<u64>, now: Time) -> ReadOutcome {
    let number = requested.filter(|n| *n > 0).unwrap_or(meta.current_version);
    let Some(version) = meta.versions.get(&number) else { return ReadOutcome::Missing };
    let info = meta.info(number, version);
    if version.is_live(now) { ReadOutcome::Live(info) } else { ReadOutcome::Gone(info) }
}

/// Key of the metadata row of a secret.
pub fn meta_key(mount_id: &str, path: &str) -> RowKey {
    RowKey::join(Table::KvMeta, &[mount_id, path])
}

/// Key of the row with the value of a version.
pub fn data_key(mount_id: &str, path: &str, version: u64) -> RowKey {
    RowKey::join(Table::KvData, &[mount_id, path, &version.to_string()])
}

/// Key of the row with the settings of a mount.
pub fn config_key(mount_id: &str) -> RowKey {
    RowKey::new(Table::KvConfig, mount_id)
}

#[derive(Serialize, Deserialize)]
struct MetaWire {
    v: u8,
    created: i64,
    updated: i64,
    current: u64,
    oldest: u64,
    metadata: u64,
    settings: KvSettings,
    custom: Option<BTreeMap<String, String>>,
    /// Number, created, deletion, destroyed.
    versions: Vec<(u64, i64, Option<i64>, bool)>,
}

#[derive(Serialize, Deserialize)]
struct ConfigWire {
    v: u8,
    settings: KvSettings,
}

/// Reads a metadata row; `None` where it is no such row.
pub fn decode_meta(bytes: &[u8]) -> Option<KeyMeta> {
    let wire: MetaWire = serde_json::from_slice(bytes).ok()?;
    // Counters that no sequence of writes makes belong to a damaged row, and would not add up later.
    let sound =
        wire.oldest <= wire.current.saturating_add(1) && wire.current.max(wire.metadata) < MAX_COUNTER;
    if wire.v != FORMAT || !sound {
        return None;
    }
    let versions = wire.versions.into_iter().map(|(number, created, deletion, destroyed)| {
        (number, Version { created: Time(created), deletion: deletion.map(Time), destroyed })
    });
    Some(KeyMeta {
        created: Time(wire.created),
        updated: Time(wire.updated),
        current_version: wire.current,
        oldest_version: wire.oldest,
        metadata_version: wire.metadata,
        settings: wire.settings,
        custom_metadata: wire.custom,
        versions: versions.collect(),
    })
}

pub(super) fn encode_meta(meta: &KeyMeta) -> RowValue {
    let versions =
        meta.versions.iter().map(|(n, v)| (*n, v.created.0, v.deletion.map(|t| t.0), v.destroyed)).collect();
    let wire = MetaWire {
        v: FORMAT,
        created: meta.created.0,
        updated: meta.updated.0,
        current: meta.current_version,
        oldest: meta.oldest_version,
        metadata: meta.metadata_version,
        settings: meta.settings,
        custom: meta.custom_metadata.clone(),
        versions,
    };
    // Numbers and texts have no way to fail.
    RowValue::new(serde_json::to_vec(&wire).unwrap_or_default())
}

/// Reads the row with the settings of a mount, the defaults where there is none; `None` where it is no such row.
pub fn decode_config(bytes: Option<&[u8]>) -> Option<KvSettings> {
    let Some(bytes) = bytes else { return Some(KvSettings::default()) };
    let wire: ConfigWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.settings)
}

pub(super) fn encode_config(settings: KvSettings) -> RowValue {
    RowValue::new(serde_json::to_vec(&ConfigWire { v: FORMAT, settings }).unwrap_or_default())
}
