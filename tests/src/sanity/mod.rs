//! The conformance suite of the Container Storage Interface, csi-sanity, against the node driver.

mod controller;
mod proxy;
mod suite;

pub use proxy::{Shim, channel};
pub use suite::{Outcome, Spec, run};

/// Messages and services of the interface.
#[allow(missing_docs, clippy::all, reason = "generated; the interface's own documents say what it means")]
pub mod csi {
    tonic::include_proto!("csi.v1");
}
