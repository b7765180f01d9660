//! `spec.target.template`: what it says, which objects it needs, and the contents that it makes of fetched values.

mod apply;
mod read;

use std::collections::BTreeMap;

use syncer_template::decode::DecodingStrategy;
use syncer_template::{Engine, Env, SecretValue};

pub(crate) use apply::{Content, content};
pub(crate) use read::read;

/// Most templates of one object.
pub const MAX_TEMPLATES: usize = 1000;

/// `spec.target.template`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateSpec {
    /// Type of the Secret; `None` leaves it as it is.
    pub secret_type: Option<String>,
    /// Whether the fetched values are kept beside what templates make.
    pub merge: bool,
    /// Template of each label.
    pub labels: BTreeMap<String, String>,
    /// Template of each annotation.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers, as they are.
    pub finalizers: Vec<String>,
    /// Template of each key.
    pub data: BTreeMap<String, String>,
    /// More templates, applied in order before `data`.
    pub from: Vec<TemplateFrom>,
}

/// One entry of `templateFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFrom {
    /// Templates in ConfigMaps and Secrets: which object, and which of its keys.
    pub items: Vec<TemplateItem>,
    /// A template that gives keys and values.
    pub literal: Option<String>,
    /// What is filled.
    pub fills: Fills,
    /// How each value that is made is decoded.
    pub decoding: DecodingStrategy,
}

/// A template in another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateItem {
    /// The object.
    pub source: SourceRef,
    /// Its key.
    pub key: String,
    /// Whether the template gives keys and values, not the value of its own key.
    pub keys_and_values: bool,
}

/// What templates fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fills {
    /// The Secret's data.
    #[default]
    Data,
    /// Its labels.
    Labels,
    /// Its annotations.
    Annotations,
}

/// Kind of an object that holds templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// An object that holds templates, in the namespace of the ExternalSecret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceRef {
    /// Its kind.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

/// What was read of each object: its keys and values, or why not.
pub type Sources = BTreeMap<SourceRef, Result<BTreeMap<String, SecretValue>, String>>;

impl TemplateSpec {
    /// The objects that must be read, each once.
    pub fn sources(&self) -> Vec<SourceRef> {
        let mut out: Vec<SourceRef> =
            self.from.iter().flat_map(|it| &it.items).map(|it| it.source.clone()).collect();
        out.sort();
        out.dedup();
        out
    }
}

/// What templates are rendered with besides the values.
pub struct Kit<'a> {
    /// How templates are read.
    pub engine: &'a Engine,
    /// Time and randomness.
    pub env: &'a mut dyn Env,
    /// The objects that hold templates.
    pub sources: &'a Sources,
}

impl std::fmt::Debug for Kit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("sources", &self.sources.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
