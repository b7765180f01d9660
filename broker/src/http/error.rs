//! Every refusal's status and text; with `reply.rs` the only place that knows HTTP's status codes.

use broker_core::reason::ReasonCode;
use broker_core::refusal::Refusal;
use broker_core::wire;

/// The text of an ACL denial, in the form of Vault's error lists.
const DENIED: &str = "1 error occurred:\n\t* permission denied\n\n";

/// An answer that is not what was asked for: status, the client's texts, and why.
#[derive(Clone, Debug)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// What the client is told.
    pub body: FailureBody,
    /// Why, for the record and the metrics.
    pub reason: ReasonCode,
}

/// The body of a failure.
#[derive(Clone, Debug)]
pub enum FailureBody {
    /// No bytes at all.
    Empty,
    /// `{"errors":[…]}`.
    Errors(Vec<String>),
    /// Vault's envelope with warnings only.
    Warning(String),
}

impl Failure {
    fn new(status: u16, reason: ReasonCode, text: impl Into<String>) -> Self {
        Self { status, reason, body: FailureBody::Errors(vec![text.into()]) }
    }

    /// The same failure without a body.
    pub fn without_body(mut self) -> Self {
        self.body = FailureBody::Empty;
        self
    }

    fn bare(status: u16, reason: ReasonCode) -> Self {
        Self { status, reason, body: FailureBody::Errors(Vec::new()) }
    }

    /// 400 with a text that says what to do.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(400, ReasonCode::BadRequest, text)
    }

    /// 400 without a text: `list` or `scan` is no flag, or both are set.
    pub fn bad_flag() -> Self {
        Self::bare(400, ReasonCode::BadRequest)
    }

    /// 400 or 415 about the content type.
    pub fn content_type(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, ReasonCode::ContentType, text)
    }

    /// 403: no token, or one that is not alive.
    pub fn bad_token(reason: ReasonCode) -> Self {
        Self::new(403, reason, "permission denied")
    }

    /// 403 for a token that was looked up by another caller.
    pub fn bad_looked_up_token() -> Self {
        Self::new(403, ReasonCode::NotFound, "bad token")
    }

    /// 403: the policies do not allow it.
    pub fn denied(reason: ReasonCode) -> Self {
        Self::new(403, reason, DENIED)
    }

    /// 403 with a text of its own, for the preflight of the command line tools.
    pub fn preflight(path: &str) -> Self {
        let text = format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path \"{path}/\""
        );
        Self::new(403, ReasonCode::NoRule, text)
    }

    /// 404 without a text: there is nothing here.
    pub fn not_found() -> Self {
        Self::bare(404, ReasonCode::NotFound)
    }

    /// 404: namespaces are not kept here.
    pub fn namespace() -> Self {
        Self::new(404, ReasonCode::NotFound, "namespace not found")
    }

    /// 404: nothing is mounted at a path.
    pub fn no_mount(path: &str) -> Self {
        let text = format!("no handler for route \"{path}\". route entry not found.");
        Self::new(404, ReasonCode::NoMount, text)
    }

    /// 404: the engine has no such path.
    pub fn unsupported_path() -> Self {
        Self::new(404, ReasonCode::Unsupported, "1 error occurred:\n\t* unsupported path\n\n")
    }

    /// 405: the path is there, the operation is not.
    pub fn unsupported_operation() -> Self {
        Self::new(405, ReasonCode::Unsupported, "1 error occurred:\n\t* unsupported operation\n\n")
    }

    /// 404 with a hint: a part of a versioned mount was named and no secret in it.
    pub fn versioned_root() -> Self {
        let text = "Non-listing operations on the root of a K/V v2 mount are not supported.".to_owned();
        Self { status: 404, reason: ReasonCode::Unsupported, body: FailureBody::Warning(text) }
    }

    /// 404 with a hint: the path is outside the parts of a versioned mount.
    pub fn not_versioned(verb: &str) -> Self {
        let text = format!(
            "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the OpenBao CLI, use 'bao kv {verb}' for this operation."
        );
        Self { status: 404, reason: ReasonCode::Unsupported, body: FailureBody::Warning(text) }
    }

    /// 405: Vault's built-in help of paths is not served.
    pub fn no_help() -> Self {
        Self::new(405, ReasonCode::Unsupported, "help on paths is not served here; see the documentation")
    }

    /// 405 without a text: the method is unknown.
    pub fn method() -> Self {
        Self::bare(405, ReasonCode::Unsupported)
    }

    /// 413: the body is larger than the limit.
    pub fn too_large(limit: usize) -> Self {
        let text =
            format!("the request body is larger than {limit} bytes; split it, or raise --max-body-bytes");
        Self::new(413, ReasonCode::TooLarge, text)
    }

    /// 408: the body did not arrive in time.
    pub fn too_slow() -> Self {
        Self::new(408, ReasonCode::BadRequest, "the request body did not arrive in time")
    }

    /// 410: the place asked for is not kept any more.
    pub fn gone(text: impl Into<String>) -> Self {
        Self::new(410, ReasonCode::NotFound, text)
    }

    /// 503: the audit log or store cannot be written.
    pub fn storage() -> Self {
        Self::new(
            503,
            ReasonCode::StorageFailed,
            "the audit log or store cannot be written; nothing was done and nothing was given out, repeat the request later",
        )
    }

    /// 503: too many requests wait.
    pub fn busy() -> Self {
        Self::new(503, ReasonCode::Busy, "too many requests wait for the audit log; repeat the request later")
    }

    /// 500: something failed inside; the log says what.
    pub fn internal() -> Self {
        Self::new(500, ReasonCode::Internal, "internal error")
    }

    /// The client's texts as one.
    pub fn message(&self) -> String {
        match &self.body {
            FailureBody::Empty => String::new(),
            FailureBody::Errors(texts) => texts.join("; "),
            FailureBody::Warning(text) => text.clone(),
        }
    }

    /// The body as text, `None` for no bytes.
    pub fn text(&self, request_id: &str) -> Option<String> {
        match &self.body {
            FailureBody::Empty => None,
            FailureBody::Errors(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                Some(wire::errors(&texts))
            }
            FailureBody::Warning(text) => {
                let envelope = wire::Envelope { warnings: vec![text.clone()], ..wire::Envelope::default() };
                Some(envelope.to_text(request_id).to_string())
            }
        }
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let (status, reason) = refusal.answer();
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Denied => Self::bad_token(reason),
            other => Self::new(status, reason, other.to_string()),
        }
    }
}
