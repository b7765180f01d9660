//! The recorded answers of Go's gjson, and what is ours alone.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// One look-up, as text for comparison.
fn look_up(json: &str, path: &str) -> Result<Option<Found>, String> {
    let json = Raw::parse(json).map_err(|error| error.to_string())?;
    get(json, path).map_err(|error| error.to_string())
}

/// Paths that version 1.18, which counts here, answers otherwise than version 1.14, which was recorded.
const NEWER: [(&str, &str); 4] = [
    ("vals.#(b==~null)#.b", "[null]"),
    ("@dig:last", r#"["Anderson","Murphy","Craig","Murphy"]"#),
    ("@dig", r#"["emptykey"]"#),
    ("friends.@dig:first", r#"["Dale","Roger","Jane"]"#),
];

/// The recorded rows: documents that are no JSON are refused here, numbers keep their digits; all else is the same.
#[test]
fn recorded_answers() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/golden/gjson.json")).unwrap();
    let (mut same, mut digits, mut newer, mut refused, mut wrong) = (0, 0, 0, 0, Vec::new());
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap();
        let (json, path) = (text("j"), text("p"));
        let got = match look_up(json, path) {
            Ok(got) => got,
            Err(_) if serde_json::from_str::<Value>(json).is_err() => {
                refused += 1;
                continue;
            }
            Err(error) => {
                wrong.push(format!("{path} in {json:.40}: {error}"));
                continue;
            }
        };
        let want = row["exists"].as_bool().unwrap().then(|| (text("raw").to_owned(), text("str").to_owned()));
        let got = got.map(|found| (found.raw().to_owned(), found.value().to_string()));
        match (&got, &want) {
            _ if got == want => same += 1,
            (Some((raw, _)), _) if NEWER.contains(&(path, raw.as_str())) => newer += 1,
            // Go prints such numbers anew.
            (Some((got_raw, value)), Some((raw, _)))
                if got_raw == raw && value == raw && text("type") == "Number" =>
            {
                digits += 1;
            }
            _ => wrong.push(format!("{path} in {json:.40}: got {got:?}, want {want:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert_eq!((same, digits, newer, refused, rows.len()), (204, 2, 4, 126, 336));
}

/// Random documents and paths with the answers of Go's gjson 1.18.0, which looks for brackets even inside of a string
/// that `@tostr` made; we do not.
#[test]
fn recorded_answers_of_the_pinned_version() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("recorded-1.18.json")).unwrap();
    let mut differ = Vec::new();
    for row in &rows {
        let (json, path) = (row["json"].as_str().unwrap(), row["path"].as_str().unwrap());
        let got = look_up(json, path).unwrap();
        let raw = got.as_ref().map(|found| found.raw().to_owned());
        // Go prints numbers with a fraction anew; here they keep their digits.
        let number = raw.as_ref().is_some_and(|raw| raw.starts_with(['-', '0', '1', '2', '3', '4', '5']));
        let text = got.map(|found| found.value().to_string());
        if raw.as_deref() != row["raw"].as_str() || (!number && text.as_deref() != row["text"].as_str()) {
            differ.push(path);
        }
    }
    assert_eq!(rows.len(), 1000);
    assert_eq!(differ, DIFFERENT);
}

/// Paths of the recorded rows on which we differ.
const DIFFERENT: [&str; 3] = ["@tostr.-1.{m:@dig:b.0.a?}", "@tostr.#(>=~null).@values", "@tostr.a*.@dig:a.1"];

/// A path into a document, and the value it gives; `None` if there is nothing.
#[track_caller]
fn check(json: &str, path: &str, want: Option<&str>) {
    let got = look_up(json, path).map(|found| found.map(|found| found.value().to_string()));
    assert_eq!(got, Ok(want.map(str::to_owned)), "{path} in {json}");
}

#[test]
fn keys_and_wildcards() {
    let json =
        r#"{"a*b":1,"axxb":2,"a?b":3,"a.b":{"c|d":4},"\\":5,"日本":{"x":6},"e":{"f":{"g":7}},"ex":{"f":8}}"#;
    for (path, want) in [
        ("a*b", Some("1")),
        (r"a\*b", Some("1")),
        ("ax*", Some("2")),
        ("a?b", Some("1")),
        (r"a\?b", Some("3")),
        ("*xb", Some("2")),
        ("a??b", Some("2")),
        ("a???b", None),
        (r"a\.b", Some(r#"{"c|d":4}"#)),
        (r"a\.b.c\|d", Some("4")),
        ("a.b", None),
        (r"\\", Some("5")),
        ("日本.x", Some("6")),
        ("日?.x", Some("6")),
        // A wildcard goes on to the next key if the first leads nowhere.
        ("e*.f.g", Some("7")),
        ("e?.f", Some("8")),
        ("e.f.g.h", None),
        ("e.f.g", Some("7")),
        ("**", Some("1")),
        ("zz*", None),
    ] {
        check(json, path, want);
    }
}

#[test]
fn the_first_of_equal_keys_counts_unless_it_leads_nowhere() {
    check(r#"{"a":1,"a":2}"#, "a", Some("1"));
    check(r#"{"a":{"x":1},"a":{"y":2}}"#, "a.y", Some("2"));
    check(r#"{"a":null,"a":2}"#, "a", Some(""));
}

#[test]
fn values_keep_their_text() {
    let json = r#"{"n":[12345678901234567890,1.0,-0,1E5,0.10],"s":"a\tb\u00e9","o":{"k" : [1 , "<"]},"z":null,"t":true}"#;
    for (path, want) in [
        ("n.0", "12345678901234567890"),
        ("n.1", "1.0"),
        ("n.2", "-0"),
        ("n.3", "1E5"),
        ("n", "[12345678901234567890,1.0,-0,1E5,0.10]"),
        ("n.#(>1)#", "[12345678901234567890,1E5]"),
        ("s", "a\tbé"),
        ("o", r#"{"k" : [1 , "<"]}"#),
        ("z", ""),
        ("t", "true"),
        ("[n.4,s]", r#"[0.10,"a\tb\u00e9"]"#),
    ] {
        check(json, path, Some(want));
    }
    check(json, "n.-1", None);
    check(json, "n.18446744073709551616", None);
    check(json, "n.5", None);
}

#[test]
fn queries() {
    let json = r#"{"l":[{"n":"a","v":1,"ok":true,"t":["x","y"]},{"n":"b","v":2.5,"ok":false},{"n":"ab","v":"2"},{"n":null}],"s":["apple","pear","fig"],"m":[[1,2],[3]]}"#;
    for (path, want) in [
        ("l.#(n==\"a\").v", Some("1")),
        ("l.#(n=\"a\").v", Some("1")),
        ("l.#[n==\"a\"].v", Some("1")),
        ("l.#( n == \"b\" ).v", Some("2.5")),
        ("l.#(n==b).v", Some("2.5")),
        ("l.#(n%\"a*\")#.n", Some(r#"["a","ab"]"#)),
        ("l.#(n!%\"a*\")#.n", Some(r#"["b"]"#)),
        ("l.#(n>\"a\")#.n", Some(r#"["b","ab"]"#)),
        ("l.#(n<=\"ab\")#.n", Some(r#"["a","ab"]"#)),
        ("l.#(v>1)#.n", Some(r#"["b","ab"]"#)),
        ("l.#(v>=1)#.n", Some(r#"["a","b","ab"]"#)),
        ("l.#(v<2)#.n", Some(r#"["a"]"#)),
        ("l.#(v!=1)#.n", Some(r#"["b","ab"]"#)),
        ("l.#(ok==true)#.n", Some(r#"["a"]"#)),
        ("l.#(ok!=true)#.n", Some(r#"["b"]"#)),
        ("l.#(ok>false)#.n", Some(r#"["a"]"#)),
        ("l.#(ok<true)#.n", Some(r#"["b"]"#)),
        ("l.#(ok>=false)#.n", Some(r#"["a"]"#)),
        ("l.#(ok<=true)#.n", Some(r#"["b"]"#)),
        ("l.#(ok%\"t*\")#.n", Some("[]")),
        ("l.#(n==null)#.v", Some("[]")),
        ("l.#(ok==~true)#.n", Some(r#"["a"]"#)),
        ("l.#(ok==~false)#.n", Some(r#"["b","ab",null]"#)),
        ("l.#(ok!=~true)#.n", Some(r#"["b","ab",null]"#)),
        ("l.#(ok==~*)#.n", Some(r#"["a","b"]"#)),
        ("l.#(ok==~null)#.n", Some(r#"["ab",null]"#)),
        ("l.#(n==~null)#.v", Some("[]")),
        ("l.#(ok==~maybe)#.n", Some("[]")),
        ("l.#(n==\"zz\")#.n|0", Some("[]")),
        ("l.#(t)#.n", Some(r#"["a"]"#)),
        ("l.#(t.#(==\"y\")).n", Some("a")),
        ("l.#(t.#(==\"z\")).n", None),
        ("l.#(n==\"a\").missing", None),
        ("l.#(n==\"zz\")", None),
        ("l.#(n==\"zz\")#", Some("[]")),
        ("l.#(n==\"a\")#|#", Some("1")),
        ("l.#(n==\"a\")#.t|0|1", Some("y")),
        ("s.#(%\"*p*\")#", Some(r#"["apple","pear"]"#)),
        ("s.#(!=\"fig\")#|#", Some("2")),
        ("m.#(#>1)", Some("[1,2]")),
        ("m.#.#(>1)", Some("[2,3]")),
        ("m.#.#(>1)#", Some("[[2],[3]]")),
        ("s.#(n==\"a\")#", Some("[]")),
    ] {
        check(json, path, want);
    }
    check(r#"[{"k":"a\"b)","v":1},{"k":"x","v":2}]"#, r#"#(k=="a\"b)").v"#, Some("1"));
}

#[test]
fn modifiers() {
    let json = r#"{"a":{"x":1,"y":[1,[2,[3]]]},"l":[{"p":1,"q":2},{"p":3}],"s":"{\"in\":true}","n":"no json","e":[]}"#;
    for (path, want) in [
        ("a|@keys", Some(r#"["x","y"]"#)),
        ("a.@keys.1", Some("y")),
        ("l.@keys", Some("[null,null]")),
        ("a.x.@values", Some("[1]")),
        ("l.@values.0.p", Some("1")),
        ("a.@reverse", Some(r#"{"y":[1,[2,[3]]],"x":1}"#)),
        ("a.y.@flatten", Some("[1,2,[3]]")),
        (r#"a.y.@flatten:{"deep":true}"#, Some("[1,2,3]")),
        ("a.x.@flatten", Some("1")),
        ("l.@join", Some(r#"{"p":3,"q":2}"#)),
        (r#"l.@join:{"preserve":true}"#, Some(r#"{"p":1,"q":2,"p":3}"#)),
        (r#"l.@join:{"preserve":false}|q"#, Some("2")),
        ("s.@fromstr.in", Some("true")),
        ("n.@fromstr", None),
        ("e.@tostr", Some("[]")),
        ("a.x.@tostr|@fromstr", Some("1")),
        ("a.@this|@this.x", Some("1")),
        ("a.@valid.x", Some("1")),
        ("@dig:x", Some("[1]")),
        ("@dig:p|1", Some("3")),
        ("missing.@dig:x", Some("[]")),
        ("@dig:0", Some(r#"[1,2,3,{"p":1,"q":2}]"#)),
        ("l.@group", None),
        ("missing.@keys", Some("[]")),
        ("missing.@values", Some("[]")),
        ("missing.@tostr", Some("")),
        ("missing.@this", None),
        ("missing.@reverse", None),
        ("missing.@nosuch", None),
        ("a.@pretty|@ugly", Some(r#"{"x":1,"y":[1,[2,[3]]]}"#)),
        (
            r#"a.@pretty:{"width":5,"prefix":">","indent":"\t"}"#,
            Some(
                ">{\n>\t\"x\": 1,\n>\t\"y\": [\n>\t\t1,\n>\t\t[\n>\t\t\t2,\n>\t\t\t[\n>\t\t\t\t3\n>\t\t\t]\n>\t\t]\n>\t]\n>}\n",
            ),
        ),
    ] {
        check(json, path, want);
    }
}

#[test]
fn multipaths_and_literals() {
    let json = r#"{"a":{"b":1,"c":"x"},"l":[{"k":1},{"k":2}],"we:ird":3}"#;
    for (path, want) in [
        ("{a.b,a.c}", Some(r#"{"b":1,"c":"x"}"#)),
        (r#"{"n":a.b,m:a.c}"#, Some(r#"{"n":1,"m":"x"}"#)),
        ("[a.b,missing,a.c]", Some(r#"[1,"x"]"#)),
        ("{}", Some("{}")),
        ("[]", Some("[]")),
        ("a.{b}", Some(r#"{"b":1}"#)),
        ("l.#.{k,\"t\":!true}", Some(r#"[{"k":1,"t":true},{"k":2,"t":true}]"#)),
        ("[l.#(k==2).k,l.#]", Some("[2,2]")),
        ("{l.#.k}", Some(r#"{"k":[1,2]}"#)),
        ("{l.#}", Some(r#"{"_":2}"#)),
        ("{a.@keys}", Some(r#"{"@keys":["b","c"]}"#)),
        ("{\"x\":l.@join:{\"preserve\":true}}", Some(r#"{"x":{"k":1,"k":2}}"#)),
        ("{a,b", None),
        ("[a.b][a.c]", None),
        ("!12.5", Some("12.5")),
        ("!null", Some("")),
        ("!{\"a\":[1]}.a.0", Some("1")),
        ("missing|!\"default\"", Some("default")),
        ("missing.{a}", Some("{}")),
        ("a.!\"lit\"", None),
        ("a|!\"lit\"", Some("lit")),
        ("!\"lit\".a", Some("lit")),
        ("!1.a", None),
        ("!nothing", None),
        ("..0.a.b", Some("1")),
        ("..#", Some("1")),
        ("..1", None),
    ] {
        check(json, path, want);
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for (path, want) in [
        ("l.#(k", "the query \"#(k\" is not complete; write it like #(name==\"value\")"),
        ("l.#(k==1)x", "the query \"#(k==1)x\" is not complete; write it like #(name==\"value\")"),
        ("l.#(k!1)", "the query \"#(k!1)\" is not complete; write it like #(name==\"value\")"),
        (
            "l.@join:nope",
            "the argument of the modifier @join is not a JSON object; write it like @join:{\"key\":true}",
        ),
        (
            "l.@flatten:[1]",
            "the argument of the modifier @flatten is not a JSON object; write it like @flatten:{\"key\":true}",
        ),
        (
            "l.@pretty:1",
            "the argument of the modifier @pretty is not a JSON object; write it like @pretty:{\"key\":true}",
        ),
    ] {
        assert_eq!(look_up(r#"{"l":[{"k":1}]}"#, path).err().as_deref(), Some(want), "{path}");
    }
}

#[test]
fn limits() {
    let refused = |json: &str, path: &str| get(Raw::parse(json).unwrap(), path).err();
    let small = r#"{"a":[1,2],"s":"\"\\"}"#;
    assert_eq!(refused(small, &"a".repeat(MAX_PATH)), None);
    assert_eq!(refused(small, &"a".repeat(MAX_PATH + 1)), Some(GjsonError::PathTooLong(MAX_PATH + 1)));
    assert_eq!(refused(small, &["@this"; MAX_DEPTH + 2].join("|")), Some(GjsonError::PathTooDeep));
    let nested = format!("{}a{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(refused(small, &nested), Some(GjsonError::PathTooDeep));
    let queries = format!("a.{}", "#(#(".repeat(100) + &"))".repeat(100));
    assert!(refused(small, &queries).is_none_or(|error| error == GjsonError::PathTooDeep));
    // Each step doubles the text.
    assert!(matches!(
        refused(small, &["@tostr"; 40].join("|")),
        Some(GjsonError::Json(JsonError::TooLong(_)))
    ));
    assert!(matches!(refused(small, &["[@this,@this]"; 40].join("|")), Some(GjsonError::Json(_))));
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
    let found = look_up(r#"{"p":"hunter2"}"#, "p").unwrap().unwrap();
    assert_eq!(*found.value(), "hunter2");
    for path in ["p.#(x", "p|@pretty:hunter", "@tostr|#("] {
        if let Err(error) = look_up(r#"{"p":["hunter2"]}"#, path) {
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
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
    /// Any path on any document: an answer, and what is found is JSON.
    #[test]
    fn any_path_gives_an_answer(json in documents(), path in r#"([a-c]|[0-2]|\.|\||#|#\(|\)|\[|\]|\{|\}|,|:|"|\\|\*|\?|@this|@keys|@tostr|@pretty|!|==|>|%|~|1){0,14}"#) {
        let json = Raw::parse(&json).unwrap();
        if let Ok(Some(found)) = get(json, &path) {
            prop_assert!(Raw::parse(found.raw()).is_ok(), "{} gives {}", path, found.raw());
        }
    }

    /// Plain paths, walked by hand over another reader's tree.
    #[test]
    fn plain_paths_agree_with_a_walk(json in documents(), steps in prop::collection::vec("[a-c]{1,2}|[0-3]", 1..4)) {
        let tree: Value = serde_json::from_str(&json).unwrap();
        prop_assume!(!has_double_keys(Raw::parse(&json).unwrap()));
        let mut node = Some(&tree);
        for step in &steps {
            node = match node {
                Some(Value::Object(map)) => map.get(step),
                Some(Value::Array(list)) => step.parse::<usize>().ok().and_then(|at| list.get(at)),
                _ => None,
            };
        }
        let found = get(Raw::parse(&json).unwrap(), &steps.join(".")).unwrap();
        let found = found.map(|found| serde_json::from_str::<Value>(found.raw()).unwrap());
        prop_assert_eq!(found.as_ref(), node);
    }
}

fn has_double_keys(json: Raw<'_>) -> bool {
    let members = json.members();
    let keys: std::collections::BTreeSet<_> = members.iter().map(|(key, _)| key.text()).collect();
    keys.len() != members.len()
        || members.iter().any(|(_, value)| has_double_keys(*value))
        || json.elements().into_iter().any(has_double_keys)
}
