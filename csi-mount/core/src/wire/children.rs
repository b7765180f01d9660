//! What the keeper asks of the server and of the mutator, and what they answer.

use serde::{Deserialize, Serialize};

use super::{Body, Event, Owner, Refusal, VolumeStats};
use crate::ids::{Generation, Slot, TargetPath};

/// What was agreed with the kernel when the file system was mounted. A new server must keep to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Negotiated {
    /// Major version of the protocol.
    pub major: u32,
    /// Minor version of the protocol.
    pub minor: u32,
    /// Bytes that the kernel reads ahead at most.
    pub max_readahead: u32,
    /// What the kernel can do.
    pub capabilities: u64,
    /// What was asked of it.
    pub requested: u64,
}

/// What the root of the file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A folder for each volume.
    Node,
    /// One volume, in slot 1.
    Single,
}

/// Keeper to server. Every request is answered by one [`ServerReply`] of its id.
///
/// A new server is told, in this order: `Begin`, for each volume `Volume`, its `Load`s, `Show` of what it shows or
/// showed before a swap under way, `BeginSwap` for that swap, and at last `Serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerRequest {
    /// The first request.
    Begin {
        /// What the root is.
        shape: Shape,
        /// Which server process this is, counted from 1: part of the handles it gives.
        epoch: u32,
    },
    /// Only this process may change anything from now on.
    Mutator {
        /// Its number.
        pid: u32,
    },
    /// A volume that shows nothing yet.
    Volume {
        /// Its folder.
        slot: Slot,
        /// Owner of its files and folders.
        owner: Owner,
        /// Permission bits of its folders.
        folder_mode: u16,
        /// Whether it is revoked.
        revoked: bool,
    },
    /// Takes the image in the descriptor in, without showing it.
    Load {
        /// The volume.
        slot: Slot,
        /// Its number.
        generation: Generation,
    },
    /// Shows a generation at once: the first one, or after a restart the one that was shown.
    Show {
        /// The volume.
        slot: Slot,
        /// Its number.
        generation: Generation,
    },
    /// Accepts the changes that lead from the generation shown to another, from the step on that the steps page tells
    /// → [`ServerReply::SwapBegun`].
    BeginSwap {
        /// The volume.
        slot: Slot,
        /// The generation to show.
        to: Generation,
    },
    /// The swap is over: an error when steps are missing.
    EndSwap {
        /// The volume.
        slot: Slot,
    },
    /// Lets a generation go that is not shown.
    Unload {
        /// The volume.
        slot: Slot,
        /// Its number.
        generation: Generation,
    },
    /// Refuses every open and read.
    Revoke {
        /// The volume.
        slot: Slot,
    },
    /// Takes a revocation back.
    Restore {
        /// The volume.
        slot: Slot,
    },
    /// Lets a volume go with all its generations.
    Drop {
        /// The volume.
        slot: Slot,
    },
    /// How much it holds.
    Stats {
        /// The volume.
        slot: Slot,
    },
    /// Serves from now on → [`ServerReply::Serving`].
    Serve {
        /// What was agreed with the kernel; `None` at the first start.
        negotiated: Option<Negotiated>,
    },
}

/// Server to keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerReply {
    /// It was done.
    Done,
    /// The changes are accepted; the plan for the mutator is in the descriptor.
    SwapBegun {
        /// Steps of the plan.
        steps: u16,
        /// The first step that is not done yet.
        next: u16,
    },
    /// It serves.
    Serving {
        /// What was agreed with the kernel.
        negotiated: Negotiated,
    },
    /// How much a volume holds.
    Stats(VolumeStats),
    /// It was not done.
    Refused(Refusal),
    /// Nobody reads a generation any more that is not shown: its image may be let go. Answers nothing.
    Unused {
        /// The volume.
        slot: Slot,
        /// Its number.
        generation: Generation,
    },
    /// Answers nothing.
    Event(Event),
}

/// Keeper to mutator. Every request is answered by one [`MutatorReply`] of its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MutatorRequest {
    /// Does the steps of the plan in the descriptor, from `next` on.
    Swap {
        /// The volume.
        slot: Slot,
        /// The first step that is not done yet.
        next: u16,
    },
    /// Makes the last folder of the target and mounts the volume there.
    Attach {
        /// The volume.
        slot: Slot,
        /// Where.
        target: TargetPath,
    },
    /// Unmounts everything at the target and removes its last folder.
    Detach {
        /// Where.
        target: TargetPath,
    },
}

/// Mutator to keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MutatorReply {
    /// It was done.
    Done,
    /// It was not done.
    Refused(Refusal),
}

impl Body for ServerRequest {
    fn descriptors(&self) -> usize {
        usize::from(matches!(self, Self::Load { .. }))
    }
}

impl Body for ServerReply {
    fn descriptors(&self) -> usize {
        usize::from(matches!(self, Self::SwapBegun { .. }))
    }
}

impl Body for MutatorRequest {
    fn descriptors(&self) -> usize {
        usize::from(matches!(self, Self::Swap { .. }))
    }
}

impl Body for MutatorReply {
    fn descriptors(&self) -> usize {
        0
    }
}
