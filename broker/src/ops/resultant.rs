//! What a token's policies come to, path by path, for the menus of user interfaces.

use broker_core::wire::{quote, string_list};
use policies::{Pattern, PatternKind, PolicySet};

use crate::flow::Context;
use crate::http::reply::Answer;
use crate::ops::data;

/// Answers `sys/internal/ui/resultant-acl`: root or not, and what is granted on exact paths and below prefixes.
pub fn acl(context: &Context<'_>) -> Answer {
    data(context, described(&context.caller.set))
}

/// As in Vault, patterns with a `+` segment are left out: the answer has no place for them.
fn described(set: &PolicySet) -> String {
    if set.is_root() {
        return "{\"root\":true}".to_owned();
    }
    let (mut exact, mut glob) = (Vec::new(), Vec::new());
    for rule in set.rules() {
        // The leading slash was dropped already, and one is dropped here.
        let Ok(pattern) = Pattern::parse(&format!("/{}", rule.pattern())) else { continue };
        let names = string_list(&rule.capabilities().names());
        let member = format!("{}:{{\"capabilities\":{names}}}", quote(pattern.fixed_text()));
        match pattern.kind() {
            PatternKind::Exact => exact.push(member),
            PatternKind::Prefix => glob.push(member),
            PatternKind::Segments { .. } => {}
        }
    }
    exact.sort_unstable();
    glob.sort_unstable();
    let (exact, glob) = (exact.join(","), glob.join(","));
    format!("{{\"exact_paths\":{{{exact}}},\"glob_paths\":{{{glob}}},\"root\":false}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn rules_are_told_by_kind() {
        let check = |text: &str, expected: &str| {
            let policy = policies::compile("p", text, policies::PolicySource::Api).unwrap();
            assert_eq!(described(&PolicySet::new([Arc::new(policy)])), expected, "{text}");
        };
        check("", "{\"exact_paths\":{},\"glob_paths\":{},\"root\":false}");
        check(
            "path \"b\" { capabilities = [\"read\", \"list\"] }
             path \"a/*\" { capabilities = [\"deny\"] }
             path \"a/+/c\" { capabilities = [\"read\"] }
             path \"//a\" { capabilities = [\"read\"] }
             path \"*\" { capabilities = [\"sudo\", \"update\"] }",
            "{\"exact_paths\":{\"/a\":{\"capabilities\":[\"read\"]},\"b\":{\"capabilities\":[\"list\",\"read\"]}},\
             \"glob_paths\":{\"\":{\"capabilities\":[\"sudo\",\"update\"]},\"a/\":{\"capabilities\":[\"deny\"]}},\"root\":false}",
        );
        assert_eq!(described(&PolicySet::root()), "{\"root\":true}");
    }
}
