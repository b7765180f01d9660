//! Where secrets come from: the port that a broker is behind, and in tests something else.

use broker_client::SecretText;
use csi_mount_core::refresh::{Failure, Lease};
use tokio::sync::watch;

use crate::records::Sink;

/// A secret as it was read.
#[derive(Debug)]
pub struct Reading {
    /// Its keys and values as a JSON object.
    pub data: SecretText,
    /// Its version; 0 where it has none.
    pub version: u64,
}

/// Why a secret could not be read or a token not be renewed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What it means for the mount.
    pub failure: Failure,
    /// What happened, for the log; never a value or a token.
    pub message: String,
}

/// Gives one secret, and takes records of who opened its files.
pub trait Source: Sink {
    /// What records name as the secret's path, such as `secret/data/app/db`.
    fn path(&self) -> String;

    /// Reads the secret.
    ///
    /// # Errors
    /// [`SourceError`].
    fn read(&self) -> impl Future<Output = Result<Reading, SourceError>> + Send;

    /// How long the token lives.
    ///
    /// # Errors
    /// [`SourceError`].
    fn lease(&self) -> impl Future<Output = Result<Lease, SourceError>> + Send;

    /// Renews the token.
    ///
    /// # Errors
    /// [`SourceError`].
    fn renew(&self) -> impl Future<Output = Result<Lease, SourceError>> + Send;

    /// A number that moves whenever the secret, or the right to read it, may have changed, and once when it is known
    /// whether changes are told at all.
    fn changes(&self) -> watch::Receiver<u64>;
}
