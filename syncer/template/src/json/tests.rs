//! JSON texts, good and bad, and what is read from them.

use proptest::prelude::*;

use super::*;

#[test]
fn valid_texts() {
    for text in [
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "-0.5e+10",
        "12345678901234567890",
        "1E5",
        "\"\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1 , [2] ]",
        "{\"a\" : {\"b\":[1,2]} }",
        "\"\\u00e9\\ud800 \\/\"",
        "\r\n\t[1]",
    ] {
        let raw = Raw::parse(text).unwrap();
        assert_eq!(raw.text(), text.trim(), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok() || text.contains("ud800"), "{text}");
    }
}

#[test]
fn invalid_texts() {
    for (text, at) in [
        ("", 0),
        ("nul", 0),
        ("tru", 0),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        ("1e", 2),
        ("+1", 0),
        (".5", 0),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("{\"a\":}", 5),
        ("{\"a\"}", 4),
        ("{a:1}", 1),
        ("{\"a\":1,}", 7),
        ("\"\\x\"", 2),
        ("\"\\u12\"", 5),
        ("\"a\nb\"", 2),
        ("\"open", 5),
        ("{\"a\":", 5),
        ("[1,2", 4),
        ("1 2", 2),
        ("'a'", 0),
    ] {
        assert_eq!(Raw::parse(text).err(), Some(JsonError::Syntax(at)), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
    }
}

#[test]
fn limits() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Raw::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Raw::parse(&nested(MAX_DEPTH + 1)).err(), Some(JsonError::TooDeep(MAX_DEPTH)));
    assert_eq!(Raw::parse(&nested(1_000_000)).err(), Some(JsonError::TooDeep(MAX_DEPTH)));
    let long = format!("\"{}\"", "a".repeat(MAX_BYTES));
    assert_eq!(Raw::parse(&long).err(), Some(JsonError::TooLong(MAX_BYTES + 2)));
    assert_eq!(Raw::parse_lines(&long).err(), Some(JsonError::TooLong(MAX_BYTES + 2)));
}

#[test]
fn parts_are_slices_of_the_source() {
    let raw = Raw::parse(r#"{"a" : [ 1.10 , "x" ],"b\u0063":{},"a":2}"#).unwrap();
    let members: Vec<_> = raw.members().into_iter().map(|(key, value)| (key.text(), value.text())).collect();
    assert_eq!(members, [("\"a\"", "[ 1.10 , \"x\" ]"), ("\"b\\u0063\"", "{}"), ("\"a\"", "2")]);
    let elements: Vec<_> = raw.members()[0].1.elements().into_iter().map(Raw::text).collect();
    assert_eq!(elements, ["1.10", "\"x\""]);
    let object: Vec<_> = raw.object().unwrap().into_iter().map(|(key, value)| (key, value.text())).collect();
    assert_eq!(object, [("a".to_owned(), "2"), ("bc".to_owned(), "{}")]);
    assert!(raw.elements().is_empty() && Raw::parse("[1]").unwrap().object().is_none());
    assert!(
        Raw::parse("[]").unwrap().elements().is_empty() && Raw::parse("{ }").unwrap().members().is_empty()
    );
}

#[test]
fn decoded_values() {
    for (text, want) in [
        (r#""a\"b\\c\n\u00e9\ud83d\ude00\/\b\f\r\t""#, "a\"b\\c\né😀/\u{8}\u{c}\r\t"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ude00""#, "\u{fffd}"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.0", "1.0"),
        ("true", "true"),
        ("null", ""),
        ("[ 1 ]", "[ 1 ]"),
    ] {
        assert_eq!(*Raw::parse(text).unwrap().decoded(), want, "{text}");
    }
}

#[test]
fn go_json() {
    for (text, want) in [
        (r#"{ "b" : 1.0, "a":[ true , null ] }"#, r#"{"a":[true,null],"b":1.0}"#),
        (r#"{"a":12345678901234567890,"a":1e400}"#, r#"{"a":1e400}"#),
        (r#"{"<":"a&b>"}"#, r#"{"\u003c":"a\u0026b\u003e"}"#),
        ("\"\u{2028}\u{2029}é😀\"", "\"\\u2028\\u2029é😀\""),
        (r#""\u0000\u0008\u000c\u001f\u007f\/""#, "\"\\u0000\\b\\f\\u001f\u{7f}/\""),
        (r#"{"B":1,"a":2,"A":3,"":4}"#, r#"{"":4,"A":3,"B":1,"a":2}"#),
        ("[]", "[]"),
        ("{}", "{}"),
        ("\"\\ud800\"", "\"\u{fffd}\""),
    ] {
        assert_eq!(*Raw::parse(text).unwrap().to_go_json(), want, "{text}");
    }
}

#[test]
fn lines() {
    let texts: Vec<_> = Raw::parse_lines("{\"a\":1}\n[2] 3\n").unwrap().into_iter().map(Raw::text).collect();
    assert_eq!(texts, ["{\"a\":1}", "[2]", "3"]);
    assert!(Raw::parse_lines("  ").unwrap().is_empty());
    assert_eq!(Raw::parse_lines("1\n{").err(), Some(JsonError::Syntax(3)));
}

proptest! {
    /// Whatever text comes in: the same answer as another reader of JSON, and what we print reads the same again.
    #[test]
    fn agrees_with_another_reader(text in r#"[\[\]{}:,"\\a-c0-2.eE+\- \nutrlsf]{0,24}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match Raw::parse(&text) {
            Ok(raw) => {
                let printed = raw.to_go_json();
                // Numbers that no float holds are text to us and an error to them.
                if let Ok(theirs) = theirs {
                    prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), theirs);
                } else {
                    prop_assert!(text.contains(['e', 'E']), "{}", text);
                }
            }
            Err(_) => prop_assert!(theirs.is_err(), "{}", text),
        }
    }
}
