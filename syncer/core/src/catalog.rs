//! All objects of a run together: which store an ExternalSecret means, and where that store's token is.

use std::collections::BTreeMap;

use syncer_template::SecretValue;

use crate::manifest::{Document, ManifestProblem, Object, ObjectName, Origin, SourceSecret};
use crate::template::{SourceKind, SourceRef, Sources};
use crate::vault::Store;
use crate::wanted::{CreationPolicy, StoreKind, Wanted};

/// Stores, and the Secrets and ConfigMaps that they and templates need, by name.
#[derive(Debug, Default)]
pub struct Catalog {
    stores: BTreeMap<(StoreKind, Option<String>, String), Store>,
    secrets: BTreeMap<(String, String), SourceSecret>,
    config_maps: BTreeMap<(String, String), SourceSecret>,
}

/// Why an ExternalSecret has no store or the store no token; worded as the operator words it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LookupError {
    /// The ExternalSecret names no store.
    #[error("spec.secretStoreRef is missing; name the store to read from")]
    NoStoreRef,
    /// There is no such store.
    #[error("could not get {kind} {name:?}, {kind}.external-secrets.io {name:?} not found", kind = .kind.as_str())]
    NoStore {
        /// Kind of the store.
        kind: StoreKind,
        /// Its name.
        name: String,
    },
    /// The store's conditions exclude the namespace.
    #[error(
        "using cluster store {store:?} is not allowed from namespace {namespace:?}: denied by spec.condition"
    )]
    Denied {
        /// Name of the store.
        store: String,
        /// Namespace of the ExternalSecret.
        namespace: String,
    },
    /// There is no Secret with the token.
    #[error(
        "cannot get Kubernetes secret {name:?} from namespace {namespace:?}: not found; add it to the files"
    )]
    NoTokenSecret {
        /// Namespace of the Secret.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The Secret has no such key, or nothing under it.
    #[error("cannot find secret data for key: {key:?} in the Secret {namespace}/{name}")]
    NoTokenKey {
        /// Namespace of the Secret.
        namespace: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
}

impl Catalog {
    /// Sorts documents into a catalog and the ExternalSecrets to serve, in order. Of two objects with one name, and of
    /// two ExternalSecrets that want to own one Secret, the first counts and the other is a problem.
    pub fn new(documents: impl IntoIterator<Item = Document>) -> (Self, Vec<Wanted>, Vec<ManifestProblem>) {
        let mut catalog = Self::default();
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut problems = Vec::new();
        let mut seen: BTreeMap<ObjectName, Origin> = BTreeMap::new();
        let mut targets: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for Document { origin, object } in documents {
            let name = object_name(&object);
            if matches!(object, Object::Ignored(_)) {
                continue;
            }
            if let Some(first) = seen.get(&name) {
                let message = format!("is already in {}:{}; remove one of them", first.file, first.line);
                problems.push(problem(&origin, name, "metadata.name", message));
                continue;
            }
            seen.insert(name.clone(), origin.clone());
            match object {
                Object::ExternalSecret(new) => {
                    let same = targets.entry((new.namespace.clone(), new.target.name.clone())).or_default();
                    let mut others = same.iter().filter_map(|at| wanted.get(*at));
                    if let Some(old) = others.find(|old| conflict(old, &new)) {
                        let message = format!("target is owned by another ExternalSecret: {}", old.name);
                        problems.push(problem(&origin, name, "spec.target.name", message));
                    } else {
                        same.push(wanted.len());
                        wanted.push(new);
                    }
                }
                Object::Store(store) => {
                    catalog.stores.insert((store.kind, store.namespace.clone(), store.name.clone()), store);
                }
                Object::Secret(secret) => {
                    catalog.secrets.insert((secret.namespace.clone(), secret.name.clone()), secret);
                }
                Object::ConfigMap(map) => {
                    catalog.config_maps.insert((map.namespace.clone(), map.name.clone()), map);
                }
                Object::Ignored(_) => {}
            }
        }
        (catalog, wanted, problems)
    }

    /// The store that an ExternalSecret reads from.
    ///
    /// # Errors
    /// [`LookupError`] if there is none, or it does not serve that namespace.
    pub fn store(&self, wanted: &Wanted) -> Result<&Store, LookupError> {
        let store_ref = wanted.store.as_ref().ok_or(LookupError::NoStoreRef)?;
        let namespace = (store_ref.kind == StoreKind::SecretStore).then(|| wanted.namespace.clone());
        let store = self
            .stores
            .get(&(store_ref.kind, namespace, store_ref.name.clone()))
            .ok_or_else(|| LookupError::NoStore { kind: store_ref.kind, name: store_ref.name.clone() })?;
        match &store.allowed {
            Some(allowed) if !allowed.contains(&wanted.namespace) => {
                Err(LookupError::Denied { store: store.name.clone(), namespace: wanted.namespace.clone() })
            }
            _ => Ok(store),
        }
    }

    /// The objects that hold an ExternalSecret's templates.
    pub fn sources(&self, wanted: &Wanted) -> Sources {
        let find = |source: &SourceRef| {
            let (kind, objects) = match source.kind {
                SourceKind::ConfigMap => ("configmaps", &self.config_maps),
                SourceKind::Secret => ("secrets", &self.secrets),
            };
            let found = objects.get(&(wanted.namespace.clone(), source.name.clone()));
            found
                .map(|found| found.data.clone())
                .ok_or_else(|| format!("{kind} {:?} not found; add it to the files", source.name))
        };
        wanted.target.sources().into_iter().map(|source| (source.clone(), find(&source))).collect()
    }

    /// The token with which a store is read for an ExternalSecret, without white space around it.
    ///
    /// # Errors
    /// [`LookupError`] if there is no such Secret or key.
    pub fn token(&self, store: &Store, wanted: &Wanted) -> Result<SecretValue, LookupError> {
        let token = &store.vault.token_ref;
        let namespace =
            token.namespace.as_ref().or(store.namespace.as_ref()).unwrap_or(&wanted.namespace).clone();
        let name = token.name.clone();
        let Some(secret) = self.secrets.get(&(namespace.clone(), name.clone())) else {
            return Err(LookupError::NoTokenSecret { namespace, name });
        };
        match secret.data.get(&token.key).map(|value| value.expose().trim_ascii()) {
            Some(value) if !value.is_empty() => Ok(SecretValue::new(value.to_vec())),
            _ => Err(LookupError::NoTokenKey { namespace, name, key: token.key.clone() }),
        }
    }
}

/// Whether two ExternalSecrets with one target cannot both write it.
fn conflict(one: &Wanted, other: &Wanted) -> bool {
    let owns =
        |wanted: &Wanted| matches!(wanted.target.creation, CreationPolicy::Owner | CreationPolicy::Orphan);
    let writes = |wanted: &Wanted| wanted.target.creation != CreationPolicy::None;
    writes(one) && writes(other) && (owns(one) || owns(other))
}

fn object_name(object: &Object) -> ObjectName {
    let (kind, namespace, name) = match object {
        Object::ExternalSecret(wanted) => ("ExternalSecret", Some(&wanted.namespace), &wanted.name),
        Object::Store(store) => (store.kind.as_str(), store.namespace.as_ref(), &store.name),
        Object::Secret(secret) => ("Secret", Some(&secret.namespace), &secret.name),
        Object::ConfigMap(map) => ("ConfigMap", Some(&map.namespace), &map.name),
        Object::Ignored(name) => return name.clone(),
    };
    ObjectName {
        kind: kind.to_owned(),
        namespace: namespace.cloned().unwrap_or_default(),
        name: name.clone(),
    }
}

fn problem(origin: &Origin, object: ObjectName, field: &str, message: String) -> ManifestProblem {
    ManifestProblem {
        file: origin.file.clone(),
        document: origin.document,
        line: Some(origin.line),
        object: Some(object),
        field: field.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests;
