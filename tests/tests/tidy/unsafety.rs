//! Where `unsafe` may be written, and that a SAFETY comment stands above each.

use proc_macro2::Span;
use std::collections::BTreeSet;
use syn::visit::{self, Visit};

use crate::files::{self, Source};

/// Each `unsafe` of a file that may have none or that says not why it is sound; and listed files that need no place in the list.
fn problems(sources: &[Source], list: &str) -> Vec<String> {
    let mut listed: BTreeSet<&str> = files::lines(list).collect();
    let mut problems = Vec::new();
    for source in sources {
        let mut scan = Scan::default();
        scan.visit_file(&source.syntax);
        let allowed = listed.contains(source.path.as_str());
        for line in &scan.lines {
            if !allowed {
                problems.push(format!(
                    "{}:{line}: unsafe in a file that tests/tidy/unsafe.txt does not list",
                    source.path
                ));
            } else if !is_explained(&source.text, *line) {
                problems.push(format!("{}:{line}: write a `// SAFETY:` comment right above", source.path));
            }
        }
        if !scan.lines.is_empty() {
            listed.remove(source.path.as_str());
        }
    }
    problems.extend(
        listed.iter().map(|path| format!("{path}: no unsafe there any more; remove it from unsafe.txt")),
    );
    problems
}

/// Whether the comment right above the line, attributes and a statement's first lines in between, begins with SAFETY.
fn is_explained(text: &str, line: usize) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let before = lines.iter().take(line - 1).rev();
    let mut above = before.skip_while(|line| line.starts_with("#[") || line.ends_with(['=', '(']));
    above.by_ref().take_while(|line| line.starts_with("//")).any(|line| line.starts_with("// SAFETY:"))
}

#[derive(Default)]
struct Scan {
    lines: Vec<usize>,
}

impl Scan {
    fn add(&mut self, span: Span) {
        self.lines.push(span.start().line);
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.add(block.unsafe_token.span);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(token) = &signature.unsafety {
            self.add(token.span);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(token) = &item.unsafety {
            self.add(token.span);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if let Some(token) = &item.unsafety {
            self.add(token.span);
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        if let Some(token) = &item.unsafety {
            self.add(token.span);
        }
        visit::visit_item_foreign_mod(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("unsafe") {
            self.add(attribute.pound_token.span);
        }
        visit::visit_attribute(self, attribute);
    }

    // What a macro is given is no syntax tree; the word is looked for instead.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        add_words(&call.tokens, self);
    }
}

fn add_words(tokens: &proc_macro2::TokenStream, scan: &mut Scan) {
    for token in tokens.clone() {
        match token {
            proc_macro2::TokenTree::Ident(word) if word == "unsafe" => scan.add(word.span()),
            proc_macro2::TokenTree::Group(group) => add_words(&group.stream(), scan),
            _ => {}
        }
    }
}

#[test]
fn unsafe_is_listed_and_explained() {
    crate::report("unsafe", &problems(&files::all_rust(), &files::read("tests/tidy/unsafe.txt")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, list: &str) -> Vec<String> {
        problems(&[Source::parse("a.rs", text).unwrap()], list)
    }

    #[test]
    fn unsafe_outside_the_list_is_found_in_every_form() {
        for text in [
            "fn a() { unsafe { b() } }",
            "unsafe fn a() {}",
            "unsafe impl Send for A {}",
            "unsafe trait A {}",
            "unsafe extern \"C\" { fn a(); }",
            "#[unsafe(no_mangle)] fn a() {}",
            "fn a() { assert!(unsafe { b() }); }",
            "impl A { unsafe fn a() {} }",
        ] {
            crate::found(&check(text, ""), "a.rs:1: unsafe in a file");
        }
        assert!(check("fn a() { let safe = \"unsafe\"; }", "").is_empty());
    }

    #[test]
    fn a_missing_comment_is_found() {
        for good in [
            "fn a() {\n    // SAFETY: b is sound\n    // since c.\n    unsafe { b() }\n}",
            "fn a() {\n    // SAFETY: b is sound\n    #[expect(unsafe_code)]\n    let x =\n        unsafe { b() };\n}",
        ] {
            assert_eq!(check(good, "a.rs"), Vec::<String>::new());
        }
        for bad in [
            "fn a() {\n    unsafe { b() }\n}",
            "fn a() {\n    // because\n    unsafe { b() }\n}",
            "fn a() {\n    // SAFETY: far away\n    c();\n    unsafe { b() }\n}",
        ] {
            crate::found(&check(bad, "a.rs"), "SAFETY");
        }
    }

    #[test]
    fn a_listed_file_without_unsafe_is_found() {
        crate::found(&check("fn a() {}", "# why\na.rs"), "remove it");
    }
}
