//! The mount table: which engine answers below which path, as commands over rows.

use crate::command::{Effects, Halt};
use crate::row::Rows;

/// What answers below a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// KV version 1.
    Kv1,
    /// KV version 2.
    Kv2,
}

/// A mount as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountInfo {
    /// Path without the trailing slash.
    pub path: String,
    /// UUID, part of the row keys of everything in it.
    pub id: String,
    /// Accessor, `kv_` and eight hex digits.
    pub accessor: String,
    /// The engine.
    pub engine: Engine,
    /// Free text.
    pub description: String,
    /// Default lease in seconds, 0 for the system's.
    pub default_lease_ttl: u64,
    /// Longest lease in seconds, 0 for the system's.
    pub max_lease_ttl: u64,
    /// `unauth`, `hidden` or empty.
    pub listing_visibility: String,
}

/// What a tune changes; `None` leaves a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tune {
    /// Free text.
    pub description: Option<String>,
    /// Default lease in seconds.
    pub default_lease_ttl: Option<u64>,
    /// Longest lease in seconds.
    pub max_lease_ttl: Option<u64>,
    /// `unauth`, `hidden` or empty.
    pub listing_visibility: Option<String>,
    /// From KV version 1 to 2 is refused, the same version is accepted.
    pub version: Option<Engine>,
}

/// A change of the mount table.
#[derive(Debug)]
pub enum MountCommand {
    /// Enable an engine at a path; refused where the path is in use or lies above or below one that is.
    Enable(Box<MountInfo>),
    /// Change settings.
    Tune {
        /// Path without the trailing slash.
        path: String,
        /// What to change.
        tune: Tune,
    },
    /// Remove a mount with everything in it; nothing where there is none.
    Disable {
        /// Path without the trailing slash.
        path: String,
    },
}

/// Decides a change of the mount table.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(_rows: &Rows, _command: &MountCommand) -> Result<Effects, Halt> {
    Err(Halt::Refused(crate::refusal::Refusal::Corrupt("mount")))
}
