//! What can go wrong, in words that say what to do next, and the exit code it ends with. No text here holds a secret.

use std::io;

use thiserror::Error;

use crate::request::{Method, Request};

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub enum Problem {
    /// What was typed or set in the environment means nothing here.
    #[error("{0}")]
    Usage(String),
    /// A local file, or the terminal, cannot be used.
    #[error("{what}: {source}")]
    File {
        /// Which one, and what was done.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// A local input cannot be understood.
    #[error("{0}")]
    Input(String),
    /// A local check found something.
    #[error("{0}")]
    Failed(String),
    /// There is nothing at the path.
    #[error("{0}")]
    NotFound(String),
    /// The server refused.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached, or its answer cannot be understood.
    #[error("{0}")]
    Unreachable(String),
    /// Whoever read our output is gone; nobody is left to be told.
    #[error("the reader of the output is gone")]
    OutputClosed,
}

impl Problem {
    /// 1 for what was typed and local files, 2 for the server; 0 when the reader of the output has seen enough.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::File { .. } | Self::Input(_) | Self::Failed(_) => 1,
            Self::NotFound(_) | Self::Refused(_) | Self::Unreachable(_) => 2,
            Self::OutputClosed => 0,
        }
    }

    /// A file that cannot be used.
    pub fn file(what: impl Into<String>, source: io::Error) -> Self {
        Self::File { what: what.into(), source }
    }
}

/// A refusal in words: what was asked, what the server said, what to do next.
pub fn refused(request: &Request, status: u16, errors: &[String]) -> Problem {
    let mut text = format!("{} {} was refused with {status}", request.method.as_str(), request.path);
    for error in errors.iter().map(|e| e.trim()).filter(|e| !e.is_empty()) {
        text.push_str("\n  * ");
        text.push_str(&error.replace('\n', "\n    "));
    }
    if let Some(advice) = advice(request, status, errors) {
        text.push('\n');
        text.push_str(&advice);
    }
    Problem::Refused(text)
}

/// What to do next about a refusal.
fn advice(request: &Request, status: u16, errors: &[String]) -> Option<String> {
    let says = |word: &str| errors.iter().any(|e| e.contains(word));
    Some(match status {
        400 if says("check-and-set") => {
            "The secret has another version than -cas says; read it again with `keyreeve kv get`.".to_owned()
        }
        403 if !request.with_token => {
            "No token was sent: set VAULT_TOKEN, or log in with `keyreeve login`.".to_owned()
        }
        403 if request.path.starts_with("sys/internal/ui/mounts/") => {
            "Either nothing is mounted at the beginning of this path, or the token has ended (`keyreeve token lookup` tells), or its policies grant nothing there."
                .to_owned()
        }
        403 if request.path == "auth/token/lookup-self" => {
            "The token has ended or was never one; log in with `keyreeve login`, or set VAULT_TOKEN.".to_owned()
        }
        403 => {
            let capability = capability(request.method);
            let path = match request.method {
                Method::List => format!("{}/", request.path.trim_end_matches('/')),
                _ => request.path.clone(),
            };
            format!(
                "Either the token has ended (`keyreeve token lookup` tells), or its policies lack {capability} on {path:?}: ask for that, or use another token."
            )
        }
        404 if says("route entry") || says("no handler") => {
            "Nothing is mounted there; correct the beginning of the path or -mount.".to_owned()
        }
        404 | 405 if request.path.starts_with("sys/keyreeve/") => {
            "Only Keyreeve's broker has this; is VAULT_ADDR right?".to_owned()
        }
        405 => "The server does not have this operation.".to_owned(),
        429 => "Too many requests; repeat it later.".to_owned(),
        503 => {
            "The server is sealed or overloaded: `keyreeve status` tells which; unseal it or repeat the request later."
                .to_owned()
        }
        _ => return None,
    })
}

/// The capability that a policy must grant for a method.
pub const fn capability(method: Method) -> &'static str {
    match method {
        Method::Get => "read",
        Method::List => "list",
        Method::Put => "create and update",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

/// What to do when no connection came about; `cause` is the whole chain of reasons.
pub fn unreachable(address: &str, cause: &str) -> Problem {
    let lower = cause.to_lowercase();
    let advice = if lower.contains("unknownissuer")
        || lower.contains("unknown issuer")
        || lower.contains("self-signed")
    {
        "Nothing vouches for the server's certificate: set VAULT_CACERT to a file with it; the broker writes its own to tls.crt in its data folder."
    } else if lower.contains("notvalidforname") || lower.contains("not valid for name") {
        "The server's certificate is for another name: correct VAULT_ADDR, or renew the certificate with this name."
    } else if lower.contains("refused") {
        "Nothing listens there: is the server running, and is VAULT_ADDR right?"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "The server does not speak TLS: write http:// instead of https:// in VAULT_ADDR if that is meant."
    } else if lower.contains("dns") || lower.contains("lookup") {
        "The name of the server is unknown: correct VAULT_ADDR."
    } else if lower.contains("timed out") || lower.contains("timeout") {
        "The server did not answer in time; is VAULT_ADDR right?"
    } else {
        "Is VAULT_ADDR right?"
    };
    Problem::Unreachable(format!("{address} cannot be reached: {cause}\n{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: Method, path: &str, with_token: bool, status: u16, errors: &[&str]) -> String {
        let request = Request { with_token, ..Request::new(method, path) };
        let errors: Vec<String> = errors.iter().map(|e| (*e).to_owned()).collect();
        refused(&request, status, &errors).to_string()
    }

    #[test]
    fn refusals_say_what_was_asked_and_what_the_server_said() {
        let errors = ["1 error occurred:\n\t* permission denied\n\n", ""];
        let advice = "Either the token has ended (`keyreeve token lookup` tells), or its policies lack read on \"secret/data/app\": ask for that, or use another token.";
        assert_eq!(
            told(Method::Get, "secret/data/app", true, 403, &errors),
            format!(
                "GET secret/data/app was refused with 403\n  * 1 error occurred:\n    \t* permission denied\n{advice}"
            )
        );
        let plain = "GET a was refused with 500\n  * internal error";
        assert_eq!(told(Method::Get, "a", true, 500, &["internal error"]), plain);
    }

    #[test]
    fn refusals_say_what_to_do_next() {
        use Method::{Delete, Get, List, Patch, Put};
        for (method, path, status, error, advice) in [
            (List, "s/metadata/app", 403, "", "lack list on \"s/metadata/app/\": ask for that"),
            (Put, "s/data/a", 403, "", "lack create and update on \"s/data/a\""),
            (Patch, "s/data/a", 403, "", "lack patch on"),
            (Delete, "s/data/a", 403, "", "lack delete on"),
            (Get, "auth/token/lookup-self", 403, "", "log in with `keyreeve login`"),
            (Get, "sys/internal/ui/mounts/a", 403, "", "Either nothing is mounted"),
            (Get, "sys/keyreeve/audit", 404, "unsupported path", "Only Keyreeve's broker has this"),
            (Put, "s/data/a", 400, "check-and-set parameter did not match", "another version than -cas says"),
            (Get, "a", 404, "no handler for route \"a\"", "Nothing is mounted there"),
            (Get, "a", 405, "", "does not have this operation"),
            (Get, "a", 429, "", "repeat it later"),
            (Get, "a", 503, "", "sealed or overloaded"),
        ] {
            let text = told(method, path, true, status, &[error]);
            assert!(text.contains(advice), "{text}");
        }
        assert!(told(Put, "a", false, 403, &[]).contains("No token was sent: set VAULT_TOKEN"));
    }

    #[test]
    fn failed_connections_say_where_to_look() {
        let check = |cause: &str, expected: &str| {
            let text = unreachable("https://h:1", cause).to_string();
            assert!(text.starts_with("https://h:1 cannot be reached: ") && text.contains(expected), "{text}");
        };
        check("tcp connect error: Connection refused (os error 111)", "VAULT_ADDR right");
        check("invalid peer certificate: UnknownIssuer", "set VAULT_CACERT");
        check("invalid peer certificate: certificate not valid for name \"x\"", "another name");
        check("received corrupt message of type InvalidContentType", "http://");
        check("dns error: failed to lookup address", "name of the server");
        check("operation timed out", "in time");
        check("something else", "Is VAULT_ADDR right?");
    }

    #[test]
    fn exit_codes() {
        assert_eq!(Problem::Usage(String::new()).exit_code(), 1);
        assert_eq!(Problem::file("f", io::Error::other("x")).exit_code(), 1);
        assert_eq!(Problem::NotFound(String::new()).exit_code(), 2);
        assert_eq!(Problem::Refused(String::new()).exit_code(), 2);
        assert_eq!(Problem::Unreachable(String::new()).exit_code(), 2);
        assert_eq!(Problem::OutputClosed.exit_code(), 0);
    }
}
