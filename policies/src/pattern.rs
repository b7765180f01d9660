//! Patterns of policy stanzas: what they match, and which of two is the more specific.

/// How a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// Only the very same text.
    Exact,
    /// Every path that starts with the text before the final `*`, across slashes.
    Prefix,
    /// Segment by segment, `+` standing for any one segment.
    Segments {
        /// Whether a final `*` accepts anything after the last segment's text.
        open_end: bool,
    },
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `+*` would be ambiguous.
    #[error("invalid use of wildcards ('+*' is forbidden)")]
    PlusStar,
    /// Templates are not built yet.
    #[error("the template `{{{{{0}}}}}` is not supported by this broker yet; write the path out or use `+`")]
    Template(String),
    /// Longer than a request path can be.
    #[error("the pattern has {0} bytes, the limit is 4096; shorten it")]
    TooLong(usize),
}

/// The pattern of a stanza. Equal patterns of several stanzas are one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    kind: PatternKind,
    first_wildcard: usize,
    plus_segments: usize,
}

impl Pattern {
    /// The pattern as written in a policy; one leading slash is dropped. A final `*` is a string prefix,
    /// a `+` that is a whole segment matches one segment (also an empty one), all else is literal.
    ///
    /// # Errors
    /// `+*`, templates and texts longer than a request path are refused.
    pub fn parse(written: &str) -> Result<Self, PatternError> {
        let text = written.strip_prefix('/').unwrap_or(written);
        if text.len() > crate::path::MAX_PATH_BYTES {
            return Err(PatternError::TooLong(text.len()));
        }
        if text.contains("+*") {
            return Err(PatternError::PlusStar);
        }
        if let Some((_, rest)) = text.split_once("{{") {
            let name = rest.split_once("}}").map_or(rest, |(name, _)| name);
            return Err(PatternError::Template(name.trim().to_owned()));
        }
        // A `+` that begins a segment makes it a segment pattern, even if more text follows in the
        // segment: that is how Vault ranks them.
        let by_segment = text == "+" || text.starts_with("+/") || text.contains("/+");
        let open_end = text.ends_with('*');
        let kind = match (by_segment, open_end) {
            (true, _) => PatternKind::Segments { open_end },
            (false, true) => PatternKind::Prefix,
            (false, false) => PatternKind::Exact,
        };
        let first_wildcard = match kind {
            PatternKind::Exact => text.len(),
            PatternKind::Prefix => text.len().saturating_sub(1),
            PatternKind::Segments { .. } => text.find('+').unwrap_or(text.len()),
        };
        let plus_segments = if by_segment { text.split('/').filter(|s| *s == "+").count() } else { 0 };
        Ok(Self { text: text.to_owned(), kind, first_wildcard, plus_segments })
    }

    /// `*`: every path.
    #[must_use]
    pub fn everything() -> Self {
        Self { text: "*".to_owned(), kind: PatternKind::Prefix, first_wildcard: 0, plus_segments: 0 }
    }

    /// The pattern, without the leading slash that may have been written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it matches.
    #[must_use]
    pub const fn kind(&self) -> PatternKind {
        self.kind
    }

    /// The text without a final `*` that is a wildcard.
    #[must_use]
    pub fn fixed_text(&self) -> &str {
        match self.kind {
            PatternKind::Exact | PatternKind::Segments { open_end: false } => &self.text,
            PatternKind::Prefix | PatternKind::Segments { open_end: true } => {
                self.text.strip_suffix('*').unwrap_or(&self.text)
            }
        }
    }

    /// The rank among patterns that match the same path: the greatest decides. In this order: the first
    /// wildcard further right, no final `*`, fewer `+` segments, longer, lexicographically greater.
    #[must_use]
    pub fn rank(&self) -> Rank<'_> {
        let fixed = self.fixed_text();
        Rank {
            first_wildcard: self.first_wildcard,
            closed: fixed.len() == self.text.len(),
            fewer_plus: std::cmp::Reverse(self.plus_segments),
            length: fixed.len(),
            text: fixed,
        }
    }

    /// Whether the pattern can match something at or below the mount, whose path ends in `/`. Only to be
    /// asked of patterns that grant something.
    #[must_use]
    pub fn reaches_below(&self, mount: &str) -> bool {
        let bare = mount.strip_suffix('/').unwrap_or(mount);
        let fixed = self.fixed_text();
        match self.kind {
            PatternKind::Exact => fixed.starts_with(mount) || fixed == bare,
            PatternKind::Prefix => fixed.starts_with(mount) || mount.starts_with(fixed),
            PatternKind::Segments { open_end } => segments_reach(fixed, open_end, bare),
        }
    }
}

/// See [`Pattern::rank`]; the order of the fields is the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank<'a> {
    first_wildcard: usize,
    closed: bool,
    fewer_plus: std::cmp::Reverse<usize>,
    length: usize,
    text: &'a str,
}

fn segments_reach(fixed: &str, open_end: bool, mount: &str) -> bool {
    let mut pattern = fixed.split('/').peekable();
    for wanted in mount.split('/') {
        let Some(segment) = pattern.next() else { return false };
        let last = pattern.peek().is_none();
        if last && open_end && wanted.starts_with(segment) {
            return true;
        }
        if segment != "+" && segment != wanted {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let check = |written, text, kind| {
            let pattern = Pattern::parse(written).unwrap();
            assert_eq!((pattern.as_str(), pattern.kind()), (text, kind));
        };
        let (closed, open) =
            (PatternKind::Segments { open_end: false }, PatternKind::Segments { open_end: true });
        check("", "", PatternKind::Exact);
        check("/", "", PatternKind::Exact);
        check("/s/a", "s/a", PatternKind::Exact);
        check("//s/a", "/s/a", PatternKind::Exact);
        check("s/a*b", "s/a*b", PatternKind::Exact);
        check("s/f+o", "s/f+o", PatternKind::Exact);
        check("*", "*", PatternKind::Prefix);
        check("/s/*", "s/*", PatternKind::Prefix);
        check("s/f+o*", "s/f+o*", PatternKind::Prefix);
        check("s/**", "s/**", PatternKind::Prefix);
        check("+", "+", closed);
        check("+/a", "+/a", closed);
        check("s/+oo", "s/+oo", closed);
        check("s/+/b*", "s/+/b*", open);
    }

    #[test]
    fn refused() {
        let check = |written: &str, message: &str| {
            assert_eq!(Pattern::parse(written).unwrap_err().to_string(), message);
        };
        check("secret/+*", "invalid use of wildcards ('+*' is forbidden)");
        check("s/+*/a", "invalid use of wildcards ('+*' is forbidden)");
        let template = "the template `{{identity.entity.name}}` is not supported by this broker yet; \
                        write the path out or use `+`";
        check("s/{{identity.entity.name}}/*", template);
        check("s/{{ identity.entity.name", template);
        check(&"a".repeat(4097), "the pattern has 4097 bytes, the limit is 4096; shorten it");
    }

    #[test]
    fn ranks_follow_the_rules_in_order() {
        let check = |weaker: &str, stronger: &str| {
            let (weaker, stronger) = (Pattern::parse(weaker).unwrap(), Pattern::parse(stronger).unwrap());
            assert!(weaker.rank() < stronger.rank(), "{weaker:?} {stronger:?}");
        };
        check("secret/+/x", "secret/a*");
        check("secret/*", "secret/+/x");
        check("foo/+/*", "foo/*");
        check("foo/+/+/*", "foo/+/bar/baz");
        check("foo/+/+/baz", "foo/+/bar/baz");
        check("foo/bar/+/b*", "foo/bar/+/ba*");
        check("s/+/+/c", "s/+/b/+");
        check("s/+/b/+", "s/+/+/cc");
        check("s/+oo", "s/+oo/a");
    }

    #[test]
    fn reach() {
        let check = |written: &str, mount: &str, expected: bool| {
            assert_eq!(Pattern::parse(written).unwrap().reaches_below(mount), expected, "{written} {mount}");
        };
        for written in
            ["secret/a", "secret", "secret/", "secret/x/*", "sec*", "*", "+", "+/data/a", "secret/+/a"]
        {
            check(written, "secret/", true);
        }
        for written in ["secretx/*", "secretx", "secre", "other/+", "other/+/x*", "sx*"] {
            check(written, "secret/", false);
        }
        for written in ["+/*", "team/+", "team/+/a", "team/k*", "+/k*", "team/kv"] {
            check(written, "team/kv/", true);
        }
        for written in ["+", "team", "+/x", "team/+x", "+/kvx*"] {
            check(written, "team/kv/", false);
        }
    }
}
