//! What texts say: recorded answers of the original parser, and facts beyond them.

use serde_json::{Value as Json, json};

use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/hcl-policy.json");

fn as_json(value: &Value) -> Json {
    match value {
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Bool(value) => json!(value),
        Value::Null => Json::Null,
        Value::List(values) => values.iter().map(as_json).collect(),
        Value::Object(items) => {
            Json::Object(items.iter().map(|i| (i.keys.join(" "), as_json(&i.value))).collect())
        }
    }
}

/// A stanza in the shape of the recorded answers.
fn recorded_shape(stanza: &PathStanza) -> Json {
    let mut shape = json!({ "path": stanza.pattern });
    if let Some((word, _)) = &stanza.policy {
        shape["policy"] = json!(word);
    }
    if !stanza.capabilities.is_empty() {
        shape["caps"] = stanza.capabilities.iter().map(|(word, _)| json!(word)).collect();
    }
    for (key, name) in [("allowed_parameters", "allowed"), ("min_wrapping_ttl", "minttl")] {
        if let Some(value) = stanza.setting(key) {
            shape[name] = as_json(value);
        }
    }
    shape
}

#[test]
fn recorded_answers() {
    let rows: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(GOLDEN).unwrap()).unwrap();
    assert_eq!(rows.len(), 32);
    for row in rows {
        let name = &row["name"];
        match PolicyDocument::parse(row["src"].as_str().unwrap()) {
            Ok(document) => {
                assert_eq!(row["err"], "", "{name}");
                let paths: Vec<Json> = document.paths.iter().map(recorded_shape).collect();
                let expected = row["paths"].as_array().cloned().unwrap_or_default();
                assert_eq!(paths, expected, "{name}");
            }
            Err(errors) => assert_eq!(row["err"], errors[0].to_string(), "{name}"),
        }
    }
}

/// Checks the stanzas, each as `pattern key=value …`, or the first error.
fn check(text: &str, expected: Result<&[&str], &str>) {
    let found = PolicyDocument::parse(text);
    let found = match &found {
        Ok(document) => Ok(document.paths.iter().map(in_short).collect::<Vec<_>>()),
        Err(errors) => Err(errors[0].to_string()),
    };
    let expected =
        expected.map(|lines| lines.iter().map(|s| (*s).to_owned()).collect()).map_err(str::to_owned);
    assert_eq!(found, expected, "{text}");
}

fn in_short(stanza: &PathStanza) -> String {
    let mut parts = vec![stanza.pattern.clone()];
    if let Some((word, _)) = &stanza.policy {
        parts.push(format!("policy={word}"));
    }
    if !stanza.capabilities.is_empty() {
        let words: Vec<_> = stanza.capabilities.iter().map(|(word, _)| word.as_str()).collect();
        parts.push(words.join("+"));
    }
    if let Some(comment) = &stanza.comment {
        parts.push(format!("comment={comment}"));
    }
    for setting in &stanza.settings {
        parts.push(format!("{}={}", setting.key, as_json(&setting.value)));
    }
    parts.join(" ")
}

#[test]
fn hcl_facts() {
    check("", Ok(&[]));
    check("/* a */ // b\n# c", Ok(&[]));
    check(
        "path \"a\" { policy = \"read\" min_wrapping_ttl = \"1s\" }",
        Ok(&["a policy=read min_wrapping_ttl=\"1s\""]),
    );
    check("path \"a\" {\n \"capabilities\" = [\"read\"]\n}", Ok(&["a read"]));
    check(
        "path \"a\" { min_wrapping_ttl = 0x10\n max_wrapping_ttl = 020 }",
        Ok(&["a min_wrapping_ttl=16 max_wrapping_ttl=16"]),
    );
    check(
        "path \"a\" { control_group = { factor \"ops\" { identity { group_names = [\"m\"]\n approvals = 1 } } } }",
        Ok(&["a control_group={\"factor ops\":{\"identity\":{\"group_names\":[\"m\"],\"approvals\":1}}}"]),
    );
    check("path { capabilities = [\"read\"] }", Ok(&["path read"]));
    check("path \"a\" \"b\" { policy = \"deny\" }", Ok(&["a policy=deny"]));
    check("path \"a\" { policy = \"deny\" }\r\npath \"a\" {}", Ok(&["a policy=deny", "a"]));
    check("path \"a\" { capabilities = [\"read\", \"list\",] }, path \"b\" {}", Ok(&["a read+list", "b"]));
    check("path \"a\" { comment = <<-X\n   one\n  two\n  X\n}", Ok(&["a comment= one\ntwo\n"]));
    check("path \"a\" { comment = <<X\r\n one\r\nX\r\n}", Ok(&["a comment= one\n"]));
    check("path \"s/\\u0061\\x62\\143\\U0001F511\\t\" {}", Ok(&["s/abc🔑\t"]));
    check("path \"a${\"q\"}{\" {}", Ok(&["a${\"q\"}{"]));
    check("path \"a\" { pagination_limit = -5 }", Ok(&["a pagination_limit=-5"]));
    check(
        "path \"a\" { allowed_parameters = { \"x\" = [-1.5e3, .5, 07, null] } }",
        Err("At 1:58: unexpected token while parsing list: IDENT"),
    );
    check(
        "path \"a\" { allowed_parameters = { \"x\" = [-1.5e3, .5, 07, [{}]] } }",
        Ok(&["a allowed_parameters={\"x\":[-1500.0,0.5,7,[{}]]}"]),
    );
}

#[test]
fn hcl_errors() {
    check("\u{feff}path \"a\" {}", Err("At 1:1: illegal char"));
    check("path \"a\" {\n policy = }", Err("At 2:11: Unknown token: 2:11 RBRACE"));
    check(
        "path \"a\" { policy }",
        Err("At 1:19: key 'policy' expected start of object ('{') or assignment ('=')"),
    );
    check("path \"a\"", Err("At 1:9: key 'path a' expected start of object ('{') or assignment ('=')"));
    check("path \"a\" {", Err("At 1:11: object expected closing RBRACE got: EOF"));
    check("}", Err("At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"));
    check("= 1", Err("At 1:1: no object keys found!"));
    check("path \"a\" { { } }", Err("At 1:12: expected: IDENT | STRING got: LBRACE"));
    check("name =", Err("At 1:7: the value is missing at the end of the text"));
    check("path \"a\nb\" {}", Err("At 1:8: literal not terminated"));
    check("path \"a\\q\" {}", Err("At 1:9: illegal char escape"));
    check("path \"\\xff\" {}", Err("At 1:11: the escape is no character; write the character itself"));
    check("path \"\\ud800\" {}", Err("At 1:13: the escape is no character; write the character itself"));
    check("/* a", Err("At 1:5: comment not terminated"));
    check("/ a", Err("At 1:2: expected '/' for comment"));
    check("name = <X", Err("At 1:9: heredoc expected second '<', didn't see it"));
    check("name = <<X\nabc", Err("At 2:4: heredoc not terminated"));
    check("name = <<\nabc", Err("At 1:10: zero-length heredoc anchor"));
    check("name = 99999999999999999999", Err("At 1:8: illegal number \"99999999999999999999\""));
    check("name = 0x-1", Err("At 1:8: illegal number \"0x\""));
    check("name = 5", Err("line 1: \"name\" must be a string"));
    check("paths \"a\" {}", Err("invalid key \"paths\" on line 1"));
    check("path = \"a\"", Err("line 1: \"path\" must be a block in braces"));
    let wanted = "line 2: \"capabilities\" must be a list of strings, for example [\"read\"]";
    check("path \"a\" {\n capabilities = \"read\"\n}", Err(wanted));
    check("path \"a\" {\n capabilities = [1]\n}", Err(wanted));
    check(
        "path \"a\" { policy = \"read\"\n policy = \"deny\"\n}",
        Err("line 2: key \"policy\" is given twice; keep one"),
    );
}

#[test]
fn json_facts() {
    check("{}", Ok(&[]));
    check("{\"path\":{}}", Ok(&[]));
    check("{\"path\":{\"a\":{\"policy\":\"read\"}}} # x\n// y\n/* z */ ", Ok(&["a policy=read"]));
    check("{\"name\":\"n\",\"path\":{\"z\":{},\"a\":{},\"z\":{}}}", Ok(&["z", "a", "z"]));
    check("{\"path\":{\"\\u00e9\\/\":{\"capabilities\":[]}}}", Ok(&["é/"]));
    check(
        "{\"path\":{\"a\":{\"allowed_parameters\":{\"x\":[null,1,1.5,true,[\"y\"]]}}}}",
        Ok(&["a allowed_parameters={\"x\":[null,1,1.5,true,[\"y\"]]}"]),
    );
}

#[test]
fn json_errors() {
    check(
        "{\"path\":{\"a\":{}}} x",
        Err("At 1:19: only comments may follow the JSON object; remove the rest"),
    );
    check(
        "{\"path\":{\"a\":{}}} {}",
        Err("At 1:19: only comments may follow the JSON object; remove the rest"),
    );
    check("{\"path\":{\"a\":{}\n\"b\":{}}}", Err("At 2:1: expected ',' or '}' in the object"));
    check("{\"path\":{\"a\":{},}}", Err("At 1:17: expected a string in double quotes"));
    check("{\"path\" {}}", Err("At 1:9: expected ':' after the key"));
    check("{\"path\":", Err("At 1:9: the JSON text ends where a value should be"));
    check("{\"path", Err("At 1:7: literal not terminated"));
    check("{\"a\\q\":1}", Err("At 1:2: the string has a bad escape or a control character"));
    check("{\"path\":nul}", Err("At 1:9: expected a value: an object, list, string, number or word"));
    check(
        "{\"path\":{\"a\":{\"capabilities\":[\"read\" \"x\"]}}}",
        Err("At 1:38: expected ',' or ']' in the list"),
    );
    check("{\"path\":[1]}", Err("line 1: \"path\" must be a block in braces"));
    check("{\"path\":{\"a\":{},\"b\":1}}", Err("invalid key \"a\" on line 1"));
}

#[test]
fn limits() {
    let deep = |open: &str, close: &str, depth: usize| {
        format!("path \"a\" {{ mfa_methods = {}{} }}", open.repeat(depth), close.repeat(depth))
    };
    assert!(PolicyDocument::parse(&deep("[", "]", 63)).is_ok());
    check(&deep("[", "]", 64), Err("At 1:89: nested deeper than 64 levels; flatten the policy"));
    check(&"{\"a\":".repeat(20_000), Err("At 1:321: nested deeper than 64 levels; flatten the policy"));
    check(&deep("{ a = ", "}", 20_000), Err("At 1:404: nested deeper than 64 levels; flatten the policy"));
    let large = format!("#{}", "x".repeat(MAX_DOCUMENT_BYTES));
    check(&large, Err("the policy has 1048577 bytes, the limit is 1048576; split it"));
    assert!(PolicyDocument::parse(&"path a {}\n".repeat(MAX_STANZAS)).is_ok());
    let many = "path a {}\n".repeat(MAX_STANZAS + 5);
    check(&many, Err("the policy has more than 10000 path blocks; split it"));
    assert_eq!(PolicyDocument::parse(&many).unwrap_err().len(), 1);
}

#[test]
fn every_error_is_reported() {
    let errors = PolicyDocument::parse("foo = 1\npath \"a\" {\n bar = 1\n capabilities = 5\n}").unwrap_err();
    let lines: Vec<_> = errors.iter().map(|e| e.position.line).collect();
    assert_eq!(lines, [1, 3, 4]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_breaks_the_parser(text in "(path|name|capabilities|policy| |\n|[{}=,\\[\\]\"#/*<>$a0.\\-+x\\\\é]|<<A\n|A\n){0,40}") {
        let _ = PolicyDocument::parse(&text);
        let _ = PolicyDocument::parse(&format!("{{{text}"));
    }

    #[test]
    fn patterns_survive_quoting(pattern in "[a-z0-9+*/ é\"\\\\]{0,20}") {
        let quoted = pattern.replace('\\', "\\\\").replace('"', "\\\"");
        let hcl = PolicyDocument::parse(&format!("path \"{quoted}\" {{ capabilities = [\"read\"] }}")).unwrap();
        let json = json!({ "path": { &pattern: { "capabilities": ["read"] } } }).to_string();
        let json = PolicyDocument::parse(&json).unwrap();
        proptest::prop_assert_eq!(&hcl.paths[0].pattern, &pattern);
        proptest::prop_assert_eq!(&json.paths[0].pattern, &pattern);
    }
}
