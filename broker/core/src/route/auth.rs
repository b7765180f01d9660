//! The paths below `auth/` of methods other than the token store.

use policies::RequestPath;

use super::{MountTable, RouteError, Verb, below, only, role_name};
use crate::auth::AuthRef;
use crate::record::Kind;

/// An operation on an auth method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthOp {
    /// The method.
    pub mount: AuthRef,
    /// What to do; there is one type of methods today.
    pub action: KubernetesOp,
}

/// An operation on an auth method of type `kubernetes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubernetesOp {
    /// GET `config`.
    Config,
    /// POST `config`.
    ConfigWrite,
    /// LIST `role`.
    Roles,
    /// GET `role/NAME`.
    Role(String),
    /// POST `role/NAME`.
    RoleWrite(String),
    /// DELETE `role/NAME`.
    RoleDelete(String),
}

/// The auth method that a request logs in with; logins need no token.
pub fn login(verb: Verb, path: &RequestPath, mounts: &MountTable) -> Option<AuthRef> {
    let (mount, rest) = mounts.resolve_auth(below(path.as_str(), "auth")?)?;
    (verb == Verb::Write && rest == "login").then(|| mount.reference())
}

/// Finds the operation of a path below `auth/`.
///
/// # Errors
/// See [`super::route`].
pub(super) fn route(verb: Verb, rest: &str, mounts: &MountTable) -> Result<AuthOp, RouteError> {
    let (mount, rest) = mounts.resolve_auth(rest).ok_or(RouteError::NoMount)?;
    let action = match rest {
        "config" if verb == Verb::Write => Ok(KubernetesOp::ConfigWrite),
        "config" => only(verb, &[Verb::Read], KubernetesOp::Config),
        "role" => only(verb, &[Verb::List], KubernetesOp::Roles),
        // A login never comes here.
        "login" => Err(RouteError::UnsupportedOperation),
        _ => match below(rest, "role") {
            Some(name) => role(verb, role_name(name)?),
            None => Err(RouteError::UnsupportedPath),
        },
    }?;
    Ok(AuthOp { mount: mount.reference(), action })
}

fn role(verb: Verb, name: String) -> Result<KubernetesOp, RouteError> {
    match verb {
        Verb::Read => Ok(KubernetesOp::Role(name)),
        Verb::Write => Ok(KubernetesOp::RoleWrite(name)),
        Verb::Delete => Ok(KubernetesOp::RoleDelete(name)),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

impl AuthOp {
    /// The kind of its audit record: roles say which policies tokens get, settings are those of the mount.
    pub(super) const fn kind(&self) -> Kind {
        match self.action {
            KubernetesOp::Config => Kind::MountRead,
            KubernetesOp::ConfigWrite => Kind::MountWrite,
            KubernetesOp::Roles | KubernetesOp::Role(_) => Kind::PolicyRead,
            KubernetesOp::RoleWrite(_) | KubernetesOp::RoleDelete(_) => Kind::PolicyWrite,
        }
    }
}
