//! Settings and roles of the auth method `kubernetes` over HTTP.

use broker_core::auth::kubernetes::{
    KubernetesCommand, KubernetesConfig, KubernetesRole, KubernetesRoleChange, MAX_KUBERNETES_ROLES,
    config_key, decode_kubernetes_role, kubernetes_role_key, kubernetes_roles_key,
};
use broker_core::auth::{AuthCommand, login_mount};
use broker_core::command::Command;
use broker_core::kv2::Existence;
use broker_core::route::{AuthOp, KubernetesOp};
use broker_core::token::TokenInfo;
use broker_core::wire::{quote, string_list};

use crate::app::App;
use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::ops::{data, done, store_failed, unknown_fields};
use crate::reviewer::check_ca;
use crate::store::ReadError;

/// What the settings may hold; other fields are warned about.
const CONFIG_FIELDS: [&str; 8] = [
    "kubernetes_host",
    "kubernetes_ca_cert",
    "token_reviewer_jwt",
    "pem_keys",
    "issuer",
    "disable_iss_validation",
    "disable_local_ca_jwt",
    "use_annotations_as_alias_metadata",
];
/// What a role may hold; other fields are warned about.
const ROLE_FIELDS: [&str; 22] = [
    "name",
    "bound_service_account_names",
    "bound_service_account_namespaces",
    "bound_service_account_namespace_selector",
    "audience",
    "alias_name_source",
    "token_ttl",
    "token_max_ttl",
    "token_policies",
    "token_bound_cidrs",
    "token_explicit_max_ttl",
    "token_no_default_policy",
    "token_num_uses",
    "token_period",
    "token_type",
    "token_strictly_bind_ip",
    "policies",
    "ttl",
    "max_ttl",
    "period",
    "num_uses",
    "bound_cidrs",
];

/// Carries an operation out, or decides on its write.
///
/// # Errors
/// The answer to give instead.
pub fn plan(context: &Context<'_>, op: &AuthOp) -> Result<Plan, Failure> {
    let app = context.app;
    let read = |text: String| Plan::Read(data(context, text), Note::default());
    let id = &op.mount.id;
    match &op.action {
        KubernetesOp::Config => {
            let found = find_config(app, id).map_err(store_failed)?;
            found.map(|config| read(described_config(&config))).ok_or_else(Failure::not_found)
        }
        KubernetesOp::ConfigWrite => write_config(context, op),
        KubernetesOp::Roles => {
            let snapshot = app.ledger.snapshot().map_err(store_failed)?;
            let children = snapshot.children(&kubernetes_roles_key(id), None, MAX_KUBERNETES_ROLES);
            let names = children.map_err(store_failed)?;
            if names.is_empty() {
                return Err(Failure::not_found());
            }
            Ok(read(format!("{{\"keys\":{}}}", string_list(&names))))
        }
        KubernetesOp::Role(name) => {
            let found = find_role(app, id, name).map_err(store_failed)?;
            found.map(|role| read(described_role(&role))).ok_or_else(Failure::not_found)
        }
        KubernetesOp::RoleWrite(name) => write_role(context, op, name),
        KubernetesOp::RoleDelete(name) => {
            let command = KubernetesCommand::DeleteRole { mount: op.mount.clone(), name: name.clone() };
            Ok(change(context, command, Vec::new()))
        }
    }
}

fn change(context: &Context<'_>, command: KubernetesCommand, warnings: Vec<String>) -> Plan {
    let request_id = context.request_id();
    let command = Command::Auth(AuthCommand::Kubernetes(command));
    Plan::write(command, Note::default(), move |_| Ok(done(warnings, &request_id)))
}

/// The settings of a method by its id.
///
/// # Errors
/// When the store cannot be read.
pub fn find_config(app: &App, mount_id: &str) -> Result<Option<KubernetesConfig>, ReadError> {
    let row = app.ledger.snapshot()?.get(&config_key(mount_id))?;
    let damaged = ReadError::Damaged("kubernetes settings");
    row.map(|r| KubernetesConfig::decode(r.expose()).ok_or(damaged)).transpose()
}

/// A role of a method by its name.
///
/// # Errors
/// When the store cannot be read.
pub fn find_role(app: &App, mount_id: &str, name: &str) -> Result<Option<KubernetesRole>, ReadError> {
    let row = app.ledger.snapshot()?.get(&kubernetes_role_key(mount_id, name))?;
    let damaged = ReadError::Damaged("kubernetes role");
    row.map(|r| decode_kubernetes_role(r.expose()).ok_or(damaged)).transpose()
}

/// Whether the role of a write exists: policies tell `create` from `update` by it. Settings are always updated.
///
/// # Errors
/// When the store cannot be read.
pub fn existence(app: &App, op: &AuthOp) -> Result<Existence, Failure> {
    let KubernetesOp::RoleWrite(name) = &op.action else { return Ok(Existence::Present) };
    let found = find_role(app, &op.mount.id, name).map_err(store_failed)?;
    Ok(if found.is_some() { Existence::Present } else { Existence::Absent })
}

/// Refuses the renewal of a login's token whose role was removed.
///
/// # Errors
/// 400 that names the role; or the store cannot be read.
pub fn check_renewal(app: &App, token: &TokenInfo) -> Result<(), Failure> {
    let Some(path) = login_mount(&token.path) else { return Ok(()) };
    let name = token.meta.as_ref().and_then(|meta| meta.get("role")).cloned().unwrap_or_default();
    let table = app.mounts.load();
    let found = match table.auth(path) {
        Some(mount) => find_role(app, &mount.id, &name).map_err(store_failed)?,
        None => None,
    };
    match found {
        Some(_) => Ok(()),
        None => Err(Failure::bad_request(format!(
            "the role {name:?} of auth/{path}/ could not be found, not renewing; write the role again or log in by another"
        ))),
    }
}

fn write_config(context: &Context<'_>, op: &AuthOp) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let config = KubernetesConfig::parse(body).map_err(|r| Failure::from(&r))?;
    if !config.ca_cert.is_empty() {
        check_ca(&config.ca_cert).map_err(|e| Failure::bad_request(format!("kubernetes_ca_cert: {e}")))?;
    }
    let warnings = unknown_fields(body, &CONFIG_FIELDS);
    let command = KubernetesCommand::WriteConfig { mount: op.mount.clone(), config: Box::new(config) };
    Ok(change(context, command, warnings))
}

fn write_role(context: &Context<'_>, op: &AuthOp, name: &str) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let parsed = KubernetesRoleChange::parse(body).map_err(|r| Failure::from(&r))?;
    let warnings = unknown_fields(body, &ROLE_FIELDS);
    let command = KubernetesCommand::WriteRole {
        mount: op.mount.clone(),
        name: name.to_owned(),
        change: Box::new(parsed),
    };
    Ok(change(context, command, warnings))
}

/// The settings without the reviewer's token; only whether there is one.
fn described_config(config: &KubernetesConfig) -> String {
    format!(
        "{{\"disable_iss_validation\":{},\"disable_local_ca_jwt\":{},\"issuer\":{},\"kubernetes_ca_cert\":{},\"kubernetes_host\":{},\"pem_keys\":[],\"token_reviewer_jwt_set\":{}}}",
        config.disable_iss_validation,
        config.disable_local_ca_jwt,
        quote(&config.issuer),
        quote(&config.ca_cert),
        quote(&config.host),
        !config.reviewer_jwt.is_empty(),
    )
}

fn described_role(role: &KubernetesRole) -> String {
    format!(
        "{{\"alias_name_source\":{},\"audience\":{},\"bound_service_account_names\":{},\"bound_service_account_namespace_selector\":\"\",\"bound_service_account_namespaces\":{},\"token_bound_cidrs\":[],\"token_explicit_max_ttl\":{},\"token_max_ttl\":{},\"token_no_default_policy\":{},\"token_num_uses\":{},\"token_period\":{},\"token_policies\":{},\"token_strictly_bind_ip\":false,\"token_ttl\":{},\"token_type\":{}}}",
        quote(role.alias_name_source.as_str()),
        quote(&role.audience),
        string_list(&role.bound_names),
        string_list(&role.bound_namespaces),
        role.explicit_max_ttl,
        role.max_ttl,
        role.no_default_policy,
        role.num_uses,
        role.period,
        string_list(&role.policies),
        role.ttl,
        quote(role.token_type.as_str()),
    )
}
