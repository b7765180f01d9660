//! The settings of an auth method of type `kubernetes`: which API server reviews tokens, and how it is trusted.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use zeroize::Zeroizing;

use super::login::MAX_JWT_BYTES;
use crate::json::field::{self, optional};
use crate::json::{Json, JsonLimits, parse};
use crate::refusal::Refusal;
use crate::row::{RowKey, RowValue, Table};

/// The longest address or issuer, in bytes.
const MAX_TEXT_BYTES: usize = 1_024;
/// The longest chain of certificates, in bytes.
const MAX_CA_BYTES: usize = 64 << 10;

const FORMAT: &str = "1";

/// The settings as stored.
#[derive(Clone)]
pub struct KubernetesConfig {
    /// Address of the API server, `https://HOST[:PORT][/PATH]` without a slash at its end; `http://` on loopback only.
    pub host: String,
    /// The certificates that the API server's is checked with, in PEM; empty for those of the broker's own pod.
    pub ca_cert: String,
    /// The token that asks for reviews; empty for the one that is reviewed, or that of the broker's own pod.
    pub reviewer_jwt: Zeroizing<String>,
    /// The issuer that tokens must name; empty for any.
    pub issuer: String,
    /// Whether the issuer is not looked at; the API server knows its own.
    pub disable_iss_validation: bool,
    /// Whether the files of the broker's own pod are not used.
    pub disable_local_ca_jwt: bool,
}

impl fmt::Debug for KubernetesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the reviewer's token.
        f.debug_struct("KubernetesConfig").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Key of the row of the settings, from the method's id.
pub fn config_key(mount_id: &str) -> RowKey {
    RowKey::new(Table::AuthConfig, mount_id)
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

impl KubernetesConfig {
    /// Reads the body of a write, which replaces all settings.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type or beyond its limit, one that is not supported, or settings that
    /// do not fit together; the field is named.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let flag = |name, default| Ok::<_, Refusal>(optional(body, name, field::boolean)?.unwrap_or(default));
        if !optional(body, "pem_keys", field::list)?.unwrap_or_default().is_empty() {
            return Err(invalid(
                "pem_keys is not supported by this broker; leave it out, tokens are reviewed by the API server",
            ));
        }
        if flag("use_annotations_as_alias_metadata", false)? {
            return Err(invalid(
                "use_annotations_as_alias_metadata is not supported by this broker; leave it out",
            ));
        }
        let config = Self {
            host: api_server(&bounded(body, "kubernetes_host", MAX_TEXT_BYTES)?)?,
            ca_cert: bounded(body, "kubernetes_ca_cert", MAX_CA_BYTES)?,
            reviewer_jwt: Zeroizing::new(bounded(body, "token_reviewer_jwt", MAX_JWT_BYTES)?),
            issuer: bounded(body, "issuer", MAX_TEXT_BYTES)?,
            disable_iss_validation: flag("disable_iss_validation", true)?,
            disable_local_ca_jwt: flag("disable_local_ca_jwt", false)?,
        };
        if config.disable_local_ca_jwt && config.ca_cert.is_empty() {
            return Err(invalid("kubernetes_ca_cert must be given when disable_local_ca_jwt is true"));
        }
        if !config.disable_iss_validation && config.issuer.is_empty() {
            return Err(invalid("issuer must be given when disable_iss_validation is false"));
        }
        if !config.reviewer_jwt.chars().all(|c| c.is_ascii_graphic()) {
            return Err(invalid("token_reviewer_jwt holds a character that no token has"));
        }
        Ok(config)
    }

    /// Whether the API server is asked without TLS, which is so on loopback only.
    pub fn is_plain(&self) -> bool {
        self.host.starts_with("http://")
    }

    /// Whether the certificates and the token of the broker's own pod are used: both or none, so that the pod's token
    /// goes to no other server than its own.
    pub fn is_local(&self) -> bool {
        self.ca_cert.is_empty() && !self.disable_local_ca_jwt && !self.is_plain()
    }

    /// The row.
    pub fn encode(&self) -> RowValue {
        let text = |text: &str| Json::string(text);
        let fields: BTreeMap<String, Json> = [
            ("v", text(FORMAT)),
            ("host", text(&self.host)),
            ("ca_cert", text(&self.ca_cert)),
            ("reviewer_jwt", text(&self.reviewer_jwt)),
            ("issuer", text(&self.issuer)),
            ("disable_iss_validation", Json::Bool(self.disable_iss_validation)),
            ("disable_local_ca_jwt", Json::Bool(self.disable_local_ca_jwt)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        RowValue::new(Json::Object(fields).to_text().into_bytes())
    }

    /// Reads the row; `None` where it is no such row.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let row = parse(bytes, &JsonLimits::STORED).ok()?;
        let text = |name: &str| row.get(name).and_then(Json::as_str);
        let flag = |name: &str| match row.get(name) {
            Some(Json::Bool(flag)) => Some(*flag),
            _ => None,
        };
        if text("v")? != FORMAT {
            return None;
        }
        Some(Self {
            host: text("host")?.to_owned(),
            ca_cert: text("ca_cert")?.to_owned(),
            reviewer_jwt: Zeroizing::new(text("reviewer_jwt")?.to_owned()),
            issuer: text("issuer")?.to_owned(),
            disable_iss_validation: flag("disable_iss_validation")?,
            disable_local_ca_jwt: flag("disable_local_ca_jwt")?,
        })
    }
}

fn bounded(body: &Json, name: &str, limit: usize) -> Result<String, Refusal> {
    let text = optional(body, name, field::text)?.unwrap_or_default();
    if text.len() > limit {
        return Err(invalid(format!("{name} is longer than {limit} bytes")));
    }
    Ok(text.trim().to_owned())
}

/// The address of an API server without a slash at its end. Callers' tokens are sent there, so it is checked here.
fn api_server(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err(invalid("no host provided"));
    }
    let unusable = || {
        invalid(
            "kubernetes_host is no address; write https://HOST, https://HOST:PORT or https://HOST:PORT/PATH",
        )
    };
    let address = text.trim_end_matches('/');
    let (scheme, rest) = address.split_once("://").ok_or_else(unusable)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() || !rest.chars().all(plain) {
        return Err(unusable());
    }
    let loopback = || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match scheme {
        "https" => Ok(address.to_owned()),
        "http" if loopback() => Ok(address.to_owned()),
        "http" => Err(invalid("kubernetes_host without TLS is allowed on loopback only; write https://")),
        _ => Err(unusable()),
    }
}
