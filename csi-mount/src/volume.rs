//! One mounted secret as both sides share it: the kernel's requests ask the tree, the follower changes it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use csi_mount_core::snapshot::Snapshot;
use csi_mount_core::tree::{Opened, Tree, TreeError};

use crate::readers;
use crate::records::{Open, Opens};

/// A mounted secret. The tree's lock is held for looking up and changing only, never while anything is read or written.
#[derive(Debug)]
pub struct Volume {
    tree: Mutex<Tree>,
    opens: Opens,
    at: PathBuf,
    /// Path of the secret.
    path: String,
    /// Owner of files and folders.
    pub uid: u32,
    /// Group of files and folders.
    pub gid: u32,
}

impl Volume {
    /// A volume that shows a snapshot of the secret `path`, to be mounted at `at`, and belongs to `(uid, gid)`.
    pub fn new(
        snapshot: Snapshot,
        opens: Opens,
        (at, path): (PathBuf, String),
        (uid, gid): (u32, u32),
    ) -> Self {
        Self { tree: Mutex::new(Tree::new(snapshot)), opens, at, path, uid, gid }
    }

    /// Asks or changes the tree.
    pub fn tree<T>(&self, work: impl FnOnce(&mut Tree) -> T) -> T {
        // A tree is whole after every call, so that a panic elsewhere makes it no worse.
        work(&mut self.tree.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens a file for the thread `tid` and notes it for the audit log.
    ///
    /// # Errors
    /// As [`Tree::open`].
    pub fn open(&self, ino: u64, tid: u32) -> Result<Opened, TreeError> {
        let opened = self.tree(|tree| tree.open(ino))?;
        let target = format!("file {}/{}", self.at.display(), opened.path);
        let object = readers::reader(tid).describe();
        let version = opened.version;
        self.opens.note(Open { object: &object, target: &target, path: &self.path, version });
        Ok(opened)
    }
}
