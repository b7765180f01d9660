//! The embedded database over [`Media`]: an adapter for its bytes, and a handle that can be given up and opened anew.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};

use super::media::{Media, MediaFile};

/// The database's file.
pub(crate) const FILE: &str = "store.redb";

struct Backend {
    file: Arc<dyn MediaFile>,
    // Set once the database was given up: what still reads through it would see pages of its successor.
    given_up: Arc<AtomicBool>,
}

impl Backend {
    fn file(&self) -> io::Result<&dyn MediaFile> {
        if self.given_up.load(Ordering::Acquire) {
            return Err(io::Error::other("the store is being reopened"));
        }
        Ok(self.file.as_ref())
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file()?.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file()?.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file()?.write_at(offset, data)
    }
}

struct Open {
    database: Database,
    given_up: Arc<AtomicBool>,
}

/// The database, or nothing while it is being reopened.
#[derive(Default)]
pub(crate) struct Db(RwLock<Option<Open>>);

fn not_open() -> redb::Error {
    redb::Error::Io(io::Error::other("the store is being reopened"))
}

/// Runs something of the database; a panic inside, which damaged files can cause, comes back as an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(redb::Error::Corrupted("the database stopped over its own file".to_owned())))
}

impl Db {
    /// Opens the file, or opens it anew after [`Self::give_up`].
    pub(crate) fn open(&self, media: &dyn Media, cache_bytes: usize) -> Result<(), redb::Error> {
        let given_up = Arc::new(AtomicBool::new(false));
        let backend = Backend { file: media.open(FILE)?, given_up: Arc::clone(&given_up) };
        let database =
            guarded(|| Ok(Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Open { database, given_up });
        Ok(())
    }

    /// Closes the database; snapshots that are still held answer with errors from now on.
    pub(crate) fn give_up(&self) {
        let open = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Open { database, given_up }) = open {
            // What closing may fail at is in the journal too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
            given_up.store(true, Ordering::Release);
        }
    }

    pub(crate) fn read(&self) -> Result<ReadTransaction, redb::Error> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_ref().ok_or_else(not_open)?.database.begin_read()?)
    }

    /// A transaction whose commit readers see at once and which the next checkpoint makes durable.
    pub(crate) fn write(&self) -> Result<WriteTransaction, redb::Error> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = open.as_ref().ok_or_else(not_open)?.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        Ok(transaction)
    }

    /// A transaction whose commit makes itself and all before it durable. Two-phase, so that no crafted content
    /// passes for a commit; with its allocator saved, so that opening after a crash need not walk the file.
    pub(crate) fn write_durable(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}
