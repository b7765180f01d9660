//! From a verb and a canonical path to one operation of a closed list: everything the broker can be asked for.

use policies::{Capability, RequestPath};

use crate::kv2::MountRef;
use crate::mount::{Engine, MountInfo};
use crate::record::Kind;

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

/// The mounts of secret engines, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct MountTable {
    mounts: Vec<MountInfo>,
}

impl MountTable {
    /// A table of these mounts.
    pub fn new(mut mounts: Vec<MountInfo>) -> Self {
        mounts.sort_by(|a, b| a.path.cmp(&b.path));
        Self { mounts }
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
        self.mounts.iter().find_map(|m| {
            let rest = path.strip_prefix(m.path.as_str())?;
            match rest.strip_prefix('/') {
                Some(below) => Some((m, below)),
                None => rest.is_empty().then_some((m, "")),
            }
        })
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

/// An operation on tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOp {
    /// `create`.
    Create,
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

/// An operation on the broker itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SysOp {
    /// GET `sys/mounts`.
    Mounts,
    /// GET `sys/mounts/PATH`.
    Mount(String),
    /// POST `sys/mounts/PATH`.
    Enable(String),
    /// DELETE `sys/mounts/PATH`.
    Disable(String),
    /// GET `sys/mounts/PATH/tune`.
    Tuning(String),
    /// POST `sys/mounts/PATH/tune`.
    Tune(String),
    /// GET `sys/internal/ui/mounts/PATH`, the preflight of the command line tools.
    Preflight(String),
    /// GET `sys/internal/ui/mounts` with a token.
    UiMounts,
    /// LIST `sys/policies/acl`, or the older `sys/policy`.
    Policies {
        /// Asked through `sys/policy`.
        legacy: bool,
    },
    /// GET of one policy.
    Policy {
        /// Its name as asked.
        name: String,
        /// Asked through `sys/policy`.
        legacy: bool,
    },
    /// POST of one policy.
    PolicyWrite {
        /// Its name as asked.
        name: String,
        /// Asked through `sys/policy`.
        legacy: bool,
    },
    /// DELETE of one policy.
    PolicyDelete {
        /// Its name as asked.
        name: String,
    },
    /// `sys/capabilities` and its `-self` and `-accessor` forms.
    Capabilities(TokenRef),
    /// GET `sys/auth`: the auth methods.
    AuthMethods,
    /// GET `sys/audit`: no devices; the log is always on.
    AuditDevices,
    /// GET `sys/metrics`.
    Metrics,
    /// GET `sys/keyreeve/audit`: query, export or tail.
    Audit,
    /// GET `sys/keyreeve/audit/tree`: size and root of the log.
    AuditTree,
    /// GET `sys/keyreeve/audit/schema`: the record's JSON Schema.
    AuditSchema,
    /// GET `sys/keyreeve/changes`.
    Changes,
    /// POST `sys/keyreeve/records`.
    Records,
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
        return sys(verb, rest).map(Op::Sys);
    }
    if let Some(rest) = below(text, "auth/token") {
        return token(verb, rest).map(Op::Token);
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
        _ => return Err(RouteError::UnsupportedPath),
    };
    if verbs.contains(&verb) { Ok(op) } else { Err(RouteError::UnsupportedOperation) }
}

fn sys(verb: Verb, rest: &str) -> Result<SysOp, RouteError> {
    if let Some(path) = below(rest, "mounts") {
        return sys_mount(verb, path);
    }
    if let Some(path) = below(rest, "internal/ui/mounts") {
        return only(verb, &[Verb::Read], SysOp::Preflight(path.to_owned()));
    }
    for (root, legacy) in [("policies/acl", false), ("policy", true)] {
        if rest == root {
            let verbs: &[Verb] = if legacy { &[Verb::Read, Verb::List] } else { &[Verb::List] };
            return only(verb, verbs, SysOp::Policies { legacy });
        }
        if let Some(name) = below(rest, root) {
            return sys_policy(verb, name, legacy);
        }
    }
    let (op, verbs): (SysOp, &[Verb]) = match rest {
        "mounts" => (SysOp::Mounts, &[Verb::Read]),
        "internal/ui/mounts" => (SysOp::UiMounts, &[Verb::Read]),
        "capabilities" => (SysOp::Capabilities(TokenRef::Token), &[Verb::Write]),
        "capabilities-self" => (SysOp::Capabilities(TokenRef::Own), &[Verb::Write]),
        "capabilities-accessor" => (SysOp::Capabilities(TokenRef::Accessor), &[Verb::Write]),
        "auth" => (SysOp::AuthMethods, &[Verb::Read]),
        "audit" => (SysOp::AuditDevices, &[Verb::Read]),
        "metrics" => (SysOp::Metrics, &[Verb::Read]),
        "keyreeve/audit" => (SysOp::Audit, &[Verb::Read]),
        "keyreeve/audit/tree" => (SysOp::AuditTree, &[Verb::Read]),
        "keyreeve/audit/schema" => (SysOp::AuditSchema, &[Verb::Read]),
        "keyreeve/changes" => (SysOp::Changes, &[Verb::Read]),
        "keyreeve/records" => (SysOp::Records, &[Verb::Write]),
        _ => return Err(RouteError::UnsupportedPath),
    };
    only(verb, verbs, op)
}

fn only<T>(verb: Verb, verbs: &[Verb], op: T) -> Result<T, RouteError> {
    if verbs.contains(&verb) { Ok(op) } else { Err(RouteError::UnsupportedOperation) }
}

fn sys_mount(verb: Verb, path: &str) -> Result<SysOp, RouteError> {
    if let Some(mount) = path.strip_suffix("/tune") {
        return match verb {
            Verb::Read => Ok(SysOp::Tuning(mount.to_owned())),
            Verb::Write => Ok(SysOp::Tune(mount.to_owned())),
            _ => Err(RouteError::UnsupportedOperation),
        };
    }
    match verb {
        Verb::Read => Ok(SysOp::Mount(path.to_owned())),
        Verb::Write => Ok(SysOp::Enable(path.to_owned())),
        Verb::Delete => Ok(SysOp::Disable(path.to_owned())),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

fn sys_policy(verb: Verb, name: &str, legacy: bool) -> Result<SysOp, RouteError> {
    let name = name.to_owned();
    match verb {
        Verb::Read => Ok(SysOp::Policy { name, legacy }),
        Verb::Write => Ok(SysOp::PolicyWrite { name, legacy }),
        Verb::Delete => Ok(SysOp::PolicyDelete { name }),
        _ => Err(RouteError::UnsupportedOperation),
    }
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
            Self::Token(op) => token_kind(*op),
            Self::Sys(op) => sys_kind(op),
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

const fn token_kind(op: TokenOp) -> Kind {
    match op {
        TokenOp::Create | TokenOp::CreateOrphan => Kind::TokenCreate,
        TokenOp::Lookup(_) | TokenOp::ListAccessors => Kind::TokenLookup,
        TokenOp::Renew(_) => Kind::TokenRenew,
        TokenOp::Revoke(_) | TokenOp::RevokeOrphan => Kind::TokenRevoke,
    }
}

const fn sys_kind(op: &SysOp) -> Kind {
    match op {
        SysOp::Mounts | SysOp::Mount(_) | SysOp::Tuning(_) => Kind::MountRead,
        SysOp::Enable(_) | SysOp::Disable(_) | SysOp::Tune(_) => Kind::MountWrite,
        SysOp::Policies { .. } | SysOp::Policy { .. } => Kind::PolicyRead,
        SysOp::PolicyWrite { .. } | SysOp::PolicyDelete { .. } => Kind::PolicyWrite,
        SysOp::Audit | SysOp::AuditTree | SysOp::AuditSchema => Kind::AuditRead,
        SysOp::Changes => Kind::ChangesRead,
        SysOp::Records => Kind::Delivery,
        _ => Kind::SysRead,
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
