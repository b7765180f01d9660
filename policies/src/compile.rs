//! From the text of a policy to the rules that can be enforced, with every problem reported at once.

use std::fmt;

use crate::capability::{Capabilities, Capability};
use crate::document::{PathStanza, PolicyDocument};
use crate::name::policy_name;
use crate::pattern::Pattern;
use crate::tree::{ParseErrorKind, Position};

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

/// Compiles the text of a policy. The name is trimmed and lower-cased; the text may be HCL or JSON.
///
/// # Errors
/// All problems at once, in the order of the text: errors in the grammar, unknown keys, patterns,
/// capabilities, and everything that this broker does not enforce and therefore does not accept.
pub fn compile(name: &str, text: &str, source: PolicySource) -> Result<Policy, Vec<PolicyProblem>> {
    let (document, errors) = PolicyDocument::read(text);
    let mut compiler = Compiler { policy: name.trim().to_ascii_lowercase(), problems: Vec::new() };
    compiler.check_name(name);
    for error in errors {
        let message = match error.kind {
            // Vault's wording for these ends in the line, which comes first here.
            ParseErrorKind::Syntax(_) | ParseErrorKind::InvalidKey(_) => error.to_string(),
            kind => kind.to_string(),
        };
        compiler.problem(error.position, message);
    }
    let stanzas = document.paths.iter().filter_map(|stanza| compiler.stanza(stanza)).collect();
    if compiler.problems.is_empty() {
        return Ok(Policy { name: compiler.policy, stanzas, source });
    }
    compiler.problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(compiler.problems)
}

struct Compiler {
    policy: String,
    problems: Vec<PolicyProblem>,
}

impl Compiler {
    fn problem(&mut self, position: Position, message: impl Into<String>) {
        self.problems.push(PolicyProblem {
            policy: self.policy.clone(),
            line: position.line,
            column: position.column,
            message: message.into(),
        });
    }

    fn check_name(&mut self, name: &str) {
        match policy_name(name) {
            Ok(name) if name == crate::builtin::ROOT => {
                self.problem(
                    Position::default(),
                    "the name is reserved for the built-in policy; choose another",
                );
            }
            Ok(_) => {}
            Err(error) => self.problem(Position::default(), error.to_string()),
        }
    }

    fn stanza(&mut self, stanza: &PathStanza) -> Option<Stanza> {
        let before = self.problems.len();
        let path = &stanza.pattern;
        let pattern = Pattern::parse(path)
            .map_err(|error| self.problem(stanza.position, format!("path {path:?}: {error}")))
            .ok();
        let capabilities = self.capabilities(stanza);
        for setting in &stanza.settings {
            let key = &setting.key;
            self.problem(
                setting.position,
                format!("`{key}` is not supported by this broker yet; remove it or leave this path out"),
            );
        }
        let Position { line, column } = stanza.position;
        let clean = self.problems.len() == before;
        pattern.filter(|_| clean).map(|pattern| Stanza { pattern, capabilities, line, column })
    }

    fn capabilities(&mut self, stanza: &PathStanza) -> Capabilities {
        let path = &stanza.pattern;
        let mut granted = Capabilities::NONE;
        if let Some((word, position)) = &stanza.policy {
            match Capabilities::from_legacy(word) {
                Some(capabilities) => granted = capabilities,
                None => self.problem(
                    *position,
                    format!("path {path:?}: invalid policy {word:?}; use deny, read, write or sudo"),
                ),
            }
        }
        for (word, position) in &stanza.capabilities {
            match (Capability::from_name(word), word.as_str()) {
                (Some(capability), _) => granted = granted.with(capability),
                (None, "subscribe" | "recover") => self.problem(
                    *position,
                    format!("path {path:?}: capability {word:?} is not supported by this broker; remove it"),
                ),
                (None, _) => {
                    let known = Capability::ALL.map(Capability::name).join(", ");
                    self.problem(
                        *position,
                        format!(
                            "path {path:?}: invalid capability {word:?}; known are {known}, in lower case"
                        ),
                    );
                }
            }
        }
        granted
    }
}

#[cfg(test)]
mod tests;
