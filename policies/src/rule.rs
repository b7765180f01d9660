//! Rules: one pattern with what all stanzas of that pattern grant together, and where it was written.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::capability::Capabilities;
use crate::compile::{Policy, PolicySource, Stanza};
use crate::pattern::{Pattern, PatternKind};

/// A stanza that a rule is made of.
#[derive(Clone)]
pub struct Origin {
    policy: Arc<Policy>,
    stanza: usize,
}

impl Origin {
    pub(crate) const fn new(policy: Arc<Policy>, stanza: usize) -> Self {
        Self { policy, stanza }
    }

    /// The policy's name.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy.name
    }

    /// Where the policy's text came from.
    #[must_use]
    pub fn source(&self) -> &PolicySource {
        &self.policy.source
    }

    /// Line of the stanza, counted from 1; 0 for the root policy, which has no text.
    #[must_use]
    pub fn line(&self) -> usize {
        self.stanza().map_or(0, |stanza| stanza.line)
    }

    /// What this stanza alone grants.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.stanza().map_or(Capabilities::NONE, |stanza| stanza.capabilities)
    }

    fn stanza(&self) -> Option<&Stanza> {
        self.policy.stanzas.get(self.stanza)
    }
}

struct Rule {
    pattern: Pattern,
    capabilities: Capabilities,
    origins: Vec<Origin>,
}

/// A shared handle to a rule; cheap to clone and to keep after the policy set is gone.
#[derive(Clone)]
pub struct RuleRef(Arc<Rule>);

impl RuleRef {
    /// The pattern, for example `secret/data/app/*`.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.0.pattern.as_str()
    }

    /// What all stanzas of the pattern grant together.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    /// The stanzas the rule is made of, in the order of the policies.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.0.origins
    }

    /// The names of the policies the rule is made of, each once.
    #[must_use]
    pub fn policies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.origins().iter().map(Origin::policy).collect();
        names.dedup();
        names
    }

    pub(crate) fn compiled_pattern(&self) -> &Pattern {
        &self.0.pattern
    }

    /// A rule of all stanzas that have this pattern.
    pub(crate) fn new(pattern: Pattern, origins: Vec<Origin>) -> Self {
        let capabilities =
            origins.iter().map(Origin::capabilities).fold(Capabilities::NONE, Capabilities::union);
        Self(Arc::new(Rule { pattern, capabilities, origins }))
    }

    /// The rule of the root policy.
    pub(crate) fn root() -> &'static Self {
        static ROOT: LazyLock<RuleRef> = LazyLock::new(|| {
            let pattern = Pattern::everything();
            let stanza = Stanza {
                pattern: pattern.clone(),
                capabilities: Capabilities::EVERYTHING,
                line: 0,
                column: 0,
            };
            let policy =
                Policy { name: "root".to_owned(), stanzas: vec![stanza], source: PolicySource::BuiltIn };
            RuleRef::new(pattern, vec![Origin::new(Arc::new(policy), 0)])
        });
        &ROOT
    }

    pub(crate) fn is_prefix(&self) -> bool {
        self.0.pattern.kind() == PatternKind::Prefix
    }
}

impl PartialEq for RuleRef {
    fn eq(&self, other: &Self) -> bool {
        let places = |rule: &Self| -> Vec<(String, usize)> {
            rule.origins().iter().map(|o| (o.policy().to_owned(), o.line())).collect()
        };
        self.0.pattern == other.0.pattern
            && self.0.capabilities == other.0.capabilities
            && places(self) == places(other)
    }
}

impl Eq for RuleRef {}

impl fmt::Debug for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleRef({:?}: {} by {:?})", self.pattern(), self.capabilities(), self.policies())
    }
}
