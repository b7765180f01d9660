//! The creation of a token: what a request may ask for, and what its caller gets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use zeroize::Zeroizing;

use super::life::{after, capped, max_ttl};
use super::{SYSTEM_MAX_TTL_SECONDS, TokenInfo, TokenRole};
use crate::duration;
use crate::identity::Facts;
use crate::json::Json;
use crate::json::field::{self, optional};
use crate::refusal::Refusal;
use crate::time::Time;

/// Policies that cannot be given to a token.
const NOT_ASSIGNABLE: [&str; 2] = ["response-wrapping", "control-group"];
const MAX_POLICIES: usize = 256;
const MAX_META_KEYS: usize = 64;
const MAX_TEXT_BYTES: usize = 1_024;

/// What a request to create a token asks for.
#[derive(Clone)]
pub struct CreateRequest {
    /// The token itself, chosen by the caller.
    pub id: Option<Zeroizing<String>>,
    /// Policies; empty for those of the parent.
    pub policies: Vec<String>,
    /// Metadata.
    pub meta: Option<BTreeMap<String, String>>,
    /// Ask for a token without a parent.
    pub no_parent: bool,
    /// Leave `default` out.
    pub no_default_policy: bool,
    /// Whether it may be renewed.
    pub renewable: bool,
    /// Seconds of life; 0 for the system's.
    pub ttl: u64,
    /// Hard limit of its life in seconds; 0 for none.
    pub explicit_max_ttl: u64,
    /// A name for logs.
    pub display_name: String,
    /// Uses; 0 for no limit.
    pub num_uses: u64,
    /// Period in seconds; 0 for none.
    pub period: u64,
}

impl Default for CreateRequest {
    fn default() -> Self {
        Self {
            id: None,
            policies: Vec::new(),
            meta: None,
            no_parent: false,
            no_default_policy: false,
            renewable: true,
            ttl: 0,
            explicit_max_ttl: 0,
            display_name: String::new(),
            num_uses: 0,
            period: 0,
        }
    }
}

impl fmt::Debug for CreateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token.
        f.debug_struct("CreateRequest").field("policies", &self.policies).finish_non_exhaustive()
    }
}

impl CreateRequest {
    /// Reads a request body; null is an empty one.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type or beyond its limit, a batch token, or an entity alias.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let text = |name| bounded_text(body, name);
        let flag = |name| optional(body, name, field::boolean);
        match text("type")?.as_str() {
            "" | "service" => {}
            "batch" => return Err(invalid("batch tokens are not supported by this broker yet")),
            _ => return Err(invalid("invalid 'type' value; use \"service\"")),
        }
        if !text("entity_alias")?.is_empty() {
            return Err(invalid("entity_alias is not supported by this broker; leave it out"));
        }
        let uses = optional(body, "num_uses", field::integer)?.unwrap_or(0);
        let ttl = if body.get("ttl").is_some() { "ttl" } else { "lease" };
        Ok(Self {
            id: Some(Zeroizing::new(text("id")?)).filter(|id| !id.is_empty()),
            policies: policies(body)?,
            meta: meta(body)?,
            no_parent: flag("no_parent")?.unwrap_or(false),
            no_default_policy: flag("no_default_policy")?.unwrap_or(false),
            renewable: flag("renewable")?.unwrap_or(true),
            ttl: seconds(body, ttl)?,
            explicit_max_ttl: seconds(body, "explicit_max_ttl")?,
            display_name: text("display_name")?,
            num_uses: u64::try_from(uses).map_err(|_| invalid("number of uses cannot be negative"))?,
            period: seconds(body, "period")?,
        })
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::Invalid(text.to_owned())
}

fn bounded_text(body: &Json, name: &str) -> Result<String, Refusal> {
    let text = optional(body, name, field::text)?.unwrap_or_default();
    if text.len() > MAX_TEXT_BYTES {
        return Err(Refusal::Invalid(format!("{name} is longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(text)
}

/// A duration whose errors do not name the field, as in Vault.
fn seconds(body: &Json, name: &str) -> Result<u64, Refusal> {
    let signed = match body.get(name) {
        Some(Json::String(text) | Json::Number(text)) => {
            duration::parse(text).map_err(|e| Refusal::Invalid(e.to_string()))?
        }
        _ => optional(body, name, field::signed_seconds)?.unwrap_or(0),
    };
    u64::try_from(signed).map_err(|_| Refusal::Invalid(format!("{name} must be positive")))
}

fn policies(body: &Json) -> Result<Vec<String>, Refusal> {
    let policies = optional(body, "policies", field::plain_list)?.unwrap_or_default();
    if policies.len() > MAX_POLICIES {
        return Err(Refusal::Invalid(format!("more than {MAX_POLICIES} policies")));
    }
    Ok(policies)
}

fn meta(body: &Json) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let meta = optional(body, "meta", field::text_map)?;
    let too_much = |m: &BTreeMap<String, String>| {
        m.len() > MAX_META_KEYS || m.iter().any(|(k, v)| k.len() > MAX_TEXT_BYTES || v.len() > MAX_TEXT_BYTES)
    };
    if meta.as_ref().is_some_and(too_much) {
        return Err(Refusal::Invalid(format!(
            "meta has more than {MAX_META_KEYS} keys, or one longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(meta)
}

/// What the caller of a creation may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerRights {
    /// Its token is a root token.
    pub is_root: bool,
    /// It has `sudo` on the path it called.
    pub sudo: bool,
}

/// What a creation depends on besides its request.
#[derive(Clone, Copy)]
pub struct CreateContext<'a> {
    /// The caller's token; `None` for the first root token of a store.
    pub parent: Option<&'a TokenInfo>,
    /// What the caller may do.
    pub caller: CallerRights,
    /// The path asked for makes orphans.
    pub orphan: bool,
    /// Whether there is a policy of a name.
    pub known_policy: &'a dyn Fn(&str) -> bool,
    /// The time of the request.
    pub now: Time,
}

/// The random part of a new token.
#[derive(Clone, Debug)]
pub struct NewIds {
    /// Keyed hash of the token in hex.
    pub token_hash_hex: String,
    /// Accessor.
    pub accessor: String,
}

/// Decides what token a caller gets.
///
/// # Returns
/// The token to store by [`super::TokenCommand::Create`], and warnings for the caller.
///
/// # Errors
/// [`Refusal::Invalid`] with Vault's text: the request asks for more than its caller may give.
pub fn plan_create(
    context: &CreateContext<'_>,
    request: CreateRequest,
    ids: NewIds,
) -> Result<(TokenInfo, Vec<String>), Refusal> {
    plan_create_with_role(context, None, request, ids)
}

/// As [`plan_create`], with a role: it decides whether the token has a parent, and of role and request the tighter
/// wins for life, uses and renewal. Where the role names policies, they count instead of the caller's.
///
/// # Errors
/// As [`plan_create`]; also where the role does not allow a policy.
pub fn plan_create_with_role(
    context: &CreateContext<'_>,
    role: Option<&TokenRole>,
    mut request: CreateRequest,
    ids: NewIds,
) -> Result<(TokenInfo, Vec<String>), Refusal> {
    check_rights(context, role, &request)?;
    let policies = granted_policies(context, role, &request)?;
    let mut warnings = Vec::new();
    // What only the role sets stays with the role: a renewal goes by what it says then.
    let own = |set: bool, seconds: u64| if set { seconds } else { 0 };
    let (own_period, own_limit) = (request.period > 0, request.explicit_max_ttl > 0);
    if let Some(role) = role {
        role.tighten(&mut request);
        if request.no_parent && !role.orphan {
            warnings.push("no_parent is ignored: the role says whether its tokens have a parent".to_owned());
        }
    }
    let (ttl, explicit_max_ttl) = life(&request, is_root(&policies), &mut warnings);
    if ttl == 0 && context.parent.is_some_and(|p| p.creation_ttl != 0) {
        return Err(invalid("expiring root tokens cannot create non-expiring root tokens"));
    }
    let unknown = policies.iter().filter(|p| *p != "root" && !(context.known_policy)(p));
    warnings.extend(unknown.map(|p| format!("Policy {p:?} does not exist")));
    let orphan = match role {
        Some(role) => role.orphan,
        None => context.orphan || request.no_parent || context.parent.is_none(),
    };
    let parent = context.parent.filter(|_| !orphan).map(|p| p.id.clone());
    let token = TokenInfo {
        id: ids.token_hash_hex,
        accessor: ids.accessor,
        policies,
        meta: request.meta,
        display_name: display_name(&request.display_name),
        path: path(context, role),
        created: context.now,
        creation_ttl: ttl,
        expires: (ttl > 0).then(|| after(context.now, ttl)),
        last_renewal: None,
        explicit_max_ttl: own(own_limit, explicit_max_ttl),
        period: own(own_period, request.period.min(SYSTEM_MAX_TTL_SECONDS)),
        num_uses: request.num_uses,
        renewable: request.renewable && ttl > 0,
        orphan,
        parent,
        role: role.map(|r| r.name.clone()),
        // Whoever holds the parent is who holds the child.
        facts: context.parent.map_or_else(Facts::default, |p| p.facts.clone()),
    };
    Ok((token, warnings))
}

/// The API path that the token remembers.
fn path(context: &CreateContext<'_>, role: Option<&TokenRole>) -> String {
    match role {
        Some(role) => role.token_path(),
        None if context.orphan && context.parent.is_some() => "auth/token/create-orphan".to_owned(),
        None => "auth/token/create".to_owned(),
    }
}

fn check_rights(
    context: &CreateContext<'_>,
    role: Option<&TokenRole>,
    request: &CreateRequest,
) -> Result<(), Refusal> {
    if context.parent.is_some_and(|p| p.num_uses > 0) {
        return Err(invalid("restricted use token cannot generate child tokens"));
    }
    let sudo = may_all(context);
    if let Some(id) = &request.id {
        if !sudo {
            return Err(invalid("root or sudo privileges required to specify token id"));
        }
        if id.starts_with("s.") {
            return Err(invalid("custom token ID cannot have the 's.' prefix"));
        }
        if id.contains('.') {
            return Err(invalid("custom token ID cannot have a '.' in the value"));
        }
    }
    if request.no_parent && role.is_none() && !sudo {
        return Err(invalid("root or sudo privileges required to create orphan token"));
    }
    if request.period > 0 && !sudo {
        return Err(invalid("root or sudo privileges required to create periodic token"));
    }
    Ok(())
}

fn may_all(context: &CreateContext<'_>) -> bool {
    context.parent.is_none() || context.caller.is_root || context.caller.sudo
}

fn is_root(policies: &[String]) -> bool {
    policies.iter().any(|p| p == "root")
}

/// The policies of the new token: those asked for, or its parent's; no more than the parent's without sudo, and
/// `default` added where the caller may add it.
fn granted_policies(
    context: &CreateContext<'_>,
    role: Option<&TokenRole>,
    request: &CreateRequest,
) -> Result<Vec<String>, Refusal> {
    let own = normalized(context.parent.map_or(&[], |p| p.policies.as_slice()));
    let asked = normalized(&request.policies);
    let mut granted = match role {
        Some(role) if role.names_policies() => role.policies(&asked, &own, request.no_default_policy)?,
        role => within_parent(&own, &asked, may_all(context), role.is_some_and(|r| r.no_default_policy))?,
    };
    if request.no_default_policy {
        granted.remove("default");
    }
    if let Some(name) = NOT_ASSIGNABLE.iter().find(|name| granted.contains(**name)) {
        return Err(Refusal::Invalid(format!("cannot assign policy {name:?}")));
    }
    if !granted.contains("root") {
        return Ok(granted.into_iter().collect());
    }
    if context.parent.is_some() && !context.caller.is_root {
        return Err(invalid("root tokens may not be created without parent token being root"));
    }
    // Root is everything; other policies beside it would only mislead.
    Ok(vec!["root".to_owned()])
}

/// The policies asked for, or the parent's. A role without `default` leaves it out unless it was asked for.
fn within_parent(
    own: &BTreeSet<String>,
    asked: &BTreeSet<String>,
    sudo: bool,
    role_without_default: bool,
) -> Result<BTreeSet<String>, Refusal> {
    let mut granted = if asked.is_empty() { own.clone() } else { asked.clone() };
    if !sudo && !granted.is_subset(own) {
        return Err(invalid("child policies must be subset of parent"));
    }
    if role_without_default {
        if !asked.contains("default") {
            granted.remove("default");
        }
    } else if !asked.is_empty() && (sudo || own.contains("default")) {
        granted.insert("default".to_owned());
    }
    Ok(granted)
}

pub(super) fn normalized(policies: &[String]) -> BTreeSet<String> {
    policies.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect()
}

/// Seconds of life and the explicit limit, both within the system's; 0 and 0 for a root token that never ends.
fn life(request: &CreateRequest, root: bool, warnings: &mut Vec<String>) -> (u64, u64) {
    let mut explicit = request.explicit_max_ttl;
    if explicit > SYSTEM_MAX_TTL_SECONDS && request.period == 0 {
        warnings.push(format!(
            "Explicit max TTL of {explicit} seconds is greater than system/mount allowed value; value is being capped to {SYSTEM_MAX_TTL_SECONDS} seconds"
        ));
        explicit = SYSTEM_MAX_TTL_SECONDS;
    }
    let most = max_ttl(explicit);
    let (what, asked) = match (request.period, request.ttl) {
        (0, 0) if root => return (explicit, explicit),
        (0, 0) => ("TTL", SYSTEM_MAX_TTL_SECONDS),
        (0, ttl) => ("TTL", ttl),
        (period, _) => ("period", period),
    };
    if asked > most {
        warnings.push(capped(what, asked, most));
    }
    (asked.min(most), explicit)
}

/// `token`, or `token-` and the name with all but letters, digits and dashes replaced.
fn display_name(given: &str) -> String {
    if given.is_empty() {
        return "token".to_owned();
    }
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = given.chars().map(kept).collect();
    let full = format!("token-{name}");
    full.strip_suffix('-').unwrap_or(&full).to_owned()
}
