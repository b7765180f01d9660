//! A map from text prefixes to rules that finds the longest prefix of a text.

use crate::rule::RuleRef;

struct Entry {
    prefix: String,
    rule: RuleRef,
    /// The longest other prefix that this one starts with.
    parent: Option<usize>,
}

/// Prefixes in sorted order, each knowing its parent: the longest prefix of a text is the text's
/// predecessor in that order or one of the predecessor's ancestors.
#[derive(Default)]
pub(crate) struct PrefixMap(Vec<Entry>);

impl PrefixMap {
    /// Builds the map; of equal prefixes any one is kept.
    pub(crate) fn new(mut rules: Vec<(String, RuleRef)>) -> Self {
        rules.sort_by(|(a, _), (b, _)| a.cmp(b));
        rules.dedup_by(|(a, _), (b, _)| a == b);
        let mut map = Self(Vec::with_capacity(rules.len()));
        for (prefix, rule) in rules {
            let parent = map.ancestor(map.0.len().checked_sub(1), &prefix);
            map.0.push(Entry { prefix, rule, parent });
        }
        map
    }

    /// The rule of the longest prefix of the text.
    pub(crate) fn longest(&self, text: &str) -> Option<&RuleRef> {
        let after = self.0.partition_point(|entry| entry.prefix.as_str() <= text);
        let found = self.ancestor(after.checked_sub(1), text)?;
        self.0.get(found).map(|entry| &entry.rule)
    }

    /// The first of this entry, its parent and so on that is a prefix of the text.
    fn ancestor(&self, start: Option<usize>, text: &str) -> Option<usize> {
        let mut at = start?;
        loop {
            let entry = self.0.get(at)?;
            if text.starts_with(&entry.prefix) {
                return Some(at);
            }
            at = entry.parent?;
        }
    }
}
