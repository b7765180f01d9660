//! A single mount without Kubernetes, for the command `keyreeve`: the same processes as on a node, with one volume.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_client::Token;

use crate::control::single;
use crate::keeper::{self, KeeperError, Options, Use};
use crate::mutate::{self, MutateError};
use crate::serve::{self, ServeError};
use crate::{memory, telemetry};

pub use crate::config::{LogArgs, LogFormat, SecretRef};
pub use crate::control::single::{Single, SingleError};
pub use crate::mounts::place::{PlaceError, ready};
pub use csi_mount_core::decide::Rules;
pub use csi_mount_core::path::FilePath;
pub use csi_mount_core::request::{self, FileMap, RequestError};

/// Seconds without a server after which reads fail instead of waiting.
const STALL: Duration = Duration::from_secs(10);

/// Arguments of the same program that make it each of the keeper's children.
#[derive(Clone, Debug)]
pub struct Children {
    /// The server.
    pub server: Vec<OsString>,
    /// The mutator.
    pub mutator: Vec<OsString>,
    /// The control process.
    pub control: Vec<OsString>,
}

/// A token in a file in memory, to be a program's standard input: the environment that it may come from is seen in `/proc`.
///
/// # Errors
/// The system's.
pub fn in_memory(token: &Token) -> std::io::Result<OwnedFd> {
    memory::sealed("token", token.expose().as_bytes())
}

/// Keeps one mount until its control process ends. `token` is whether standard input is a file of [`in_memory`].
///
/// # Returns
/// The control process's exit code.
///
/// # Errors
/// [`KeeperError`].
pub fn keep(at: &Path, token: bool, children: Children) -> Result<u8, KeeperError> {
    let token = token.then(|| std::io::stdin().as_fd().try_clone_to_owned()).transpose();
    let token = token.map_err(KeeperError::Setup)?.map(Arc::new);
    keeper::run(&Options {
        purpose: Use::Single { at: at.to_owned(), token },
        program: PathBuf::from("/proc/self/exe"),
        title: "keyreeve",
        server: children.server,
        mutator: children.mutator,
        control: children.control,
        stall: STALL,
    })
}

/// Is the server of a single mount.
///
/// # Errors
/// [`ServeError`].
pub fn serve() -> Result<(), ServeError> {
    serve::run()
}

/// Is the mutator of a single mount.
///
/// # Errors
/// [`MutateError`].
pub fn mutate() -> Result<(), MutateError> {
    mutate::run()
}

/// Is the control process of a single mount.
///
/// # Errors
/// [`SingleError`].
pub fn control(what: Single) -> Result<(), SingleError> {
    single::single(what)
}

/// Starts logging to standard error.
///
/// # Errors
/// A filter that cannot be understood, in its own words.
pub fn start_log(log: &LogArgs) -> Result<(), String> {
    telemetry::start(log).map_err(|error| error.to_string())
}
