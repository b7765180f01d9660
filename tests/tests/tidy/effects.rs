//! Where the clock, the environment, files, processes and randomness may be used; in a core nowhere.

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Token};

use crate::files::{self, Source, only_for_tests};
use crate::shape::item_attributes;
use crate::{imports, metadata, toml};
use serde_json::Value;

/// All uses of the effects of `list` in core folders, and in files that the effect does not name.
fn problems(sources: &[Source], list: &Value, cores: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for effect in toml::tables(list, "effect") {
        let (name, calls) = (toml::string(effect, "name"), toml::strings(effect, "calls"));
        let allowed: Vec<String> = toml::tables(effect, "allowed")
            .iter()
            .map(|entry| {
                assert!(
                    !toml::string(entry, "reason").is_empty(),
                    "effects.toml: an entry of {name} has no reason"
                );
                toml::string(entry, "files")
            })
            .collect();
        for source in sources {
            let core = cores.iter().any(|folder| source.path.starts_with(&format!("{folder}/src/")));
            if !core && allowed.iter().any(|pattern| files::fits(pattern, &source.path)) {
                continue;
            }
            let mut scan = Scan { calls: &calls, found: Vec::new() };
            scan.visit_file(&source.syntax);
            let advice = if core {
                "a core gets it as an argument"
            } else {
                "move it to a file that effects.toml lists"
            };
            let found = scan.found.iter();
            problems.extend(
                found.map(|(line, call)| {
                    format!("{}:{line}: {call} is a use of {name}; {advice}", source.path)
                }),
            );
        }
    }
    problems
}

/// Finds paths that end with one of the calls, in expressions, types and imports; `fs::*` is any path through `fs`.
struct Scan<'a> {
    calls: &'a [String],
    found: Vec<(usize, String)>,
}

impl Scan<'_> {
    fn judge(&mut self, names: &[String], line: usize) {
        let ours = ["crate", "self", "super", "Self"];
        if names.first().is_none_or(|first| ours.contains(&first.as_str())) {
            return;
        }
        let path = names.join("::");
        let hit = |call: &String| match call.strip_suffix("::*") {
            Some(module) => {
                format!("{path}::").starts_with(&format!("{module}::")) && path != module
                    || path.contains(&format!("::{module}::"))
            }
            None => path == *call || path.ends_with(&format!("::{call}")),
        };
        if self.calls.iter().any(hit) {
            self.found.push((line, path));
        }
    }

    fn import(&mut self, tree: &syn::UseTree, mut names: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                names.push(path.ident.to_string());
                self.import(&path.tree, names);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.import(item, names.clone()))
            }
            syn::UseTree::Name(name) => {
                if name.ident != "self" {
                    names.push(name.ident.to_string());
                }
                self.judge(&names, name.ident.span().start().line);
            }
            syn::UseTree::Rename(name) => {
                names.push(name.ident.to_string());
                self.judge(&names, name.ident.span().start().line);
            }
            syn::UseTree::Glob(glob) => {
                names.push("*".to_owned());
                self.judge(&names, glob.star_token.spans[0].start().line);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Scan<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !only_for_tests(item_attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.judge(&names, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    // The arguments of a macro such as format! are expressions, mostly; where they are not, they are left out.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Ok(arguments) = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            arguments.iter().for_each(|argument| self.visit_expr_owned(argument));
        }
    }
}

impl Scan<'_> {
    fn visit_expr_owned(&mut self, expression: &Expr) {
        let mut inner = Scan { calls: self.calls, found: Vec::new() };
        visit::visit_expr(&mut inner, expression);
        self.found.append(&mut inner.found);
    }
}

#[test]
fn effects_are_where_they_may_be() {
    let list = toml::parse(&files::read("tests/tidy/effects.toml")).expect("effects.toml");
    let (graph, root) = (metadata::workspace(), files::root().to_string_lossy().into_owned());
    let folder = |name: &String| {
        let id = graph.member(name).unwrap_or_else(|| panic!("imports.toml: the core {name} is no crate"));
        graph.packages[id].folder.trim_start_matches(&root).trim_start_matches('/').to_owned()
    };
    let cores: Vec<String> = toml::strings(&imports::list(), "cores").iter().map(folder).collect();
    assert!(!cores.is_empty(), "imports.toml names no cores");
    crate::report("effects.toml", &problems(&files::product_rust(), &list, &cores));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        let list = "[[effect]]\nname = \"time\"\ncalls = [\"Instant::now\", \"env::var\", \"fs::*\"]\n\
                    allowed = [{ files = \"*/clock.rs\", reason = \"r\" }]\n";
        problems(&[Source::parse(path, text).unwrap()], &toml::parse(list).unwrap(), &["a/core".to_owned()])
    }

    #[test]
    fn every_way_to_an_effect_is_found() {
        for bad in [
            "fn a() { let t = std::time::Instant::now(); }",
            "fn a() { b.unwrap_or_else(Instant::now) }",
            "fn a() { std::env::var(\"X\") }",
            "use std::env::var;",
            "use std::{env::{self, var}, io};",
            "use std::fs::File;",
            "use std::fs::{File as F};",
            "use tokio::fs::*;",
            "fn a() { fs::read(\"b\") }",
            "fn a(f: &std::fs::File) {}",
            "fn a() { format!(\"{:?}\", std::fs::read(\"b\")); }",
            "#[cfg(not(test))] fn a() { Instant::now(); }",
        ] {
            crate::found(&check("a/src/b.rs", bad), "effects.toml lists");
            crate::found(&check("a/core/src/clock.rs", bad), "a core gets it");
            assert!(check("a/src/clock.rs", bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_effect_passes() {
        for good in [
            "use std::time::Instant; fn a(now: Instant) -> Instant { now }",
            "fn a() { crate::fs::read() }",
            "#[cfg(test)] mod tests { fn a() { Instant::now(); } }",
            "#[test] fn a() { Instant::now(); }",
            "fn a() { std::env::consts::OS; my_fs::read(); }",
        ] {
            assert_eq!(check("a/core/src/b.rs", good), Vec::<String>::new(), "{good}");
        }
    }
}
