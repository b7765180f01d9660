//! Follows all objects of one kind: lists them in pages, then watches, for as long as the syncer runs.

use std::sync::Arc;
use std::time::Duration;

use broker_client::retry::Backoff;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::{Api, ApiError, Lines};
use super::metrics::Metrics;
use crate::clock;

/// Objects of one page.
const PAGE: usize = 200;
/// After so long the server ends a watch by itself.
const WATCH_SECONDS: u64 = 290;
/// The usual [`Resource::silence`]: a server sends bookmarks about every minute.
pub const SILENCE: Duration = Duration::from_secs(100);
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(250), most: Duration::from_secs(15) };
/// A watch that stood so long was a good one.
const GOOD: Duration = Duration::from_secs(5);

/// Which objects.
#[derive(Clone, Debug)]
pub struct Resource {
    /// What the log calls them.
    pub name: &'static str,
    /// Path of the list.
    pub path: String,
    /// More of the query, beginning with `&`; may be empty.
    pub query: &'static str,
    /// Whether only their metadata are wanted.
    pub metadata_only: bool,
    /// A watch that says nothing for so long is dead.
    pub silence: Duration,
}

/// What is seen of them.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A list begins.
    ListBegins,
    /// An object of a list.
    Listed(&'a [u8]),
    /// The list is whole: what was not in it is gone.
    ListEnds,
    /// An object was added or changed.
    Changed(&'a [u8]),
    /// An object is gone; this was its last form.
    Gone(&'a [u8]),
}

/// Takes in what is seen; an object that it cannot read is its own business.
pub type Sink = Arc<dyn Fn(Seen<'_>) + Send + Sync>;

#[derive(Deserialize)]
struct ListWire<'a> {
    #[serde(default)]
    metadata: ListMetaWire,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMetaWire {
    resource_version: String,
    #[serde(rename = "continue")]
    more: String,
}

#[derive(Deserialize)]
struct EventWire<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct ObjectWire {
    #[serde(default)]
    metadata: VersionWire,
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct VersionWire {
    resource_version: String,
}

/// Follows objects until it is aborted.
pub async fn follow(api: Api, resource: Resource, sink: Sink, metrics: Metrics) {
    let mut follower = Follower { api, resource, sink, version: None, attempt: 0, said: String::new() };
    loop {
        let watch = clock::Stopwatch::start();
        let result = follower.once().await;
        if result.is_ok() && watch.now() >= GOOD {
            follower.attempt = 0;
            continue;
        }
        if let Err(error) = result {
            metrics.watch_restart();
            follower.say(&error);
            if matches!(error, ApiError::Gone) {
                follower.version = None;
            }
        }
        if watch.now() >= GOOD {
            follower.attempt = 0;
        }
        tokio::time::sleep(BACKOFF.delay(follower.attempt, clock::jitter())).await;
        follower.attempt = follower.attempt.saturating_add(1);
    }
}

struct Follower {
    api: Api,
    resource: Resource,
    sink: Sink,
    /// From where to watch; `None`: list first.
    version: Option<String>,
    attempt: u32,
    said: String,
}

impl Follower {
    /// Lists if needed, and one watch from its opening to its end.
    async fn once(&mut self) -> Result<(), ApiError> {
        let version = match &self.version {
            Some(version) => version.clone(),
            None => {
                let version = self.list().await?;
                self.said.clear();
                self.version = Some(version.clone());
                version
            }
        };
        let Resource { path, query, .. } = &self.resource;
        let path = format!(
            "{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}{query}"
        );
        let mut lines = self.api.open(&path, self.accept("")).await?;
        while self.event(&mut lines).await? {}
        Ok(())
    }

    fn accept(&self, list: &str) -> &'static str {
        match (self.resource.metadata_only, list) {
            (false, _) => "application/json",
            (true, "") => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            (true, _) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        }
    }

    /// Lists all pages; each is dropped before the next is asked for.
    async fn list(&self) -> Result<String, ApiError> {
        (self.sink)(Seen::ListBegins);
        let mut more = String::new();
        loop {
            let Resource { path, query, .. } = &self.resource;
            let more_query = if more.is_empty() {
                String::new()
            } else {
                format!("&continue={}", super::api::part(&more))
            };
            let path = format!("{path}?limit={PAGE}{query}{more_query}");
            let body = self.api.get_as(&path, self.accept("list")).await?;
            let bad = |error: serde_json::Error| {
                ApiError::Unavailable(format!("the list is not understood, at byte {}", error.column()))
            };
            let page: ListWire<'_> = serde_json::from_slice(&body).map_err(bad)?;
            for item in page.items.unwrap_or_default() {
                (self.sink)(Seen::Listed(item.get().as_bytes()));
            }
            more = page.metadata.more;
            if more.is_empty() {
                (self.sink)(Seen::ListEnds);
                return Ok(page.metadata.resource_version);
            }
        }
    }

    /// Takes in one event.
    ///
    /// # Returns
    /// Whether the watch goes on.
    async fn event(&mut self, lines: &mut Lines) -> Result<bool, ApiError> {
        let Some(line) = lines.next(self.resource.silence).await? else { return Ok(false) };
        let not_understood = || ApiError::Unavailable("an event is not understood".to_owned());
        let event: EventWire<'_> = serde_json::from_slice(line).map_err(|_| not_understood())?;
        let text = event.object.get().as_bytes();
        // What has no version at least does not end the watch.
        let object = serde_json::from_slice::<ObjectWire>(text).ok();
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => (self.sink)(Seen::Changed(text)),
            "DELETED" => (self.sink)(Seen::Gone(text)),
            "ERROR" => {
                let (code, message) = object.map(|object| (object.code, object.message)).unwrap_or_default();
                // The state is too old (410), or the server cannot say: listing again is always right.
                self.version = None;
                return if code == 410 { Err(ApiError::Gone) } else { Err(ApiError::Unavailable(message)) };
            }
            _ => {}
        }
        if let Some(object) = object.filter(|object| !object.metadata.resource_version.is_empty()) {
            self.version = Some(object.metadata.resource_version);
        }
        Ok(true)
    }

    /// Logs what is news.
    fn say(&mut self, error: &ApiError) {
        let text = error.to_string();
        if text != self.said {
            tracing::warn!(objects = self.resource.name, "the watch is opened again: {text}");
            self.said = text;
        }
    }
}

#[cfg(test)]
mod tests;
