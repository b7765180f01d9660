//! Tests on a whole Kubernetes node: pods, the kubelet, and the node driver as it is installed.

#[path = "node/driver.rs"]
mod driver;
#[path = "node/plain.rs"]
mod plain;
#[path = "node/world.rs"]
mod world;

use std::time::Duration;

/// How long a pod may take to become what is expected of it.
const LIMIT: Duration = Duration::from_secs(60);
