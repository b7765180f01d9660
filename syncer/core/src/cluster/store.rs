//! A store in a cluster: what it is, whether an ExternalSecret may use it, and what its validation means.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::condition::{Condition, READY, is_ready, set_condition};
use super::event::Event;
use super::observe::{Meta, ObserveError, or_default, plain};
use super::store_spec::{self, Conditions, StoreSpec};
use super::text::set;
use crate::duration::parse_duration;
use crate::fetch::{FetchFailure, Fetches};
use crate::wanted::{StoreKind, StoreRef, Wanted};

/// A SecretStore or ClusterSecretStore as the API shows it.
#[derive(Clone, Debug)]
pub struct ClusterStore {
    /// Its kind.
    pub kind: StoreKind,
    /// Its metadata.
    pub meta: Meta,
    /// The class of controller that it belongs to; empty for any.
    pub class: String,
    /// How often it is validated, if it says.
    pub interval: Option<Duration>,
    /// Its status.
    pub status: StoreStatus,
    /// Which namespaces may use it.
    pub conditions: Conditions,
    /// Its provider, or every field that is wrong or has no support.
    pub spec: Result<StoreSpec, Vec<String>>,
}

/// `status` of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StoreStatus {
    /// Its conditions.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// What its provider can do.
    #[serde(deserialize_with = "or_default")]
    pub capabilities: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "apiVersion", default)]
    api_version: String,
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default, deserialize_with = "or_default")]
    status: StoreStatus,
}

/// Reads a store of this kind as the API gives it.
///
/// # Errors
/// [`ObserveError`] if it is no object of the API; a `spec` that is not understood is data, not an error.
pub fn read_store(json: &[u8], kind: StoreKind) -> Result<ClusterStore, ObserveError> {
    let wire: Wire = serde_json::from_slice(json).map_err(plain)?;
    let text = |field: &str| wire.spec.get(field).and_then(Value::as_str);
    let interval = match wire.spec.get("refreshInterval") {
        Some(Value::Number(seconds)) => seconds.as_u64().map(Duration::from_secs),
        _ => text("refreshInterval").and_then(|text| parse_duration(text).ok()),
    };
    let class = text("controller").unwrap_or_default().to_owned();
    let read = store_spec::read(&wire.api_version, kind.as_str(), &wire.metadata, &wire.spec);
    let (spec, conditions) = match read {
        Ok((spec, conditions)) => (Ok(spec), conditions),
        Err(problems) => (Err(problems), Conditions::default()),
    };
    Ok(ClusterStore {
        kind,
        meta: wire.metadata,
        class,
        interval: interval.filter(|interval| !interval.is_zero()),
        status: wire.status,
        conditions,
        spec,
    })
}

impl ClusterStore {
    /// Whether it belongs to controllers of this class.
    pub fn is_of_class(&self, class: &str) -> bool {
        self.class.is_empty() || self.class == class
    }

    /// Whether its condition `Ready` is `True`.
    pub fn is_ready(&self) -> bool {
        is_ready(&self.status.conditions)
    }
}

/// Whether a store may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It belongs to another controller: the object is left alone, without a word.
    Skip,
    /// It may not, and why.
    Closed(String),
}

/// Decides whether an ExternalSecret in `namespace` may use the store that it refers to. `flood_gate` demands that the
/// store is ready. `labels` are the namespace's, see [`Conditions::needs_labels`].
pub fn gate(
    reference: &StoreRef,
    store: Option<&ClusterStore>,
    (namespace, labels): (&str, &BTreeMap<String, String>),
    class: &str,
    flood_gate: bool,
) -> Gate {
    let (kind, name) = (reference.kind.as_str(), reference.name.as_str());
    let Some(store) = store else {
        return Gate::Closed(format!(
            "could not get {kind} {name:?}, {kind}.external-secrets.io {name:?} not found"
        ));
    };
    if !store.is_of_class(class) {
        return Gate::Skip;
    }
    if store.kind == StoreKind::ClusterSecretStore && !store.conditions.allow(namespace, labels) {
        return Gate::Closed(format!(
            "using cluster store {name:?} is not allowed from namespace {namespace:?}: denied by spec.condition"
        ));
    }
    if flood_gate && !store.is_ready() {
        return Gate::Closed(format!("{kind} {name:?} is not ready"));
    }
    match &store.spec {
        Ok(_) => Gate::Open,
        Err(problems) => Gate::Closed(format!("{kind} {name:?}: {}", problems.join("; "))),
    }
}

/// The answers of a store that may not be asked.
pub fn refuse_all(wanted: &Wanted, why: &str) -> Fetches {
    let failure = |request| (request, Err(FetchFailure { message: why.to_owned() }));
    wanted.requests().into_iter().map(failure).collect()
}

/// What came of a validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    /// Its server knows who we are, or each namespace has an identity of its own, so that nothing can be said.
    Valid,
    /// What it needs in the cluster is not there.
    NoClient(String),
    /// Its server does not know us or cannot be reached.
    Refused(String),
}

/// What to write after a validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreChange {
    /// The new status, if it differs.
    pub status: Option<StoreStatus>,
    /// What to tell, when the condition changed.
    pub event: Option<Event>,
    /// Whether it is ready.
    pub ready: bool,
}

/// Decides what to write after a validation; `now` is in seconds since 1970.
pub fn plan_store(store: &ClusterStore, validation: &Validation, now: i64) -> StoreChange {
    let (ready, message, text) = match validation {
        Validation::Valid => (true, "store validated".to_owned(), "store validated".to_owned()),
        Validation::Refused(text) => (false, "unable to validate store".to_owned(), text.clone()),
        Validation::NoClient(text) => {
            let unsupported = store.spec.as_ref().err().map(|problems| problems.join("; "));
            (false, unsupported.unwrap_or_else(|| "unable to create client".to_owned()), text.clone())
        }
    };
    let reason = if ready { "Valid" } else { "InvalidProviderConfig" };
    let mut status = store.status.clone();
    set_condition(&mut status.conditions, ready, reason, &message, now);
    if ready {
        "ReadWrite".clone_into(&mut status.capabilities);
    }
    let condition =
        |status: &StoreStatus| status.conditions.iter().find(|condition| condition.kind == READY).cloned();
    let changed = condition(&status) != condition(&store.status);
    StoreChange {
        event: changed.then_some(Event { warning: !ready, reason, message: text }),
        status: (status != store.status).then_some(status),
        ready,
    }
}

/// The merge patch of a store's status; it fails if the store changed since it was read.
pub fn store_status_patch(store: &ClusterStore, status: &StoreStatus) -> String {
    let mut fields = json!({ "conditions": status.conditions });
    if !status.capabilities.is_empty() {
        set(&mut fields, "capabilities", json!(status.capabilities));
    }
    json!({ "metadata": { "resourceVersion": store.meta.resource_version }, "status": fields }).to_string()
}

impl std::fmt::Display for ClusterStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.as_str())?;
        f.write_char(' ')?;
        if !self.meta.namespace.is_empty() {
            write!(f, "{}/", self.meta.namespace)?;
        }
        f.write_str(&self.meta.name)
    }
}

#[cfg(test)]
mod tests;
