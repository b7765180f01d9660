//! Serves one object: reads what it asks for, decides, and changes one file.

use std::path::Path;
use std::sync::Arc;

use broker_client::{Delivery, DeliveryKind};
use syncer_core::{
    CreationPolicy, ExistingSecret, Fetches, KeepReason, Plan, Sources, Values, VaultStore, Wanted, plan,
    to_yaml,
};

use crate::fetch::{Line, Round, Source};
use crate::files;
use crate::render::object_name;
use crate::status::State;
use crate::templates::Templates;

/// An object and where it is read.
#[derive(Clone)]
pub struct Job {
    /// What it asks for.
    pub wanted: Wanted,
    /// Where it is read; `None` for an object that reads nothing.
    pub store: Option<(VaultStore, Line)>,
    /// The objects that hold its templates.
    pub sources: Sources,
    /// How templates are rendered.
    pub templates: Templates,
}

/// What came of serving an object.
pub struct Outcome {
    /// Its new state.
    pub state: State,
    /// For the metrics: `written`, `unchanged`, `kept`, `deleted` or `failed`.
    pub result: &'static str,
    /// What to tell the audit log: one record for each secret that went into the Secret.
    pub deliveries: Vec<Delivery>,
}

/// Name of the file with an object's Secret. Names of namespaces have no dot, so no two objects share one.
pub fn file_name(wanted: &Wanted) -> String {
    format!("{}.{}.secret.yaml", wanted.namespace, wanted.target.name)
}

/// Serves an object.
pub async fn serve(job: Arc<Job>, round: Arc<Round>, out: Arc<Path>) -> Outcome {
    let (fetches, sources) = match &job.store {
        Some((store, line)) => round.fetch(line, store, &job.wanted).await,
        None => (Fetches::new(), Vec::new()),
    };
    // Writing waits for the disk.
    let work = tokio::task::spawn_blocking(move || settle(&job, &fetches, &sources, &out));
    work.await.unwrap_or_else(|error| failed(&format!("the work broke off: {error}")))
}

fn failed(message: &str) -> Outcome {
    let state = State::new(false, "SecretSyncedError", message);
    Outcome { state, result: "failed", deliveries: Vec::new() }
}

/// Decides what to do with the file and does it.
fn settle(job: &Job, fetches: &Fetches, sources: &[Source], out: &Path) -> Outcome {
    let wanted = &job.wanted;
    let name = file_name(wanted);
    if name.contains('/') || name.starts_with('.') {
        return failed("the names of namespace and target make no file name");
    }
    let path = out.join(&name);
    let previous = match existing(wanted, &path, &name) {
        Ok(previous) => previous,
        Err(message) => return failed(&message),
    };
    let had = previous.is_some();
    let decided = job.templates.with(&job.sources, |kit| plan(wanted, fetches, previous.as_ref(), kit));
    let mut outcome = match decided {
        Plan::Unchanged if !had => {
            good("unchanged", "SecretDeleted", "there is no Secret: the provider has none of its secrets")
        }
        Plan::Unchanged => good("unchanged", "SecretSynced", "the Secret is as it should be"),
        Plan::Keep { reason } => kept(&reason, had),
        Plan::Delete { reason } => match files::remove(&path) {
            Ok(()) => good("deleted", "SecretDeleted", &reason.to_string()),
            Err(error) => failed(&error.to_string()),
        },
        Plan::Write(secret) => match files::write_whole(out, &name, &to_yaml(&secret, Values::Base64)) {
            Ok(()) => {
                let mut outcome = good("written", "SecretSynced", "the Secret is as it should be");
                outcome.deliveries = sources.iter().map(|source| delivery(wanted, source)).collect();
                outcome
            }
            Err(error) => failed(&error.to_string()),
        },
    };
    add_versions(&mut outcome.state, sources);
    outcome
}

fn good(result: &'static str, reason: &str, message: &str) -> Outcome {
    Outcome { state: State::new(true, reason, message), result, deliveries: Vec::new() }
}

/// The Secret that is there. One that cannot be read is replaced by who owns it, and stops who would merge into it.
fn existing(wanted: &Wanted, path: &Path, name: &str) -> Result<Option<ExistingSecret>, String> {
    let Some(text) = files::read_if_there(path).map_err(|e| e.to_string())? else { return Ok(None) };
    let replaces = matches!(wanted.target.creation, CreationPolicy::Owner | CreationPolicy::Orphan);
    match ExistingSecret::read(name, &text) {
        Ok(existing) => Ok(Some(existing)),
        Err(_) if replaces => Ok(None),
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(format!("the Secret that is there cannot be read: {}", texts.join("; ")))
        }
    }
}

fn kept(reason: &KeepReason, had: bool) -> Outcome {
    let message = reason.to_string();
    let (ready, word) = match reason {
        KeepReason::NotWritten => (true, "SecretSynced"),
        KeepReason::Empty | KeepReason::Immutable => (had, "SecretSynced"),
        KeepReason::NoTarget => (false, "SecretMissing"),
        KeepReason::Failed(_)
        | KeepReason::NotOurs
        | KeepReason::ImmutableTarget
        | KeepReason::ForeignOwner(_) => (false, "SecretSyncedError"),
    };
    let word = if ready || word != "SecretSynced" { word } else { "SecretSyncedError" };
    let result = if ready { "kept" } else { "failed" };
    Outcome { state: State::new(ready, word, &message), result, deliveries: Vec::new() }
}

fn delivery(wanted: &Wanted, source: &Source) -> Delivery {
    Delivery {
        kind: DeliveryKind::Delivery,
        object: object_name(wanted),
        target: format!("Secret {}/{}", wanted.namespace, wanted.target.name),
        path: source.path.api_path(),
        version: source.version,
    }
}

fn add_versions(state: &mut State, sources: &[Source]) {
    let versions = sources.iter().filter_map(|s| Some((s.path.api_path(), s.version?)));
    state.versions = versions.collect();
    if let [only] = sources {
        state.version = only.version;
    }
}

/// Whether an object's Secret was written by an earlier run and is as it was: what policies that serve once ask.
pub fn is_served(wanted: &Wanted, out: &Path) -> bool {
    let name = file_name(wanted);
    let text = files::read_if_there(&out.join(&name)).ok().flatten();
    text.and_then(|text| ExistingSecret::read(&name, &text).ok()).is_some_and(|secret| secret.is_intact())
}
