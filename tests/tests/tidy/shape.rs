//! How files open, and how long files and functions may be; ratchet.txt holds what is over its budget.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::files::{self, Source, only_for_tests};

/// Budgets in lines.
const FUNCTION: usize = 60;
const FILE: usize = 500;
const MAIN: usize = 40;

/// Whether the file opens with a `//!` paragraph that is a sentence.
fn opening(source: &Source) -> Option<String> {
    let opens = source.text.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<&str> = opens.map(str::trim).take_while(|line| !line.is_empty()).collect();
    match paragraph.last() {
        None => Some(format!("{}: open the file with a `//!` sentence on what it is for", source.path)),
        Some(last) if !last.ends_with(['.', ':']) => Some(format!(
            "{}: the `//!` opening is no sentence, it does not end with a full stop",
            source.path
        )),
        Some(_) => None,
    }
}

/// One measured length: the file, what was measured (`file`, `main`, `fn:name`), the lines, the budget.
#[derive(Debug, PartialEq)]
struct Length {
    path: String,
    kind: String,
    lines: usize,
    budget: usize,
}

/// Measures a file without its test items, and each of its functions.
fn lengths(source: &Source) -> Vec<Length> {
    let mut scan =
        Scan { lines: source.text.lines().collect(), tests: BTreeSet::new(), functions: BTreeMap::new() };
    scan.visit_file(&source.syntax);
    let length = |kind: String, lines, budget| Length { path: source.path.clone(), kind, lines, budget };
    let main = source.path.ends_with("main.rs");
    let (kind, budget) = if main { ("main", MAIN) } else { ("file", FILE) };
    let mut all = vec![length(kind.to_owned(), scan.lines.len() - scan.tests.len(), budget)];
    all.extend(scan.functions.iter().map(|(name, lines)| length(format!("fn:{name}"), *lines, FUNCTION)));
    all
}

struct Scan<'a> {
    lines: Vec<&'a str>,
    /// The numbers of the lines of test items.
    tests: BTreeSet<usize>,
    /// The longest function of each name.
    functions: BTreeMap<String, usize>,
}

impl Scan<'_> {
    // Counted as clippy does: the lines of the body that are neither blank nor a comment.
    fn function(&mut self, name: &syn::Ident, body: Span) {
        let within = body.start().line..body.end().line.saturating_sub(1);
        let code = |number: &usize| self.lines.get(*number).is_some_and(|line| is_code(line));
        let lines = within.filter(code).count();
        let longest = self.functions.entry(name.to_string()).or_default();
        *longest = lines.max(*longest);
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

impl<'ast> Visit<'ast> for Scan<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if only_for_tests(item_attributes(item)) {
            self.tests.extend(item.span().start().line..=item.span().end().line);
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig.ident, block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// The attributes of an item that can be for tests only.
pub fn item_attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Compares lengths with the budgets, and what is over them with the ratchet, whose lines are `path kind lines`.
fn over_budget(lengths: &[Length], ratchet: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut held = BTreeMap::new();
    for line in files::lines(ratchet) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [path, kind, lines] if lines.parse::<usize>().is_ok() => {
                held.insert((path, kind), lines.parse::<usize>().unwrap_or_default());
            }
            _ => problems.push(format!("ratchet.txt: {line:?} is not `path kind lines`")),
        }
    }
    for Length { path, kind, lines, budget } in lengths.iter().filter(|length| length.lines > length.budget) {
        match held.remove(&(path.as_str(), kind.as_str())) {
            None => problems.push(format!("{path} {kind}: {lines} lines, the budget is {budget}; split it")),
            Some(old) if *lines > old => {
                problems.push(format!("{path} {kind}: grew from {old} to {lines} lines"))
            }
            Some(old) if *lines < old => {
                problems
                    .push(format!("{path} {kind}: shrank from {old} to {lines} lines; lower the ratchet"));
            }
            Some(_) => {}
        }
    }
    problems.extend(held.keys().map(|(path, kind)| {
        format!("{path} {kind}: within its budget or gone; lower the ratchet: remove the line")
    }));
    problems
}

#[test]
fn every_file_opens_with_a_sentence() {
    let problems: Vec<String> = files::all_rust().iter().filter_map(opening).collect();
    crate::report("file openings", &problems);
}

#[test]
fn files_and_functions_are_within_their_budgets() {
    let lengths: Vec<Length> = files::product_rust().iter().flat_map(lengths).collect();
    crate::report("lengths", &over_budget(&lengths, &files::read("tests/tidy/ratchet.txt")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::parse(path, text).unwrap()
    }

    #[test]
    fn an_opening_that_is_missing_or_no_sentence_is_found() {
        for (text, problem) in [
            ("//! What it is for.\nfn a() {}\n", None),
            ("//! What it\n//! is for.\n//!\n//! more words\nfn a() {}\n", None),
            ("fn a() {}\n", Some("open the file")),
            ("\n//! Too late.\nfn a() {}\n", Some("open the file")),
            ("//! Words\nfn a() {}\n", Some("no sentence")),
        ] {
            let found = opening(&source("a.rs", text));
            assert_eq!(found.is_some(), problem.is_some(), "{text:?}");
            assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{text:?}");
        }
    }

    #[test]
    fn lengths_count_code_and_leave_tests_out() {
        let text = "fn a() {\n    // why\n\n    b();\n    c();\n}\nimpl T {\n    fn a(&self) {\n        d();\n    }\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn long() {\n        e();\n    }\n}\n";
        let found = lengths(&source("x/main.rs", text));
        let length =
            |kind: &str, lines, budget| Length { path: "x/main.rs".into(), kind: kind.into(), lines, budget };
        assert_eq!(found, vec![length("main", 11, MAIN), length("fn:a", 2, FUNCTION)]);
    }

    #[test]
    fn a_long_function_is_found() {
        let body = "    b();\n".repeat(FUNCTION + 1);
        let found = lengths(&source("a.rs", &format!("fn a() {{\n{body}}}\n")));
        crate::found(&over_budget(&found, ""), "a.rs fn:a: 61 lines, the budget is 60");
    }

    #[test]
    fn the_ratchet_only_shrinks() {
        let check = |lines, ratchet: &str| {
            over_budget(&[Length { path: "a.rs".into(), kind: "file".into(), lines, budget: 500 }], ratchet)
        };
        crate::found(&check(501, ""), "split it");
        assert!(check(501, "# why\na.rs file 501\n").is_empty());
        crate::found(&check(502, "a.rs file 501"), "grew from 501 to 502");
        crate::found(&check(501, "a.rs file 502"), "lower the ratchet");
        crate::found(&check(500, "a.rs file 501"), "remove the line");
        crate::found(&check(500, "b.rs file 501"), "remove the line");
        crate::found(&check(500, "a.rs 501"), "is not `path kind lines`");
    }
}
