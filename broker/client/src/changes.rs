//! The broker's change stream: names and versions of what changed, never values.

use serde::Deserialize;

use crate::error::CallError;
use crate::session::Session;
use crate::sse::SseEvent;
use crate::stream::{EventStream, StreamError, opened};

/// Path of the change stream.
const PATH: &str = "sys/keyreeve/changes";

/// Why the change stream cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// 410: the changes after the revision are not kept any more. List again, then open without a revision.
    #[error("the changes after revision {after} are not kept any more; list again")]
    Gone {
        /// The revision asked for.
        after: u64,
    },
    /// The server has no change stream (404, 405): it is no broker of this kind.
    #[error("the server has no change stream")]
    Unsupported,
    /// Anything else.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What the change stream says. After all but `Ready` and `Change` it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeEvent {
    /// The stream is open; what changes after this revision will be told.
    Ready {
        /// The revision.
        revision: u64,
    },
    /// Something changed.
    Change(Change),
    /// Changes were dropped before they could be told: list again, then go on after this revision.
    Gone {
        /// The newest revision.
        revision: u64,
    },
    /// The reader was too slow: open again after the cursor.
    Lagged {
        /// The last revision that was told.
        revision: u64,
    },
    /// The token has ended.
    TokenEnded {
        /// The last revision that was told.
        revision: u64,
    },
    /// The server ends: open again after the cursor.
    End {
        /// The last revision that was told.
        revision: u64,
    },
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The store's revision; several changes may share one.
    pub revision: u64,
    /// What changed.
    pub kind: ChangeKind,
}

/// What changed. Mounts are named without their trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A key of KV version 2.
    Kv2 {
        /// The mount.
        mount: String,
        /// Path of the secret below the mount.
        path: String,
        /// The version; 0 when it is about the key as a whole.
        version: u64,
        /// `write`, `delete`, `undelete`, `destroy`, `metadata` or `remove`.
        action: String,
    },
    /// A key of KV version 1.
    Kv1 {
        /// The mount.
        mount: String,
        /// Path of the secret below the mount.
        path: String,
        /// `write` or `delete`.
        action: String,
    },
    /// A token ended before its time.
    TokenRevoked {
        /// Its accessor.
        accessor: String,
    },
    /// A policy was written or deleted.
    PolicyChanged {
        /// Its name.
        name: String,
    },
    /// A mount was enabled, tuned or disabled.
    MountChanged {
        /// Its path.
        mount: String,
    },
    /// A kind that this client does not know.
    #[serde(other)]
    Unknown,
}

/// An open change stream.
#[derive(Debug)]
pub struct ChangeStream {
    events: EventStream,
    cursor: Option<u64>,
}

impl Session {
    /// Opens the change stream after a revision; `None` is the newest.
    ///
    /// # Errors
    /// [`ChangesError`].
    pub async fn changes(&self, after: Option<u64>) -> Result<ChangeStream, ChangesError> {
        let resume = after.map(|revision| revision.to_string());
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(resume.iter().map(|id| ("last-event-id", id.as_str())));
        let response = self.open(PATH, &[], &headers).await?;
        match opened(response, "text/event-stream").await {
            Ok(response) => Ok(ChangeStream { events: EventStream::new(response), cursor: after }),
            Err(CallError::Refused { status: 410, .. }) => {
                Err(ChangesError::Gone { after: after.unwrap_or(0) })
            }
            Err(CallError::NotFound | CallError::Refused { status: 404 | 405, .. }) => {
                Err(ChangesError::Unsupported)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl ChangeStream {
    /// The next event; heartbeats are not told. A dropped call loses nothing.
    ///
    /// # Errors
    /// [`StreamError`] when the stream ended without saying why; open it again after [`ChangeStream::cursor`].
    pub async fn next(&mut self) -> Result<ChangeEvent, StreamError> {
        let event = self.events.next().await;
        let heard = match &event {
            Ok(event) => event.id.as_deref(),
            Err(_) => self.events.last_id(),
        };
        if let Some(revision) = heard.and_then(|id| id.parse().ok()) {
            self.cursor = Some(revision);
        }
        event_of(&event?)
    }

    /// The revision after which to open the stream again; `None` before the stream named one.
    pub fn cursor(&self) -> Option<u64> {
        self.cursor
    }
}

#[derive(Deserialize)]
struct At {
    revision: u64,
}

#[derive(Deserialize)]
struct ChangeWire {
    revision: u64,
    #[serde(flatten)]
    kind: ChangeKind,
}

fn event_of(event: &SseEvent) -> Result<ChangeEvent, StreamError> {
    let bad = || StreamError::Event(event.event.chars().take(40).collect());
    if event.event == "change" {
        let wire: ChangeWire = serde_json::from_str(&event.data).map_err(|_| bad())?;
        return Ok(ChangeEvent::Change(Change { revision: wire.revision, kind: wire.kind }));
    }
    let At { revision } = serde_json::from_str(&event.data).map_err(|_| bad())?;
    Ok(match event.event.as_str() {
        "ready" => ChangeEvent::Ready { revision },
        "gone" => ChangeEvent::Gone { revision },
        "lagged" => ChangeEvent::Lagged { revision },
        "token-ended" => ChangeEvent::TokenEnded { revision },
        "end" => ChangeEvent::End { revision },
        _ => return Err(bad()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_what_the_broker_writes() {
        let change = |revision, kind| Some(ChangeEvent::Change(Change { revision, kind }));
        let kv2 = |action: &str, version| ChangeKind::Kv2 {
            mount: "secret".into(),
            path: "app/db".into(),
            version,
            action: action.into(),
        };
        let rows = [
            ("ready", r#"{"revision":7}"#, Some(ChangeEvent::Ready { revision: 7 })),
            ("gone", r#"{"revision":9}"#, Some(ChangeEvent::Gone { revision: 9 })),
            ("lagged", r#"{"revision":9}"#, Some(ChangeEvent::Lagged { revision: 9 })),
            ("token-ended", r#"{"revision":9}"#, Some(ChangeEvent::TokenEnded { revision: 9 })),
            ("end", r#"{"revision":9}"#, Some(ChangeEvent::End { revision: 9 })),
            (
                "change",
                r#"{"revision":8,"type":"kv2","mount":"secret","path":"app/db","version":3,"action":"write"}"#,
                change(8, kv2("write", 3)),
            ),
            (
                "change",
                r#"{"revision":8,"type":"kv1","mount":"old","path":"x","action":"delete"}"#,
                change(8, ChangeKind::Kv1 { mount: "old".into(), path: "x".into(), action: "delete".into() }),
            ),
            (
                "change",
                r#"{"revision":8,"type":"token-revoked","accessor":"acc"}"#,
                change(8, ChangeKind::TokenRevoked { accessor: "acc".into() }),
            ),
            (
                "change",
                r#"{"revision":8,"type":"policy-changed","name":"app"}"#,
                change(8, ChangeKind::PolicyChanged { name: "app".into() }),
            ),
            (
                "change",
                r#"{"revision":8,"type":"mount-changed","mount":"kv"}"#,
                change(8, ChangeKind::MountChanged { mount: "kv".into() }),
            ),
            ("change", r#"{"revision":8,"type":"new-thing","x":1}"#, change(8, ChangeKind::Unknown)),
            ("change", r#"{"type":"kv1"}"#, None),
            ("change", "", None),
            ("ready", r#"{"revision":-1}"#, None),
            ("surprise", r#"{"revision":1}"#, None),
        ];
        for (event, data, wanted) in rows {
            let given = SseEvent { event: event.to_owned(), data: data.to_owned(), id: None };
            assert_eq!(event_of(&given).ok(), wanted, "{event} {data}");
        }
    }
}
