//! The places where volumes are mounted: what lies there, and taking it away until nothing does.

use std::io;
use std::path::Path;

use csi_mount_core::mountinfo::{self, Mount};
use rustix::io::Errno;
use rustix::mount::UnmountFlags;

/// Mounts that may lie on one another at one place.
const MAX_STACKED: usize = 64;

/// Why a place is not as it should be; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The table of mounts.
    #[error("/proc/self/mountinfo cannot be read: {0}")]
    MountInfo(io::Error),
    /// umount(2).
    #[error("{at} cannot be unmounted: {source}")]
    Unmount {
        /// The place.
        at: String,
        /// The cause.
        source: io::Error,
    },
    /// More mounts than anybody stacks.
    #[error("{at} has more than {MAX_STACKED} mounts on one another; unmount them by hand")]
    Stacked {
        /// The place.
        at: String,
    },
    /// rmdir(2).
    #[error("the folder {at} cannot be removed: {source}; remove by hand what is in it")]
    Remove {
        /// The place.
        at: String,
        /// The cause.
        source: io::Error,
    },
}

impl TargetError {
    /// The system's number behind it.
    pub fn source_errno(&self) -> Option<Errno> {
        match self {
            Self::MountInfo(source) | Self::Unmount { source, .. } | Self::Remove { source, .. } => {
                Errno::from_io_error(source)
            }
            Self::Stacked { .. } => None,
        }
    }
}

/// What is mounted right at a place. The table decides: a dead mount cannot be looked at.
///
/// # Errors
/// [`TargetError::MountInfo`].
pub fn on_top(at: &str) -> Result<Option<Mount>, TargetError> {
    let table = std::fs::read("/proc/self/mountinfo").map_err(TargetError::MountInfo)?;
    Ok(mountinfo::on_top(&String::from_utf8_lossy(&table), at))
}

/// Unmounts everything at a place, dead or alive. Nothing there is no error.
///
/// # Errors
/// [`TargetError`].
pub fn unmount_all(at: &str) -> Result<(), TargetError> {
    for _ in 0..MAX_STACKED {
        if on_top(at)?.is_none() {
            return Ok(());
        }
        match rustix::mount::unmount(at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            // Somebody else was quicker.
            Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
            Err(errno) => return Err(TargetError::Unmount { at: at.to_owned(), source: errno.into() }),
        }
    }
    if on_top(at)?.is_none() { Ok(()) } else { Err(TargetError::Stacked { at: at.to_owned() }) }
}

/// Removes the folder of a place. None there is no error.
///
/// # Errors
/// [`TargetError::Remove`].
pub fn remove(at: &str) -> Result<(), TargetError> {
    match std::fs::remove_dir(Path::new(at)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(TargetError::Remove { at: at.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
