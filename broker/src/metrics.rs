//! Counters of the broker in Prometheus' text form.

use broker_core::reason::ReasonCode;
use broker_core::record::Kind;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::store::Ledger;

/// Labels of the request counter: both from closed lists.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    kind: &'static str,
    reason: &'static str,
}

/// All counters.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
}

impl Metrics {
    /// Counters over a ledger.
    pub fn new(ledger: Ledger) -> Self {
        let mut registry = Registry::with_prefix("keyreeve");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("requests", "Requests by kind and reason of their answer", requests.clone());
        registry.register_collector(Box::new(LedgerCollector(ledger)));
        Self { registry, requests }
    }

    /// Counts an answer.
    pub fn count(&self, kind: Kind, reason: ReasonCode) {
        let labels = RequestLabels { kind: kind.as_str(), reason: reason.as_str() };
        self.requests.get_or_create(&labels).inc();
    }

    /// All counters as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory has no way to fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}

struct LedgerCollector(Ledger);

impl std::fmt::Debug for LedgerCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LedgerCollector")
    }
}

impl Collector for LedgerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let m = self.0.metrics();
        let head = self.0.head();
        let counters = [
            ("ledger_groups", "Groups of requests made durable together", m.groups),
            ("ledger_submissions", "Requests made durable", m.submissions),
            ("ledger_records", "Audit records made durable", m.records),
            ("ledger_syncs", "Syncs of the journal: one a group", m.syncs),
            ("ledger_checkpoints", "Checkpoints of the store", m.checkpoints),
            ("audit_records", "Number of the newest audit record", head.seq),
            ("store_revisions", "Revision of the store", head.revision),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let gauges = [
            ("ledger_last_group_size", "Requests in the newest group", m.last_group),
            ("ledger_queue", "Requests that wait for their group", m.queue),
            ("ledger_degraded", "1 while the audit log or store cannot be written", u64::from(m.degraded)),
            ("ledger_journal_bytes", "Bytes in the journal since the last checkpoint", m.journal_bytes),
            ("store_key_encryptions", "Encryptions with the current key term", m.term_encryptions),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
