//! The tour: one list of operations that real clients run against a server, so that two servers can be compared answer by answer.

pub mod cli;
pub mod hvac;
pub mod normal;
pub mod vaultrs;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::golden::captures::short_value;
use crate::target::Target;

/// One operation of `tour/operations.json`; which fields it needs depends on what it does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operation {
    /// A name of its own.
    pub name: String,
    /// What it does, such as `kv-put`.
    #[serde(rename = "do")]
    pub what: String,
    /// The saved token that does it; without one the root token.
    #[serde(rename = "as")]
    pub by: Option<String>,
    /// The name under which the created token is saved.
    pub save: Option<String>,
    /// Clients must get an error.
    pub fails: bool,
    /// These clients take it the other way: the command line tool shows a deleted version and is content.
    pub but: Vec<Client>,
    /// The path below `secret/`, or the whole path of a question about capabilities.
    pub path: String,
    /// The members of a secret.
    pub data: BTreeMap<String, String>,
    /// The version that a write expects.
    pub cas: Option<u32>,
    /// One version.
    pub version: Option<u64>,
    /// Several versions.
    pub versions: Vec<u64>,
    /// A field of the metadata.
    pub max_versions: Option<u64>,
    /// A field of the metadata.
    pub cas_required: Option<bool>,
    /// A field of the metadata.
    pub custom_metadata: BTreeMap<String, String>,
    /// The name of a policy.
    pub policy: String,
    /// The text of a policy.
    pub rules: String,
    /// A saved token that the operation is about.
    pub token: Option<String>,
    /// The policies of a new token.
    pub policies: Vec<String>,
    /// The time to live of a new token.
    pub ttl: String,
    /// The metadata of a new token.
    pub meta: BTreeMap<String, String>,
    /// The display name of a new token.
    pub display_name: Option<String>,
    /// A field of a new token.
    pub no_default_policy: bool,
    /// The time a token is renewed for.
    pub increment: String,
}

/// How an operation ended for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The client got what it asked for.
    Done,
    /// The client reported an error.
    Failed,
    /// The client has no such operation.
    Unsupported,
}

/// What a client made of one operation.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    /// The operation's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the client gave out, or its error.
    pub answer: Value,
}

/// A client that runs the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// OpenBao's own command line tool.
    Bao,
    /// hvac, the Python library.
    Hvac,
    /// vaultrs, the Rust library.
    Vaultrs,
}

/// The operations in their order.
///
/// # Errors
/// The file cannot be read or an operation has an unknown field.
pub fn operations() -> Result<Vec<Operation>> {
    let path = crate::folder().join("tour/operations.json");
    serde_json::from_str(&std::fs::read_to_string(&path)?).with_context(|| path.display().to_string())
}

/// Runs all operations with a client against a fresh server, and gives its answers with typed placeholders for volatile values.
///
/// # Errors
/// The client cannot be had, or an operation ended otherwise than the list says.
pub fn run(client: Client, target: &Target) -> Result<Vec<Answer>> {
    let operations = operations()?;
    let mut answers = match client {
        Client::Bao => cli::run(target, &operations)?,
        Client::Hvac => hvac::run(target)?,
        Client::Vaultrs => vaultrs::run(target, &operations)?,
    };
    if answers.len() != operations.len() {
        bail!("{client:?} gave {} answers to {} operations", answers.len(), operations.len());
    }
    let mut wrong = Vec::new();
    for (operation, answer) in operations.iter().zip(&mut answers) {
        normal::normalise(&mut answer.answer, &target.url());
        let expected =
            if operation.fails != operation.but.contains(&client) { Outcome::Failed } else { Outcome::Done };
        if answer.outcome != expected && answer.outcome != Outcome::Unsupported {
            wrong.push(format!("{}: {:?}, {}", operation.name, answer.outcome, short_value(&answer.answer)));
        }
    }
    if !wrong.is_empty() {
        bail!("{client:?} on {:?}:\n{}", target.kind, wrong.join("\n"));
    }
    Ok(answers)
}

/// Each difference between the answers of two servers to the same client, with the operation and the place in the answer.
pub fn differences(client: Client, one: &[Answer], other: &[Answer]) -> Vec<Difference> {
    let mut found = Vec::new();
    for (one, other) in one.iter().zip(other) {
        let wrap =
            |answer: &Answer| json!({ "outcome": format!("{:?}", answer.outcome), "answer": answer.answer });
        let mut places = Vec::new();
        normal::compare("", &wrap(one), &wrap(other), &mut places);
        found.extend(places.into_iter().map(|(place, one_value, other_value)| Difference {
            client,
            operation: one.name.clone(),
            place,
            values: (one_value, other_value),
        }));
    }
    found
}

/// One place where two servers' answers differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Who asked.
    pub client: Client,
    /// The operation's name.
    pub operation: String,
    /// A JSON pointer into `{outcome, answer}`.
    pub place: String,
    /// What the one and the other server gave there; nothing where it is absent.
    pub values: (Option<Value>, Option<Value>),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "absent".to_owned(), short_value);
        let (one, other) = &self.values;
        write!(
            out,
            "{:?}: {}: {} is {} and {}",
            self.client,
            self.operation,
            self.place,
            show(one),
            show(other)
        )
    }
}

/// Where our broker's answers differ on purpose: an entry of `tour/differences.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnPurpose {
    /// The row in `docs/differences.md`, such as `D-007`.
    pub id: String,
    /// Who asks.
    pub client: Client,
    /// The operation's name; `*` for all of them.
    pub operation: String,
    /// The place of the difference, see [`Difference::place`].
    pub place: String,
    /// What our broker gives there, volatile values as placeholders; without it the place is absent.
    pub ours: Option<Value>,
}

impl OnPurpose {
    fn covers(&self, difference: &Difference) -> bool {
        self.client == difference.client
            && (self.operation == "*" || self.operation == difference.operation)
            && self.place == difference.place
            && self.ours == difference.values.1
    }
}

/// The list of differences on purpose.
///
/// # Errors
/// The file cannot be read or has another shape.
pub fn on_purpose() -> Result<Vec<OnPurpose>> {
    let path = crate::folder().join("tour/differences.json");
    serde_json::from_str(&std::fs::read_to_string(&path)?).with_context(|| path.display().to_string())
}

/// The differences that are not on the list, and the entries of this client that no difference needs.
pub fn unexpected(client: Client, found: &[Difference], list: &[OnPurpose]) -> Vec<String> {
    let new = found.iter().filter(|difference| !list.iter().any(|entry| entry.covers(difference)));
    let idle = list.iter().filter(|entry| entry.client == client && !found.iter().any(|d| entry.covers(d)));
    let idle = idle.map(|entry| format!("{}: {} {} differs no more", entry.id, entry.operation, entry.place));
    new.map(Difference::to_string).chain(idle).collect()
}

/// The tokens that operations have saved by name.
#[derive(Debug)]
pub(crate) struct Tokens {
    root: String,
    saved: BTreeMap<String, String>,
}

impl Tokens {
    pub(crate) fn new(target: &Target) -> Tokens {
        Tokens { root: target.root_token.clone(), saved: BTreeMap::new() }
    }

    /// The token that does the operation.
    pub(crate) fn of(&self, operation: &Operation) -> String {
        operation.by.as_ref().map_or_else(|| self.root.clone(), |name| self.named(name))
    }

    /// A saved token; one that was never created is `none`, which no server knows.
    pub(crate) fn named(&self, name: &str) -> String {
        self.saved.get(name).cloned().unwrap_or_else(|| "none".into())
    }

    /// Saves the token of an answer if the operation says so.
    pub(crate) fn save(&mut self, operation: &Operation, token: Option<&str>) {
        if let (Some(name), Some(token)) = (&operation.save, token) {
            self.saved.insert(name.clone(), token.to_owned());
        }
    }
}
