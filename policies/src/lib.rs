//! Who may do what to which path: Vault's policy language, pure.
//!
//! The way of a policy: text -> [`PolicyDocument`] (`document`, from the HCL of `hcl` or the JSON of `json`)
//! -> [`compile`] (`compile`, with the patterns of `pattern` and the words of `capability`) -> [`Policy`].
//! The way of a request: [`RequestPath::parse`] (`path`) gives the one canonical path; the token's policies
//! are merged once into a [`PolicySet`] (`set`, whose rules are in `rule`, found through `prefixes` and
//! `segments`); [`PolicySet::decide`] (`decide`) answers, [`is_sudo_protected`] (`sudo`) tells which paths
//! need `sudo` besides, and [`explain`] puts the answer into a sentence. What is shipped is in `builtin`.
//!
//! Nothing here reads a file, a clock or the environment.

mod builtin;
mod capability;
mod compile;
mod cursor;
mod decide;
mod document;
mod explain;
mod hcl;
mod json;
mod name;
pub mod path;
mod pattern;
mod prefixes;
mod rule;
mod segments;
mod set;
mod sudo;
mod tree;

pub use builtin::{DEFAULT, DEFAULT_TEXT, RESPONSE_WRAPPING, RESPONSE_WRAPPING_TEXT, ROOT};
pub use capability::{Capabilities, Capability};
pub use compile::{Policy, PolicyProblem, PolicySource, Stanza, compile};
pub use decide::{Decision, DenyReason};
pub use document::{MAX_DOCUMENT_BYTES, MAX_STANZAS, PathStanza, PolicyDocument, Setting};
pub use explain::explain;
pub use name::{MAX_NAME_BYTES, NameError, policy_name};
pub use path::{PathError, RequestPath};
pub use pattern::{Pattern, PatternError, PatternKind, Rank};
pub use rule::{Origin, RuleRef};
pub use set::PolicySet;
pub use sudo::is_sudo_protected;
pub use tree::{Item, ParseError, ParseErrorKind, Position, Value};

#[cfg(test)]
mod tests;
