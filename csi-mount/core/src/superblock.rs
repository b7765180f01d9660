//! The whole file system: a folder for each volume, its generations, and what the mutator may change while one takes the
//! place of another.
//!
//! Inode numbers are a function of what they stand for, so that another server process gives the same ones.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::ids::{Generation, Slot};
use crate::image::{Chunk, Image, NodeKind};
use crate::wire::children::Shape;
use crate::wire::{Outcome, Owner, VolumeStats};

mod ino;
mod layout;
pub mod plan;
mod volume;

#[cfg(test)]
mod tests;

use self::ino::Place;
pub use self::ino::ROOT;
use self::plan::Step;
use self::volume::Volume;

/// The most volumes at the same time.
pub const MAX_VOLUMES: usize = 4_096;
/// The most descriptors that are open at the same time.
pub const MAX_HANDLES: u64 = 1 << 20;
/// Permission bits of the folder that holds all volumes: nobody but the mutator is to look around there.
const ROOT_MODE: u16 = 0o700;

/// Why the kernel or the keeper is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FsError {
    /// No such name.
    #[error("there is no such file")]
    NotFound,
    /// A file where a folder is needed.
    #[error("it is no folder")]
    NotFolder,
    /// A folder where a file is needed.
    #[error("it is a folder")]
    IsFolder,
    /// Its volume or generation was let go.
    #[error("it was let go")]
    Stale,
    /// The secret is revoked.
    #[error("the secret is revoked")]
    Revoked,
    /// Only the mutator changes anything, and only what is planned.
    #[error("nobody may change it")]
    ReadOnly,
    /// It is there already.
    #[error("it is there already")]
    Exists,
    /// Too many descriptors.
    #[error("too many files are open; at most {MAX_HANDLES}")]
    TooManyHandles,
    /// The keeper asks for what does not fit.
    #[error("the volume is not in the state for that")]
    State,
    /// Over [`MAX_VOLUMES`].
    #[error("there are {MAX_VOLUMES} volumes already")]
    TooManyVolumes,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

/// Attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u16,
    /// Bytes.
    pub size: u64,
    /// Names it has.
    pub links: u32,
    /// Owner.
    pub owner: Owner,
    /// Time of change in seconds since 1970.
    pub modified: u64,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Inode number.
    pub ino: u64,
    /// What it is.
    pub kind: Kind,
}

/// A file that is opened, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its volume.
    pub slot: Slot,
    /// Its generation.
    pub generation: Generation,
    /// Its path within the volume.
    pub path: String,
    /// The secret's version.
    pub version: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// A generation that nobody needs any more.
pub type Unused = (Slot, Generation);

/// The file system.
#[derive(Debug)]
pub struct Superblock {
    shape: Shape,
    volumes: BTreeMap<Slot, Volume>,
    handles: u64,
    /// Whether the kernel may have descriptors that were given by an earlier server.
    inherits: bool,
}

impl Superblock {
    /// Without volumes. `inherits`: an earlier server may have opened files.
    pub const fn new(shape: Shape, inherits: bool) -> Self {
        Self { shape, volumes: BTreeMap::new(), handles: 0, inherits }
    }

    /// What an earlier server did is told now; what is loaded from here on is this server's own.
    pub const fn serves(&mut self) {
        self.inherits = false;
    }

    /// A new volume that shows nothing. The same one again is no error.
    ///
    /// # Errors
    /// [`FsError::TooManyVolumes`].
    pub fn create(
        &mut self,
        slot: Slot,
        owner: Owner,
        folder_mode: u16,
        revoked: bool,
    ) -> Result<(), FsError> {
        if self.volumes.len() >= MAX_VOLUMES {
            return Err(FsError::TooManyVolumes);
        }
        self.volumes.entry(slot).or_insert_with(|| Volume::new(owner, folder_mode, revoked));
        Ok(())
    }

    fn volume(&mut self, slot: Slot) -> Result<&mut Volume, FsError> {
        self.volumes.get_mut(&slot).ok_or(FsError::NotFound)
    }

    /// Takes an image in, without showing it.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn load(&mut self, slot: Slot, generation: Generation, image: Image) -> Result<(), FsError> {
        let inherited = self.inherits;
        self.volume(slot)?.load(generation, image, inherited);
        Ok(())
    }

    /// Shows a generation at once.
    ///
    /// # Errors
    /// [`FsError::NotFound`], [`FsError::State`].
    pub fn show(&mut self, slot: Slot, generation: Generation) -> Result<(), FsError> {
        self.volume(slot)?.show(generation)
    }

    /// Accepts the steps that lead to another generation; `step` is what the steps page tells of the volume. Gives the whole
    /// plan and the first step that is not done.
    ///
    /// # Errors
    /// [`FsError::NotFound`], [`FsError::State`].
    pub fn begin_swap(&mut self, slot: Slot, to: Generation, step: u32) -> Result<(Vec<Step>, u16), FsError> {
        self.volume(slot)?.begin_swap(to, step)
    }

    /// The swap is over. Gives the generations that are let go, since nobody reads them any more.
    ///
    /// # Errors
    /// [`FsError::NotFound`]; [`FsError::State`] when steps are missing.
    pub fn end_swap(&mut self, slot: Slot) -> Result<Vec<Unused>, FsError> {
        let volume = self.volume(slot)?;
        volume.end_swap()?;
        Ok(volume.take_unused().into_iter().map(|generation| (slot, generation)).collect())
    }

    /// Lets a generation go, read or not. One that is not there is no error.
    ///
    /// # Errors
    /// [`FsError::State`] while it is shown.
    pub fn unload(&mut self, slot: Slot, generation: Generation) -> Result<(), FsError> {
        let handles = self.volume(slot)?.unload(generation)?;
        self.handles = self.handles.saturating_sub(handles);
        Ok(())
    }

    /// Refuses opens and reads, or no longer. Gives the inodes of all files, for the kernel to forget.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn revoke(&mut self, slot: Slot, revoked: bool) -> Result<Vec<u64>, FsError> {
        let volume = self.volume(slot)?;
        volume.revoked = revoked;
        Ok(volume.files().map(|(generation, index)| Place::Node(slot, generation, index).ino()).collect())
    }

    /// Lets a volume go. Gives the inodes of all files.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn remove(&mut self, slot: Slot) -> Result<Vec<u64>, FsError> {
        let inodes = self.revoke(slot, true)?;
        if let Some(volume) = self.volumes.remove(&slot) {
            self.handles = self.handles.saturating_sub(volume.handles());
        }
        Ok(inodes)
    }

    /// How much a volume holds.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn stats(&mut self, slot: Slot) -> Result<VolumeStats, FsError> {
        Ok(self.volume(slot)?.stats())
    }

    fn place(&self, ino: u64) -> Result<Place, FsError> {
        match (self.shape, ino) {
            (Shape::Single, ROOT) => Ok(Place::Volume(Slot::FIRST)),
            _ => Place::of(ino).ok_or(FsError::Stale),
        }
    }

    fn ino(&self, place: Place) -> u64 {
        match (self.shape, place) {
            (Shape::Single, Place::Volume(_)) => ROOT,
            _ => place.ino(),
        }
    }

    fn of(&self, slot: Slot) -> Result<&Volume, FsError> {
        self.volumes.get(&slot).ok_or(FsError::Stale)
    }

    /// What has a name in a folder.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn lookup(&self, parent: u64, name: &str) -> Result<Attr, FsError> {
        let place = match self.place(parent)? {
            Place::Root => {
                let slot = Slot::of_folder(name).filter(|slot| self.volumes.contains_key(slot));
                Place::Volume(slot.ok_or(FsError::NotFound)?)
            }
            Place::Volume(slot) => self.of(slot)?.at_top(slot, name).ok_or(FsError::NotFound)?,
            Place::Node(slot, generation, index) => {
                // What was removed is absent, as on any file system.
                let image = self.of(slot)?.image(generation)?;
                match image.node(index).map(|node| &node.kind) {
                    Some(NodeKind::Folder(_)) => {}
                    Some(NodeKind::File { .. }) => return Err(FsError::NotFolder),
                    None => return Err(FsError::Stale),
                }
                let child = image.child(index, name).filter(|i| !self.is_removed(slot, generation, *i));
                Place::Node(slot, generation, child.ok_or(FsError::NotFound)?)
            }
            Place::Data(..) | Place::Link(..) => return Err(FsError::NotFolder),
        };
        self.attr(place)
    }

    fn is_removed(&self, slot: Slot, generation: Generation, index: u16) -> bool {
        self.volumes.get(&slot).is_some_and(|volume| volume.is_removed(generation, index))
    }

    /// Attributes of an inode.
    ///
    /// # Errors
    /// [`FsError::Stale`].
    pub fn getattr(&self, ino: u64) -> Result<Attr, FsError> {
        self.attr(self.place(ino)?)
    }

    fn attr(&self, place: Place) -> Result<Attr, FsError> {
        let ino = self.ino(place);
        let base = Attr {
            ino,
            kind: Kind::Folder,
            mode: ROOT_MODE,
            size: 0,
            links: 2,
            owner: Owner::default(),
            modified: 0,
        };
        let Some(slot) = place.slot() else { return Ok(base) };
        let volume = self.of(slot)?;
        let base =
            Attr { owner: volume.owner, mode: volume.folder_mode, modified: volume.modified(), ..base };
        let link = |size: usize| Attr { kind: Kind::Link, mode: 0o777, size: size as u64, links: 1, ..base };
        Ok(match place {
            Place::Root | Place::Volume(_) => base,
            Place::Data(_, generation) => {
                link(layout::folder_name(generation, volume.image(generation)?).len())
            }
            Place::Link(_, hash) => {
                link(volume.link(hash).ok_or(FsError::Stale)?.len() + layout::DATA.len() + 1)
            }
            Place::Node(_, generation, index) => {
                let image = volume.image(generation)?;
                let node = image.node(index).ok_or(FsError::Stale)?;
                let base = Attr { modified: image.stamp().modified, size: node.size(), ..base };
                match node.kind {
                    NodeKind::Folder(_) => base,
                    NodeKind::File { mode, .. } => Attr { kind: Kind::File, mode, links: 1, ..base },
                }
            }
        })
    }

    /// Where a link leads.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn readlink(&self, ino: u64) -> Result<String, FsError> {
        match self.place(ino)? {
            Place::Data(slot, generation) => {
                Ok(layout::folder_name(generation, self.of(slot)?.image(generation)?))
            }
            Place::Link(slot, hash) => {
                Ok(format!("{}/{}", layout::DATA, self.of(slot)?.link(hash).ok_or(FsError::Stale)?))
            }
            _ => Err(FsError::State),
        }
    }

    /// All names of a folder, in an order that stays.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn names(&self, ino: u64) -> Result<Vec<Name>, FsError> {
        let place = self.place(ino)?;
        let named = |(name, place): (String, Place)| {
            let kind = self.attr(place).map(|attr| attr.kind).unwrap_or(Kind::File);
            Name { name, ino: self.ino(place), kind }
        };
        let own = |name: &str| Name { name: name.to_owned(), ino, kind: Kind::Folder };
        let mut names = vec![own("."), own("..")];
        match place {
            Place::Root => {
                names.extend(self.volumes.keys().map(|slot| named((slot.folder(), Place::Volume(*slot)))))
            }
            Place::Volume(slot) => names.extend(self.of(slot)?.top(slot).into_iter().map(named)),
            Place::Node(slot, generation, index) => {
                let image = self.of(slot)?.image(generation)?;
                let Some(NodeKind::Folder(children)) = image.node(index).map(|node| &node.kind) else {
                    return Err(FsError::NotFolder);
                };
                let here = children.iter().filter(|child| !self.is_removed(slot, generation, **child));
                names.extend(here.filter_map(|child| {
                    let name = image.node(*child)?.name.clone();
                    Some(named((name, Place::Node(slot, generation, *child))))
                }));
            }
            Place::Data(..) | Place::Link(..) => return Err(FsError::NotFolder),
        }
        Ok(names)
    }

    /// Opens a file for reading; what is told of it is for the audit log.
    ///
    /// # Errors
    /// [`FsError`] when there is no such file at all.
    pub fn open(&mut self, ino: u64) -> Result<Open, FsError> {
        let Place::Node(slot, generation, index) = self.place(ino)? else { return Err(FsError::IsFolder) };
        if self.handles >= MAX_HANDLES {
            return Err(FsError::TooManyHandles);
        }
        let volume = self.volumes.get_mut(&slot).ok_or(FsError::Stale)?;
        // The kernel looks a path up again whose inode is stale.
        let image = volume.image(generation).map_err(|_| FsError::Stale)?;
        match image.node(index).map(|node| &node.kind) {
            Some(NodeKind::File { .. }) => {}
            Some(NodeKind::Folder(_)) => return Err(FsError::IsFolder),
            None => return Err(FsError::Stale),
        }
        let (path, version) = (image.path(index), image.stamp().version);
        let outcome = if volume.revoked { Outcome::Revoked } else { Outcome::Granted };
        if outcome == Outcome::Granted {
            volume.opened(generation);
            self.handles = self.handles.saturating_add(1);
        }
        Ok(Open { slot, generation, path, version, outcome })
    }

    /// Reads a file by its inode, whichever server opened it.
    ///
    /// # Errors
    /// [`FsError::Revoked`], [`FsError::Stale`], [`FsError::IsFolder`].
    pub fn read(&self, ino: u64, offset: u64, size: u32) -> Result<Chunk, FsError> {
        let Place::Node(slot, generation, index) = self.place(ino)? else { return Err(FsError::IsFolder) };
        let volume = self.of(slot)?;
        if volume.revoked {
            return Err(FsError::Revoked);
        }
        let image = volume.image(generation).map_err(|_| FsError::Stale)?;
        image.read(index, offset, size).ok_or(FsError::IsFolder)
    }

    /// A descriptor that this server gave is closed. Gives the generations that are let go, since nobody reads them any more.
    pub fn close(&mut self, ino: u64) -> Vec<Unused> {
        let Ok(Place::Node(slot, generation, _)) = self.place(ino) else { return Vec::new() };
        let Some(volume) = self.volumes.get_mut(&slot).filter(|volume| volume.has_handles(generation)) else {
            return Vec::new();
        };
        volume.closed(generation);
        self.handles = self.handles.saturating_sub(1);
        volume.take_unused().into_iter().map(|generation| (slot, generation)).collect()
    }

    /// A change that the mutator asks for: the next step of a swap, or one that was done before. Gives the number to write to
    /// the steps page before the answer, and the attributes of what was made.
    ///
    /// # Errors
    /// [`FsError::ReadOnly`] for anything that is not planned.
    pub fn change(&mut self, parent: u64, asked: &Asked<'_>) -> Result<(Slot, u32, Option<Attr>), FsError> {
        let (slot, below) = match self.place(parent)? {
            Place::Volume(slot) => (slot, None),
            Place::Node(slot, generation, index) => (slot, Some((generation, index))),
            _ => return Err(FsError::ReadOnly),
        };
        let volume = self.volumes.get_mut(&slot).ok_or(FsError::Stale)?;
        let (step, made) = volume.change(slot, below, asked)?;
        let attr = made.map(|place| self.attr(place)).transpose()?;
        Ok((slot, step, attr))
    }
}

/// A change as the kernel asks for it: names are below the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// mkdir.
    MakeFolder(&'a str),
    /// symlink.
    Link {
        /// The new name.
        name: &'a str,
        /// Where it leads.
        to: &'a str,
    },
    /// rename within the folder.
    Rename {
        /// The name it has.
        from: &'a str,
        /// The name it gets.
        to: &'a str,
    },
    /// unlink.
    Unlink(&'a str),
    /// rmdir.
    RemoveFolder(&'a str),
}
