//! What the writer and all readers share: the database, the index of records, the head and the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use broker_core::time::Time;
use tokio::sync::watch;

use super::backend::Db;
use super::codec::Codec;
use super::media::Media;
use super::segments::Segments;
use super::state::State;
use super::writer::Message;
use super::{Head, LedgerMetrics, Sizes};

/// Counters of the ledger.
#[derive(Default)]
pub(crate) struct Counters {
    groups: AtomicU64,
    submissions: AtomicU64,
    records: AtomicU64,
    last_group: AtomicU64,
    pub(crate) queue: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) degraded: AtomicBool,
    journal_bytes: AtomicU64,
}

/// Shared by the writer and all readers of one ledger.
pub(crate) struct Shared {
    pub(crate) media: Arc<dyn Media>,
    pub(crate) codec: Arc<Codec>,
    pub(crate) log: String,
    pub(crate) db: Db,
    pub(crate) segments: Arc<Segments>,
    pub(crate) sizes: Sizes,
    pub(crate) cache_bytes: usize,
    pub(crate) clock: fn() -> Time,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) counters: Counters,
}

impl Shared {
    /// Shows a state to readers.
    pub(crate) fn publish(&self, state: &State) {
        self.counters.journal_bytes.store(state.journal_bytes(), Ordering::Relaxed);
        self.head.send_replace(Head {
            log: self.log.clone(),
            seq: state.seq,
            revision: state.revision,
            root: state.tree.root(),
            size: state.tree.size(),
        });
    }

    /// A message left the queue.
    pub(crate) fn taken(&self, message: &Message) {
        if matches!(message, Message::Submit(..)) {
            self.counters.queue.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A group became durable.
    pub(crate) fn count_group(&self, submissions: usize, records: usize) {
        let counters = &self.counters;
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.submissions.fetch_add(submissions as u64, Ordering::Relaxed);
        counters.records.fetch_add(records as u64, Ordering::Relaxed);
        counters.last_group.store(submissions as u64, Ordering::Relaxed);
    }

    /// The counters as they are now.
    pub(crate) fn metrics(&self) -> LedgerMetrics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        LedgerMetrics {
            groups: get(&counters.groups),
            submissions: get(&counters.submissions),
            records: get(&counters.records),
            syncs: self.media.syncs(),
            checkpoints: get(&counters.checkpoints),
            last_group: get(&counters.last_group),
            queue: get(&counters.queue),
            degraded: counters.degraded.load(Ordering::Relaxed),
            term_encryptions: self.codec.encryptions(),
            journal_bytes: get(&counters.journal_bytes),
        }
    }
}
