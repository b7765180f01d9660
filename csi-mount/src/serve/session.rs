//! The connection to the kernel: begun or taken over, served by a thread of its own, and told what to forget.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use csi_mount_core::superblock::ROOT;
use csi_mount_core::wire::children::Negotiated;
use fuser::{Config, INodeNo, Notifier, Session, SessionACL};

use super::Shared;
use super::attach::take_over;
use super::fs::Fs;

/// Why the kernel is not served.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The handshake.
    #[error("the kernel's first request cannot be answered: {0}")]
    Handshake(io::Error),
    /// Taking over.
    #[error("the connection to the kernel cannot be taken over: {0}")]
    TakeOver(io::Error),
    /// The thread.
    #[error("the kernel's requests cannot be served: {0}")]
    Thread(io::Error),
}

/// The kernel as the server's other thread sees it.
#[derive(Debug)]
pub(super) struct Kernel {
    notifier: Notifier,
    negotiated: Negotiated,
}

/// Serves from now on: takes over what was negotiated, or negotiates.
///
/// # Errors
/// [`SessionError`].
pub(super) fn start(
    shared: &Arc<Shared>,
    device: &OwnedFd,
    negotiated: Option<Negotiated>,
) -> Result<Kernel, SessionError> {
    let agreed = Arc::new(Mutex::new(Negotiated::default()));
    let fs = Fs::new(Arc::clone(shared), Arc::clone(&agreed), negotiated);
    let session = match &negotiated {
        Some(negotiated) => take_over(fs, device, negotiated).map_err(SessionError::TakeOver)?,
        None => {
            let device = device.try_clone().map_err(SessionError::Handshake)?;
            let begun = Session::from_fd(fs, device, SessionACL::All, Config::default());
            begun.map_err(SessionError::Handshake)?
        }
    };
    let negotiated = *agreed.lock().unwrap_or_else(PoisonError::into_inner);
    let notifier = session.notifier();
    let link = Arc::clone(shared);
    let serve = move || {
        match session.run() {
            Ok(()) => tracing::error!("the file system is gone"),
            Err(error) => tracing::error!(%error, "the file system is not served any more"),
        }
        // The other thread waits for the keeper: that wait must end too, and the process with it.
        if let Err(error) = rustix::net::shutdown(&link.link, rustix::net::Shutdown::Both) {
            tracing::error!(%error, "the link cannot be closed");
        }
    };
    thread::Builder::new().name("fuse".to_owned()).spawn(serve).map_err(SessionError::Thread)?;
    Ok(Kernel { notifier, negotiated })
}

impl Kernel {
    /// What was agreed.
    pub(super) const fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    /// Makes the kernel ask again for everything of these inodes, what is mapped included. It waits for readers, so that it
    /// must not be called by the thread that answers them.
    pub(super) fn forget(&self, inodes: &[u64]) {
        for ino in inodes {
            if let Err(error) = self.notifier.inval_inode(INodeNo(*ino), 0, 0) {
                tracing::debug!(%error, "the kernel did not forget; it may not have known");
            }
        }
    }

    /// Makes the kernel forget a volume's folder.
    pub(super) fn forget_folder(&self, name: &str) {
        if let Err(error) = self.notifier.inval_entry(INodeNo(ROOT), OsStr::new(name)) {
            tracing::debug!(%error, "the kernel did not forget; it may not have known");
        }
    }
}
