//! What is to be mounted: the attributes of a volume, and what kubelet says of its pod, checked once.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use thiserror::Error;

use crate::files::{self, Entry, FilesError};
use crate::path::{FilePath, NameError};
use crate::reader::Reader;
use crate::refresh::Millis;

#[cfg(test)]
mod tests;

/// The attributes there are.
pub const ATTRIBUTES: [&str; 10] =
    ["audience", "auth", "files", "maxStale", "mode", "onRevoke", "role", "secret", "secretMount", "version"];
/// Where the names of kubelet's own attributes begin; kubelet lets no pod set them.
pub const KUBELET_PREFIX: &str = "csi.storage.k8s.io/";
/// The longest attribute in bytes.
pub const MAX_ATTRIBUTE_BYTES: usize = 64 << 10;
/// The audience of service account tokens where none is named.
const AUDIENCE: &str = "keyreeve";
/// The auth method where none is named.
const AUTH: &str = "kubernetes";
/// The most nodes of the YAML text of `files`: a name and a key for each file, and the map.
const MAX_NODES: usize = 2 * crate::image::MAX_FILES + 1;

/// What a volume is to show, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The pod.
    pub pod: Pod,
    /// Mount of the secret's engine.
    pub mount: String,
    /// The secret below it.
    pub path: String,
    /// Its version; `None` for the newest.
    pub version: Option<u64>,
    /// Its files.
    pub files: FileMap,
    /// Role at the auth method; empty where a token comes with the volume.
    pub role: String,
    /// Mount of the auth method.
    pub auth: String,
    /// Audience of the service account's token.
    pub audience: String,
    /// Whether the files stay when the broker denies the secret.
    pub keep: bool,
    /// How long they stay while the broker is away; `None` for ever.
    pub max_stale: Option<Millis>,
}

/// A pod, as kubelet names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its service account.
    pub account: String,
}

/// Which files there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMap {
    /// Files with the keys that they show; `None` for one file for each key.
    pub chosen: Option<Vec<(FilePath, String)>>,
    /// Their permission bits.
    pub mode: u16,
}

/// What is wrong with a request. It never holds a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// Not one of [`ATTRIBUTES`].
    #[error("the attribute {name:?} is not known; the attributes are {}", ATTRIBUTES.join(", "))]
    Unknown {
        /// Its name.
        name: String,
    },
    /// It is needed.
    #[error("the attribute {name} is missing; write {help}")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// Its value.
    #[error("the attribute {name} is not understood; write {help}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// Over [`MAX_ATTRIBUTE_BYTES`].
    #[error("the attribute {name:?} is longer than {MAX_ATTRIBUTE_BYTES} bytes")]
    TooLong {
        /// Its name.
        name: String,
    },
    /// A name in `files`.
    #[error("the attribute files: {file:?} cannot be a file: {problem}")]
    File {
        /// The name.
        file: String,
        /// Why.
        problem: NameError,
    },
    /// kubelet does not say whose the volume is.
    #[error("{KUBELET_PREFIX}{name} is missing; set podInfoOnMount: true in the CSIDriver object")]
    Kubelet {
        /// What is missing.
        name: &'static str,
    },
    /// A volume that is not written into a pod.
    #[error("only volumes that are written into a pod are served; use `csi:` in the pod's volumes")]
    NotEphemeral,
    /// The tokens of the service account.
    #[error("the service account's tokens are not understood")]
    Tokens,
}

impl Request {
    /// The request of a volume's context. `group` is whether its files belong to a group of their own.
    ///
    /// # Errors
    /// The first attribute that is wrong.
    pub fn of(context: &BTreeMap<String, String>, group: bool) -> Result<Self, RequestError> {
        check_names(context)?;
        let text = |name: &str| context.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let (mount, path) = secret(text("secret"), text("secretMount"))?;
        let named = |name: &str, default: &str| text(name).unwrap_or(default).trim_matches('/').to_owned();
        Ok(Self {
            pod: Pod::of(context)?,
            mount,
            path,
            version: text("version").map(version).transpose()?,
            files: FileMap {
                chosen: text("files").map(chosen).transpose()?,
                mode: text("mode").map(mode).transpose()?.unwrap_or(if group { 0o440 } else { 0o444 }),
            },
            role: named("role", ""),
            auth: named("auth", AUTH),
            audience: text("audience").unwrap_or(AUDIENCE).to_owned(),
            keep: match text("onRevoke") {
                None | Some("fail") => false,
                Some("keep") => true,
                Some(_) => return Err(RequestError::Value { name: "onRevoke", help: "fail or keep" }),
            },
            max_stale: text("maxStale").map(duration).transpose()?,
        })
    }
}

fn check_names(context: &BTreeMap<String, String>) -> Result<(), RequestError> {
    for (name, value) in context {
        if !name.starts_with(KUBELET_PREFIX) && !ATTRIBUTES.contains(&name.as_str()) {
            return Err(RequestError::Unknown { name: name.clone() });
        }
        if value.len() > MAX_ATTRIBUTE_BYTES {
            return Err(RequestError::TooLong { name: name.clone() });
        }
    }
    Ok(())
}

/// Mount and path of a secret: `MOUNT/PATH`, or the path below a mount that is named besides.
///
/// # Errors
/// [`RequestError::Missing`] or [`RequestError::Value`].
pub fn secret(secret: Option<&str>, mount: Option<&str>) -> Result<(String, String), RequestError> {
    let help = "MOUNT/PATH, such as secret/app/db";
    let secret = secret.ok_or(RequestError::Missing { name: "secret", help })?;
    let wrong = RequestError::Value { name: "secret", help };
    let (mount, path) = match mount {
        Some(mount) => (mount.trim_matches('/'), secret),
        None => secret.trim_start_matches('/').split_once('/').ok_or_else(|| wrong.clone())?,
    };
    let path = path.trim_matches('/');
    if mount.is_empty() || path.is_empty() {
        return Err(wrong);
    }
    Ok((mount.to_owned(), path.to_owned()))
}

fn version(text: &str) -> Result<u64, RequestError> {
    let wrong = RequestError::Value { name: "version", help: "a version of the secret, from 1" };
    text.parse().ok().filter(|version| *version > 0).ok_or(wrong)
}

/// Permission bits from octal digits.
///
/// # Errors
/// [`RequestError::Value`].
pub fn mode(text: &str) -> Result<u16, RequestError> {
    let wrong = RequestError::Value { name: "mode", help: "octal digits up to \"0777\", such as \"0440\"" };
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u16::from_str_radix(digits, 8).ok().filter(|mode| *mode <= crate::image::MAX_MODE).ok_or(wrong)
}

/// A time of more than nothing, such as `30s`.
///
/// # Errors
/// [`RequestError::Value`].
pub fn duration(text: &str) -> Result<Millis, RequestError> {
    let wrong = RequestError::Value { name: "maxStale", help: "a time such as 30s, 10m or 24h" };
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let millis = parsed.and_then(|time| u64::try_from(time.as_millis()).ok());
    millis.filter(|millis| *millis > 0).ok_or(wrong)
}

/// Files with the keys that they show, from a YAML or JSON map of file names to keys.
///
/// # Errors
/// [`RequestError::Value`] or [`RequestError::File`].
pub fn chosen(text: &str) -> Result<Vec<(FilePath, String)>, RequestError> {
    let wrong = RequestError::Value {
        name: "files",
        help: "a map of file names to keys, such as {\"db/pass\": \"password\"}",
    };
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_depth: 2, max_documents: 2 },
    };
    let map: BTreeMap<String, String> =
        serde_saphyr::from_str_with_options(text, options).map_err(|_| wrong.clone())?;
    if map.is_empty() {
        return Err(wrong);
    }
    let file = |(file, key): (String, String)| match FilePath::of_segments(file.split('/')) {
        Ok(path) => Ok((path, key)),
        Err(problem) => Err(RequestError::File { file: file.chars().take(64).collect(), problem }),
    };
    map.into_iter().map(file).collect()
}

impl FileMap {
    /// The files of a secret's JSON text.
    ///
    /// # Errors
    /// Which key cannot be shown.
    pub fn files(&self, text: &str) -> Result<Vec<Entry>, FilesError> {
        match &self.chosen {
            Some(chosen) => files::chosen_files_of(text, chosen, self.mode),
            None => files::files_of(text, self.mode),
        }
    }
}

impl Pod {
    /// The pod that kubelet names in a volume's context.
    ///
    /// # Errors
    /// What it does not say.
    pub fn of(context: &BTreeMap<String, String>) -> Result<Self, RequestError> {
        let said = |name: &'static str| {
            let value = context.get(&format!("{KUBELET_PREFIX}{name}")).filter(|value| !value.is_empty());
            value.cloned().ok_or(RequestError::Kubelet { name })
        };
        if said("ephemeral")? != "true" {
            return Err(RequestError::NotEphemeral);
        }
        Ok(Self {
            namespace: said("pod.namespace")?,
            name: said("pod.name")?,
            uid: said("pod.uid")?,
            account: said("serviceAccount.name")?,
        })
    }

    /// Who opened a file of this pod's volume, in one line for the audit log.
    pub fn reader(&self, reader: &Reader) -> String {
        // The process may be of another pod, or of none: what it is in is told besides.
        let mut text = format!("pod {self} service account {}", self.account);
        if reader.pod.as_ref().is_none_or(|uid| *uid == self.uid) {
            text.push(' ');
            text.push_str(&Reader { pod: None, ..reader.clone() }.describe());
        } else {
            text.push_str(&format!("; opened by {}", reader.describe()));
        }
        text
    }
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[derive(Deserialize)]
struct Issued<'a> {
    /// Borrowed, so that no copy of it is left behind; a JWT needs no escapes.
    token: &'a str,
}

/// The service account's token of an audience, from kubelet's JSON text; `None` where there is none for it.
///
/// # Errors
/// [`RequestError::Tokens`].
pub fn token_of<'a>(tokens: &'a str, audience: &str) -> Result<Option<&'a str>, RequestError> {
    let tokens: BTreeMap<String, Issued<'a>> =
        serde_json::from_str(tokens).map_err(|_| RequestError::Tokens)?;
    Ok(tokens.get(audience).map(|issued| issued.token))
}
