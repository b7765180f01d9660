//! The text of a policy, HCL or JSON, through the compiler and into decisions.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use policies::{Capability, PatternKind, PolicySet, PolicySource, RequestPath, compile, explain};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let compiled = compile("fuzz", text, PolicySource::Api);
    assert!(compiled == compile("fuzz", text, PolicySource::Api), "compiled in two ways");
    let policy = match compiled {
        Ok(policy) => Arc::new(policy),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            let last = text.split('\n').count();
            for problem in &problems {
                assert!(problem.line <= last, "line {} of {last}", problem.line);
            }
            return;
        }
    };

    let set = PolicySet::new([Arc::clone(&policy)]);
    for stanza in &policy.stanzas {
        let path = stanza.pattern.as_str();
        let granted = set.capabilities(path);
        if stanza.pattern.kind() == PatternKind::Exact {
            for capability in Capability::ALL.into_iter().filter(|word| stanza.capabilities.contains(*word)) {
                let held = granted.contains(capability) || granted.contains(Capability::Deny);
                assert!(held, "{path:?} does not grant {}", capability.name());
            }
        }
        let Ok(path) = RequestPath::from_canonical(path) else { continue };
        for capability in Capability::ALL {
            let decision = set.decide(&path, capability, false);
            assert!(!explain(&decision, &path, capability).is_empty());
        }
    }
});
