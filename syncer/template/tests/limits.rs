//! No template stops the program, and none says what it holds.

use std::collections::BTreeMap;

use syncer_template::{Engine, Env, ErrorClass, Limits, NoRandomness, SecretValue};

struct Fixed {
    looks: std::cell::Cell<u32>,
}

impl Env for Fixed {
    fn now(&self) -> i128 {
        0
    }

    fn local_zone(&self) -> &str {
        "UTC"
    }

    fn fill_random(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }

    fn expired(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() > 2000
    }
}

fn run(source: &str) -> Result<String, (ErrorClass, String)> {
    let data: BTreeMap<String, SecretValue> = [("s".to_owned(), SecretValue::from("hunter2"))].into();
    let mut env = Fixed { looks: std::cell::Cell::new(0) };
    Engine::default()
        .parse("t", source)
        .and_then(|template| template.execute(&data, &mut env, Limits::default()))
        .map(|out| String::from_utf8_lossy(out.expose()).into_owned())
        .map_err(|error| (error.class(), error.to_string()))
}

#[test]
fn every_limit_ends_a_template_with_its_own_words() {
    let nest = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    for (source, class, words) in [
        (
            r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#.to_owned(),
            ErrorClass::Limit,
            "exceeded maximum template depth (100000)",
        ),
        ("{{ range 1000000000000 }}{{ end }}".to_owned(), ErrorClass::Limit, "deadline has passed"),
        ("{{ range 100000000 }}0123456789{{ end }}".to_owned(), ErrorClass::Limit, ""),
        (
            "{{ range 5000 }}{{ printf \"%5000d\" 1 }}{{ end }}".to_owned(),
            ErrorClass::Limit,
            "prints more than",
        ),
        (
            "{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}".to_owned(),
            ErrorClass::Limit,
            "",
        ),
        (
            "{{ $l := list 1 }}{{ range 5000 }}{{ $l = list $l }}{{ end }}{{ $l }}".to_owned(),
            ErrorClass::Limit,
            "nested deeper",
        ),
        (
            r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}"#.to_owned(),
            ErrorClass::Limit,
            "nested deeper",
        ),
        (nest("{{ if true }}", "x", "{{ end }}", 5000), ErrorClass::Parse, "nested deeper"),
        (
            format!("{{{{ {} }}}}", nest("(", "1", ")", 5000)),
            ErrorClass::Parse,
            "max expression depth exceeded",
        ),
    ] {
        let (got, text) = run(&source).expect_err(&source);
        assert!(got == class && text.contains(words), "{source:.80}: {got:?} {text}");
    }
}

#[test]
fn nesting_within_the_limits_works_on_a_small_stack() {
    let source = format!("{{{{ {}1{} }}}}", "(print ".repeat(99), ")".repeat(99));
    let blocks = format!("{}x{}", "{{ with .s }}{{ with $ }}".repeat(49), "{{ end }}{{ end }}".repeat(49));
    let deep = "{{ $l := list 1 }}{{ range 400 }}{{ $l = list $l }}{{ end }}{{ $l }}";
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || [run(&source), run(&blocks), run(deep)].map(|result| result.map(|out| out.len())));
    assert_eq!(thread.unwrap().join().unwrap(), [Ok(1), Ok(1), Ok(803)]);
}

#[test]
fn an_error_counts_values_and_shows_the_template() {
    for (source, shown) in [
        ("{{ range .s }}{{ end }}", "range can't iterate over <redacted, 7 bytes>"),
        ("{{ fail .s }}", "error calling fail: <redacted, 7 bytes>"),
        ("{{ fail \"of the template\" }}", "error calling fail: of the template"),
        ("{{ eq (list .s) (list) }}", "non-comparable type <redacted, 2 bytes>: []interface {}"),
        ("{{ index .s (len .s | add 5 | int) }}", "index out of range: <redacted, 2 bytes>"),
        ("{{ index .s 99 }}", "index out of range: 99"),
    ] {
        let (_, text) = run(source).expect_err(source);
        assert!(text.ends_with(shown) && !text.contains("hunter2"), "{source}: {text}");
    }
}
