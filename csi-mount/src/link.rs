//! A socket between two processes of the driver: one message per packet, with open files beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

pub mod control;

/// The longest message in bytes.
pub const MAX_BYTES: usize = csi_mount_core::wire::MAX_MESSAGE_BYTES;
/// The most open files beside one message.
pub const MAX_FILES: usize = 4;

/// One end of a link.
#[derive(Debug)]
pub struct Link(OwnedFd);

/// A message as it came.
#[derive(Debug, Default)]
pub struct Packet {
    /// What was written.
    pub bytes: Vec<u8>,
    /// The open files that came with it.
    pub files: Vec<OwnedFd>,
}

/// Why nothing was received.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other end is gone.
    #[error("the other process is gone")]
    Closed,
    /// Nothing waits, or there is no room, and the link does not wait.
    #[error("the link would have to wait")]
    WouldBlock,
    /// More than the limits allow.
    #[error(
        "a message of {bytes} bytes with {files} open files is over the limit of {MAX_BYTES} with {MAX_FILES}"
    )]
    TooLarge {
        /// Bytes, as far as they are known.
        bytes: usize,
        /// Open files.
        files: usize,
    },
    /// The system's word.
    #[error("the link between two processes of the driver failed: {0}")]
    System(io::Error),
}

impl From<Errno> for LinkError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => Self::Closed,
            Errno::AGAIN => Self::WouldBlock,
            other => Self::System(other.into()),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Link {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFd> for Link {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl From<Link> for OwnedFd {
    fn from(link: Link) -> Self {
        link.0
    }
}

impl Link {
    /// Both ends of a new link; both wait.
    ///
    /// # Errors
    /// The system's: no descriptor is left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self(one), Self(other)))
    }

    /// The end that the keeper gave this process as its standard input, which is closed for everybody else.
    ///
    /// # Errors
    /// The system's.
    pub fn inherited() -> io::Result<Self> {
        let link = io::stdin().as_fd().try_clone_to_owned()?;
        let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty())?;
        rustix::stdio::dup2_stdin(null)?;
        Ok(Self(link))
    }

    /// Sends one message; waits for room unless the link was told not to.
    ///
    /// # Errors
    /// [`LinkError`]; nothing was sent.
    pub fn send(&self, bytes: &[u8], files: &[BorrowedFd<'_>]) -> Result<(), LinkError> {
        self.send_with(bytes, files, SendFlags::NOSIGNAL)
    }

    /// Sends one message, or says at once that there is no room.
    ///
    /// # Errors
    /// [`LinkError`]; nothing was sent.
    pub fn try_send(&self, bytes: &[u8], files: &[BorrowedFd<'_>]) -> Result<(), LinkError> {
        self.send_with(bytes, files, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    fn send_with(&self, bytes: &[u8], files: &[BorrowedFd<'_>], flags: SendFlags) -> Result<(), LinkError> {
        if bytes.is_empty() || bytes.len() > MAX_BYTES || files.len() > MAX_FILES {
            return Err(LinkError::TooLarge { bytes: bytes.len(), files: files.len() });
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(LinkError::TooLarge { bytes: bytes.len(), files: files.len() });
        }
        loop {
            match sendmsg(&self.0, &[IoSlice::new(bytes)], &mut beside, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits for one message.
    ///
    /// # Errors
    /// [`LinkError`]; a message over the limits is lost.
    pub fn receive(&self) -> Result<Packet, LinkError> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC)
    }

    /// One message if one waits.
    ///
    /// # Errors
    /// [`LinkError`]; a message over the limits is lost.
    pub fn try_receive(&self) -> Result<Packet, LinkError> {
        self.receive_with(RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
    }

    fn receive_with(&self, flags: RecvFlags) -> Result<Packet, LinkError> {
        let mut bytes = vec![0; MAX_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let came = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut beside, flags) {
                Ok(came) => break came,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        let mut files = Vec::new();
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                files.extend(rights);
            }
        }
        if came.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(LinkError::TooLarge { bytes: came.bytes, files: files.len() });
        }
        if came.bytes == 0 {
            return Err(LinkError::Closed);
        }
        bytes.truncate(came.bytes);
        Ok(Packet { bytes, files })
    }
}

#[cfg(test)]
mod tests;
