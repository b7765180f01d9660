//! An immutable generation of files, built within limits, and the difference of two generations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

pub use crate::files::Entry;
pub use crate::image::MAX_MODE;
use crate::path::FilePath;

#[cfg(test)]
mod tests;

/// Where a generation comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Version of the secret; 0 where it has none.
    pub version: u64,
    /// Time of change that its files show, in seconds since 1970.
    pub modified: u64,
}

/// Bounds of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub max_files: usize,
    /// Bytes of all files together.
    pub max_bytes: usize,
}

impl Default for Limits {
    /// 1,000 files, 1 MiB.
    fn default() -> Self {
        Self { max_files: 1_000, max_bytes: 1 << 20 }
    }
}

/// Why entries are no generation.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// Over [`Limits::max_files`].
    #[error("{found} files are over the limit of {limit}; mount fewer keys")]
    TooManyFiles {
        /// Files there are.
        found: usize,
        /// Files there may be.
        limit: usize,
    },
    /// Over [`Limits::max_bytes`].
    #[error("{found} bytes in all files are over the limit of {limit}; mount fewer or smaller keys")]
    TooManyBytes {
        /// Bytes there are.
        found: usize,
        /// Bytes there may be.
        limit: usize,
    },
    /// Two files of one name.
    #[error("{path:?} is there twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// A name that is a file and a folder.
    #[error("{path:?} would be a file and a folder")]
    FileAndFolder {
        /// The path.
        path: String,
    },
    /// More than permission bits.
    #[error("mode {mode:o} of {path:?} is over 0777")]
    Mode {
        /// The path.
        path: String,
        /// The mode.
        mode: u16,
    },
}

/// The content of a file. It is wiped when the last handle and generation that show it are gone.
pub struct File {
    bytes: Zeroizing<Vec<u8>>,
    mode: u16,
    modified: u64,
}

impl File {
    /// The content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The permission bits.
    pub const fn mode(&self) -> u16 {
        self.mode
    }

    /// Time of change in seconds since 1970.
    pub const fn modified(&self) -> u64 {
        self.modified
    }

    fn shows_the_same(&self, other: &Self) -> bool {
        self.mode == other.mode && *self.bytes == *other.bytes
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({} bytes)", self.bytes.len())
    }
}

/// What is at a path.
#[derive(Clone, Debug)]
pub enum Node {
    /// A folder with these names in it.
    Folder(BTreeSet<String>),
    /// A file.
    File(Arc<File>),
}

/// A generation of files. It never changes.
#[derive(Debug)]
pub struct Snapshot {
    stamp: Stamp,
    nodes: BTreeMap<FilePath, Node>,
}

/// How one generation differs from an earlier one. Paths of files and folders, each list sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the new one. What became a file from a folder, or a folder from a file, is here and in `removed`.
    pub added: Vec<FilePath>,
    /// Files with other content or mode, and folders with other names in them.
    pub changed: Vec<FilePath>,
    /// Only in the old one.
    pub removed: Vec<FilePath>,
}

impl Snapshot {
    /// Builds a generation.
    ///
    /// # Errors
    /// The first limit that is exceeded, or the first entry that does not go with the others.
    pub fn build(entries: Vec<Entry>, stamp: Stamp, limits: &Limits) -> Result<Self, SnapshotError> {
        if entries.len() > limits.max_files {
            return Err(SnapshotError::TooManyFiles { found: entries.len(), limit: limits.max_files });
        }
        let found = entries.iter().fold(0_usize, |sum, entry| sum.saturating_add(entry.bytes.len()));
        if found > limits.max_bytes {
            return Err(SnapshotError::TooManyBytes { found, limit: limits.max_bytes });
        }
        let mut nodes = BTreeMap::from([(FilePath::root(), Node::Folder(BTreeSet::new()))]);
        for entry in entries {
            insert(&mut nodes, entry, stamp.modified)?;
        }
        Ok(Self { stamp, nodes })
    }

    /// The same generation, where files that are as in `old` are the ones of `old`, with their time of change. If all
    /// is as in `old`, the folders keep their time too.
    #[must_use]
    pub fn keeping(mut self, old: &Self) -> Self {
        for (path, node) in &mut self.nodes {
            if let (Node::File(file), Some(Node::File(before))) = (&mut *node, old.nodes.get(path))
                && file.shows_the_same(before)
            {
                *file = Arc::clone(before);
            }
        }
        if diff(old, &self) == Difference::default() {
            self.stamp.modified = old.stamp.modified;
        }
        self
    }

    /// Where it comes from.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Everything in it: each folder stands before what is in it, the root first.
    pub fn nodes(&self) -> impl Iterator<Item = (&FilePath, &Node)> {
        self.nodes.iter()
    }

    /// What is at a path.
    pub fn node(&self, path: &FilePath) -> Option<&Node> {
        self.nodes.get(path)
    }
}

/// How `new` differs from `old`.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Difference {
    let mut difference = Difference::default();
    for (path, node) in &new.nodes {
        match (old.nodes.get(path), node) {
            (Some(Node::Folder(before)), Node::Folder(now)) if before == now => {}
            (Some(Node::File(before)), Node::File(now)) if before.shows_the_same(now) => {}
            (Some(Node::Folder(_)), Node::Folder(_)) | (Some(Node::File(_)), Node::File(_)) => {
                difference.changed.push(path.clone());
            }
            (Some(_), _) => {
                difference.removed.push(path.clone());
                difference.added.push(path.clone());
            }
            (None, _) => difference.added.push(path.clone()),
        }
    }
    let gone = old.nodes.keys().filter(|path| !new.nodes.contains_key(path)).cloned();
    difference.removed.extend(gone);
    difference.removed.sort();
    difference
}

fn insert(nodes: &mut BTreeMap<FilePath, Node>, entry: Entry, modified: u64) -> Result<(), SnapshotError> {
    let Entry { path, bytes, mode } = entry;
    if mode > MAX_MODE {
        return Err(SnapshotError::Mode { path: path.to_string(), mode });
    }
    for (folder, name) in path.steps() {
        match nodes.entry(folder).or_insert_with(|| Node::Folder(BTreeSet::new())) {
            Node::Folder(names) => names.insert(name.to_owned()),
            Node::File(_) => return Err(SnapshotError::FileAndFolder { path: path.to_string() }),
        };
    }
    match nodes.get(&path) {
        None => {}
        Some(Node::File(_)) => return Err(SnapshotError::Twice { path: path.to_string() }),
        Some(Node::Folder(_)) => return Err(SnapshotError::FileAndFolder { path: path.to_string() }),
    }
    nodes.insert(path, Node::File(Arc::new(File { bytes, mode, modified })));
    Ok(())
}
