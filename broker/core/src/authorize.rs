//! The proof that a policy allows an operation; nothing is read or written without one.

use policies::{Capability, Decision, PolicySet, RequestPath};

use crate::reason::ReasonCode;
use crate::record::Rule;

/// An operation that a policy allowed. Only [`authorize`] makes one.
#[derive(Debug)]
pub struct Authorized<T> {
    op: T,
    rule: Rule,
    capability: Capability,
}

impl<T> Authorized<T> {
    /// The operation.
    pub const fn op(&self) -> &T {
        &self.op
    }

    /// The rule that allowed it.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The capability that was asked for.
    pub const fn capability(&self) -> Capability {
        self.capability
    }

    /// Narrows the proof to a part of its operation; `None` where the part is not in it.
    pub fn narrow<U>(self, part: impl FnOnce(T) -> Option<U>) -> Option<Authorized<U>> {
        part(self.op).map(|op| Authorized { op, rule: self.rule, capability: self.capability })
    }
}

/// A denial with what its record says; the client learns nothing of it.
#[derive(Debug)]
pub struct Denied {
    /// Why.
    pub reason: ReasonCode,
    /// The rule that decided and the capability that was needed.
    pub rule: Rule,
}

/// Asks the policies.
///
/// # Errors
/// [`Denied`] with the reason.
pub fn authorize<T>(
    set: &PolicySet,
    path: &RequestPath,
    capability: Capability,
    op: T,
) -> Result<Authorized<T>, Denied> {
    let sudo = policies::is_sudo_protected(path.as_str(), capability);
    let decision = set.decide(path, capability, sudo);
    let rule = Rule {
        capability: capability.name().to_owned(),
        rule: policies::explain(&decision, path, capability),
    };
    match decision {
        Decision::Allow { .. } => Ok(Authorized { op, rule, capability }),
        Decision::Deny { why } => Err(Denied { reason: ReasonCode::from(&why), rule }),
    }
}

/// Allows an operation to whoever may do anything at or below a mount: Vault's preflight of the command line tools.
///
/// # Errors
/// [`Denied`] where nothing below the mount is allowed.
pub fn authorize_below<T>(set: &PolicySet, mount: &str, op: T) -> Result<Authorized<T>, Denied> {
    let allowed = set.is_root() || set.any_below(&format!("{mount}/"));
    let verdict =
        if allowed { "allowed: a rule grants something" } else { "denied: no rule grants anything" };
    let rule = Rule { capability: "any".to_owned(), rule: format!("{verdict} below {mount}/") };
    if allowed {
        Ok(Authorized { op, rule, capability: Capability::Read })
    } else {
        Err(Denied { reason: ReasonCode::NoRule, rule })
    }
}
