//! Tokens and their roles: creation, renewal, revocation and expiry, as commands over rows.

use std::collections::BTreeMap;

use crate::command::{Effects, Halt};
use crate::identity::Facts;
use crate::row::Rows;
use crate::time::Time;

mod create;
mod decide;
mod life;
mod role;
mod row;
#[cfg(test)]
mod tests;

pub use create::{CallerRights, CreateContext, CreateRequest, NewIds, plan_create, plan_create_with_role};
pub(crate) use life::{after, tighter};
pub use life::{is_live, plan_renew, remaining_seconds};
pub use role::{
    MAX_ROLE_NAME_BYTES, MAX_ROLES, RoleChange, RoleSeconds, RoleTokenType, TokenRole, decode_role, role_key,
    roles_key,
};
pub use row::{accessor_key, children_key, decode_accessor, decode_token, token_key};

/// The longest life of a token without other settings: 768 hours, as Vault's system default.
pub const SYSTEM_MAX_TTL_SECONDS: u64 = 2_764_800;

/// A token as stored; the token itself is not in it.
#[derive(Clone, Debug, Default)]
pub struct TokenInfo {
    /// Keyed hash of the token in hex: its row key.
    pub id: String,
    /// Accessor, 24 base62 characters.
    pub accessor: String,
    /// Policies, sorted, lower-case.
    pub policies: Vec<String>,
    /// Metadata given at creation, `None` prints as null.
    pub meta: Option<BTreeMap<String, String>>,
    /// `token` or `token-NAME`, or what the login method set.
    pub display_name: String,
    /// The API path that made it, for example `auth/token/create`.
    pub path: String,
    /// When it was created.
    pub created: Time,
    /// Seconds of life given at creation; 0 for a root token that never ends.
    pub creation_ttl: u64,
    /// When it ends; `None` for never.
    pub expires: Option<Time>,
    /// The last renewal.
    pub last_renewal: Option<Time>,
    /// The hard limit of its life in seconds; 0 for none of its own, its role may have one.
    pub explicit_max_ttl: u64,
    /// Period in seconds of a periodic token; 0 for none of its own, its role may have one.
    pub period: u64,
    /// Uses left; 0 for no limit. A token with one use left ends with that use.
    pub num_uses: u64,
    /// Whether renewals are allowed.
    pub renewable: bool,
    /// Whether it has no parent.
    pub orphan: bool,
    /// Row key of its parent.
    pub parent: Option<String>,
    /// The role it was created with; a renewal needs it.
    pub role: Option<String>,
    /// Who holds it, as verified at login; `None` for tokens made from tokens of root.
    pub facts: Facts,
}

/// A change of the tokens.
#[derive(Debug)]
pub enum TokenCommand {
    /// Store a new token; everything in it was decided by [`plan_create`] or [`plan_create_with_role`].
    Create(Box<TokenInfo>),
    /// Renew a token, decided by [`plan_renew`] inside the writer.
    Renew {
        /// Its row key.
        id: String,
        /// Seconds asked for; 0 for the default.
        increment: u64,
        /// The time of the request.
        now: Time,
    },
    /// Revoke a token with all its descendants (or leave its children as orphans).
    Revoke {
        /// Its row key.
        id: String,
        /// Leave the children as orphans.
        orphan_children: bool,
    },
    /// Count one use of a token with a limited number of uses; the last use removes it with its descendants.
    Use {
        /// Its row key.
        id: String,
        /// The time of the request.
        now: Time,
    },
    /// Write a role, or change what is given of one that is there.
    WriteRole {
        /// Its name.
        name: String,
        /// What to change.
        change: Box<RoleChange>,
    },
    /// Remove a role; nothing where there is none. Its tokens live on and cannot be renewed.
    DeleteRole {
        /// Its name.
        name: String,
    },
}

/// Decides a change of the tokens.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &TokenCommand) -> Result<Effects, Halt> {
    match command {
        TokenCommand::Create(token) => decide::create(rows, token),
        TokenCommand::Renew { id, increment, now } => decide::renew(rows, id, *increment, *now),
        TokenCommand::Revoke { id, orphan_children } => decide::revoke(rows, id, *orphan_children),
        TokenCommand::Use { id, now } => decide::spend(rows, id, *now),
        TokenCommand::WriteRole { name, change } => role::write(rows, name, change),
        TokenCommand::DeleteRole { name } => role::delete(rows, name),
    }
}
