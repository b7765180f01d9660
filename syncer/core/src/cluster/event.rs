//! Events: their bodies, and a recorder that counts equal ones up instead of writing each anew.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::json;

use super::index::fingerprint;
use super::text::set;
use super::time::format_time;

/// Longest message in bytes; a server takes no longer one.
pub const MAX_MESSAGE: usize = 1024;
/// Events that are remembered in order to be counted up.
const REMEMBERED: usize = 2048;
/// Writes in a row for one object, and the time after which it has one more.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(300);

/// Something to tell about an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// `Warning` instead of `Normal`.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// For people; cut to [`MAX_MESSAGE`]. Never holds a secret value.
    pub message: String,
}

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Involved {
    /// Its kind, in `external-secrets.io/v1`.
    pub kind: &'static str,
    /// Its namespace; empty for objects of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// How an event is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventWrite {
    /// As a new object of this name.
    Create {
        /// The object's name.
        name: String,
    },
    /// By counting an earlier one up.
    Count {
        /// The earlier one's name.
        name: String,
        /// How often it happened by now.
        count: u64,
    },
    /// Not at all: too many for one object.
    Drop,
}

/// Fingerprint of an object and its event; the texts themselves would take too much room.
type Key = u64;

/// Remembers what was written.
#[derive(Debug, Default)]
pub struct Recorder {
    known: BTreeMap<Key, (Box<str>, u64)>,
    order: VecDeque<Key>,
    /// By uid: writes that are taken up, and since when.
    spent: BTreeMap<Box<str>, (u32, Duration)>,
}

impl Recorder {
    /// Decides how an event is written. `unique` becomes part of the name of a new one.
    pub fn record(&mut self, object: &Involved, event: &Event, unique: u64, now: Duration) -> EventWrite {
        if !self.spend(&object.uid, now) {
            return EventWrite::Drop;
        }
        let key = fingerprint(&(object, event));
        if let Some((name, count)) = self.known.get_mut(&key) {
            *count += 1;
            return EventWrite::Count { name: name.to_string(), count: *count };
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        // A name of an object may have 253 bytes, and this one 18 more; names here are ASCII.
        let name: String = object.name.chars().take(230).collect();
        let name = format!("{}.{unique:016x}", name.trim_end_matches(['.', '-']));
        self.known.insert(key, (name.as_str().into(), 1));
        self.order.push_back(key);
        EventWrite::Create { name }
    }

    /// Forgets an event whose object is no more, so that the next equal one is created.
    pub fn forget(&mut self, object: &Involved, event: &Event) {
        let key = fingerprint(&(object, event));
        self.known.remove(&key);
        self.order.retain(|it| *it != key);
    }

    fn spend(&mut self, uid: &str, now: Duration) -> bool {
        if self.spent.len() >= REMEMBERED {
            self.spent.retain(|_, (_, since)| now.saturating_sub(*since) < REFILL);
        }
        let (spent, since) = self.spent.entry(uid.into()).or_insert((0, now));
        if now.saturating_sub(*since) >= REFILL {
            let refills = now.saturating_sub(*since).as_secs() / REFILL.as_secs();
            *spent = spent.saturating_sub(u32::try_from(refills).unwrap_or(u32::MAX));
            *since = now;
        }
        let allowed = *spent < BURST;
        *spent += u32::from(allowed);
        allowed
    }
}

/// The namespace in which an object's events are.
fn event_namespace(object: &Involved) -> &str {
    if object.namespace.is_empty() { "default" } else { &object.namespace }
}

/// Namespace and body of a new event that `component` writes; `now` is in seconds since 1970.
pub fn event_body<'a>(
    object: &'a Involved,
    event: &Event,
    name: &str,
    component: &str,
    now: i64,
) -> (&'a str, String) {
    let namespace = event_namespace(object);
    let mut involved = json!({
        "apiVersion": "external-secrets.io/v1", "kind": object.kind, "name": object.name, "uid": object.uid,
    });
    if !object.namespace.is_empty() {
        set(&mut involved, "namespace", json!(object.namespace));
    }
    let time = format_time(now);
    let body = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": namespace },
        "involvedObject": involved,
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": event.reason,
        "message": cut(&event.message),
        "source": { "component": component },
        "reportingComponent": component,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    });
    (namespace, body.to_string())
}

/// Namespace and merge patch that counts an event up.
pub fn event_patch(object: &Involved, count: u64, now: i64) -> (&str, String) {
    let body = json!({ "count": count, "lastTimestamp": format_time(now) });
    (event_namespace(object), body.to_string())
}

fn cut(message: &str) -> &str {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Involved {
        Involved {
            kind: "ExternalSecret",
            namespace: "shop".into(),
            name: name.into(),
            uid: format!("uid-{name}"),
        }
    }

    fn event(message: &str) -> Event {
        Event { warning: true, reason: "UpdateFailed", message: message.into() }
    }

    #[test]
    fn equal_events_are_counted_up() {
        let mut recorder = Recorder::default();
        let (one, now) = (object("db"), Duration::ZERO);
        let created = recorder.record(&one, &event("a"), 7, now);
        assert_eq!(created, EventWrite::Create { name: "db.0000000000000007".into() });
        let again = recorder.record(&one, &event("a"), 8, now);
        assert_eq!(again, EventWrite::Count { name: "db.0000000000000007".into(), count: 2 });
        assert!(matches!(recorder.record(&one, &event("b"), 9, now), EventWrite::Create { .. }));
        assert!(matches!(recorder.record(&object("x"), &event("a"), 10, now), EventWrite::Create { .. }));
        recorder.forget(&one, &event("a"));
        assert!(matches!(recorder.record(&one, &event("a"), 11, now), EventWrite::Create { .. }));
    }

    #[test]
    fn one_object_cannot_flood() {
        let mut recorder = Recorder::default();
        let mut written = |at: u64, rounds: u32| {
            (0..rounds)
                .map(|_| recorder.record(&object("db"), &event("a"), 1, Duration::from_secs(at)))
                .filter(|write| *write != EventWrite::Drop)
                .count()
        };
        assert_eq!(written(0, 40), 25);
        assert_eq!(written(299, 5), 0);
        assert_eq!(written(900, 5), 3);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut recorder = Recorder::default();
        for at in 0..10_000_u64 {
            recorder.record(&object(&at.to_string()), &event("a"), at, Duration::from_secs(at));
        }
        assert!(recorder.known.len() <= REMEMBERED && recorder.order.len() <= REMEMBERED);
        assert!(recorder.spent.len() <= REMEMBERED);
    }

    #[test]
    fn bodies_are_what_a_server_takes() {
        let long = event(&"ä".repeat(600));
        let one = object("db");
        let (namespace, body) = event_body(&one, &long, "db.1", "external-secrets", 0);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(namespace, "shop");
        assert_eq!(body["message"].as_str().map(str::len), Some(MAX_MESSAGE));
        assert_eq!(body["involvedObject"]["namespace"], "shop");
        let store = Involved { kind: "ClusterSecretStore", namespace: String::new(), ..object("s") };
        let (namespace, body) = event_body(&store, &event("x"), "s.1", "cluster-secret-store", 0);
        assert_eq!(namespace, "default");
        assert!(body.contains(r#""source":{"component":"cluster-secret-store"}"#));
        assert!(!body.contains(r#""involvedObject":{"apiVersion":"external-secrets.io/v1","kind":"ClusterSecretStore","name":"s","uid":"uid-s","namespace""#));
    }
}
