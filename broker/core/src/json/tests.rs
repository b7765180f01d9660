//! Tests of the JSON reader, writer, patch and field coercion.

use proptest::prelude::*;

use super::field::{self, FieldError};
use super::*;

fn small() -> JsonLimits {
    JsonLimits { max_depth: 3, max_strings: 4, max_bytes: 200 }
}

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &JsonLimits::default()).unwrap()
}

/// Each text becomes the compact text, or fails with the message.
fn check(limits: &JsonLimits, cases: &[(&[u8], Result<&str, &str>)]) {
    for (text, expected) in cases {
        let got = parse(text, limits).map(|j| j.to_text()).map_err(|e| e.to_string());
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{}", text.escape_ascii());
    }
}

#[test]
fn reads_and_prints() {
    check(
        &JsonLimits::default(),
        &[
            (b" null ", Ok("null")),
            (b"[true,false,{}]", Ok("[true,false,{}]")),
            (b"{\"b\":1,\"a\":[]}", Ok("{\"a\":[],\"b\":1}")),
            (b"{\"a\":1,\"a\":2}", Ok("{\"a\":2}")),
            (b"[1.10,9007199254740993,-0,1E5,1e-7]", Ok("[1.10,9007199254740993,-0,1E5,1e-7]")),
            (b"\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\\u0001\"", Ok("\"\u{e9}\u{1f600}\\n/\\\"\\u0001\"")),
            ("\"<&> \u{2028}\"".as_bytes(), Ok("\"<&> \u{2028}\"")),
        ],
    );
}

#[test]
fn refuses_with_line_and_column() {
    check(
        &JsonLimits::default(),
        &[
            (b"", Err("the JSON text ends where a JSON value was expected (line 1, column 1)")),
            (b"{\n  \"a\": x}", Err("expected a JSON value (line 2, column 8)")),
            (
                "\"\u{e9}\" x".as_bytes(),
                Err("only one JSON value is allowed; remove what follows it (line 1, column 5)"),
            ),
            (b"{} {}", Err("only one JSON value is allowed; remove what follows it (line 1, column 4)")),
            (b"{a:1}", Err("expected a key in double quotes (line 1, column 2)")),
            (b"{\"a\" 1}", Err("expected `:` (line 1, column 6)")),
            (b"{\"a\":1,}", Err("expected a key in double quotes (line 1, column 8)")),
            (b"[1 2]", Err("expected `,` or `]` (line 1, column 4)")),
            (b"[1", Err("the JSON text ends where `,` or `]` was expected (line 1, column 3)")),
            (b"\"abc", Err("the JSON text ends where the closing quote was expected (line 1, column 5)")),
            (b"01", Err("not a JSON number (line 1, column 2)")),
            (b"1.", Err("not a JSON number (line 1, column 3)")),
            (b"-", Err("not a JSON number (line 1, column 2)")),
            (b"1e400", Err("number out of range (line 1, column 1)")),
            (b"nul", Err("expected a JSON value (line 1, column 1)")),
            (b"\"\\x\"", Err("unknown escape in a string (line 1, column 2)")),
            (b"\"\\u12g4\"", Err("unknown escape in a string (line 1, column 2)")),
            (b"\"\\ud800\"", Err("lone surrogate in a string (line 1, column 2)")),
            (b"\"\\udc00\\ud800\"", Err("lone surrogate in a string (line 1, column 2)")),
            (b"\"\\udc00\\udc00\"", Err("lone surrogate in a string (line 1, column 2)")),
            (b"\"\t\"", Err("control character in a string; escape it (line 1, column 2)")),
            (b"[\"\xff\"]", Err("invalid UTF-8 (line 1, column 3)")),
        ],
    );
}

#[test]
fn keeps_its_limits() {
    let strings =
        "refused JSON input due to high complexity: exceeded maximum number of strings (line 1, column 18)";
    let depth = "refused JSON input due to high complexity: nested deeper than 3 levels (line 1, column 4)";
    check(
        &small(),
        &[
            (b"[[[]]]", Ok("[[[]]]")),
            (b"[[[[]]]]", Err(depth)),
            (b"[\"a\",\"b\",{\"c\":\"d\"}]", Ok("[\"a\",\"b\",{\"c\":\"d\"}]")),
            (b"[\"a\",\"b\",{\"c\":[\"d\",\"e\"]}]", Err(&strings.replace("18", "20"))),
            (&[b' '; 201], Err("JSON text longer than 200 bytes (line 1, column 1)")),
        ],
    );
    let deep = JsonLimits { max_depth: usize::MAX, ..JsonLimits::default() };
    let error = parse("[".repeat(100_000).as_bytes(), &deep).unwrap_err();
    assert_eq!(error.problem, JsonProblem::TooDeep(512));
}

#[test]
fn does_not_print_what_it_holds() {
    assert_eq!(format!("{:?}", json("\"hunter2\"")), "Json(redacted)");
}

#[test]
fn merges_patches() {
    for (target, patch, result) in [
        (
            "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}",
            "{\"a\":null,\"b\":{\"d\":null,\"e\":4}}",
            "{\"b\":{\"c\":2,\"e\":4}}",
        ),
        ("{\"a\":1}", "{\"a\":{\"b\":null,\"c\":1}}", "{\"a\":{\"c\":1}}"),
        ("{\"a\":[1]}", "{\"a\":[2,null]}", "{\"a\":[2,null]}"),
        ("null", "{\"a\":1}", "{\"a\":1}"),
        ("{\"a\":1}", "\"x\"", "\"x\""),
    ] {
        let mut value = json(target);
        merge_patch(&mut value, &json(patch));
        assert_eq!(value.to_text(), result, "{target} + {patch}");
    }
}

/// Each JSON text is coerced to the value, printed by `Debug`, or fails with the message.
fn check_field<T: std::fmt::Debug>(
    read: impl Fn(&str, &Json) -> Result<T, FieldError>,
    cases: &[(&str, Result<&str, &str>)],
) {
    for (text, expected) in cases {
        let got = read("f", &json(text)).map(|v| format!("{v:?}")).map_err(|e| e.problem);
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}

#[test]
fn coerces_numbers_and_durations() {
    let not_int = Err("'' cannot parse value as 'int': strconv.ParseInt: invalid syntax");
    check_field(
        field::seconds,
        &[
            ("3600", Ok("3600")),
            ("\"3600\"", Ok("3600")),
            ("\"1h\"", Ok("3600")),
            ("\"2d\"", Ok("172800")),
            ("\"\"", Ok("0")),
            ("\"-5s\"", Err("cannot provide negative value '-5'")),
            ("\"bad\"", Err("strconv.ParseInt: parsing \"ba\": invalid syntax")),
            ("{}", Err("'' expected type 'time.Duration', got unconvertible type 'map[string]interface {}'")),
        ],
    );
    check_field(field::signed_seconds, &[("\"-1s\"", Ok("-1")), ("-1", Ok("-1"))]);
    check_field(
        field::integer,
        &[
            ("-1", Ok("-1")),
            ("\"7\"", Ok("7")),
            ("\"\"", Ok("0")),
            ("true", Ok("1")),
            ("2.0", not_int),
            ("\"x\"", not_int),
        ],
    );
    check_field(
        field::unsigned,
        &[
            ("18446744073709551615", Ok("18446744073709551615")),
            ("-1", Err("cannot provide negative value '-1'")),
            ("\"x\"", Err("'' cannot parse value as 'uint': strconv.ParseUint: invalid syntax")),
        ],
    );
    check_field(
        field::boolean,
        &[
            ("true", Ok("true")),
            ("\"true\"", Ok("true")),
            ("1", Ok("true")),
            ("\"\"", Ok("false")),
            ("\"yes\"", Err("'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax")),
            ("[]", Err("'' expected type 'bool', got unconvertible type '[]interface {}'")),
        ],
    );
}

#[test]
fn coerces_lists_and_maps() {
    let nested = Err("'' expected type 'string', got unconvertible type 'map[string]interface {}'");
    check_field(
        field::list,
        &[
            ("\"a, b,,c\"", Ok("[\"a\", \"b\", \"c\"]")),
            ("[\"a,b\",1]", Ok("[\"a,b\", \"1\"]")),
            ("\"\"", Ok("[]")),
            ("[{}]", nested),
        ],
    );
    check_field(field::plain_list, &[("\"a,b\"", Ok("[\"a,b\"]")), ("null", Ok("[]"))]);
    check_field(
        field::text_map,
        &[
            ("{\"a\":\"b\",\"c\":1}", Ok("{\"a\": \"b\", \"c\": \"1\"}")),
            ("[\"a=b=c\"]", Ok("{\"a\": \"b=c\"}")),
            ("[\"a\"]", Err("expected a list of key=value")),
            ("{\"a\":{\"b\":1}}", nested),
            ("\"x\"", Err("'' expected type 'map[string]string', got unconvertible type 'string'")),
        ],
    );
    let error = field::object("data", &json("\"x\"")).unwrap_err();
    let words = "error converting input for field \"data\": '' expected type 'map[string]interface {}', got unconvertible type 'string'";
    assert_eq!(error.to_string(), words);
    assert_eq!(error.into_validation().to_string(), format!("Field validation failed: {words}"));
    assert_eq!(field::optional(&json("{\"a\":null}"), "a", field::text), Ok(None));
    assert_eq!(field::optional(&json("{\"a\":\"x\"}"), "a", field::text), Ok(Some("x".to_owned())));
}

/// Whether two readers hold the same value.
fn same(ours: &Json, theirs: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Bool(b)) => a == b,
        (Json::Number(a), Value::Number(b)) => **a == b.to_string(),
        (Json::String(a), Value::String(b)) => **a == *b,
        (Json::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        _ => false,
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(|n| Json::Number(Zeroizing::new(n.to_string()))),
        any::<String>().prop_map(Json::string),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Json::Object),
        ]
    })
}

proptest! {
    #[test]
    fn reads_back_what_it_prints(value in any_json()) {
        let text = value.to_text();
        let back = parse(text.as_bytes(), &JsonLimits::default()).unwrap();
        prop_assert_eq!(back.to_text(), text.clone());
        // Another reader finds the same in the text as in what we read from it.
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert!(same(&value, &theirs) && same(&back, &theirs));
    }

    #[test]
    fn agrees_with_another_reader(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0e1.-+ntr\xc3\xa9 ".to_vec()), 0..12)) {
        let ours = parse(&bytes, &JsonLimits::default()).is_ok();
        prop_assert_eq!(ours, serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    }
}
