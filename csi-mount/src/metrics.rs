//! Counters of the control process in Prometheus' text form; those that the reference driver has too keep its names.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The provider's name in labels.
const PROVIDER: &str = "keyreeve";
/// The system's name in labels.
const SYSTEM: &str = "linux";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Plain {
    provider: &'static str,
    os_type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Failed {
    provider: &'static str,
    os_type: &'static str,
    error_type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Rotated {
    provider: &'static str,
    os_type: &'static str,
    rotated: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

const PLAIN: Plain = Plain { provider: PROVIDER, os_type: SYSTEM };

type Family1<L> = Family<L, Counter<u64, AtomicU64>>;

/// All counters. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    publishes: Family1<Plain>,
    publish_errors: Family1<Failed>,
    unpublishes: Family1<Plain>,
    unpublish_errors: Family1<Failed>,
    rotations: Family1<Rotated>,
    rotation_errors: Family1<Failed>,
    rotation_time: Histogram,
    opens: Family1<Outcome>,
    records: Family1<Outcome>,
    lost: Counter,
    changes: Counter,
    followed: Gauge,
    volumes: Gauge,
    revoked: Gauge,
    stale: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let (publishes, publish_errors) = (Family1::<Plain>::default(), Family1::<Failed>::default());
        let (unpublishes, unpublish_errors) = (Family1::<Plain>::default(), Family1::<Failed>::default());
        let (rotations, rotation_errors) = (Family1::<Rotated>::default(), Family1::<Failed>::default());
        let rotation_time = Histogram::new(exponential_buckets(0.1, 1.35, 11));
        registry.register("node_publish", "Volumes that were published", Family::clone(&publishes));
        registry.register("node_publish_error", "Publishes that failed", Family::clone(&publish_errors));
        registry.register("node_unpublish", "Volumes that were unpublished", Family::clone(&unpublishes));
        registry.register(
            "node_unpublish_error",
            "Unpublishes that failed",
            Family::clone(&unpublish_errors),
        );
        registry.register("rotation_reconcile", "Reads of shown secrets", Family::clone(&rotations));
        registry.register("rotation_reconcile_error", "Reads that failed", Family::clone(&rotation_errors));
        registry.register(
            "rotation_reconcile_duration_sec",
            "Seconds until a changed secret was shown",
            rotation_time.clone(),
        );
        let ours = registry.sub_registry_with_prefix("keyreeve_csi");
        let (opens, records) = (Family1::<Outcome>::default(), Family1::<Outcome>::default());
        let (lost, changes) = (Counter::default(), Counter::default());
        let gauges: [Gauge; 4] = Default::default();
        let [followed, volumes, revoked, stale] = gauges;
        ours.register("opens", "Opens of files by what came of them", Family::clone(&opens));
        ours.register("records", "Records of opens by what came of them", Family::clone(&records));
        ours.register("opens_lost", "Opens that are a gap in the audit log", lost.clone());
        ours.register("changes", "Changes that the broker told of", changes.clone());
        ours.register("changes_followed", "1 while the broker's changes are followed", followed.clone());
        ours.register("volumes", "Volumes that are published", volumes.clone());
        ours.register("volumes_revoked", "Volumes whose files are refused", revoked.clone());
        ours.register("volumes_stale", "Volumes that cannot be read anew now", stale.clone());
        // They are there from the first look on.
        drop(publishes.get_or_create(&PLAIN));
        drop(unpublishes.get_or_create(&PLAIN));
        for rotated in ["true", "false"] {
            drop(rotations.get_or_create(&Rotated { provider: PROVIDER, os_type: SYSTEM, rotated }));
        }
        let registry = Arc::new(registry);
        Self {
            registry,
            publishes,
            publish_errors,
            unpublishes,
            unpublish_errors,
            rotations,
            rotation_errors,
            rotation_time,
            opens,
            records,
            lost,
            changes,
            followed,
            volumes,
            revoked,
            stale,
        }
    }
}

impl Metrics {
    /// Counts a publish, with the class of its error.
    pub fn published(&self, error_type: Option<&'static str>) {
        count(&self.publishes, &self.publish_errors, error_type);
    }

    /// Counts an unpublish, with the class of its error.
    pub fn unpublished(&self, error_type: Option<&'static str>) {
        count(&self.unpublishes, &self.unpublish_errors, error_type);
    }

    /// Counts a read of a secret that is shown: whether it was new, and how long showing it took.
    pub fn rotated(&self, took: Option<Duration>) {
        let rotated = if took.is_some() { "true" } else { "false" };
        self.rotations.get_or_create(&Rotated { provider: PROVIDER, os_type: SYSTEM, rotated }).inc();
        if let Some(took) = took {
            self.rotation_time.observe(took.as_secs_f64());
        }
    }

    /// Counts a read that failed.
    pub fn rotation_failed(&self, error_type: &'static str) {
        let labels = Failed { provider: PROVIDER, os_type: SYSTEM, error_type };
        self.rotation_errors.get_or_create(&labels).inc();
    }

    /// Counts an open.
    pub fn opened(&self, outcome: &'static str) {
        self.opens.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts records of opens.
    pub fn records(&self, outcome: &'static str, records: u64) {
        self.records.get_or_create(&Outcome { outcome }).inc_by(records);
    }

    /// Counts opens that nobody will be told of.
    pub fn lost(&self, opens: u64) {
        self.lost.inc_by(opens);
    }

    /// Counts a change.
    pub fn change(&self) {
        self.changes.inc();
    }

    /// Sets whether changes are followed.
    pub fn followed(&self, followed: bool) {
        self.followed.set(i64::from(followed));
    }

    /// Sets how many volumes there are, how many are refused and how many cannot be read anew.
    pub fn volumes(&self, [all, revoked, stale]: [usize; 3]) {
        for (gauge, number) in [(&self.volumes, all), (&self.revoked, revoked), (&self.stale, stale)] {
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// All counters as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory has no way to fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}

fn count(all: &Family1<Plain>, errors: &Family1<Failed>, error_type: Option<&'static str>) {
    match error_type {
        None => all.get_or_create(&PLAIN).inc(),
        Some(error_type) => {
            errors.get_or_create(&Failed { provider: PROVIDER, os_type: SYSTEM, error_type }).inc()
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_dashboards_ask_for() {
        let metrics = Metrics::default();
        let before = metrics.text();
        for name in ["node_publish_total", "node_unpublish_total", "rotation_reconcile_total"] {
            assert!(before.contains(&format!("\n{name}{{provider=\"keyreeve\"")), "{name}: {before}");
        }
        metrics.published(Some("Denied"));
        metrics.rotated(Some(Duration::from_millis(20)));
        metrics.volumes([3, 1, 2]);
        metrics.lost(4);
        let text = metrics.text();
        for line in [
            "node_publish_error_total{provider=\"keyreeve\",os_type=\"linux\",error_type=\"Denied\"} 1",
            "rotation_reconcile_total{provider=\"keyreeve\",os_type=\"linux\",rotated=\"true\"} 1",
            "rotation_reconcile_duration_sec_count 1",
            "keyreeve_csi_volumes 3",
            "keyreeve_csi_volumes_revoked 1",
            "keyreeve_csi_volumes_stale 2",
            "keyreeve_csi_opens_lost_total 4",
        ] {
            assert!(text.lines().any(|given| given == line), "{line}: {text}");
        }
    }
}
