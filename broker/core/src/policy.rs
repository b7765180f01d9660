//! Policies written over the API, as commands over rows; their meaning is the crate `policies`.

use serde::{Deserialize, Serialize};

use crate::command::{Change, Effects, Halt, Reply};
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};

#[cfg(test)]
mod tests;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 512;
/// The longest text, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

const FORMAT: u8 = 1;

/// A change of the policies; names are lower-case and texts were compiled before.
#[derive(Debug)]
pub enum PolicyCommand {
    /// Write a policy's text.
    Write {
        /// Its name.
        name: String,
        /// Its text as given.
        text: String,
    },
    /// Remove a policy; nothing where there is none.
    Delete {
        /// Its name.
        name: String,
    },
}

/// Key of the row of a policy.
pub fn policy_key(name: &str) -> RowKey {
    // A name is one segment of a key, whatever is in it.
    RowKey::new(Table::Policy, name.replace('%', "%25").replace('/', "%2F"))
}

/// The name of a policy from the segment of its key.
pub fn policy_name_of(segment: &str) -> String {
    segment.replace("%2F", "/").replace("%25", "%")
}

#[derive(Serialize, Deserialize)]
struct PolicyWire {
    v: u8,
    text: String,
}

/// Reads the row of a policy: its text; `None` where it is no such row.
pub fn decode_policy(bytes: &[u8]) -> Option<String> {
    let wire: PolicyWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.text)
}

/// Decides a change of the policies.
///
/// # Errors
/// See [`crate::command::apply`].
pub fn apply(rows: &Rows, command: &PolicyCommand) -> Result<Effects, Halt> {
    match command {
        PolicyCommand::Write { name, text } => write(name, text),
        PolicyCommand::Delete { name } => delete(rows, name),
    }
}

fn write(name: &str, text: &str) -> Result<Effects, Halt> {
    let too_long = |what: &str, length: usize, most: usize| {
        Err(Refusal::Invalid(format!(
            "the {what} of the policy has {length} bytes; at most {most} are allowed"
        )))
    };
    match name {
        "root" => Err(Refusal::Invalid("cannot update \"root\" policy".to_owned()))?,
        "" => Err(Refusal::Invalid("the policy needs a name".to_owned()))?,
        _ if name.len() > MAX_NAME_BYTES => too_long("name", name.len(), MAX_NAME_BYTES)?,
        _ if text.len() > MAX_TEXT_BYTES => too_long("text", text.len(), MAX_TEXT_BYTES)?,
        _ => {}
    }
    let wire = PolicyWire { v: FORMAT, text: text.to_owned() };
    // Texts and numbers have no way to fail.
    let row = RowValue::new(serde_json::to_vec(&wire).unwrap_or_default());
    Ok(changed(name, Mutation::Put(policy_key(name), row)))
}

fn delete(rows: &Rows, name: &str) -> Result<Effects, Halt> {
    if matches!(name, "root" | "default" | "response-wrapping") {
        return Err(Refusal::Invalid(format!("cannot delete {name:?} policy")).into());
    }
    let key = policy_key(name);
    Ok(match rows.get(&key)? {
        Some(_) => changed(name, Mutation::Delete(key)),
        None => Effects::default(),
    })
}

fn changed(name: &str, mutation: Mutation) -> Effects {
    let change = Change::PolicyChanged { name: name.to_owned() };
    Effects { mutations: vec![mutation], changes: vec![change], reply: Reply::Done }
}
