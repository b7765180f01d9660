//! The recorded answers of Go's gjson, limits, and that nothing shows a value.

use proptest::prelude::*;
use serde_json::Value as Tree;

use super::*;

/// Kind, raw and text of what a path finds.
fn look_up(json: &str, path: &str) -> Option<(Kind, String, String)> {
    let found = get(json.as_bytes(), path).unwrap()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((found.kind(), text(found.raw()), text(&found.text())))
}

/// Random documents and paths with the answers of Go's gjson 1.18.0.
#[test]
fn recorded_answers_of_the_pinned_version() {
    let rows: Vec<Tree> = serde_json::from_str(include_str!("recorded-1.18.json")).unwrap();
    let mut differ = Vec::new();
    for row in &rows {
        let (json, path) = (row["json"].as_str().unwrap(), row["path"].as_str().unwrap());
        let got = look_up(json, path);
        let (raw, text) = (got.as_ref().map(|it| it.1.as_str()), got.as_ref().map(|it| it.2.as_str()));
        if raw != row["raw"].as_str() || text != row["text"].as_str() {
            differ.push(format!("{path} in {json}: {got:?} instead of {} {}", row["raw"], row["text"]));
        }
    }
    assert_eq!(rows.len(), 1000);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// A path into a document, and the text it gives; `None` if there is nothing.
#[track_caller]
fn check(json: &str, path: &str, want: Option<&str>) {
    let got = look_up(json, path).map(|found| found.2);
    assert_eq!(got.as_deref(), want, "{path} in {json}");
}

#[test]
fn numbers_are_printed_as_go_does() {
    let json = r#"{"n":[12345678901234567890,1.0,-0,1E5,0.10,1e999,-1e999,nan,1.5e-7,-,0x10]}"#;
    for (at, want) in
        ["12345678901234567890", "1", "-0", "100000", "0.1", "+Inf", "-Inf", "NaN", "0.00000015", "-", "0"]
            .iter()
            .enumerate()
    {
        check(json, &format!("n.{at}"), Some(want));
    }
}

#[test]
fn limits() {
    let refused = |json: &str, path: &str| get(json.as_bytes(), path).err();
    let small = r#"{"a":[1,2],"s":"\"\\"}"#;
    assert_eq!(refused(small, &"a".repeat(MAX_PATH)), None);
    assert_eq!(refused(small, &"a".repeat(MAX_PATH + 1)), Some(GjsonError::PathTooLong(MAX_PATH + 1)));
    assert_eq!(refused(small, &["@this"; MAX_DEPTH + 2].join("|")), Some(GjsonError::PathTooDeep));
    let nested = format!("{}a{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(refused(small, &nested), Some(GjsonError::PathTooDeep));
    let queries = format!("a.{}", "#(#(".repeat(100) + &"))".repeat(100));
    assert!(refused(small, &queries).is_none_or(|error| error == GjsonError::PathTooDeep));
    // Each step doubles the text.
    assert_eq!(refused(small, &["@tostr"; 40].join("|")), Some(GjsonError::TooMuchWork));
    assert_eq!(refused(small, &["[@this,@this]"; 40].join("|")), Some(GjsonError::TooMuchWork));
    let deep = "[".repeat(100_000);
    for modifier in ["@pretty", "@ugly", "@dig:a", "@valid", "@reverse", "@fromstr", "@join", "@group"] {
        let error = refused(&deep, modifier);
        assert!(error.as_ref().is_none_or(|it| *it == GjsonError::ValueTooDeep), "{modifier}: {error:?}");
    }
    assert_eq!(refused(&deep, r#"@flatten:{"deep":true}"#), Some(GjsonError::ValueTooDeep));
    let stars = format!("{}b", "*a".repeat(500));
    let key = format!("{{\"{0}\":1,\"k\":[\"{0}\"]}}", "a".repeat(1024 * 1024));
    assert_eq!(refused(&key, &stars), Some(GjsonError::TooMuchWork));
    assert_eq!(refused(&key, &format!("k.#(%\"{stars}\")")), Some(GjsonError::TooMuchWork));
    assert_eq!(refused(&key, "k"), None);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(refused(&large, &format!("[{}]", ["@this"; 300].join(","))), Some(GjsonError::TooMuchWork));
}

#[test]
fn nothing_shows_a_value() {
    let found = get(br#"{"p":"hunter2"}"#, "p").unwrap().unwrap();
    assert!(!format!("{found:?}").contains("hunter2"));
    assert_eq!(found.text().as_slice(), b"hunter2");
}

/// Any JSON of objects, arrays and plain values, as text.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?",
        "\"[a-c.#*|@ ]{0,4}\"",
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec(("[a-c.#]{1,2}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    /// Any path on anything: an answer.
    #[test]
    fn any_path_gives_an_answer(json in ".{0,40}", path in r#"([a-c]|[0-2]|\.|\||#|#\(|\)|\[|\]|\{|\}|,|:|"|\\|\*|\?|@this|@keys|@tostr|@pretty|!|==|>|%|~|1){0,14}"#) {
        let _answer = get(json.as_bytes(), &path);
    }

    /// Plain paths, walked by hand over another reader's tree.
    #[test]
    fn plain_paths_agree_with_a_walk(json in documents(), steps in prop::collection::vec("[a-c]{1,2}|[0-3]", 1..4)) {
        let tree: Tree = serde_json::from_str(&json).unwrap();
        prop_assume!(serde_json::to_string(&tree).unwrap().len() == json.len());
        let mut node = Some(&tree);
        for step in &steps {
            node = match node {
                Some(Tree::Object(map)) => map.get(step),
                Some(Tree::Array(list)) => step.parse::<usize>().ok().and_then(|at| list.get(at)),
                _ => None,
            };
        }
        let found = get(json.as_bytes(), &steps.join(".")).unwrap();
        let found = found.map(|found| serde_json::from_slice::<Tree>(found.raw()).unwrap());
        prop_assert_eq!(found.as_ref(), node);
    }
}
