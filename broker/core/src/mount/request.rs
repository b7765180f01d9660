//! Request bodies of the mount table, from JSON to mounts and tunes, with Vault's words for what is wrong.

use policies::RequestPath;

use super::{Engine, MountInfo, Tune};
use crate::json::Json;
use crate::json::field::{self, FieldError, optional};
use crate::refusal::Refusal;

const MAX_DESCRIPTION_BYTES: usize = 4_096;

/// What a request to enable an engine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountRequest {
    /// The engine.
    pub engine: Engine,
    /// Free text.
    pub description: String,
    /// Default lease in seconds, 0 for the system's.
    pub default_lease_ttl: u64,
    /// Longest lease in seconds, 0 for the system's.
    pub max_lease_ttl: u64,
    /// `unauth`, `hidden` or empty.
    pub listing_visibility: String,
}

impl MountRequest {
    /// Reads the body of a request to enable an engine: `kv` (with `options.version`), `kv-v1` or `kv-v2`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: no type, an unknown one, or a field of the wrong type.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let kind = body.get("type").and_then(Json::as_str).unwrap_or_default();
        let version = version(body)?;
        let engine = match kind {
            "" => return Err(Refusal::Invalid("backend type must be specified as a string".to_owned())),
            "kv" => version.unwrap_or(Engine::Kv1),
            "kv-v1" => Engine::Kv1,
            "kv-v2" => Engine::Kv2,
            _ => return Err(Refusal::Invalid(format!("plugin not found in the catalog: {kind}"))),
        };
        if version.is_some_and(|v| v != engine) {
            return Err(Refusal::Invalid(format!(
                "options.version does not fit the type {kind}; leave it out"
            )));
        }
        let config = body.get("config").unwrap_or(&Json::Null);
        let request = Self {
            engine,
            description: description(body)?.unwrap_or_default(),
            default_lease_ttl: optional(config, "default_lease_ttl", field::seconds)?.unwrap_or(0),
            max_lease_ttl: optional(config, "max_lease_ttl", field::seconds)?.unwrap_or(0),
            listing_visibility: visibility(config)?.unwrap_or_default(),
        };
        if request.max_lease_ttl > 0 && request.default_lease_ttl > request.max_lease_ttl {
            let text = "given default lease TTL greater than given max lease TTL";
            return Err(Refusal::Invalid(text.to_owned()));
        }
        Ok(request)
    }

    /// The mount at a path (without its trailing slash), with its new id and accessor.
    pub fn into_mount(self, path: &str, id: String, accessor: String) -> MountInfo {
        MountInfo {
            path: path.trim_end_matches('/').to_owned(),
            id,
            accessor,
            engine: self.engine,
            description: self.description,
            default_lease_ttl: self.default_lease_ttl,
            max_lease_ttl: self.max_lease_ttl,
            listing_visibility: self.listing_visibility,
        }
    }
}

/// What a request to move a mount asks for: both paths canonical, without slashes around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRequest {
    /// Where the mount is.
    pub from: String,
    /// Where it goes.
    pub to: String,
}

impl MoveRequest {
    /// Reads the body of a request to move a mount.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a path is missing, or not one that a request could name.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        let path = |name: &str| {
            let given = optional(body, name, field::text)?.unwrap_or_default();
            let text = given.strip_prefix('/').unwrap_or(&given);
            let text = text.strip_suffix('/').unwrap_or(text);
            if text.is_empty() {
                let problem = "both 'from' and 'to' path must be specified as a string";
                return Err(Refusal::Invalid(problem.to_owned()));
            }
            match RequestPath::from_canonical(text) {
                Ok(path) if path.as_str() == text && !text.ends_with('/') => Ok(text.to_owned()),
                Ok(_) => Err(Refusal::Invalid(format!("'{name}': remove the doubled slash at the end"))),
                Err(error) => Err(Refusal::Invalid(format!("'{name}': {error}"))),
            }
        };
        Ok(Self { from: path("from")?, to: path("to")? })
    }
}

impl Tune {
    /// Reads the body of a tune. An empty duration, `system` and 0 all stand for the system's.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]: a field of the wrong type.
    pub fn parse(body: &Json) -> Result<Self, Refusal> {
        Ok(Self {
            description: description(body)?,
            default_lease_ttl: optional(body, "default_lease_ttl", system_or_seconds)?,
            max_lease_ttl: optional(body, "max_lease_ttl", system_or_seconds)?,
            listing_visibility: visibility(body)?,
            version: version(body)?,
        })
    }
}

fn system_or_seconds(name: &str, value: &Json) -> Result<u64, FieldError> {
    match value.as_str() {
        Some("system") => Ok(0),
        _ => field::seconds(name, value),
    }
}

fn description(body: &Json) -> Result<Option<String>, Refusal> {
    let text = optional(body, "description", field::text)?;
    match &text {
        Some(t) if t.len() > MAX_DESCRIPTION_BYTES => {
            Err(Refusal::Invalid(format!("description is longer than {MAX_DESCRIPTION_BYTES} bytes")))
        }
        _ => Ok(text),
    }
}

fn visibility(config: &Json) -> Result<Option<String>, Refusal> {
    let text = optional(config, "listing_visibility", field::text)?;
    match text.as_deref() {
        None | Some("" | "unauth" | "hidden") => Ok(text),
        Some(_) => Err(Refusal::Invalid(
            "invalid listing_visibility; use \"unauth\", \"hidden\" or nothing".to_owned(),
        )),
    }
}

/// `options.version`.
fn version(body: &Json) -> Result<Option<Engine>, Refusal> {
    let options = body.get("options").unwrap_or(&Json::Null);
    match optional(options, "version", field::text)?.as_deref() {
        None | Some("") => Ok(None),
        Some("1") => Ok(Some(Engine::Kv1)),
        Some("2") => Ok(Some(Engine::Kv2)),
        Some(_) => Err(Refusal::Invalid("invalid options.version; use \"1\" or \"2\"".to_owned())),
    }
}
