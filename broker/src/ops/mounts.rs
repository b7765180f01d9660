//! The mount table over HTTP: list, read, enable, tune, disable, and the preflight of the command line tools.

use std::sync::Arc;

use broker_core::auth::TOKEN_STORE;
use broker_core::command::Command;
use broker_core::mount::{Engine, MountCommand, MountInfo, MountRequest, Tune};
use broker_core::wire::{Envelope, quote};

use crate::app::App;
use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{auth, data, done, doubled, store_failed, unknown_fields};

/// The system's default and longest lease in seconds, as answered where a mount has none of its own.
pub const SYSTEM_LEASE_SECONDS: u64 = 2_764_800;
/// What a request to enable an engine or an auth method may hold; other fields are warned about.
pub const MOUNT_FIELDS: [&str; 9] = [
    "type",
    "description",
    "config",
    "options",
    "local",
    "seal_wrap",
    "external_entropy_access",
    "plugin_name",
    "plugin_version",
];

/// The version that mounts are said to run.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"), "+builtin");

/// What older clients look for beside a mount.
pub const SUPPORTED: &str = "\"deprecation_status\":\"supported\",";

/// All mounts, by path.
pub fn list(context: &Context<'_>) -> Result<Answer, Failure> {
    let table = context.app.mounts.load();
    let members: Vec<String> = table
        .all()
        .iter()
        .map(|m| format!("{}:{}", quote(&format!("{}/", m.path)), info(m, SUPPORTED)))
        .collect();
    Ok(doubled(context, format!("{{{}}}", members.join(","))))
}

/// One mount.
pub fn one(context: &Context<'_>, path: &str) -> Result<Answer, Failure> {
    let table = context.app.mounts.load();
    let mount =
        table.get(path).ok_or_else(|| Failure::bad_request(format!("No secret engine mount at {path}/")))?;
    Ok(doubled(context, info(mount, SUPPORTED)))
}

fn info(mount: &MountInfo, first: &str) -> String {
    let visibility = match mount.listing_visibility.as_str() {
        "" => String::new(),
        other => format!(",\"listing_visibility\":{}", quote(other)),
    };
    format!(
        "{{{first}\"accessor\":{},\"config\":{{\"default_lease_ttl\":{},\"force_no_cache\":false{visibility},\"max_lease_ttl\":{}}},\"description\":{},\"external_entropy_access\":false,\"local\":false,\"options\":{},\"plugin_version\":\"\",\"running_plugin_version\":{},\"running_sha256\":\"\",\"seal_wrap\":false,\"type\":\"kv\",\"uuid\":{}}}",
        quote(&mount.accessor),
        mount.default_lease_ttl,
        mount.max_lease_ttl,
        quote(&mount.description),
        options(mount),
        quote(VERSION),
        quote(&mount.id),
    )
}

fn options(mount: &MountInfo) -> &'static str {
    match mount.engine {
        Engine::Kv1 => "{\"version\":\"1\"}",
        Engine::Kv2 => "{\"version\":\"2\"}",
    }
}

/// Enables an engine.
pub fn enable(context: &Context<'_>, path: &str) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let request = MountRequest::parse(body).map_err(|r| Failure::from(&r))?;
    let id = context.app.random_uuid();
    let accessor = format!("kv_{}", id.get(..8).unwrap_or_default());
    let mount = request.into_mount(path, id, accessor);
    let warnings = unknown_fields(body, &MOUNT_FIELDS);
    Ok(change(context, MountCommand::Enable(Box::new(mount)), warnings))
}

/// Disables a mount with everything in it.
pub fn disable(context: &Context<'_>, path: &str) -> Result<Plan, Failure> {
    if is_reserved(path) {
        return Err(Failure::bad_request(format!("cannot unmount \"{path}/\"")));
    }
    Ok(change(context, MountCommand::Disable { path: path.to_owned() }, Vec::new()))
}

/// Paths that the broker keeps for itself.
fn is_reserved(path: &str) -> bool {
    matches!(path.split('/').next().unwrap_or_default(), "sys" | "auth" | "cubbyhole" | "identity")
}

/// Changes settings of a mount.
pub fn tune(context: &Context<'_>, path: &str) -> Result<Plan, Failure> {
    let tune = Tune::parse(&context.request.body).map_err(|r| Failure::from(&r))?;
    if context.app.mounts.load().get(path).is_none() {
        return Err(no_tuning(path));
    }
    Ok(change(context, MountCommand::Tune { path: path.to_owned(), tune }, Vec::new()))
}

fn change(context: &Context<'_>, command: MountCommand, warnings: Vec<String>) -> Plan {
    let app: Arc<App> = Arc::clone(context.app);
    let request_id = context.request_id();
    Plan::write(Command::Mount(command), Note::default(), move |_| {
        app.reload_mounts().map_err(store_failed)?;
        Ok(done(warnings, &request_id))
    })
}

fn no_tuning(path: &str) -> Failure {
    Failure::bad_request(format!("cannot fetch sysview for path \"{path}/\""))
}

/// The settings of a mount, the system's where it has none.
pub fn tuning(context: &Context<'_>, path: &str) -> Result<Answer, Failure> {
    let table = context.app.mounts.load();
    let mount = table.get(path).ok_or_else(|| no_tuning(path))?;
    let or_system = |seconds: u64| if seconds == 0 { SYSTEM_LEASE_SECONDS } else { seconds };
    let visibility = match mount.listing_visibility.as_str() {
        "" => String::new(),
        other => format!("\"listing_visibility\":{},", quote(other)),
    };
    let text = format!(
        "{{\"default_lease_ttl\":{},\"description\":{},\"force_no_cache\":false,{visibility}\"max_lease_ttl\":{},\"options\":{}}}",
        or_system(mount.default_lease_ttl),
        quote(&mount.description),
        or_system(mount.max_lease_ttl),
        options(mount)
    );
    Ok(doubled(context, text))
}

/// What the command line tools ask before each `kv` command: the mount of a path and its version.
pub fn preflight(context: &Context<'_>, path: &str) -> Result<Answer, Failure> {
    let table = context.app.mounts.load();
    let mount = table.get(path).ok_or_else(|| Failure::preflight(path))?;
    let first = format!("\"path\":{},", quote(&format!("{}/", mount.path)));
    Ok(data(context, info(mount, &first)))
}

/// The mounts a token may see anything of.
pub fn visible(context: &Context<'_>) -> Result<Answer, Failure> {
    let set = &context.caller.set;
    let table = context.app.mounts.load();
    let seen = table.all().iter().filter(|m| set.is_root() || set.any_below(&format!("{}/", m.path)));
    let members: Vec<String> =
        seen.map(|m| format!("{}:{}", quote(&format!("{}/", m.path)), info(m, ""))).collect();
    let methods = auth::described(context.app, |path| {
        path == TOKEN_STORE || set.is_root() || set.any_below(&format!("auth/{path}/"))
    });
    Ok(data(context, format!("{{\"auth\":{methods},\"secret\":{{{}}}}}", members.join(","))))
}

/// The mounts that are shown without a token: those tuned so.
pub fn visible_to_all(app: &App, request_id: &str) -> Answer {
    let table = app.mounts.load();
    let shown = table.all().iter().filter(|m| m.listing_visibility == "unauth");
    let members: Vec<String> = shown
        .map(|m| {
            format!(
                "{}:{{\"description\":{},\"options\":{},\"type\":\"kv\"}}",
                quote(&format!("{}/", m.path)),
                quote(&m.description),
                options(m)
            )
        })
        .collect();
    let methods = auth::visible_to_all(app);
    let text = format!("{{\"auth\":{methods},\"secret\":{{{}}}}}", members.join(","));
    Answer::json(Envelope::data(text).to_text(request_id))
}
