//! All volumes of a node: published, followed, recovered after a restart, and let go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use csi_mount_core::ids::{Slot, TargetPath};
use csi_mount_core::wire::control::Place;
use csi_mount_core::wire::{Event, Opened, Outcome, VolumeStats};
use tonic::Code;

use super::failed::Failed;
use super::plane::{Plane, PlaneError};
use super::secrets::Secrets;
use super::volume::Following;
use super::wanted::{Places, Pod};
use crate::link::control::Events;
use crate::metrics::Metrics;
use crate::proto::csi::NodePublishVolumeRequest;
use crate::records::{Open, Opens};

/// A published volume.
#[derive(Debug)]
pub struct Entry {
    /// Its folder.
    pub slot: Slot,
    /// Where it is mounted.
    pub target: TargetPath,
    /// Whose it is.
    pub pod: Pod,
    /// What keeps it; `None` while it is being let go, and for one whose notes are lost.
    pub following: Mutex<Option<Following>>,
    /// What may not be other when it is published again.
    pub fixed: Fixed,
}

/// The parts of a request that may not change while a volume is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Whether it is read-only.
    pub readonly: bool,
    /// The group of its files.
    pub group: String,
}

impl Fixed {
    /// Those of a request.
    pub fn of(request: &NodePublishVolumeRequest) -> Self {
        use crate::proto::csi::volume_capability::AccessType;
        let capability = request.volume_capability.as_ref();
        let group = match capability.and_then(|capability| capability.access_type.as_ref()) {
            Some(AccessType::Mount(mount)) => mount.volume_mount_group.clone(),
            _ => String::new(),
        };
        Self { readonly: request.readonly, group }
    }
}

/// The volumes of a node.
#[derive(Debug)]
pub struct Volumes {
    /// The keeper.
    pub plane: Plane,
    /// The secrets that they show.
    pub secrets: Arc<Secrets>,
    /// Where targets may be.
    pub places: Places,
    /// Counters.
    pub metrics: Metrics,
    opens: Opens,
    ready: AtomicBool,
    table: Mutex<BTreeMap<String, Arc<Entry>>>,
    busy: Mutex<BTreeSet<String>>,
}

/// Keeps a volume to one request at a time.
#[derive(Debug)]
pub struct Busy<'a> {
    volumes: &'a Volumes,
    volume_id: String,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(&self.volumes.busy).remove(&self.volume_id);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Volumes {
    /// No volumes yet; nothing is served before [`Volumes::recover`].
    pub fn new(
        plane: Plane,
        secrets: Arc<Secrets>,
        places: Places,
        (opens, metrics): (Opens, Metrics),
    ) -> Self {
        Self {
            plane,
            secrets,
            places,
            metrics,
            opens,
            ready: AtomicBool::new(false),
            table: Mutex::default(),
            busy: Mutex::default(),
        }
    }

    /// Whether the volumes of a former process are known again.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Takes a volume for one request.
    ///
    /// # Errors
    /// Another request is at it.
    pub(super) fn take(&self, volume_id: &str) -> Result<Busy<'_>, Failed> {
        if !self.is_ready() {
            let message = "the driver has started and still looks for its volumes; try again";
            return Err(Failed::new(Code::Unavailable, "Starting", message));
        }
        if !lock(&self.busy).insert(volume_id.to_owned()) {
            let message = format!("another request for the volume {volume_id} is under way; try again");
            return Err(Failed::new(Code::Aborted, "Busy", message));
        }
        Ok(Busy { volumes: self, volume_id: volume_id.to_owned() })
    }

    pub(super) fn known(&self, volume_id: &str) -> Option<Arc<Entry>> {
        lock(&self.table).get(volume_id).cloned()
    }

    pub(super) fn keep(&self, volume_id: String, entry: Entry) {
        lock(&self.table).insert(volume_id, Arc::new(entry));
    }

    /// Whether another volume has this target.
    pub(super) fn has_target(&self, volume_id: &str, target: &TargetPath) -> bool {
        lock(&self.table).iter().any(|(id, entry)| id != volume_id && entry.target == *target)
    }

    /// Lets a volume go. One that is not known is let go too: whatever is mounted at its target is taken away.
    ///
    /// # Errors
    /// Something is left behind; the same is to be asked again.
    pub async fn unpublish(self: &Arc<Self>, volume_id: String, target: String) -> Result<(), Failed> {
        let me = Arc::clone(self);
        // A caller that gives up does not leave it half done.
        let work = tokio::spawn(async move { me.unpublish_now(&volume_id, target).await });
        let done = work.await.unwrap_or_else(|_| Err(broken()));
        self.metrics.unpublished(done.as_ref().err().map(|failed| failed.class));
        done.inspect_err(|error| tracing::warn!(%error, "a volume was not unpublished"))
    }

    async fn unpublish_now(&self, volume_id: &str, target: String) -> Result<(), Failed> {
        if volume_id.is_empty() {
            return Err(Failed::invalid("the volume id is missing"));
        }
        let target = self.places.target(target)?;
        let _busy = self.take(volume_id)?;
        let Some(entry) = self.known(volume_id).filter(|entry| entry.target == target) else {
            if self.has_target(volume_id, &target) {
                return Err(Failed::invalid(format!("the target {target} is that of another volume")));
            }
            self.plane.detach(Place::Target(target)).await.map_err(left)?;
            return Ok(());
        };
        // Nothing is shown, refused or noted for it any more.
        drop(lock(&entry.following).take());
        self.plane.detach(Place::Volume(entry.slot)).await.map_err(left)?;
        self.plane.release(entry.slot).await.map_err(left)?;
        lock(&self.table).remove(volume_id);
        tracing::info!(volume = volume_id, pod = %entry.pod, "unpublished");
        Ok(())
    }

    /// How much a volume holds.
    ///
    /// # Errors
    /// The request is not whole, or there is no such volume there.
    pub async fn stats(&self, volume_id: &str, path: &str) -> Result<VolumeStats, Failed> {
        if volume_id.is_empty() || path.is_empty() {
            let what = if path.is_empty() { "volume path" } else { "volume id" };
            return Err(Failed::invalid(format!("the {what} is missing")));
        }
        let known = self.known(volume_id).filter(|entry| entry.target.as_str() == path);
        let unknown = || {
            let message = format!("there is no volume {volume_id} at {path}");
            Failed::new(Code::NotFound, "NotFound", message)
        };
        Ok(self.plane.stats(known.ok_or_else(unknown)?.slot).await?)
    }

    /// All counters as text.
    pub fn metrics_text(&self) -> String {
        let shown: Vec<_> = lock(&self.table)
            .values()
            .filter_map(|entry| lock(&entry.following).as_ref().map(Following::shown))
            .collect();
        let refused = shown.iter().filter(|(shown, _)| shown.refused).count();
        let stale = shown.iter().filter(|(_, stale)| *stale).count();
        self.metrics.volumes([lock(&self.table).len(), refused, stale]);
        self.metrics.text()
    }

    /// Notes opens for the audit log until the keeper is gone.
    pub async fn hear(self: Arc<Self>, mut events: Events) {
        while let Some(event) = events.next().await {
            match event {
                Event::Opened(opened) => self.opened(&opened),
                Event::Lost { opens } => self.opens.lost(opens),
            }
        }
    }

    fn opened(&self, opened: &Opened) {
        let outcome = outcome(opened.outcome);
        self.metrics.opened(outcome);
        let table = lock(&self.table);
        let Some(entry) = table.values().find(|entry| entry.slot == opened.slot) else {
            tracing::debug!(slot = %opened.slot, "an open of a volume that is not known any more");
            return self.opens.lost(1);
        };
        let path = lock(&entry.following).as_ref().map(|f| f.source().secret().api_path());
        let object = entry.pod.reader(&opened.reader);
        let target = opened_file(&entry.target, opened);
        let path = path.unwrap_or_else(|| "unknown".to_owned());
        self.opens.note(Open { object: &object, target: &target, path: &path, version: opened.version });
    }
}

/// Which file was opened, with how that ended unless it was granted.
pub fn opened_file(at: &TargetPath, opened: &Opened) -> String {
    let note = match opened.outcome {
        Outcome::Granted => String::new(),
        other => format!(" ({})", outcome(other)),
    };
    format!("file {at}/{}{note}", opened.path)
}

/// How an open ended, in a word.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Granted => "granted",
        Outcome::Denied => "denied",
        Outcome::Revoked => "revoked",
    }
}

fn left(error: PlaneError) -> Failed {
    Failed::from(error).unfinished()
}

/// A task of ours ended in a panic, which its own log line tells.
pub(super) fn broken() -> Failed {
    Failed::new(Code::Unavailable, "Broken", "the driver has failed; its log says why")
}
