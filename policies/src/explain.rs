//! Decisions in words, for the command line and the audit log.

use crate::capability::{Capabilities, Capability};
use crate::compile::PolicySource;
use crate::decide::{Decision, DenyReason};
use crate::path::RequestPath;
use crate::rule::{Origin, RuleRef};

/// One sentence on a decision about `needed` on `path`, for example `allowed: policy "app" line 3, path
/// "secret/data/app/*" grants read`.
#[must_use]
pub fn explain(decision: &Decision, path: &RequestPath, needed: Capability) -> String {
    match decision {
        Decision::Allow { rule } => {
            format!("allowed: {} grants {needed}", place(rule, |own| own.contains(needed)))
        }
        Decision::Deny { why: DenyReason::NoRule } => {
            format!("denied: no policy has a path that matches {:?}", path.as_str())
        }
        Decision::Deny { why: DenyReason::ExplicitDeny { rule } } => {
            format!("denied: {} says deny", place(rule, |own| own.contains(Capability::Deny)))
        }
        Decision::Deny { why: DenyReason::MissingCapability { rule, needed } } => {
            let granted = rule.capabilities();
            let only = if granted.is_empty() { "nothing".to_owned() } else { granted.to_string() };
            format!("denied: {} grants only {only}, not {needed}", place(rule, |_| true))
        }
        Decision::Deny { why: DenyReason::NeedsSudo { rule } } => {
            let place = place(rule, |own| own.contains(needed));
            format!("denied: {place} grants {needed}, but {:?} needs sudo as well", path.as_str())
        }
    }
}

/// Where the rule is written: the stanzas whose own capabilities matter, and the pattern.
fn place(rule: &RuleRef, matters: impl Fn(Capabilities) -> bool) -> String {
    let origins: Vec<String> =
        rule.origins().iter().filter(|origin| matters(origin.capabilities())).map(written).collect();
    format!("{}, path {:?}", origins.join(" and "), rule.pattern())
}

fn written(origin: &Origin) -> String {
    let (policy, line) = (origin.policy(), origin.line());
    match origin.source() {
        _ if line == 0 => format!("policy {policy:?}"),
        PolicySource::Api => format!("policy {policy:?} line {line}"),
        PolicySource::File { path } => format!("policy {policy:?} ({path}:{line})"),
        PolicySource::BuiltIn => format!("policy {policy:?} line {line} (built in)"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{PolicySet, compile};

    #[test]
    fn sentences() {
        let app = "path \"secret/data/app/*\" {\n capabilities = [\"read\"]\n}\n\
                   path \"sys/audit\" { capabilities = [\"read\"] }\npath \"empty\" {}";
        let ops =
            "path \"secret/data/app/*\" { capabilities = [\"update\"] }\npath \"x\" { policy = \"deny\" }";
        let file = PolicySource::File { path: "ops.hcl".to_owned() };
        let set = PolicySet::new([
            Arc::new(compile("app", app, PolicySource::Api).unwrap()),
            Arc::new(compile("ops", ops, file).unwrap()),
            Arc::new(compile("default", crate::DEFAULT_TEXT, PolicySource::BuiltIn).unwrap()),
        ]);
        let check = |set: &PolicySet, path: &str, needed, expected: &str| {
            let path = RequestPath::from_canonical(path).unwrap();
            let decision = set.decide(&path, needed, crate::is_sudo_protected(path.as_str(), needed));
            assert_eq!(explain(&decision, &path, needed), expected);
        };
        use Capability::{Create, Delete, Read, Update};
        check(
            &set,
            "secret/data/app/x",
            Read,
            "allowed: policy \"app\" line 1, path \"secret/data/app/*\" grants read",
        );
        check(
            &set,
            "secret/data/app/x",
            Update,
            "allowed: policy \"ops\" (ops.hcl:1), path \"secret/data/app/*\" grants update",
        );
        check(
            &set,
            "secret/data/app/x",
            Delete,
            "denied: policy \"app\" line 1 and policy \"ops\" (ops.hcl:1), path \"secret/data/app/*\" grants only \
             read, update, not delete",
        );
        check(&set, "x", Read, "denied: policy \"ops\" (ops.hcl:2), path \"x\" says deny");
        check(&set, "y", Read, "denied: no policy has a path that matches \"y\"");
        check(
            &set,
            "empty",
            Read,
            "denied: policy \"app\" line 5, path \"empty\" grants only nothing, not read",
        );
        check(
            &set,
            "sys/audit",
            Read,
            "denied: policy \"app\" line 4, path \"sys/audit\" grants read, but \"sys/audit\" needs sudo as well",
        );
        check(
            &set,
            "cubbyhole/a",
            Create,
            "allowed: policy \"default\" line 34 (built in), path \"cubbyhole/*\" grants create",
        );
        check(&PolicySet::root(), "sys/audit", Read, "allowed: policy \"root\", path \"*\" grants read");
    }
}
