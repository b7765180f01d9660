//! What the control process asks of the keeper, and what it is told.

use serde::{Deserialize, Serialize};

use super::{Body, Event, Owner, Refusal, VolumeStats};
use crate::ids::{Generation, Slot, TargetPath, VolumeId};

/// Control process to keeper. Every request is answered by one [`KeeperReply`] of its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeeperRequest {
    /// Which volumes are there? → [`KeeperReply::State`]. From now on events are sent.
    Hello,
    /// What is known of one volume? → [`KeeperReply::Volume`].
    Recall {
        /// The volume.
        slot: Slot,
    },
    /// A new volume, not shown and not mounted yet; with the control process's own notes (meta) as descriptor
    /// → [`KeeperReply::Created`].
    Create {
        /// What kubelet calls it.
        volume_id: VolumeId,
        /// Where it is to be mounted; `None` for the one volume of a file system in single mode.
        target: Option<TargetPath>,
        /// Owner of its files and folders.
        owner: Owner,
        /// Permission bits of its folders.
        folder_mode: u16,
    },
    /// Shows the image in the descriptor from now on → [`KeeperReply::Shown`] once it is shown.
    Show {
        /// The volume.
        slot: Slot,
    },
    /// Mounts the volume at its target, whose last folder is made → [`KeeperReply::Attached`].
    Attach {
        /// The volume.
        slot: Slot,
    },
    /// Other notes for the volume, as descriptor → [`KeeperReply::Done`].
    Meta {
        /// The volume.
        slot: Slot,
    },
    /// Refuses every open and read, through open descriptors and mappings too → [`KeeperReply::Done`].
    Revoke {
        /// The volume.
        slot: Slot,
    },
    /// Takes a revocation back → [`KeeperReply::Done`].
    Restore {
        /// The volume.
        slot: Slot,
    },
    /// Unmounts whatever is mounted at a target and removes its last folder; nothing there is no error
    /// → [`KeeperReply::Detached`].
    Detach {
        /// Where.
        place: Place,
    },
    /// Lets the volume go: contents are wiped, descriptors are stale → [`KeeperReply::Done`].
    Drop {
        /// The volume.
        slot: Slot,
    },
    /// How much it holds → [`KeeperReply::Stats`].
    Stats {
        /// The volume.
        slot: Slot,
    },
}

/// A volume's target, or one that no volume is known for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// The target of a volume.
    Volume(Slot),
    /// A path.
    Target(TargetPath),
}

/// What the keeper knows of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeState {
    /// Its folder.
    pub slot: Slot,
    /// What kubelet calls it.
    pub volume_id: VolumeId,
    /// Where it is, or is to be, mounted.
    pub target: Option<TargetPath>,
    /// Whether it was mounted there.
    pub attached: bool,
    /// What it shows; `None` when nothing was shown yet.
    pub generation: Option<Generation>,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// Keeper to control process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeeperReply {
    /// The volumes there are, at most [`crate::superblock::MAX_VOLUMES`].
    State {
        /// Their slots in ascending order.
        slots: Vec<Slot>,
    },
    /// A volume, with its meta as descriptor.
    Volume(VolumeState),
    /// It was created.
    Created {
        /// Its slot.
        slot: Slot,
    },
    /// The image is shown.
    Shown {
        /// Its number.
        generation: Generation,
    },
    /// The volume is mounted.
    Attached,
    /// Nothing is mounted there any more, and the folder is gone.
    Detached,
    /// It was done.
    Done,
    /// How much a volume holds.
    Stats(VolumeStats),
    /// It was not done.
    Refused(Refusal),
    /// Answers nothing; its id is [`super::EVENT_ID`].
    Event(Event),
}

impl Body for KeeperRequest {
    fn descriptors(&self) -> usize {
        usize::from(matches!(self, Self::Create { .. } | Self::Show { .. } | Self::Meta { .. }))
    }
}

impl Body for KeeperReply {
    fn descriptors(&self) -> usize {
        usize::from(matches!(self, Self::Volume(_)))
    }
}
