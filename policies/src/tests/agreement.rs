//! The compiled set of policies decides exactly as the plain rules do.

use std::sync::Arc;

use proptest::prelude::*;

use super::naive;
use crate::{
    Capability, Decision, DenyReason, Pattern, Policy, PolicySet, PolicySource, RequestPath, Stanza,
};

const WORDS: [&str; 9] = ["create", "delete", "deny", "list", "patch", "read", "scan", "sudo", "update"];

fn known_segment() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "bb"]).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    // Few different segments, so that patterns meet each other and the paths.
    let segment = prop_oneof![6 => known_segment(), 5 => Just("+".to_owned()), 1 => "[ab+*]{0,3}"];
    (prop::collection::vec(segment, 0..6), "(|/|\\*|\\*|/\\*)", "(|/)")
        .prop_map(|(segments, end, start)| format!("{start}{}{end}", segments.join("/")))
        .prop_filter("+* is refused", |pattern| !pattern.contains("+*"))
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![8 => known_segment(), 1 => "[ab+*]{1,3}"];
    (prop::collection::vec(segment, 1..6), "(|/)").prop_map(|(segments, end)| segments.join("/") + &end)
}

fn policies() -> impl Strategy<Value = Vec<Vec<(String, Vec<&'static str>)>>> {
    let words = prop::sample::subsequence(WORDS.to_vec(), 0..5);
    let stanza = (pattern(), words);
    prop::collection::vec(prop::collection::vec(stanza, 0..20), 1..4)
}

fn compiled(name: usize, stanzas: &[(String, Vec<&'static str>)]) -> Arc<Policy> {
    let stanzas = stanzas.iter().enumerate().map(|(index, (pattern, words))| Stanza {
        pattern: Pattern::parse(pattern).unwrap(),
        capabilities: words.iter().filter_map(|word| Capability::from_name(word)).collect(),
        line: index + 1,
        column: 1,
    });
    Arc::new(Policy { name: format!("p{name}"), stanzas: stanzas.collect(), source: PolicySource::Api })
}

fn expected_verdict(row: Option<&(String, Vec<&str>)>, needed: &str, sudo: bool) -> &'static str {
    match row {
        None => "no rule",
        Some((_, words)) if words.contains(&"deny") => "deny",
        Some((_, words)) if !words.contains(&needed) => "missing",
        Some((_, words)) if sudo && !words.contains(&"sudo") => "sudo",
        Some(_) => "allow",
    }
}

fn verdict(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow { .. } => "allow",
        Decision::Deny { why: DenyReason::NoRule } => "no rule",
        Decision::Deny { why: DenyReason::ExplicitDeny { .. } } => "deny",
        Decision::Deny { why: DenyReason::MissingCapability { .. } } => "missing",
        Decision::Deny { why: DenyReason::NeedsSudo { .. } } => "sudo",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn compiled_and_plain_rules_agree(
        policies in policies(), paths in prop::collection::vec(path(), 1..8), needed in 0..WORDS.len(), sudo: bool,
    ) {
        let mut table = naive::Table::new();
        for (pattern, words) in policies.iter().flatten() {
            naive::add(&mut table, pattern, words);
        }
        let set = PolicySet::new(policies.iter().enumerate().map(|(name, stanzas)| compiled(name, stanzas)));
        prop_assert_eq!(set.rules().len(), table.len());
        let needed = Capability::from_name(WORDS[needed]).unwrap();
        for path in paths {
            let row = naive::deciding(&table, &path);
            let names = row.map(|(_, words)| words.clone()).filter(|words| !words.is_empty());
            prop_assert_eq!(set.capabilities(&path).names(), names.unwrap_or(vec!["deny"]), "{}", &path);
            // No request asks for `deny`; if one did, nothing would be allowed.
            let request = RequestPath::from_canonical(&path).unwrap();
            let decision = set.decide(&request, needed, sudo);
            let mut expected = expected_verdict(row, needed.name(), sudo);
            if needed == Capability::Deny && !matches!(expected, "no rule" | "deny") {
                expected = "missing";
            }
            prop_assert_eq!(verdict(&decision), expected, "{}", &path);
            prop_assert_eq!(decision.rule().map(|rule| rule.pattern()), row.map(|(pattern, _)| pattern.as_str()));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_order_of_policies_does_not_matter(policies in policies(), path in path()) {
        let mut list: Vec<_> = policies.iter().enumerate().map(|(name, s)| compiled(name, s)).collect();
        let forward = PolicySet::new(list.clone()).capabilities(&path);
        list.reverse();
        prop_assert_eq!(PolicySet::new(list).capabilities(&path), forward);
    }

    #[test]
    fn whoever_may_do_something_below_a_mount_passes_the_preflight(policies in policies(), path in path()) {
        let set = PolicySet::new(policies.iter().enumerate().map(|(name, s)| compiled(name, s)));
        let Some((mount, _)) = path.split_once('/') else { return Ok(()) };
        if set.capabilities(&path).grants_anything() {
            prop_assert!(set.any_below(&format!("{mount}/")), "{} {:?}", path, set);
        }
    }
}

#[test]
fn root_may_do_everything() {
    let root = PolicySet::root();
    assert!(root.is_root() && root.any_below("secret/"));
    for (path, needed) in
        [("sys/raw/x", Capability::Delete), ("a/", Capability::Scan), ("a", Capability::Sudo)]
    {
        assert!(root.decide(&RequestPath::from_canonical(path).unwrap(), needed, true).is_allowed());
        assert_eq!(root.capabilities(path), crate::Capabilities::EVERYTHING);
    }
}

/// 10,000 policies in one set: every rule is still found, whatever its kind.
#[test]
fn ten_thousand_policies() {
    const COUNT: usize = 10_000;
    let policies = (0..COUNT).map(|n| {
        let patterns = [format!("kv/data/t{n}"), format!("kv/data/t{n}/*"), format!("kv/+/t{n}/+/x")];
        compiled(n, &patterns.map(|pattern| (pattern, vec!["read"])))
    });
    let set = PolicySet::new(policies);
    assert_eq!(set.rules().len(), 3 * COUNT);
    let started = std::time::Instant::now();
    let mut decisions = 0;
    for n in 0..COUNT {
        let cases = [
            (format!("kv/data/t{n}"), Some(format!("kv/data/t{n}"))),
            (format!("kv/data/t{n}/a/x"), Some(format!("kv/data/t{n}/*"))),
            (format!("kv/metadata/t{n}/a/x"), Some(format!("kv/+/t{n}/+/x"))),
            (format!("kv/metadata/t{n}/a/y"), None),
        ];
        for (path, pattern) in cases {
            let path = RequestPath::from_canonical(&path).unwrap();
            let decision = set.decide(&path, Capability::Read, false);
            assert_eq!(decision.rule().map(|rule| rule.pattern()), pattern.as_deref(), "{path}");
            decisions += 1;
        }
    }
    // Unoptimised and with the parsing of the path it is some microseconds; a scan of all rules would be
    // thousands.
    assert!(started.elapsed() < std::time::Duration::from_micros(200) * decisions, "{:?}", started.elapsed());
}
