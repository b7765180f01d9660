//! An ExternalSecret as the API shows it: its metadata, its status, and what it asks for or why that is not clear.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::condition::Condition;
use super::time::parse_time;
use crate::crd;
use crate::hash::synced_resource_version;
use crate::manifest::{ObjectName, Origin};
use crate::schema::{Findings, check};
use crate::wanted::{self, CreationPolicy, DeletionPolicy, StoreKind, StoreRef, Wanted};
use crate::yaml::{Kind, Node};

/// What the API says of an object that is none.
#[derive(Debug, thiserror::Error)]
#[error("the server's object cannot be read: {0}")]
pub struct ObserveError(pub(super) String);

/// `metadata` of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Its namespace; empty for objects of the cluster.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: another one is another object.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
    /// Changes with `spec`.
    #[serde(default)]
    pub generation: u64,
    /// Its labels.
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// What must happen before it may go.
    #[serde(default, deserialize_with = "or_default")]
    pub finalizers: Vec<String>,
    /// When its deletion was asked for.
    #[serde(default)]
    pub deletion_timestamp: Option<String>,
}

impl Meta {
    /// What `status.syncedResourceVersion` is once this form of the object is served.
    pub fn synced_version(&self) -> String {
        synced_resource_version(self.generation, &self.annotations, &self.labels)
    }
}

/// `null` counts as absent, as in Go.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `status` of an ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The last success, in seconds since 1970.
    pub refresh_time: Option<i64>,
    /// For which form of the object that was; empty for none.
    pub synced_version: String,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The Secret that others may bind to; empty for none.
    pub binding: String,
}

/// What an ExternalSecret says of its target and its store, as far as that can be told although other fields are not
/// understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Name of the target.
    pub target: String,
    /// `spec.target.creationPolicy`.
    pub creation: CreationPolicy,
    /// `spec.target.deletionPolicy`.
    pub deletion: DeletionPolicy,
    /// `spec.secretStoreRef`.
    pub store: Option<StoreRef>,
    /// Whether the target is another kind than a Secret.
    pub generic: bool,
}

/// An ExternalSecret as the API shows it.
#[derive(Clone, Debug)]
pub struct ExternalSecret {
    /// Its metadata.
    pub meta: Meta,
    /// Its status.
    pub status: Status,
    /// Target and store.
    pub intent: Intent,
    /// What it asks for, or every field that is wrong or has no support, each with what to do.
    pub wanted: Result<Wanted, Vec<String>>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "apiVersion", default)]
    api_version: String,
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default, deserialize_with = "or_default")]
    status: StatusWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StatusWire {
    refresh_time: Option<String>,
    #[serde(deserialize_with = "or_default")]
    synced_resource_version: String,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_default")]
    binding: Binding,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Binding {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

/// Reads an ExternalSecret as the API gives it.
///
/// # Errors
/// [`ObserveError`] if it is no object of the API; a `spec` that is not understood is data, not an error.
pub fn read_external_secret(json: &[u8]) -> Result<ExternalSecret, ObserveError> {
    let wire: Wire = serde_json::from_slice(json).map_err(plain)?;
    let intent = read_intent(&wire.spec, &wire.metadata.name);
    let wanted = read_wanted(&wire);
    Ok(ExternalSecret { meta: wire.metadata, status: wire.status.into(), intent, wanted })
}

/// The same without understanding all of `spec`.
pub(super) fn read_external_secret_parts(json: &[u8]) -> Result<(Meta, Intent, Status), ObserveError> {
    let wire: Wire = serde_json::from_slice(json).map_err(plain)?;
    let intent = read_intent(&wire.spec, &wire.metadata.name);
    Ok((wire.metadata, intent, wire.status.into()))
}

impl From<StatusWire> for Status {
    fn from(wire: StatusWire) -> Self {
        Self {
            refresh_time: wire.refresh_time.as_deref().and_then(parse_time),
            synced_version: wire.synced_resource_version,
            conditions: wire.conditions,
            binding: wire.binding.name,
        }
    }
}

/// Reads the metadata of any object.
///
/// # Errors
/// [`ObserveError`] if it is no object of the API.
pub fn read_meta(json: &[u8]) -> Result<Meta, ObserveError> {
    #[derive(Deserialize)]
    struct Only {
        metadata: Meta,
    }
    serde_json::from_slice::<Only>(json).map(|only| only.metadata).map_err(plain)
}

/// The message of a JSON error, which names types and places but no values.
pub(super) fn plain(error: serde_json::Error) -> ObserveError {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field has another type than in the API",
        _ => "not JSON",
    };
    ObserveError(format!("{kind}, at line {} column {}", error.line(), error.column()))
}

fn read_intent(spec: &Value, own_name: &str) -> Intent {
    let target = spec.get("target");
    let text = |field: &str| target.and_then(|target| target.get(field)).and_then(Value::as_str);
    let store = spec.get("secretStoreRef").and_then(|store| {
        let field = |name: &str| store.get(name).and_then(Value::as_str);
        let name = field("name").filter(|name| !name.is_empty())?.to_owned();
        let cluster = field("kind") == Some("ClusterSecretStore");
        Some(StoreRef {
            kind: if cluster { StoreKind::ClusterSecretStore } else { StoreKind::SecretStore },
            name,
        })
    });
    Intent {
        target: text("name").filter(|name| !name.is_empty()).unwrap_or(own_name).to_owned(),
        creation: match text("creationPolicy") {
            Some("Orphan") => CreationPolicy::Orphan,
            Some("Merge") => CreationPolicy::Merge,
            Some("CreateOrMerge") => CreationPolicy::CreateOrMerge,
            Some("None") => CreationPolicy::None,
            _ => CreationPolicy::Owner,
        },
        deletion: match text("deletionPolicy") {
            Some("Delete") => DeletionPolicy::Delete,
            Some("Merge") => DeletionPolicy::Merge,
            _ => DeletionPolicy::Retain,
        },
        store,
        generic: target.and_then(|target| target.get("manifest")).is_some_and(|it| !it.is_null()),
    }
}

/// Reads `spec` with the reader that reads manifests.
fn read_wanted(wire: &Wire) -> Result<Wanted, Vec<String>> {
    let meta = &wire.metadata;
    let name = ObjectName {
        kind: "ExternalSecret".to_owned(),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
    };
    let origin = Origin { file: String::new(), document: 1, line: 1 };
    let mut findings = Findings::default();
    let document = document(&wire.api_version, &name, meta, node(&wire.spec));
    check(
        &document,
        &crd::EXTERNAL_SECRET,
        "",
        "not supported yet; the Secret was not written",
        &mut findings,
    );
    let wanted =
        if findings.0.is_empty() { wanted::read(&document, &name, &origin, &mut findings) } else { None };
    match wanted {
        Some(wanted) if findings.0.is_empty() => Ok(wanted),
        _ => Err(problems(&findings)),
    }
}

/// What was found, each as `field: what to do`.
pub(super) fn problems(findings: &Findings) -> Vec<String> {
    findings.0.iter().map(|finding| format!("{}: {}", finding.field, finding.message)).collect()
}

/// The tree that the readers of manifests read, without what only the API adds.
pub(super) fn document(api_version: &str, name: &ObjectName, meta: &Meta, spec: Node) -> Node {
    let texts = |map: &BTreeMap<String, String>| {
        at_one(Kind::Map(map.iter().map(|(key, value)| (key.clone(), text(value))).collect()))
    };
    let metadata = vec![
        ("name".to_owned(), text(&name.name)),
        ("namespace".to_owned(), text(&name.namespace)),
        ("labels".to_owned(), texts(&meta.labels)),
        ("annotations".to_owned(), texts(&meta.annotations)),
    ];
    at_one(Kind::Map(vec![
        ("apiVersion".to_owned(), text(api_version)),
        ("kind".to_owned(), text(&name.kind)),
        ("metadata".to_owned(), at_one(Kind::Map(metadata))),
        ("spec".to_owned(), spec),
    ]))
}

fn text(text: &str) -> Node {
    at_one(Kind::Text(Zeroizing::new(text.to_owned())))
}

fn at_one(kind: Kind) -> Node {
    Node { line: 1, kind }
}

/// JSON as the tree that the readers of manifests read.
pub(super) fn node(value: &Value) -> Node {
    at_one(match value {
        Value::Null => Kind::Null,
        Value::Bool(flag) => Kind::Bool(*flag),
        Value::Number(number) => Kind::Number(number.to_string()),
        Value::String(text) => Kind::Text(Zeroizing::new(text.clone())),
        Value::Array(items) => Kind::List(items.iter().map(node).collect()),
        Value::Object(fields) => {
            Kind::Map(fields.iter().map(|(name, value)| (name.clone(), node(value))).collect())
        }
    })
}

#[cfg(test)]
pub(super) mod tests;
