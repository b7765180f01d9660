//! What the file system refuses, as the kernel's error numbers: the one table.

use crate::superblock::FsError;

/// The error number of Linux, positive.
pub const fn number(error: FsError) -> i32 {
    match error {
        FsError::NotFound => ENOENT,
        FsError::NotFolder => ENOTDIR,
        FsError::IsFolder => EISDIR,
        FsError::Stale => ESTALE,
        FsError::Revoked => EACCES,
        FsError::ReadOnly => EROFS,
        FsError::Exists => EEXIST,
        FsError::TooManyHandles => ENFILE,
        FsError::State => EINVAL,
        FsError::TooManyVolumes => ENOSPC,
    }
}

// The same on every architecture that Rust knows but MIPS and SPARC, which are not built for.
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const EINVAL: i32 = 22;
const ENFILE: i32 = 23;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const ESTALE: i32 = 116;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_system() {
        for (error, words) in [
            (FsError::NotFound, "No such file or directory"),
            (FsError::NotFolder, "Not a directory"),
            (FsError::IsFolder, "Is a directory"),
            (FsError::Stale, "Stale file handle"),
            (FsError::Revoked, "Permission denied"),
            (FsError::ReadOnly, "Read-only file system"),
            (FsError::Exists, "File exists"),
            (FsError::TooManyHandles, "Too many open files in system"),
            (FsError::State, "Invalid argument"),
            (FsError::TooManyVolumes, "No space left on device"),
        ] {
            let system = std::io::Error::from_raw_os_error(number(error)).to_string();
            assert!(system.starts_with(words), "{error}: {system}");
        }
    }
}
