//! The files of the repository, as git lists them, and which of the Rust files are tests.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the repository")
}

/// Reads a file of the repository that has to be there.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a list file without comments and blank lines.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The files that git lists with these arguments and that exist.
pub fn git_files(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("git").current_dir(root()).args(["ls-files", "-z"]).args(arguments).output();
    let output = output.expect("git starts");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    text.split('\0')
        .filter(|path| !path.is_empty() && root().join(path).is_file())
        .map(str::to_owned)
        .collect()
}

/// A Rust file with its path in the repository.
pub struct Source {
    pub path: String,
    pub text: String,
    pub syntax: syn::File,
}

impl Source {
    /// Reads the text as Rust.
    pub fn parse(path: &str, text: &str) -> Result<Source, String> {
        let syntax = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?;
        Ok(Source { path: path.to_owned(), text: text.to_owned(), syntax })
    }
}

// A syntax tree cannot be shared by threads, so each test parses for itself; the texts are read once.
fn texts() -> &'static [(String, String)] {
    static TEXTS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let paths = git_files(&["--cached", "--others", "--exclude-standard", "--", "*.rs"]);
        paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
    })
}

/// All Rust files, committed or about to be, tests too.
pub fn all_rust() -> Vec<Source> {
    let parsed = texts().iter().map(|(path, text)| Source::parse(path, text));
    parsed.collect::<Result<_, _>>().expect("every Rust file parses")
}

/// The Rust files that are not tests.
pub fn product_rust() -> Vec<Source> {
    let sources = all_rust();
    let tests = test_modules(&sources);
    sources.into_iter().filter(|source| !is_test(&source.path, &tests)).collect()
}

/// Whether a path is a test by its place or because a `#[cfg(test)] mod name;` declares it.
fn is_test(path: &str, modules: &BTreeSet<String>) -> bool {
    let by_place = path.split('/').any(|part| part == "tests" || part == "tests.rs");
    let within = |module: &String| {
        path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    by_place || modules.iter().any(within)
}

/// The modules in files of their own that are only built for tests, as paths without `.rs`.
fn test_modules(sources: &[Source]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for source in sources {
        let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        let folder = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => source.path.trim_end_matches(".rs").to_owned(),
        };
        for item in &source.syntax.items {
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
                && only_for_tests(&module.attrs)
            {
                modules.insert(format!("{folder}/{}", module.ident));
            }
        }
    }
    modules
}

/// Whether the attributes say `#[test]`, or `#[cfg(test)]` alone, within `all(…)`, or with the feature `testing` as the
/// other way, by which crates lend their test helpers to each other.
pub fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("test") {
            return true;
        }
        if !attribute.path().is_ident("cfg") {
            return false;
        }
        let Ok(list) = attribute.meta.require_list() else { return false };
        let condition = list.tokens.to_string().replace(' ', "");
        if condition == "any(test,feature=\"testing\")" {
            return true;
        }
        let within = condition.strip_prefix("all(").and_then(|rest| rest.strip_suffix(')'));
        within.unwrap_or(&condition).split(',').any(|part| part == "test")
    })
}

/// Whether a path fits a pattern in which `*` stands for any characters, slashes too.
pub fn fits(pattern: &str, path: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(path) = path.strip_prefix(start) else { return false };
    (0..=path.len()).filter_map(|at| path.get(at..)).any(|tail| fits(rest, tail))
}

#[test]
fn knows_tests_by_place_and_by_declaration() {
    let text = "#[cfg(test)]\nmod model;\n#[cfg(all(test, unix))]\nmod unix;\n#[cfg(any(test, feature = \"testing\"))]\nmod lent;\n#[cfg(any(test, unix))]\nmod some;\n#[cfg(not(test))]\nmod real;\nmod core;\n";
    let modules = test_modules(&[
        Source::parse("a/src/lib.rs", text).unwrap(),
        Source::parse("a/src/kv.rs", text).unwrap(),
    ]);
    for (path, expected) in [
        ("a/src/model.rs", true),
        ("a/src/model/deep.rs", true),
        ("a/src/kv/model.rs", true),
        ("a/src/unix.rs", true),
        ("a/src/lent.rs", true),
        ("a/src/some.rs", false),
        ("a/src/kv/tests.rs", true),
        ("a/tests/it.rs", true),
        ("a/src/core.rs", false),
        ("a/src/real.rs", false),
        ("a/src/models.rs", false),
    ] {
        assert_eq!(is_test(path, &modules), expected, "{path}");
    }
}

#[test]
fn patterns_match_whole_paths() {
    for (pattern, path, expected) in [
        ("*/clock.rs", "broker/src/clock.rs", true),
        ("*/clock.rs", "broker/src/clock.rs.txt", false),
        ("broker/src/store/*", "broker/src/store/redb/open.rs", true),
        ("broker/src/store/*", "syncer/broker/src/store/a.rs", false),
        ("a/*/c/*.rs", "a/b/c/d.rs", true),
        ("a.rs", "b/a.rs", false),
    ] {
        assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
    }
}
