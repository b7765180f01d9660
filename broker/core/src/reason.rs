//! Why a request ended as it did: one closed list for audit records, metrics and explanations.

/// The reason of an answer. The word is stable: metrics and audit queries use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReasonCode {
    /// Done as asked.
    Ok,
    /// The path, a header, the query or the body is not acceptable.
    BadRequest,
    /// The request carries no token.
    NoToken,
    /// The token is unknown, ended or spent.
    BadToken,
    /// No stanza of the token's policies matches the path.
    NoRule,
    /// A stanza matches and lacks the capability.
    MissingCapability,
    /// A stanza denies the path.
    ExplicitDeny,
    /// The path needs `sudo` besides.
    NeedsSudo,
    /// The login is refused; the record's rule says why.
    LoginRefused,
    /// The server that vouches for logins could not be asked.
    ReviewFailed,
    /// There is nothing at this path.
    NotFound,
    /// Nothing is mounted at this path.
    NoMount,
    /// The path or operation does not exist in this engine.
    Unsupported,
    /// Check-and-set did not match or was missing.
    CheckAndSet,
    /// A limit was exceeded.
    TooLarge,
    /// The content type is not acceptable.
    ContentType,
    /// The audit log or store could not make the request durable.
    StorageFailed,
    /// The broker is overloaded; repeat later.
    Busy,
    /// Something failed inside.
    Internal,
}

impl ReasonCode {
    /// All codes, for metrics and the schema.
    pub const ALL: [Self; 19] = [
        Self::Ok,
        Self::BadRequest,
        Self::NoToken,
        Self::BadToken,
        Self::NoRule,
        Self::MissingCapability,
        Self::ExplicitDeny,
        Self::NeedsSudo,
        Self::LoginRefused,
        Self::ReviewFailed,
        Self::NotFound,
        Self::NoMount,
        Self::Unsupported,
        Self::CheckAndSet,
        Self::TooLarge,
        Self::ContentType,
        Self::StorageFailed,
        Self::Busy,
        Self::Internal,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::BadRequest => "bad-request",
            Self::NoToken => "no-token",
            Self::BadToken => "bad-token",
            Self::NoRule => "no-rule",
            Self::MissingCapability => "missing-capability",
            Self::ExplicitDeny => "explicit-deny",
            Self::NeedsSudo => "needs-sudo",
            Self::LoginRefused => "login-refused",
            Self::ReviewFailed => "review-failed",
            Self::NotFound => "not-found",
            Self::NoMount => "no-mount",
            Self::Unsupported => "unsupported",
            Self::CheckAndSet => "check-and-set",
            Self::TooLarge => "too-large",
            Self::ContentType => "content-type",
            Self::StorageFailed => "storage-failed",
            Self::Busy => "busy",
            Self::Internal => "internal",
        }
    }

    /// `allow`, `deny` or `error`, as the record's `result` says it.
    pub const fn result(self) -> &'static str {
        match self {
            Self::Ok | Self::NotFound => "allow",
            Self::NoToken
            | Self::BadToken
            | Self::NoRule
            | Self::MissingCapability
            | Self::ExplicitDeny
            | Self::NeedsSudo
            | Self::LoginRefused => "deny",
            _ => "error",
        }
    }
}

impl From<&policies::DenyReason> for ReasonCode {
    fn from(why: &policies::DenyReason) -> Self {
        match why {
            policies::DenyReason::NoRule => Self::NoRule,
            policies::DenyReason::MissingCapability { .. } => Self::MissingCapability,
            policies::DenyReason::ExplicitDeny { .. } => Self::ExplicitDeny,
            policies::DenyReason::NeedsSudo { .. } => Self::NeedsSudo,
        }
    }
}
