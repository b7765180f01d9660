//! The steps of a change of shown files, each done so that doing it again does no harm.

use std::os::fd::BorrowedFd;

use csi_mount_core::superblock::plan::{MAX_PLAN_BYTES, Step, decode};
use csi_mount_core::wire::{Problem, Refusal};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use crate::memory::Mapping;

/// Permission bits of the new folder; the server gives it those of the volume.
const FOLDER_MODE: Mode = Mode::RWXU;

/// The steps in a memory file.
pub(super) fn read(file: BorrowedFd<'_>) -> Result<Vec<Step>, Refusal> {
    let invalid = |text: String| Refusal::new(Problem::Invalid, text);
    let bytes = Mapping::of(file, MAX_PLAN_BYTES).map_err(|error| invalid(error.to_string()))?;
    decode(&bytes).map_err(|error| invalid(error.to_string()))
}

/// Does a step below a volume's folder. One that was done before is no error.
pub(super) fn perform(folder: BorrowedFd<'_>, step: &Step) -> Result<(), Errno> {
    let (done, before) = match step {
        Step::MakeFolder(name) => (rustix::fs::mkdirat(folder, name.as_str(), FOLDER_MODE), Errno::EXIST),
        Step::Link { name, to } => (rustix::fs::symlinkat(to.as_str(), folder, name.as_str()), Errno::EXIST),
        Step::Rename { from, to } => {
            (rustix::fs::renameat(folder, from.as_str(), folder, to.as_str()), Errno::NOENT)
        }
        Step::Unlink(path) => (rustix::fs::unlinkat(folder, path.as_str(), AtFlags::empty()), Errno::NOENT),
        Step::RemoveFolder(path) => {
            (rustix::fs::unlinkat(folder, path.as_str(), AtFlags::REMOVEDIR), Errno::NOENT)
        }
    };
    match done {
        Err(errno) if errno == before => Ok(()),
        done => done,
    }
}
