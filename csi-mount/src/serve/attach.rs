//! Taking over a connection to the kernel that another process has opened: fuser's handshake is played to it over a socket,
//! and then the socket is exchanged for the device.

#![expect(unsafe_code, reason = "exchanging what a descriptor of the session refers to")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use csi_mount_core::wire::children::Negotiated;
use fuser::{Config, Filesystem, Session, SessionACL};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// The number of the request INIT.
const INIT: u32 = 26;
/// Length of INIT with its header.
const INIT_BYTES: u32 = 104;
/// The flag that says that there is a second word of flags.
const MORE_FLAGS: u64 = 1 << 30;
/// The notification that makes the kernel send again what was read and not answered. Since Linux 6.9.
const RESEND: u32 = 7;
/// Length of a notification without anything in it.
const HEADER_BYTES: u32 = 16;

/// INIT as the kernel sent it to the first server.
fn init(negotiated: &Negotiated) -> Vec<u8> {
    let flags = negotiated.capabilities | MORE_FLAGS;
    let halves = [flags & 0xffff_ffff, flags >> 32].map(|half| u32::try_from(half).unwrap_or(u32::MAX));
    let header = [INIT_BYTES, INIT, 1, 0, 0, 0, 0, 0, 0, 0];
    let body = [negotiated.major, negotiated.minor, negotiated.max_readahead, halves[0], halves[1]];
    let words = header.into_iter().chain(body).chain([0; 11]);
    words.flat_map(u32::to_ne_bytes).collect()
}

/// A session on a connection that is in use already.
///
/// # Errors
/// The system's.
pub(super) fn take_over<F: Filesystem>(
    filesystem: F,
    device: &OwnedFd,
    negotiated: &Negotiated,
) -> io::Result<Session<F>> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    rustix::io::write(&ours, &init(negotiated))?;
    let session = Session::from_fd(filesystem, theirs, SessionACL::All, Config::default())?;
    // The answer is read and forgotten: the kernel has had one.
    rustix::io::read(&ours, &mut [0; 256])?;
    exchange(device.as_fd(), session.as_fd())?;
    resend(device.as_fd());
    Ok(session)
}

/// Makes the session's descriptor one of the device.
fn exchange(device: BorrowedFd<'_>, session: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: both descriptors are open and borrowed for the call; the session's stays valid and owned by the session, and
    // nothing but the session relies on what it refers to.
    let done = unsafe { libc::dup3(device.as_raw_fd(), session.as_raw_fd(), libc::O_CLOEXEC) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn resend(device: BorrowedFd<'_>) {
    let words = [HEADER_BYTES, RESEND, 0, 0];
    let message: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    if let Err(error) = rustix::io::write(device, &message) {
        tracing::warn!(%error, "this kernel cannot send requests again; readers that waited for the former server get stuck until they are ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_has_the_length_it_names() {
        let negotiated =
            Negotiated { major: 7, minor: 45, max_readahead: 1, capabilities: 1 << 40 | 5, requested: 0 };
        let bytes = init(&negotiated);
        assert_eq!(bytes.len(), INIT_BYTES as usize);
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(
            [word(0), word(4), word(40), word(44), word(52), word(56)],
            [104, 26, 7, 45, 5 | 1 << 30, 1 << 8]
        );
    }
}
