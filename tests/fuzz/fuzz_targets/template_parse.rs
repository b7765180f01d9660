//! A template of any bytes with any delimiters, parsed: a tree or an error that names its line, the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncer_template::{Engine, ErrorClass};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The first line may hold delimiters.
    let (head, source) = text.split_once('\n').unwrap_or(("", text));
    let (left, right) = head.split_once(' ').unwrap_or(("", ""));
    let engine = Engine { left: left.to_owned(), right: right.to_owned(), ..Engine::default() };
    let parse = || engine.parse("t", source).map(|_| ());
    let (one, two) = (parse(), parse());
    assert!(one == two, "parsed in two ways");
    if let Err(error) = one {
        assert!(error.class() == ErrorClass::Parse, "{error}");
        let shown = error.to_string();
        assert!(shown.starts_with("template: "), "{shown}");
    }
});
