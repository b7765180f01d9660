//! A real Kubernetes API server for tests: etcd, kube-apiserver and kube-controller-manager, without a node.

mod access;
mod cluster;
mod namespace;
mod pki;
pub mod syncer;

pub use access::{Access, Answer};
pub use cluster::Cluster;
pub use namespace::Namespace;
pub use syncer::{Syncer, SyncerOptions};
