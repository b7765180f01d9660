//! Roles of the method `kubernetes`: which service accounts may log in, and what their tokens are.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::command::{Effects, Halt};
use crate::glob::matches;
use crate::json::Json;
use crate::json::field::{self, FieldError, optional};
use crate::load::Needs;
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};

/// The most roles of one auth method.
pub const MAX_KUBERNETES_ROLES: usize = 10_000;
/// The most names, namespaces or policies in one list.
const MAX_LIST: usize = 256;
/// The longest name, pattern, policy or audience, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// Policies that a login cannot give.
const NOT_ASSIGNABLE: [&str; 3] = ["root", "response-wrapping", "control-group"];

const FORMAT: u8 = 1;

/// What stands for a service account in records and policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AliasNameSource {
    /// Its UID: one that was deleted and made again is another one.
    #[default]
    ServiceAccountUid,
    /// Its namespace and name.
    ServiceAccountName,
}

impl AliasNameSource {
    /// Vault's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccountUid => "serviceaccount_uid",
            Self::ServiceAccountName => "serviceaccount_name",
        }
    }
}

/// Which tokens a role makes. All are service tokens; the word is kept for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KubernetesTokenType {
    /// `default`: what the auth method says.
    #[default]
    Default,
    /// `default-service`.
    DefaultService,
    /// `service`.
    Service,
}

impl KubernetesTokenType {
    /// Vault's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::DefaultService => "default-service",
            Self::Service => "service",
        }
    }
}

/// A role as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesRole {
    /// Its name.
    pub name: String,
    /// Names of service accounts, with `*` for any text.
    pub bound_names: Vec<String>,
    /// Their namespaces, with `*` for any text.
    pub bound_namespaces: Vec<String>,
    /// The audience that tokens must be for; nobody logs in by a role without one.
    pub audience: String,
    /// What stands for the service account.
    pub alias_name_source: AliasNameSource,
    /// Policies of the tokens, besides `default`.
    pub policies: Vec<String>,
    /// Seconds of life; 0 for the auth method's.
    pub ttl: u64,
    /// Longest life in seconds, renewals included; 0 for the auth method's.
    pub max_ttl: u64,
    /// Period in seconds; 0 for none.
    pub period: u64,
    /// Longest life in seconds, also of periodic tokens; 0 for none.
    pub explicit_max_ttl: u64,
    /// Uses; 0 for no limit.
    pub num_uses: u64,
    /// Whether `default` is not added to the policies.
    pub no_default_policy: bool,
    /// Which tokens it makes.
    pub token_type: KubernetesTokenType,
}

/// What a write of a role changes; `None` leaves a field, or its default in a new role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesRoleChange {
    /// See [`KubernetesRole::bound_names`].
    pub bound_names: Option<Vec<String>>,
    /// See [`KubernetesRole::bound_namespaces`].
    pub bound_namespaces: Option<Vec<String>>,
    /// See [`KubernetesRole::audience`].
    pub audience: Option<String>,
    /// See [`KubernetesRole::alias_name_source`].
    pub alias_name_source: Option<AliasNameSource>,
    /// See [`KubernetesRole::policies`].
    pub policies: Option<Vec<String>>,
    /// See [`KubernetesRole::ttl`].
    pub ttl: Option<u64>,
    /// See [`KubernetesRole::max_ttl`].
    pub max_ttl: Option<u64>,
    /// See [`KubernetesRole::period`].
    pub period: Option<u64>,
    /// See [`KubernetesRole::explicit_max_ttl`].
    pub explicit_max_ttl: Option<u64>,
    /// See [`KubernetesRole::num_uses`].
    pub num_uses: Option<u64>,
    /// See [`KubernetesRole::no_default_policy`].
    pub no_default_policy: Option<bool>,
    /// See [`KubernetesRole::token_type`].
    pub token_type: Option<KubernetesTokenType>,
}

impl KubernetesRoleChange {
    /// Reads the body of a write. The old names of fields (`policies`, `ttl`, …) are taken too; the new ones win.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type or beyond its limit, or one that is not supported; it is named.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        refuse_unsupported(body)?;
        Ok(Self {
            bound_names: list(body, "bound_service_account_names")?,
            bound_namespaces: list(body, "bound_service_account_namespaces")?,
            audience: audience(body)?,
            alias_name_source: alias_name_source(body)?,
            policies: policies(body)?,
            ttl: either(body, "token_ttl", "ttl", field::seconds)?,
            max_ttl: either(body, "token_max_ttl", "max_ttl", field::seconds)?,
            period: either(body, "token_period", "period", field::seconds)?,
            explicit_max_ttl: optional(body, "token_explicit_max_ttl", field::seconds)?,
            num_uses: either(body, "token_num_uses", "num_uses", field::unsigned)?,
            no_default_policy: optional(body, "token_no_default_policy", field::boolean)?,
            token_type: token_type(body)?,
        })
    }

    fn applied_to(&self, role: KubernetesRole) -> KubernetesRole {
        let change = self.clone();
        KubernetesRole {
            name: role.name,
            bound_names: change.bound_names.unwrap_or(role.bound_names),
            bound_namespaces: change.bound_namespaces.unwrap_or(role.bound_namespaces),
            audience: change.audience.unwrap_or(role.audience),
            alias_name_source: change.alias_name_source.unwrap_or(role.alias_name_source),
            policies: change.policies.unwrap_or(role.policies),
            ttl: change.ttl.unwrap_or(role.ttl),
            max_ttl: change.max_ttl.unwrap_or(role.max_ttl),
            period: change.period.unwrap_or(role.period),
            explicit_max_ttl: change.explicit_max_ttl.unwrap_or(role.explicit_max_ttl),
            num_uses: change.num_uses.unwrap_or(role.num_uses),
            no_default_policy: change.no_default_policy.unwrap_or(role.no_default_policy),
            token_type: change.token_type.unwrap_or(role.token_type),
        }
    }
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

/// A restriction that would not be enforced must not be accepted.
fn refuse_unsupported(body: &Json) -> Result<(), Refusal> {
    let refused = |name: &str| invalid(format!("{name} is not supported by this broker; leave it out"));
    let selector = "bound_service_account_namespace_selector";
    if !optional(body, selector, field::text)?.unwrap_or_default().is_empty() {
        return Err(refused(selector));
    }
    for name in ["token_bound_cidrs", "bound_cidrs"] {
        if !optional(body, name, field::list)?.unwrap_or_default().is_empty() {
            return Err(refused(name));
        }
    }
    if optional(body, "token_strictly_bind_ip", field::boolean)?.unwrap_or(false) {
        return Err(refused("token_strictly_bind_ip"));
    }
    Ok(())
}

/// A field by its name or its old name.
fn either<T>(
    body: &Json,
    name: &str,
    old: &str,
    read: fn(&str, &Json) -> Result<T, FieldError>,
) -> Result<Option<T>, Refusal> {
    let by_name = optional(body, name, read)?;
    let by_old = optional(body, old, read)?;
    Ok(by_name.or(by_old))
}

fn check_list(name: &str, given: &[String]) -> Result<(), Refusal> {
    if given.len() > MAX_LIST || given.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(invalid(format!(
            "{name} has more than {MAX_LIST} entries, or one longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(())
}

fn list(body: &Json, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let given = optional(body, name, field::list)?;
    check_list(name, given.as_deref().unwrap_or_default())?;
    Ok(given)
}

fn policies(body: &Json) -> Result<Option<Vec<String>>, Refusal> {
    let Some(given) = either(body, "token_policies", "policies", field::list)? else { return Ok(None) };
    check_list("token_policies", &given)?;
    let sorted: BTreeSet<String> = given.iter().map(|p| p.trim().to_lowercase()).collect();
    match NOT_ASSIGNABLE.iter().find(|name| sorted.contains(**name)) {
        Some(name) => Err(invalid(format!("token_policies: a login cannot give the policy {name:?}"))),
        None => Ok(Some(sorted.into_iter().filter(|p| !p.is_empty()).collect())),
    }
}

fn audience(body: &Json) -> Result<Option<String>, Refusal> {
    let given = optional(body, "audience", field::text)?;
    match &given {
        Some(text) if text.len() > MAX_TEXT_BYTES => {
            Err(invalid(format!("audience is longer than {MAX_TEXT_BYTES} bytes")))
        }
        _ => Ok(given),
    }
}

fn alias_name_source(body: &Json) -> Result<Option<AliasNameSource>, Refusal> {
    match optional(body, "alias_name_source", field::text)?.as_deref() {
        None => Ok(None),
        Some("" | "serviceaccount_uid") => Ok(Some(AliasNameSource::ServiceAccountUid)),
        Some("serviceaccount_name") => Ok(Some(AliasNameSource::ServiceAccountName)),
        Some(_) => {
            Err(invalid("invalid alias_name_source; use \"serviceaccount_uid\" or \"serviceaccount_name\""))
        }
    }
}

fn token_type(body: &Json) -> Result<Option<KubernetesTokenType>, Refusal> {
    match optional(body, "token_type", field::text)?.as_deref() {
        None => Ok(None),
        Some("" | "default") => Ok(Some(KubernetesTokenType::Default)),
        Some("default-service") => Ok(Some(KubernetesTokenType::DefaultService)),
        Some("service") => Ok(Some(KubernetesTokenType::Service)),
        Some("batch" | "default-batch") => Err(invalid(
            "token_type: batch tokens are not supported by this broker yet; use \"default\" or \"service\"",
        )),
        Some(_) => Err(invalid("invalid 'token_type' value; use \"default\" or \"service\"")),
    }
}

impl KubernetesRole {
    /// Whether a service account may log in by this role.
    pub fn binds(&self, namespace: &str, name: &str) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| matches(pattern, text));
        any(&self.bound_namespaces, namespace) && any(&self.bound_names, name)
    }

    /// The policies of its tokens, sorted.
    pub fn granted_policies(&self) -> Vec<String> {
        let default = (!self.no_default_policy).then(|| "default".to_owned());
        let policies: BTreeSet<String> = self.policies.iter().cloned().chain(default).collect();
        policies.into_iter().collect()
    }

    /// Whether the fields fit together.
    fn check(&self) -> Result<(), Refusal> {
        for (field, values) in [
            ("bound_service_account_names", &self.bound_names),
            ("bound_service_account_namespaces", &self.bound_namespaces),
        ] {
            if values.is_empty() {
                return Err(invalid(format!("{field:?} can not be empty")));
            }
            if values.len() > 1 && values.iter().any(|value| value == "*") {
                return Err(invalid(format!("{field}: can not mix \"*\" with values")));
            }
        }
        if self.max_ttl > 0 && self.ttl > self.max_ttl {
            return Err(invalid("token_ttl cannot be longer than token_max_ttl"));
        }
        Ok(())
    }
}

/// Key of the row of a role, from the method's id; a name has no slash.
pub fn kubernetes_role_key(mount_id: &str, name: &str) -> RowKey {
    RowKey::join(Table::AuthRole, &[mount_id, name])
}

/// Key whose children are all roles of a method.
pub fn kubernetes_roles_key(mount_id: &str) -> RowKey {
    RowKey::new(Table::AuthRole, mount_id)
}

#[derive(Serialize, Deserialize)]
struct RoleWire {
    v: u8,
    role: KubernetesRole,
}

/// Reads the row of a role; `None` where it is no such row.
pub fn decode_kubernetes_role(bytes: &[u8]) -> Option<KubernetesRole> {
    let wire: RoleWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.role)
}

/// A role inside the writer; `None` where there is none.
pub(super) fn loaded(rows: &Rows, mount_id: &str, name: &str) -> Result<Option<KubernetesRole>, Halt> {
    let Some(row) = rows.get(&kubernetes_role_key(mount_id, name))? else { return Ok(None) };
    Ok(Some(decode_kubernetes_role(row).ok_or(Refusal::Corrupt("kubernetes role"))?))
}

pub(super) fn write(
    rows: &Rows,
    mount_id: &str,
    name: &str,
    change: &KubernetesRoleChange,
) -> Result<Effects, Halt> {
    let mut needs = Needs::default();
    let old = needs.take(loaded(rows, mount_id, name))?.flatten();
    let names = needs.take(rows.children(&kubernetes_roles_key(mount_id)))?.unwrap_or_default();
    needs.finish()?;
    if old.is_none() && names.len() >= MAX_KUBERNETES_ROLES {
        let text = format!("there are {MAX_KUBERNETES_ROLES} roles already; delete one first");
        return Err(invalid(text).into());
    }
    let new = KubernetesRole { name: name.to_owned(), ..KubernetesRole::default() };
    let role = change.applied_to(old.clone().unwrap_or(new));
    role.check()?;
    if old.as_ref() == Some(&role) {
        return Ok(Effects::default());
    }
    // Texts and numbers have no way to fail.
    let row = RowValue::new(serde_json::to_vec(&RoleWire { v: FORMAT, role }).unwrap_or_default());
    let mutations = vec![Mutation::Put(kubernetes_role_key(mount_id, name), row)];
    Ok(Effects { mutations, ..Effects::default() })
}

pub(super) fn delete(rows: &Rows, mount_id: &str, name: &str) -> Result<Effects, Halt> {
    let key = kubernetes_role_key(mount_id, name);
    let there = rows.get(&key)?.is_some();
    let mutations = there.then_some(Mutation::Delete(key)).into_iter().collect();
    Ok(Effects { mutations, ..Effects::default() })
}
