//! What the control process asked for and is being done: one thing after another for each volume, through any restart.

use csi_mount_core::ids::{Generation, TargetPath};

/// Where the answer goes: the request's number and which control process asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request's number.
    pub id: u64,
    /// Which control process it was, counted from 1.
    pub by: u64,
}

/// One thing to do.
#[derive(Debug)]
pub struct Job {
    /// Who waits for it.
    pub asked: Asked,
    /// What it is.
    pub work: Work,
}

/// What is to be done, and how far it is.
#[derive(Debug)]
pub enum Work {
    /// The server is told of a new volume.
    Create,
    /// An image is to be shown.
    Show {
        /// The image.
        image: super::volumes::File,
        /// How far it is.
        step: ShowStep,
    },
    /// The mutator mounts.
    Attach(TargetPath),
    /// The mutator unmounts.
    Detach(TargetPath),
    /// The server refuses reads, or no longer.
    Revoke(bool),
    /// The server lets go.
    Drop,
    /// The server counts.
    Stats,
}

/// How far the showing of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowStep {
    /// Nothing is done yet.
    New,
    /// A swap that was left half done is finished first: the mutator is at it.
    Resuming,
    /// The same: the server concludes it.
    Resumed,
    /// The server takes the image in.
    Loading(Generation),
    /// The server shows the first image.
    First(Generation),
    /// The server gets ready for the change.
    Beginning(Generation),
    /// The mutator makes the change.
    Swapping(Generation),
    /// The server concludes it.
    Ending(Generation),
}
