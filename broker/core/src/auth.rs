//! Auth methods: which one answers below which path of `auth/`, and the rules of each.

use crate::command::{Effects, Halt};
use crate::row::Rows;

pub mod kubernetes;
mod mounts;
mod request;
#[cfg(test)]
mod tests;

pub use mounts::{
    AuthMethod, AuthMount, AuthRef, MAX_AUTH_MOUNTS, auth_key, auths_key, decode_auth, login_mount,
};
pub use request::{AuthMountRequest, AuthTune, TOKEN_STORE};

/// A change of the auth methods, or a login with one.
#[derive(Debug)]
pub enum AuthCommand {
    /// Enable a method at a path; refused where the path is in use or lies above or below one that is.
    Enable(Box<AuthMount>),
    /// Change settings.
    Tune {
        /// Path below `auth/`, without the trailing slash.
        path: String,
        /// What to change.
        tune: Box<AuthTune>,
    },
    /// Remove a method with its settings and roles; nothing where there is none. Tokens it gave end with it.
    Disable {
        /// Path below `auth/`, without the trailing slash.
        path: String,
    },
    /// A change below a method of type `kubernetes`.
    Kubernetes(kubernetes::KubernetesCommand),
}

/// Decides a change of the auth methods.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &AuthCommand) -> Result<Effects, Halt> {
    match command {
        AuthCommand::Enable(mount) => mounts::enable(rows, mount),
        AuthCommand::Tune { path, tune } => mounts::tune(rows, path, tune),
        AuthCommand::Disable { path } => mounts::disable(rows, path),
        AuthCommand::Kubernetes(command) => kubernetes::apply(rows, command),
    }
}
