//! The change stream's lines: as stored and as sent, names and versions only.

use serde::{Deserialize, Serialize};

use crate::command::{Change, ChangeAction};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Wire {
    Kv2 { mount: String, path: String, version: u64, action: String },
    Kv1 { mount: String, path: String, action: String },
    TokenRevoked { accessor: String },
    PolicyChanged { name: String },
    MountChanged { mount: String },
}

/// A change as JSON.
pub fn encode(change: &Change) -> Vec<u8> {
    let wire = match change.clone() {
        Change::Kv2 { mount, path, version, action } => {
            Wire::Kv2 { mount, path, version, action: action.as_str().to_owned() }
        }
        Change::Kv1 { mount, path, action } => Wire::Kv1 { mount, path, action: action.as_str().to_owned() },
        Change::TokenRevoked { accessor } => Wire::TokenRevoked { accessor },
        Change::PolicyChanged { name } => Wire::PolicyChanged { name },
        Change::MountChanged { mount } => Wire::MountChanged { mount },
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

/// Reads a change; `None` where it is none.
pub fn decode(bytes: &[u8]) -> Option<Change> {
    let action = |word: &str| {
        use ChangeAction::{Delete, Destroy, Metadata, Remove, Undelete, Write};
        [Write, Delete, Undelete, Destroy, Metadata, Remove].into_iter().find(|a| a.as_str() == word)
    };
    Some(match serde_json::from_slice(bytes).ok()? {
        Wire::Kv2 { mount, path, version, action: a } => {
            Change::Kv2 { mount, path, version, action: action(&a)? }
        }
        Wire::Kv1 { mount, path, action: a } => Change::Kv1 { mount, path, action: action(&a)? },
        Wire::TokenRevoked { accessor } => Change::TokenRevoked { accessor },
        Wire::PolicyChanged { name } => Change::PolicyChanged { name },
        Wire::MountChanged { mount } => Change::MountChanged { mount },
    })
}
