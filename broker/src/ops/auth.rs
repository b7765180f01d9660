//! The table of auth methods over HTTP: list, read, enable, tune and disable.

use std::sync::Arc;

use broker_core::auth::{AuthCommand, AuthMount, AuthMountRequest, AuthTune, TOKEN_STORE};
use broker_core::command::Command;
use broker_core::route::AuthMountOp;
use broker_core::wire::quote;

use crate::app::App;
use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{done, doubled, mounts, store_failed, unknown_fields};

/// Carries an operation on one method out, or decides on its write.
///
/// # Errors
/// The answer to give instead.
pub fn plan(context: &Context<'_>, op: &AuthMountOp) -> Result<Plan, Failure> {
    let read = |text: String| Plan::Read(doubled(context, text), Note::default());
    match op {
        AuthMountOp::One(path) if path == TOKEN_STORE => Ok(read(token_store())),
        AuthMountOp::One(path) => known(context.app, path)
            .map(|mount| read(info(&mount, mounts::SUPPORTED)))
            .ok_or_else(|| Failure::bad_request(format!("No auth engine at {path}/"))),
        AuthMountOp::Enable(path) => enable(context, path),
        AuthMountOp::Disable(path) => {
            Ok(change(context, AuthCommand::Disable { path: path.clone() }, Vec::new()))
        }
        AuthMountOp::Tuning(path) => tuning(context.app, path).map(read),
        AuthMountOp::Tune(path) => tune(context, path),
    }
}

fn known(app: &App, path: &str) -> Option<AuthMount> {
    app.mounts.load().auth(path).cloned()
}

/// All methods, by path.
pub fn list(context: &Context<'_>) -> Answer {
    doubled(context, described(context.app, |_| true))
}

/// The methods whose path passes, by path, the token store among them.
pub fn described(app: &App, shown: impl Fn(&str) -> bool) -> String {
    let table = app.mounts.load();
    let mut members: Vec<(&str, String)> =
        table.auth_methods().iter().map(|m| (m.path.as_str(), info(m, mounts::SUPPORTED))).collect();
    members.push((TOKEN_STORE, token_store()));
    members.sort();
    let members: Vec<String> = members
        .iter()
        .filter(|(path, _)| shown(path))
        .map(|(path, info)| format!("{}:{info}", quote(&format!("{path}/"))))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The methods that are shown without a token: those tuned so.
pub fn visible_to_all(app: &App) -> String {
    let table = app.mounts.load();
    let shown = table.auth_methods().iter().filter(|m| m.listing_visibility == "unauth");
    let members: Vec<String> = shown
        .map(|m| {
            format!(
                "{}:{{\"description\":{},\"options\":{{}},\"type\":{}}}",
                quote(&format!("{}/", m.path)),
                quote(&m.description),
                quote(m.method.as_str())
            )
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn info(mount: &AuthMount, first: &str) -> String {
    format!(
        "{{{first}\"accessor\":{},\"config\":{{\"default_lease_ttl\":{},\"force_no_cache\":false{},\"max_lease_ttl\":{},\"token_type\":{}}},\"description\":{},\"external_entropy_access\":false,\"local\":false,\"options\":{{}},\"plugin_version\":\"\",\"running_plugin_version\":{},\"running_sha256\":\"\",\"seal_wrap\":false,\"type\":{},\"uuid\":{}}}",
        quote(&mount.accessor),
        mount.default_lease_ttl,
        visibility(mount),
        mount.max_lease_ttl,
        quote(&mount.token_type),
        quote(&mount.description),
        quote(mounts::VERSION),
        quote(mount.method.as_str()),
        quote(&mount.id),
    )
}

fn visibility(mount: &AuthMount) -> String {
    match mount.listing_visibility.as_str() {
        "" => String::new(),
        other => format!(",\"listing_visibility\":{}", quote(other)),
    }
}

/// The token store, which is always there.
fn token_store() -> String {
    "{\"accessor\":\"auth_token_00000000\",\"config\":{\"default_lease_ttl\":0,\"force_no_cache\":false,\"max_lease_ttl\":0,\"token_type\":\"default-service\"},\"description\":\"token based credentials\",\"external_entropy_access\":false,\"local\":false,\"options\":null,\"plugin_version\":\"\",\"running_plugin_version\":\"\",\"running_sha256\":\"\",\"seal_wrap\":false,\"type\":\"token\",\"uuid\":\"00000000-0000-4000-8000-000000000000\"}".to_owned()
}

fn enable(context: &Context<'_>, path: &str) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let request = AuthMountRequest::parse(body).map_err(|r| Failure::from(&r))?;
    let id = context.app.random_uuid();
    let mount = request.into_mount(path, id, context.request.time).map_err(|r| Failure::from(&r))?;
    let warnings = unknown_fields(body, &mounts::MOUNT_FIELDS);
    Ok(change(context, AuthCommand::Enable(Box::new(mount)), warnings))
}

fn no_tuning(path: &str) -> Failure {
    Failure::bad_request(format!("cannot fetch sysview for path \"auth/{path}/\""))
}

fn tune(context: &Context<'_>, path: &str) -> Result<Plan, Failure> {
    if path == TOKEN_STORE {
        return Err(Failure::bad_request("auth/token/ has no settings; tune a token role instead"));
    }
    known(context.app, path).ok_or_else(|| no_tuning(path))?;
    let tune = AuthTune::parse(&context.request.body).map_err(|r| Failure::from(&r))?;
    let command = AuthCommand::Tune { path: path.to_owned(), tune: Box::new(tune) };
    Ok(change(context, command, Vec::new()))
}

/// The settings of a method, the system's where it has none.
fn tuning(app: &App, path: &str) -> Result<String, Failure> {
    let or_system = |seconds: u64| if seconds == 0 { mounts::SYSTEM_LEASE_SECONDS } else { seconds };
    let text = |lives: (u64, u64), description: &str, visibility: &str, token_type: &str| {
        format!(
            "{{\"default_lease_ttl\":{},\"description\":{},\"force_no_cache\":false{visibility},\"max_lease_ttl\":{},\"token_type\":{}}}",
            or_system(lives.0),
            quote(description),
            or_system(lives.1),
            quote(token_type)
        )
    };
    if path == TOKEN_STORE {
        return Ok(text((0, 0), "token based credentials", "", "default-service"));
    }
    let mount = known(app, path).ok_or_else(|| no_tuning(path))?;
    let lives = (mount.default_lease_ttl, mount.max_lease_ttl);
    Ok(text(lives, &mount.description, &visibility(&mount), &mount.token_type))
}

fn change(context: &Context<'_>, command: AuthCommand, warnings: Vec<String>) -> Plan {
    let app: Arc<App> = Arc::clone(context.app);
    let request_id = context.request_id();
    Plan::write(Command::Auth(command), Note::default(), move |_| {
        app.reload_mounts().map_err(store_failed)?;
        Ok(done(warnings, &request_id))
    })
}
