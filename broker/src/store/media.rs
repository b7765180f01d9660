//! Media: the folder of files that everything durable goes through, on a disk or in memory.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// A flat folder of files. Nothing is durable before the `sync` that belongs to it returned.
pub trait Media: Send + Sync {
    /// Opens a file, creating an empty one where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediaFile>>;

    /// The names of all files, sorted.
    ///
    /// # Errors
    /// What the system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Removes a file; nothing happens where there is none.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations and removals of files durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&self) -> io::Result<()>;

    /// Puts new content in place of a whole small file, durably: after a crash either the old or the new one is there.
    ///
    /// # Errors
    /// What the system says; the old content is then still there.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()>;

    /// Syncs carried out since the start, of files and names.
    fn syncs(&self) -> u64;

    /// Bytes of room that are left; a medium that cannot say has plenty.
    ///
    /// # Errors
    /// What the system says.
    fn room(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// One file of a [`Media`].
pub trait MediaFile: Send + Sync {
    /// Fills `out` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end, else what the system says.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `data` at `offset`, growing the file where needed.
    ///
    /// # Errors
    /// What the system says; a part may have been written.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds no bytes.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file or grows it with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes everything written so far durable, as `fdatasync` does.
    ///
    /// # Errors
    /// What the system says. What was written before may be lost then, and has to be written again.
    fn sync_data(&self) -> io::Result<()>;
}

/// Locks a mutex whose data stays whole even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Another broker has it open.
    #[error("the data folder {path} is in use by another broker; stop that one or choose another folder")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The system refuses it.
    #[error("the data folder {path} cannot be opened: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A real folder: mode 0700, files 0600, held by one broker at a time.
pub struct DirMedia {
    path: PathBuf,
    syncs: Arc<AtomicU64>,
    // Held for as long as the folder is in use; the system lets go of the lock when it closes.
    _lock: File,
}

impl DirMedia {
    /// Opens a folder, creating it where there is none, and locks it.
    ///
    /// # Errors
    /// [`FolderError::InUse`] when another broker holds it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        create_folder(path).map_err(failed)?;
        let lock = open_private(&path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self { path: path.to_owned(), syncs: Arc::default(), _lock: lock })
    }
}

/// Creates a folder with all above it, durably: what is synced inside is lost with a folder that is not.
fn create_folder(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    for above in missing.iter().filter_map(|folder| folder.parent()) {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

impl Media for DirMedia {
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediaFile>> {
        let file = open_private(&self.path.join(name))?;
        Ok(Arc::new(DirFile { file, syncs: Arc::clone(&self.syncs) }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_names(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        File::open(&self.path)?.sync_all()
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let next = self.path.join(format!("{name}.next"));
        let file = open_private(&next)?;
        file.set_len(0)?;
        file.write_all_at(content, 0)?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        file.sync_all()?;
        std::fs::rename(&next, self.path.join(name))?;
        self.sync_names()
    }

    fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn room(&self) -> io::Result<u64> {
        let folder = rustix::fs::statvfs(&self.path)?;
        Ok(folder.f_bavail.saturating_mul(folder.f_frsize))
    }
}

struct DirFile {
    file: File,
    syncs: Arc<AtomicU64>,
}

impl MediaFile for DirFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }
}

/// A folder in memory, for development and tests: it lives as long as the value.
#[derive(Default)]
pub struct MemMedia {
    files: Mutex<BTreeMap<String, Arc<MemFile>>>,
    syncs: Arc<AtomicU64>,
}

impl Media for MemMedia {
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediaFile>> {
        let mut files = lock(&self.files);
        let file = files
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(MemFile { bytes: Mutex::default(), syncs: Arc::clone(&self.syncs) }));
        Ok(Arc::<MemFile>::clone(file))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.files).keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        lock(&self.files).remove(name);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let file = MemFile { bytes: Mutex::new(content.to_vec()), syncs: Arc::clone(&self.syncs) };
        lock(&self.files).insert(name.to_owned(), Arc::new(file));
        Ok(())
    }

    fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

struct MemFile {
    bytes: Mutex<Vec<u8>>,
    syncs: Arc<AtomicU64>,
}

/// The byte range of an access, as far as this machine can address it.
pub(crate) fn span(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let end = start.checked_add(length).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(start..end)
}

impl MediaFile for MemFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = lock(&self.bytes);
        let found = bytes.get(span(offset, out.len())?).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = span(offset, data.len())?;
        let mut bytes = lock(&self.bytes);
        if bytes.len() < range.end {
            bytes.resize(range.end, 0);
        }
        if let Some(target) = bytes.get_mut(range) {
            target.copy_from_slice(data);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        lock(&self.bytes).resize(span(length, 0)?.start, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
