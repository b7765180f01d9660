//! Decides what happens to the target Secret: write it, keep it, delete it. When in doubt, keep it.

use std::collections::BTreeMap;

use syncer_template::SecretValue;
use syncer_template::keys::MAX_SECRET_BYTES;

use crate::existing::ExistingSecret;
use crate::fetch::Fetches;
use crate::render::{
    CREATED_BY, Collected, RenderCause, RenderProblem, RenderedSecret, collect, finish, templated,
};
use crate::template::{Content, Kit};
use crate::wanted::{CreationPolicy, DeletionPolicy, Wanted};

/// What to do with the target Secret.
#[derive(Debug)]
pub enum Plan {
    /// Create it or replace it with this.
    Write(RenderedSecret),
    /// It is as it should be; do not touch it, so that nobody who watches it restarts.
    Unchanged,
    /// Do not touch it.
    Keep {
        /// Why.
        reason: KeepReason,
    },
    /// Remove it.
    Delete {
        /// Why.
        reason: DeleteReason,
    },
}

/// Why the target stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum KeepReason {
    /// The store failed, or what it gave makes no Secret.
    #[error("could not get secret data from provider: {}", join(.0))]
    Failed(Vec<RenderProblem>),
    /// Nothing came of the entries, and the store did not say that they do not exist.
    #[error("secret retained: the provider returned no keys")]
    Empty,
    /// `creationPolicy: Merge` and no Secret to merge into.
    #[error("secret will not be created due to CreationPolicy=Merge")]
    NoTarget,
    /// `creationPolicy: None`.
    #[error("secret not written due to CreationPolicy=None")]
    NotWritten,
    /// All is gone at the provider, but the Secret is not owned, so it is not ours to remove.
    #[error("secret not deleted: DeletionPolicy=Delete needs CreationPolicy=Owner")]
    NotOurs,
    /// It is immutable by our own `immutable: true`.
    #[error("secret is immutable, the provider's change is not written")]
    Immutable,
    /// It is immutable, but not by us.
    #[error(
        "could not update secret, target is immutable; delete it or remove the field immutable by recreating it"
    )]
    ImmutableTarget,
    /// Somebody else owns it.
    #[error("target is owned by {0}; choose another spec.target.name")]
    ForeignOwner(String),
}

/// Why the target is removed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeleteReason {
    /// The store says that none of the entries exists.
    #[error("secret deleted due to DeletionPolicy=Delete")]
    DeletionPolicy,
}

fn join(problems: &[RenderProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Decides what to do with the target, from what the store answered and what is there (`previous`).
///
/// An answer that fails or is incomplete always keeps the target. Only if the store itself says of *every* entry that
/// it does not exist, `deletionPolicy: Delete` removes an owned target and `Merge` writes it without its keys.
pub fn plan(
    wanted: &Wanted,
    fetches: &Fetches,
    previous: Option<&ExistingSecret>,
    kit: &mut Kit<'_>,
) -> Plan {
    let collected = match collect(wanted, fetches) {
        Ok(collected) => collected,
        Err(problems) => return Plan::Keep { reason: KeepReason::Failed(problems) },
    };
    if let Some(owner) = previous.and_then(|previous| previous.foreign_owner.clone()) {
        return Plan::Keep { reason: KeepReason::ForeignOwner(owner) };
    }
    if wanted.target.creation == CreationPolicy::None {
        return Plan::Keep { reason: KeepReason::NotWritten };
    }
    if collected.data.is_empty()
        && let Some(plan) = plan_empty(wanted, &collected, previous)
    {
        return plan;
    }
    if previous.is_none() && wanted.target.creation == CreationPolicy::Merge {
        return Plan::Keep { reason: KeepReason::NoTarget };
    }
    let content = match templated(wanted, collected.data, kit) {
        Ok(content) => content,
        Err(problem) => return Plan::Keep { reason: KeepReason::Failed(vec![problem]) },
    };
    match previous {
        None => Plan::Write(finish(wanted, content)),
        Some(previous) => plan_update(wanted, content, previous),
    }
}

/// What to do without any key; `None` if the target is to be written without them.
fn plan_empty(wanted: &Wanted, collected: &Collected, previous: Option<&ExistingSecret>) -> Option<Plan> {
    let all_missing = !wanted.entries.is_empty() && collected.missing.len() == wanted.entries.len();
    if !all_missing {
        return Some(Plan::Keep { reason: KeepReason::Empty });
    }
    match (wanted.target.deletion, wanted.target.creation) {
        (DeletionPolicy::Merge, _) => None,
        (DeletionPolicy::Retain, _) => Some(Plan::Keep { reason: KeepReason::Empty }),
        (DeletionPolicy::Delete, CreationPolicy::Owner) if previous.is_none() => Some(Plan::Unchanged),
        (DeletionPolicy::Delete, CreationPolicy::Owner) => {
            Some(Plan::Delete { reason: DeleteReason::DeletionPolicy })
        }
        (DeletionPolicy::Delete, _) => Some(Plan::Keep { reason: KeepReason::NotOurs }),
    }
}

/// What to do with a target that is there.
fn plan_update(wanted: &Wanted, content: Content, previous: &ExistingSecret) -> Plan {
    match update(wanted, content, previous) {
        Err(reason) => Plan::Keep { reason },
        Ok((_, true)) => Plan::Unchanged,
        Ok((secret, false)) => Plan::Write(secret),
    }
}

/// The target as it should become, and whether it is so already.
///
/// # Errors
/// Why it must stay as it is.
pub(crate) fn update(
    wanted: &Wanted,
    mut content: Content,
    previous: &ExistingSecret,
) -> Result<(RenderedSecret, bool), KeepReason> {
    let merge = matches!(wanted.target.creation, CreationPolicy::Merge | CreationPolicy::CreateOrMerge);
    if merge {
        content.data = merged(content.data, previous);
    }
    let data = &content.data;
    let size = data.values().map(SecretValue::len).sum();
    if size > MAX_SECRET_BYTES {
        let problem = RenderProblem { place: "spec".to_owned(), cause: RenderCause::TooLarge(size) };
        return Err(KeepReason::Failed(vec![problem]));
    }
    let same_data = same(data, &previous.data);
    if previous.immutable && !same_data {
        let ours = wanted.target.immutable;
        return Err(if ours { KeepReason::Immutable } else { KeepReason::ImmutableTarget });
    }
    // The type of a Secret cannot change; the server says so if a template wants another.
    let keeps_type = content.secret_type.is_none() && !previous.secret_type.is_empty();
    let mut secret = finish(wanted, content);
    if keeps_type {
        secret.secret_type.clone_from(&previous.secret_type);
    }
    // What was owned once and is not any more loses the mark.
    let drop_mark = matches!(wanted.target.creation, CreationPolicy::Orphan);
    let foreign_label = |key: &str| !previous.our_labels.contains(key) && (!drop_mark || key != CREATED_BY);
    secret.labels = with_foreign(&previous.labels, foreign_label, secret.labels);
    let foreign_annotation = |key: &str| !previous.our_annotations.contains(key);
    secret.annotations = with_foreign(&previous.annotations, foreign_annotation, secret.annotations);
    secret.immutable |= previous.immutable;
    let same_type =
        keeps_type || previous.secret_type.is_empty() || secret.secret_type == previous.secret_type;
    let same_rest = same_type
        && secret.finalizers.iter().all(|it| previous.finalizers.contains(it))
        && secret.labels == previous.labels
        && secret.annotations == previous.annotations
        && secret.immutable == previous.immutable;
    Ok((secret, same_data && same_rest))
}

/// Labels or annotations of others stay, ours are replaced.
fn with_foreign(
    old: &BTreeMap<String, String>,
    foreign: impl Fn(&str) -> bool,
    new: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut out: BTreeMap<_, _> = old
        .iter()
        .filter(|(key, _)| foreign(key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    out.extend(new);
    out
}

/// Foreign keys stay, ours are replaced.
fn merged(data: BTreeMap<String, SecretValue>, previous: &ExistingSecret) -> BTreeMap<String, SecretValue> {
    let mut out: BTreeMap<_, _> = previous
        .data
        .iter()
        .filter(|(key, _)| !previous.our_keys.contains(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    out.extend(data);
    out
}

fn same(one: &BTreeMap<String, SecretValue>, other: &BTreeMap<String, SecretValue>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, value), (other_key, other_value))| {
            key == other_key && value.expose() == other_value.expose()
        })
}

#[cfg(test)]
mod tests;
