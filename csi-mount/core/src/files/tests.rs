//! Keys become files with the right bytes, or an error that names the key and shows no value.

use proptest::prelude::*;

use super::*;

fn check(text: &str) -> Result<Vec<(String, String)>, FilesError> {
    let file = |e: Entry| (e.path.to_string(), String::from_utf8(e.bytes.to_vec()).unwrap());
    files_of(text, 0o400).map(|entries| entries.into_iter().map(file).collect())
}

#[test]
fn each_key_is_a_file() {
    for (text, expected) in [
        ("{}", &[][..]),
        (r#" { "a" : "x" } "#, &[("a", "x")]),
        (r#"{"b":"2","a":"1"}"#, &[("a", "1"), ("b", "2")]),
        (r#"{"a":"1","a":"2"}"#, &[("a", "2")]),
        (
            r#"{"n":1.50e+10,"m":12345678901234567890123456789,"z":-0.0}"#,
            &[("m", "12345678901234567890123456789"), ("n", "1.50e+10"), ("z", "-0.0")],
        ),
        (r#"{"t":true,"f":false,"n":null}"#, &[("f", "false"), ("n", "null"), ("t", "true")]),
        (
            "{\"o\": {\"b\" : [ 1 ,\n\t2 ],\"a\": \"x \\\" y\\\\\" } }",
            &[("o", r#"{"b":[1,2],"a":"x \" y\\"}"#)],
        ),
        (r#"{"e":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00"}"#, &[("e", "\"\\/\u{8}\u{c}\n\r\tAé€😀")]),
        (
            r#"{"pem":"-----BEGIN-----\nx\n-----END-----\n"}"#,
            &[("pem", "-----BEGIN-----\nx\n-----END-----\n")],
        ),
        (r#"{"empty":"","u\u0041":"\u0000"}"#, &[("empty", ""), ("uA", "\0")]),
    ] {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(check(text), Ok(expected), "{text}");
    }
}

#[test]
fn bad_texts_and_keys_are_refused_without_showing_a_value() {
    let long = "k".repeat(300);
    let name = |key: &str, problem| FilesError::Name { key: key.to_owned(), problem };
    let surrogate = || FilesError::Surrogate { key: "k".to_owned() };
    for (text, expected) in [
        (r#""hunter2""#.to_owned(), FilesError::NoObject { line: 1, column: 9 }),
        (r#"["hunter2"]"#.to_owned(), FilesError::NoObject { line: 1, column: 0 }),
        ("{\"a\":\n\"hunter2".to_owned(), FilesError::NoObject { line: 2, column: 8 }),
        (r#"{"a":"hunter2"} x"#.to_owned(), FilesError::NoObject { line: 1, column: 17 }),
        (String::new(), FilesError::NoObject { line: 1, column: 0 }),
        (r#"{"":"hunter2"}"#.to_owned(), name("", NameError::Empty)),
        (r#"{"..":"hunter2"}"#.to_owned(), name("..", NameError::Dots)),
        (r#"{"a/b":"hunter2"}"#.to_owned(), name("a/b", NameError::Slash)),
        (r#"{"a\u0000":"hunter2"}"#.to_owned(), name("a\0", NameError::Nul)),
        (format!("{{\"{long}\":1}}"), name(&"k".repeat(64), NameError::TooLong { bytes: 300 })),
        (r#"{"k":"\ud83d"}"#.to_owned(), surrogate()),
        (r#"{"k":"\ud83dxx"}"#.to_owned(), surrogate()),
        (r#"{"k":"\ud83d\u0041"}"#.to_owned(), surrogate()),
        (r#"{"k":"\ude00"}"#.to_owned(), surrogate()),
        (" ".repeat(MAX_TEXT_BYTES + 1), FilesError::TooLong { found: MAX_TEXT_BYTES + 1 }),
    ] {
        let error = check(&text).unwrap_err();
        let shown = text.get(..40.min(text.len()));
        assert!(!error.to_string().contains("hunter2"), "{error}");
        match (&error, &expected) {
            // The parser's columns are its own affair.
            (FilesError::NoObject { line, .. }, FilesError::NoObject { line: expected, .. }) => {
                assert_eq!(line, expected, "{shown:?}");
            }
            _ => assert_eq!(error, expected, "{shown:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever another JSON reader takes, is shown as that reader says.
    #[test]
    fn strings_and_values_are_as_another_reader_says(text in any::<String>(), parts in prop::collection::vec(any::<String>(), 0..4)) {
        let json = serde_json::to_string_pretty(&serde_json::json!({"s": text, "l": parts})).unwrap();
        let files = check(&json).unwrap();
        prop_assert_eq!(&files[1], &("s".to_owned(), text));
        prop_assert_eq!(&files[0], &("l".to_owned(), serde_json::to_string(&parts).unwrap()));
    }

    /// No text makes it fail other than by an error.
    #[test]
    fn any_text_is_taken_or_refused(text in r#"[\{\}\[\]",:\\ud8390a-f \n-]{0,40}"#) {
        let _ = files_of(&text, 0o400);
        let _ = files_of(&format!("{{\"a\":{text}}}"), 0o400);
    }
}
