//! What the tree refuses, as the kernel's error numbers: the one table.

use crate::tree::TreeError;

/// The error number of Linux, positive.
pub const fn number(error: TreeError) -> i32 {
    match error {
        TreeError::NotFound => ENOENT,
        TreeError::NotFolder => ENOTDIR,
        TreeError::IsFolder => EISDIR,
        TreeError::BadHandle => EBADF,
        TreeError::TooManyHandles => ENFILE,
        TreeError::Revoked => EACCES,
        TreeError::ReadOnly => EROFS,
    }
}

// The same on every architecture of Linux.
const ENOENT: i32 = 2;
const EBADF: i32 = 9;
const EACCES: i32 = 13;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const ENFILE: i32 = 23;
const EROFS: i32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_system() {
        for (error, words) in [
            (TreeError::NotFound, "No such file or directory"),
            (TreeError::NotFolder, "Not a directory"),
            (TreeError::IsFolder, "Is a directory"),
            (TreeError::BadHandle, "Bad file descriptor"),
            (TreeError::TooManyHandles, "Too many open files in system"),
            (TreeError::Revoked, "Permission denied"),
            (TreeError::ReadOnly, "Read-only file system"),
        ] {
            let system = std::io::Error::from_raw_os_error(number(error)).to_string();
            assert!(system.starts_with(words), "{error}: {system}");
        }
    }
}
