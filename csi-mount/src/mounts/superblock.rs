//! The file system of a node: made once, in no table of mounts, and cloned folder by folder to where pods look.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use super::attributes;
use crate::link::Link;

/// The name of our file systems in the table of mounts, after `fuse.`.
const SUBTYPE: &str = "keyreeve";
/// The program that mounts for users who may not.
const HELPER: &str = "fusermount3";

/// Why there is no file system; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum SuperblockError {
    /// The device.
    #[error(
        "/dev/fuse cannot be opened: {0}; load the kernel module fuse, and give the container the device"
    )]
    Device(io::Error),
    /// The system's new way of mounting.
    #[error("a FUSE file system cannot be made: {0}; this needs root and Linux 5.15 or newer")]
    Make(io::Error),
    /// A kernel that clones only what is in a table of mounts.
    #[error("{at} cannot hold the file system: {source}; it must be a folder that only root can enter")]
    Hold {
        /// The folder.
        at: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The helper that mounts for ordinary users.
    #[error("{HELPER} cannot be run: {0}; install the package fuse3, or run as root")]
    Helper(io::Error),
    /// It refused.
    #[error("{HELPER} did not mount at {at}: {message}")]
    Refused {
        /// The place.
        at: PathBuf,
        /// Its own words.
        message: String,
    },
}

/// A file system that is made: the kernel's side of it and a way in.
#[derive(Debug)]
pub struct Superblock {
    /// Where requests are read and answered.
    pub device: OwnedFd,
    /// The root folder, which can be written through.
    pub base: OwnedFd,
}

/// Makes the file system, in no table of mounts where the kernel can clone out of that, else at `holder`.
///
/// # Errors
/// [`SuperblockError`]; nothing is left.
pub fn make(holder: Option<&Path>) -> Result<Superblock, SuperblockError> {
    let device = open_device()?;
    let base = detached(&device).map_err(SuperblockError::Make)?;
    match (open_tree(&base, "", clone_flags()), holder) {
        (Ok(_), _) => {}
        (Err(_), Some(at)) => {
            hold(&base, at).map_err(|source| SuperblockError::Hold { at: at.to_owned(), source })?
        }
        (Err(errno), None) => return Err(SuperblockError::Make(errno.into())),
    }
    Ok(Superblock { device, base })
}

fn open_device() -> Result<OwnedFd, SuperblockError> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open("/dev/fuse", flags, Mode::empty()).map_err(|errno| SuperblockError::Device(errno.into()))
}

fn detached(device: &OwnedFd) -> io::Result<OwnedFd> {
    let context = fsopen("fuse", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let number = device.as_raw_fd().to_string();
    for (key, value) in [
        ("source", "keyreeve"),
        ("subtype", SUBTYPE),
        ("fd", number.as_str()),
        ("rootmode", "40000"),
        ("user_id", "0"),
        ("group_id", "0"),
    ] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_set_flag(&context, "default_permissions")?;
    fsconfig_set_flag(&context, "allow_other")?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC
        | MountAttrFlags::MOUNT_ATTR_NOATIME;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn hold(base: &OwnedFd, at: &Path) -> io::Result<()> {
    std::fs::create_dir_all(at)?;
    std::fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    attach(base.as_fd(), CWD, at)
}

fn clone_flags() -> OpenTreeFlags {
    OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH
}

/// A read-only mount of one folder of the file system (of its root when `folder` is empty), in no table yet.
///
/// # Errors
/// The system's.
pub fn clone_folder(base: BorrowedFd<'_>, folder: &str) -> io::Result<OwnedFd> {
    let clone = open_tree(base, folder, clone_flags())?;
    attributes::read_only(clone.as_fd())?;
    Ok(clone)
}

/// Puts a mount that is in no table at `at` below the folder `below`; a link there is not followed.
///
/// # Errors
/// The system's.
pub fn attach(mount: BorrowedFd<'_>, below: BorrowedFd<'_>, at: &Path) -> io::Result<()> {
    Ok(move_mount(mount, "", below, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Lets the helper mount at a folder for a user who may not. Only that user sees the files.
///
/// # Errors
/// [`SuperblockError`]; nothing is left.
pub fn make_with_helper(at: &Path) -> Result<Superblock, SuperblockError> {
    let (ours, theirs) = Link::pair().map_err(SuperblockError::Helper)?;
    let mut child = Command::new(HELPER)
        .args([
            "-o",
            "fsname=keyreeve,subtype=keyreeve,default_permissions,nosuid,nodev,noexec,noatime",
            "--",
        ])
        .arg(at)
        // The helper sends the device through this descriptor, which is its standard input.
        .env("_FUSE_COMMFD", "0")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SuperblockError::Helper)?;
    let device = ours.receive().ok().and_then(|packet| packet.files.into_iter().next());
    let mut message = String::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_string(&mut message).map_err(SuperblockError::Helper)?;
    }
    child.wait().map_err(SuperblockError::Helper)?;
    let refused = || SuperblockError::Refused { at: at.to_owned(), message: message.trim().to_owned() };
    let device = device.ok_or_else(refused)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = rustix::fs::open(at, flags, Mode::empty());
    Ok(Superblock { device, base: base.map_err(|errno| SuperblockError::Make(errno.into()))? })
}

/// Lets the helper take a mount away that it made.
///
/// # Errors
/// The helper cannot be run, or its own words.
pub fn unmount_with_helper(at: &Path) -> io::Result<()> {
    let out = Command::new(HELPER).args(["-u", "-z", "--"]).arg(at).stdin(Stdio::null()).output()?;
    if out.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&out.stderr).trim().to_owned()))
}
