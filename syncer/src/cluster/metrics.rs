//! Metrics under the names that dashboards and alerts of the field use, in Prometheus' text form.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram of reconcile times, in seconds.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// The provider's name in labels.
const PROVIDER: &str = "HashiCorp/Vault";

/// A kind of objects that are reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// ExternalSecrets.
    ExternalSecret,
    /// SecretStores.
    SecretStore,
    /// ClusterSecretStores.
    ClusterSecretStore,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::ExternalSecret => "externalsecret",
            Self::SecretStore => "secretstore",
            Self::ClusterSecretStore => "clustersecretstore",
        }
    }
}

/// What is counted for one object.
#[derive(Clone, Copy, Debug, Default)]
struct Object {
    calls: u64,
    errors: u64,
    nanos: u64,
    ready: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    success: u64,
    error: u64,
    buckets: [u64; BUCKETS.len()],
    seconds: f64,
    waiting: usize,
    running: usize,
    adds: u64,
}

#[derive(Debug, Default)]
struct Inner {
    /// By kind, namespace and name.
    objects: BTreeMap<(Controller, String, String), Object>,
    totals: BTreeMap<Controller, Totals>,
    provider: BTreeMap<(&'static str, bool), u64>,
    requests: BTreeMap<(String, u16), u64>,
    changes: u64,
    malformed: u64,
    restarts: u64,
}

/// All metrics. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<Inner>>);

impl Metrics {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a reconcile of an object.
    pub fn reconciled(
        &self,
        what: Controller,
        (namespace, name): (&str, &str),
        time: Duration,
        failed: bool,
    ) {
        let mut inner = self.lock();
        let object = inner.objects.entry((what, namespace.to_owned(), name.to_owned())).or_default();
        object.nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let totals = inner.totals.entry(what).or_default();
        if failed {
            totals.error += 1;
        } else {
            totals.success += 1;
        }
        totals.seconds += time.as_secs_f64();
        for (count, bound) in totals.buckets.iter_mut().zip(BUCKETS) {
            *count += u64::from(time.as_secs_f64() <= bound);
        }
    }

    /// Counts that the provider was asked for an ExternalSecret.
    pub fn synced(&self, (namespace, name): (&str, &str), failed: bool) {
        let mut inner = self.lock();
        let key = (Controller::ExternalSecret, namespace.to_owned(), name.to_owned());
        let object = inner.objects.entry(key).or_default();
        object.calls += 1;
        object.errors += u64::from(failed);
    }

    /// Sets an object's condition.
    pub fn ready(&self, what: Controller, (namespace, name): (&str, &str), ready: bool) {
        let mut inner = self.lock();
        inner.objects.entry((what, namespace.to_owned(), name.to_owned())).or_default().ready = Some(ready);
    }

    /// Forgets an object.
    pub fn forget(&self, what: Controller, namespace: &str, name: &str) {
        self.lock().objects.remove(&(what, namespace.to_owned(), name.to_owned()));
    }

    /// Counts a call to a provider.
    pub fn provider_call(&self, call: &'static str, success: bool) {
        *self.lock().provider.entry((call, success)).or_default() += 1;
    }

    /// Counts a request to the API server; code 0 is no answer.
    pub fn api_request(&self, method: &str, code: u16) {
        *self.lock().requests.entry((method.to_owned(), code)).or_default() += 1;
    }

    /// Sets how many objects wait and run.
    pub fn queue(&self, what: Controller, waiting: usize, running: usize) {
        let mut inner = self.lock();
        let totals = inner.totals.entry(what).or_default();
        (totals.waiting, totals.running) = (waiting, running);
    }

    /// Counts that an object was queued.
    pub fn queued(&self, what: Controller) {
        self.lock().totals.entry(what).or_default().adds += 1;
    }

    /// Counts a change that a broker told of.
    pub fn change(&self) {
        self.lock().changes += 1;
    }

    /// Counts an object that could not be read.
    pub fn malformed(&self) {
        self.lock().malformed += 1;
    }

    /// Counts a watch that had to be opened again after a failure.
    pub fn watch_restart(&self) {
        self.lock().restarts += 1;
    }

    /// All metrics as text.
    pub fn text(&self) -> String {
        let inner = self.lock();
        let mut out = Page(String::with_capacity(4096 + inner.objects.len() * 600));
        inner.objects_text(&mut out);
        inner.totals_text(&mut out);
        inner.calls_text(&mut out);
        out.0
    }
}

impl Inner {
    fn of(&self, what: Controller) -> impl Iterator<Item = (String, &Object)> {
        self.objects.iter().filter(move |((kind, ..), _)| *kind == what).map(
            |((_, namespace, name), object)| {
                (format!("name=\"{}\",namespace=\"{}\"", quoted(name), quoted(namespace)), object)
            },
        )
    }

    fn objects_text(&self, out: &mut Page) {
        const SYNCED: Controller = Controller::ExternalSecret;
        out.head("externalsecret_sync_calls_total", "counter", "Times that the provider was asked");
        for (labels, object) in self.of(SYNCED) {
            out.line("externalsecret_sync_calls_total", &labels, object.calls);
        }
        out.head("externalsecret_sync_calls_error", "counter", "Times that this failed");
        for (labels, object) in self.of(SYNCED) {
            out.line("externalsecret_sync_calls_error", &labels, object.errors);
        }
        for what in [SYNCED, Controller::SecretStore, Controller::ClusterSecretStore] {
            let name = format!("{}_reconcile_duration", what.name());
            out.head(&name, "gauge", "Nanoseconds that the last reconcile took");
            for (labels, object) in self.of(what) {
                out.line(&name, &labels, object.nanos);
            }
            let name = format!("{}_status_condition", what.name());
            out.head(&name, "gauge", "Whether the condition has this status");
            for (labels, object) in self.of(what) {
                let Some(ready) = object.ready else { continue };
                for (status, is) in [("True", ready), ("False", !ready)] {
                    let labels = format!("condition=\"Ready\",{labels},status=\"{status}\"");
                    out.line(&name, &labels, u64::from(is));
                }
            }
        }
    }

    fn totals_text(&self, out: &mut Page) {
        type Read = fn(&Totals) -> u64;
        let plain: [(&str, &str, &str, Read); 5] = [
            ("controller_runtime_reconcile_errors_total", "counter", "Reconciles that failed", |t| t.error),
            ("controller_runtime_active_workers", "gauge", "Reconciles that run", |t| t.running as u64),
            ("workqueue_depth", "gauge", "Objects that wait", |t| t.waiting as u64),
            ("workqueue_adds_total", "counter", "Objects that were queued", |t| t.adds),
            ("workqueue_unfinished", "gauge", "Objects that wait or run", |t| (t.waiting + t.running) as u64),
        ];
        for (name, kind, help, read) in plain {
            out.head(name, kind, help);
            for (what, totals) in &self.totals {
                let label = format!("controller=\"{0}\",name=\"{0}\"", what.name());
                out.line(name, &label, read(totals));
            }
        }
        out.head("controller_runtime_reconcile_total", "counter", "Reconciles by what came of them");
        for (what, totals) in &self.totals {
            for (result, count) in [("success", totals.success), ("error", totals.error)] {
                let label = format!("controller=\"{}\",result=\"{result}\"", what.name());
                out.line("controller_runtime_reconcile_total", &label, count);
            }
        }
        let name = "controller_runtime_reconcile_time_seconds";
        out.head(name, "histogram", "Seconds that reconciles took");
        for (what, totals) in &self.totals {
            let label = format!("controller=\"{}\"", what.name());
            let all = totals.success + totals.error;
            for (count, bound) in totals.buckets.iter().zip(BUCKETS) {
                out.line(&format!("{name}_bucket"), &format!("{label},le=\"{bound}\""), count);
            }
            out.line(&format!("{name}_bucket"), &format!("{label},le=\"+Inf\""), all);
            out.line(&format!("{name}_sum"), &label, totals.seconds);
            out.line(&format!("{name}_count"), &label, all);
        }
    }

    fn calls_text(&self, out: &mut Page) {
        let name = "externalsecret_provider_api_calls_count";
        out.head(name, "counter", "Calls to providers");
        for ((call, success), count) in &self.provider {
            let status = if *success { "success" } else { "error" };
            let label = format!("call=\"{call}\",provider=\"{PROVIDER}\",status=\"{status}\"");
            out.line(name, &label, count);
        }
        out.head("rest_client_requests_total", "counter", "Requests to the API server");
        for ((method, code), count) in &self.requests {
            let code = if *code == 0 { "<error>".to_owned() } else { code.to_string() };
            out.line("rest_client_requests_total", &format!("code=\"{code}\",method=\"{method}\""), count);
        }
        for (name, help, count) in [
            ("keyreeve_syncer_changes_total", "Changes that brokers told of", self.changes),
            ("keyreeve_syncer_malformed_objects_total", "Objects that could not be read", self.malformed),
            ("keyreeve_syncer_watch_restarts_total", "Watches opened again after a failure", self.restarts),
        ] {
            out.head(name, "counter", help);
            out.line(name, "", count);
        }
    }
}

struct Page(String);

// Writing to a String cannot fail.
impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_field() {
        let metrics = Metrics::default();
        let object = ("shop", "db");
        metrics.synced(object, true);
        metrics.synced(object, false);
        metrics.ready(Controller::ExternalSecret, object, false);
        metrics.reconciled(Controller::ExternalSecret, object, Duration::from_millis(7), true);
        metrics.provider_call("ReadSecretData", true);
        metrics.api_request("PATCH", 200);
        metrics.queue(Controller::SecretStore, 3, 1);
        let text = metrics.text();
        for line in [
            "externalsecret_sync_calls_total{name=\"db\",namespace=\"shop\"} 2",
            "externalsecret_sync_calls_error{name=\"db\",namespace=\"shop\"} 1",
            "externalsecret_reconcile_duration{name=\"db\",namespace=\"shop\"} 7000000",
            "externalsecret_status_condition{condition=\"Ready\",name=\"db\",namespace=\"shop\",status=\"True\"} 0",
            "externalsecret_status_condition{condition=\"Ready\",name=\"db\",namespace=\"shop\",status=\"False\"} 1",
            "externalsecret_provider_api_calls_count{call=\"ReadSecretData\",provider=\"HashiCorp/Vault\",status=\"success\"} 1",
            "controller_runtime_reconcile_total{controller=\"externalsecret\",result=\"error\"} 1",
            "controller_runtime_reconcile_time_seconds_bucket{controller=\"externalsecret\",le=\"0.01\"} 1",
            "controller_runtime_reconcile_time_seconds_bucket{controller=\"externalsecret\",le=\"0.005\"} 0",
            "workqueue_depth{controller=\"secretstore\",name=\"secretstore\"} 3",
            "rest_client_requests_total{code=\"200\",method=\"PATCH\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
        }
        metrics.forget(Controller::ExternalSecret, "shop", "db");
        assert!(!metrics.text().contains("shop"));
    }
}
