//! Records of opens on their way to the audit log: numbered, queued within bounds, sent in batches.
//!
//! An open never waits for them. What finds the queue full is dropped, and its number is missing: the broker records the gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use csi_mount_core::refresh;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::metrics::Metrics;

#[cfg(test)]
mod tests;

/// Records that wait at most.
pub const QUEUE: usize = 1_024;
/// Records of one batch at most.
pub const BATCH: usize = 64;
/// How long a record waits for others.
const GATHER: Duration = Duration::from_millis(500);
/// The longest text of a record in bytes.
const MAX_TEXT_BYTES: usize = 1_024;

/// A file was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1.
    pub number: u64,
    /// Who opened it.
    pub object: String,
    /// Which file.
    pub target: String,
    /// Path of the secret, such as `secret/data/app/db`.
    pub path: String,
    /// Version of the secret that it shows; 0 for none.
    pub version: u64,
}

/// Records with numbers that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of the first one.
    pub first: u64,
    /// The records, at least 1.
    pub records: Vec<Record>,
}

/// Why records were not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not now: the same batch may be sent again.
    #[error("{0}")]
    Away(String),
    /// Not these: the broker refuses them, or has them already.
    #[error("{0}")]
    Refused(String),
    /// Never: the server keeps no such records.
    #[error("the server takes no records")]
    Unsupported,
}

/// Takes records to where they are kept.
pub trait Sink: Send + Sync + 'static {
    /// Takes a batch.
    ///
    /// # Errors
    /// [`ReportError`].
    fn report(&self, batch: &Batch) -> impl Future<Output = Result<(), ReportError>> + Send;
}

/// An open as it is noted.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// Who opened it.
    pub object: &'a str,
    /// Which file.
    pub target: &'a str,
    /// Path of the secret.
    pub path: &'a str,
    /// Version of the secret that it shows; 0 for none.
    pub version: u64,
}

/// Takes records in; the end of the queue that is told of opens.
#[derive(Debug)]
pub struct Opens {
    queue: mpsc::Sender<Record>,
    last: AtomicU64,
    /// Whether the last record was dropped; only the first of a row is logged.
    dropping: AtomicBool,
    metrics: Metrics,
}

/// A queue: what takes records in, and what [`deliver`] takes out of it.
pub fn queue(metrics: Metrics) -> (Opens, mpsc::Receiver<Record>) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    (Opens { queue, last: AtomicU64::new(0), dropping: AtomicBool::new(false), metrics }, waiting)
}

impl Opens {
    /// Notes an open. Never waits.
    pub fn note(&self, open: Open<'_>) {
        let number = self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let record = Record {
            number,
            object: printable(open.object),
            target: printable(open.target),
            path: printable(open.path),
            version: open.version,
        };
        // Once full, it takes none until half of it is sent: one long gap, and whole batches between two of them.
        let waits = self.dropping.load(Ordering::Relaxed) && self.queue.capacity() < QUEUE / 2;
        let full = waits || matches!(self.queue.try_send(record), Err(mpsc::error::TrySendError::Full(_)));
        if full {
            self.metrics.lost(1);
        }
        if full && !self.dropping.swap(full, Ordering::Relaxed) {
            tracing::warn!(
                number,
                "too many opens wait for the audit log; from here on they become a gap there"
            );
        } else if !full {
            self.dropping.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that this many opens were not told: their numbers are left out.
    pub fn lost(&self, opens: u64) {
        self.last.fetch_add(opens, Ordering::Relaxed);
        self.metrics.lost(opens);
        tracing::warn!(opens, "opens were not told in time; they become a gap in the audit log");
    }
}

/// Sends what is in the queue until it is stopped, then what is left once more, or until the queue's other end is gone.
pub async fn deliver<S: Sink>(source: Arc<S>, mut waiting: mpsc::Receiver<Record>, stop: CancellationToken) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(record) => record,
            None => tokio::select! {
                record = waiting.recv() => match record {
                    Some(record) => record,
                    None => return,
                },
                () = stop.cancelled() => match waiting.try_recv() {
                    Ok(record) => record,
                    Err(_) => return,
                },
            },
        };
        let (batch, rest) = gather(first, &mut waiting, &stop).await;
        next = rest;
        if send(&*source, &batch, &stop).await.is_err() {
            // Nobody will take any: the queue is closed, and opens are noted to no one.
            return;
        }
    }
}

/// A batch that begins with `first`, and the record that does not belong to it any more.
async fn gather(
    first: Record,
    waiting: &mut mpsc::Receiver<Record>,
    stop: &CancellationToken,
) -> (Batch, Option<Record>) {
    let mut batch = Batch { first: first.number, records: vec![first] };
    let gathered = tokio::time::sleep(GATHER);
    tokio::pin!(gathered);
    while batch.records.len() < BATCH {
        let more = tokio::select! {
            record = waiting.recv() => record,
            () = &mut gathered => None,
            () = stop.cancelled() => waiting.try_recv().ok(),
        };
        match more {
            Some(record) if record.number == batch.first + batch.records.len() as u64 => {
                batch.records.push(record)
            }
            other => return (batch, other),
        }
    }
    (batch, None)
}

/// Sends a batch, again and again while the broker is away. Once stopped, it is tried a last time.
///
/// # Errors
/// The server takes no records at all.
async fn send<S: Sink>(source: &S, batch: &Batch, stop: &CancellationToken) -> Result<(), ()> {
    let mut failures = 0;
    loop {
        let stopped = stop.is_cancelled();
        match source.report(batch).await {
            Ok(()) => return Ok(()),
            Err(ReportError::Unsupported) => {
                tracing::info!("the server keeps no records of opens");
                return Err(());
            }
            // After a lost answer the broker has them already.
            Err(ReportError::Refused(_)) if failures > 0 => return Ok(()),
            Err(ReportError::Refused(reason)) => {
                tracing::warn!(reason, lost = batch.records.len(), "the broker refuses records of opens");
                return Ok(());
            }
            Err(ReportError::Away(reason)) => {
                if stopped {
                    tracing::warn!(reason, lost = batch.records.len(), "records of opens are lost");
                    return Ok(());
                }
                if failures == 0 {
                    tracing::warn!(reason, "records of opens wait for the broker");
                }
            }
        }
        let wait = refresh::backoff(failures, clock::jitter());
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What the broker takes: printable, and not over its limit.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    for c in text.chars().map(|c| if c.is_control() { '?' } else { c }) {
        if clean.len() + c.len_utf8() > MAX_TEXT_BYTES {
            break;
        }
        clean.push(c);
    }
    clean
}
