//! A tree of the patterns with `+`, one level per segment.

use std::collections::HashMap;

use crate::pattern::PatternKind;
use crate::prefixes::PrefixMap;
use crate::rule::RuleRef;

/// What is known after a number of segments.
#[derive(Default)]
struct Node {
    named: HashMap<String, Node>,
    any: Option<Box<Node>>,
    /// The pattern that ends here.
    end: Option<RuleRef>,
    /// The patterns that end in `*` within the next segment, by the text before it.
    open: PrefixMap,
    /// The same before the tree is complete.
    pending: Vec<(String, RuleRef)>,
}

/// Patterns with `+`, found segment by segment.
#[derive(Default)]
pub(crate) struct SegmentTree {
    root: Node,
}

impl SegmentTree {
    /// Builds the tree from rules whose patterns are all different.
    pub(crate) fn new(rules: Vec<RuleRef>) -> Self {
        let mut root = Node::default();
        for rule in rules {
            root.insert(rule);
        }
        root.complete();
        Self { root }
    }

    /// The highest ranking rule that matches the path.
    pub(crate) fn best(&self, path: &str) -> Option<&RuleRef> {
        let mut best = None;
        self.root.visit(Some(path), &mut best);
        best
    }
}

impl Node {
    fn insert(&mut self, rule: RuleRef) {
        let pattern = rule.compiled_pattern();
        let open_end = pattern.kind() == PatternKind::Segments { open_end: true };
        let fixed = pattern.fixed_text().to_owned();
        let (parents, last) = match fixed.rsplit_once('/') {
            Some((parents, last)) if open_end => (Some(parents), last),
            None if open_end => (None, fixed.as_str()),
            _ => (Some(fixed.as_str()), ""),
        };
        let mut node = self;
        for segment in parents.into_iter().flat_map(|text| text.split('/')) {
            node = match segment {
                "+" => node.any.get_or_insert_default(),
                name => node.named.entry(name.to_owned()).or_default(),
            };
        }
        if open_end {
            node.pending.push((last.to_owned(), rule));
        } else {
            node.end = Some(rule);
        }
    }

    fn complete(&mut self) {
        self.open = PrefixMap::new(std::mem::take(&mut self.pending));
        self.named.values_mut().for_each(Self::complete);
        if let Some(any) = &mut self.any {
            any.complete();
        }
    }

    /// `rest` is what follows the segments so far; `None` if the path ends here.
    fn visit<'a>(&'a self, rest: Option<&str>, best: &mut Option<&'a RuleRef>) {
        let Some(rest) = rest else {
            return keep(best, self.end.as_ref());
        };
        keep(best, self.open.longest(rest));
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        if let Some(node) = self.named.get(segment) {
            node.visit(rest, best);
        }
        if let Some(node) = &self.any {
            node.visit(rest, best);
        }
    }
}

fn keep<'a>(best: &mut Option<&'a RuleRef>, found: Option<&'a RuleRef>) {
    let Some(found) = found else { return };
    if best.is_none_or(|best| best.compiled_pattern().rank() < found.compiled_pattern().rank()) {
        *best = Some(found);
    }
}
