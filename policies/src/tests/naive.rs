//! The rules of pattern matching once more, written as plainly as possible and without any of the crate's
//! own types, to compare the compiled form with.

/// A pattern and the capabilities that all policies together give it.
pub(super) type Table = Vec<(String, Vec<&'static str>)>;

/// Adds a stanza to the table: same pattern, one row.
pub(super) fn add(table: &mut Table, pattern: &str, capabilities: &[&'static str]) {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let at = table.iter().position(|(known, _)| known == pattern).unwrap_or_else(|| {
        table.push((pattern.to_owned(), Vec::new()));
        table.len() - 1
    });
    let row = &mut table[at].1;
    row.extend(capabilities);
    if row.contains(&"deny") {
        *row = vec!["deny"];
    }
    row.sort_unstable();
    row.dedup();
}

/// The row that decides about a path; a path that ends in a slash is a list.
pub(super) fn deciding<'a>(table: &'a Table, path: &str) -> Option<&'a (String, Vec<&'static str>)> {
    let without_slash = path.strip_suffix('/');
    let exact = |path: &str| table.iter().find(|(p, _)| !flagged(p) && !p.ends_with('*') && p == path);
    exact(path)
        .or_else(|| without_slash.and_then(exact))
        .or_else(|| best(table, path))
        .or_else(|| without_slash.and_then(|path| best(table, path)))
}

/// A `+` at the start of any segment.
fn flagged(pattern: &str) -> bool {
    pattern == "+" || pattern.starts_with("+/") || pattern.contains("/+")
}

fn best<'a>(table: &'a Table, path: &str) -> Option<&'a (String, Vec<&'static str>)> {
    let mut found: Vec<_> = table.iter().filter(|(pattern, _)| matches(pattern, path)).collect();
    found.sort_by(|(a, _), (b, _)| {
        let first = |p: &str| if flagged(p) { p.find('+').unwrap() } else { p.len() - 1 };
        let plus = |p: &str| p.trim_end_matches('*').split('/').filter(|s| *s == "+").count();
        let length = |p: &str| p.strip_suffix('*').unwrap_or(p).len();
        first(a)
            .cmp(&first(b))
            .then(b.ends_with('*').cmp(&a.ends_with('*')))
            .then(plus(b).cmp(&plus(a)))
            .then(length(a).cmp(&length(b)))
            .then(a.cmp(b))
    });
    found.pop()
}

fn matches(pattern: &str, path: &str) -> bool {
    let (fixed, open) = match pattern.strip_suffix('*') {
        Some(fixed) => (fixed, true),
        None => (pattern, false),
    };
    if !flagged(pattern) {
        return open && path.starts_with(fixed);
    }
    let wanted: Vec<&str> = fixed.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    if given.len() < wanted.len() || !open && given.len() != wanted.len() {
        return false;
    }
    wanted.iter().zip(&given).enumerate().all(|(index, (wanted, given))| {
        let last = index + 1 == wanted_len(fixed);
        *wanted == "+" || wanted == given || open && last && given.starts_with(wanted)
    })
}

fn wanted_len(fixed: &str) -> usize {
    fixed.split('/').count()
}
