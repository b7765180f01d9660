//! The mounted tree: lookup, attributes, listing and reading by inode number and handle, over the generation in force.
//!
//! An inode number stays with its path from one generation to the next and is never given to another. A handle shows
//! what was there when it was opened, until it is closed or the secret is revoked. Linux asks for attributes by number:
//! `fstat` on a handle of an older generation shows the size of the newest.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::path::FilePath;
use crate::snapshot::{File, Node, Snapshot, diff};

#[cfg(test)]
mod tests;

/// The inode number of the mounted folder.
pub const ROOT: u64 = 1;
/// The most handles open at the same time.
pub const MAX_HANDLES: usize = 65_536;
/// The most names that one call of [`Tree::read_folder`] gives.
pub const LIST_BATCH: usize = 256;
/// The permission bits of folders.
pub const FOLDER_MODE: u16 = 0o555;

/// What the tree refuses.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TreeError {
    /// Nothing of this name or number.
    #[error("no such file")]
    NotFound,
    /// A file where a folder is needed.
    #[error("not a folder")]
    NotFolder,
    /// A folder where a file is needed.
    #[error("is a folder")]
    IsFolder,
    /// A handle that is not open.
    #[error("no such handle")]
    BadHandle,
    /// Over [`MAX_HANDLES`].
    #[error("{MAX_HANDLES} handles are open already")]
    TooManyHandles,
    /// The right to read was taken away.
    #[error("the secret was revoked")]
    Revoked,
    /// An attempt to change something.
    #[error("the mount is read-only")]
    ReadOnly,
}

/// File or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// File or folder.
    pub kind: Kind,
    /// Size in bytes; 0 for folders.
    pub size: u64,
    /// Permission bits.
    pub mode: u16,
    /// Number of links.
    pub links: u32,
    /// Time of change in seconds since 1970.
    pub modified: u64,
}

/// A file that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The handle.
    pub handle: u64,
    /// The file.
    pub path: FilePath,
    /// Version of the secret that the handle shows.
    pub version: u64,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Inode number.
    pub ino: u64,
    /// File or folder.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// Where the listing goes on after it.
    pub next: u64,
}

/// A part of a file; it keeps the content alive without a copy.
#[derive(Debug)]
pub struct Chunk {
    file: Arc<File>,
    start: usize,
    end: usize,
}

impl Chunk {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.file.bytes().get(self.start..self.end).unwrap_or_default()
    }
}

/// What the kernel should forget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// A file that went: its name, and watchers are told.
    Gone {
        /// Inode number of the folder.
        parent: u64,
        /// Inode number of the file.
        ino: u64,
        /// The name.
        name: String,
    },
    /// A name that leads elsewhere than before.
    Name {
        /// Inode number of the folder.
        parent: u64,
        /// The name.
        name: String,
    },
    /// Attributes and content.
    Inode(u64),
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    inodes: Inodes,
    view: Option<Arc<View>>,
    handles: BTreeMap<u64, Handle>,
    last_handle: u64,
}

/// Numbers of the paths of the newest generation.
#[derive(Debug)]
struct Inodes {
    numbers: BTreeMap<(FilePath, Kind), u64>,
    last: u64,
}

/// A generation with its inode numbers. Folders show the names in them, `.` and `..` come first.
#[derive(Debug)]
struct View {
    snapshot: Snapshot,
    nodes: BTreeMap<u64, Numbered>,
}

#[derive(Debug)]
struct Numbered {
    path: FilePath,
    parent: u64,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Folder(BTreeMap<String, (u64, Kind)>),
    File(Arc<File>),
}

#[derive(Debug)]
enum Handle {
    File {
        ino: u64,
        file: Arc<File>,
    },
    Folder {
        ino: u64,
        view: Arc<View>,
    },
    /// Opened before the secret was revoked.
    Dead,
}

impl Tree {
    /// A tree that shows a generation.
    pub fn new(snapshot: Snapshot) -> Self {
        let mut inodes = Inodes { numbers: BTreeMap::new(), last: ROOT };
        let view = Some(Arc::new(inodes.view(snapshot)));
        Self { inodes, view, handles: BTreeMap::new(), last_handle: 0 }
    }

    /// Shows another generation from now on; open handles keep theirs. What is as before keeps its time of change.
    ///
    /// # Returns
    /// What the kernel should forget.
    pub fn swap(&mut self, snapshot: Snapshot) -> Vec<Stale> {
        let old = self.view.take();
        let snapshot = match &old {
            Some(old) => snapshot.keeping(&old.snapshot),
            None => snapshot,
        };
        let new = Arc::new(self.inodes.view(snapshot));
        let stale = match old {
            Some(old) => stale_between(&old, &new),
            None => new.nodes.keys().copied().map(Stale::Inode).collect(),
        };
        self.view = Some(new);
        stale
    }

    /// Shows nothing from now on, and open handles neither: all contents are let go, every access is refused.
    ///
    /// # Returns
    /// What the kernel should forget.
    pub fn revoke(&mut self) -> Vec<Stale> {
        let Some(view) = self.view.take() else { return Vec::new() };
        self.handles.values_mut().for_each(|handle| *handle = Handle::Dead);
        let mut stale: Vec<Stale> = view.nodes.keys().copied().map(Stale::Inode).collect();
        let named = view.nodes.values().filter_map(|node| Some((node.parent, node.path.name()?)));
        stale.extend(named.map(|(parent, name)| Stale::Name { parent, name: name.to_owned() }));
        stale
    }

    /// Whether [`Tree::revoke`] was the last change.
    pub const fn is_revoked(&self) -> bool {
        self.view.is_none()
    }

    /// What is called `name` in a folder.
    ///
    /// # Errors
    /// [`TreeError::NotFound`], [`TreeError::NotFolder`], [`TreeError::Revoked`].
    pub fn lookup(&self, parent: u64, name: &str) -> Result<Attr, TreeError> {
        let view = self.view()?;
        let Shape::Folder(names) = &view.node(parent)?.shape else { return Err(TreeError::NotFolder) };
        let (ino, _) = names.get(name).ok_or(TreeError::NotFound)?;
        view.attr(*ino)
    }

    /// Attributes. With a handle those of what the handle shows. The root has some even when the secret is revoked.
    ///
    /// # Errors
    /// [`TreeError::NotFound`], [`TreeError::Revoked`].
    pub fn getattr(&self, ino: u64, handle: Option<u64>) -> Result<Attr, TreeError> {
        match handle.and_then(|handle| self.handles.get(&handle)) {
            Some(Handle::File { ino: at, file }) if *at == ino => return Ok(file_attr(ino, file)),
            Some(Handle::Folder { ino: at, view }) if *at == ino => return view.attr(ino),
            _ => {}
        }
        let Some(view) = &self.view else {
            let empty = Attr { ino, kind: Kind::Folder, size: 0, mode: FOLDER_MODE, links: 2, modified: 0 };
            return if ino == ROOT { Ok(empty) } else { Err(TreeError::Revoked) };
        };
        view.attr(ino).or_else(|error| {
            // A file that went while it is open: `fstat` asks by number, without the handle.
            self.handles
                .values()
                .find_map(|handle| match handle {
                    Handle::File { ino: at, file } if *at == ino => Some(file_attr(ino, file)),
                    _ => None,
                })
                .ok_or(error)
        })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`TreeError::NotFound`], [`TreeError::IsFolder`], [`TreeError::TooManyHandles`], [`TreeError::Revoked`].
    pub fn open(&mut self, ino: u64) -> Result<Opened, TreeError> {
        let view = self.view()?;
        let node = view.node(ino)?;
        let Shape::File(file) = &node.shape else { return Err(TreeError::IsFolder) };
        let (path, version) = (node.path.clone(), view.snapshot.stamp().version);
        let handle = Handle::File { ino, file: Arc::clone(file) };
        Ok(Opened { handle: self.add(handle)?, path, version })
    }

    /// Opens a folder for listing.
    ///
    /// # Returns
    /// The handle.
    ///
    /// # Errors
    /// [`TreeError::NotFound`], [`TreeError::NotFolder`], [`TreeError::TooManyHandles`], [`TreeError::Revoked`].
    pub fn open_folder(&mut self, ino: u64) -> Result<u64, TreeError> {
        let view = Arc::clone(self.view()?);
        match view.node(ino)?.shape {
            Shape::Folder(_) => self.add(Handle::Folder { ino, view }),
            Shape::File(_) => Err(TreeError::NotFolder),
        }
    }

    /// At most `size` bytes from `offset` on; none behind the end.
    ///
    /// # Errors
    /// [`TreeError::BadHandle`], [`TreeError::IsFolder`], [`TreeError::Revoked`].
    pub fn read(&self, handle: u64, offset: u64, size: u32) -> Result<Chunk, TreeError> {
        match self.handles.get(&handle) {
            Some(Handle::File { file, .. }) => {
                let length = file.bytes().len();
                let start = usize::try_from(offset).map_or(length, |offset| offset.min(length));
                let end = start.saturating_add(size as usize).min(length);
                Ok(Chunk { file: Arc::clone(file), start, end })
            }
            Some(Handle::Folder { .. }) => Err(TreeError::IsFolder),
            Some(Handle::Dead) => Err(TreeError::Revoked),
            None => Err(TreeError::BadHandle),
        }
    }

    /// At most [`LIST_BATCH`] names, from 0 or a [`Listed::next`] on; none at the end. `.` and `..` are among them.
    ///
    /// # Errors
    /// [`TreeError::BadHandle`], [`TreeError::NotFolder`], [`TreeError::Revoked`].
    pub fn read_folder(&self, handle: u64, offset: u64) -> Result<Vec<Listed>, TreeError> {
        let (ino, view) = match self.handles.get(&handle) {
            Some(Handle::Folder { ino, view }) => (*ino, view),
            Some(Handle::File { .. }) => return Err(TreeError::NotFolder),
            Some(Handle::Dead) => return Err(TreeError::Revoked),
            None => return Err(TreeError::BadHandle),
        };
        let folder = view.node(ino)?;
        let Shape::Folder(names) = &folder.shape else { return Err(TreeError::NotFolder) };
        let dots = [(".", ino, Kind::Folder), ("..", folder.parent, Kind::Folder)];
        let all =
            dots.into_iter().chain(names.iter().map(|(name, (ino, kind))| (name.as_str(), *ino, *kind)));
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let batch = (1_u64..).zip(all).skip(skip).take(LIST_BATCH);
        Ok(batch.map(|(next, (name, ino, kind))| Listed { ino, kind, name: name.to_owned(), next }).collect())
    }

    /// Closes a handle; one that is not open is no error.
    pub fn close(&mut self, handle: u64) {
        self.handles.remove(&handle);
    }

    fn view(&self) -> Result<&Arc<View>, TreeError> {
        self.view.as_ref().ok_or(TreeError::Revoked)
    }

    fn add(&mut self, handle: Handle) -> Result<u64, TreeError> {
        if self.handles.len() >= MAX_HANDLES {
            return Err(TreeError::TooManyHandles);
        }
        self.last_handle += 1;
        self.handles.insert(self.last_handle, handle);
        Ok(self.last_handle)
    }
}

impl Inodes {
    /// Numbers a generation: known paths keep their numbers, the numbers of paths that are not in it are never used again.
    fn view(&mut self, snapshot: Snapshot) -> View {
        let mut numbers = BTreeMap::new();
        let mut nodes: BTreeMap<u64, Numbered> = BTreeMap::new();
        for (path, node) in snapshot.nodes() {
            let (kind, shape) = match node {
                Node::Folder(_) => (Kind::Folder, Shape::Folder(BTreeMap::new())),
                Node::File(file) => (Kind::File, Shape::File(Arc::clone(file))),
            };
            let folder = path.parent().and_then(|folder| numbers.get(&(folder, Kind::Folder)).copied());
            let key = (path.clone(), kind);
            let ino = match (path.name(), self.numbers.get(&key)) {
                (None, _) => ROOT,
                (Some(_), Some(known)) => *known,
                (Some(_), None) => {
                    self.last += 1;
                    self.last
                }
            };
            let parent = folder.unwrap_or(ROOT);
            if let (Some(name), Some(Shape::Folder(names))) =
                (path.name(), nodes.get_mut(&parent).map(|folder| &mut folder.shape))
            {
                names.insert(name.to_owned(), (ino, kind));
            }
            nodes.insert(ino, Numbered { path: path.clone(), parent, shape });
            numbers.insert(key, ino);
        }
        self.numbers = numbers;
        View { snapshot, nodes }
    }
}

impl View {
    fn node(&self, ino: u64) -> Result<&Numbered, TreeError> {
        self.nodes.get(&ino).ok_or(TreeError::NotFound)
    }

    fn attr(&self, ino: u64) -> Result<Attr, TreeError> {
        Ok(match &self.node(ino)?.shape {
            Shape::File(file) => file_attr(ino, file),
            Shape::Folder(names) => {
                let folders = names.values().filter(|(_, kind)| *kind == Kind::Folder).count();
                let links = u32::try_from(folders).unwrap_or(u32::MAX).saturating_add(2);
                let modified = self.snapshot.stamp().modified;
                Attr { ino, kind: Kind::Folder, size: 0, mode: FOLDER_MODE, links, modified }
            }
        })
    }

    /// The number of what is at a path, with the number of its folder.
    fn number(&self, path: &FilePath) -> Option<(u64, u64)> {
        let mut at = (ROOT, ROOT);
        for name in path.segments() {
            let Shape::Folder(names) = &self.nodes.get(&at.1)?.shape else { return None };
            at = (at.1, names.get(name)?.0);
        }
        Some(at)
    }
}

fn file_attr(ino: u64, file: &File) -> Attr {
    let size = file.bytes().len() as u64;
    Attr { ino, kind: Kind::File, size, mode: file.mode(), links: 1, modified: file.modified() }
}

fn stale_between(old: &View, new: &View) -> Vec<Stale> {
    let difference = diff(&old.snapshot, &new.snapshot);
    let mut stale = Vec::new();
    for path in &difference.removed {
        let (Some((parent, ino)), Some(name)) = (old.number(path), path.name()) else { continue };
        let name = name.to_owned();
        stale.push(match old.snapshot.node(path) {
            Some(Node::File(_)) => Stale::Gone { parent, ino, name },
            _ => Stale::Name { parent, name },
        });
    }
    for path in &difference.added {
        if let (Some((parent, _)), Some(name)) = (new.number(path), path.name()) {
            stale.push(Stale::Name { parent, name: name.to_owned() });
        }
    }
    stale.extend(
        difference.changed.iter().filter_map(|path| new.number(path)).map(|(_, ino)| Stale::Inode(ino)),
    );
    stale
}
