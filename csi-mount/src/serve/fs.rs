//! The file system as the kernel asks for it: unpack, ask the superblock, reply. The only user of fuser's requests.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use csi_mount_core::superblock::{Asked, Attr, FsError, Kind, Name, Superblock};
use csi_mount_core::wire::children::Negotiated;
use csi_mount_core::wire::{Event, Opened, Outcome};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen, ReplyXattr, Request, TimeOrNow,
};

use super::Shared;
use crate::clock;

/// How long the kernel may keep names and attributes: all changes go through it.
const KEEP: Duration = Duration::from_secs(3_600);
/// Bytes that the kernel may read ahead; files are read directly, so that it never does.
const READ_AHEAD: u32 = 131_072;
/// Folders whose names are remembered between two reads of them.
const MAX_LISTINGS: usize = 4_096;
/// What is asked of the kernel, where it can: volumes of pods with their own users, no handles across volumes, links kept in
/// its cache, shared mappings of files, parallel look-ups.
const WANTED: [InitFlags; 5] = [
    InitFlags::FUSE_ALLOW_IDMAP,
    InitFlags::FUSE_NO_EXPORT_SUPPORT,
    InitFlags::FUSE_CACHE_SYMLINKS,
    InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
    InitFlags::FUSE_PARALLEL_DIROPS,
];

/// The file system.
#[derive(Debug)]
pub(super) struct Fs {
    shared: Arc<Shared>,
    agreed: Arc<Mutex<Negotiated>>,
    /// What an earlier server agreed on.
    before: Option<Negotiated>,
    listings: Mutex<Listings>,
}

#[derive(Debug, Default)]
struct Listings {
    last: u64,
    names: HashMap<u64, Arc<Vec<Name>>>,
}

fn errno(error: FsError) -> Errno {
    Errno::from_i32(csi_mount_core::errno::number(error))
}

const fn kind(kind: Kind) -> FileType {
    match kind {
        Kind::Folder => FileType::Directory,
        Kind::File => FileType::RegularFile,
        Kind::Link => FileType::Symlink,
    }
}

fn attributes(attr: &Attr) -> FileAttr {
    let time = UNIX_EPOCH + Duration::from_secs(attr.modified);
    FileAttr {
        ino: INodeNo(attr.ino),
        size: attr.size,
        blocks: attr.size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(attr.kind),
        perm: attr.mode,
        nlink: attr.links,
        uid: attr.owner.uid,
        gid: attr.owner.gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn text(name: &OsStr) -> Result<&str, FsError> {
    name.to_str().ok_or(FsError::NotFound)
}

impl Fs {
    pub(super) fn new(
        shared: Arc<Shared>,
        agreed: Arc<Mutex<Negotiated>>,
        before: Option<Negotiated>,
    ) -> Self {
        Self { shared, agreed, before, listings: Mutex::default() }
    }

    fn ask<T>(&self, work: impl FnOnce(&mut Superblock) -> T) -> T {
        self.shared.superblock(work)
    }

    fn listings<T>(&self, work: impl FnOnce(&mut Listings) -> T) -> T {
        work(&mut self.listings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does what the mutator asks for; nobody else may.
    fn change(&self, request: &Request, parent: INodeNo, asked: &Asked<'_>) -> Result<Option<Attr>, FsError> {
        if !self.shared.is_mutator(request.pid()) {
            return Err(FsError::ReadOnly);
        }
        let (slot, step, made) = self.ask(|superblock| superblock.change(parent.0, asked))?;
        // Before the answer: whoever takes this server's place then knows that the kernel may know.
        if let Err(error) = self.shared.steps.set(slot.get(), step) {
            tracing::error!(%error, "a step of a change cannot be noted");
        }
        Ok(made)
    }

    fn made(made: Result<Option<Attr>, FsError>, reply: ReplyEntry) {
        match made {
            Ok(Some(attr)) => reply.entry(&KEEP, &attributes(&attr), Generation(0)),
            Ok(None) => reply.error(Errno::EIO),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn done(done: Result<Option<Attr>, FsError>, reply: ReplyEmpty) {
        match done {
            Ok(_) => reply.ok(),
            Err(error) => reply.error(errno(error)),
        }
    }
}

impl Filesystem for Fs {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let mut requested = InitFlags::empty();
        for flag in WANTED {
            if config.add_capabilities(flag).is_ok() {
                requested |= flag;
            } else if self.before.is_none() {
                tracing::info!(?flag, "this kernel does without");
            }
        }
        let version = config.kernel_abi();
        let agreed = Negotiated {
            major: version.0,
            minor: version.1,
            max_readahead: READ_AHEAD,
            capabilities: config.capabilities().bits(),
            requested: requested.bits(),
        };
        if self.before.is_some_and(|before| before.requested != agreed.requested) {
            return Err(std::io::Error::other("the kernel was asked for something else before"));
        }
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner) = agreed;
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match text(name).and_then(|name| self.ask(|superblock| superblock.lookup(parent.0, name))) {
            Ok(attr) => reply.entry(&KEEP, &attributes(&attr), Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.ask(|superblock| superblock.getattr(ino.0)) {
            Ok(attr) => reply.attr(&KEEP, &attributes(&attr)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.ask(|superblock| superblock.readlink(ino.0)) {
            Ok(target) => reply.data(target.as_bytes()),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(Errno::EROFS);
        }
        let opened = match self.ask(|superblock| superblock.open(ino.0)) {
            Ok(opened) => opened,
            Err(error) => return reply.error(errno(error)),
        };
        let reader = self.shared.readers.reader(request.pid(), request.uid());
        let granted = opened.outcome == Outcome::Granted;
        // Every read comes to us: nothing of a secret stays in the page cache, and a revocation is felt at once.
        let how = FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_NOFLUSH;
        if granted {
            reply.opened(FileHandle(u64::from(self.shared.epoch)), how);
        } else {
            reply.error(Errno::EACCES);
        }
        self.shared.tell_event(Event::Opened(Opened {
            slot: opened.slot,
            generation: opened.generation,
            path: opened.path,
            version: opened.version,
            reader,
            outcome: opened.outcome,
            at: clock::unix_millis(),
        }));
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.ask(|superblock| superblock.read(ino.0, offset, size)) {
            Ok(chunk) => reply.data(chunk.bytes()),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        // A descriptor of an earlier server is not counted by this one.
        if handle.0 == u64::from(self.shared.epoch) {
            let unused = self.ask(|superblock| superblock.close(ino.0));
            self.shared.tell_unused(unused);
        }
        reply.ok();
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.ask(|superblock| superblock.names(ino.0)) {
            Ok(names) => {
                let handle = self.listings(|listings| {
                    listings.last = listings.last.wrapping_add(1);
                    if listings.names.len() < MAX_LISTINGS {
                        listings.names.insert(listings.last, Arc::new(names));
                    }
                    listings.last
                });
                // Epochs keep the handles of different servers apart.
                reply.opened(FileHandle(u64::from(self.shared.epoch) << 40 | handle), FopenFlags::empty());
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn readdir(&self, _: &Request, ino: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let known = handle.0 ^ (u64::from(self.shared.epoch) << 40);
        let names = match self.listings(|listings| listings.names.get(&known).cloned()) {
            Some(names) => names,
            None => match self.ask(|superblock| superblock.names(ino.0)) {
                Ok(names) => Arc::new(names),
                Err(error) => return reply.error(errno(error)),
            },
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (number, name) in (1_u64..).zip(names.iter()).skip(from) {
            if reply.add(INodeNo(name.ino), number, kind(name.kind), &name.name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        let known = handle.0 ^ (u64::from(self.shared.epoch) << 40);
        self.listings(|listings| listings.names.remove(&known));
        reply.ok();
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let made = text(name).and_then(|name| self.change(request, parent, &Asked::MakeFolder(name)));
        Self::made(made, reply);
    }

    fn symlink(&self, request: &Request, parent: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        let made = text(name).and_then(|name| {
            let to = text(to.as_os_str())?;
            self.change(request, parent, &Asked::Link { name, to })
        });
        Self::made(made, reply);
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = text(name).and_then(|from| {
            if parent != new_parent || !flags.is_empty() {
                return Err(FsError::ReadOnly);
            }
            self.change(request, parent, &Asked::Rename { from, to: text(new_name)? })
        });
        Self::done(done, reply);
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = text(name).and_then(|name| self.change(request, parent, &Asked::Unlink(name)));
        Self::done(done, reply);
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = text(name).and_then(|name| self.change(request, parent, &Asked::RemoveFolder(name)));
        Self::done(done, reply);
    }

    // What follows is asked for by common programs and is refused, or simply not there.

    fn setattr(
        &self,
        _: &Request,
        _: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.error(Errno::EROFS);
    }

    fn mknod(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn create(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: i32, reply: fuser::ReplyCreate) {
        reply.error(Errno::EROFS);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn listxattr(&self, _: &Request, _: INodeNo, _: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn ioctl(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: IoctlFlags,
        _: u32,
        _: &[u8],
        _: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }
}
