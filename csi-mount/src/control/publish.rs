//! Publishing: a volume is mounted and complete, or it is not there at all. Publishing again refreshes and never fails.

use std::sync::{Arc, Mutex};

use csi_mount_core::decide::Shown;
use csi_mount_core::refresh::Millis;
use csi_mount_core::wire::control::Place;
use tonic::Code;

use super::failed::Failed;
use super::meta::Meta;
use super::plane::{NewVolume, PlaneError};
use super::secrets::{Reading, Source};
use super::volume::{Begin, Following, note_token};
use super::volumes::{Entry, Fixed, Volumes, broken, lock};
use super::wanted::Wanted;
use crate::clock;
use crate::proto::csi::NodePublishVolumeRequest;

/// How long a publish waits for the broker, in milliseconds; kubelet asks again.
const PATIENCE: Millis = 20_000;

impl Volumes {
    /// Publishes a volume, or refreshes one that is published.
    ///
    /// # Errors
    /// With a code that tells kubelet whether anything is left behind, and a message for users.
    pub async fn publish(self: &Arc<Self>, request: NodePublishVolumeRequest) -> Result<(), Failed> {
        let me = Arc::clone(self);
        // A caller that gives up does not leave it half done.
        let done = tokio::spawn(async move { me.publish_now(request).await });
        let done = done.await.unwrap_or_else(|_| Err(broken()));
        self.metrics.published(done.as_ref().err().map(|failed| failed.class));
        done.inspect_err(|error| tracing::warn!(%error, "a volume was not published"))
    }

    async fn publish_now(&self, request: NodePublishVolumeRequest) -> Result<(), Failed> {
        let known = self.known(&request.volume_id);
        let again = known.filter(|entry| entry.target.as_str() == request.target_path);
        let wanted = match (Wanted::of(&request, &self.places), &again) {
            (Ok(wanted), _) => wanted,
            (Err(error), Some(_)) if request.volume_capability.is_some() => {
                tracing::warn!(volume = request.volume_id, %error, "a volume is not refreshed");
                return Ok(());
            }
            (Err(error), _) => return Err(error),
        };
        let _busy = self.take(&request.volume_id)?;
        match self.known(&request.volume_id) {
            None => self.publish_new(wanted, request).await,
            Some(entry) if entry.target != wanted.target => Err(Failed::new(
                Code::FailedPrecondition,
                "UnexpectedTargetPath",
                format!("the volume is published at {} already", entry.target),
            )),
            Some(entry) if entry.fixed != Fixed::of(&request) => Err(Failed::new(
                Code::AlreadyExists,
                "Incompatible",
                "the volume is published already, with another group or not read-only",
            )),
            Some(entry) => {
                self.refresh(&entry, &wanted, request);
                Ok(())
            }
        }
    }

    /// Takes the newer token over. Whatever is wrong with it shows in the log and in metrics.
    fn refresh(&self, entry: &Entry, wanted: &Wanted, request: NodePublishVolumeRequest) {
        let following = lock(&entry.following);
        let Some(following) = following.as_ref() else {
            return tracing::warn!(volume = request.volume_id, "its notes are lost; it stays as it is");
        };
        let now = following.source();
        let key = wanted.identity_key();
        // A token that was revoked stays so for the pod: only a new pod, or another token, reads again.
        let identity = if now.identity().is_ended() && now.identity().key.is(&key) {
            Arc::clone(now.identity())
        } else {
            self.secrets.identity(key, &wanted.identity_name(), wanted.credential())
        };
        let source = self.secrets.source(&identity, &wanted.secret);
        following.change(source, Meta::of(Some(request)));
    }

    async fn publish_new(&self, wanted: Wanted, request: NodePublishVolumeRequest) -> Result<(), Failed> {
        if self.has_target(&request.volume_id, &wanted.target) {
            let message = format!("the target {} is that of another volume", wanted.target);
            return Err(Failed::new(Code::AlreadyExists, "UnexpectedTargetPath", message));
        }
        let identity =
            self.secrets.identity(wanted.identity_key(), &wanted.identity_name(), wanted.credential());
        let source = self.secrets.source(&identity, &wanted.secret);
        let reading = source.newest(clock::now().saturating_add(PATIENCE)).await?;
        let image = wanted.spec.image(&reading)?;
        let (volume_id, fixed) = (request.volume_id.clone(), Fixed::of(&request));
        let begin = self.mount(&wanted, request, (&reading, &source), &image).await?;
        let slot = begin.slot;
        let (plane, metrics) = (self.plane.clone(), self.metrics.clone());
        let following = Following::start(begin, source, plane, metrics);
        tracing::info!(
            volume = volume_id, pod = %wanted.pod, secret = wanted.secret.api_path(), version = reading.mark.version,
            "published"
        );
        let (target, pod) = (wanted.target, wanted.pod);
        self.keep(volume_id, Entry { slot, target, pod, following: Mutex::new(Some(following)), fixed });
        Ok(())
    }

    /// Makes, fills and mounts a volume; nothing of it is left where that fails.
    async fn mount(
        &self,
        wanted: &Wanted,
        request: NodePublishVolumeRequest,
        (reading, source): (&Reading, &Source),
        image: &[u8],
    ) -> Result<Begin, Failed> {
        // What a former driver left there is dead.
        let place = Place::Target(wanted.target.clone());
        self.plane.detach(place).await.map_err(|error| Failed::from(error).unfinished())?;
        let new = NewVolume {
            volume_id: wanted.volume_id.clone(),
            target: Some(wanted.target.clone()),
            owner: wanted.owner,
            folder_mode: wanted.folder_mode,
        };
        let shown = Shown { mark: Some(reading.mark.clone()), refused: false };
        let mut meta = Meta::of(Some(request));
        note_token(&mut meta, source);
        meta.show(&shown);
        let slot = self.plane.create(new, &meta.bytes()).await?;
        let mounted = async {
            self.plane.show(slot, image).await?;
            self.plane.attach(slot).await
        };
        if let Err(error) = mounted.await {
            return Err(self.undo(slot, error).await);
        }
        Ok(Begin { slot, spec: wanted.spec.clone(), shown, meta })
    }

    async fn undo(&self, slot: csi_mount_core::ids::Slot, error: PlaneError) -> Failed {
        let undone = async {
            self.plane.detach(Place::Volume(slot)).await?;
            self.plane.release(slot).await
        };
        match undone.await {
            Ok(()) => error.into(),
            Err(also) => {
                tracing::error!(%also, "a volume that was not mounted is left behind");
                Failed::from(error).unfinished()
            }
        }
    }
}
