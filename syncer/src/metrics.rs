//! Counters of the syncer in Prometheus' text form.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A label from a closed list.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Result {
    result: &'static str,
}

/// All counters. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    syncs: Family<Result, Counter<u64, AtomicU64>>,
    deliveries: Family<Result, Counter<u64, AtomicU64>>,
    changes: Counter,
    ready: Gauge,
    not_ready: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("keyreeve_syncer");
        let (syncs, deliveries) = (Family::default(), Family::default());
        let (changes, ready, not_ready) = (Counter::default(), Gauge::default(), Gauge::default());
        registry.register("syncs", "Objects served, by what came of it", Family::clone(&syncs));
        registry.register("deliveries", "Delivery records by what came of them", Family::clone(&deliveries));
        registry.register("changes", "Changes that servers told of", changes.clone());
        registry.register("objects_ready", "Objects whose Secret is as they ask for", ready.clone());
        registry.register("objects_not_ready", "Objects that failed", not_ready.clone());
        Self { registry: Arc::new(registry), syncs, deliveries, changes, ready, not_ready }
    }
}

impl Metrics {
    /// Counts an object that was served.
    pub fn sync(&self, result: &'static str) {
        self.syncs.get_or_create(&Result { result }).inc();
    }

    /// Counts delivery records.
    pub fn deliveries(&self, result: &'static str, count: u64) {
        self.deliveries.get_or_create(&Result { result }).inc_by(count);
    }

    /// Counts a change.
    pub fn change(&self) {
        self.changes.inc();
    }

    /// Sets how many objects are ready and not.
    pub fn objects(&self, (ready, not_ready): (usize, usize)) {
        self.ready.set(i64::try_from(ready).unwrap_or(i64::MAX));
        self.not_ready.set(i64::try_from(not_ready).unwrap_or(i64::MAX));
    }

    /// All counters as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory has no way to fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_shown() {
        let metrics = Metrics::default();
        metrics.sync("written");
        metrics.deliveries("refused", 3);
        metrics.objects((2, 1));
        let text = metrics.text();
        for line in [
            "keyreeve_syncer_syncs_total{result=\"written\"} 1",
            "keyreeve_syncer_deliveries_total{result=\"refused\"} 3",
            "keyreeve_syncer_objects_ready 2",
            "keyreeve_syncer_objects_not_ready 1",
            "keyreeve_syncer_changes_total 0",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
