//! A Secret as the API shows it, which parts of it are ours, and its body to write.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};
use syncer_template::SecretValue;
use zeroize::Zeroizing;

use super::manager::field_managers;
use super::observe::{Meta, ObserveError, or_default, plain, read_meta};
use crate::existing::ExistingSecret;
use crate::render::RenderedSecret;

/// One of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// API group and version of the owner.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Whether it alone controls the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether it may not go before the Secret in a foreground deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl Owner {
    /// Whether it is an ExternalSecret, of any version.
    pub fn is_external_secret(&self) -> bool {
        self.kind == "ExternalSecret" && self.api_version.starts_with("external-secrets.io/")
    }
}

/// The target as the API shows it. Not comparable, because it holds secrets.
#[derive(Clone)]
pub struct TargetSecret {
    /// Its metadata.
    pub meta: Meta,
    /// Its owners.
    pub owners: Vec<Owner>,
    /// Its contents, and which of them an earlier write of ours put there.
    pub existing: ExistingSecret,
}

// Names only: a key's name may be shown, its value never.
impl fmt::Debug for TargetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetSecret")
            .field("namespace", &self.meta.namespace)
            .field("name", &self.meta.name)
            .finish_non_exhaustive()
    }
}

/// A value of `data`, decoded while it is read so that no other copy of it is made.
struct Decoded(SecretValue);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Decoded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Base64")
            }

            fn visit_unit<E>(self) -> Result<Decoded, E> {
                Ok(Decoded(SecretValue::default()))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decoded, E> {
                let bytes = STANDARD.decode(text).map_err(|_| E::custom("not Base64"))?;
                Ok(Decoded(SecretValue::new(bytes)))
            }
        }
        deserializer.deserialize_any(Base64)
    }
}

#[derive(Deserialize)]
struct Wire {
    metadata: MetaWire,
    #[serde(rename = "type", default)]
    secret_type: String,
    #[serde(default)]
    immutable: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    data: BTreeMap<String, Decoded>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaWire {
    #[serde(default, deserialize_with = "or_default")]
    owner_references: Vec<Owner>,
    #[serde(default, deserialize_with = "or_default")]
    managed_fields: Vec<ManagedWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedWire {
    #[serde(default)]
    manager: String,
    #[serde(default, rename = "fieldsV1", deserialize_with = "or_default")]
    fields: FieldsWire,
}

type Names = BTreeMap<String, IgnoredAny>;

#[derive(Default, Deserialize)]
struct FieldsWire {
    #[serde(default, rename = "f:data")]
    data: Names,
    #[serde(default, rename = "f:metadata")]
    metadata: MetaFieldsWire,
}

#[derive(Default, Deserialize)]
struct MetaFieldsWire {
    #[serde(default, rename = "f:labels")]
    labels: Names,
    #[serde(default, rename = "f:annotations")]
    annotations: Names,
}

/// Reads the target of the ExternalSecret `owner` (its name).
///
/// # Errors
/// [`ObserveError`] if it is no Secret of the API.
pub fn read_secret(json: &[u8], owner: &str) -> Result<TargetSecret, ObserveError> {
    let meta = read_meta(json)?;
    let wire: Wire = serde_json::from_slice(json).map_err(plain)?;
    let mut existing = ExistingSecret {
        secret_type: wire.secret_type,
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        data: wire.data.into_iter().map(|(key, value)| (key, value.0)).collect(),
        finalizers: meta.finalizers.clone(),
        immutable: wire.immutable.unwrap_or(false),
        ..ExistingSecret::default()
    };
    let managers = field_managers(owner);
    for entry in wire.metadata.managed_fields.iter().filter(|entry| managers.contains(&entry.manager)) {
        existing.our_keys.extend(names(&entry.fields.data));
        existing.our_labels.extend(names(&entry.fields.metadata.labels));
        existing.our_annotations.extend(names(&entry.fields.metadata.annotations));
    }
    Ok(TargetSecret { meta, owners: wire.metadata.owner_references, existing })
}

fn names(fields: &Names) -> BTreeSet<String> {
    fields.keys().filter_map(|field| field.strip_prefix("f:")).map(str::to_owned).collect()
}

/// Reads the texts of a ConfigMap.
///
/// # Errors
/// [`ObserveError`] if it is no ConfigMap of the API.
pub fn read_config_map(json: &[u8]) -> Result<BTreeMap<String, SecretValue>, ObserveError> {
    #[derive(Deserialize)]
    struct Only {
        #[serde(default, deserialize_with = "or_default")]
        data: BTreeMap<String, String>,
    }
    let Only { data } = serde_json::from_slice(json).map_err(plain)?;
    Ok(data.into_iter().map(|(key, text)| (key, SecretValue::new(text.into_bytes()))).collect())
}

/// Reads the values of a Secret that holds a credential of a store, or templates.
///
/// # Errors
/// [`ObserveError`] if it is no Secret of the API.
pub fn read_source_secret(json: &[u8]) -> Result<BTreeMap<String, SecretValue>, ObserveError> {
    let wire: Wire = serde_json::from_slice(json).map_err(plain)?;
    Ok(wire.data.into_iter().map(|(key, value)| (key, value.0)).collect())
}

/// A Secret as an object to create, or with the metadata of the one that is there (`old`) to replace it.
pub fn secret_body(secret: &RenderedSecret, owners: &[Owner], old: Option<&Meta>) -> Zeroizing<String> {
    // Large enough from the start, so that no copy stays behind in memory.
    let size: usize = secret.data.iter().map(|(key, value)| key.len() + value.len() * 4 / 3 + 16).sum();
    let mut out = Zeroizing::new(String::with_capacity(size + 64 * 1024));
    out.push_str(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"#);
    field(&mut out, "namespace", &secret.namespace);
    field(&mut out, "name", &secret.name);
    if let Some(old) = old {
        field(&mut out, "resourceVersion", &old.resource_version);
        field(&mut out, "uid", &old.uid);
    }
    let kept = old.map(|old| old.finalizers.as_slice()).unwrap_or_default();
    let new = secret.finalizers.iter().filter(|it| !kept.contains(it));
    let finalizers: Vec<&String> = kept.iter().chain(new).collect();
    if !finalizers.is_empty() {
        field(&mut out, "finalizers", &finalizers);
    }
    field(&mut out, "labels", &secret.labels);
    field(&mut out, "annotations", &secret.annotations);
    field(&mut out, "ownerReferences", &owners);
    // The last comma belongs to nothing.
    out.pop();
    out.push_str("},");
    field(&mut out, "type", &secret.secret_type);
    if secret.immutable {
        field(&mut out, "immutable", &true);
    }
    out.push_str(r#""data":{"#);
    for (at, (key, value)) in secret.data.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        json(&mut out, key);
        out.push_str(":\"");
        STANDARD.encode_string(value.expose(), &mut out);
        out.push('"');
    }
    out.push_str("}}");
    out
}

fn field(out: &mut String, name: &str, value: &impl Serialize) {
    json(out, &name);
    out.push(':');
    json(out, value);
    out.push(',');
}

/// Texts, lists and maps of texts always have a form in JSON.
fn json(out: &mut String, value: &impl Serialize) {
    out.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
}

#[cfg(test)]
pub(super) mod tests;
