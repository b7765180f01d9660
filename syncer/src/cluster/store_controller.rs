//! Validates stores: at once when they change, then at intervals; their condition opens and closes the gate.

use std::sync::Arc;

use syncer_core::StoreKind;
use syncer_core::cluster::{
    ClusterStore, Involved, Outcome, StoreKey, Taken, Validation, plan_store, store_status_patch,
};

use super::api::{ApiError, part};
use super::clock;
use super::provider::NoSession;
use super::state::{Shared, controller_of};
use crate::clock::Stopwatch;

/// Validates a store and writes what came of it.
pub async fn reconcile(shared: Arc<Shared>, taken: Taken<StoreKey>) -> Outcome {
    let watch = Stopwatch::start();
    let key = &taken.key;
    let Some(store) = shared.state().known.get(key).cloned() else { return Outcome::Settled };
    if !store.is_of_class(&shared.config.class) {
        return Outcome::Settled;
    }
    let validation = validate(&shared, &store).await;
    let change = plan_store(&store, &validation, clock::seconds());
    let name = (&*key.namespace, &*key.name);
    shared.metrics.ready(controller_of(key.kind), name, change.ready);
    let outcome = match write(&shared, &store, &change).await {
        Ok(()) if change.ready => {
            shared.changes.meet(&shared, &store).await;
            Outcome::After(store.interval.unwrap_or(shared.config.store_interval))
        }
        Ok(()) => shared.failed(),
        // The watch brings the form that it has now.
        Err(ApiError::NotFound(_)) => Outcome::Settled,
        Err(error) => {
            tracing::debug!(%store, "the status is not written: {error}");
            shared.failed()
        }
    };
    shared.metrics.reconciled(controller_of(key.kind), name, watch.now(), !change.ready);
    outcome
}

async fn validate(shared: &Shared, store: &ClusterStore) -> Validation {
    let spec = match &store.spec {
        Ok(spec) => spec,
        Err(problems) => return Validation::NoClient(problems.join("; ")),
    };
    // Each namespace has its own identity: nothing can be said of all.
    if store.kind == StoreKind::ClusterSecretStore && spec.is_referent() {
        return Validation::Valid;
    }
    match shared.provider.validate(store, spec).await {
        Ok(()) => Validation::Valid,
        Err(NoSession::NoClient(text)) => Validation::NoClient(text),
        Err(NoSession::Refused(text)) => Validation::Refused(text),
    }
}

async fn write(
    shared: &Shared,
    store: &ClusterStore,
    change: &syncer_core::cluster::StoreChange,
) -> Result<(), ApiError> {
    let (kind, component) = match store.kind {
        StoreKind::SecretStore => ("SecretStore", "secret-store"),
        StoreKind::ClusterSecretStore => ("ClusterSecretStore", "cluster-secret-store"),
    };
    if let Some(status) = &change.status {
        let patch = store_status_patch(store, status);
        shared.api.patch(&format!("{}/status", path(store)), &patch).await?;
    }
    if let Some(event) = change.event.clone() {
        if event.warning {
            tracing::warn!(%store, reason = event.reason, "{}", event.message);
        } else {
            tracing::info!(%store, reason = event.reason, "{}", event.message);
        }
        let involved = Involved {
            kind,
            namespace: store.meta.namespace.clone(),
            name: store.meta.name.clone(),
            uid: store.meta.uid.clone(),
        };
        shared.events.tell(&involved, event, component);
    }
    Ok(())
}

fn path(store: &ClusterStore) -> String {
    let name = part(&store.meta.name);
    match store.kind {
        StoreKind::ClusterSecretStore => {
            format!("/apis/external-secrets.io/v1/clustersecretstores/{name}")
        }
        StoreKind::SecretStore => {
            let namespace = part(&store.meta.namespace);
            format!("/apis/external-secrets.io/v1/namespaces/{namespace}/secretstores/{name}")
        }
    }
}
