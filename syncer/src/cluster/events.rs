//! Writes events, apart from the work that they tell of: what does not fit is dropped, never waited for.

use std::time::Duration;

use http::Method;
use syncer_core::cluster::{Event, EventWrite, Involved, Recorder, event_body, event_patch};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use zeroize::Zeroizing;

use super::api::{Api, ApiError, Kind, part};
use super::clock::seconds;
use crate::clock::{self, Stopwatch};

/// Events that wait to be written.
const WAITING: usize = 1024;
/// Events that are created at the same time.
const AT_ONCE: usize = 4;
/// How long what waits is written at the end.
const FLUSH: Duration = Duration::from_secs(3);

type Told = (Involved, Event, &'static str);

/// Takes events.
#[derive(Clone, Debug)]
pub struct Events(mpsc::Sender<Option<Told>>);

impl Events {
    /// Starts the task that writes.
    pub fn start(api: Api, watch: Stopwatch) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), tokio::spawn(write_all(api, watch, receiver)))
    }

    /// Puts an event on its way; `component` is who tells it.
    pub fn tell(&self, object: &Involved, event: Event, component: &'static str) {
        if self.0.try_send(Some((object.clone(), event, component))).is_err() {
            tracing::debug!(object = object.name, "an event is dropped: too many wait");
        }
    }
}

/// Takes no more events, and waits a while for what was told to be written.
pub async fn finish(events: &Events, task: JoinHandle<()>) {
    let end = async {
        let _ended = events.0.send(None).await;
        let _ended = task.await;
    };
    if tokio::time::timeout(FLUSH, end).await.is_err() {
        tracing::warn!("some events could not be written in time");
    }
}

async fn write_all(api: Api, watch: Stopwatch, mut receiver: mpsc::Receiver<Option<Told>>) {
    let mut recorder = Recorder::default();
    let mut creations = JoinSet::new();
    while let Some(Some((object, event, component))) = receiver.recv().await {
        let mut write = recorder.record(&object, &event, clock::jitter(), watch.now());
        if let EventWrite::Count { name, count } = &write {
            // The event may be one that is being created just now.
            while creations.join_next().await.is_some() {}
            let result = count_up(&api, &object, name, *count).await;
            if !matches!(result, Err(ApiError::NotFound(_))) {
                said(&object, &event, result);
                continue;
            }
            // The server keeps events for a while only: it is written anew.
            recorder.forget(&object, &event);
            write = recorder.record(&object, &event, clock::jitter(), watch.now());
        }
        if let EventWrite::Create { name } = write {
            if creations.len() >= AT_ONCE {
                creations.join_next().await;
            }
            let api = api.clone();
            creations.spawn(async move {
                let result = create(&api, &object, &event, &name, component).await;
                said(&object, &event, result);
            });
        }
    }
    while creations.join_next().await.is_some() {}
}

fn said(object: &Involved, event: &Event, result: Result<(), ApiError>) {
    if let Err(error) = result {
        tracing::debug!(object = object.name, reason = event.reason, "an event is not written: {error}");
    }
}

async fn create(
    api: &Api,
    object: &Involved,
    event: &Event,
    name: &str,
    component: &str,
) -> Result<(), ApiError> {
    let (namespace, body) = event_body(object, event, name, component, seconds());
    let path = format!("/api/v1/namespaces/{}/events", part(namespace));
    api.call(Method::POST, &path, Some((Kind::Json, Zeroizing::new(body)))).await.map(drop)
}

async fn count_up(api: &Api, object: &Involved, name: &str, count: u64) -> Result<(), ApiError> {
    let (namespace, patch) = event_patch(object, count, seconds());
    api.patch(&format!("/api/v1/namespaces/{}/events/{}", part(namespace), part(name)), &patch)
        .await
        .map(drop)
}
