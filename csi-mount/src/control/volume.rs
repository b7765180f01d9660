//! One volume: its files are kept as its secret and the broker say, by a task of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use csi_mount_core::decide::{Act, Rules, Shown, Why, decide};
use csi_mount_core::files::FilesError;
use csi_mount_core::ids::Slot;
use csi_mount_core::image::{self, ImageError, Stamp};
use csi_mount_core::refresh::Millis;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

use super::meta::Meta;
use super::plane::{Plane, PlaneError};
use super::secrets::{Reading, Source, Status};
use crate::clock;
use crate::metrics::Metrics;

/// How long to wait before the keeper is asked again.
const AGAIN: Millis = 500;

/// How a secret becomes files.
pub trait Render: Send + Sync + std::fmt::Debug {
    /// The files of a secret's JSON text.
    ///
    /// # Errors
    /// Which key cannot be shown.
    fn files(&self, text: &str) -> Result<Vec<csi_mount_core::files::Entry>, FilesError>;
}

/// Why a secret cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Its keys.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Its size.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// What is the same for as long as a volume is there.
#[derive(Clone, Debug)]
pub struct Spec {
    /// For messages: which volume it is.
    pub name: String,
    /// How its secret becomes files.
    pub files: Arc<dyn Render>,
    /// What becomes of them in trouble.
    pub rules: Rules,
}

impl Spec {
    /// The image of what was read.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn image(&self, reading: &Reading) -> Result<Zeroizing<Vec<u8>>, RenderError> {
        let files = self.files.files(reading.data.expose())?;
        let stamp = Stamp { version: reading.mark.version, modified: clock::unix_millis() / 1_000 };
        Ok(image::encode(files, stamp)?)
    }
}

/// A volume that is followed for as long as this is there.
#[derive(Debug)]
pub struct Following {
    source: watch::Sender<Arc<Source>>,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    slot: Slot,
    spec: Spec,
    plane: Plane,
    metrics: Metrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shown: Shown,
    stale: bool,
    meta: Meta,
}

/// What a volume begins with.
#[derive(Debug)]
pub struct Begin {
    /// Its folder.
    pub slot: Slot,
    /// How it is shown.
    pub spec: Spec,
    /// What it shows now.
    pub shown: Shown,
    /// Its notes.
    pub meta: Meta,
}

impl Following {
    /// Follows a source from now on.
    pub fn start(begin: Begin, source: Arc<Source>, plane: Plane, metrics: Metrics) -> Self {
        let Begin { slot, spec, shown, meta } = begin;
        let state = Mutex::new(State { shown, stale: false, meta });
        let shared = Arc::new(Shared { slot, spec, plane, metrics, state });
        let (source, followed) = watch::channel(source);
        let task = tokio::spawn(Arc::clone(&shared).follow(followed)).abort_handle();
        Self { source, shared, task }
    }

    /// The secret that it follows.
    pub fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source.borrow())
    }

    /// Follows another source, and notes another request.
    pub fn change(&self, source: Arc<Source>, meta: Meta) {
        self.shared.state(|state| {
            let shown = state.shown.clone();
            state.meta = meta;
            state.meta.show(&shown);
        });
        self.source.send_replace(source);
    }

    /// What it shows, and whether its secret cannot be read anew.
    pub fn shown(&self) -> (Shown, bool) {
        self.shared.state(|state| (state.shown.clone(), state.stale))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn follow(self: Arc<Self>, mut followed: watch::Receiver<Arc<Source>>) {
        loop {
            let source = Arc::clone(&followed.borrow_and_update());
            let (mut status, mut tokens) = (source.status(), source.identity().tokens());
            self.save(&source).await;
            loop {
                let now = status.borrow_and_update().clone();
                let until = self.work(&now, &source).await;
                tokio::select! {
                    changed = status.changed() => if changed.is_err() { return },
                    changed = tokens.changed() => match changed {
                        Ok(()) => self.save(&source).await,
                        Err(_) => return,
                    },
                    changed = followed.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    () = tokio::time::sleep(clock::remaining(until.unwrap_or(u64::MAX))) => {}
                }
            }
        }
    }

    /// Does what is to be done now. Returns when to look again if nothing happens before.
    async fn work(&self, status: &Status, source: &Source) -> Option<Millis> {
        let stale = status.trouble.is_some();
        let (shown, was_stale) =
            self.state(|state| (state.shown.clone(), std::mem::replace(&mut state.stale, stale)));
        self.say(status, was_stale);
        let done = match decide(clock::now(), status.known(), &shown, self.spec.rules) {
            Act::Nothing(until) => {
                if !stale {
                    self.metrics.rotated(None);
                }
                return until;
            }
            Act::Show => match &status.reading {
                Some(reading) => self.show(reading, shown.refused, source).await,
                None => return None,
            },
            Act::Restore => self.refuse(false).await,
            Act::Refuse(why) => {
                let volume = &self.spec.name;
                let error = status.trouble.as_ref().map(|(trouble, _)| trouble.to_string());
                let error = error.unwrap_or_default();
                match why {
                    Why::Denied => {
                        tracing::warn!(volume, error, "access to the files is refused from now on")
                    }
                    Why::Stale => {
                        tracing::warn!(volume, error, "the files are older than allowed; access is refused");
                    }
                }
                self.refuse(true).await
            }
        };
        match done {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(volume = self.spec.name, %error, "the volume cannot be changed; it is tried again");
                Some(clock::now().saturating_add(AGAIN))
            }
        }
    }

    /// Logs the first failure of a row, and the end of it.
    fn say(&self, status: &Status, was_stale: bool) {
        let volume = &self.spec.name;
        match &status.trouble {
            Some((trouble, _)) if !was_stale => {
                tracing::warn!(volume, error = %trouble, "the secret cannot be read");
                self.metrics.rotation_failed("ProviderError");
            }
            None if was_stale => tracing::info!(volume, "the secret can be read again"),
            _ => {}
        }
    }

    async fn show(&self, reading: &Reading, refused: bool, source: &Source) -> Result<(), PlaneError> {
        let volume = &self.spec.name;
        let version = reading.mark.version;
        let start = clock::now();
        match self.spec.image(reading) {
            Ok(image) => {
                self.plane.show(self.slot, &image).await?;
                if refused {
                    self.refuse(false).await?;
                }
                self.metrics.rotated(Some(Duration::from_millis(clock::now().saturating_sub(start))));
                tracing::info!(volume, version, "the files show this version");
            }
            Err(error) => {
                self.metrics.rotation_failed("FileWriteError");
                tracing::warn!(volume, version, %error, "this version cannot be shown; the files stay as they are");
            }
        }
        self.state(|state| {
            state.shown.mark = Some(reading.mark.clone());
            let shown = state.shown.clone();
            state.meta.show(&shown);
        });
        self.save(source).await;
        Ok(())
    }

    async fn refuse(&self, refused: bool) -> Result<(), PlaneError> {
        self.plane.refuse(self.slot, refused).await?;
        self.state(|state| state.shown.refused = refused);
        if !refused {
            tracing::info!(volume = self.spec.name, "access to the files is as before");
        }
        Ok(())
    }

    /// Writes the notes that the next process of this kind goes on with.
    async fn save(&self, source: &Source) {
        let bytes = self.state(|state| {
            note_token(&mut state.meta, source);
            state.meta.bytes()
        });
        if let Err(error) = self.plane.note(self.slot, &bytes).await {
            tracing::warn!(volume = self.spec.name, %error, "its notes are not kept");
        }
    }
}

/// Notes the token that a source is read with.
pub fn note_token(meta: &mut Meta, source: &Source) {
    let held = source.identity().held();
    meta.token_revoked = source.identity().is_ended();
    meta.token_ends = held.as_ref().and_then(|held| held.ends).unwrap_or(0);
    zeroize::Zeroize::zeroize(&mut meta.token);
    meta.token = held.map(|held| held.token.expose().to_owned()).unwrap_or_default();
}
