//! The paths below `sys/`: operations on the broker itself.

use super::{RouteError, TokenRef, Verb, below, only};
use crate::record::Kind;

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
    /// `sys/auth/PATH` and its `tune`.
    AuthMount(AuthMountOp),
    /// GET `sys/audit`: no devices; the log is always on.
    AuditDevices,
    /// POST `sys/audit/PATH`: refused, the log is no device.
    AuditEnable,
    /// DELETE `sys/audit/PATH`: refused likewise.
    AuditDisable,
    /// POST `sys/audit-hash/PATH`.
    AuditHash(String),
    /// `sys/leases/…`.
    Lease(LeaseOp),
    /// POST `sys/tools/hash` and `sys/tools/hash/ALGORITHM`.
    Hash {
        /// The algorithm in the path; otherwise it is in the body.
        algorithm: Option<String>,
    },
    /// POST `sys/tools/random`, with a source, a number of bytes, or both below it.
    Random {
        /// The source in the path; otherwise it is in the body.
        source: Option<String>,
        /// The number of bytes in the path; otherwise it is in the body.
        bytes: Option<String>,
    },
    /// POST `sys/remount`.
    Remount,
    /// GET `sys/remount/status/ID`.
    RemountStatus(String),
    /// GET `sys/internal/ui/resultant-acl`: what the caller's policies come to.
    ResultantAcl,
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

/// An operation on an entry of the table of auth methods; paths are below `auth/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthMountOp {
    /// GET `sys/auth/PATH`.
    One(String),
    /// POST `sys/auth/PATH`.
    Enable(String),
    /// DELETE `sys/auth/PATH`.
    Disable(String),
    /// GET `sys/auth/PATH/tune`.
    Tuning(String),
    /// POST `sys/auth/PATH/tune`.
    Tune(String),
}

/// An operation on leases, of which the broker issues none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOp {
    /// POST `lookup`.
    Lookup,
    /// LIST `lookup` and what is below it.
    List,
    /// POST `renew` and `renew/ID`.
    Renew {
        /// The lease named in the path; otherwise it is in the body.
        id: Option<String>,
    },
    /// POST `revoke` and `revoke/ID`.
    Revoke {
        /// The lease named in the path; otherwise it is in the body.
        id: Option<String>,
    },
}

/// Finds the operation of a path below `sys/`.
///
/// # Errors
/// See [`super::route`].
pub(super) fn route(verb: Verb, rest: &str) -> Result<SysOp, RouteError> {
    if let Some(path) = below(rest, "mounts") {
        return mount(verb, path);
    }
    if let Some(path) = below(rest, "auth") {
        return auth_mount(verb, path).map(SysOp::AuthMount);
    }
    if let Some(path) = below(rest, "internal/ui/mounts") {
        return only(verb, &[Verb::Read], SysOp::Preflight(path.to_owned()));
    }
    if let Some((root, path)) = rest.split_once('/') {
        match root {
            "leases" => return lease(verb, path),
            "tools" => return tool(verb, path),
            "audit" => return audit_device(verb),
            "audit-hash" => return only(verb, &[Verb::Write], SysOp::AuditHash(path.to_owned())),
            _ => {}
        }
    }
    if let Some(id) = below(rest, "remount/status") {
        return only(verb, &[Verb::Read], SysOp::RemountStatus(id.to_owned()));
    }
    for (root, legacy) in [("policies/acl", false), ("policy", true)] {
        if rest == root {
            let verbs: &[Verb] = if legacy { &[Verb::Read, Verb::List] } else { &[Verb::List] };
            return only(verb, verbs, SysOp::Policies { legacy });
        }
        if let Some(name) = below(rest, root) {
            return policy(verb, name, legacy);
        }
    }
    let (op, verbs): (SysOp, &[Verb]) = match rest {
        "mounts" => (SysOp::Mounts, &[Verb::Read]),
        "remount" => (SysOp::Remount, &[Verb::Write]),
        "internal/ui/mounts" => (SysOp::UiMounts, &[Verb::Read]),
        "internal/ui/resultant-acl" => (SysOp::ResultantAcl, &[Verb::Read]),
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

fn mount(verb: Verb, path: &str) -> Result<SysOp, RouteError> {
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

fn auth_mount(verb: Verb, path: &str) -> Result<AuthMountOp, RouteError> {
    match (path.strip_suffix("/tune"), verb) {
        (Some(mount), Verb::Read) => Ok(AuthMountOp::Tuning(mount.to_owned())),
        (Some(mount), Verb::Write) => Ok(AuthMountOp::Tune(mount.to_owned())),
        (None, Verb::Read) => Ok(AuthMountOp::One(path.to_owned())),
        (None, Verb::Write) => Ok(AuthMountOp::Enable(path.to_owned())),
        (None, Verb::Delete) => Ok(AuthMountOp::Disable(path.to_owned())),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

fn policy(verb: Verb, name: &str, legacy: bool) -> Result<SysOp, RouteError> {
    let name = name.to_owned();
    match verb {
        Verb::Read => Ok(SysOp::Policy { name, legacy }),
        Verb::Write => Ok(SysOp::PolicyWrite { name, legacy }),
        Verb::Delete => Ok(SysOp::PolicyDelete { name }),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

const fn audit_device(verb: Verb) -> Result<SysOp, RouteError> {
    match verb {
        Verb::Write => Ok(SysOp::AuditEnable),
        Verb::Delete => Ok(SysOp::AuditDisable),
        _ => Err(RouteError::UnsupportedOperation),
    }
}

fn lease(verb: Verb, rest: &str) -> Result<SysOp, RouteError> {
    let (word, id) = word_and_rest(rest);
    let (op, verbs): (LeaseOp, &[Verb]) = match (word, id) {
        ("lookup", None) if verb == Verb::Write => (LeaseOp::Lookup, &[Verb::Write]),
        ("lookup", _) => (LeaseOp::List, &[Verb::List]),
        ("renew", id) => (LeaseOp::Renew { id }, &[Verb::Write]),
        ("revoke", id) => (LeaseOp::Revoke { id }, &[Verb::Write]),
        _ => return Err(RouteError::UnsupportedPath),
    };
    only(verb, verbs, SysOp::Lease(op))
}

fn tool(verb: Verb, rest: &str) -> Result<SysOp, RouteError> {
    let (word, below) = word_and_rest(rest);
    let op = match (word, below) {
        ("hash", algorithm) => SysOp::Hash { algorithm },
        ("random", None) => SysOp::Random { source: None, bytes: None },
        ("random", Some(below)) => match word_and_rest(&below) {
            (source, Some(bytes)) => SysOp::Random { source: Some(source.to_owned()), bytes: Some(bytes) },
            (source @ ("platform" | "seal" | "all"), None) => {
                SysOp::Random { source: Some(source.to_owned()), bytes: None }
            }
            (bytes, None) => SysOp::Random { source: None, bytes: Some(bytes.to_owned()) },
        },
        _ => return Err(RouteError::UnsupportedPath),
    };
    only(verb, &[Verb::Write], op)
}

fn word_and_rest(path: &str) -> (&str, Option<String>) {
    path.split_once('/').map_or((path, None), |(word, rest)| (word, Some(rest.to_owned())))
}

impl SysOp {
    /// The kind of its audit record.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Mounts
            | Self::Mount(_)
            | Self::Tuning(_)
            | Self::RemountStatus(_)
            | Self::AuthMethods
            | Self::AuthMount(AuthMountOp::One(_) | AuthMountOp::Tuning(_)) => Kind::MountRead,
            Self::Enable(_) | Self::Disable(_) | Self::Tune(_) | Self::Remount | Self::AuthMount(_) => {
                Kind::MountWrite
            }
            Self::Policies { .. } | Self::Policy { .. } => Kind::PolicyRead,
            Self::PolicyWrite { .. } | Self::PolicyDelete { .. } => Kind::PolicyWrite,
            Self::Audit | Self::AuditTree | Self::AuditSchema => Kind::AuditRead,
            Self::Changes => Kind::ChangesRead,
            Self::Records => Kind::Delivery,
            _ => Kind::SysRead,
        }
    }
}
