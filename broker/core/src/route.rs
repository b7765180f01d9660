//! From a verb and a canonical path to one operation of a closed list: everything the broker can be asked for.

use policies::{Capability, RequestPath};

use crate::auth::{AuthMount, login_mount};
use crate::kv2::MountRef;
use crate::mount::{Engine, MountInfo};
use crate::record::Kind;
use crate::token::{MAX_ROLE_NAME_BYTES, TokenInfo};

mod auth;
mod sys;
#[cfg(test)]
mod tests;

pub use auth::{AuthOp, KubernetesOp, login};
pub use sys::{AuthMountOp, LeaseOp, SysOp};

/// What the HTTP request asks to do, Vault's word for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Read,
    /// LIST, or GET with `list=true`.
    List,
    /// SCAN, or GET with `scan=true`: a recursive list.
    Scan,
    /// POST or PUT.
    Write,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// The mounts of secret engines and the auth methods, each sorted by path.
#[derive(Clone, Debug, Default)]
pub struct MountTable {
    mounts: Vec<MountInfo>,
    auth: Vec<AuthMount>,
}

impl MountTable {
    /// A table of these mounts and auth methods.
    pub fn new(mut mounts: Vec<MountInfo>, mut auth: Vec<AuthMount>) -> Self {
        mounts.sort_by(|a, b| a.path.cmp(&b.path));
        auth.sort_by(|a, b| a.path.cmp(&b.path));
        Self { mounts, auth }
    }

    /// All mounts, sorted by path.
    pub fn all(&self) -> &[MountInfo] {
        &self.mounts
    }

    /// The mount with exactly this path, without its trailing slash.
    pub fn get(&self, path: &str) -> Option<&MountInfo> {
        self.mounts.iter().find(|m| m.path == path)
    }

    /// The mount a path lies in, and the rest of the path below it; the rest keeps a list's trailing slash.
    pub fn resolve<'p>(&self, path: &'p str) -> Option<(&MountInfo, &'p str)> {
        self.mounts.iter().find_map(|m| Some((m, inside(path, &m.path)?)))
    }

    /// All auth methods but the token store, sorted by path.
    pub fn auth_methods(&self) -> &[AuthMount] {
        &self.auth
    }

    /// The auth method with exactly this path below `auth/`, without its trailing slash.
    pub fn auth(&self, path: &str) -> Option<&AuthMount> {
        self.auth.iter().find(|m| m.path == path)
    }

    /// The auth method that a path below `auth/` lies in, and the rest of the path below it.
    pub fn resolve_auth<'p>(&self, path: &'p str) -> Option<(&AuthMount, &'p str)> {
        self.auth.iter().find_map(|m| Some((m, inside(path, &m.path)?)))
    }

    /// Whether the auth method that gave a token is still there: its tokens end with it. Another one at the same path
    /// is younger than they are.
    pub fn stands_behind(&self, token: &TokenInfo) -> bool {
        let Some(path) = login_mount(&token.path) else { return true };
        self.auth(path).is_some_and(|mount| mount.created <= token.created)
    }
}

/// The rest of a path in a mount.
fn inside<'p>(path: &'p str, mount: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(mount)?;
    match rest.strip_prefix('/') {
        Some(below) => Some(below),
        None => rest.is_empty().then_some(""),
    }
}

/// Which part of a KV version 2 mount a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kv2Part {
    /// `data/`.
    Data,
    /// `metadata/`.
    Metadata,
    /// `detailed-metadata/`, lists only.
    Detailed,
    /// `delete/`.
    Delete,
    /// `undelete/`.
    Undelete,
    /// `destroy/`.
    Destroy,
    /// `config`.
    Config,
}

/// An operation on a secret engine.
#[derive(Clone, Debug)]
pub struct KvOp {
    /// The mount.
    pub mount: MountRef,
    /// KV version 2 part; `None` for KV version 1.
    pub part: Option<Kv2Part>,
    /// Path below the part, without a trailing slash; empty for the root of a list.
    pub path: String,
    /// What to do.
    pub verb: Verb,
}

/// An operation on tokens and their roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOp {
    /// `create`.
    Create,
    /// `create/ROLE`.
    CreateWithRole(String),
    /// `create-orphan`.
    CreateOrphan,
    /// `lookup` and `lookup-self`.
    Lookup(TokenRef),
    /// `renew` and `renew-self`.
    Renew(TokenRef),
    /// `revoke` and `revoke-self`.
    Revoke(TokenRef),
    /// `revoke-orphan`: the token, but not its children.
    RevokeOrphan,
    /// LIST `accessors`.
    ListAccessors,
    /// LIST `roles`.
    Roles,
    /// GET `roles/NAME`.
    Role(String),
    /// POST `roles/NAME`.
    RoleWrite(String),
    /// DELETE `roles/NAME`.
    RoleDelete(String),
}

/// How a token is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRef {
    /// In the body's `token`.
    Token,
    /// In the body's `accessor`.
    Accessor,
    /// The caller's own.
    Own,
}

/// One operation.
#[derive(Clone, Debug)]
pub enum Op {
    /// On a secret engine.
    Kv(KvOp),
    /// On tokens.
    Token(TokenOp),
    /// On the broker.
    Sys(SysOp),
    /// On an auth method.
    Auth(AuthOp),
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// Nothing is mounted there (404).
    NoMount,
    /// The engine has no such path (404).
    UnsupportedPath,
    /// The path is there and not with this verb (405).
    UnsupportedOperation,
    /// A path outside the parts of a KV version 2 mount (404 with a hint).
    NotVersioned,
    /// A part of a KV version 2 mount without a secret in it (404 with a hint).
    VersionedRoot,
}

/// Finds the operation.
///
/// # Errors
/// Why there is none; to be told to callers who passed the policy only.
pub fn route(verb: Verb, path: &RequestPath, mounts: &MountTable) -> Result<Op, RouteError> {
    let text = path.without_trailing_slash();
    if let Some(rest) = below(text, "sys") {
        return sys::route(verb, rest).map(Op::Sys);
    }
    if let Some(rest) = below(text, "auth/token") {
        return token(verb, rest).map(Op::Token);
    }
    if let Some(rest) = below(text, "auth") {
        return auth::route(verb, rest, mounts).map(Op::Auth);
    }
    let (mount, rest) = mounts.resolve(text).ok_or(RouteError::NoMount)?;
    let at = MountRef { id: mount.id.clone(), path: mount.path.clone() };
    match mount.engine {
        Engine::Kv1 => kv1(verb, at, rest),
        Engine::Kv2 => kv2(verb, at, rest),
    }
    .map(Op::Kv)
}

fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    path.strip_prefix(root)?.strip_prefix('/')
}

fn kv1(verb: Verb, mount: MountRef, rest: &str) -> Result<KvOp, RouteError> {
    let list = matches!(verb, Verb::List | Verb::Scan);
    if verb == Verb::Patch {
        return Err(RouteError::UnsupportedOperation);
    }
    if rest.is_empty() && !list {
        return Err(RouteError::UnsupportedPath);
    }
    Ok(KvOp { mount, part: None, path: rest.to_owned(), verb })
}

fn kv2(verb: Verb, mount: MountRef, rest: &str) -> Result<KvOp, RouteError> {
    let (word, path) = rest.split_once('/').unwrap_or((rest, ""));
    let part = match word {
        "data" => Kv2Part::Data,
        "metadata" => Kv2Part::Metadata,
        "detailed-metadata" => Kv2Part::Detailed,
        "delete" => Kv2Part::Delete,
        "undelete" => Kv2Part::Undelete,
        "destroy" => Kv2Part::Destroy,
        "config" if path.is_empty() => Kv2Part::Config,
        _ => return Err(RouteError::NotVersioned),
    };
    let supported = match part {
        Kv2Part::Data => matches!(verb, Verb::Read | Verb::Write | Verb::Patch | Verb::Delete),
        Kv2Part::Metadata => true,
        Kv2Part::Detailed => matches!(verb, Verb::List | Verb::Scan),
        Kv2Part::Delete | Kv2Part::Undelete | Kv2Part::Destroy => verb == Verb::Write,
        Kv2Part::Config => matches!(verb, Verb::Read | Verb::Write),
    };
    if !supported {
        return Err(RouteError::UnsupportedOperation);
    }
    let list = matches!(verb, Verb::List | Verb::Scan);
    if path.is_empty() && !list && part != Kv2Part::Config {
        return Err(RouteError::VersionedRoot);
    }
    Ok(KvOp { mount, part: Some(part), path: path.to_owned(), verb })
}

fn token(verb: Verb, rest: &str) -> Result<TokenOp, RouteError> {
    use TokenRef::{Accessor, Own, Token};
    if let Some(role) = below(rest, "create") {
        return only(verb, &[Verb::Write], TokenOp::CreateWithRole(role_name(role)?));
    }
    if let Some(role) = below(rest, "roles") {
        return token_role(verb, role_name(role)?);
    }
    let (op, verbs): (TokenOp, &[Verb]) = match rest {
        "create" => (TokenOp::Create, &[Verb::Write]),
        "create-orphan" => (TokenOp::CreateOrphan, &[Verb::Write]),
        "lookup" => (TokenOp::Lookup(Token), &[Verb::Write]),
        "lookup-accessor" => (TokenOp::Lookup(Accessor), &[Verb::Write]),
        "lookup-self" => (TokenOp::Lookup(Own), &[Verb::Read, Verb::Write]),
        "renew" => (TokenOp::Renew(Token), &[Verb::Write]),
        "renew-accessor" => (TokenOp::Renew(Accessor), &[Verb::Write]),
        "renew-self" => (TokenOp::Renew(Own), &[Verb::Write]),
        "revoke" => (TokenOp::Revoke(Token), &[Verb::Write]),
        "revoke-accessor" => (TokenOp::Revoke(Accessor), &[Verb::Write]),
        "revoke-self" => (TokenOp::Revoke(Own), &[Verb::Write]),
        "revoke-orphan" => (TokenOp::RevokeOrphan, &[Verb::Write]),
        "accessors" => (TokenOp::ListAccessors, &[Verb::List]),
        "roles" => (TokenOp::Roles, &[Verb::List]),
        _ => return Err(RouteError::UnsupportedPath),
    };
    only(verb, verbs, op)
}

fn token_role(verb: Verb, name: String) -> Result<TokenOp, RouteError> {
    match verb {
        Verb::Read => Ok(TokenOp::Role(name)),
        Verb::Write => Ok(TokenOp::RoleWrite(name)),
        Verb::Delete => Ok(TokenOp::RoleDelete(name)),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

/// Whether a role may have this name: letters, digits and `_`, and inside also `-` and `.`, as Vault takes them.
pub fn is_role_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let inside = text.chars().all(|c| word(c) || matches!(c, '-' | '.'));
    inside && text.len() <= MAX_ROLE_NAME_BYTES && text.starts_with(word) && text.ends_with(word)
}

fn role_name(text: &str) -> Result<String, RouteError> {
    if is_role_name(text) { Ok(text.to_owned()) } else { Err(RouteError::UnsupportedPath) }
}

fn only<T>(verb: Verb, verbs: &[Verb], op: T) -> Result<T, RouteError> {
    if verbs.contains(&verb) { Ok(op) } else { Err(RouteError::UnsupportedOperation) }
}

impl KvOp {
    /// Whether writing needs to know if the key exists, since policies tell create from update there.
    pub fn needs_existence(&self) -> bool {
        self.verb == Verb::Write && matches!(self.part, None | Some(Kv2Part::Data | Kv2Part::Metadata))
    }
}

impl Op {
    /// The kind of its audit record.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Kv(op) => kv_kind(op),
            Self::Token(op) => token_kind(op),
            Self::Sys(op) => op.kind(),
            Self::Auth(op) => op.kind(),
        }
    }
}

fn kv_kind(op: &KvOp) -> Kind {
    match (op.part, op.verb) {
        (_, Verb::List | Verb::Scan) => Kind::SecretList,
        (None | Some(Kv2Part::Data), Verb::Read) => Kind::SecretRead,
        (None | Some(Kv2Part::Data), Verb::Write | Verb::Patch) => Kind::SecretWrite,
        (_, Verb::Delete) => Kind::SecretDelete,
        (Some(Kv2Part::Delete | Kv2Part::Undelete | Kv2Part::Destroy), _) => Kind::SecretDelete,
        (_, Verb::Read) => Kind::MetadataRead,
        (_, Verb::Write | Verb::Patch) => Kind::MetadataWrite,
    }
}

/// A role says which policies tokens get, so its records are those of policies.
const fn token_kind(op: &TokenOp) -> Kind {
    match op {
        TokenOp::Create | TokenOp::CreateWithRole(_) | TokenOp::CreateOrphan => Kind::TokenCreate,
        TokenOp::Lookup(_) | TokenOp::ListAccessors => Kind::TokenLookup,
        TokenOp::Renew(_) => Kind::TokenRenew,
        TokenOp::Revoke(_) | TokenOp::RevokeOrphan => Kind::TokenRevoke,
        TokenOp::Roles | TokenOp::Role(_) => Kind::PolicyRead,
        TokenOp::RoleWrite(_) | TokenOp::RoleDelete(_) => Kind::PolicyWrite,
    }
}

/// The capability a verb needs; writing needs to know whether the thing exists.
pub const fn capability(verb: Verb, exists: bool) -> Capability {
    match verb {
        Verb::Read => Capability::Read,
        Verb::List => Capability::List,
        Verb::Scan => Capability::Scan,
        Verb::Write if exists => Capability::Update,
        Verb::Write => Capability::Create,
        Verb::Patch => Capability::Patch,
        Verb::Delete => Capability::Delete,
    }
}
