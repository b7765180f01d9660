//! Logins and the own token, through vaultrs.

use std::error::Error;
use std::time::Duration;

use vaultrs::api::AuthInfo;
use vaultrs::client::{VaultClient, VaultClientSettings};
use vaultrs::error::ClientError;
use zeroize::{Zeroize, Zeroizing};

use crate::answer::{Head, kept, refusal};
use crate::client::Client;
use crate::error::{CallError, Outage};
use crate::outage;
use crate::path::encode;
use crate::secret::SecretText;
use crate::session::Session;
use crate::token::Token;

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Login {
    /// The token.
    pub token: Token,
    /// Its public name.
    pub accessor: String,
    /// Policies that the token has.
    pub policies: Vec<String>,
    /// How long it lives; zero for ever.
    pub lease: Duration,
    /// Whether it can be renewed.
    pub renewable: bool,
}

/// What a server says about a token.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// Its public name.
    pub accessor: String,
    /// Whose it is.
    pub display_name: String,
    /// Policies that it has.
    pub policies: Vec<String>,
    /// How much longer it lives; zero for ever where `expire_time` is none.
    pub ttl: Duration,
    /// When it ends, RFC 3339; `None` for never.
    pub expire_time: Option<String>,
    /// Whether it can be renewed.
    pub renewable: bool,
}

/// A vaultrs client for one call; its copy of the token is wiped when it ends.
struct OneCall(VaultClient);

impl OneCall {
    fn new(client: &Client, token: Option<&Token>) -> Result<Self, CallError> {
        let options = &client.options;
        let setup = |e: ClientError| unavailable(outage::chain(&e));
        // vaultrs sets up an HTTP client of its own for the address given here, which ours replaces at once.
        let address = "http://localhost/".parse().map_err(|_| unavailable("no address".to_owned()))?;
        let settings = VaultClientSettings {
            address,
            ca_certs: Vec::new(),
            identity: None,
            timeout: None,
            token: String::new(),
            verify: true,
            version: 1,
            wrapping: false,
            namespace: None,
            proxy: None,
        };
        let mut inner = VaultClient::new(settings).map_err(setup)?;
        inner.http.base = options.address.origin().as_str().to_owned();
        inner.http.http = client.http.clone();
        // The namespace is a header of the HTTP client already. vaultrs puts its "version" before every path, so that
        // a prefix of the address belongs there too.
        inner.middle.version = options.address.root();
        inner.middle.token = token.map(|t| t.expose().to_owned()).unwrap_or_default();
        Ok(Self(inner))
    }
}

impl Drop for OneCall {
    fn drop(&mut self) {
        self.0.middle.token.zeroize();
    }
}

impl Client {
    /// Logs in with a Kubernetes service account's JWT at `auth/MOUNT/login`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn login_kubernetes(
        &self,
        mount: &str,
        role: &str,
        jwt: &SecretText,
    ) -> Result<Login, CallError> {
        let mount = encode(mount)?;
        let call = OneCall::new(self, None)?;
        let answer = vaultrs::auth::kubernetes::login(&call.0, &mount, role, jwt.expose());
        login(self.without_token().in_time(async { answer.await.map_err(failure) }).await?)
    }
}

impl Session {
    /// Looks the session's own token up.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn lookup_self(&self) -> Result<TokenInfo, CallError> {
        let call = OneCall::new(&self.client, self.token.as_deref())?;
        let answer = vaultrs::token::lookup_self(&call.0);
        let mut found = self.in_time(async { answer.await.map_err(failure) }).await?;
        found.id.zeroize();
        Ok(TokenInfo {
            accessor: found.accessor,
            display_name: found.display_name,
            policies: found.policies,
            ttl: Duration::from_secs(found.ttl),
            expire_time: found.expire_time,
            renewable: found.renewable.unwrap_or(false),
        })
    }

    /// Renews the session's own token by `increment`, or by its own period; the answer says what the server granted.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn renew_self(&self, increment: Option<Duration>) -> Result<Login, CallError> {
        let call = OneCall::new(&self.client, self.token.as_deref())?;
        let increment = increment.map(|d| format!("{}s", d.as_secs()));
        let answer = vaultrs::token::renew_self(&call.0, increment.as_deref());
        login(self.in_time(async { answer.await.map_err(failure) }).await?)
    }

    /// Revokes the session's own token, and all that it made.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn revoke_self(&self) -> Result<(), CallError> {
        let call = OneCall::new(&self.client, self.token.as_deref())?;
        let answer = vaultrs::token::revoke_self(&call.0);
        self.in_time(async { answer.await.map_err(failure) }).await
    }
}

fn login(auth: AuthInfo) -> Result<Login, CallError> {
    let text = Zeroizing::new(auth.client_token);
    let token = Token::parse(text.as_bytes())
        .map_err(|_| CallError::Lying { status: 200, what: "the answer holds no token" })?;
    Ok(Login {
        token,
        accessor: auth.accessor,
        policies: auth.policies,
        lease: Duration::from_secs(auth.lease_duration),
        renewable: auth.renewable,
    })
}

fn unavailable(what: String) -> CallError {
    CallError::Unavailable { outage: Outage::Broken, what }
}

fn failure(error: ClientError) -> CallError {
    match error {
        ClientError::APIError { code, errors } => {
            refusal(&Head { status: code, ..Head::default() }, kept(errors))
        }
        ClientError::RestClientError { source } => {
            // Only the HTTP client's own errors are printed: others may carry the answer's text.
            let mut next: Option<&(dyn Error + 'static)> = Some(&source);
            while let Some(cause) = next {
                if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
                    return outage::of_reqwest_ref(error);
                }
                next = cause.source();
            }
            unavailable("the answer is none that Vault gives: a redirect, a web page or cut JSON".to_owned())
        }
        _ => CallError::Lying { status: 200, what: "the body is none that Vault gives" },
    }
}
