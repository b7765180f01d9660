//! Leader election over a Lease of the API, as other controllers do it; time is an argument.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::text::set;
use super::time::format_micro_time;

/// The times of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long a leader that is not heard of still counts.
    pub duration: Duration,
    /// How long a leader tries to renew before it gives up.
    pub renew_deadline: Duration,
    /// Time between two looks.
    pub retry: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { duration: seconds(15), renew_deadline: seconds(10), retry: seconds(2) }
    }
}

/// A Lease as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Who holds it; empty for nobody.
    pub holder: String,
    /// How long the holder counts after it was last heard of.
    pub duration: Duration,
    /// When the holder took it, as it wrote it.
    pub acquire_time: Option<String>,
    /// When the holder renewed it, as it wrote it.
    pub renew_time: Option<String>,
    /// How often the holder changed.
    pub transitions: u64,
}

#[derive(Deserialize)]
struct Wire {
    metadata: MetaWire,
    #[serde(default)]
    spec: SpecWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaWire {
    resource_version: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpecWire {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u64>,
    acquire_time: Option<String>,
    renew_time: Option<String>,
    lease_transitions: Option<u64>,
}

/// Reads a Lease. `None` if the text is none.
pub fn read_lease(json: &[u8]) -> Option<Lease> {
    let Wire { metadata, spec } = serde_json::from_slice(json).ok()?;
    Some(Lease {
        resource_version: metadata.resource_version,
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(spec.lease_duration_seconds.unwrap_or_default()),
        acquire_time: spec.acquire_time,
        renew_time: spec.renew_time,
        transitions: spec.lease_transitions.unwrap_or_default(),
    })
}

/// What to do about the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAction {
    /// Create it, held by us.
    Create,
    /// Take it over or renew it: write it in this form, if it is still as it was read.
    Write(Lease),
    /// Somebody else holds it; look again after `retry`.
    Wait,
}

/// What is known of the Lease: the clocks of others are not trusted, only that it changed.
#[derive(Clone, Debug, Default)]
pub struct LeaseWatch {
    seen: Option<(Lease, Duration)>,
    /// The last success in renewing.
    renewed: Option<Duration>,
}

impl LeaseWatch {
    /// Looks at the Lease as `me` and decides. `now` counts from any moment, `time` is in microseconds since 1970.
    pub fn look(
        &mut self,
        lease: Option<Lease>,
        me: &str,
        times: LeaseTimes,
        (now, time): (Duration, i64),
    ) -> LeaseAction {
        let Some(lease) = lease else {
            self.seen = None;
            return LeaseAction::Create;
        };
        let since = match &self.seen {
            Some((seen, since)) if *seen == lease => *since,
            _ => now,
        };
        self.seen = Some((lease.clone(), since));
        let ours = lease.holder == me;
        let expired = now.saturating_sub(since) > lease.duration;
        if !ours && !lease.holder.is_empty() && !expired {
            return LeaseAction::Wait;
        }
        let time = format_micro_time(time);
        let acquire_time = if ours { lease.acquire_time } else { Some(time.clone()) };
        LeaseAction::Write(Lease {
            resource_version: lease.resource_version,
            holder: me.to_owned(),
            duration: times.duration,
            acquire_time,
            renew_time: Some(time),
            transitions: lease.transitions + u64::from(!ours),
        })
    }

    /// The write has succeeded: we lead.
    pub fn renewed(&mut self, now: Duration) {
        self.renewed = Some(now);
    }

    /// Whether we led and have not been able to renew for so long that we must stop.
    pub fn is_lost(&self, times: LeaseTimes, now: Duration) -> bool {
        self.renewed.is_some_and(|renewed| now.saturating_sub(renewed) >= times.renew_deadline)
    }

    /// Whether somebody else is seen to lead although we did.
    pub fn is_taken(&self, me: &str) -> bool {
        self.renewed.is_some() && self.seen.as_ref().is_some_and(|(seen, _)| seen.holder != me)
    }
}

/// The Lease as an object to write; without a resource version it can only be created.
pub fn lease_body(namespace: &str, name: &str, lease: &Lease) -> String {
    let mut metadata = json!({ "name": name, "namespace": namespace });
    if !lease.resource_version.is_empty() {
        set(&mut metadata, "resourceVersion", json!(lease.resource_version));
    }
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": lease.holder,
            "leaseDurationSeconds": lease.duration.as_secs().max(1),
            "acquireTime": lease.acquire_time,
            "renewTime": lease.renew_time,
            "leaseTransitions": lease.transitions,
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(holder: &str, renewed: &str) -> Lease {
        Lease {
            resource_version: "1".into(),
            holder: holder.into(),
            duration: Duration::from_secs(15),
            acquire_time: Some("then".into()),
            renew_time: Some(renewed.into()),
            transitions: 3,
        }
    }

    fn at(seconds: u64) -> (Duration, i64) {
        (Duration::from_secs(seconds), 0)
    }

    #[test]
    fn a_lease_is_taken_only_when_its_holder_was_silent() {
        let times = LeaseTimes::default();
        let mut watch = LeaseWatch::default();
        let mut look = |lease, seconds| watch.look(lease, "me", times, at(seconds));
        assert_eq!(look(None, 0), LeaseAction::Create);
        assert_eq!(look(Some(held("other", "a")), 1), LeaseAction::Wait);
        assert_eq!(look(Some(held("other", "a")), 16), LeaseAction::Wait);
        // Heard of again: the time begins anew.
        assert_eq!(look(Some(held("other", "b")), 17), LeaseAction::Wait);
        assert_eq!(look(Some(held("other", "b")), 32), LeaseAction::Wait);
        let LeaseAction::Write(taken) = look(Some(held("other", "b")), 33) else { panic!("not taken") };
        assert_eq!((taken.holder.as_str(), taken.transitions), ("me", 4));
        assert_eq!(taken.acquire_time, taken.renew_time);
        let LeaseAction::Write(renewed) = look(Some(held("me", "c")), 40) else { panic!("not renewed") };
        assert_eq!((renewed.acquire_time.as_deref(), renewed.transitions), (Some("then"), 3));
        let LeaseAction::Write(free) = look(Some(held("", "d")), 41) else { panic!("not free") };
        assert_eq!(free.transitions, 4);
    }

    #[test]
    fn a_leader_that_cannot_renew_gives_up() {
        let times = LeaseTimes::default();
        let mut watch = LeaseWatch::default();
        assert!(!watch.is_lost(times, Duration::from_secs(1000)));
        watch.renewed(Duration::from_secs(5));
        assert!(!watch.is_lost(times, Duration::from_secs(14)));
        assert!(watch.is_lost(times, Duration::from_secs(15)));
        watch.look(Some(held("other", "a")), "me", times, at(6));
        assert!(watch.is_taken("me"));
    }

    #[test]
    fn leases_are_read_as_they_are_written() {
        let lease = held("me", "2026-11-25T02:43:22.000001Z");
        assert_eq!(read_lease(lease_body("ns", "x", &lease).as_bytes()), Some(lease));
        let empty = br#"{"metadata":{"resourceVersion":"7"},"spec":{}}"#;
        assert_eq!(read_lease(empty).map(|lease| lease.holder), Some(String::new()));
        assert_eq!(read_lease(b"{}"), None);
    }
}
