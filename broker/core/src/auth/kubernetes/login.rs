//! A login: what a JWT says before anything vouches for it, and what it comes to once the API server has.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::review::texts;
use super::{AliasNameSource, KubernetesConfig, KubernetesRole, Review};
use crate::auth::AuthMount;
use crate::identity::Facts;
use crate::json::{Json, JsonLimits, parse};
use crate::reason::ReasonCode;
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::{NewIds, SYSTEM_MAX_TTL_SECONDS, TokenInfo, after, tighter};

/// The longest JWT that is looked at, in bytes.
pub const MAX_JWT_BYTES: usize = 16 << 10;
/// The longest name, namespace or UID in Kubernetes, in bytes.
const MAX_NAME_BYTES: usize = 253;
/// The longest issuer that is kept, in bytes.
const MAX_ISSUER_BYTES: usize = 1_024;
const LIMITS: JsonLimits = JsonLimits { max_depth: 32, max_strings: 1_000, max_bytes: MAX_JWT_BYTES };

/// What a login sends.
pub struct LoginRequest {
    /// Name of the role.
    pub role: String,
    /// The JWT, which nothing vouches for yet.
    pub unverified_jwt: Zeroizing<String>,
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest").field("role", &self.role).finish_non_exhaustive()
    }
}

impl LoginRequest {
    /// Reads the body of a login.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: role or JWT is missing.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let text = |name: &str| match body.get(name).and_then(Json::as_str).unwrap_or_default() {
            "" => Err(Refusal::Invalid(format!("missing {name}"))),
            text => Ok(text),
        };
        Ok(Self { role: text("role")?.to_owned(), unverified_jwt: Zeroizing::new(text("jwt")?.to_owned()) })
    }
}

/// Why a login is refused. The client is told only that it is; the record has the sentence. None holds the JWT.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Denial {
    /// Longer than the limit.
    #[error("the JWT is longer than {MAX_JWT_BYTES} bytes")]
    TooLong,
    /// Not three parts in base64.
    #[error("what was sent is no JWT")]
    NoJwt,
    /// Not a token of a service account, or one of the old kind without audience and end.
    #[error("the JWT is no token of a service account that the token request API made")]
    NoServiceAccountToken,
    /// The issuer is checked, and is another one.
    #[error("the JWT names another issuer than the auth method's")]
    Issuer,
    /// The JWT itself is for somebody else.
    #[error("the JWT is not for the role's audience")]
    UnverifiedAudience,
    /// The role does not bind what the JWT names, which nothing vouched for.
    #[error("the role does not bind the service account that the JWT names: {0}, not verified")]
    UnverifiedNotBound(String),
    /// The API server could not be asked, or answered something else than a review.
    #[error("the token could not be reviewed: {0}")]
    NotReviewed(String),
    /// The API server does not know the token.
    #[error("the API server does not confirm the token")]
    NotAuthenticated,
    /// It does not confirm the audience.
    #[error("the API server does not confirm the role's audience")]
    Audience,
    /// The user behind the token is no service account.
    #[error("the user that the API server names is no service account")]
    NotServiceAccount,
    /// There is no UID.
    #[error("the API server names no UID")]
    NoUid,
    /// Review and JWT speak of different service accounts.
    #[error("the API server names another service account than the JWT")]
    Disagrees,
    /// The role does not bind the service account.
    #[error("the role does not bind the service account {0}")]
    NotBound(String),
}

impl Denial {
    /// The reason of the record: the caller's fault, or that of the connection to the API server.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::NotReviewed(_) => ReasonCode::ReviewFailed,
            _ => ReasonCode::LoginRefused,
        }
    }
}

/// What a JWT says about itself. Nothing vouches for it: it may refuse, never allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnverifiedClaims {
    /// Issuer, empty for none.
    pub unverified_issuer: String,
    /// Audiences.
    pub unverified_audiences: Vec<String>,
    /// Namespace of the service account.
    pub unverified_namespace: String,
    /// Name of the service account.
    pub unverified_name: String,
    /// UID of the service account.
    pub unverified_uid: String,
    /// Its end in seconds since 1970.
    pub unverified_expiry: Option<i64>,
}

/// Reads what a JWT says about itself, without its signature.
///
/// # Errors
/// It is too long, no JWT, or none of a service account.
pub fn unverified_claims(unverified_jwt: &str) -> Result<UnverifiedClaims, Denial> {
    if unverified_jwt.len() > MAX_JWT_BYTES {
        return Err(Denial::TooLong);
    }
    let part =
        |text: Option<&str>| text.and_then(|t| URL_SAFE_NO_PAD.decode(t).ok()).filter(|b| !b.is_empty());
    let mut parts = unverified_jwt.split('.');
    let decoded = [part(parts.next()), part(parts.next()), part(parts.next())];
    let ([Some(_), Some(payload), Some(_)], None) = (decoded, parts.next()) else {
        return Err(Denial::NoJwt);
    };
    let claims = parse(&payload, &LIMITS).map_err(|_| Denial::NoJwt)?;
    service_account_claims(&claims).ok_or(Denial::NoServiceAccountToken)
}

fn service_account_claims(claims: &Json) -> Option<UnverifiedClaims> {
    let text = |object: &Json, name: &str| Some(object.get(name)?.as_str()?.to_owned());
    let bound = claims.get("kubernetes.io")?;
    let account = bound.get("serviceaccount")?;
    let found = UnverifiedClaims {
        unverified_issuer: text(claims, "iss").unwrap_or_default(),
        unverified_audiences: texts(claims.get("aud")),
        unverified_namespace: text(bound, "namespace")?,
        unverified_name: text(account, "name")?,
        unverified_uid: text(account, "uid")?,
        unverified_expiry: match claims.get("exp") {
            Some(Json::Number(digits)) => digits.parse().ok(),
            _ => None,
        },
    };
    let names = [&found.unverified_namespace, &found.unverified_name, &found.unverified_uid];
    let good =
        names.into_iter().all(|name| is_name(name)) && found.unverified_issuer.len() <= MAX_ISSUER_BYTES;
    good.then_some(found)
}

/// Letters, digits, `-` and `.`: what Kubernetes allows in names, and nothing that a record or policy could misread.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

/// Refuses early what the API server need not be asked about.
///
/// # Errors
/// Another issuer or audience, or a service account that the role does not bind.
pub fn screen(
    config: &KubernetesConfig,
    role: &KubernetesRole,
    claims: &UnverifiedClaims,
) -> Result<(), Denial> {
    if !config.disable_iss_validation && claims.unverified_issuer != config.issuer {
        return Err(Denial::Issuer);
    }
    if !claims.unverified_audiences.contains(&role.audience) {
        return Err(Denial::UnverifiedAudience);
    }
    let (namespace, name) = (&claims.unverified_namespace, &claims.unverified_name);
    if !role.binds(namespace, name) {
        return Err(Denial::UnverifiedNotBound(format!("{namespace}/{name}")));
    }
    Ok(())
}

/// A service account that the API server vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Issuer of the token, empty for none.
    pub issuer: String,
}

/// Decides a login over the API server's answer.
///
/// # Errors
/// What is missing in the answer, or does not fit role or JWT.
pub fn decide(role: &KubernetesRole, claims: &UnverifiedClaims, review: &Review) -> Result<Verified, Denial> {
    if !review.authenticated {
        return Err(Denial::NotAuthenticated);
    }
    if role.audience.is_empty() || !review.audiences.contains(&role.audience) {
        return Err(Denial::Audience);
    }
    let (namespace, name) = service_account(&review.username).ok_or(Denial::NotServiceAccount)?;
    if review.uid.is_empty() {
        return Err(Denial::NoUid);
    }
    let said = (&claims.unverified_namespace, &claims.unverified_name, &claims.unverified_uid);
    if (said.0.as_str(), said.1.as_str(), said.2) != (namespace, name, &review.uid) {
        return Err(Denial::Disagrees);
    }
    if !role.binds(namespace, name) {
        return Err(Denial::NotBound(format!("{namespace}/{name}")));
    }
    Ok(Verified {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: review.uid.clone(),
        // The API server checked the signature over all claims.
        issuer: claims.unverified_issuer.clone(),
    })
}

/// Namespace and name of `system:serviceaccount:NAMESPACE:NAME`.
fn service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (is_name(namespace) && is_name(name)).then_some((namespace, name))
}

/// The facts about who logged in.
pub fn facts(mount: &AuthMount, role: &KubernetesRole, verified: Verified) -> Facts {
    let subject = match role.alias_name_source {
        AliasNameSource::ServiceAccountUid => verified.uid.clone(),
        AliasNameSource::ServiceAccountName => {
            format!("system:serviceaccount:{}:{}", verified.namespace, verified.name)
        }
    };
    Facts {
        mount: mount.path.clone(),
        issuer: Some(verified.issuer).filter(|issuer| !issuer.is_empty()),
        subject,
        namespace: Some(verified.namespace),
        service_account: Some(verified.name),
        uid: Some(verified.uid),
        ..Facts::default()
    }
}

/// The display name of who logged in: method, namespace and name.
pub fn actor_name(facts: &Facts) -> String {
    let parts = [Some(facts.mount.replace('/', "-")), facts.namespace.clone(), facts.service_account.clone()];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("-")
}

/// Where and when a login happens, and the random part of its token.
pub struct LoginPlace<'a> {
    /// The auth method.
    pub mount: &'a AuthMount,
    /// The time of the request.
    pub now: Time,
    /// Key and accessor of the token.
    pub ids: NewIds,
}

/// The token of a login. Its limits are those of the role as it is now; a renewal keeps them.
pub fn plan_token(place: LoginPlace<'_>, role: &KubernetesRole, facts: Facts) -> TokenInfo {
    let mount = place.mount;
    let first = |options: [u64; 3]| options.into_iter().find(|seconds| *seconds > 0).unwrap_or_default();
    let period = role.period.min(SYSTEM_MAX_TTL_SECONDS);
    let limit = match period {
        0 => tighter(role.explicit_max_ttl, tighter(role.max_ttl, mount.max_lease_ttl)),
        _ => role.explicit_max_ttl,
    };
    let asked = match period {
        0 => first([role.ttl, mount.default_lease_ttl, SYSTEM_MAX_TTL_SECONDS]),
        period => period,
    };
    let ttl = asked.min(tighter(limit, SYSTEM_MAX_TTL_SECONDS));
    let of = |fact: &Option<String>| fact.clone().unwrap_or_default();
    let meta = [
        ("role", role.name.clone()),
        ("service_account_name", of(&facts.service_account)),
        ("service_account_namespace", of(&facts.namespace)),
        ("service_account_uid", of(&facts.uid)),
    ];
    let meta: BTreeMap<String, String> = meta.map(|(key, value)| (key.to_owned(), value)).into();
    TokenInfo {
        id: place.ids.token_hash_hex,
        accessor: place.ids.accessor,
        policies: role.granted_policies(),
        meta: Some(meta),
        display_name: actor_name(&facts),
        path: format!("auth/{}/login", mount.path),
        created: place.now,
        creation_ttl: ttl,
        expires: Some(after(place.now, ttl)),
        last_renewal: None,
        explicit_max_ttl: limit,
        period,
        num_uses: role.num_uses,
        renewable: true,
        orphan: true,
        parent: None,
        role: None,
        facts,
    }
}
