//! KV version 2: versions, check-and-set, soft delete, destroy and metadata, as commands over rows.

use std::collections::BTreeMap;

use crate::command::{Effects, Halt};
use crate::row::Rows;
use crate::secret::SecretJson;
use crate::time::Time;

mod custom;
mod decide;
mod meta;
pub mod request;
#[cfg(test)]
mod tests;
mod value;

pub use custom::check_custom_metadata;
pub use meta::{
    DEFAULT_MAX_VERSIONS, KeyMeta, KvSettings, ReadOutcome, Version, config_key, data_key, decode_config,
    decode_meta, meta_key, read_version,
};
pub(crate) use value::encode as encode_data;
pub use value::{MAX_VALUE_BYTES, StoredValue, decode_data};

/// The largest `max_versions`: the metadata of all kept versions is one row, rewritten at every write.
pub const MAX_MAX_VERSIONS: u64 = 10_000;

/// The mount a command works on.
#[derive(Clone, Debug)]
pub struct MountRef {
    /// The mount's id (a UUID), stable over renames; part of every row key.
    pub id: String,
    /// The mount path without its trailing slash, for the change stream.
    pub path: String,
}

/// Which existence the caller's authorization rested on: Vault asks for `create` where the key has no metadata
/// and for `update` where it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// The key has no metadata.
    Absent,
    /// The key has metadata, even if no version is alive.
    Present,
}

/// What a version's metadata tells the caller of a read or write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version, from 1.
    pub version: u64,
    /// When it was written.
    pub created: Time,
    /// When it was or will be deleted; `None` for never.
    pub deletion: Option<Time>,
    /// Whether its value is gone for good.
    pub destroyed: bool,
    /// The key's custom metadata; `None` prints as null.
    pub custom_metadata: Option<BTreeMap<String, String>>,
}

/// The settings that a mount and a key share. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Versions to keep; 0 takes the mount's, there 10.
    pub max_versions: Option<u64>,
    /// Whether writes must give `cas`.
    pub cas_required: Option<bool>,
    /// Seconds after which a new version deletes itself; 0 for never, negative at a mount disables it for its keys.
    pub delete_version_after: Option<i64>,
    /// Whether metadata writes must give `metadata_cas`.
    pub metadata_cas_required: Option<bool>,
}

/// A write to a KV version 2 mount.
#[derive(Debug)]
pub struct Kv2Command {
    /// The mount.
    pub mount: MountRef,
    /// The secret's path below the mount; empty for [`Kv2Action::Config`].
    pub path: String,
    /// The time of the request.
    pub now: Time,
    /// What to do.
    pub action: Kv2Action,
}

/// What to do to a key.
#[derive(Debug)]
pub enum Kv2Action {
    /// Write a new version.
    Write {
        /// The value; `None` for JSON null.
        data: Option<SecretJson>,
        /// The version that must be current, 0 for none.
        cas: Option<u64>,
        /// What the authorization rested on.
        expect: Existence,
    },
    /// Merge a patch (RFC 7396) into the latest version and write the result as a new one.
    Patch {
        /// The merge patch, a JSON object.
        patch: SecretJson,
        /// The version that must be current.
        cas: Option<u64>,
    },
    /// Soft-delete the latest version; nothing where there is none.
    DeleteLatest,
    /// Soft-delete versions; unknown ones are skipped.
    Delete(Vec<u64>),
    /// Bring soft-deleted versions back.
    Undelete(Vec<u64>),
    /// Destroy the values of versions for good.
    Destroy(Vec<u64>),
    /// Replace (`merge` false) or merge (true) metadata.
    Metadata {
        /// Settings that were given.
        settings: Settings,
        /// Custom metadata that was given; in a merge a `None` value removes the key.
        custom_metadata: Option<BTreeMap<String, Option<String>>>,
        /// The metadata version that must be current.
        metadata_cas: Option<u64>,
        /// PATCH instead of POST: the key must exist, custom metadata is merged.
        merge: bool,
        /// What the authorization rested on (POST only).
        expect: Option<Existence>,
    },
    /// Remove the key with all versions.
    Remove,
    /// Change the mount's settings.
    Config(Settings),
}

/// Decides a write.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &Kv2Command) -> Result<Effects, Halt> {
    if let Kv2Action::Config(given) = &command.action {
        return decide::config(rows, command, given);
    }
    let key = decide::Key::load(rows, command)?;
    match &command.action {
        Kv2Action::Write { data, cas, expect } => decide::write(key, data.as_ref(), *cas, *expect),
        Kv2Action::Patch { patch, cas } => decide::patch(rows, key, patch, *cas),
        Kv2Action::DeleteLatest => Ok(key.change_versions(decide::latest, decide::delete)),
        Kv2Action::Delete(versions) => Ok(key.change_versions(|_| versions.clone(), decide::delete)),
        Kv2Action::Undelete(versions) => Ok(key.change_versions(|_| versions.clone(), decide::undelete)),
        Kv2Action::Destroy(versions) => Ok(key.change_versions(|_| versions.clone(), decide::destroy)),
        Kv2Action::Metadata { .. } => decide::metadata(key),
        Kv2Action::Remove => Ok(decide::remove(key)),
        // Decided above.
        Kv2Action::Config(_) => Ok(Effects::default()),
    }
}
