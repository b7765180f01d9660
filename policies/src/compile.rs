//! From the text of a policy to the rules that can be enforced, with every problem reported at once.

use std::fmt;

use crate::capability::Capabilities;
use crate::pattern::Pattern;

/// Where the text of a policy came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// Written through the HTTP API.
    Api,
    /// Read from a file.
    File {
        /// The file's path, as configured.
        path: String,
    },
    /// Shipped with the broker.
    BuiltIn,
}

/// One enforceable `path` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Which paths it is about.
    pub pattern: Pattern,
    /// What it grants; `deny` absorbs all else.
    pub capabilities: Capabilities,
    /// Line of the block in the policy's text, counted from 1.
    pub line: usize,
    /// Column of the block in its line, in characters, counted from 1.
    pub column: usize,
}

/// A policy that can be enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name, trimmed and in lower case.
    pub name: String,
    /// Its blocks, in the order of the text.
    pub stanzas: Vec<Stanza>,
    /// Where the text came from.
    pub source: PolicySource,
}

/// One reason why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The policy's name.
    pub policy: String,
    /// Line in the text, counted from 1; 0 if the name itself is the problem.
    pub line: usize,
    /// Column in the line, counted from 1; 0 if the name itself is the problem.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "policy {:?}: {}", self.policy, self.message);
        }
        write!(f, "policy {:?}, line {}: {}", self.policy, self.line, self.message)
    }
}

impl std::error::Error for PolicyProblem {}
