//! Who may do what to which path: Vault's policy language, pure.

mod capability;
mod compile;
mod decide;
pub mod path;
mod pattern;
mod prefixes;
mod rule;
mod segments;
mod set;

pub use capability::{Capabilities, Capability};
pub use compile::{Policy, PolicyProblem, PolicySource, Stanza};
pub use decide::{Decision, DenyReason};
pub use path::{PathError, RequestPath};
pub use pattern::{Pattern, PatternError, PatternKind, Rank};
pub use rule::{Origin, RuleRef};
pub use set::PolicySet;
