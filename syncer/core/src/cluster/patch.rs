//! Merge patches of an ExternalSecret and its target; each fails if the object changed since it was read.

use serde_json::json;

use super::observe::{ExternalSecret, Status};
use super::secret::TargetSecret;
use super::text::set;
use super::time::format_time;
use crate::render::MANAGED;

/// Keeps an ExternalSecret until its target is cleaned up.
pub const FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";

/// The merge patch that puts the finalizer on an object; `None` if it has it or is being deleted. It fails if the
/// object changed since it was read.
pub fn finalizer_patch(object: &ExternalSecret) -> Option<String> {
    let meta = &object.meta;
    if meta.deletion_timestamp.is_some() || meta.finalizers.iter().any(|it| it == FINALIZER) {
        return None;
    }
    let finalizers: Vec<&str> = meta.finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
    Some(finalizers_patch(&meta.resource_version, &finalizers))
}

/// The merge patch that puts the finalizer on an object that has none; it fails if this is not its version any more.
pub fn first_finalizer_patch(version: &str) -> String {
    finalizers_patch(version, &[FINALIZER])
}

pub(super) fn finalizers_patch(version: &str, finalizers: &[&str]) -> String {
    json!({ "metadata": { "resourceVersion": version, "finalizers": finalizers } }).to_string()
}

/// The merge patch that puts the managed label on a target.
pub fn adopt_patch(target: &TargetSecret) -> String {
    let version = &target.meta.resource_version;
    json!({ "metadata": { "resourceVersion": version, "labels": { MANAGED: "true" } } }).to_string()
}

/// The merge patch of an object's status; `None` if it says so already, apart from a time of refresh that is not older
/// than `refresh_time_age`. It fails if the object changed since it was read.
pub fn status_patch(object: &ExternalSecret, status: &Status, refresh_time_age: i64) -> Option<String> {
    let old = &object.status;
    let same = old.conditions == status.conditions
        && old.binding == status.binding
        && old.synced_version == status.synced_version;
    let fresh = match (old.refresh_time, status.refresh_time) {
        (Some(old), Some(new)) => old == new || (0..refresh_time_age).contains(&(new - old)),
        (old, new) => old == new,
    };
    if same && fresh {
        return None;
    }
    let mut fields = json!({ "conditions": status.conditions, "binding": { "name": status.binding } });
    if let Some(time) = status.refresh_time {
        set(&mut fields, "refreshTime", json!(format_time(time)));
    }
    if !status.synced_version.is_empty() {
        set(&mut fields, "syncedResourceVersion", json!(status.synced_version));
    }
    let version = &object.meta.resource_version;
    Some(json!({ "metadata": { "resourceVersion": version }, "status": fields }).to_string())
}
