//! The audit record, version 1: one JSON line per request, written before its answer leaves.

use serde::Serialize;

use crate::identity::Facts;
use crate::reason::ReasonCode;
use crate::time::Time;

/// The longest `via` that is kept, in bytes.
pub const MAX_VIA_BYTES: usize = 1024;

/// The JSON Schema of a record, as published.
pub const SCHEMA: &str = include_str!("record.schema.json");

/// What kind of thing happened. The word is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A secret's value was asked for.
    SecretRead,
    /// A secret was written or patched.
    SecretWrite,
    /// Versions were deleted, undeleted or destroyed, or a key removed.
    SecretDelete,
    /// Names were listed.
    SecretList,
    /// A secret's or mount's metadata was asked for.
    MetadataRead,
    /// A secret's or mount's metadata was changed.
    MetadataWrite,
    /// Somebody logged in, or tried to.
    Login,
    /// A token was created.
    TokenCreate,
    /// A token was looked up.
    TokenLookup,
    /// A token was renewed.
    TokenRenew,
    /// A token was revoked.
    TokenRevoke,
    /// A token ended by its time.
    TokenExpire,
    /// The mount table was read.
    MountRead,
    /// The mount table was changed.
    MountWrite,
    /// Policies were read.
    PolicyRead,
    /// A policy was changed.
    PolicyWrite,
    /// Another `sys/` path was asked for.
    SysRead,
    /// The audit log itself was read.
    AuditRead,
    /// The change stream was opened.
    ChangesRead,
    /// A value was delivered into a Secret, as its sender says.
    Delivery,
    /// A mounted file was opened, as its sender says.
    FileOpen,
    /// A write that a server behind the broker is asked to make.
    Intent,
    /// What that server answered.
    Outcome,
    /// Records of a sender are missing.
    Gap,
    /// A request that named nothing known, or could not be read.
    Request,
    /// The broker started.
    Start,
}

impl Kind {
    /// All kinds, for the schema.
    pub const ALL: [Self; 26] = [
        Self::SecretRead,
        Self::SecretWrite,
        Self::SecretDelete,
        Self::SecretList,
        Self::MetadataRead,
        Self::MetadataWrite,
        Self::Login,
        Self::TokenCreate,
        Self::TokenLookup,
        Self::TokenRenew,
        Self::TokenRevoke,
        Self::TokenExpire,
        Self::MountRead,
        Self::MountWrite,
        Self::PolicyRead,
        Self::PolicyWrite,
        Self::SysRead,
        Self::AuditRead,
        Self::ChangesRead,
        Self::Delivery,
        Self::FileOpen,
        Self::Intent,
        Self::Outcome,
        Self::Gap,
        Self::Request,
        Self::Start,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretRead => "secret.read",
            Self::SecretWrite => "secret.write",
            Self::SecretDelete => "secret.delete",
            Self::SecretList => "secret.list",
            Self::MetadataRead => "metadata.read",
            Self::MetadataWrite => "metadata.write",
            Self::Login => "login",
            Self::TokenCreate => "token.create",
            Self::TokenLookup => "token.lookup",
            Self::TokenRenew => "token.renew",
            Self::TokenRevoke => "token.revoke",
            Self::TokenExpire => "token.expire",
            Self::MountRead => "mount.read",
            Self::MountWrite => "mount.write",
            Self::PolicyRead => "policy.read",
            Self::PolicyWrite => "policy.write",
            Self::SysRead => "sys.read",
            Self::AuditRead => "audit.read",
            Self::ChangesRead => "changes.read",
            Self::Delivery => "delivery",
            Self::FileOpen => "file.open",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Gap => "gap",
            Self::Request => "request",
            Self::Start => "start",
        }
    }
}

/// Who asked, as far as it was verified.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// Verified facts.
    pub facts: Facts,
    /// The token's display name.
    pub name: String,
    /// The token's accessor.
    pub accessor: String,
    /// Keyed hash of the token.
    pub token: String,
    /// Policies of the token.
    pub policies: Vec<String>,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Address of the peer; empty on a unix socket.
    pub ip: String,
    /// Port of the peer.
    pub port: u16,
    /// Its `User-Agent`, at most 256 bytes.
    pub agent: String,
}

/// What a request is about.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Mount path without its trailing slash; empty outside of mounts.
    pub mount: String,
    /// The canonical request path.
    pub path: String,
    /// Version read or written; 0 for none.
    pub version: u64,
    /// Names of the keys inside the value.
    pub keys: Vec<String>,
    /// Keyed hash of the value, empty for none.
    pub value_hmac: String,
}

/// The rule that decided.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The capability that was needed.
    pub capability: String,
    /// One sentence: policy, line, pattern.
    pub rule: String,
}

/// What a sender reports about one object: a delivery into a Secret, or an open of a mounted file.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The sender's name for its stream of records.
    pub sender: String,
    /// The sender's number of this record.
    pub number: u64,
    /// The object that asked, for example `ExternalSecret app/db`.
    pub object: String,
    /// Where it went: `Secret app/db`, or the file's path in its volume.
    pub target: String,
    /// The secret path, as the sender asserts.
    pub path: String,
    /// The version, as the sender asserts; 0 for unknown.
    pub version: u64,
    /// For a gap: the first and last missing number.
    pub missing: Option<(u64, u64)>,
}

/// A record before it has its place in the log.
#[derive(Clone, Debug)]
pub struct Draft {
    /// When the request arrived.
    pub time: Time,
    /// The request's id, a UUID, the same as in its answer.
    pub id: u128,
    /// What happened.
    pub kind: Kind,
    /// The HTTP answer's status; 0 where there is no answer.
    pub status: u16,
    /// Why it ended so.
    pub reason: ReasonCode,
    /// Who asked, if a token was verified.
    pub actor: Option<Actor>,
    /// The caller's own word on whose behalf it asks, stored as asserted; at most [`MAX_VIA_BYTES`].
    pub via: Option<String>,
    /// Where it came from.
    pub source: Source,
    /// What it is about.
    pub object: Object,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// What a sender reports.
    pub report: Option<Report>,
}

/// The place of a record: log, number, and the revision of the store after it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The log's name: one log per broker instance.
    pub log: &'a str,
    /// Number in the log, from 1, gapless.
    pub seq: u64,
    /// Revision of the store when the record was made durable, its own write included.
    pub revision: u64,
}

impl Draft {
    /// The record as one JSON line without its line end.
    pub fn to_line(&self, place: Place<'_>) -> Vec<u8> {
        let wire = Wire::of(self, place);
        // Only strings, numbers and lists are inside: serialising them to memory has no way to fail.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

/// A UUID in its usual form.
pub fn uuid_text(id: u128) -> String {
    let hex = format!("{id:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[derive(Serialize)]
struct Wire<'a> {
    v: u8,
    log: &'a str,
    seq: u64,
    revision: u64,
    time: String,
    id: String,
    kind: &'static str,
    result: &'static str,
    reason: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<WireActor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    source: WireSource<'a>,
    object: WireObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<WireRule<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<WireReport<'a>>,
}

#[derive(Serialize)]
struct WireActor<'a> {
    name: &'a str,
    accessor: &'a str,
    token: &'a str,
    policies: &'a [String],
    mount: &'a str,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
}

#[derive(Serialize)]
struct WireSource<'a> {
    ip: &'a str,
    port: u16,
    agent: &'a str,
}

#[derive(Serialize)]
struct WireObject<'a> {
    mount: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    version: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    keys: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    value_hmac: &'a str,
}

#[derive(Serialize)]
struct WireRule<'a> {
    capability: &'a str,
    rule: &'a str,
}

#[derive(Serialize)]
struct WireReport<'a> {
    sender: &'a str,
    number: u64,
    object: &'a str,
    target: &'a str,
    path: &'a str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<(u64, u64)>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl<'a> Wire<'a> {
    fn of(d: &'a Draft, place: Place<'a>) -> Self {
        Self {
            v: 1,
            log: place.log,
            seq: place.seq,
            revision: place.revision,
            time: d.time.rfc3339(),
            id: uuid_text(d.id),
            kind: d.kind.as_str(),
            result: d.reason.result(),
            reason: d.reason.as_str(),
            status: d.status,
            actor: d.actor.as_ref().map(WireActor::of),
            via: d.via.as_deref(),
            source: WireSource { ip: &d.source.ip, port: d.source.port, agent: &d.source.agent },
            object: WireObject {
                mount: &d.object.mount,
                path: &d.object.path,
                version: d.object.version,
                keys: &d.object.keys,
                value_hmac: &d.object.value_hmac,
            },
            policy: d.rule.as_ref().map(|r| WireRule { capability: &r.capability, rule: &r.rule }),
            report: d.report.as_ref().map(WireReport::of),
        }
    }
}

impl<'a> WireActor<'a> {
    fn of(a: &'a Actor) -> Self {
        Self {
            name: &a.name,
            accessor: &a.accessor,
            token: &a.token,
            policies: &a.policies,
            mount: &a.facts.mount,
            subject: &a.facts.subject,
            issuer: a.facts.issuer.as_deref(),
            groups: &a.facts.groups,
            namespace: a.facts.namespace.as_deref(),
            service_account: a.facts.service_account.as_deref(),
            uid: a.facts.uid.as_deref(),
        }
    }
}

impl<'a> WireReport<'a> {
    fn of(r: &'a Report) -> Self {
        Self {
            sender: &r.sender,
            number: r.number,
            object: &r.object,
            target: &r.target,
            path: &r.path,
            version: r.version,
            missing: r.missing,
        }
    }
}
