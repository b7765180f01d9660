//! Serves one ExternalSecret: observe, ask the store, decide, apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use syncer_core::cluster::{
    Actions, ClusterStore, ExternalSecret, Gate, Lane, Moment, Outcome, SecretAction, Step, StoreKey, Taken,
    TargetSecret, Triage, first_finalizer_patch, gate, plan_cluster, read_config_map, read_external_secret,
    read_meta, read_secret, read_source_secret, refuse_all, triage,
};
use syncer_core::{
    FetchRequest, Fetches, KvPath, SourceKind, Sources, StoreKind, StoreRef, Wanted, created_by,
};

use super::api::{ApiError, part};
use super::metrics::Controller;
use super::state::{Key, Shared};
use super::{apply, clock};
use crate::clock::{Stopwatch, jitter};

/// After a conflict the object is read anew after so long.
const CONFLICT: Duration = Duration::from_millis(200);

/// Serves one object. Whatever happens, it is said when to look again.
pub async fn reconcile(shared: Arc<Shared>, taken: Taken<Key>) -> Outcome {
    let watch = Stopwatch::start();
    let Some(name) = taken.key.split_once('/') else { return Outcome::Settled };
    let forced = shared.state().index.take_forced(&taken.key);
    let (outcome, failed) = match serve(&shared, &taken, name, forced).await {
        Ok(Some(applied)) => (applied.outcome, applied.failed),
        Ok(None) => {
            if forced {
                shared.state().index.set_forced(&taken.key);
            }
            return Outcome::Settled;
        }
        Err(ApiError::Conflict(why)) => {
            tracing::debug!(object = %taken.key, "changed meanwhile, decided anew: {why}");
            (Outcome::After(CONFLICT), false)
        }
        Err(error) => {
            tracing::warn!(object = %taken.key, "not served: {error}");
            (shared.failed(), true)
        }
    };
    if forced && (failed || outcome == Outcome::After(CONFLICT)) {
        shared.state().index.set_forced(&taken.key);
    }
    shared.metrics.reconciled(Controller::ExternalSecret, name, watch.now(), failed);
    outcome
}

/// `None` if the object is not there, or not ours to serve.
async fn serve(
    shared: &Shared,
    taken: &Taken<Key>,
    (namespace, name): (&str, &str),
    forced: bool,
) -> Result<Option<apply::Applied>, ApiError> {
    let Some(mut object) = observe(shared, &taken.key).await? else { return Ok(None) };
    apply::finalizer(shared, &mut object).await?;
    let (store, gate) = access(shared, &object).await?;
    if gate == Gate::Skip && object.meta.deletion_timestamp.is_none() {
        return Ok(None);
    }
    let maker = created_by(namespace, name);
    let orphans = shared.state().index.orphans(namespace, &maker, &object.intent.target);
    let moment = moment(shared, &taken.key, &object, forced);
    let mut run = Run { shared, taken, store: store.as_deref(), gate: &gate, read: None, sources: None };
    // A new object's target is most likely not there: to create it tells as much as to read it first.
    if is_new(shared, &object) {
        let seen = Triage { object: &object, target: None, orphans: &orphans };
        if let Some(actions) = run.decide(&seen, &moment).await
            && matches!(actions.secret, SecretAction::Create(_))
        {
            match run.apply(&seen, actions, &moment).await {
                Err(ApiError::Conflict(_)) => {}
                other => return other.map(Some),
            }
        }
    }
    let target = target(shared, &object).await?;
    let seen = Triage { object: &object, target: target.as_ref(), orphans: &orphans };
    match run.decide(&seen, &moment).await {
        Some(actions) => run.apply(&seen, actions, &moment).await.map(Some),
        None => {
            if let (Some(target), Step::Adopt(patch)) = (&target, triage(&seen, &moment)) {
                apply::adopt(shared, name, target, &patch).await?;
            }
            shared.queue([taken.key.clone()], Lane::Fresh);
            Ok(None)
        }
    }
}

/// Whether nothing was ever done for an object, and no managed Secret has its target's name.
fn is_new(shared: &Shared, object: &ExternalSecret) -> bool {
    let (meta, status) = (&object.meta, &object.status);
    meta.deletion_timestamp.is_none()
        && status.refresh_time.is_none()
        && status.binding.is_empty()
        && !shared.state().index.is_managed(&format!("{}/{}", meta.namespace, object.intent.target))
}

/// One object's turn: what it may ask, and what it was told.
struct Run<'a> {
    shared: &'a Shared,
    taken: &'a Taken<Key>,
    store: Option<&'a ClusterStore>,
    gate: &'a Gate,
    /// The store's answers; it is asked once.
    read: Option<(Fetches, Vec<(FetchRequest, KvPath)>)>,
    /// The objects that hold templates; they are read once.
    sources: Option<Sources>,
}

impl Run<'_> {
    /// What is to be done; `None` if the target is to be adopted first.
    async fn decide(&mut self, seen: &Triage<'_>, moment: &Moment) -> Option<Actions> {
        let wanted = match triage(seen, moment) {
            Step::Finish(actions) => return Some(*actions),
            Step::Adopt(_) => return None,
            Step::Fetch(wanted) => wanted,
        };
        if self.read.is_none() {
            self.read = Some(fetch(self.shared, wanted, self.store, self.gate, self.taken.asked).await);
        }
        if self.sources.is_none() {
            self.sources = Some(sources(self.shared, wanted).await);
        }
        let (Some((fetches, _)), Some(sources)) = (&self.read, &self.sources) else { return None };
        let plan =
            || self.shared.config.templates.with(sources, |kit| plan_cluster(seen, fetches, moment, kit));
        // Templates may make keys, which takes a while: others go on meanwhile.
        Some(if wanted.target.template.is_some() { tokio::task::block_in_place(plan) } else { plan() })
    }

    async fn apply(
        &self,
        seen: &Triage<'_>,
        actions: Actions,
        moment: &Moment,
    ) -> Result<apply::Applied, ApiError> {
        let applied = apply::all(self.shared, seen, actions, moment).await?;
        if let (Some((fetches, paths)), Some(store), Ok(wanted)) =
            (&self.read, self.store, &seen.object.wanted)
        {
            self.shared.changes.read(self.shared, store, &self.taken.key, paths);
            if applied.written {
                self.shared.changes.delivered(store, wanted, fetches, paths);
            }
        }
        Ok(applied)
    }
}

fn moment(shared: &Shared, key: &Key, object: &ExternalSecret, forced: bool) -> Moment {
    Moment {
        now: clock::seconds(),
        random: jitter(),
        last_sync: shared.state().index.last_sync(key, &object.meta.uid),
        forced,
        refresh_time_age: shared.config.refresh_time_age,
    }
}

/// The object as it is. One that nobody serves yet gets its finalizer with the same request.
async fn observe(shared: &Shared, key: &Key) -> Result<Option<ExternalSecret>, ApiError> {
    let Some((namespace, name)) = key.split_once('/') else { return Ok(None) };
    let path = apply::object_path(namespace, name);
    let first = shared.state().index.untouched(key).map(first_finalizer_patch);
    let body = match first {
        Some(patch) => match shared.api.patch(&path, &patch).await {
            Ok(body) => Some(body),
            Err(ApiError::NotFound(_)) => None,
            Err(ApiError::Conflict(_)) => shared.api.find(&path).await?,
            Err(error) => return Err(error),
        },
        None => shared.api.find(&path).await?,
    };
    let Some(body) = body else { return Ok(None) };
    let malformed = |error: syncer_core::cluster::ObserveError| {
        shared.metrics.malformed();
        ApiError::Unavailable(error.to_string())
    };
    read_external_secret(&body).map(Some).map_err(malformed)
}

async fn target(shared: &Shared, object: &ExternalSecret) -> Result<Option<TargetSecret>, ApiError> {
    let path = apply::secret_path(&object.meta.namespace, &object.intent.target);
    let Some(body) = shared.api.find(&path).await? else { return Ok(None) };
    let malformed = |error: syncer_core::cluster::ObserveError| ApiError::Unavailable(error.to_string());
    read_secret(&body, &object.meta.name).map(Some).map_err(malformed)
}

/// The store of an object, and whether it may be asked. Without a store there is nothing to ask.
async fn access(
    shared: &Shared,
    object: &ExternalSecret,
) -> Result<(Option<Arc<ClusterStore>>, Gate), ApiError> {
    let Some(reference) = &object.intent.store else { return Ok((None, Gate::Open)) };
    let namespace = object.meta.namespace.as_str();
    if reference.kind == StoreKind::ClusterSecretStore && shared.config.namespace.is_some() {
        return Ok((None, Gate::Skip));
    }
    let store = shared.state().known.get(&store_key(reference, namespace)).cloned();
    let labels = match &store {
        Some(store) if store.conditions.needs_labels() => {
            let body = shared.api.get(&format!("/api/v1/namespaces/{}", part(namespace))).await?;
            read_meta(&body).map(|meta| meta.labels).unwrap_or_default()
        }
        _ => BTreeMap::new(),
    };
    let config = &shared.config;
    let gate = gate(reference, store.as_deref(), (namespace, &labels), &config.class, config.flood_gate);
    Ok((store, gate))
}

/// The key of the store that an object of `namespace` refers to.
pub fn store_key(reference: &StoreRef, namespace: &str) -> StoreKey {
    let namespace = if reference.kind == StoreKind::SecretStore { namespace } else { "" };
    StoreKey { kind: reference.kind, namespace: namespace.into(), name: reference.name.as_str().into() }
}

/// Reads the ConfigMaps and Secrets that hold an object's templates; they are in its namespace.
async fn sources(shared: &Shared, wanted: &Wanted) -> Sources {
    let mut out = Sources::new();
    for source in wanted.target.sources() {
        let plural = match source.kind {
            SourceKind::ConfigMap => "configmaps",
            SourceKind::Secret => "secrets",
        };
        let path = format!("/api/v1/namespaces/{}/{plural}/{}", part(&wanted.namespace), part(&source.name));
        let values = match shared.api.get(&path).await {
            Ok(body) if source.kind == SourceKind::ConfigMap => {
                read_config_map(&body).map_err(|e| e.to_string())
            }
            Ok(body) => read_source_secret(&body).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        out.insert(source, values);
    }
    out
}

async fn fetch(
    shared: &Shared,
    wanted: &Wanted,
    store: Option<&ClusterStore>,
    gate: &Gate,
    asked: Duration,
) -> (Fetches, Vec<(FetchRequest, KvPath)>) {
    match (gate, store.and_then(|store| Some((store, store.spec.as_ref().ok()?)))) {
        (Gate::Closed(why), _) => (refuse_all(wanted, why), Vec::new()),
        (_, Some(access)) => shared.provider.fetch(access, wanted, asked).await,
        (_, None) => (refuse_all(wanted, "there is no store to ask"), Vec::new()),
    }
}
