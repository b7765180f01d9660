//! Secrets in memory only: sealed files that no disk holds, mapped for reading, locked, and left out of core dumps.

#![expect(unsafe_code, reason = "mapping and locking memory; each call says why it is sound")]

use std::ffi::c_void;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MlockAllFlags, ProtFlags};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};

/// What makes it certain that a mapping of the file never changes and never shrinks.
const SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// No core dump of this process, no debugger of another user, and an end with the process that started it.
///
/// # Errors
/// The system's.
pub fn protect_process(die_with_parent: bool) -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if die_with_parent {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    Ok(())
}

/// Keeps what this process touches out of swap space, as far as it may. Only for root: an ordinary user's limit is small, and
/// what goes beyond it would not be allocated at all.
pub fn lock_process() {
    let touched = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if rustix::process::geteuid().is_root()
        && let Err(error) = rustix::mm::mlockall(touched)
    {
        tracing::warn!(%error, "memory cannot be locked; secrets may reach swap space");
    }
}

fn create(name: &str, flags: MemfdFlags) -> io::Result<OwnedFd> {
    match rustix::fs::memfd_create(name, flags | MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3.
        Err(Errno::INVAL) => Ok(rustix::fs::memfd_create(name, flags | MemfdFlags::CLOEXEC)?),
        made => Ok(made?),
    }
}

/// A file in memory with these bytes, which nobody can change any more. `name` is seen in `/proc` and tells nothing.
///
/// # Errors
/// The system's.
pub fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = create(name, MemfdFlags::ALLOW_SEALING)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&file, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    rustix::fs::fcntl_add_seals(&file, SEALS)?;
    Ok(file)
}

/// The bytes of a sealed file: read in place, locked where limits allow, in no core dump.
pub struct Mapping {
    start: *mut c_void,
    length: usize,
}

// SAFETY: the mapping is read only and of a file that can neither change nor shrink, so that any thread may read it.
unsafe impl Send for Mapping {}
// SAFETY: as above; there is no interior mutability.
unsafe impl Sync for Mapping {}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapping({} bytes)", self.length)
    }
}

impl Mapping {
    /// Maps a file that [`sealed`] made, `max` bytes at most.
    ///
    /// # Errors
    /// `InvalidData` when it is not sealed or too large, else the system's.
    pub fn of(file: BorrowedFd<'_>, max: usize) -> io::Result<Self> {
        if !rustix::fs::fcntl_get_seals(file)?.contains(SEALS) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file in memory is not sealed"));
        }
        let length = usize::try_from(rustix::fs::fstat(file)?.st_size).ok().filter(|length| *length <= max);
        let length = length
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file in memory is too large"))?;
        if length == 0 {
            return Ok(Self { start: ptr::null_mut(), length });
        }
        let flags = MapFlags::SHARED;
        // SAFETY: the kernel chooses a free range, so that no other mapping is replaced.
        let start = unsafe { rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ, flags, file, 0)? };
        // SAFETY: this is the range that was mapped above; neither call changes what is in it.
        let kept = unsafe {
            rustix::mm::madvise(start, length, Advice::LinuxDontDump)
                .and_then(|()| rustix::mm::mlock(start, length))
        };
        if let Err(error) = kept {
            tracing::debug!(%error, "a file in memory is not locked; it may reach swap space");
        }
        Ok(Self { start, length })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: the range is mapped for as long as `self` lives, and its file is sealed against writing and shrinking.
        unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.length) }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: the range was mapped in `of`, and no reference into it outlives `self`.
            if let Err(error) = unsafe { rustix::mm::munmap(self.start, self.length) } {
                tracing::warn!(%error, "a file in memory stays mapped");
            }
        }
    }
}

/// The steps of changes under way, one number per volume, shared by the server and the one that takes its place.
#[derive(Debug)]
pub struct Steps(OwnedFd);

impl Steps {
    /// All zero.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> io::Result<Self> {
        create("steps", MemfdFlags::empty()).map(Self)
    }

    /// The steps behind an open file that came from another process.
    pub fn from_file(file: OwnedFd) -> Self {
        Self(file)
    }

    /// The open file, to give to another process.
    pub fn into_file(self) -> OwnedFd {
        self.0
    }

    /// The number of a slot; zero when none was written.
    ///
    /// # Errors
    /// The system's.
    pub fn get(&self, slot: u32) -> io::Result<u32> {
        let mut number = [0; 4];
        let read =
            rustix::io::retry_on_intr(|| rustix::io::pread(&self.0, &mut number, u64::from(slot) * 4))?;
        Ok(if read == number.len() { u32::from_le_bytes(number) } else { 0 })
    }

    /// Writes the number of a slot; the next reader, in whatever process, sees it.
    ///
    /// # Errors
    /// The system's.
    pub fn set(&self, slot: u32, number: u32) -> io::Result<()> {
        let bytes = number.to_le_bytes();
        // A whole number within one page: it is there or it is not.
        rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.0, &bytes, u64::from(slot) * 4))?;
        Ok(())
    }
}

impl AsFd for Steps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_are_mapped_and_cannot_be_changed() {
        for bytes in [&b""[..], b"x", &[7; 100_000]] {
            let file = sealed("test", bytes).unwrap();
            assert_eq!(&*Mapping::of(file.as_fd(), 100_000).unwrap(), bytes);
            assert!(rustix::io::pwrite(&file, b"y", 0).is_err());
            assert!(rustix::fs::ftruncate(&file, 5).is_err() || bytes.len() == 5);
        }
        let refused = |file: OwnedFd, max| Mapping::of(file.as_fd(), max).unwrap_err().kind();
        assert_eq!(refused(sealed("test", b"long").unwrap(), 3), io::ErrorKind::InvalidData);
        let open = create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(refused(open, 3), io::ErrorKind::InvalidData);
    }

    #[test]
    fn steps_are_shared() {
        let steps = Steps::new().unwrap();
        let other = Steps::from_file(steps.as_fd().try_clone_to_owned().unwrap());
        assert_eq!(other.get(9).unwrap(), 0);
        steps.set(9, 0x0102_0304).unwrap();
        steps.set(0xff_ffff, 5).unwrap();
        assert_eq!(
            [8, 9, 10, 0xff_ffff, 0x100_0000].map(|slot| other.get(slot).unwrap()),
            [0, 0x0102_0304, 0, 5, 0]
        );
    }
}
