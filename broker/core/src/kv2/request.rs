//! Request bodies of KV version 2, from JSON to actions, with Vault's words for what is wrong.

use std::collections::BTreeMap;

use super::{Existence, Kv2Action, Settings};
use crate::json::Json;
use crate::json::field::{self, FieldError, optional};
use crate::refusal::Refusal;
use crate::secret::SecretJson;

/// The body of a write: `data` (an object or null) and `options.cas`.
///
/// # Errors
/// No `data`, one that is no object, or a `cas` that is no number.
pub fn write(body: &Json, expect: Existence) -> Result<Kv2Action, Refusal> {
    let data = match body.get("data") {
        None => return Err(no_data()),
        Some(Json::Null) => None,
        Some(value) => Some(object_text(value)?),
    };
    Ok(Kv2Action::Write { data, cas: cas(body)?, expect })
}

/// The body of a patch: `data` (an object) and `options.cas`.
///
/// # Errors
/// As [`write()`]; null is refused too.
pub fn patch(body: &Json) -> Result<Kv2Action, Refusal> {
    match body.get("data") {
        None | Some(Json::Null) => Err(no_data()),
        Some(value) => Ok(Kv2Action::Patch { patch: object_text(value)?, cas: cas(body)? }),
    }
}

fn no_data() -> Refusal {
    Refusal::Invalid("no data provided".to_owned())
}

fn object_text(value: &Json) -> Result<SecretJson, Refusal> {
    field::object("data", value)?;
    Ok(value.to_secret())
}

/// `options.cas`: a number or its digits; null and an empty text are 0.
fn cas(body: &Json) -> Result<Option<u64>, Refusal> {
    let Some(options) = body.get("options").filter(|o| !o.is_null()) else { return Ok(None) };
    match field::object("options", options)?.get("cas") {
        None => Ok(None),
        Some(Json::Null) => Ok(Some(0)),
        Some(value) => field::unsigned("cas", value)
            .map(Some)
            .map_err(|_| Refusal::Invalid("error parsing check-and-set parameter".to_owned())),
    }
}

/// The `versions` of a delete, undelete or destroy; negative ones are left out, no version has such a number.
///
/// # Errors
/// `missing` where there is none, or an element that is no integer.
pub fn versions(body: &Json, missing: &str) -> Result<Vec<u64>, Refusal> {
    let texts = optional(body, "versions", field::list)?.unwrap_or_default();
    if texts.is_empty() {
        return Err(Refusal::Invalid(missing.to_owned()));
    }
    let mut versions = Vec::new();
    for text in texts {
        let number = field::integer("versions", &Json::string(text))?;
        versions.extend(u64::try_from(number).ok());
    }
    Ok(versions)
}

/// The settings in the body of a mount's `config`.
///
/// # Errors
/// A field of the wrong type.
pub fn config(body: &Json) -> Result<Kv2Action, Refusal> {
    let delete_version_after = optional(body, "delete_version_after", field::signed_seconds)?;
    Ok(Kv2Action::Config(Settings { delete_version_after, ..settings(body)? }))
}

/// The body of a write (`merge` false) or patch of a key's metadata.
///
/// # Errors
/// A field of the wrong type.
pub fn metadata(body: &Json, merge: bool, expect: Option<Existence>) -> Result<Kv2Action, Refusal> {
    let seconds = optional(body, "delete_version_after", field::seconds)?;
    let delete_version_after = seconds.map(|s| i64::try_from(s).unwrap_or(i64::MAX));
    Ok(Kv2Action::Metadata {
        settings: Settings { delete_version_after, ..settings(body)? },
        custom_metadata: custom_metadata(body, merge)?,
        metadata_cas: optional(body, "metadata_cas", field::unsigned)?,
        merge,
        expect,
    })
}

/// The settings other than `delete_version_after`.
fn settings(body: &Json) -> Result<Settings, FieldError> {
    Ok(Settings {
        max_versions: optional(body, "max_versions", field::unsigned)?,
        cas_required: optional(body, "cas_required", field::boolean)?,
        delete_version_after: None,
        metadata_cas_required: optional(body, "metadata_cas_required", field::boolean)?,
    })
}

fn custom_metadata(body: &Json, merge: bool) -> Result<Option<BTreeMap<String, Option<String>>>, Refusal> {
    let value = match body.get("custom_metadata") {
        None => return Ok(None),
        Some(Json::Null) if merge => {
            let help = "custom_metadata cannot be null in a patch; set the keys to remove to null";
            return Err(Refusal::Invalid(help.to_owned()));
        }
        Some(Json::Null) => return Ok(None),
        Some(value) => value,
    };
    let mut custom = BTreeMap::new();
    for (key, value) in field::object("custom_metadata", value)? {
        let text = match value {
            Json::Null => None,
            Json::String(text) | Json::Number(text) => Some(text.as_str().to_owned()),
            _ => {
                let problem = field::unconvertible("string", value);
                return Err(Refusal::Invalid(format!("custom_metadata validation failed: {problem}")));
            }
        };
        custom.insert(key.clone(), text);
    }
    Ok(Some(custom))
}
