//! The folder that somebody names to mount a single secret at: looked at before anything is mounted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::superblock::unmount_with_helper;
use super::target::{TargetError, on_top, unmount_all};

/// The type of our mounts.
const KIND: &str = "fuse.keyreeve";
/// How long a mount of a former process may take to show whether anyone serves it.
const ANSWER: Duration = Duration::from_secs(2);

/// Why a folder cannot be mounted at.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It cannot be looked at.
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
    /// What a former process left.
    #[error("the mount that a former process left cannot be taken away: {0}")]
    Left(#[from] TargetError),
    /// The same, by the helper for ordinary users.
    #[error("the mount that a former process left at {at} cannot be taken away: {source}")]
    Helper {
        /// The place.
        at: PathBuf,
        /// Its words.
        source: io::Error,
    },
}

/// A folder made ready: its absolute path, with no links in the folders above it. Our mounts that nobody serves any more are
/// taken away.
///
/// # Errors
/// [`PlaceError`].
pub fn ready(at: &Path) -> Result<PathBuf, PlaceError> {
    let at = whole(at)?;
    if let Some(mount) = on_top(&at.to_string_lossy())? {
        if mount.kind != KIND || is_served(&at) {
            return Err(PlaceError::Taken { at, kind: mount.kind });
        }
        tracing::info!(at = %at.display(), "taking away the mount of a former process");
        if rustix::process::geteuid().is_root() {
            unmount_all(&at.to_string_lossy())?;
        } else {
            unmount_with_helper(&at).map_err(|source| PlaceError::Helper { at: at.clone(), source })?;
        }
    }
    match std::fs::read_dir(&at).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(at),
        Ok(false) => Err(PlaceError::NotEmpty { at }),
        Err(source) => Err(PlaceError::Place { at, source }),
    }
}

/// Whether a file system of ours is mounted there.
///
/// # Errors
/// [`TargetError::MountInfo`].
pub fn is_ours(at: &str) -> Result<bool, TargetError> {
    Ok(on_top(at)?.is_some_and(|mount| mount.kind == KIND))
}

/// The table of mounts as an open file, which the kernel marks whenever the table is another.
///
/// # Errors
/// The system's.
pub fn table() -> io::Result<std::fs::File> {
    std::fs::File::open("/proc/self/mountinfo")
}

fn whole(at: &Path) -> Result<PathBuf, PlaceError> {
    let failed = |source| PlaceError::Place { at: at.to_owned(), source };
    // Only the parent is resolved: a dead mount cannot even be looked at.
    let (Some(name), Some(parent)) = (at.file_name(), at.parent()) else {
        return std::fs::canonicalize(at).map_err(failed);
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    Ok(std::fs::canonicalize(parent).map_err(failed)?.join(name))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_must_be_there_and_empty() {
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        let (empty, full) = (real.join("empty"), real.join("full"));
        std::fs::create_dir_all(&empty).unwrap();
        std::fs::create_dir_all(full.join("x")).unwrap();
        std::fs::write(real.join("file"), "").unwrap();
        assert_eq!(ready(&empty).unwrap(), empty);
        assert_eq!(ready(&full.join("../empty")).unwrap(), empty);
        for (at, part) in
            [("full", "is not empty"), ("none", "cannot be mounted at"), ("file", "folder that is there")]
        {
            let error = ready(&real.join(at)).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = ready(Path::new("/proc")).unwrap_err().to_string();
        assert!(error.contains("a mount of type proc already"), "{error}");
    }
}
