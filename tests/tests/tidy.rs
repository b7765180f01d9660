//! Rules about the code itself: who depends on whom, how long things are, where effects and secrets may be.

#[path = "tidy/deps.rs"]
mod deps;
#[path = "tidy/effects.rs"]
mod effects;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/licence.rs"]
mod licence;
#[path = "tidy/metadata.rs"]
mod metadata;
#[path = "tidy/secrets.rs"]
mod secrets;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/toml.rs"]
mod toml;
#[path = "tidy/unsafety.rs"]
mod unsafety;
#[path = "tidy/words.rs"]
mod words;

/// Fails with all problems at once, one per line.
fn report(rule: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{rule}: {} problem(s)\n  {}\n", problems.len(), problems.join("\n  "));
}

/// Asserts that a rule has found exactly one problem, and that it contains `part`.
fn found(problems: &[String], part: &str) {
    assert!(
        problems.len() == 1 && problems[0].contains(part),
        "expected one problem with {part:?}: {problems:?}"
    );
}
