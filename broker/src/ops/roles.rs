//! Token roles over HTTP: list, read, write and delete.

use broker_core::command::Command;
use broker_core::kv2::Existence;
use broker_core::token::{
    MAX_ROLES, RoleChange, RoleSeconds, SYSTEM_MAX_TTL_SECONDS, TokenCommand, TokenRole, decode_role,
    role_key, roles_key,
};
use broker_core::wire::{quote, string_list};

use crate::app::App;
use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{data, done, store_failed, unknown_fields};
use crate::store::ReadError;

/// What a role may hold; other fields are warned about.
const ROLE_FIELDS: [&str; 19] = [
    "role_name",
    "allowed_policies",
    "disallowed_policies",
    "allowed_policies_glob",
    "disallowed_policies_glob",
    "allowed_entity_aliases",
    "orphan",
    "renewable",
    "path_suffix",
    "period",
    "explicit_max_ttl",
    "bound_cidrs",
    "token_period",
    "token_explicit_max_ttl",
    "token_no_default_policy",
    "token_num_uses",
    "token_type",
    "token_bound_cidrs",
    "token_strictly_bind_ip",
];

/// A role by its name.
///
/// # Errors
/// When the store cannot be read.
pub fn find(app: &App, name: &str) -> Result<Option<TokenRole>, ReadError> {
    let row = app.ledger.snapshot()?.get(&role_key(name))?;
    row.map(|r| decode_role(r.expose()).ok_or(ReadError::Damaged("token role"))).transpose()
}

/// Whether a role exists: policies tell `create` from `update` by it.
///
/// # Errors
/// When the store cannot be read.
pub fn existence(app: &App, name: &str) -> Result<Existence, Failure> {
    let found = find(app, name).map_err(store_failed)?;
    Ok(if found.is_some() { Existence::Present } else { Existence::Absent })
}

/// The names of all roles; 404 where there is none.
pub fn list(context: &Context<'_>) -> Result<Answer, Failure> {
    let snapshot = context.app.ledger.snapshot().map_err(store_failed)?;
    let names = snapshot.children(&roles_key(), None, MAX_ROLES).map_err(store_failed)?;
    if names.is_empty() {
        return Err(Failure::not_found());
    }
    Ok(data(context, format!("{{\"keys\":{}}}", string_list(&names))))
}

/// One role.
pub fn one(context: &Context<'_>, name: &str) -> Result<Answer, Failure> {
    let role = find(context.app, name).map_err(store_failed)?.ok_or_else(Failure::not_found)?;
    Ok(data(context, described(&role)))
}

/// The fields that vaultrs and hvac expect, and the number of uses where there is one.
fn described(role: &TokenRole) -> String {
    let by_old_name = |value: RoleSeconds| if value.by_old_name { value.seconds } else { 0 };
    let uses = match role.num_uses {
        0 => String::new(),
        uses => format!("\"token_num_uses\":{uses},"),
    };
    format!(
        "{{\"allowed_entity_aliases\":null,\"allowed_policies\":{},\"allowed_policies_glob\":{},\"disallowed_policies\":{},\"disallowed_policies_glob\":{},\"explicit_max_ttl\":{},\"name\":{},\"orphan\":{},\"path_suffix\":{},\"period\":{},\"renewable\":{},\"token_explicit_max_ttl\":{},\"token_no_default_policy\":{},{uses}\"token_period\":{},\"token_type\":{}}}",
        string_list(&role.allowed_policies),
        string_list(&role.allowed_policies_glob),
        string_list(&role.disallowed_policies),
        string_list(&role.disallowed_policies_glob),
        by_old_name(role.explicit_max_ttl),
        quote(&role.name),
        role.orphan,
        quote(&role.path_suffix),
        by_old_name(role.period),
        role.renewable,
        role.explicit_max_ttl.seconds,
        role.no_default_policy,
        role.period.seconds,
        quote(role.token_type.as_str()),
    )
}

/// Writes a role, or changes the fields that the body names.
pub fn write(context: &Context<'_>, name: &str) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let change = RoleChange::parse(body).map_err(|r| Failure::from(&r))?;
    let mut warnings = unknown_fields(body, &ROLE_FIELDS);
    let limit = change.explicit_max_ttl.map_or(0, |limit| limit.seconds);
    if limit > SYSTEM_MAX_TTL_SECONDS {
        warnings.push(format!(
            "token_explicit_max_ttl of {limit} seconds is longer than the system's {SYSTEM_MAX_TTL_SECONDS} seconds; tokens that are not periodic get the system's"
        ));
    }
    let request_id = context.request_id();
    let command = TokenCommand::WriteRole { name: name.to_owned(), change: Box::new(change) };
    Ok(Plan::write(Command::Token(command), Note::default(), move |_| Ok(done(warnings, &request_id))))
}

/// Deletes a role; nothing where there is none.
pub fn delete(name: &str) -> Plan {
    let command = TokenCommand::DeleteRole { name: name.to_owned() };
    Plan::write(Command::Token(command), Note::default(), |_| Ok(Answer::no_content()))
}
