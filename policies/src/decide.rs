//! Decisions: whether a request is allowed, and by which rule.

use crate::capability::{Capabilities, Capability};
use crate::path::RequestPath;
use crate::rule::RuleRef;
use crate::set::PolicySet;

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The request may go on.
    Allow {
        /// The rule that grants it.
        rule: RuleRef,
    },
    /// The request is refused.
    Deny {
        /// Why.
        why: DenyReason,
    },
}

impl Decision {
    /// Whether the request may go on.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }

    /// The rule that decided, if any pattern matched.
    #[must_use]
    pub const fn rule(&self) -> Option<&RuleRef> {
        match self {
            Self::Allow { rule } => Some(rule),
            Self::Deny { why } => why.rule(),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenyReason {
    /// No pattern matches the path.
    NoRule,
    /// The rule that decides does not hold the operation's capability.
    MissingCapability {
        /// The rule that decides.
        rule: RuleRef,
        /// What the operation needs.
        needed: Capability,
    },
    /// The rule that decides says `deny`.
    ExplicitDeny {
        /// The rule that decides.
        rule: RuleRef,
    },
    /// The path is sudo-protected, and the rule grants the operation but not `sudo`.
    NeedsSudo {
        /// The rule that decides.
        rule: RuleRef,
    },
}

impl DenyReason {
    /// The rule that decided, if any pattern matched.
    #[must_use]
    pub const fn rule(&self) -> Option<&RuleRef> {
        match self {
            Self::NoRule => None,
            Self::MissingCapability { rule, .. } | Self::ExplicitDeny { rule } | Self::NeedsSudo { rule } => {
                Some(rule)
            }
        }
    }
}

impl PolicySet {
    /// Decides one request. `needed` is the operation's capability; with `sudo_protected` the same rule
    /// must hold `sudo` as well.
    #[must_use]
    pub fn decide(&self, path: &RequestPath, needed: Capability, sudo_protected: bool) -> Decision {
        let Some(rule) = self.lookup(path.as_str()) else {
            return Decision::Deny { why: DenyReason::NoRule };
        };
        let granted: Capabilities = rule.capabilities();
        let rule = rule.clone();
        if granted.contains(Capability::Deny) {
            return Decision::Deny { why: DenyReason::ExplicitDeny { rule } };
        }
        if needed == Capability::Deny || !granted.contains(needed) {
            return Decision::Deny { why: DenyReason::MissingCapability { rule, needed } };
        }
        if sudo_protected && !granted.contains(Capability::Sudo) {
            return Decision::Deny { why: DenyReason::NeedsSudo { rule } };
        }
        Decision::Allow { rule }
    }
}
