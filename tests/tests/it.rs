//! Tests over everything that need more than one crate, or a running server; each module is one subject.

#[path = "it/audit.rs"]
mod audit;
#[path = "it/canary.rs"]
mod canary;
#[path = "it/changes.rs"]
mod changes;
#[path = "it/cli.rs"]
mod cli;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/crds.rs"]
mod crds;
#[path = "it/differences.rs"]
mod differences;
#[path = "it/full_disk.rs"]
mod full_disk;
#[path = "it/inputs.rs"]
mod inputs;
#[path = "it/kubernetes_auth.rs"]
mod kubernetes_auth;
#[path = "it/laptop.rs"]
mod laptop;
#[path = "it/policies.rs"]
mod policies;
#[path = "it/tls.rs"]
mod tls;
#[path = "it/tour.rs"]
mod tour;
