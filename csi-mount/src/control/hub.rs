//! The one change stream of a node: what it tells goes to the secrets that it concerns.

use std::sync::Arc;
use std::time::Duration;

use broker_client::{ChangeEvent, ChangeKind, ChangeStream, ChangesError};
use csi_mount_core::refresh::{Failure, backoff, part};
use tokio::sync::watch;

use super::identity::Identity;
use super::secrets::Secrets;
use super::trouble::Trouble;
use crate::clock;
use crate::metrics::Metrics;

/// The longest random wait after a stream was opened again, in milliseconds: everything is read again then.
const SPREAD: u64 = 1_000;

/// Follows the changes of a broker.
#[derive(Debug)]
pub struct Hub {
    secrets: Arc<Secrets>,
    identity: Arc<Identity>,
    metrics: Metrics,
    settled: watch::Sender<bool>,
}

/// How an attempt to follow ended.
enum Ended {
    /// It was open and broke off; go on there.
    Open(Option<u64>),
    /// It could not be opened.
    Closed(Trouble),
    /// What was missed is not kept: everything is to be read again.
    Gone,
    /// The server has none.
    Unsupported,
}

impl Hub {
    /// A hub that follows with this identity.
    pub fn new(secrets: Arc<Secrets>, identity: Arc<Identity>, metrics: Metrics) -> Self {
        Self { secrets, identity, metrics, settled: watch::Sender::new(false) }
    }

    /// Turns true once it is known whether changes are told.
    pub fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }

    /// Follows until it is dropped, or until the server turns out to have no change stream.
    pub async fn follow(self) {
        let (mut after, mut failures, mut before) = (None, 0_u32, false);
        loop {
            let ended = self.once(after, before).await;
            self.secrets.followed(false);
            self.metrics.followed(false);
            self.settled.send_replace(true);
            match ended {
                Ended::Open(cursor) => (after, failures, before) = (cursor, 0, true),
                Ended::Gone => (after, before) = (None, true),
                Ended::Closed(trouble) => {
                    if failures == 0 {
                        tracing::warn!(error = %trouble, "changes cannot be followed; secrets are read at their interval");
                    }
                    failures = failures.saturating_add(1);
                    before = true;
                }
                Ended::Unsupported => {
                    tracing::info!("the server has no change stream; secrets are read at their interval");
                    return;
                }
            }
            let wait = backoff(failures, clock::jitter());
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// Opens the stream and tells what it says until it ends. `before` is whether this was tried before.
    async fn once(&self, after: Option<u64>, before: bool) -> Ended {
        let (session, serial) = match self.identity.session().await {
            Ok(session) => session,
            Err(trouble) => return Ended::Closed(trouble),
        };
        match session.changes(after).await {
            Ok(mut stream) => self.listen(&mut stream, after.is_none(), before).await,
            Err(ChangesError::Unsupported) => Ended::Unsupported,
            Err(ChangesError::Gone { .. }) => Ended::Gone,
            Err(ChangesError::Call(error)) => {
                let trouble = Trouble::from(error);
                if trouble.failure == Failure::Denied {
                    self.identity.denied(serial).await;
                }
                Ended::Closed(trouble.during("the change stream at sys/keyreeve/changes"))
            }
        }
    }

    /// `fresh` is whether the stream begins now, so that everything may be other than it was read, and `again` whether
    /// the same happens on many nodes at this time.
    async fn listen(&self, stream: &mut ChangeStream, fresh: bool, again: bool) -> Ended {
        loop {
            match stream.next().await {
                Ok(ChangeEvent::Ready { .. }) => {
                    self.metrics.followed(true);
                    self.settled.send_replace(true);
                    self.secrets.followed(true);
                    if fresh {
                        let wait = if again { part(SPREAD, clock::jitter()) } else { 0 };
                        tokio::time::sleep(Duration::from_millis(wait)).await;
                        self.secrets.all_changed();
                    }
                }
                Ok(ChangeEvent::Change(change)) => self.tell(&change.kind).await,
                Ok(ChangeEvent::Gone { .. } | ChangeEvent::TokenEnded { .. }) => return Ended::Gone,
                Ok(ChangeEvent::Lagged { .. } | ChangeEvent::End { .. }) => {
                    return Ended::Open(stream.cursor());
                }
                Err(error) => {
                    tracing::debug!(%error, "the change stream ended");
                    return Ended::Open(stream.cursor());
                }
            }
        }
    }

    async fn tell(&self, change: &ChangeKind) {
        self.metrics.change();
        match change {
            ChangeKind::Kv2 { mount, path, .. } => self.secrets.changed(mount, Some(path)),
            ChangeKind::MountChanged { mount } => self.secrets.changed(mount, None),
            ChangeKind::TokenRevoked { accessor } => {
                self.secrets.revoked(accessor);
                self.identity.revoked(accessor);
            }
            ChangeKind::PolicyChanged { name } => self.secrets.policy_changed(name).await,
            ChangeKind::Kv1 { .. } => {}
            ChangeKind::Unknown => self.secrets.all_changed(),
        }
    }
}
