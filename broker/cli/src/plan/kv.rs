//! The requests of `kv`, once the mount of a path is known.

use broker_core::json::{Json, merge_patch};

use super::{Job, Show, json_number, json_object};
use crate::arguments::{KvCommand, KvTarget, MetadataCommand, MetadataPut};
use crate::pairs;
use crate::problem::{Problem, capability};
use crate::request::{Method, Request};

/// A mount of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its path without a slash at the end.
    pub path: String,
    /// Whether it keeps versions (KV version 2).
    pub versioned: bool,
}

/// The mount and the path that a command names.
pub fn target(command: &KvCommand) -> (Option<&str>, &str) {
    match command {
        KvCommand::List { mount, path } => (mount.as_deref(), path),
        KvCommand::Put { target, .. }
        | KvCommand::Get { target, .. }
        | KvCommand::Patch { target, .. }
        | KvCommand::Delete { target, .. }
        | KvCommand::Undelete { target, .. }
        | KvCommand::Destroy { target, .. }
        | KvCommand::Metadata(MetadataCommand::Get { target, .. } | MetadataCommand::Delete { target })
        | KvCommand::Metadata(MetadataCommand::Put(MetadataPut { target, .. })) => {
            let KvTarget { mount, path } = target;
            (mount.as_deref(), path)
        }
    }
}

/// The request that tells the mount of a path and its version.
///
/// # Errors
/// Neither a mount nor a path is named.
pub fn preflight(mount: Option<&str>, path: &str) -> Result<Request, Problem> {
    let named = mount.unwrap_or(path).trim_matches('/');
    if named.is_empty() {
        return Err(Problem::Usage("name a path, such as secret/app, or a mount with -mount".to_owned()));
    }
    Ok(Request::new(Method::Get, format!("sys/internal/ui/mounts/{named}")))
}

/// What a policy must grant for a command where the mount cannot be asked: it is taken to be the one named, else the first
/// segment of the path, and to keep versions.
pub fn needed(command: &KvCommand) -> Option<String> {
    let (named, path) = target(command);
    let first = path.trim_matches('/').split('/').next().unwrap_or_default();
    let mount = Mount { path: named.unwrap_or(first).trim_matches('/').to_owned(), versioned: true };
    let request = plan(command, &mount, None).ok()?.request;
    let slash = if request.method == Method::List { "/" } else { "" };
    Some(format!(
        "If the mount is {:?}, the command needs {} on \"{}{slash}\".",
        mount.path,
        capability(request.method),
        request.path
    ))
}

/// The mount, from the answer's `data`.
///
/// # Errors
/// It is no mount of secrets, or the answer lacks its path.
pub fn mount(data: &Json) -> Result<Mount, Problem> {
    let kind = data.get("type").and_then(Json::as_str).unwrap_or("kv");
    let path = data.get("path").and_then(Json::as_str).unwrap_or_default().trim_matches('/');
    if path.is_empty() {
        return Err(Problem::Unreachable(
            "the server does not say which mount this is; is it a Vault?".to_owned(),
        ));
    }
    if !matches!(kind, "kv" | "generic" | "cubbyhole") {
        return Err(Problem::Usage(format!(
            "{path}/ is a mount of type {kind:?}; kv works with mounts of type kv"
        )));
    }
    let version = data.get("options").and_then(|options| options.get("version")).and_then(Json::as_str);
    Ok(Mount { path: path.to_owned(), versioned: version == Some("2") })
}

/// The path of a secret inside its mount, without slashes around it.
fn inside<'a>(mount: &Mount, named: Option<&str>, path: &'a str) -> &'a str {
    let path = path.trim_matches('/');
    if named.is_some() {
        return path;
    }
    path.strip_prefix(mount.path.as_str()).unwrap_or(path).trim_start_matches('/')
}

/// A path of the API: of the part `data`, `metadata`, ... of a versioned mount, or the plain path of the other kind.
fn api_path(mount: &Mount, part: &str, inner: &str) -> String {
    let base = if mount.versioned { format!("{}/{part}", mount.path) } else { mount.path.clone() };
    if inner.is_empty() { base } else { format!("{base}/{inner}") }
}

/// What to do for a command on its mount. `data` is what the secret is to hold, for `put` and `patch`.
///
/// # Errors
/// The command needs a versioned mount, or the path of a secret.
pub fn plan(command: &KvCommand, mount: &Mount, data: Option<&Json>) -> Result<Job, Problem> {
    let (named, path) = target(command);
    let inner = inside(mount, named, path);
    if inner.is_empty() && !matches!(command, KvCommand::List { .. }) {
        return Err(Problem::Usage(format!("{:?} is a mount; name the path of a secret in it", mount.path)));
    }
    let data = || data.cloned().unwrap_or_default();
    match command {
        KvCommand::Put { cas, field, .. } => {
            put(mount, inner, *cas, data()).map(|job| job.only(field.clone()))
        }
        KvCommand::Get { version, field, .. } => {
            get(mount, inner, *version).map(|job| job.only(field.clone()))
        }
        // The other method is two jobs: a read, then `rewritten`.
        KvCommand::Patch { cas, field, .. } => {
            versioned(mount, "patch")?;
            let body = write_body(cas.map(json_number), data());
            let path = api_path(mount, "data", inner);
            let request = Request::with_body(Method::Patch, path.clone(), body.to_secret());
            Ok(Job::new(request, Show::Versioned { path }).only(field.clone()))
        }
        KvCommand::List { .. } => {
            Ok(Job::new(Request::new(Method::List, api_path(mount, "metadata", inner)), Show::Keys))
        }
        KvCommand::Delete { versions: numbers, .. } => delete(mount, inner, numbers),
        KvCommand::Undelete { versions: numbers, .. } => {
            versioned(mount, "undelete")?;
            Ok(written(on_versions(api_path(mount, "undelete", inner), numbers)))
        }
        KvCommand::Destroy { versions: numbers, .. } => {
            versioned(mount, "destroy")?;
            Ok(written(on_versions(api_path(mount, "destroy", inner), numbers)))
        }
        KvCommand::Metadata(command) => {
            versioned(mount, "metadata")?;
            metadata(command, api_path(mount, "metadata", inner))
        }
    }
}

fn versioned(mount: &Mount, command: &str) -> Result<(), Problem> {
    if mount.versioned {
        return Ok(());
    }
    let text =
        format!("{}/ keeps no versions (KV version 1), so there is no `kv {command}` on it", mount.path);
    Err(Problem::Usage(text))
}

fn write_body(cas: Option<Json>, data: Json) -> Json {
    let options = cas.map(|cas| ("options", json_object([("cas", cas)])));
    json_object([("data", data)].into_iter().chain(options))
}

fn put(mount: &Mount, inner: &str, cas: Option<i64>, data: Json) -> Result<Job, Problem> {
    let path = api_path(mount, "data", inner);
    if mount.versioned {
        // -1 is Vault's word for "no check".
        let body = write_body(cas.filter(|cas| *cas >= 0).map(json_number), data);
        let request = Request::with_body(Method::Put, path.clone(), body.to_secret());
        return Ok(Job::new(request, Show::Versioned { path }));
    }
    if cas.is_some() {
        versioned(mount, "put -cas")?;
    }
    Ok(written(Request::with_body(Method::Put, path, data.to_secret())))
}

fn get(mount: &Mount, inner: &str, version: Option<u64>) -> Result<Job, Problem> {
    let path = api_path(mount, "data", inner);
    let request = Request::new(Method::Get, path.clone());
    if mount.versioned {
        let request = match version {
            Some(version) => request.with_query("version", version),
            None => request,
        };
        return Ok(Job::new(request, Show::Versioned { path }));
    }
    if version.is_some() {
        versioned(mount, "get -version")?;
    }
    Ok(Job::new(request, Show::Unversioned))
}

fn delete(mount: &Mount, inner: &str, numbers: &[u64]) -> Result<Job, Problem> {
    let mut job = deleted(api_path(mount, "data", inner));
    if !numbers.is_empty() {
        versioned(mount, "delete -versions")?;
        job.request = on_versions(api_path(mount, "delete", inner), numbers);
    }
    Ok(job)
}

fn deleted(path: String) -> Job {
    let done = Show::Done(format!("Success! Data deleted (if it existed) at: {path}"));
    Job::new(Request::new(Method::Delete, path), done)
}

fn on_versions(path: String, numbers: &[u64]) -> Request {
    let numbers = Json::Array(numbers.iter().map(json_number).collect());
    Request::with_body(Method::Put, path, json_object([("versions", numbers)]).to_secret())
}

fn written(request: Request) -> Job {
    let done = Show::Done(format!("Success! Data written to: {}", request.path));
    Job::new(request, done)
}

fn metadata(command: &MetadataCommand, path: String) -> Result<Job, Problem> {
    let settings = match command {
        MetadataCommand::Get { field, .. } => {
            let job = Job::new(Request::new(Method::Get, path.clone()), Show::Metadata { path });
            return Ok(job.only(field.clone()));
        }
        MetadataCommand::Delete { .. } => return Ok(deleted(path)),
        MetadataCommand::Put(settings) => settings,
    };
    let custom = match settings.custom_metadata.as_slice() {
        [] => None,
        words => Some(pairs::texts("custom-metadata", words)?),
    };
    let members = [
        ("max_versions", settings.max_versions.map(json_number)),
        ("cas_required", settings.cas_required.map(Json::Bool)),
        ("delete_version_after", settings.delete_version_after.clone().map(Json::string)),
        ("custom_metadata", custom),
    ];
    let body = json_object(members.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(written(Request::with_body(Method::Put, path, body.to_secret())))
}

/// The write that `patch -method=rw` makes of the `data` of a read: what is there, changed, if the version is still the one read.
///
/// # Errors
/// The newest version is deleted, or the answer is not a version of a secret.
pub fn rewritten(path: &str, read: &Json, cas: Option<u64>, changes: &Json) -> Result<Job, Problem> {
    let version = match read.get("metadata").and_then(|metadata| metadata.get("version")) {
        Some(Json::Number(version)) => Json::Number(version.clone()),
        _ => return Err(Problem::Unreachable(format!("the answer for {path} does not say its version"))),
    };
    let Some(current @ Json::Object(_)) = read.get("data") else {
        return Err(Problem::NotFound(format!(
            "the newest version of {path} is deleted; write it with `keyreeve kv put`"
        )));
    };
    let mut merged = current.clone();
    merge_patch(&mut merged, changes);
    let body = write_body(Some(cas.map_or(version, json_number)), merged).to_secret();
    Ok(Job::new(Request::with_body(Method::Put, path, body), Show::Versioned { path: path.to_owned() }))
}

#[cfg(test)]
mod tests;
