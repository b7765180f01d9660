//! Why a call or a read failed, told apart by what to do about it.

use crate::kv::KvMetadata;

/// Why a server did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// No connection: refused, no route, no such host or socket.
    Connect,
    /// The server's certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke in the middle.
    Broken,
    /// The server or something before it said so, with this status.
    Status(u16),
}

/// Why a call failed. Holds paths and the server's own texts, never a value or a token.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The path cannot be asked for.
    #[error("the path {path:?} {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// 403: the token is not alive or its policies do not allow it.
    #[error("permission denied{}", texts(.errors))]
    Denied {
        /// The server's texts.
        errors: Vec<String>,
    },
    /// The server's own "there is nothing here": 404 with an empty list of errors.
    #[error("does not exist")]
    NotFound,
    /// The server is sealed.
    #[error("the server is sealed; unseal it")]
    Sealed,
    /// 429: too many requests.
    #[error("the server asks for fewer requests (429){}", wait(.retry_after))]
    RateLimited {
        /// Seconds to wait, if the server says.
        retry_after: Option<u64>,
    },
    /// No answer, or the server says that it cannot: repeat later.
    #[error("the server is not available: {what}")]
    Unavailable {
        /// Which way it failed.
        outage: Outage,
        /// What happened.
        what: String,
    },
    /// An answer that no Vault gives: a web page, cut JSON, an empty object.
    #[error("status {status}, but {what}; is this the address of the server, or has a proxy answered?")]
    Lying {
        /// The answer's status.
        status: u16,
        /// What is wrong with it.
        what: &'static str,
    },
    /// 3xx: not followed, because the token would go with it.
    #[error(
        "the server redirects to {to:?} ({status}), which is not followed; set the address to where it points"
    )]
    Redirect {
        /// The answer's status.
        status: u16,
        /// Where it points, cut.
        to: String,
    },
    /// Any other refusal.
    #[error("the server refused it ({status}){}", texts(.errors))]
    Refused {
        /// The answer's status.
        status: u16,
        /// The server's texts.
        errors: Vec<String>,
    },
    /// The answer is larger than the limit.
    #[error("the answer is larger than {limit} bytes; ask for less")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store's own "does not exist"; nothing else is told as this.
    #[error("the secret does not exist")]
    NotFound,
    /// The version is there, but soft-deleted or destroyed.
    #[error("version {} of the secret is {}", .0.version, if .0.destroyed { "destroyed" } else { "deleted" })]
    Deleted(KvMetadata),
    /// Anything else: nothing is known about the secret.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotFound => Self::NotFound,
            other => Self::Call(other),
        }
    }
}

/// The server's texts on one line, without what is said already.
fn texts(errors: &[String]) -> String {
    let lines = errors.iter().map(|e| e.split_whitespace().collect::<Vec<_>>().join(" "));
    let plain = lines.map(|e| e.strip_prefix("1 error occurred: * ").map(str::to_owned).unwrap_or(e));
    let texts: Vec<String> = plain
        .map(|e| e.replace(char::is_control, "?"))
        .filter(|e| !e.is_empty() && e != "permission denied")
        .collect();
    if texts.is_empty() { String::new() } else { format!(": {}", texts.join("; ")) }
}

fn wait(seconds: &Option<u64>) -> String {
    seconds.map_or(String::new(), |s| format!("; repeat in {s} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_repetition() {
        let denied = |text: &str| CallError::Denied { errors: vec![text.to_owned()] };
        let refused = |text: &str| CallError::Refused { status: 400, errors: vec![text.to_owned()] };
        let rows = [
            (denied("permission denied"), "permission denied"),
            (denied("1 error occurred:\n\t* permission denied\n\n"), "permission denied"),
            (denied("bad token"), "permission denied: bad token"),
            (denied(""), "permission denied"),
            (
                refused("1 error occurred:\n\t* unsupported path\n\n"),
                "the server refused it (400): unsupported path",
            ),
            (refused("a\u{1b}[31mb\nc"), "the server refused it (400): a?[31mb c"),
            (
                CallError::RateLimited { retry_after: Some(3) },
                "the server asks for fewer requests (429); repeat in 3 s",
            ),
        ];
        for (error, wanted) in rows {
            assert_eq!(error.to_string(), wanted);
        }
    }
}
