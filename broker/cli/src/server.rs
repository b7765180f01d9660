//! The server: a session of the client crate, its failures turned into words that say what to do.

use broker_client::{
    Address, Answer, CallError, ChangesError, Client, Method as ClientMethod, Options, Outage, Session,
    StreamError, Token, Trust,
};
use zeroize::Zeroizing;

use crate::config::{Environment, Settings};
use crate::input;
use crate::problem::{self, Problem};
use crate::request::{Method, Request};

/// A server to ask.
pub struct Server {
    session: Session,
    address: String,
    with_token: bool,
}

impl Server {
    /// A server, asked with a token or without. Connects to nothing yet.
    ///
    /// # Errors
    /// The address, the namespace or the file of certificates is not acceptable.
    pub fn new(settings: &Settings, token: Option<Token>) -> Result<Self, Problem> {
        let client = client(settings)?;
        let with_token = token.is_some();
        let address = client.address().to_string();
        let session = match token {
            Some(token) => client.with_token(token),
            None => client.without_token(),
        };
        Ok(Self { session, address, with_token })
    }

    /// The session, for streams.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The server refused, there is nothing, or no answer came.
    pub async fn send(&self, request: &Request) -> Result<Answer, Problem> {
        let method = match request.method {
            Method::Get => ClientMethod::Get,
            Method::List => ClientMethod::List,
            Method::Put => ClientMethod::Put,
            Method::Patch => ClientMethod::Patch,
            Method::Delete => ClientMethod::Delete,
        };
        let query: Vec<(&str, &str)> =
            request.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = request.body.as_ref().map(|body| body.expose());
        let answer = self.session.call(method, &request.path, &query, body).await;
        answer.map_err(|error| self.problem(request, error))
    }

    /// A failed call in words.
    pub fn problem(&self, request: &Request, error: CallError) -> Problem {
        let request = Request { with_token: self.with_token, ..request.clone() };
        match error {
            CallError::Path { .. } => Problem::Usage(error.to_string()),
            CallError::NotFound => Problem::NotFound(format!("nothing is at {}", request.path)),
            CallError::Denied { errors } => problem::refused(&request, 403, &errors),
            CallError::Sealed => problem::refused(&request, 503, &["the server is sealed".to_owned()]),
            CallError::RateLimited { .. } => problem::refused(&request, 429, &[]),
            CallError::Refused { status, errors } => problem::refused(&request, status, &errors),
            CallError::Unavailable { outage: Outage::Status(status), what } => {
                problem::refused(&request, status, &[what])
            }
            CallError::Unavailable { what, .. } => problem::unreachable(&self.address, &what),
            CallError::Lying { .. } | CallError::Redirect { .. } | CallError::TooLarge { .. } => {
                Problem::Unreachable(format!("{}: {error}", self.address))
            }
        }
    }

    /// A change stream that does not open, in words.
    pub fn changes_problem(&self, request: &Request, error: ChangesError) -> Problem {
        match error {
            ChangesError::Call(error) => self.problem(request, error),
            ChangesError::Gone { .. } => Problem::Refused(format!("{error}; leave -after out to begin now")),
            ChangesError::Unsupported => {
                Problem::Refused(format!("{}: {error}; only Keyreeve's broker has one", self.address))
            }
        }
    }

    /// A stream that broke off, in words.
    pub fn stream_problem(&self, error: &StreamError, after: Option<u64>) -> Problem {
        let again = after.map(|after| format!("; go on with -after={after}")).unwrap_or_default();
        Problem::Unreachable(format!("{}: {error}{again}", self.address))
    }
}

/// A client of the server. Connects to nothing yet.
///
/// # Errors
/// The address, the namespace or the file of certificates is not acceptable.
pub fn client(settings: &Settings) -> Result<Client, Problem> {
    let bad = |what: &str, error: &dyn std::fmt::Display| Problem::Usage(format!("{what}: {error}"));
    let address = Address::parse(&settings.address)
        .map_err(|error| bad("-address, KEYREEVE_ADDR or VAULT_ADDR", &error))?;
    let mut options = Options::new(address);
    options.namespace.clone_from(&settings.namespace);
    options.user_agent = concat!("keyreeve-cli/", env!("CARGO_PKG_VERSION")).to_owned();
    if let Some(path) = &settings.ca_cert {
        options.trust = Trust::Pem(input::file(path)?.to_vec());
    }
    Client::new(options).map_err(|error| bad("-ca-cert, VAULT_CACERT or VAULT_NAMESPACE", &error))
}

/// The token to use: of the environment, else of the token file; `None` where there is neither.
///
/// # Errors
/// The file cannot be read, or the text is no token.
pub fn token(environment: &Environment) -> Result<Option<Token>, Problem> {
    let parse = |source: &str, bytes: &[u8]| {
        Token::parse(bytes).map(Some).map_err(|error| Problem::Usage(format!("{source}: {error}")))
    };
    if let Some(token) = &environment.token {
        return parse("KEYREEVE_TOKEN or VAULT_TOKEN", token.as_bytes());
    }
    let Ok(path) = environment.token_file() else { return Ok(None) };
    match input::file(&path) {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(None),
        Ok(bytes) => parse(&path.display().to_string(), &bytes),
        Err(Problem::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The token inside bytes that were read or typed.
///
/// # Errors
/// They are no token.
pub fn typed_token(bytes: &[u8]) -> Result<Token, Problem> {
    Token::parse(bytes).map_err(|error| Problem::Input(error.to_string()))
}

/// A token or accessor that a command names, `-` read from stdin.
///
/// # Errors
/// Stdin cannot be read, or the text is no token.
pub fn named_token(word: &str) -> Result<Zeroizing<String>, Problem> {
    let token = if word == "-" { typed_token(&input::stdin()?) } else { typed_token(word.as_bytes()) };
    token.map(|token| Zeroizing::new(token.expose().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let check = |variable: Option<&str>, file: Option<&str>, expected: Result<Option<&str>, &str>| {
            let path = dir.path().join(".vault-token");
            let _ = std::fs::remove_file(&path);
            if let Some(text) = file {
                std::fs::write(&path, text).unwrap();
            }
            let environment = Environment {
                token: variable.map(|token| Zeroizing::new(token.to_owned())),
                home: Some(dir.path().to_owned()),
                ..Environment::default()
            };
            match (token(&environment), expected) {
                (Ok(token), Ok(expected)) => assert_eq!(token.as_ref().map(Token::expose), expected),
                (Err(problem), Err(part)) => {
                    let text = problem.to_string();
                    assert!(text.contains(part) && !text.contains("topsecret"), "{text}");
                }
                _ => panic!("{variable:?} {file:?}"),
            }
        };
        check(None, None, Ok(None));
        check(None, Some("from-file\n"), Ok(Some("from-file")));
        check(None, Some(" \n"), Ok(None));
        check(Some("from-env"), Some("from-file"), Ok(Some("from-env")));
        check(None, Some("topsecret more"), Err(".vault-token: "));
        check(Some("topsecret more"), None, Err("KEYREEVE_TOKEN or VAULT_TOKEN: "));
    }

    #[test]
    fn failures_are_sorted_into_exit_codes() {
        let settings = Settings {
            address: "http://127.0.0.1:1".to_owned(),
            namespace: None,
            ca_cert: None,
            format: crate::arguments::Format::Table,
        };
        let server = Server::new(&settings, None).unwrap();
        let request = Request::new(Method::Get, "secret/data/a");
        let check = |error: CallError, code: u8, part: &str| {
            let problem = server.problem(&request, error);
            assert!(problem.exit_code() == code && problem.to_string().contains(part), "{problem}");
        };
        check(CallError::NotFound, 2, "nothing is at secret/data/a");
        check(CallError::Denied { errors: vec![] }, 2, "No token was sent");
        check(CallError::Sealed, 2, "unseal");
        check(CallError::RateLimited { retry_after: None }, 2, "429");
        check(CallError::Path { path: "a//b".to_owned(), problem: "has '//'" }, 1, "has '//'");
        let down = |outage| CallError::Unavailable { outage, what: "Connection refused".to_owned() };
        check(down(Outage::Connect), 2, "cannot be reached: Connection refused");
        check(down(Outage::Status(503)), 2, "refused with 503");
        check(CallError::Lying { status: 200, what: "it is no JSON" }, 2, "it is no JSON");
    }

    #[test]
    fn bad_settings_are_what_was_typed() {
        let check = |address: &str, ca: Option<&str>, part: &str| {
            let settings = Settings {
                address: address.to_owned(),
                namespace: None,
                ca_cert: ca.map(Into::into),
                format: crate::arguments::Format::Table,
            };
            let problem = Server::new(&settings, None).err().unwrap_or_else(|| panic!("{address}"));
            assert!(problem.exit_code() == 1 && problem.to_string().contains(part), "{problem}");
        };
        check("127.0.0.1:8200", None, "VAULT_ADDR: ");
        check("https://u:topsecret@h", None, "user or a password");
        check("https://h", Some("/nonexistent/ca.pem"), "/nonexistent/ca.pem: ");
    }
}
