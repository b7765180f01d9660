//! The FUSE device: mounting with mount(2), serving on a thread of its own, unmounting, and clearing what a crash left.
//!
//! fuser gets the open device and never mounts or unmounts: what is mounted where is read from `mountinfo`.

mod attributes;
pub mod superblock;
pub mod target;

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use csi_mount_core::mountinfo::{self, Mount};
use fuser::{Session, SessionACL};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use tokio_util::sync::CancellationToken;

use crate::fuse::{Fuse, Kernel};

/// The type of our mounts.
const KIND: &str = "fuse.keyreeve";
/// How long a mount of a former process may take to show whether anyone serves it.
const ANSWER: Duration = Duration::from_secs(2);
/// Mounts of former processes that may lie on one another.
const MAX_STACKED: usize = 16;

/// Why something could not be mounted or unmounted; the variant is the step.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The place.
    #[error("{at} cannot be mounted at: {source}; it must be a folder that is there")]
    Place {
        /// The place.
        at: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something is mounted there.
    #[error("{at} has a mount of type {kind} already; unmount it or choose another folder")]
    Taken {
        /// The place.
        at: PathBuf,
        /// Type of the file system there.
        kind: String,
    },
    /// There are files in the folder that the mount would hide.
    #[error("{at} is not empty; choose an empty folder")]
    NotEmpty {
        /// The place.
        at: PathBuf,
    },
    /// The table of mounts.
    #[error("/proc/self/mountinfo cannot be read: {0}")]
    MountInfo(io::Error),
    /// The device.
    #[error("/dev/fuse cannot be opened: {0}; load the kernel module fuse and run as root")]
    Device(io::Error),
    /// mount(2).
    #[error("{at} cannot be mounted: {source}; this needs root")]
    Mount {
        /// The place.
        at: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The first exchange with the kernel, or the thread that serves.
    #[error("the file system cannot be served: {0}")]
    Serve(io::Error),
    /// umount(2).
    #[error("{at} cannot be unmounted: {source}")]
    Unmount {
        /// The place.
        at: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The place as the table of mounts names it: absolute, and without links in the folders above it.
///
/// # Errors
/// [`MountError::Place`].
pub fn place(at: &Path) -> Result<PathBuf, MountError> {
    let failed = |source| MountError::Place { at: at.to_owned(), source };
    // Only the parent is resolved: a dead mount cannot even be looked at.
    let name = at.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let parent = at.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(std::fs::canonicalize(parent).map_err(failed)?.join(name))
}

/// Makes the place ready: detaches our mounts that nobody serves any more, and refuses anything else that is in the way.
///
/// # Errors
/// [`MountError`].
pub fn clear(at: &Path) -> Result<(), MountError> {
    for _ in 0..MAX_STACKED {
        let Some(mount) = on_top(at)? else { break };
        if mount.kind != KIND || is_served(at) {
            return Err(MountError::Taken { at: at.to_owned(), kind: mount.kind });
        }
        tracing::info!(at = %at.display(), "detaching the mount of a former process");
        detach(at)?;
    }
    let failed = |source| MountError::Place { at: at.to_owned(), source };
    match std::fs::read_dir(at).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(MountError::NotEmpty { at: at.to_owned() }),
    }
}

/// A mount that is served.
#[derive(Debug)]
pub struct Mounted {
    at: PathBuf,
    device: String,
    kernel: Kernel,
    over: CancellationToken,
}

/// Mounts at a place that [`place`] gave and [`clear`] made ready, and serves on a thread of its own.
///
/// # Errors
/// [`MountError`]; nothing is mounted then.
pub fn mount(fuse: Fuse, at: &Path) -> Result<Mounted, MountError> {
    let device: OwnedFd =
        std::fs::File::options().read(true).write(true).open("/dev/fuse").map_err(MountError::Device)?.into();
    let failed = |source: io::Error| MountError::Mount { at: at.to_owned(), source };
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other",
        device.as_raw_fd()
    );
    let options = CString::new(options).map_err(|error| failed(error.into()))?;
    let flags = MountFlags::RDONLY
        | MountFlags::NOSUID
        | MountFlags::NODEV
        | MountFlags::NOEXEC
        | MountFlags::NOATIME;
    rustix::mount::mount("keyreeve", at, KIND, flags, options.as_c_str())
        .map_err(|errno| failed(errno.into()))?;
    serve(fuse, device, at).inspect_err(|_| {
        if let Err(error) = detach(at) {
            tracing::error!(%error, "a mount that nobody serves is left");
        }
    })
}

fn serve(fuse: Fuse, device: OwnedFd, at: &Path) -> Result<Mounted, MountError> {
    let config = fuser::Config::default();
    let session = Session::from_fd(fuse, device, SessionACL::All, config).map_err(MountError::Serve)?;
    let kernel = Kernel::new(session.notifier());
    let over = CancellationToken::new();
    let ended = over.clone();
    let run = move || {
        if let Err(error) = session.run() {
            tracing::error!(%error, "the file system stopped");
        }
        ended.cancel();
    };
    thread::Builder::new().name("fuse".to_owned()).spawn(run).map_err(MountError::Serve)?;
    let device = on_top(at)?.map(|mount| mount.device).unwrap_or_default();
    Ok(Mounted { at: at.to_owned(), device, kernel, over })
}

impl Mounted {
    /// Tells the kernel what to forget.
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Waits until nobody can reach the file system any more: it is unmounted and its last file is closed.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Takes the mount away. Files that are open can be read until the process ends.
    ///
    /// # Errors
    /// [`MountError::Unmount`], [`MountError::MountInfo`].
    pub fn unmount(&self) -> Result<(), MountError> {
        match on_top(&self.at)? {
            Some(mount) if mount.device == self.device => detach(&self.at),
            // It is gone already, or something else was mounted over it, which is not ours to take away.
            _ => Ok(()),
        }
    }
}

fn on_top(at: &Path) -> Result<Option<Mount>, MountError> {
    let table = std::fs::read("/proc/self/mountinfo").map_err(MountError::MountInfo)?;
    Ok(mountinfo::on_top(&String::from_utf8_lossy(&table), &at.to_string_lossy()))
}

fn detach(at: &Path) -> Result<(), MountError> {
    rustix::mount::unmount(at, UnmountFlags::DETACH)
        .map_err(|errno| MountError::Unmount { at: at.to_owned(), source: errno.into() })
}

/// Whether someone answers for the mount. One that does not answer at all may be slow, so it counts as served.
fn is_served(at: &Path) -> bool {
    let (answer, answered) = mpsc::channel();
    let at = at.to_owned();
    // On a thread of its own, since it may never come back.
    let asked = thread::Builder::new().spawn(move || {
        let _gone = answer.send(std::fs::symlink_metadata(at));
    });
    let dead = [Errno::NOTCONN, Errno::CONNABORTED].map(Errno::raw_os_error);
    match asked.ok().and_then(|_| answered.recv_timeout(ANSWER).ok()) {
        Some(Err(error)) => !error.raw_os_error().is_some_and(|code| dead.contains(&code)),
        _ => true,
    }
}
