//! Token roles: what the tokens of a role may be, how a role is written, and the row it is kept in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::create::{CreateRequest, normalized};
use super::life::tighter;
use crate::command::{Effects, Halt, Reply};
use crate::glob::matches;
use crate::json::Json;
use crate::json::field::{self, optional};
use crate::load::Needs;
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};

#[cfg(test)]
mod tests;

/// The most roles that are kept.
pub const MAX_ROLES: usize = 10_000;
/// The longest name of a role, in bytes.
pub const MAX_ROLE_NAME_BYTES: usize = 256;
/// The most policies or patterns in one list of a role.
const MAX_LIST: usize = 256;
/// The longest policy name, pattern or path suffix, in bytes.
const MAX_TEXT_BYTES: usize = 512;

const FORMAT: u8 = 1;

/// A duration of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSeconds {
    /// Seconds; 0 for none.
    pub seconds: u64,
    /// Whether it was last set by the field's old name, which then shows it too.
    pub by_old_name: bool,
}

/// Which tokens a role makes. Both are service tokens; the word is kept for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleTokenType {
    /// `default-service`: the request may name a type.
    #[default]
    DefaultService,
    /// `service`.
    Service,
}

impl RoleTokenType {
    /// Vault's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DefaultService => "default-service",
            Self::Service => "service",
        }
    }
}

/// A role as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRole {
    /// Its name.
    pub name: String,
    /// Policies that a token may have; those it gets where the request names none.
    pub allowed_policies: Vec<String>,
    /// Policies that no token may have.
    pub disallowed_policies: Vec<String>,
    /// Patterns, with `*` for any text, of further policies that a token may have.
    pub allowed_policies_glob: Vec<String>,
    /// Patterns of policies that no token may have.
    pub disallowed_policies_glob: Vec<String>,
    /// Whether the tokens have no parent.
    pub orphan: bool,
    /// Whether the tokens may be renewed.
    pub renewable: bool,
    /// What is put behind the tokens' path; empty for nothing.
    pub path_suffix: String,
    /// Period of the tokens.
    pub period: RoleSeconds,
    /// Hard limit of the tokens' life.
    pub explicit_max_ttl: RoleSeconds,
    /// Whether `default` is not added to the policies.
    pub no_default_policy: bool,
    /// Uses of a token; 0 for no limit.
    pub num_uses: u64,
    /// Which tokens it makes.
    pub token_type: RoleTokenType,
}

/// What a write of a role changes; `None` leaves a field, or its default in a new role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// See [`TokenRole::allowed_policies`].
    pub allowed_policies: Option<Vec<String>>,
    /// See [`TokenRole::disallowed_policies`].
    pub disallowed_policies: Option<Vec<String>>,
    /// See [`TokenRole::allowed_policies_glob`].
    pub allowed_policies_glob: Option<Vec<String>>,
    /// See [`TokenRole::disallowed_policies_glob`].
    pub disallowed_policies_glob: Option<Vec<String>>,
    /// See [`TokenRole::orphan`].
    pub orphan: Option<bool>,
    /// See [`TokenRole::renewable`].
    pub renewable: Option<bool>,
    /// See [`TokenRole::path_suffix`].
    pub path_suffix: Option<String>,
    /// See [`TokenRole::period`].
    pub period: Option<RoleSeconds>,
    /// See [`TokenRole::explicit_max_ttl`].
    pub explicit_max_ttl: Option<RoleSeconds>,
    /// See [`TokenRole::no_default_policy`].
    pub no_default_policy: Option<bool>,
    /// See [`TokenRole::num_uses`].
    pub num_uses: Option<u64>,
    /// See [`TokenRole::token_type`].
    pub token_type: Option<RoleTokenType>,
}

impl RoleChange {
    /// Reads the body of a write of a role.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type or beyond its limit, or one that is not supported; it is named.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        refuse_unsupported(body)?;
        let flag = |name| optional(body, name, field::boolean);
        Ok(Self {
            allowed_policies: list(body, "allowed_policies")?.map(root_alone),
            disallowed_policies: list(body, "disallowed_policies")?,
            allowed_policies_glob: list(body, "allowed_policies_glob")?,
            disallowed_policies_glob: list(body, "disallowed_policies_glob")?,
            orphan: flag("orphan")?,
            renewable: flag("renewable")?,
            path_suffix: path_suffix(body)?,
            period: seconds(body, "token_period", "period")?,
            explicit_max_ttl: seconds(body, "token_explicit_max_ttl", "explicit_max_ttl")?,
            no_default_policy: flag("token_no_default_policy")?,
            num_uses: optional(body, "token_num_uses", field::unsigned)?,
            token_type: token_type(body)?,
        })
    }

    fn apply_to(&self, role: TokenRole) -> TokenRole {
        let change = self.clone();
        TokenRole {
            name: role.name,
            allowed_policies: change.allowed_policies.unwrap_or(role.allowed_policies),
            disallowed_policies: change.disallowed_policies.unwrap_or(role.disallowed_policies),
            allowed_policies_glob: change.allowed_policies_glob.unwrap_or(role.allowed_policies_glob),
            disallowed_policies_glob: change
                .disallowed_policies_glob
                .unwrap_or(role.disallowed_policies_glob),
            orphan: change.orphan.unwrap_or(role.orphan),
            renewable: change.renewable.unwrap_or(role.renewable),
            path_suffix: change.path_suffix.unwrap_or(role.path_suffix),
            period: change.period.unwrap_or(role.period),
            explicit_max_ttl: change.explicit_max_ttl.unwrap_or(role.explicit_max_ttl),
            no_default_policy: change.no_default_policy.unwrap_or(role.no_default_policy),
            num_uses: change.num_uses.unwrap_or(role.num_uses),
            token_type: change.token_type.unwrap_or(role.token_type),
        }
    }
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

/// A restriction that would not be enforced must not be accepted.
fn refuse_unsupported(body: &Json) -> Result<(), Refusal> {
    for name in ["allowed_entity_aliases", "token_bound_cidrs", "bound_cidrs"] {
        if !optional(body, name, field::list)?.unwrap_or_default().is_empty() {
            return Err(invalid(format!("{name} is not supported by this broker; leave it out")));
        }
    }
    if optional(body, "token_strictly_bind_ip", field::boolean)?.unwrap_or(false) {
        return Err(invalid("token_strictly_bind_ip is not supported by this broker; leave it out"));
    }
    Ok(())
}

/// A list of policies or patterns, lower-case and sorted.
fn list(body: &Json, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let Some(given) = optional(body, name, field::list)? else { return Ok(None) };
    if given.len() > MAX_LIST || given.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(invalid(format!(
            "{name} has more than {MAX_LIST} entries, or one longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(Some(normalized(&given).into_iter().collect()))
}

/// Root is everything; other policies beside it would only mislead.
fn root_alone(policies: Vec<String>) -> Vec<String> {
    if policies.iter().any(|p| p == "root") { vec!["root".to_owned()] } else { policies }
}

/// At least three characters: letters, digits and `_` at both ends, between them also `-` and `.`.
fn path_suffix(body: &Json) -> Result<Option<String>, Refusal> {
    let given = optional(body, "path_suffix", field::text)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good = |text: &String| {
        let inside = text.chars().all(|c| word(c) || matches!(c, '-' | '.'));
        text.is_empty()
            || (3..=MAX_TEXT_BYTES).contains(&text.len())
                && inside
                && text.starts_with(word)
                && text.ends_with(word)
    };
    match given {
        Some(text) if !good(&text) => Err(invalid(format!(
            "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w and have at most {MAX_TEXT_BYTES} bytes"
        ))),
        given => Ok(given),
    }
}

/// A duration by its name or its old name; the name wins where both are given.
fn seconds(body: &Json, name: &str, old: &str) -> Result<Option<RoleSeconds>, Refusal> {
    let by_old = optional(body, old, field::seconds)?;
    let by_name = optional(body, name, field::seconds)?;
    let by_old_name = by_old.is_some();
    Ok(by_name.or(by_old).map(|seconds| RoleSeconds { seconds, by_old_name }))
}

fn token_type(body: &Json) -> Result<Option<RoleTokenType>, Refusal> {
    let Some(given) = optional(body, "token_type", field::text)? else { return Ok(None) };
    match given.as_str() {
        "" | "default" | "default-service" => Ok(Some(RoleTokenType::DefaultService)),
        "service" => Ok(Some(RoleTokenType::Service)),
        "batch" | "default-batch" => Err(invalid(format!(
            "token_type {given:?} is not supported by this broker yet; use \"default-service\" or \"service\""
        ))),
        _ => Err(invalid("invalid 'token_type' value; use \"default-service\" or \"service\"")),
    }
}

impl TokenRole {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            allowed_policies: Vec::new(),
            disallowed_policies: Vec::new(),
            allowed_policies_glob: Vec::new(),
            disallowed_policies_glob: Vec::new(),
            orphan: false,
            renewable: true,
            path_suffix: String::new(),
            period: RoleSeconds::default(),
            explicit_max_ttl: RoleSeconds::default(),
            no_default_policy: false,
            num_uses: 0,
            token_type: RoleTokenType::default(),
        }
    }

    /// The path of its tokens.
    pub(super) fn token_path(&self) -> String {
        let path = format!("auth/token/create/{}", self.name);
        if self.path_suffix.is_empty() { path } else { format!("{path}/{}", self.path_suffix) }
    }

    /// Makes a request ask for no more than the role gives.
    pub(super) fn tighten(&self, request: &mut CreateRequest) {
        request.period = tighter(request.period, self.period.seconds);
        request.explicit_max_ttl = tighter(request.explicit_max_ttl, self.explicit_max_ttl.seconds);
        request.num_uses = tighter(request.num_uses, self.num_uses);
        request.renewable &= self.renewable;
    }

    /// Whether the role says which policies its tokens may have, so that those of the caller do not matter.
    pub(super) const fn names_policies(&self) -> bool {
        !(self.allowed_policies.is_empty()
            && self.allowed_policies_glob.is_empty()
            && self.disallowed_policies.is_empty()
            && self.disallowed_policies_glob.is_empty())
    }

    /// The policies of a token of a role that names some, from those asked for and the caller's own.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: one is not allowed, or disallowed.
    pub(super) fn policies(
        &self,
        asked: &BTreeSet<String>,
        own: &BTreeSet<String>,
        no_default: bool,
    ) -> Result<BTreeSet<String>, Refusal> {
        let default = !no_default && !self.no_default_policy && !self.disallows("default");
        let with_default = |policies: &BTreeSet<String>| {
            let mut policies = policies.clone();
            policies.extend(default.then(|| "default".to_owned()));
            policies
        };
        let restricted = !(self.allowed_policies.is_empty() && self.allowed_policies_glob.is_empty());
        let allowed = with_default(&self.allowed_policies.iter().cloned().collect());
        let granted = match (asked.is_empty(), restricted) {
            (true, true) => allowed.clone(),
            (true, false) => with_default(own),
            (false, _) => with_default(asked),
        };
        let fits =
            |p: &String| !restricted || allowed.contains(p) || any_matches(&self.allowed_policies_glob, p);
        if !granted.iter().all(fits) {
            return Err(invalid(format!(
                "token policies ({}) must be subset of the role's allowed policies ({}) or glob policies ({})",
                quoted(&granted),
                quoted(&allowed),
                quoted(&self.allowed_policies_glob)
            )));
        }
        match granted.iter().find(|p| self.disallows(p)) {
            Some(name) => Err(invalid(format!("token policy {name:?} is disallowed by this role"))),
            None => Ok(granted),
        }
    }

    fn disallows(&self, policy: &str) -> bool {
        self.disallowed_policies.iter().any(|p| p == policy)
            || any_matches(&self.disallowed_policies_glob, policy)
    }
}

fn any_matches(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

/// A list as Go prints it.
fn quoted<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

/// Key of the row of a role; a name has no slash.
pub fn role_key(name: &str) -> RowKey {
    RowKey::new(Table::TokenRole, name)
}

/// Key whose children are all roles.
pub fn roles_key() -> RowKey {
    RowKey::new(Table::TokenRole, "")
}

#[derive(Serialize, Deserialize)]
struct RoleWire {
    v: u8,
    role: TokenRole,
}

/// Reads the row of a role; `None` where it is no such row.
pub fn decode_role(bytes: &[u8]) -> Option<TokenRole> {
    let wire: RoleWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.role)
}

/// The role of a token inside the writer; `None` for a token without one, or where the role is gone.
pub(super) fn loaded(rows: &Rows, name: Option<&str>) -> Result<Option<TokenRole>, Halt> {
    let Some(name) = name else { return Ok(None) };
    let Some(row) = rows.get(&role_key(name))? else { return Ok(None) };
    Ok(Some(decode_role(row).ok_or(Refusal::Corrupt("token role"))?))
}

pub(super) fn write(rows: &Rows, name: &str, change: &RoleChange) -> Result<Effects, Halt> {
    if name.is_empty() || name.contains('/') || name.len() > MAX_ROLE_NAME_BYTES {
        let text = format!("the role needs a name of 1 to {MAX_ROLE_NAME_BYTES} bytes without a slash");
        return Err(invalid(text).into());
    }
    let mut needs = Needs::default();
    let old = needs.take(loaded(rows, Some(name)))?.flatten();
    let names = needs.take(rows.children(&roles_key()))?.unwrap_or_default();
    needs.finish()?;
    if old.is_none() && names.len() >= MAX_ROLES {
        return Err(invalid(format!("there are {MAX_ROLES} token roles already; delete one first")).into());
    }
    let role = change.apply_to(old.clone().unwrap_or_else(|| TokenRole::new(name)));
    if old.as_ref() == Some(&role) {
        return Ok(Effects::default());
    }
    // Texts and numbers have no way to fail.
    let row = RowValue::new(serde_json::to_vec(&RoleWire { v: FORMAT, role }).unwrap_or_default());
    Ok(effects(Mutation::Put(role_key(name), row)))
}

pub(super) fn delete(rows: &Rows, name: &str) -> Result<Effects, Halt> {
    let key = role_key(name);
    Ok(match rows.get(&key)? {
        Some(_) => effects(Mutation::Delete(key)),
        None => Effects::default(),
    })
}

fn effects(mutation: Mutation) -> Effects {
    Effects { mutations: vec![mutation], changes: Vec::new(), reply: Reply::Done }
}
