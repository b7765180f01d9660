//! After a restart: the keeper knows which volumes there are, and their notes tell how to go on with them.

use std::sync::{Arc, Mutex};

use csi_mount_core::decide::Shown;
use csi_mount_core::ids::Slot;
use csi_mount_core::wire::control::Place;

use super::meta::Meta;
use super::plane::PlaneError;
use super::volume::{Begin, Following};
use super::volumes::{Entry, Fixed, Volumes};
use super::wanted::{Pod, Wanted};

impl Volumes {
    /// Goes on with the volumes of a former process. Requests are served from then on.
    ///
    /// # Errors
    /// The keeper cannot be asked.
    pub async fn recover(&self) -> Result<(), PlaneError> {
        let slots = self.plane.hello().await?;
        let found = slots.len();
        for slot in slots {
            if let Err(error) = self.recover_one(slot).await {
                tracing::error!(%slot, %error, "a volume of a former process cannot be followed");
            }
        }
        self.set_ready();
        tracing::info!(volumes = found, "ready");
        Ok(())
    }

    async fn recover_one(&self, slot: Slot) -> Result<(), PlaneError> {
        let (state, notes) = self.plane.recall(slot).await?;
        let Some(target) = state.target.filter(|_| state.attached && state.generation.is_some()) else {
            // It was never mounted whole: kubelet asks again.
            tracing::info!(%slot, "a volume that was not published whole is let go");
            self.plane.detach(Place::Volume(slot)).await?;
            return self.plane.release(slot).await;
        };
        let volume_id = String::from(state.volume_id);
        let meta = Meta::read(&notes);
        let request = meta.as_ref().and_then(|meta| meta.request.clone()).unwrap_or_default();
        let fixed = Fixed::of(&request);
        let entry = match (meta, Wanted::of(&request, &self.places)) {
            (Some(meta), Ok(wanted)) => {
                let shown = Shown { mark: meta.mark(), refused: state.revoked };
                let pod = wanted.pod.clone();
                let following = self.go_on(wanted, meta, (slot, shown));
                Entry { slot, target, pod, following: Mutex::new(Some(following)), fixed }
            }
            (_, wanted) => {
                let error = wanted.err().map(|error| error.to_string()).unwrap_or_default();
                tracing::error!(
                    volume = volume_id,
                    error,
                    "the notes of a volume are lost; it stays as it is"
                );
                Entry { slot, target, pod: Pod::default(), following: Mutex::new(None), fixed }
            }
        };
        self.keep(volume_id, entry);
        Ok(())
    }

    fn go_on(&self, wanted: Wanted, meta: Meta, (slot, shown): (Slot, Shown)) -> Following {
        let (key, name, credential) = (wanted.identity_key(), wanted.identity_name(), wanted.credential());
        let identity = if meta.token_revoked {
            self.secrets.ended(key, &name, credential)
        } else {
            self.secrets.identity(key, &name, credential)
        };
        if identity.held().is_none()
            && !identity.is_ended()
            && let Ok(token) = broker_client::Token::parse(meta.token.as_bytes())
        {
            identity.go_on(token, (meta.token_ends > 0).then_some(meta.token_ends));
        }
        let source = self.secrets.source(&identity, &wanted.secret);
        let begin = Begin { slot, spec: wanted.spec, shown, meta };
        Following::start(begin, Arc::clone(&source), self.plane.clone(), self.metrics.clone())
    }
}
