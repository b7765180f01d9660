//! Turns fetched secrets into the Secret that an ExternalSecret asks for, or says why not; never half of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use syncer_template::SecretValue;
use syncer_template::decode::DecodeError;
use syncer_template::gjson::{self, GjsonError};
use syncer_template::json::{Kind, Raw};
use syncer_template::keys::{KeyError, MAX_SECRET_BYTES, check_key};

use crate::fetch::{FetchFailure, FetchRequest, Fetches};
use crate::hash::{created_by, data_hash};
use crate::template::{Content, Kit, content};
use crate::wanted::{CreationPolicy, DeletionPolicy, Entry, NullBytePolicy, RemoteRef, Wanted};

/// Label of every Secret that is written.
pub(crate) const MANAGED: &str = "reconcile.external-secrets.io/managed";
/// Label of a Secret that is owned.
pub(crate) const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";
/// Annotation with the fingerprint of the data.
pub(crate) const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";

/// A Secret ready to be written. Not comparable and not serialisable, because it holds secrets.
#[derive(Clone)]
pub struct RenderedSecret {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
    /// Field `type`.
    pub secret_type: String,
    /// Labels: the ExternalSecret's and the operator's.
    pub labels: BTreeMap<String, String>,
    /// Annotations: the ExternalSecret's and the fingerprint of the data.
    pub annotations: BTreeMap<String, String>,
    /// The values, not encoded.
    pub data: BTreeMap<String, SecretValue>,
    /// Finalizers to add.
    pub finalizers: Vec<String>,
    /// Field `immutable`.
    pub immutable: bool,
}

// Names only: a key's name may be shown, its value never.
impl fmt::Debug for RenderedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedSecret")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("keys", &self.data.keys())
            .finish_non_exhaustive()
    }
}

/// One entry that gives no value.
#[derive(Debug, thiserror::Error)]
#[error("error processing {place}, err: {cause}")]
pub struct RenderProblem {
    /// The entry, such as `spec.data[0] (key: app/db)`; `spec` if it concerns all of them.
    pub place: String,
    /// What is wrong.
    pub cause: RenderCause,
}

/// What is wrong with an entry. No variant holds a value.
#[derive(Debug, thiserror::Error)]
pub enum RenderCause {
    /// The store has no such secret, and `deletionPolicy` is `Retain`.
    #[error("Secret does not exist")]
    Missing,
    /// The store was not asked.
    #[error("the secret was not read from the store; this is a fault of the syncer, please report it")]
    NotFetched,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] FetchFailure),
    /// The store's answer is no JSON object.
    #[error("the store's answer is not a JSON object ({0}); check the store's version and path")]
    Answer(String),
    /// The secret has no such property.
    #[error("cannot find secret data for key: {0:?}")]
    Property(String),
    /// The property is a path that is not understood.
    #[error("property: {0}")]
    Path(#[from] GjsonError),
    /// What is to be extracted is no JSON object.
    #[error(
        "the value is not a JSON object, so nothing can be extracted from it; use data instead of dataFrom"
    )]
    NotAnObject,
    /// The value is not encoded as `decodingStrategy` says.
    #[error(transparent)]
    Decode(DecodeError),
    /// The same for one key of many.
    #[error("failure decoding key {key}: {cause}")]
    DecodeKey {
        /// The key in the Secret.
        key: String,
        /// The failure.
        cause: DecodeError,
    },
    /// A name that no Secret may have.
    #[error("key {key:?}: {cause}")]
    Key {
        /// The key in the Secret.
        key: String,
        /// The failure.
        cause: KeyError,
    },
    /// Two keys of one secret became the same.
    #[error(
        "two keys become {0:?} by conversion; use conversionStrategy Unicode or rename one at the provider"
    )]
    Collision(String),
    /// A zero byte under `nullBytePolicy: Fail`.
    #[error("key {0:?}: the value contains a null byte; correct it or set nullBytePolicy to Ignore")]
    NullByte(String),
    /// A template.
    #[error("{0}")]
    Template(String),
    /// More than a Secret holds.
    #[error("the Secret would have {0} bytes, at most {MAX_SECRET_BYTES} are allowed; split it")]
    TooLarge(usize),
}

/// What came of all entries.
pub(crate) struct Collected {
    /// Keys and values of the Secret.
    pub(crate) data: BTreeMap<String, SecretValue>,
    /// Entries that the store truly does not have, as the operator's event names them.
    pub(crate) missing: Vec<String>,
}

/// Renders the Secret from what was fetched, without a look at what is there.
///
/// # Errors
/// All entries that fail, each as a [`RenderProblem`]; then nothing may be written. A secret that does not exist is
/// an error under `deletionPolicy: Retain` and is left out otherwise.
pub fn render(
    wanted: &Wanted,
    fetches: &Fetches,
    kit: &mut Kit<'_>,
) -> Result<RenderedSecret, Vec<RenderProblem>> {
    let collected = collect(wanted, fetches)?;
    templated(wanted, collected.data, kit)
        .map(|content| finish(wanted, content))
        .map_err(|problem| vec![problem])
}

/// What the Secret is to hold, checked as far as that can be done without a server.
pub(crate) fn templated(
    wanted: &Wanted,
    data: BTreeMap<String, SecretValue>,
    kit: &mut Kit<'_>,
) -> Result<Content, RenderProblem> {
    let problem = |cause| RenderProblem { place: "spec.target.template".to_owned(), cause };
    let content =
        content(wanted, data, kit).map_err(|error| problem(RenderCause::Template(error.to_string())))?;
    for key in content.data.keys() {
        check_key(key).map_err(|cause| problem(RenderCause::Key { key: key.clone(), cause }))?;
    }
    let size = content.data.values().map(SecretValue::len).sum();
    if size > MAX_SECRET_BYTES {
        return Err(problem(RenderCause::TooLarge(size)));
    }
    Ok(content)
}

/// Takes the values of all entries; later keys win.
pub(crate) fn collect(wanted: &Wanted, fetches: &Fetches) -> Result<Collected, Vec<RenderProblem>> {
    let mut collected = Collected { data: BTreeMap::new(), missing: Vec::new() };
    let mut problems = Vec::new();
    for entry in &wanted.entries {
        match values(entry, fetches) {
            Ok(values) => collected.data.extend(values),
            Err(RenderCause::Missing) if wanted.target.deletion != DeletionPolicy::Retain => {
                collected.missing.push(missing_message(entry));
            }
            Err(cause) => problems.push(RenderProblem { place: entry.place(), cause }),
        }
    }
    let size = collected.data.values().map(SecretValue::len).sum();
    if size > MAX_SECRET_BYTES {
        problems.push(RenderProblem { place: "spec".to_owned(), cause: RenderCause::TooLarge(size) });
    }
    if problems.is_empty() { Ok(collected) } else { Err(problems) }
}

/// The operator says `dataFrom` for both kinds of entries.
fn missing_message(entry: &Entry) -> String {
    match entry {
        Entry::Key { index, remote, .. } => {
            format!("secret does not exist at provider using spec.dataFrom[{index}] (key={})", remote.key)
        }
        Entry::Extract { index, .. } => {
            format!("secret does not exist at provider using spec.dataFrom[{index}]")
        }
    }
}

/// The Secret around its contents.
pub(crate) fn finish(wanted: &Wanted, content: Content) -> RenderedSecret {
    let Content { secret_type, mut labels, mut annotations, finalizers, data } = content;
    labels.insert(MANAGED.to_owned(), "true".to_owned());
    if wanted.target.creation == CreationPolicy::Owner {
        labels.insert(CREATED_BY.to_owned(), created_by(&wanted.namespace, &wanted.name));
    }
    annotations.insert(DATA_HASH.to_owned(), data_hash(&data));
    RenderedSecret {
        namespace: wanted.namespace.clone(),
        name: wanted.target.name.clone(),
        secret_type: secret_type.unwrap_or_else(|| "Opaque".to_owned()),
        labels,
        annotations,
        data,
        finalizers,
        immutable: wanted.target.immutable,
    }
}

/// Keys and values of one entry.
fn values(entry: &Entry, fetches: &Fetches) -> Result<BTreeMap<String, SecretValue>, RenderCause> {
    let remote = entry.remote();
    let fetched = match fetches.get(&FetchRequest::from(remote)) {
        None => return Err(RenderCause::NotFetched),
        Some(Err(failure)) => return Err(RenderCause::Store(failure.clone())),
        Some(Ok(fetched)) => fetched.secret.as_ref().ok_or(RenderCause::Missing)?,
    };
    let text =
        std::str::from_utf8(fetched.expose()).map_err(|_| RenderCause::Answer("not UTF-8".to_owned()))?;
    let secret = Raw::parse(text).map_err(|error| RenderCause::Answer(error.to_string()))?;
    if secret.kind() != Kind::Object {
        return Err(RenderCause::Answer(format!("but {:?}", secret.kind())));
    }
    let value = look_up(secret, remote)?;
    match entry {
        Entry::Key { secret_key, .. } => {
            let value = remote.decoding.apply(value).map_err(RenderCause::Decode)?;
            Ok(BTreeMap::from([(secret_key.clone(), allowed(secret_key, value, remote)?)]))
        }
        Entry::Extract { .. } => extract(&value, remote),
    }
}

/// The whole secret as JSON, or the value of its property: a top-level key of exactly that name, else a gjson path.
fn look_up(secret: Raw<'_>, remote: &RemoteRef) -> Result<SecretValue, RenderCause> {
    let Some(property) = &remote.property else {
        return Ok(secret.to_go_json().into());
    };
    if let Some(value) = secret.object().and_then(|object| object.get(property).copied()) {
        return Ok(plain(value));
    }
    let found = gjson::get(secret.to_go_json().as_bytes(), property)?;
    let mut text = found.ok_or_else(|| RenderCause::Property(property.clone()))?.text();
    Ok(SecretValue::new(std::mem::take(&mut *text)))
}

/// A value as the bytes of a Secret: strings without quotes, arrays and objects as compact JSON, `null` as nothing.
fn plain(value: Raw<'_>) -> SecretValue {
    match value.kind() {
        Kind::Array | Kind::Object => value.to_go_json().into(),
        _ => value.decoded().into(),
    }
}

/// Every top-level key of a value that is a JSON object.
fn extract(value: &SecretValue, remote: &RemoteRef) -> Result<BTreeMap<String, SecretValue>, RenderCause> {
    let text = std::str::from_utf8(value.expose()).map_err(|_| RenderCause::NotAnObject)?;
    let object = Raw::parse(text).ok().and_then(Raw::object).ok_or(RenderCause::NotAnObject)?;
    let mut seen = BTreeSet::new();
    let mut out = BTreeMap::new();
    for (name, value) in object {
        let key = remote.conversion.apply(&name);
        if !seen.insert(key.clone()) {
            return Err(RenderCause::Collision(key));
        }
        // An empty name is left out, as the operator does.
        if key.is_empty() {
            continue;
        }
        check_key(&key).map_err(|cause| RenderCause::Key { key: key.clone(), cause })?;
        let decoded = remote.decoding.apply(plain(value));
        let value = decoded.map_err(|cause| RenderCause::DecodeKey { key: key.clone(), cause })?;
        let value = allowed(&key, value, remote)?;
        out.insert(key, value);
    }
    Ok(out)
}

/// The value, unless it has a zero byte that may not be.
fn allowed(key: &str, value: SecretValue, remote: &RemoteRef) -> Result<SecretValue, RenderCause> {
    if remote.null_bytes == NullBytePolicy::Fail && value.expose().contains(&0) {
        return Err(RenderCause::NullByte(key.to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
