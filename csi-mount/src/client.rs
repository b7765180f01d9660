//! The broker as a source: reads, renewals, its change stream, and records of opens.

use std::path::PathBuf;
use std::sync::Arc;

use broker_client::retry::is_worth_repeating;
use broker_client::{
    CallError, ChangeEvent, ChangeKind, ChangeStream, ChangesError, Client, Delivery, DeliveryKind,
    ReadError, Session, TokenInfo,
};
use csi_mount_core::refresh::{self, Failure, Lease};
use tokio::sync::watch;

use crate::clock;
use crate::config::{SecretRef, read_token};
use crate::records::{Batch, ReportError, Sink};
use crate::source::{Reading, Source, SourceError};

#[cfg(test)]
mod tests;

/// A secret behind a broker. A server without change stream or records, such as Vault, will do too.
#[derive(Debug)]
pub struct BrokerSource {
    client: Client,
    secret: SecretRef,
    token_file: PathBuf,
    /// Names the stream of records of this process.
    sender: String,
    changes: watch::Sender<u64>,
}

impl BrokerSource {
    /// A source; [`BrokerSource::follow`] must run for its changes to be told.
    pub fn new(client: Client, secret: SecretRef, token_file: PathBuf) -> Self {
        let sender = format!("csi-{}", clock::unix_millis());
        Self { client, secret, token_file, sender, changes: watch::Sender::new(0) }
    }

    /// The token is read each time: a rotated one is used from the next request on.
    fn session(&self) -> Result<Session, SourceError> {
        let token = read_token(&self.token_file)
            .map_err(|error| SourceError { failure: Failure::Away, message: error.to_string() })?;
        Ok(self.client.with_token(token))
    }

    fn tell(&self) {
        self.changes.send_modify(|number| *number = number.wrapping_add(1));
    }

    /// Follows the change stream, opening it again whenever it ends. Ends where the server has none.
    pub async fn follow(self: Arc<Self>) {
        let (mut after, mut failures) = (None, 0);
        loop {
            let opened = match self.session() {
                Ok(session) => session.changes(after).await,
                Err(error) => {
                    tracing::warn!(%error, "the change stream cannot be opened");
                    self.tell();
                    self.pause(failures).await;
                    failures += 1;
                    continue;
                }
            };
            match opened {
                Ok(mut stream) => {
                    failures = 0;
                    after = self.listen(&mut stream).await;
                }
                Err(ChangesError::Unsupported) => {
                    tracing::info!("the server has no change stream; the secret is read at its interval");
                    return self.tell();
                }
                Err(error) => {
                    // Told once in a row: what is denied or missed will not be told by the stream.
                    if failures == 0 || matches!(error, ChangesError::Gone { .. }) {
                        tracing::warn!(%error, "the change stream cannot be opened; the secret is read at its interval");
                        self.tell();
                    }
                    if matches!(error, ChangesError::Gone { .. }) {
                        after = None;
                    }
                    failures = failures.saturating_add(1);
                }
            }
            self.pause(failures).await;
        }
    }

    /// Tells what an open stream says, until it ends. Returns where to go on.
    async fn listen(&self, stream: &mut ChangeStream) -> Option<u64> {
        loop {
            match stream.next().await {
                // What came before the stream was open was not told.
                Ok(ChangeEvent::Ready { .. }) => self.tell(),
                Ok(ChangeEvent::Change(change)) => {
                    if concerns(&self.secret, &change.kind) {
                        self.tell();
                    }
                }
                Ok(ChangeEvent::Gone { .. } | ChangeEvent::TokenEnded { .. }) => {
                    self.tell();
                    return None;
                }
                Ok(ChangeEvent::Lagged { .. } | ChangeEvent::End { .. }) => return stream.cursor(),
                Err(error) => {
                    tracing::debug!(%error, "the change stream ended");
                    return stream.cursor();
                }
            }
        }
    }

    async fn pause(&self, failures: u32) {
        let wait = refresh::backoff(&refresh::Policy::default(), failures, clock::jitter());
        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    }
}

impl Source for BrokerSource {
    fn path(&self) -> String {
        format!("{}/data/{}", self.secret.mount, self.secret.path)
    }

    async fn read(&self) -> Result<Reading, SourceError> {
        let SecretRef { mount, path, version } = &self.secret;
        let read = self.session()?.read_kv2(mount, path, *version).await.map_err(of_read)?;
        let version = read.version().unwrap_or(0);
        Ok(Reading { data: read.data, version })
    }

    async fn lease(&self) -> Result<Lease, SourceError> {
        self.session()?.lookup_self().await.map(|info| lease_of(&info)).map_err(of_call)
    }

    async fn renew(&self) -> Result<Lease, SourceError> {
        let login = self.session()?.renew_self(None).await.map_err(of_call)?;
        Ok(Lease { ttl: millis(login.lease), renewable: login.renewable })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Sink for BrokerSource {
    async fn report(&self, batch: &Batch) -> Result<(), ReportError> {
        let records: Vec<Delivery> = batch
            .records
            .iter()
            .map(|record| Delivery {
                kind: DeliveryKind::FileOpen,
                object: record.object.clone(),
                target: record.target.clone(),
                path: record.path.clone(),
                version: (record.version > 0).then_some(record.version),
            })
            .collect();
        let session = self.session().map_err(|error| ReportError::Away(error.message))?;
        session.send_records(&self.sender, batch.first, &records).await.map_err(|error| match error {
            CallError::NotFound | CallError::Refused { status: 404 | 405, .. } => ReportError::Unsupported,
            // Another token may be allowed to: what was opened before a revocation is not forgotten.
            error @ CallError::Denied { .. } => ReportError::Away(error.to_string()),
            error if is_worth_repeating(&error) => ReportError::Away(error.to_string()),
            error => ReportError::Refused(error.to_string()),
        })
    }
}

/// Whether a change may concern the secret or the right to read it.
fn concerns(secret: &SecretRef, change: &ChangeKind) -> bool {
    match change {
        ChangeKind::Kv2 { mount, path, .. } => *mount == secret.mount && *path == secret.path,
        ChangeKind::Kv1 { .. } => false,
        ChangeKind::MountChanged { mount } => mount.trim_end_matches('/') == secret.mount,
        ChangeKind::TokenRevoked { .. } | ChangeKind::PolicyChanged { .. } | ChangeKind::Unknown => true,
    }
}

fn lease_of(info: &TokenInfo) -> Lease {
    // A token that ends right now is not one that never ends.
    let ttl = if info.expire_time.is_some() { millis(info.ttl).max(1) } else { 0 };
    Lease { ttl, renewable: info.renewable }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn of_read(error: ReadError) -> SourceError {
    match error {
        ReadError::Call(error) => of_call(error),
        ReadError::NotFound | ReadError::Deleted(_) => {
            SourceError { failure: Failure::Absent, message: error.to_string() }
        }
    }
}

fn of_call(error: CallError) -> SourceError {
    let failure = match &error {
        CallError::Denied { .. } => Failure::Denied,
        CallError::NotFound => Failure::Absent,
        error if is_worth_repeating(error) => Failure::Away,
        _ => Failure::Unusable,
    };
    SourceError { failure, message: error.to_string() }
}
