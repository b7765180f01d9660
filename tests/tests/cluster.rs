//! Tests with the real servers of others that take long to start: one Kubernetes API server for all of them, and HashiCorp Vault.

#[path = "cluster/apiserver.rs"]
mod apiserver;
#[path = "cluster/collection.rs"]
mod collection;
#[path = "cluster/crds.rs"]
mod crds;
#[path = "cluster/kubernetes_auth.rs"]
mod kubernetes_auth;
#[path = "cluster/syncer.rs"]
mod syncer;
#[path = "cluster/syncer_everywhere.rs"]
mod syncer_everywhere;
#[path = "cluster/syncer_failures.rs"]
mod syncer_failures;
#[path = "cluster/syncer_load.rs"]
mod syncer_load;
#[path = "cluster/syncer_restart.rs"]
mod syncer_restart;
#[path = "cluster/syncer_suite.rs"]
mod syncer_suite;
#[path = "cluster/syncer_templates.rs"]
mod syncer_templates;
#[path = "cluster/syncer_world.rs"]
mod syncer_world;
#[path = "cluster/tokens.rs"]
mod tokens;
#[path = "cluster/vault.rs"]
mod vault;

use std::time::Duration;

/// How long a controller may take to do its work.
const LIMIT: Duration = Duration::from_secs(60);
