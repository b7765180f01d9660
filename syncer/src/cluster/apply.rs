//! Does what was decided for one ExternalSecret, in a fixed order: target, orphans, status, events, release.

use std::sync::Arc;

use http::Method;
use serde_json::json;
use syncer_core::cluster::{
    Actions, COMPONENT, ExternalSecret, Involved, Lane, Moment, Outcome, READY, Requeue, SecretAction,
    TargetSecret, Triage, field_manager, finalizer_patch, read_meta, read_secret_row, status_patch,
    write_failed,
};
use zeroize::Zeroizing;

use super::api::{ApiError, Kind, Sent, part};
use super::metrics::Controller;
use super::state::{Key, Shared};

/// The path of an ExternalSecret.
pub fn object_path(namespace: &str, name: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{}/externalsecrets/{}", part(namespace), part(name))
}

/// The path of a Secret.
pub fn secret_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/secrets/{}", part(namespace), part(name))
}

/// Puts the finalizer on an object that lacks it.
///
/// # Errors
/// [`ApiError`].
pub async fn finalizer(shared: &Shared, object: &mut ExternalSecret) -> Result<(), ApiError> {
    let Some(patch) = finalizer_patch(object) else { return Ok(()) };
    let path = object_path(&object.meta.namespace, &object.meta.name);
    let answer = shared.api.patch(&path, &patch).await?;
    let not_understood = |error: syncer_core::cluster::ObserveError| ApiError::Unavailable(error.to_string());
    object.meta = read_meta(&answer).map_err(not_understood)?;
    Ok(())
}

/// Puts the managed label on a target.
///
/// # Errors
/// [`ApiError`].
pub async fn adopt(shared: &Shared, owner: &str, target: &TargetSecret, patch: &str) -> Result<(), ApiError> {
    let path = secret_path(&target.meta.namespace, &target.meta.name);
    let path = format!("{path}?fieldManager={}", part(&field_manager(owner)));
    shared.api.patch(&path, patch).await.map(drop)
}

/// What was applied.
pub struct Applied {
    /// When to look again.
    pub outcome: Outcome,
    /// Whether the target was written.
    pub written: bool,
    /// Whether it failed.
    pub failed: bool,
}

/// Does everything. What cannot be written because it changed meanwhile is decided anew soon.
///
/// # Errors
/// [`ApiError`] when a step fails that says nothing about the object.
pub async fn all(
    shared: &Shared,
    seen: &Triage<'_>,
    mut actions: Actions,
    moment: &Moment,
) -> Result<Applied, ApiError> {
    let object = seen.object;
    let (what, written) = match &actions.secret {
        SecretAction::None => ("update", Ok(false)),
        SecretAction::Delete { .. } => ("delete", target(shared, seen, &actions.secret).await),
        _ => ("update", target(shared, seen, &actions.secret).await),
    };
    let written = match written {
        Ok(written) => written,
        Err(ApiError::Refused { message, .. } | ApiError::NotFound(message)) => {
            actions = write_failed(seen, what, &message, moment.now);
            false
        }
        Err(error) => return Err(error),
    };
    for (name, uid) in &actions.orphans {
        delete_secret(shared, object, name, json!({ "uid": uid })).await?;
    }
    status(shared, object, &actions, moment).await?;
    let involved = involved(object);
    for event in std::mem::take(&mut actions.events) {
        tracing::debug!(object = %key_of(object), reason = event.reason, "{}", event.message);
        shared.events.tell(&involved, event, COMPONENT);
    }
    if let Some(patch) = &actions.release {
        match shared.api.patch(&object_path(&object.meta.namespace, &object.meta.name), patch).await {
            Ok(_) | Err(ApiError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let outcome = match actions.requeue {
        Requeue::Never => Outcome::Settled,
        Requeue::After(wait) => Outcome::After(wait),
        Requeue::Failed => shared.failed(),
    };
    if actions.synced || actions.failed {
        let name = (object.meta.namespace.as_str(), object.meta.name.as_str());
        shared.metrics.synced(name, actions.failed);
    }
    if actions.synced {
        shared.state().index.set_last_sync(&key_of(object), moment.now);
    }
    Ok(Applied { outcome, written, failed: actions.failed })
}

/// The key of an object in queue and index.
pub fn key_of(object: &ExternalSecret) -> Key {
    Arc::from(format!("{}/{}", object.meta.namespace, object.meta.name))
}

fn involved(object: &ExternalSecret) -> Involved {
    Involved {
        kind: "ExternalSecret",
        namespace: object.meta.namespace.clone(),
        name: object.meta.name.clone(),
        uid: object.meta.uid.clone(),
    }
}

/// Writes or deletes the target.
///
/// # Returns
/// Whether values were written.
async fn target(shared: &Shared, seen: &Triage<'_>, action: &SecretAction) -> Result<bool, ApiError> {
    let (namespace, name) = (&seen.object.meta.namespace, &seen.object.intent.target);
    let manager = part(&field_manager(&seen.object.meta.name));
    let send = |method: Method, path: String, body: &Zeroizing<String>| {
        let body: Sent = Some((Kind::Json, body.clone()));
        async move { shared.api.call(method, &format!("{path}?fieldManager={manager}"), body).await }
    };
    let answer = match action {
        SecretAction::None => return Ok(false),
        SecretAction::Create(body) => {
            let path = format!("/api/v1/namespaces/{}/secrets", part(namespace));
            send(Method::POST, path, body).await?
        }
        SecretAction::Update(body) => match send(Method::PUT, secret_path(namespace, name), body).await {
            // It was deleted meanwhile.
            Err(ApiError::NotFound(message)) => return Err(ApiError::Conflict(message)),
            other => other?,
        },
        SecretAction::Delete { uid, resource_version } => {
            let exactly = json!({ "uid": uid, "resourceVersion": resource_version });
            delete_secret(shared, seen.object, name, exactly).await?;
            return Ok(false);
        }
    };
    // The watch will bring this form of it too; it is known then. Others with the same target look at it now.
    if let Ok((_, row)) = read_secret_row(&answer) {
        let keys = shared.state().index.note_secret(&Key::from(format!("{namespace}/{name}")), row);
        queue_others(shared, seen.object, keys);
    }
    Ok(true)
}

fn queue_others(shared: &Shared, object: &ExternalSecret, keys: Vec<Key>) {
    let own = key_of(object);
    shared.queue(keys.into_iter().filter(|key| *key != own), Lane::Fresh);
}

async fn delete_secret(
    shared: &Shared,
    object: &ExternalSecret,
    name: &str,
    exactly: serde_json::Value,
) -> Result<(), ApiError> {
    let body = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": exactly });
    let body = Some((Kind::Json, Zeroizing::new(body.to_string())));
    let namespace = &object.meta.namespace;
    match shared.api.call(Method::DELETE, &secret_path(namespace, name), body).await {
        Ok(_) | Err(ApiError::NotFound(_)) => {
            let keys = shared.state().index.secret_gone(&Key::from(format!("{namespace}/{name}")));
            queue_others(shared, object, keys);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn status(
    shared: &Shared,
    object: &ExternalSecret,
    actions: &Actions,
    moment: &Moment,
) -> Result<(), ApiError> {
    let (namespace, name) = (object.meta.namespace.as_str(), object.meta.name.as_str());
    let known = actions.status.as_ref().unwrap_or(&object.status);
    if let Some(condition) = known.conditions.iter().find(|condition| condition.kind == READY) {
        shared.metrics.ready(Controller::ExternalSecret, (namespace, name), condition.status == "True");
    }
    let Some(status) = &actions.status else { return Ok(()) };
    let Some(patch) = status_patch(object, status, moment.refresh_time_age) else { return Ok(()) };
    shared.api.patch(&format!("{}/status", object_path(namespace, name)), &patch).await.map(drop)
}
