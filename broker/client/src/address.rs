//! The address of a server: a checked URL, or the broker's unix socket.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Where a server is. Holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    origin: Url,
    prefix: String,
    socket: Option<PathBuf>,
}

/// Why a text is no address. Shows nothing of the text that could be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No URL at all.
    #[error(
        "the address is not a URL; write it like https://vault.example:8200 or unix:///run/keyreeve.sock"
    )]
    NotUrl,
    /// Neither http, https nor unix.
    #[error("the address must begin with https://, http:// or unix:///")]
    Scheme,
    /// A URL without a host.
    #[error("the address has no host; write it like https://vault.example:8200")]
    NoHost,
    /// A user or a password.
    #[error("the address must not hold a user or a password; give the token apart from it")]
    Credentials,
    /// A query or a fragment.
    #[error("the address must not have a query or a fragment; write it like https://vault.example:8200")]
    Query,
    /// A relative path of a socket.
    #[error("the socket must be named by its whole path, like unix:///run/keyreeve.sock")]
    Socket,
}

impl Address {
    /// Reads an address. A path is kept and put before `/v1/`, as proxies need it.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("unix:") {
            return Self::socket(rest.strip_prefix("//").unwrap_or(rest));
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => AddressError::NoHost,
            _ => AddressError::NotUrl,
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        if !url.has_host() {
            return Err(AddressError::NoHost);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Query);
        }
        let prefix = url.path().trim_matches('/').to_owned();
        let mut origin = url;
        origin.set_path("/");
        Ok(Self { origin, prefix, socket: None })
    }

    fn socket(path: &str) -> Result<Self, AddressError> {
        if !path.starts_with('/') || path.contains('\0') {
            return Err(AddressError::Socket);
        }
        let origin = Url::parse("http://localhost/").map_err(|_| AddressError::NotUrl)?;
        Ok(Self { origin, prefix: String::new(), socket: Some(PathBuf::from(path)) })
    }

    /// Whether TLS protects the way.
    pub fn is_tls(&self) -> bool {
        self.origin.scheme() == "https"
    }

    /// The socket, if the server is behind one.
    pub fn unix_socket(&self) -> Option<&std::path::Path> {
        self.socket.as_deref()
    }

    /// Scheme, host and port, as a URL.
    pub(crate) fn origin(&self) -> &Url {
        &self.origin
    }

    /// What stands before the API's paths: `v1`, or `PREFIX/v1`.
    pub(crate) fn root(&self) -> String {
        if self.prefix.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.prefix) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "unix://{}", path.display()),
            None => f.write_str(format!("{}{}", self.origin, self.prefix).trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_and_nothing_more() {
        use AddressError::{Credentials, NoHost, NotUrl, Query, Scheme, Socket};
        let rows = [
            ("https://vault.example:8200", Ok(("https://vault.example:8200", "v1"))),
            (" http://127.0.0.1:8200/\n", Ok(("http://127.0.0.1:8200", "v1"))),
            ("https://proxy.example/team/vault/", Ok(("https://proxy.example/team/vault", "team/vault/v1"))),
            ("http://[::1]:8200", Ok(("http://[::1]:8200", "v1"))),
            ("unix:///run/k.sock", Ok(("unix:///run/k.sock", "v1"))),
            ("unix:/run/k.sock", Ok(("unix:///run/k.sock", "v1"))),
            ("unix://run/k.sock", Err(Socket)),
            ("vault.example:8200", Err(Scheme)),
            ("127.0.0.1:8200", Err(NotUrl)),
            ("", Err(NotUrl)),
            ("https://", Err(NoHost)),
            ("ftp://vault.example", Err(Scheme)),
            ("https://me:pw@vault.example", Err(Credentials)),
            ("https://vault.example/?x=1", Err(Query)),
            ("https://vault.example/#x", Err(Query)),
        ];
        for (given, wanted) in rows {
            let got = Address::parse(given).map(|a| (a.to_string(), a.root()));
            let wanted = wanted.map(|(text, root)| (text.to_owned(), root.to_owned()));
            assert_eq!(got, wanted, "{given:?}");
        }
    }
}
