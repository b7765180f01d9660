//! Conditions in a status, and when their time of transition moves.

use serde::{Deserialize, Serialize};

use super::time::format_time;

/// The one type of condition that is used.
pub const READY: &str = "Ready";

/// One entry of `status.conditions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, or what others have written.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    #[serde(default)]
    pub reason: String,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// When `status` changed, RFC 3339.
    #[serde(default)]
    pub last_transition_time: String,
}

/// Sets the condition `Ready`; `now` is in seconds since 1970.
///
/// Its time moves only with its status, and a condition that says the same already stays as it is.
pub fn set_condition(conditions: &mut Vec<Condition>, ready: bool, reason: &str, message: &str, now: i64) {
    let status = if ready { "True" } else { "False" };
    let old = conditions.iter().find(|condition| condition.kind == READY);
    let since = old.filter(|old| old.status == status && !old.last_transition_time.is_empty());
    let last_transition_time = since.map_or_else(|| format_time(now), |old| old.last_transition_time.clone());
    let new = Condition {
        kind: READY.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time,
    };
    if old != Some(&new) {
        conditions.retain(|condition| condition.kind != READY);
        conditions.push(new);
    }
}

/// Whether the condition `Ready` is `True`.
pub(super) fn is_ready(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| condition.kind == READY && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_only_with_the_status() {
        let other = Condition { kind: "Deleted".into(), status: "False".into(), ..Condition::default() };
        let mut conditions = vec![other.clone()];
        let steps = [
            (true, "SecretSynced", "secret synced", 10, "1970-01-01T00:00:10Z"),
            (true, "SecretSynced", "secret synced", 20, "1970-01-01T00:00:10Z"),
            (true, "SecretSynced", "secret retained", 30, "1970-01-01T00:00:10Z"),
            (false, "SecretSyncedError", "x", 40, "1970-01-01T00:00:40Z"),
            (false, "SecretSyncedError", "y", 50, "1970-01-01T00:00:40Z"),
            (true, "SecretSynced", "secret synced", 60, "1970-01-01T00:01:00Z"),
        ];
        for (ready, reason, message, now, since) in steps {
            set_condition(&mut conditions, ready, reason, message, now);
            assert_eq!(conditions.len(), 2);
            assert_eq!(conditions.first(), Some(&other));
            let last = conditions.last().unwrap();
            assert_eq!((last.reason.as_str(), last.message.as_str()), (reason, message));
            assert_eq!(last.last_transition_time, since, "{message} at {now}");
            assert_eq!(is_ready(&conditions), ready);
        }
    }
}
