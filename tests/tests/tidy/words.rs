//! Words that no tracked text file may contain: paths of one machine, hosts of registries, marks of unfinished work.

use regex::Regex;

use crate::files;

/// The forbidden patterns with what they stand for, put together from pieces so that this file passes.
fn patterns() -> Vec<(Regex, &'static str)> {
    let path = ["(^|[^A-Za-z0-9_.])/(wo", "rk|ro", "ot|fa", "rm)/"].concat();
    let host = [
        "(py",
        "pi|python",
        "hosted|cra",
        "tes|proxy\\.go",
        "lang|npm[a-z]*|deb",
        "ian|mav",
        "en)[a-z.-]*\\.(org|io|com|net)",
    ];
    let mark = ["\\b(TO", "DO|FIX", "ME|XX", "X|HA", "CK)\\b"].concat();
    let list = [
        (path, "the path of one machine"),
        (host.concat(), "the host of a registry"),
        (mark, "a mark of unfinished work"),
    ];
    list.into_iter()
        .map(|(pattern, what)| (Regex::new(&pattern).expect("a pattern of this file"), what))
        .collect()
}

/// Each line of a text that matches a forbidden pattern. Cargo writes its registry into the lock file, that one is fine.
fn problems(path: &str, text: &str, patterns: &[(Regex, &'static str)]) -> Vec<String> {
    let cargo = |line: &str| {
        path.ends_with("Cargo.lock") && line.starts_with("source = \"registry+https://github.com/rust-lang/")
    };
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !cargo(line)) {
        for (pattern, what) in patterns {
            if let Some(found) = pattern.find(line) {
                problems.push(format!("{path}:{}: {:?} is {what}", number + 1, found.as_str()));
            }
        }
    }
    problems
}

#[test]
fn no_tracked_file_has_a_forbidden_word() {
    let patterns = patterns();
    let mut found = Vec::new();
    for path in files::git_files(&["--cached"]) {
        let bytes = std::fs::read(files::root().join(&path)).expect("a tracked file can be read");
        if let (false, Ok(text)) = (bytes.contains(&0), std::str::from_utf8(&bytes)) {
            found.extend(problems(&path, text, &patterns));
        }
    }
    crate::report("forbidden words", &found);
}

#[test]
fn each_pattern_can_match_and_does_not_match_too_much() {
    let patterns = patterns();
    let check = |path: &str, line: &str| problems(path, line, &patterns).len();
    for bad in [
        ["cd /wo", "rk/x"],
        ["\"/ro", "ot/.cargo\""],
        ["=/fa", "rm/a"],
        ["https://static.cra", "tes.io/x"],
        ["py", "pi.org"],
        ["files.python", "hosted.org"],
        ["registry.npm", "js.org"],
        ["deb.deb", "ian.org"],
        ["repo.mav", "en.org"],
        ["// TO", "DO: later"],
        ["# FIX", "ME"],
        ["XX", "X"],
    ] {
        assert_eq!(check("a.md", &bad.concat()), 1, "{bad:?}");
    }
    for good in [
        "./work/x",
        "net/work/",
        "debian-packages.txt",
        "a/root/b",
        "TODOS",
        "https://github.com/a",
        "crates.",
        "hackney",
    ] {
        assert_eq!(check("a.md", good), 0, "{good}");
    }
    let source = ["source = \"registry+https://github.com/rust-lang/cra", "tes.io-index\""].concat();
    assert_eq!((check("Cargo.lock", &source), check("a.md", &source)), (0, 1));
}
