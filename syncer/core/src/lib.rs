//! What an ExternalSecret asks for and which Secret follows from it, pure.
//!
//! The way of one object: [`read_documents`] gives [`Wanted`]s, stores and source Secrets; a [`Catalog`] finds the
//! store and its token; [`Wanted::requests`] says what to read and [`VaultStore::read_path`] where; the answers go
//! into [`Fetches`]; [`plan`] decides; [`to_yaml`] prints.

mod catalog;
pub mod cluster;
mod crd;
pub mod crds;
mod duration;
mod emit;
mod existing;
mod fetch;
mod hash;
mod manifest;
mod plan;
mod render;
mod schema;
mod template;
mod vault;
mod wanted;
mod yaml;

pub use catalog::{Catalog, LookupError};
pub use duration::{DurationError, parse_duration};
pub use emit::{Values, to_yaml};
pub use existing::ExistingSecret;
pub use fetch::{FetchFailure, FetchRequest, Fetched, Fetches};
pub use hash::{created_by, data_hash, synced_resource_version};
pub use manifest::{
    Document, MAX_DOCUMENTS, MAX_FILE_BYTES, ManifestProblem, Object, ObjectName, Origin, SourceSecret,
    read_documents,
};
pub use plan::{DeleteReason, KeepReason, Plan, plan};
pub use render::{RenderCause, RenderProblem, RenderedSecret, render};
pub use syncer_template::decode::DecodingStrategy;
pub use syncer_template::keys::{ConversionStrategy, MAX_KEY_BYTES, MAX_SECRET_BYTES};
pub use syncer_template::{Engine, Env, NoRandomness, SecretValue};
pub use template::{
    Fills, Kit, MAX_TEMPLATES, SourceKind, SourceRef, Sources, TemplateFrom, TemplateItem, TemplateSpec,
};
pub use vault::{KvPath, KvVersion, PathError, SecretKeyRef, Store, VaultStore};
pub use wanted::{
    CreationPolicy, DeletionPolicy, Entry, LastSync, MAX_ENTRIES, NullBytePolicy, RefreshPolicy, RemoteRef,
    StoreKind, StoreRef, Target, Wanted,
};
