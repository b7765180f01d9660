//! The harness of the tests: servers under test, a raw HTTP client, the golden runners and the tour of real clients.

#![warn(missing_docs)]

pub mod bench;
pub mod csi;
pub mod disk;
pub mod golden;
pub mod http;
pub mod kube;
pub mod lying;
pub mod node;
pub mod oracle;
pub mod process;
pub mod sanity;
pub mod target;
pub mod tour;

use std::path::PathBuf;

/// The folder of this crate, where the data of the tests is.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
