//! The table of auth methods: rows, and the decisions to enable, tune and disable one.

use serde::{Deserialize, Serialize};

use super::request::{AuthTune, TOKEN_STORE, check_lives};
use crate::command::{Effects, Halt};
use crate::mount::{mount_key, mount_path_of};
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};
use crate::time::Time;

/// The most auth methods; every login looks through them.
pub const MAX_AUTH_MOUNTS: usize = 100;

const FORMAT: u8 = 1;

/// A kind of auth method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// Service accounts of a Kubernetes cluster, checked by its API server.
    Kubernetes,
}

impl AuthMethod {
    /// Vault's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The method of a word.
    pub fn of(word: &str) -> Option<Self> {
        (word == "kubernetes").then_some(Self::Kubernetes)
    }
}

/// An auth method as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMount {
    /// Path below `auth/`, without the trailing slash.
    pub path: String,
    /// UUID, part of the row keys of everything in it.
    pub id: String,
    /// Accessor: `auth_`, the type, and eight hex digits.
    pub accessor: String,
    /// What answers there.
    pub method: AuthMethod,
    /// Free text.
    pub description: String,
    /// Default life of its tokens in seconds, 0 for the system's.
    pub default_lease_ttl: u64,
    /// Longest life of its tokens in seconds, 0 for the system's.
    pub max_lease_ttl: u64,
    /// `unauth`, `hidden` or empty.
    pub listing_visibility: String,
    /// `default-service` or `service`; both make service tokens.
    pub token_type: String,
    /// When it was enabled: tokens from before belong to another method that was at this path.
    pub created: Time,
}

impl AuthMount {
    /// A name for it in commands.
    pub fn reference(&self) -> AuthRef {
        AuthRef { id: self.id.clone(), path: self.path.clone() }
    }
}

/// Names an auth method in a command: the path alone could mean another one meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRef {
    /// Its UUID.
    pub id: String,
    /// Path below `auth/`, without the trailing slash.
    pub path: String,
}

/// The path of the auth method that gave a token, from the path that the token remembers; `None` for a token that was
/// made from another token, and for those of the first start.
pub fn login_mount(token_path: &str) -> Option<&str> {
    let mount = token_path.strip_prefix("auth/")?.strip_suffix("/login")?;
    (!mount.starts_with("token/")).then_some(mount)
}

/// Key of the row of an auth method; its path becomes one segment.
pub fn auth_key(path: &str) -> RowKey {
    RowKey { table: Table::AuthMount, ..mount_key(path) }
}

/// Key whose children are all auth methods.
pub fn auths_key() -> RowKey {
    RowKey::new(Table::AuthMount, "")
}

#[derive(Serialize, Deserialize)]
struct AuthWire {
    v: u8,
    path: String,
    id: String,
    accessor: String,
    method: String,
    description: String,
    default_lease_ttl: u64,
    max_lease_ttl: u64,
    listing_visibility: String,
    token_type: String,
    created: i64,
}

/// Reads the row of an auth method; `None` where it is no such row.
pub fn decode_auth(bytes: &[u8]) -> Option<AuthMount> {
    let wire: AuthWire = serde_json::from_slice(bytes).ok()?;
    if wire.v != FORMAT {
        return None;
    }
    Some(AuthMount {
        path: wire.path,
        id: wire.id,
        accessor: wire.accessor,
        method: AuthMethod::of(&wire.method)?,
        description: wire.description,
        default_lease_ttl: wire.default_lease_ttl,
        max_lease_ttl: wire.max_lease_ttl,
        listing_visibility: wire.listing_visibility,
        token_type: wire.token_type,
        created: Time(wire.created),
    })
}

fn put(mount: AuthMount) -> Mutation {
    let key = auth_key(&mount.path);
    let wire = AuthWire {
        v: FORMAT,
        path: mount.path,
        id: mount.id,
        accessor: mount.accessor,
        method: mount.method.as_str().to_owned(),
        description: mount.description,
        default_lease_ttl: mount.default_lease_ttl,
        max_lease_ttl: mount.max_lease_ttl,
        listing_visibility: mount.listing_visibility,
        token_type: mount.token_type,
        created: mount.created.0,
    };
    // Texts and numbers have no way to fail.
    Mutation::Put(key, RowValue::new(serde_json::to_vec(&wire).unwrap_or_default()))
}

fn effects(mutations: Vec<Mutation>) -> Effects {
    Effects { mutations, ..Effects::default() }
}

fn invalid(text: String) -> Halt {
    Refusal::Invalid(text).into()
}

fn lies_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The method that a command means, still there.
///
/// # Errors
/// [`Refusal::ExistenceChanged`] where it is gone, or another one is at its path.
pub(super) fn still_there(rows: &Rows, mount: &AuthRef) -> Result<(), Halt> {
    let row = rows.get(&auth_key(&mount.path))?.ok_or(Refusal::ExistenceChanged)?;
    let found = decode_auth(row).ok_or(Refusal::Corrupt("auth method"))?;
    if found.id == mount.id { Ok(()) } else { Err(Refusal::ExistenceChanged.into()) }
}

pub(super) fn enable(rows: &Rows, mount: &AuthMount) -> Result<Effects, Halt> {
    let path = mount.path.as_str();
    if path.split('/').any(str::is_empty) {
        return Err(invalid(format!(
            "cannot enable an auth method at \"{path}/\": give a path without empty segments"
        )));
    }
    let names = rows.children(&auths_key())?;
    let paths = names.iter().map(|name| mount_path_of(name));
    let mut taken = paths.chain([TOKEN_STORE.to_owned()]);
    if let Some(taken) = taken.find(|other| lies_below(path, other) || lies_below(other, path)) {
        return Err(invalid(format!("path is already in use at {taken}/")));
    }
    if names.len() >= MAX_AUTH_MOUNTS {
        return Err(invalid(format!("there are {MAX_AUTH_MOUNTS} auth methods already; disable one first")));
    }
    Ok(effects(vec![put(mount.clone())]))
}

pub(super) fn tune(rows: &Rows, path: &str, tune: &AuthTune) -> Result<Effects, Halt> {
    let Some(row) = rows.get(&auth_key(path))? else {
        return Err(invalid(format!("cannot fetch sysview for path \"auth/{path}/\"")));
    };
    let old = decode_auth(row).ok_or(Refusal::Corrupt("auth method"))?;
    let new = tune.clone().applied_to(old.clone());
    check_lives(new.default_lease_ttl, new.max_lease_ttl)?;
    Ok(if new == old { Effects::default() } else { effects(vec![put(new)]) })
}

pub(super) fn disable(rows: &Rows, path: &str) -> Result<Effects, Halt> {
    if path == TOKEN_STORE {
        return Err(invalid("token credential backend cannot be disabled".to_owned()));
    }
    let key = auth_key(path);
    let Some(row) = rows.get(&key)? else { return Ok(Effects::default()) };
    let mount = decode_auth(row).ok_or(Refusal::Corrupt("auth method"))?;
    let inside = [Table::AuthConfig, Table::AuthRole];
    let trees = inside.into_iter().map(|table| Mutation::DeleteTree(RowKey::new(table, mount.id.as_str())));
    Ok(effects(std::iter::once(Mutation::Delete(key)).chain(trees).collect()))
}
