//! Making a mount that is in no table yet read only, which rustix does not know how to.

#![expect(unsafe_code, reason = "a system call that no library wraps")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Makes a detached mount read only, and once more what it inherited: no set-user-id programs, no devices, no programs.
///
/// # Errors
/// The system's; the mount is as it was.
pub(super) fn read_only(mount: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY
            | libc::MOUNT_ATTR_NOSUID
            | libc::MOUNT_ATTR_NODEV
            | libc::MOUNT_ATTR_NOEXEC,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is an empty string that lives, the attributes live and have the size that is named, and the kernel only
    // reads both.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
