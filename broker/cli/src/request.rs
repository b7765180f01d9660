//! A request to the server, decided before anything is sent.

use broker_core::secret::SecretJson;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// List the names below a path.
    List,
    /// Write.
    Put,
    /// Merge into what is there (RFC 7396).
    Patch,
    /// Delete.
    Delete,
}

impl Method {
    /// The word that messages use; a list is sent as a GET.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::List => "LIST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request. Its body may hold secrets, so it has no Debug.
#[derive(Clone)]
pub struct Request {
    /// What it does.
    pub method: Method,
    /// The path behind `/v1/`, not encoded.
    pub path: String,
    /// Query parameters, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// The body as JSON.
    pub body: Option<SecretJson>,
    /// Whether a token goes with it; for the advice after a refusal.
    pub with_token: bool,
}

impl Request {
    /// A request without query and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, with_token: true }
    }

    /// A request with a body.
    pub fn with_body(method: Method, path: impl Into<String>, body: SecretJson) -> Self {
        Self { body: Some(body), ..Self::new(method, path) }
    }

    /// The same request with one more query parameter.
    pub fn with_query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}
