//! Types with a secret inside have no derived Debug, Serialize, PartialEq or Eq.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::files::{self, Source, only_for_tests};

/// Types of fields that mark the type around them as a secret.
const SECRET_FIELDS: [&str; 5] = ["Zeroizing", "SecretBytes", "SecretString", "SecretValue", "SecretBox"];
/// What such a type writes by hand or does without.
const NOT_DERIVED: [&str; 4] = ["Debug", "Serialize", "PartialEq", "Eq"];

/// Derives that a secret type may not have; `list` names more secret types. A listed type that is nowhere is a problem too.
fn problems(sources: &[Source], list: &str) -> Vec<String> {
    let listed: BTreeSet<&str> = files::lines(list).collect();
    let marks = marks(sources);
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources {
        let mut scan = Scan { listed: &listed, marks: &marks, found: Vec::new(), seen: &mut seen };
        scan.visit_file(&source.syntax);
        let found = scan.found.iter();
        problems.extend(found.map(|(line, name, derive)| {
            format!("{}:{line}: {name} holds a secret and derives {derive}; write it by hand", source.path)
        }));
    }
    let gone = listed.iter().filter(|name| !seen.contains(**name));
    problems.extend(gone.map(|name| format!("{name}: no such type any more; remove it from secrets.txt")));
    problems
}

/// The names that mark a field as a secret: those above, and aliases of them such as `type Key = Zeroizing<[u8; 32]>`.
fn marks(sources: &[Source]) -> BTreeSet<String> {
    let mut marks: BTreeSet<String> = SECRET_FIELDS.map(str::to_owned).into();
    for item in sources.iter().flat_map(|source| &source.syntax.items) {
        if let syn::Item::Type(alias) = item {
            let mut fields = Fields { marks: &marks, secret: false };
            fields.visit_type(&alias.ty);
            if fields.secret {
                marks.insert(alias.ident.to_string());
            }
        }
    }
    marks
}

struct Scan<'a> {
    listed: &'a BTreeSet<&'a str>,
    marks: &'a BTreeSet<String>,
    found: Vec<(usize, String, String)>,
    seen: &'a mut BTreeSet<String>,
}

impl Scan<'_> {
    fn judge(&mut self, name: &syn::Ident, attributes: &[syn::Attribute], fields: Fields) {
        let (line, name) = (name.span().start().line, name.to_string());
        let secret = fields.secret || self.listed.contains(name.as_str());
        if secret {
            let bad = derives(attributes).into_iter().filter(|derive| NOT_DERIVED.contains(&derive.as_str()));
            self.found.extend(bad.map(|derive| (line, name.clone(), derive)));
        }
        self.seen.insert(name);
    }
}

impl<'ast> Visit<'ast> for Scan<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let mut fields = Fields { marks: self.marks, secret: false };
        fields.visit_fields(&item.fields);
        self.judge(&item.ident, &item.attrs, fields);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let mut fields = Fields { marks: self.marks, secret: false };
        item.variants.iter().for_each(|variant| fields.visit_fields(&variant.fields));
        self.judge(&item.ident, &item.attrs, fields);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !only_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

/// Looks for a secret type anywhere within the types of fields, as in `Option<Zeroizing<String>>`.
struct Fields<'a> {
    marks: &'a BTreeSet<String>,
    secret: bool,
}

impl<'ast> Visit<'ast> for Fields<'_> {
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.secret |= self.marks.contains(&segment.ident.to_string());
        visit::visit_path_segment(self, segment);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

/// The last words of the paths in `derive(…)`, within `cfg_attr` too unless that is for tests only.
fn derives(attributes: &[syn::Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in attributes {
        let Ok(list) = attribute.meta.require_list() else { continue };
        let tokens = list.tokens.to_string().replace(' ', "");
        if attribute.path().is_ident("derive") {
            names.extend(last_words(&tokens));
        } else if attribute.path().is_ident("cfg_attr") && !tokens.starts_with("test,") {
            names.extend(tokens.split_once("derive(").map(|(_, rest)| last_words(rest)).unwrap_or_default());
        }
    }
    names
}

fn last_words(derive: &str) -> Vec<String> {
    let inner = derive.split(')').next().unwrap_or_default();
    inner.split(',').filter_map(|path| path.rsplit("::").next()).map(str::to_owned).collect()
}

#[test]
fn secret_types_derive_nothing_that_shows_them() {
    crate::report("secret types", &problems(&files::product_rust(), &files::read("tests/tidy/secrets.txt")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, list: &str) -> Vec<String> {
        problems(&[Source::parse("a.rs", text).unwrap()], list)
    }

    #[test]
    fn a_derive_on_a_secret_type_is_found() {
        for bad in [
            "#[derive(Debug)] struct A { b: Zeroizing<Vec<u8>> }",
            "#[derive(Clone, serde::Serialize)] struct A(Option<SecretString>);",
            "#[derive(PartialEq)] enum A { B, C { d: Vec<crate::SecretBytes> } }",
            "#[cfg_attr(feature = \"x\", derive(Eq))] struct A { b: SecretBox<str> }",
            "mod m { #[derive(Debug)] struct A(zeroize::Zeroizing<u8>); }",
        ] {
            crate::found(&check(bad, ""), "A holds a secret and derives");
        }
        for good in [
            "#[derive(Clone)] struct A { b: Zeroizing<Vec<u8>> }",
            "#[derive(Debug)] struct A { b: Vec<u8> }",
            "#[cfg_attr(test, derive(Debug))] struct A { b: SecretBox<str> }",
            "#[cfg(test)] mod tests { #[derive(Debug)] struct A(SecretValue); }",
            "struct A(SecretValue); impl std::fmt::Debug for A { }",
        ] {
            assert_eq!(check(good, ""), Vec::<String>::new(), "{good}");
        }
    }

    #[test]
    fn a_listed_type_and_a_holder_of_an_alias_are_secret() {
        crate::found(&check("#[derive(Debug)] struct Key([u8; 32]);", "Key"), "Key holds");
        crate::found(
            &check("type Key = Zeroizing<u8>; #[derive(Debug)] struct Ring(Vec<Key>);", ""),
            "Ring holds",
        );
        crate::found(&check("struct A;", "# why\nKey"), "no such type");
    }
}
