//! Request bodies of the table of auth methods, from JSON to mounts and tunes, with Vault's words for what is wrong.

use super::{AuthMethod, AuthMount};
use crate::json::Json;
use crate::json::field::{self, optional};
use crate::mount::Tune;
use crate::refusal::Refusal;
use crate::time::Time;

/// Path of the token store, which is always there.
pub const TOKEN_STORE: &str = "token";

/// What a request to enable an auth method asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMountRequest {
    method: AuthMethod,
    description: String,
    settings: AuthTune,
}

/// What a tune changes; `None` leaves a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthTune {
    /// Description, lives and visibility, as those of a mount of secrets.
    pub settings: Tune,
    /// `default-service` or `service`.
    pub token_type: Option<String>,
}

impl AuthMountRequest {
    /// Reads the body of a request to enable an auth method.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: no type, an unknown one, or a field of the wrong type.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let kind = body.get("type").and_then(Json::as_str).unwrap_or_default();
        if kind.is_empty() {
            return Err(Refusal::Invalid("backend type must be specified as a string".to_owned()));
        }
        let method = AuthMethod::of(kind)
            .ok_or_else(|| Refusal::Invalid(format!("plugin not found in the catalog: {kind}")))?;
        let settings = AuthTune::parse(body.get("config").unwrap_or(&Json::Null))?;
        let description = Tune::parse(body)?.description.unwrap_or_default();
        Ok(Self { method, description, settings })
    }

    /// The method at a path (below `auth/`, without its trailing slash) with its new id, a UUID.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: the default life is longer than the longest.
    pub fn into_mount(self, path: &str, id: String, now: Time) -> Result<AuthMount, Refusal> {
        let digits = id.get(..8).unwrap_or_default();
        let bare = AuthMount {
            path: path.trim_end_matches('/').to_owned(),
            accessor: format!("auth_{}_{digits}", self.method.as_str()),
            id,
            method: self.method,
            description: String::new(),
            default_lease_ttl: 0,
            max_lease_ttl: 0,
            listing_visibility: String::new(),
            token_type: "default-service".to_owned(),
            created: now,
        };
        let mount = AuthMount { description: self.description, ..self.settings.applied_to(bare) };
        check_lives(mount.default_lease_ttl, mount.max_lease_ttl)?;
        Ok(mount)
    }
}

/// Refuses a default life, in seconds, that is longer than the longest; 0 is none.
pub(super) fn check_lives(default: u64, max: u64) -> Result<(), Refusal> {
    if max > 0 && default > max {
        let text = "given default lease TTL greater than given max lease TTL";
        return Err(Refusal::Invalid(text.to_owned()));
    }
    Ok(())
}

impl AuthTune {
    /// Reads the body of a tune.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type, or a type of tokens that is not supported.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let given = optional(body, "token_type", field::text)?;
        let token_type = match given.as_deref() {
            None => None,
            Some("" | "default-service") => Some("default-service".to_owned()),
            Some("service") => given,
            Some(_) => {
                let text = "invalid 'token_type' value; use \"default-service\" or \"service\"";
                return Err(Refusal::Invalid(text.to_owned()));
            }
        };
        Ok(Self { settings: Tune::parse(body)?, token_type })
    }

    /// A method with these settings.
    pub(super) fn applied_to(self, old: AuthMount) -> AuthMount {
        let tune = self.settings;
        AuthMount {
            description: tune.description.unwrap_or(old.description),
            default_lease_ttl: tune.default_lease_ttl.unwrap_or(old.default_lease_ttl),
            max_lease_ttl: tune.max_lease_ttl.unwrap_or(old.max_lease_ttl),
            listing_visibility: tune.listing_visibility.unwrap_or(old.listing_visibility),
            token_type: self.token_type.unwrap_or(old.token_type),
            ..old
        }
    }
}
