//! Who controls a target, and who owns it after a write.

use super::observe::ExternalSecret;
use super::secret::{Owner, TargetSecret};
use crate::wanted::{CreationPolicy, Wanted};

fn is_own(object: &ExternalSecret, owner: &Owner) -> bool {
    owner.is_external_secret() && owner.name == object.meta.name
}

/// Whether the object controls the target.
pub(super) fn is_ours(object: &ExternalSecret, target: &TargetSecret) -> bool {
    target.owners.iter().any(|owner| owner.controller == Some(true) && is_own(object, owner))
}

/// Somebody else who controls the target keeps it.
pub(super) fn check_controller(
    object: &ExternalSecret,
    wanted: &Wanted,
    target: &TargetSecret,
) -> Result<(), (&'static str, String)> {
    let Some(other) =
        target.owners.iter().find(|owner| owner.controller == Some(true) && !is_own(object, owner))
    else {
        return Ok(());
    };
    let name = &wanted.target.name;
    if other.is_external_secret() {
        let cause = format!(
            "unable to mutate secret {name}: secret is owned by another ExternalSecret: {}",
            other.name
        );
        return Err(("target is owned by another ExternalSecret", cause));
    }
    if wanted.target.creation == CreationPolicy::Owner {
        let cause = format!(
            "unable to mutate secret {name}: could not set controller reference on secret: Object {}/{name} is already owned by another {} controller {}",
            wanted.namespace, other.kind, other.name
        );
        return Err(("failed to take ownership of target secret", cause));
    }
    Ok(())
}

/// The target's owners: ours where it is owned, not ours any more where it is orphaned, others' as they are.
pub(super) fn owners(object: &ExternalSecret, wanted: &Wanted, old: &[Owner]) -> Vec<Owner> {
    let ours = Owner {
        api_version: "external-secrets.io/v1".to_owned(),
        kind: "ExternalSecret".to_owned(),
        name: object.meta.name.clone(),
        uid: object.meta.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let mut owners = old.to_vec();
    match wanted.target.creation {
        CreationPolicy::Owner => match owners.iter_mut().find(|owner| is_own(object, owner)) {
            Some(owner) => *owner = ours,
            None => owners.push(ours),
        },
        CreationPolicy::Orphan => owners.retain(|owner| !is_own(object, owner)),
        CreationPolicy::Merge | CreationPolicy::CreateOrMerge | CreationPolicy::None => {}
    }
    owners
}
