//! The policies of one token as one table, built once and asked for every request.

use std::collections::HashMap;
use std::sync::Arc;

use crate::capability::Capabilities;
use crate::compile::Policy;
use crate::pattern::{Pattern, PatternKind};
use crate::prefixes::PrefixMap;
use crate::rule::{Origin, RuleRef};
use crate::segments::SegmentTree;

/// The merged rules of several policies. Stanzas of the same pattern are one rule: their capabilities are
/// united, and a `deny` leaves only `deny`. For one path only one rule decides.
#[derive(Default)]
pub struct PolicySet {
    root: bool,
    rules: Vec<RuleRef>,
    exact: HashMap<String, RuleRef>,
    prefixes: PrefixMap,
    segments: SegmentTree,
}

impl PolicySet {
    /// Merges the policies. The order only matters for the order of names in explanations.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Arc<Policy>>) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<(Pattern, Vec<Origin>)> = Vec::new();
        for policy in policies {
            for (index, stanza) in policy.stanzas.iter().enumerate() {
                let text = stanza.pattern.as_str();
                let origin = Origin::new(Arc::clone(&policy), index);
                let place = places.get(text).copied().unwrap_or(merged.len());
                if let Some((_, origins)) = merged.get_mut(place) {
                    origins.push(origin);
                } else {
                    places.insert(text.to_owned(), place);
                    merged.push((stanza.pattern.clone(), vec![origin]));
                }
            }
        }
        Self::of_rules(merged.into_iter().map(|(pattern, origins)| RuleRef::new(pattern, origins)).collect())
    }

    /// The set of the root token: everything is allowed, sudo paths included.
    #[must_use]
    pub fn root() -> Self {
        Self { root: true, ..Self::default() }
    }

    /// Whether this is the root token's set.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.root
    }

    /// The merged rules, in the order of the policies; none for root.
    #[must_use]
    pub fn rules(&self) -> &[RuleRef] {
        &self.rules
    }

    /// What the set grants on a path, the path taken literally: a list of `a` is asked as `a/`. This is
    /// what `sys/capabilities` answers and exactly what [`PolicySet::decide`] enforces.
    #[must_use]
    pub fn capabilities(&self, path: &str) -> Capabilities {
        self.lookup(path).map_or(Capabilities::NONE, RuleRef::capabilities)
    }

    /// Whether the set grants anything at or below a mount, whose path ends in `/`; this answers the
    /// key/value preflight. As in OpenBao, a prefix pattern that covers the whole mount counts even if
    /// it says `deny`, which tells its holder only that the mount is there.
    #[must_use]
    pub fn any_below(&self, mount: &str) -> bool {
        self.root
            || self.rules.iter().any(|rule| {
                let pattern = rule.compiled_pattern();
                let covers = rule.is_prefix() && mount.starts_with(pattern.fixed_text());
                covers || rule.capabilities().grants_anything() && pattern.reaches_below(mount)
            })
    }

    /// The one rule that decides about a path. A path that ends in `/` is a list: if its exact and
    /// wildcard patterns say nothing, those of the path without the slash are asked.
    pub(crate) fn lookup(&self, path: &str) -> Option<&RuleRef> {
        if self.root {
            return Some(RuleRef::root());
        }
        let bare = path.strip_suffix('/');
        self.exact
            .get(path)
            .or_else(|| self.exact.get(bare?))
            .or_else(|| self.by_wildcard(path))
            .or_else(|| self.by_wildcard(bare?))
    }

    fn by_wildcard(&self, path: &str) -> Option<&RuleRef> {
        let best = self.segments.best(path);
        let prefix = self.prefixes.longest(path);
        best.into_iter().chain(prefix).max_by_key(|rule| rule.compiled_pattern().rank())
    }

    fn of_rules(rules: Vec<RuleRef>) -> Self {
        let mut set = Self::default();
        let mut prefixes = Vec::new();
        let mut segments = Vec::new();
        for rule in &rules {
            let pattern = rule.compiled_pattern();
            match pattern.kind() {
                PatternKind::Exact => {
                    set.exact.insert(pattern.as_str().to_owned(), rule.clone());
                }
                PatternKind::Prefix => prefixes.push((pattern.fixed_text().to_owned(), rule.clone())),
                PatternKind::Segments { .. } => segments.push(rule.clone()),
            }
        }
        set.prefixes = PrefixMap::new(prefixes);
        set.segments = SegmentTree::new(segments);
        set.rules = rules;
        set
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet").field("root", &self.root).field("rules", &self.rules).finish()
    }
}
