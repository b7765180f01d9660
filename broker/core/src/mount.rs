//! The mount table: which engine answers below which path, as commands over rows.

use serde::{Deserialize, Serialize};

use crate::command::{Change, Effects, Halt, Reply};
use crate::load::Needs;
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};

mod request;
#[cfg(test)]
mod tests;

pub use request::{MountRequest, MoveRequest};

/// First segments that the broker keeps for itself.
pub const RESERVED: [&str; 4] = ["sys", "auth", "cubbyhole", "identity"];

/// The most mounts; every request looks through them.
pub const MAX_MOUNTS: usize = 1_000;

const FORMAT: u8 = 1;

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
    /// Move a mount to a free path. It keeps its id, so nothing in it moves or changes; subscribers are told of
    /// both paths, and who follows its keys reads the mount table again.
    Move {
        /// Path without the trailing slash.
        from: String,
        /// The new path without the trailing slash.
        to: String,
    },
}

/// Key of the row of a mount. Its path becomes one segment, so that the children of the table's root are all
/// mounts: `%` and `/` are percent-encoded.
pub fn mount_key(path: &str) -> RowKey {
    RowKey::new(Table::Mount, path.replace('%', "%25").replace('/', "%2F"))
}

/// The path of a mount from the segment of its key.
pub fn mount_path_of(segment: &str) -> String {
    segment.replace("%2F", "/").replace("%25", "%")
}

/// Key whose children are all mounts.
pub fn mounts_key() -> RowKey {
    RowKey::new(Table::Mount, "")
}

#[derive(Serialize, Deserialize)]
struct MountWire {
    v: u8,
    path: String,
    id: String,
    accessor: String,
    kv: u8,
    description: String,
    default_lease_ttl: u64,
    max_lease_ttl: u64,
    listing_visibility: String,
}

/// Reads the row of a mount; `None` where it is no such row.
pub fn decode_mount(bytes: &[u8]) -> Option<MountInfo> {
    let wire: MountWire = serde_json::from_slice(bytes).ok()?;
    let engine = match (wire.v, wire.kv) {
        (FORMAT, 1) => Engine::Kv1,
        (FORMAT, 2) => Engine::Kv2,
        _ => return None,
    };
    Some(MountInfo {
        path: wire.path,
        id: wire.id,
        accessor: wire.accessor,
        engine,
        description: wire.description,
        default_lease_ttl: wire.default_lease_ttl,
        max_lease_ttl: wire.max_lease_ttl,
        listing_visibility: wire.listing_visibility,
    })
}

fn encode(mount: &MountInfo) -> RowValue {
    let mount = mount.clone();
    let wire = MountWire {
        v: FORMAT,
        path: mount.path,
        id: mount.id,
        accessor: mount.accessor,
        kv: match mount.engine {
            Engine::Kv1 => 1,
            Engine::Kv2 => 2,
        },
        description: mount.description,
        default_lease_ttl: mount.default_lease_ttl,
        max_lease_ttl: mount.max_lease_ttl,
        listing_visibility: mount.listing_visibility,
    };
    // Texts and numbers have no way to fail.
    RowValue::new(serde_json::to_vec(&wire).unwrap_or_default())
}

/// Decides a change of the mount table.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &MountCommand) -> Result<Effects, Halt> {
    match command {
        MountCommand::Enable(mount) => enable(rows, mount),
        MountCommand::Tune { path, tune } => change(rows, path, tune),
        MountCommand::Disable { path } => disable(rows, path),
        MountCommand::Move { from, to } => relocate(rows, from, to),
    }
}

fn invalid(text: String) -> Halt {
    Refusal::Invalid(text).into()
}

fn is_reserved(path: &str) -> bool {
    path.split('/').next().is_some_and(|first| RESERVED.contains(&first))
}

fn lies_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path may be a mount's.
fn check_path(path: &str) -> Result<(), Halt> {
    if is_reserved(path) {
        return Err(invalid(format!("cannot mount \"{path}/\"")));
    }
    if path.split('/').any(str::is_empty) {
        return Err(invalid(format!("cannot mount \"{path}/\": give a path without empty segments")));
    }
    Ok(())
}

/// The mount among these that a path would collide with: the same, one above or one below.
fn taken_by(path: &str, names: &[String]) -> Option<String> {
    names.iter().map(|n| mount_path_of(n)).find(|p| lies_below(path, p) || lies_below(p, path))
}

fn in_use(taken: &str) -> Halt {
    invalid(format!("path is already in use at {taken}/"))
}

fn enable(rows: &Rows, mount: &MountInfo) -> Result<Effects, Halt> {
    let path = mount.path.as_str();
    check_path(path)?;
    let key = mount_key(path);
    let mut needs = Needs::default();
    let own = needs.take(rows.get(&key))?.flatten();
    let names = needs.take(rows.children(&mounts_key()))?.unwrap_or_default();
    needs.finish()?;
    if let Some(taken) = taken_by(path, names).or_else(|| own.map(|_| path.to_owned())) {
        return Err(in_use(&taken));
    }
    if names.len() >= MAX_MOUNTS {
        return Err(invalid(format!("there are {MAX_MOUNTS} mounts already; disable one first")));
    }
    Ok(changed(path, vec![Mutation::Put(key, encode(mount))]))
}

fn changed(path: &str, mutations: Vec<Mutation>) -> Effects {
    let change = Change::MountChanged { mount: path.to_owned() };
    Effects { mutations, changes: vec![change], reply: Reply::Done }
}

fn change(rows: &Rows, path: &str, tune: &Tune) -> Result<Effects, Halt> {
    let key = mount_key(path);
    let Some(row) = rows.get(&key)? else {
        return Err(invalid(format!("cannot fetch sysview for path \"{path}/\"")));
    };
    let old = decode_mount(row).ok_or(Refusal::Corrupt("mount"))?;
    if tune.version.is_some_and(|version| version != old.engine) {
        let text = "the version of a mount cannot be changed; enable another mount and copy the secrets";
        return Err(invalid(text.to_owned()));
    }
    let tune = tune.clone();
    let new = MountInfo {
        description: tune.description.unwrap_or_else(|| old.description.clone()),
        default_lease_ttl: tune.default_lease_ttl.unwrap_or(old.default_lease_ttl),
        max_lease_ttl: tune.max_lease_ttl.unwrap_or(old.max_lease_ttl),
        listing_visibility: tune.listing_visibility.unwrap_or_else(|| old.listing_visibility.clone()),
        ..old.clone()
    };
    if new.max_lease_ttl > 0 && new.default_lease_ttl > new.max_lease_ttl {
        let (default, max) = (new.default_lease_ttl, new.max_lease_ttl);
        return Err(invalid(format!(
            "default_lease_ttl of {default} seconds is longer than max_lease_ttl of {max} seconds"
        )));
    }
    if new == old {
        return Ok(Effects::default());
    }
    Ok(changed(path, vec![Mutation::Put(key, encode(&new))]))
}

fn disable(rows: &Rows, path: &str) -> Result<Effects, Halt> {
    if is_reserved(path) {
        return Err(invalid(format!("cannot unmount \"{path}/\"")));
    }
    let key = mount_key(path);
    let Some(row) = rows.get(&key)? else { return Ok(Effects::default()) };
    let mount = decode_mount(row).ok_or(Refusal::Corrupt("mount"))?;
    let inside = [Table::KvMeta, Table::KvData, Table::KvConfig, Table::Kv1];
    let trees = inside.into_iter().map(|table| Mutation::DeleteTree(RowKey::new(table, mount.id.as_str())));
    Ok(changed(path, std::iter::once(Mutation::Delete(key)).chain(trees).collect()))
}

fn relocate(rows: &Rows, from: &str, to: &str) -> Result<Effects, Halt> {
    if is_reserved(from) {
        return Err(invalid(format!("cannot remount \"{from}/\"")));
    }
    check_path(to)?;
    let mut needs = Needs::default();
    let row = needs.take(rows.get(&mount_key(from)))?.flatten();
    let names = needs.take(rows.children(&mounts_key()))?.unwrap_or_default();
    needs.finish()?;
    let Some(row) = row else { return Err(invalid(format!("no matching mount at \"{from}/\""))) };
    if let Some(taken) = taken_by(to, names) {
        return Err(in_use(&taken));
    }
    let mount = decode_mount(row).ok_or(Refusal::Corrupt("mount"))?;
    let moved = MountInfo { path: to.to_owned(), ..mount };
    let mutations = vec![Mutation::Delete(mount_key(from)), Mutation::Put(mount_key(to), encode(&moved))];
    let changes = [from, to].map(|path| Change::MountChanged { mount: path.to_owned() });
    Ok(Effects { mutations, changes: changes.into(), reply: Reply::Done })
}
