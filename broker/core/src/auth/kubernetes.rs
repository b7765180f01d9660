//! Logins of Kubernetes service accounts: settings, roles, and what follows from a token review.
//!
//! A JWT is never trusted by itself: what it says is read to refuse early and to compare. Only the answer of the API
//! server to a TokenReview for the role's audience makes a login.

use crate::command::{Effects, Halt};
use crate::refusal::Refusal;
use crate::row::{Mutation, Rows};
use crate::token::{self, TokenCommand};

use super::AuthRef;
use super::mounts::still_there;

mod cache;
mod config;
mod login;
mod review;
mod role;
#[cfg(test)]
mod tests;

pub use cache::{CACHE_SECONDS, MAX_CACHED, ReviewCache, ReviewKey, review_key};
pub use config::{KubernetesConfig, config_key};
pub use login::{
    Denial, LoginPlace, LoginRequest, MAX_JWT_BYTES, UnverifiedClaims, Verified, actor_name, decide, facts,
    plan_token, screen, unverified_claims,
};
pub use review::{Review, review_body};
pub use role::{
    AliasNameSource, KubernetesRole, KubernetesRoleChange, KubernetesTokenType, MAX_KUBERNETES_ROLES,
    decode_kubernetes_role, kubernetes_role_key, kubernetes_roles_key,
};

/// A change below an auth method of type `kubernetes`.
#[derive(Debug)]
pub enum KubernetesCommand {
    /// Replace the settings.
    WriteConfig {
        /// The method.
        mount: AuthRef,
        /// The new settings.
        config: Box<KubernetesConfig>,
    },
    /// Write a role, or change what is given of one that is there.
    WriteRole {
        /// The method.
        mount: AuthRef,
        /// The role's name.
        name: String,
        /// What to change.
        change: Box<KubernetesRoleChange>,
    },
    /// Remove a role; nothing where there is none. Its tokens live on and cannot be renewed.
    DeleteRole {
        /// The method.
        mount: AuthRef,
        /// The role's name.
        name: String,
    },
    /// Create the token of a login, if method and role are still what the login was decided by.
    Login {
        /// The method.
        mount: AuthRef,
        /// The role as it was.
        role: Box<KubernetesRole>,
        /// The token, from [`plan_token`].
        create: TokenCommand,
    },
}

/// Decides a change below an auth method of type `kubernetes`.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &KubernetesCommand) -> Result<Effects, Halt> {
    match command {
        KubernetesCommand::WriteConfig { mount, config } => {
            still_there(rows, mount)?;
            let mutations = vec![Mutation::Put(config_key(&mount.id), config.encode())];
            Ok(Effects { mutations, ..Effects::default() })
        }
        KubernetesCommand::WriteRole { mount, name, change } => {
            still_there(rows, mount)?;
            role::write(rows, &mount.id, name, change)
        }
        KubernetesCommand::DeleteRole { mount, name } => {
            still_there(rows, mount)?;
            role::delete(rows, &mount.id, name)
        }
        KubernetesCommand::Login { mount, role, create } => {
            still_there(rows, mount)?;
            if role::loaded(rows, &mount.id, &role.name)?.as_ref() != Some(role) {
                return Err(Refusal::ExistenceChanged.into());
            }
            token::apply(rows, create)
        }
    }
}
