//! The file system as the kernel asks for it: unpack, call the tree, reply. The only user of fuser's requests.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use csi_mount_core::errno;
use csi_mount_core::tree::{Attr, Kind, Stale, TreeError};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, Notifier, OpenAccMode, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen, ReplyXattr, Request,
};

use crate::volume::Volume;

/// How long the kernel may keep names and attributes. Long, since it is told when one changes.
const KEEP: Duration = Duration::from_secs(3_600);
/// What is asked of the kernel, where it can: no handles across mounts, parallel look-ups, shared mappings of files.
const WANTED: [InitFlags; 3] = [
    InitFlags::FUSE_NO_EXPORT_SUPPORT,
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
];

/// The file system of one volume.
#[derive(Debug)]
pub struct Fuse(pub Arc<Volume>);

/// Tells the kernel what to forget.
#[derive(Clone, Debug)]
pub struct Kernel(Notifier);

impl Kernel {
    /// Speaks through a session's notifier.
    pub const fn new(notifier: Notifier) -> Self {
        Self(notifier)
    }

    /// Tells it. Blocks while the kernel works; must not be called while a request waits for a reply of this thread.
    pub fn forget(&self, stale: &[Stale]) {
        for stale in stale {
            let told = match stale {
                Stale::Inode(ino) => self.0.inval_inode(INodeNo(*ino), 0, 0),
                Stale::Name { parent, name } => self.0.inval_entry(INodeNo(*parent), OsStr::new(name)),
                Stale::Gone { parent, ino, name } => {
                    self.0.delete(INodeNo(*parent), INodeNo(*ino), OsStr::new(name))
                }
            };
            if let Err(error) = told {
                tracing::debug!(%error, "the kernel did not forget; it may not have known");
            }
        }
    }
}

fn errno(error: TreeError) -> Errno {
    Errno::from_i32(errno::number(error))
}

const fn kind(kind: Kind) -> FileType {
    match kind {
        Kind::Folder => FileType::Directory,
        Kind::File => FileType::RegularFile,
    }
}

impl Fuse {
    fn attr(&self, attr: Attr) -> FileAttr {
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
            uid: self.0.uid,
            gid: self.0.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Fuse {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        for flag in WANTED {
            if config.add_capabilities(flag).is_err() {
                tracing::info!(?flag, "this kernel does without");
            }
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = name.to_str().ok_or(TreeError::NotFound);
        match found.and_then(|name| self.0.tree(|tree| tree.lookup(parent.0, name))) {
            Ok(attr) => reply.entry(&KEEP, &self.attr(attr), Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, handle: Option<FileHandle>, reply: ReplyAttr) {
        // A handle may show an older generation, whose attributes must not become those of the file.
        let keep = if handle.is_some() { Duration::ZERO } else { KEEP };
        match self.0.tree(|tree| tree.getattr(ino.0, handle.map(|handle| handle.0))) {
            Ok(attr) => reply.attr(&keep, &self.attr(attr)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(errno(TreeError::ReadOnly));
        }
        // Every read comes to us: nothing of a secret stays in the page cache, and a revocation is felt at once.
        let how = FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_NOFLUSH;
        match self.0.open(ino.0, request.pid()) {
            Ok(opened) => reply.opened(FileHandle(opened.handle), how),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.tree(|tree| tree.read(handle.0, offset, size)) {
            Ok(chunk) => reply.data(chunk.bytes()),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.tree(|tree| tree.close(handle.0));
        reply.ok();
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.0.tree(|tree| tree.open_folder(ino.0)) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        match self.0.tree(|tree| tree.read_folder(handle.0, offset)) {
            Ok(names) => {
                let mut names = names.iter();
                while let Some(n) = names.next()
                    && !reply.add(INodeNo(n.ino), n.next, kind(n.kind), &n.name)
                {}
                reply.ok();
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.0.tree(|tree| tree.close(handle.0));
        reply.ok();
    }

    // What follows is asked for by common programs and is simply not there.

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
