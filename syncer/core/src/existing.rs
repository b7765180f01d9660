//! The target Secret as it is before a write.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use syncer_template::SecretValue;

use crate::manifest::{ManifestProblem, read_target};
use crate::render::{DATA_HASH, MANAGED};

/// The target Secret as it is before a write, and which parts of it an earlier write put there.
#[derive(Clone, Default)]
pub struct ExistingSecret {
    /// Field `type`; empty means `Opaque`.
    pub secret_type: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its values, decoded.
    pub data: BTreeMap<String, SecretValue>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Field `immutable`.
    pub immutable: bool,
    /// Keys of `data` that are ours: removed when the provider has them no more, where foreign keys stay.
    pub our_keys: BTreeSet<String>,
    /// Labels that are ours: removed when the ExternalSecret has them no more.
    pub our_labels: BTreeSet<String>,
    /// Annotations that are ours.
    pub our_annotations: BTreeSet<String>,
    /// Who else is known to own it, if anybody.
    pub foreign_owner: Option<String>,
}

// Names only: a key's name may be shown, its value never.
impl fmt::Debug for ExistingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExistingSecret").field("keys", &self.data.keys()).finish_non_exhaustive()
    }
}

impl ExistingSecret {
    /// Reads the manifest of one Secret, such as a file that [`crate::to_yaml`] wrote. If it has the label of a managed
    /// Secret, all its labels and annotations count as ours; keys never do, because a file does not tell.
    ///
    /// # Errors
    /// All [`ManifestProblem`]s if the text is not exactly one Secret, or a masked one.
    pub fn read(file_name: &str, text: &str) -> Result<Self, Vec<ManifestProblem>> {
        let mut existing = read_target(file_name, text)?;
        if existing.labels.get(MANAGED).is_some_and(|value| value == "true") {
            existing.our_labels = existing.labels.keys().cloned().collect();
            existing.our_annotations = existing.annotations.keys().cloned().collect();
        }
        Ok(existing)
    }

    /// Whether the data is still what the fingerprint says; if not, somebody changed it since it was written.
    pub fn is_intact(&self) -> bool {
        self.annotations.get(DATA_HASH).is_some_and(|hash| *hash == crate::hash::data_hash(&self.data))
    }
}

#[cfg(test)]
mod tests;
