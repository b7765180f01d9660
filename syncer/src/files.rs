//! All files: manifests and tokens that are read, Secrets and the status that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use syncer_core::MAX_FILE_BYTES;
use zeroize::Zeroizing;

/// The most manifests of one folder.
const MAX_FILES: usize = 10_000;

/// A file as it was when it was looked at: another stamp means that it may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The file.
    pub path: PathBuf,
    /// Inode, size and times; `None` if there is no such file.
    facts: Option<(u64, u64, i64, i64)>,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The folder cannot be listed.
    #[error("the folder {path} cannot be read: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Too many manifests.
    #[error("the folder {0} has more than {MAX_FILES} manifests; split it")]
    TooMany(PathBuf),
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is too large.
    #[error("{path} is larger than {limit} bytes; split it")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The file is not UTF-8.
    #[error("{0} is not UTF-8 text")]
    NotText(PathBuf),
    /// The file cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another syncer has the folder.
    #[error("{0} is in use by another keyreeve-syncer; give each its own --out")]
    InUse(PathBuf),
}

/// The manifests of a folder (`*.yaml`, `*.yml`, not hidden, not in folders below), by name.
///
/// # Errors
/// [`FileError`] if the folder cannot be listed.
pub fn manifests(folder: &Path) -> Result<Vec<Stamp>, FileError> {
    let failed = |source| FileError::Folder { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if yaml && !hidden && path.is_file() {
            found.push(stamp(&path));
        }
        if found.len() > MAX_FILES {
            return Err(FileError::TooMany(folder.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// A file as it is now; links are followed.
pub fn stamp(path: &Path) -> Stamp {
    let facts = fs::metadata(path).ok();
    let facts = facts.map(|m| (m.ino(), m.len(), m.mtime(), m.mtime_nsec()));
    Stamp { path: path.to_owned(), facts }
}

/// Reads a file of text.
///
/// # Errors
/// [`FileError`] also if it is larger than 16 MiB.
pub fn read_text(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let limit = MAX_FILE_BYTES as u64;
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    // Large enough from the start, so that no copy stays behind in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText(path.to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads a file of text; `None` if there is none.
///
/// # Errors
/// [`FileError`] if it is there and cannot be read.
pub fn read_if_there(path: &Path) -> Result<Option<Zeroizing<String>>, FileError> {
    match read_text(path) {
        Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Writes a file whole, mode 0600: a reader sees the old text or the new, also after a loss of power.
///
/// # Errors
/// [`FileError::Write`]; then the old file is as it was.
pub fn write_whole(folder: &Path, name: &str, text: &str) -> Result<(), FileError> {
    let path = folder.join(name);
    let temporary = folder.join(format!(".{name}.new"));
    let work = || {
        // What an interrupted run left behind.
        remove_if_there(&temporary)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    work().map_err(|source| {
        let _gone = fs::remove_file(&temporary);
        FileError::Write { path: path.clone(), source }
    })
}

/// Removes a file; none is no error.
///
/// # Errors
/// [`FileError::Write`].
pub fn remove(path: &Path) -> Result<(), FileError> {
    remove_if_there(path).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the folder for Secrets, mode 0700 if it is new, and takes it for this process until the lock is dropped.
///
/// # Errors
/// [`FileError::InUse`] if another process has it.
pub fn take_folder(folder: &Path) -> Result<File, FileError> {
    let path = folder.join(".lock");
    let failed = |source| FileError::Write { path: path.clone(), source };
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(failed)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock = options.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(FileError::InUse(folder.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_yaml_files_are_manifests_and_stamps_tell_changes() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", ".hidden.yaml", "c.json", "d.yaml.bak"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("sub.yaml")).unwrap();
        let before = manifests(folder.path()).unwrap();
        let names: Vec<&str> = before.iter().map(|s| s.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.yml", "b.yaml"]);
        assert_eq!(before, manifests(folder.path()).unwrap());
        fs::write(folder.path().join("b.yaml"), "xy").unwrap();
        assert_ne!(before, manifests(folder.path()).unwrap());
        let none = manifests(&folder.path().join("none"));
        assert!(matches!(none, Err(FileError::Folder { .. })));
        assert_ne!(stamp(&folder.path().join("b.yaml")), stamp(&folder.path().join("none")));
    }

    #[test]
    fn files_are_written_whole_with_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".a.yaml.new"), "left behind").unwrap();
        write_whole(folder.path(), "a.yaml", "one").unwrap();
        write_whole(folder.path(), "a.yaml", "two").unwrap();
        let path = folder.path().join("a.yaml");
        assert_eq!(read_text(&path).unwrap().as_str(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        // A folder in the way fails, and leaves no temporary file.
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(matches!(write_whole(folder.path(), "taken", "x"), Err(FileError::Write { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_text_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(read_if_there(&path).unwrap().is_none());
        fs::write(&path, b"\xff").unwrap();
        assert!(matches!(read_if_there(&path), Err(FileError::NotText(_))));
        File::create(&path).unwrap().set_len(MAX_FILE_BYTES as u64 + 1).unwrap();
        assert!(matches!(read_text(&path), Err(FileError::TooLarge { .. })));
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn a_folder_has_one_syncer() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = take_folder(&out).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(take_folder(&out), Err(FileError::InUse(_))));
        drop(first);
        take_folder(&out).unwrap();
    }
}
