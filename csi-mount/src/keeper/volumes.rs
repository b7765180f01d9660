//! What the keeper knows of each volume: enough to start any of the other processes again.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use csi_mount_core::ids::{Generation, Slot, TargetPath, VolumeId};
use csi_mount_core::wire::Owner;
use csi_mount_core::wire::children::ServerRequest;
use csi_mount_core::wire::control::VolumeState;

/// An open file that several messages may carry.
pub type File = Arc<OwnedFd>;

/// The most generations of a volume whose contents are kept.
pub const MAX_GENERATIONS: usize = 4;

/// A change from the generation that is shown to another one, begun and not over.
#[derive(Clone, Debug)]
pub struct Swap {
    /// The generation to show.
    pub to: Generation,
    /// What the mutator does, in a memory file.
    pub plan: File,
    /// The first step that is not done.
    pub next: u16,
}

/// One volume.
#[derive(Debug)]
pub struct Volume {
    /// What kubelet calls it.
    pub id: VolumeId,
    /// Where it is mounted.
    pub target: Option<TargetPath>,
    /// Owner of its files.
    pub owner: Owner,
    /// Permission bits of its folders.
    pub folder_mode: u16,
    /// The control process's own notes.
    pub meta: File,
    /// Whether it was mounted.
    pub attached: bool,
    /// Whether it is revoked.
    pub revoked: bool,
    /// What it shows.
    pub shown: Option<Generation>,
    /// The number of the latest image.
    pub latest: Option<Generation>,
    /// The images that are kept.
    pub images: BTreeMap<Generation, File>,
    /// A change under way.
    pub swap: Option<Swap>,
    /// What is being done; the first is under way.
    pub jobs: VecDeque<super::jobs::Job>,
}

impl Volume {
    /// What the control process is told of it.
    pub fn state(&self, slot: Slot) -> VolumeState {
        VolumeState {
            slot,
            volume_id: self.id.clone(),
            target: self.target.clone(),
            attached: self.attached,
            generation: self.shown,
            revoked: self.revoked,
        }
    }

    /// The next image's number; `None` when there are no more numbers.
    pub fn next_generation(&self) -> Option<Generation> {
        self.latest.map_or(Some(Generation::FIRST), Generation::next)
    }

    /// Whether an image is shown, is about to be, or came last.
    pub fn needs(&self, generation: Generation) -> bool {
        let needed = Some(generation);
        self.shown == needed || self.latest == needed || self.swap.as_ref().map(|swap| swap.to) == needed
    }

    /// The oldest image to let go, while there are more than [`MAX_GENERATIONS`].
    pub fn surplus(&self) -> Option<Generation> {
        let idle = |generation: &&Generation| !self.needs(**generation);
        self.images.keys().find(idle).copied().filter(|_| self.images.len() > MAX_GENERATIONS)
    }

    /// What a new server is told of it.
    pub fn retell(&self, slot: Slot) -> Vec<(ServerRequest, Option<File>)> {
        let (owner, folder_mode, revoked) = (self.owner, self.folder_mode, self.revoked);
        let mut told = vec![(ServerRequest::Volume { slot, owner, folder_mode, revoked }, None)];
        for (generation, image) in &self.images {
            told.push((ServerRequest::Load { slot, generation: *generation }, Some(Arc::clone(image))));
        }
        told.extend(self.shown.map(|generation| (ServerRequest::Show { slot, generation }, None)));
        told.extend(self.swap.as_ref().map(|swap| (ServerRequest::BeginSwap { slot, to: swap.to }, None)));
        told
    }
}
