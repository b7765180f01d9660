//! The head file `audit.head`: what the audit log was at the last checkpoint, for checks without the seal.

use broker_core::tree::{Hash, Tree};
use serde::{Deserialize, Serialize};

/// The head file.
pub(crate) const FILE: &str = "audit.head";

/// The content of the head file, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct HeadFile {
    /// The log's name.
    pub(crate) log: String,
    /// Records.
    pub(crate) size: u64,
    /// Root of the tree over them, in hex.
    pub(crate) root: String,
    /// Right edge of the tree, in hex.
    pub(crate) edge: Vec<String>,
    /// Revision of the store.
    pub(crate) revision: u64,
    /// When it was written.
    pub(crate) time: String,
}

/// Bytes in hex.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A hash from its hex form.
pub(crate) fn hash_from_hex(text: &str) -> Option<Hash> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

/// A tree's edge in hex.
pub(crate) fn edge_to_hex(tree: &Tree) -> Vec<String> {
    tree.edge().iter().map(|hash| to_hex(hash)).collect()
}

/// A tree from its size and edge.
pub(crate) fn tree_from_hex(size: u64, edge: &[String]) -> Option<Tree> {
    let edge: Option<Vec<Hash>> = edge.iter().map(|text| hash_from_hex(text)).collect();
    Tree::from_edge(size, edge?)
}
