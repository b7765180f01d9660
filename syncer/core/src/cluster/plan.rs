//! Decides what is written for one ExternalSecret: its finalizer, its target, its status, its events, and when to look
//! again. When in doubt, the target stays as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use syncer_template::SecretValue;
use zeroize::Zeroizing;

use super::condition::set_condition;
use super::event::Event;
use super::observe::{ExternalSecret, Status};
use super::ownership::{check_controller, is_ours, owners};
use super::patch::{FINALIZER, adopt_patch, finalizers_patch};
use super::secret::{Owner, TargetSecret, secret_body};
use crate::fetch::Fetches;
use crate::plan::{KeepReason, update};
use crate::render::{Collected, MANAGED, RenderProblem, RenderedSecret, collect, finish};
use crate::template::{Kit, content};
use crate::wanted::{CreationPolicy, DeletionPolicy, LastSync, RefreshPolicy, Wanted};

/// The source that events about ExternalSecrets name.
pub const COMPONENT: &str = "external-secrets";

const NOT_FETCHED: &str = "could not get secret data from provider";
const NOT_UPDATED: &str = "could not update secret";
const NOT_DELETED: &str = "could not delete secret";

/// When a decision is made, and what is known besides the objects.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since 1970.
    pub now: i64,
    /// Spreads refreshes; any number.
    pub random: u64,
    /// The last success that the status may not show yet, in seconds since 1970.
    pub last_sync: Option<i64>,
    /// Whether the provider told of a change that was not served yet.
    pub forced: bool,
    /// How old `status.refreshTime` may be before it is written although nothing else changed, in seconds; 0: it is
    /// written with every refresh.
    pub refresh_time_age: i64,
}

/// When to look at the object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// When something happens to it.
    Never,
    /// After this time.
    After(Duration),
    /// After a wait that grows with each failure.
    Failed,
}

/// What to do with the target. Not comparable, because it may hold secrets.
pub enum SecretAction {
    /// Nothing.
    None,
    /// Create it with this body.
    Create(Zeroizing<String>),
    /// Replace it with this body, which fails if it changed since it was read.
    Update(Zeroizing<String>),
    /// Delete it, if it still is the one that was read.
    Delete {
        /// Its uid.
        uid: String,
        /// Its resource version.
        resource_version: String,
    },
}

/// What to do for one object, in the order of the fields.
#[derive(Debug)]
pub struct Actions {
    /// What to do with the target.
    pub secret: SecretAction,
    /// Names and uids of Secrets to delete that were made for the object under an earlier target name.
    pub orphans: Vec<(String, String)>,
    /// The status to write, if it differs from the one that is there (see [`status_patch`]).
    pub status: Option<Status>,
    /// What to tell.
    pub events: Vec<Event>,
    /// A merge patch that lets a deleted object go.
    pub release: Option<String>,
    /// When to look again.
    pub requeue: Requeue,
    /// Whether it failed, for the metrics.
    pub failed: bool,
    /// Whether the provider was asked and all is as it should be.
    pub synced: bool,
}

/// What comes before the provider is asked.
#[derive(Debug)]
pub enum Step<'a> {
    /// Nothing is to be fetched: do this.
    Finish(Box<Actions>),
    /// Put the managed label on the target with this merge patch, and begin anew.
    Adopt(String),
    /// Fetch what this asks for.
    Fetch(&'a Wanted),
}

/// What is there.
#[derive(Clone, Copy, Debug)]
pub struct Triage<'a> {
    /// The ExternalSecret.
    pub object: &'a ExternalSecret,
    /// Its target, if it is there.
    pub target: Option<&'a TargetSecret>,
    /// Name and uid of Secrets that were made for it under another name.
    pub orphans: &'a [(String, String)],
}

// Sizes only.
impl fmt::Debug for SecretAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Create(body) => write!(f, "Create({} bytes)", body.len()),
            Self::Update(body) => write!(f, "Update({} bytes)", body.len()),
            Self::Delete { uid, .. } => write!(f, "Delete({uid})"),
        }
    }
}

impl Actions {
    fn nothing(requeue: Requeue) -> Self {
        Self {
            secret: SecretAction::None,
            orphans: Vec::new(),
            status: None,
            events: Vec::new(),
            release: None,
            requeue,
            failed: false,
            synced: false,
        }
    }

    fn event(mut self, warning: bool, reason: &'static str, message: impl Into<String>) -> Self {
        self.events.push(Event { warning, reason, message: message.into() });
        self
    }

    fn failed(object: &ExternalSecret, message: &str, cause: String, now: i64) -> Self {
        let mut status = object.status.clone();
        set_condition(&mut status.conditions, false, "SecretSyncedError", message, now);
        let mut actions = Self::nothing(Requeue::Failed).event(true, "UpdateFailed", cause);
        (actions.status, actions.failed) = (Some(status), true);
        actions
    }

    /// Repetition would change nothing.
    fn never_again(mut self) -> Self {
        self.requeue = Requeue::Never;
        self
    }

    fn bound_to(mut self, target: &str) -> Self {
        if let Some(status) = &mut self.status {
            target.clone_into(&mut status.binding);
        }
        self
    }

    fn synced(
        object: &ExternalSecret,
        wanted: &Wanted,
        (reason, message): (&str, &str),
        moment: &Moment,
    ) -> Self {
        let mut status = object.status.clone();
        set_condition(&mut status.conditions, true, reason, message, moment.now);
        status.refresh_time = Some(moment.now);
        status.synced_version = object.meta.synced_version();
        let mut actions = Self::nothing(next_refresh(wanted, Duration::ZERO, moment.random));
        (actions.status, actions.synced) = (Some(status), true);
        actions
    }
}

/// Decides what comes before the provider is asked.
pub fn triage<'a>(seen: &Triage<'a>, moment: &Moment) -> Step<'a> {
    let object = seen.object;
    if object.meta.deletion_timestamp.is_some() {
        return Step::Finish(Box::new(release(seen)));
    }
    let wanted = match &object.wanted {
        Ok(wanted) => wanted,
        Err(problems) => return Step::Finish(Box::new(refuse(object, problems, moment.now))),
    };
    if let Some(target) = seen.target
        && target.existing.labels.get(MANAGED).is_none_or(|value| value != "true")
    {
        return Step::Adopt(adopt_patch(target));
    }
    if is_due(object, wanted, moment) || !is_valid(wanted, seen.target) {
        return Step::Fetch(wanted);
    }
    let age = last_sync(object, moment).map_or(0, |last| moment.now.saturating_sub(last));
    let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
    Step::Finish(Box::new(Actions::nothing(next_refresh(wanted, age, moment.random))))
}

/// A field that is not understood stops the object before anything is touched.
fn refuse(object: &ExternalSecret, problems: &[String], now: i64) -> Actions {
    let cause = problems.join("; ");
    let message = if object.intent.generic { "invalid generic target" } else { cause.as_str() };
    Actions::failed(object, message, cause.clone(), now).never_again()
}

/// Lets a deleted object go; what it owns goes by garbage collection, or explicitly if it says so.
fn release(seen: &Triage<'_>) -> Actions {
    let object = seen.object;
    let mut actions = Actions::nothing(Requeue::Never);
    if object.intent.deletion == DeletionPolicy::Delete
        && let Some(target) = seen.target.filter(|target| is_ours(object, target))
    {
        actions.secret = delete(target);
    }
    let others: Vec<&str> =
        object.meta.finalizers.iter().map(String::as_str).filter(|it| *it != FINALIZER).collect();
    if others.len() < object.meta.finalizers.len() {
        actions.release = Some(finalizers_patch(&object.meta.resource_version, &others));
    }
    actions
}

fn delete(target: &TargetSecret) -> SecretAction {
    let (uid, resource_version) = (target.meta.uid.clone(), target.meta.resource_version.clone());
    SecretAction::Delete { uid, resource_version }
}

fn last_sync(object: &ExternalSecret, moment: &Moment) -> Option<i64> {
    object.status.refresh_time.max(moment.last_sync)
}

/// Whether the provider must be asked by the refresh policy.
fn is_due(object: &ExternalSecret, wanted: &Wanted, moment: &Moment) -> bool {
    let (periodic, tolerance) = match wanted.refresh {
        RefreshPolicy::Periodic { interval } => (!interval.is_zero(), spread(interval)),
        RefreshPolicy::OnChange | RefreshPolicy::CreatedOnce => (false, Duration::ZERO),
    };
    let known = last_sync(object, moment).filter(|_| !object.status.synced_version.is_empty());
    let last = known.map(|last| LastSync {
        // A time in the future is none.
        age: u64::try_from(moment.now - last)
            .map_or(Duration::MAX, |age| Duration::from_secs(age).saturating_add(tolerance)),
        changed: object.status.synced_version != object.meta.synced_version(),
    });
    (moment.forced && periodic) || wanted.refresh.is_due(last)
}

/// Refreshes come up to this much early, so that objects of one moment do not stay together.
fn spread(interval: Duration) -> Duration {
    interval / 10
}

/// When the next refresh is due, `age` after the last.
fn next_refresh(wanted: &Wanted, age: Duration, random: u64) -> Requeue {
    match wanted.refresh {
        RefreshPolicy::Periodic { interval } if !interval.is_zero() => {
            let early = (spread(interval).as_millis() * u128::from(random)) >> 64;
            let early = Duration::from_millis(u64::try_from(early).unwrap_or(0));
            Requeue::After(interval.saturating_sub(early).saturating_sub(age).max(Duration::from_millis(100)))
        }
        _ => Requeue::Never,
    }
}

/// Whether the target is as it was last written; who does not own it does not care.
fn is_valid(wanted: &Wanted, target: Option<&TargetSecret>) -> bool {
    wanted.target.creation == CreationPolicy::Orphan
        || target.is_some_and(|target| target.existing.is_intact())
}

/// Decides what to write, from what the store answered and what is there.
pub fn plan_cluster(seen: &Triage<'_>, fetches: &Fetches, moment: &Moment, kit: &mut Kit<'_>) -> Actions {
    let object = seen.object;
    let wanted = match &object.wanted {
        Ok(wanted) => wanted,
        Err(problems) => return refuse(object, problems, moment.now),
    };
    let Collected { data, missing } = match collect(wanted, fetches) {
        Ok(collected) => collected,
        Err(problems) => return Actions::failed(object, NOT_FETCHED, first(&problems), moment.now),
    };
    let mut actions = match (data.is_empty(), wanted.target.deletion) {
        (true, DeletionPolicy::Retain) => {
            let says = ("SecretSynced", "secret retained due to DeletionPolicy=Retain");
            Actions::synced(object, wanted, says, moment)
        }
        (true, DeletionPolicy::Delete) => plan_delete(seen, wanted, moment),
        _ => plan_write(seen, (wanted, data), moment, kit),
    };
    let told =
        missing.into_iter().map(|message| Event { warning: false, reason: "MissingProviderSecret", message });
    actions.events.splice(0..0, told);
    actions
}

fn first(problems: &[RenderProblem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        many => format!("{first} (and {} more)", many - 1),
    }
}

/// Nothing is left at the provider, and the target shall go too.
fn plan_delete(seen: &Triage<'_>, wanted: &Wanted, moment: &Moment) -> Actions {
    let object = seen.object;
    let name = &wanted.target.name;
    if wanted.target.creation != CreationPolicy::Owner {
        let cause =
            format!("unable to delete secret {name}: it is not owned, which needs CreationPolicy=Owner");
        return Actions::failed(object, NOT_DELETED, cause, moment.now).never_again();
    }
    let message = "secret deleted due to DeletionPolicy=Delete";
    let done = Actions::synced(object, wanted, ("SecretDeleted", message), moment);
    match seen.target {
        None => done,
        Some(target) if is_ours(object, target) => {
            Actions { secret: delete(target), ..done.event(false, "Deleted", message) }
        }
        Some(_) => {
            let cause = format!("unable to delete secret {name}: it is not owned by this ExternalSecret");
            Actions::failed(object, NOT_DELETED, cause, moment.now).never_again()
        }
    }
}

fn plan_write(
    seen: &Triage<'_>,
    (wanted, data): (&Wanted, BTreeMap<String, SecretValue>),
    moment: &Moment,
    kit: &mut Kit<'_>,
) -> Actions {
    let object = seen.object;
    let name = &wanted.target.name;
    let done = Actions::synced(object, wanted, ("SecretSynced", "secret synced"), moment);
    if wanted.target.creation == CreationPolicy::None {
        return done;
    }
    let done = done.bound_to(name);
    let actions = match (seen.target, wanted.target.creation) {
        (None, CreationPolicy::Merge) => {
            let says = ("SecretMissing", "secret will not be created due to CreationPolicy=Merge");
            return Actions::synced(object, wanted, says, moment);
        }
        (None, _) => match content(wanted, data, kit) {
            Ok(content) => {
                let body = secret_body(&finish(wanted, content), &owners(object, wanted, &[]), None);
                let done = done.event(false, "Created", "secret created");
                Actions { secret: SecretAction::Create(body), ..done }
            }
            Err(problem) => {
                return Actions::failed(object, NOT_UPDATED, problem.to_string(), moment.now);
            }
        },
        (Some(target), _) => match update_target((object, wanted), data, target, kit) {
            Ok(None) => done,
            Ok(Some(body)) => {
                let done = done.event(false, "Updated", "secret updated");
                Actions { secret: SecretAction::Update(body), ..done }
            }
            Err((message, cause)) => {
                let failed = Actions::failed(object, message, cause, moment.now).bound_to(name);
                return if message == NOT_UPDATED { failed } else { failed.never_again() };
            }
        },
    };
    if wanted.target.creation != CreationPolicy::Owner {
        return actions;
    }
    let mut actions = actions;
    for orphan in seen.orphans {
        actions = actions.event(false, "Deleted", "secret deleted because it was orphaned");
        actions.orphans.push(orphan.clone());
    }
    actions
}

/// The target's new body, if it differs; or the condition's message and the cause.
fn update_target(
    (object, wanted): (&ExternalSecret, &Wanted),
    data: BTreeMap<String, SecretValue>,
    target: &TargetSecret,
    kit: &mut Kit<'_>,
) -> Result<Option<Zeroizing<String>>, (&'static str, String)> {
    let name = &wanted.target.name;
    check_controller(object, wanted, target)?;
    if wanted.target.template.is_some() && wanted.target.immutable && target.existing.immutable {
        return Ok(None);
    }
    let content = content(wanted, data, kit).map_err(|problem| (NOT_UPDATED, problem.to_string()))?;
    let owners = owners(object, wanted, &target.owners);
    match update(wanted, content, &target.existing) {
        Ok((_, true)) if owners == target.owners => Ok(None),
        Ok((secret, _)) => Ok(Some(body(&secret, &owners, target))),
        Err(KeepReason::Immutable) => Ok(None),
        Err(KeepReason::ImmutableTarget) => Err((
            "could not update secret, target is immutable",
            format!("unable to update secret {name}: secret is immutable"),
        )),
        Err(KeepReason::Failed(problems)) => Err((NOT_UPDATED, first(&problems))),
        Err(reason) => Err((NOT_UPDATED, reason.to_string())),
    }
}

fn body(secret: &RenderedSecret, owners: &[Owner], target: &TargetSecret) -> Zeroizing<String> {
    secret_body(secret, owners, Some(&target.meta))
}

/// What to write instead when the server refused the target (`what` is `update` or `delete`), with its message.
pub fn write_failed(seen: &Triage<'_>, what: &str, message: &str, now: i64) -> Actions {
    let text = if what == "delete" { NOT_DELETED } else { NOT_UPDATED };
    let failed = Actions::failed(seen.object, text, message.to_owned(), now);
    match seen.target {
        Some(target) if what != "delete" => failed.bound_to(&target.meta.name),
        _ => failed,
    }
}

#[cfg(test)]
mod tests;
