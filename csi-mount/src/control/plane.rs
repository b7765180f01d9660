//! The keeper's requests as functions: contents and notes become sealed files in memory on the way.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use csi_mount_core::ids::{Generation, Slot, TargetPath, VolumeId};
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest, Place, VolumeState};
use csi_mount_core::wire::{Owner, Problem, VolumeStats};
use zeroize::Zeroizing;

use crate::link::control::{Answer, AskError, Keeper};
use crate::memory::{self, Mapping};

/// The longest notes of a volume in bytes.
pub const MAX_META_BYTES: usize = 1 << 20;

/// Why something was not done with a volume.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// The keeper.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Memory files.
    #[error("no file in memory can be made: {0}")]
    Memory(#[from] io::Error),
    /// An answer to something else.
    #[error("the keeper has answered something else than was asked; run one version of keyreeve-csi")]
    Unexpected,
}

impl PlaneError {
    /// The keeper's class of it, if it has refused.
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Ask(AskError::Refused(refusal)) => Some(refusal.problem),
            _ => None,
        }
    }
}

/// A volume that is to be made.
#[derive(Debug)]
pub struct NewVolume {
    /// What kubelet calls it.
    pub volume_id: VolumeId,
    /// Where it is to be mounted; `None` for the only one.
    pub target: Option<TargetPath>,
    /// Owner of its files and folders.
    pub owner: Owner,
    /// Permission bits of its folders.
    pub folder_mode: u16,
}

/// The keeper. Clones share the link.
#[derive(Clone, Debug)]
pub struct Plane(pub Keeper);

impl Plane {
    async fn ask(&self, request: KeeperRequest, file: Option<OwnedFd>) -> Result<Answer, PlaneError> {
        Ok(self.0.ask(&request, file).await?)
    }

    async fn done(&self, request: KeeperRequest) -> Result<(), PlaneError> {
        match self.ask(request, None).await?.reply {
            KeeperReply::Done | KeeperReply::Attached | KeeperReply::Detached => Ok(()),
            _ => Err(PlaneError::Unexpected),
        }
    }

    /// The volumes there are; events are told from now on.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn hello(&self) -> Result<Vec<Slot>, PlaneError> {
        match self.ask(KeeperRequest::Hello, None).await?.reply {
            KeeperReply::State { slots } => Ok(slots),
            _ => Err(PlaneError::Unexpected),
        }
    }

    /// What is known of a volume, with its notes.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn recall(&self, slot: Slot) -> Result<(VolumeState, Zeroizing<Vec<u8>>), PlaneError> {
        let answer = self.ask(KeeperRequest::Recall { slot }, None).await?;
        let (KeeperReply::Volume(state), Some(file)) = (answer.reply, answer.file) else {
            return Err(PlaneError::Unexpected);
        };
        let notes = Mapping::of(file.as_fd(), MAX_META_BYTES)?;
        Ok((state, Zeroizing::new(notes.to_vec())))
    }

    /// A new volume that is not shown yet.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn create(&self, new: NewVolume, notes: &[u8]) -> Result<Slot, PlaneError> {
        let NewVolume { volume_id, target, owner, folder_mode } = new;
        let request = KeeperRequest::Create { volume_id, target, owner, folder_mode };
        match self.ask(request, Some(memory::sealed("meta", notes)?)).await?.reply {
            KeeperReply::Created { slot } => Ok(slot),
            _ => Err(PlaneError::Unexpected),
        }
    }

    /// Shows an image from now on.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn show(&self, slot: Slot, image: &[u8]) -> Result<Generation, PlaneError> {
        let image = memory::sealed("files", image)?;
        match self.ask(KeeperRequest::Show { slot }, Some(image)).await?.reply {
            KeeperReply::Shown { generation } => Ok(generation),
            _ => Err(PlaneError::Unexpected),
        }
    }

    /// Mounts a volume at its target.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn attach(&self, slot: Slot) -> Result<(), PlaneError> {
        self.done(KeeperRequest::Attach { slot }).await
    }

    /// Keeps other notes for a volume.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn note(&self, slot: Slot, notes: &[u8]) -> Result<(), PlaneError> {
        let notes = memory::sealed("meta", notes)?;
        match self.ask(KeeperRequest::Meta { slot }, Some(notes)).await?.reply {
            KeeperReply::Done => Ok(()),
            _ => Err(PlaneError::Unexpected),
        }
    }

    /// Refuses every access to a volume, or takes that back.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn refuse(&self, slot: Slot, refused: bool) -> Result<(), PlaneError> {
        let request = if refused { KeeperRequest::Revoke { slot } } else { KeeperRequest::Restore { slot } };
        self.done(request).await
    }

    /// Unmounts what is at a place and removes its last folder.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn detach(&self, place: Place) -> Result<(), PlaneError> {
        self.done(KeeperRequest::Detach { place }).await
    }

    /// Lets a volume go; one that is not there is no error.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn release(&self, slot: Slot) -> Result<(), PlaneError> {
        match self.done(KeeperRequest::Drop { slot }).await {
            Err(error) if error.problem() == Some(Problem::NotFound) => Ok(()),
            done => done,
        }
    }

    /// How much a volume holds.
    ///
    /// # Errors
    /// [`PlaneError`].
    pub async fn stats(&self, slot: Slot) -> Result<VolumeStats, PlaneError> {
        match self.ask(KeeperRequest::Stats { slot }, None).await?.reply {
            KeeperReply::Stats(stats) => Ok(stats),
            _ => Err(PlaneError::Unexpected),
        }
    }
}
