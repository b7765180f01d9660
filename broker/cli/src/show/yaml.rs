//! A JSON value as YAML: names sorted, numbers digit by digit, every text that could be read as something else in quotes.

use broker_core::json::Json;
use broker_core::wire::quote;
use zeroize::Zeroizing;

/// Words that YAML reads as something else than text, in lower case.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// The value as a document.
pub fn document(value: &Json) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    match scalar(value) {
        Some(text) => {
            out.push_str(&text);
            out.push('\n');
        }
        None => block(value, 0, false, &mut out),
    }
    out
}

/// The value on one line, unless it has members or items.
fn scalar(value: &Json) -> Option<Zeroizing<String>> {
    let text = match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(digits) => digits.to_string(),
        Json::String(text) => text_of(text),
        Json::Array(items) if items.is_empty() => "[]".to_owned(),
        Json::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Json::Array(_) | Json::Object(_) => return None,
    };
    Some(Zeroizing::new(text))
}

/// Members or items, each on lines of its own; `begun` says that the first one continues a line.
fn block(value: &Json, depth: usize, mut begun: bool, out: &mut String) {
    let mut pad = |out: &mut String| {
        if !std::mem::take(&mut begun) {
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                pad(out);
                out.push_str(&text_of(name));
                out.push(':');
                match scalar(value) {
                    Some(text) => rest_of_line(&text, out),
                    None => {
                        out.push('\n');
                        // Items stand below their name, members one level deeper.
                        block(value, depth + usize::from(value.as_object().is_some()), false, out);
                    }
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                pad(out);
                out.push('-');
                match scalar(item) {
                    Some(text) => rest_of_line(&text, out),
                    None => {
                        out.push(' ');
                        block(item, depth + 1, true, out);
                    }
                }
            }
        }
        _ => {}
    }
}

fn rest_of_line(text: &str, out: &mut String) {
    out.push(' ');
    out.push_str(text);
    out.push('\n');
}

/// A text, in quotes unless it is surely read as text without.
fn text_of(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    for c in quote(text).chars() {
        match c {
            // Not printable in YAML, though JSON allows them as they are.
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> String {
        document(&broker_core::json::parse(text.as_bytes(), &Default::default()).unwrap()).to_string()
    }

    #[test]
    fn layout() {
        let check = |text: &str, expected: &str| assert_eq!(yaml(text), expected);
        check("null", "null\n");
        check("{}", "{}\n");
        check(r#"["a",1]"#, "- a\n- 1\n");
        check(
            r#"{"b":{"c":1.50,"d":[]},"a":[1,{"x":"y","z":[true]},[2]]}"#,
            "a:\n- 1\n- x: \"y\"\n  z:\n  - true\n- - 2\nb:\n  c: 1.50\n  d: []\n",
        );
        check(
            r#"{"n":"","p":"a b","t":"2026-11-25T10:00:00Z","u":"secret/data/app"}"#,
            "\"n\": \"\"\np: \"a b\"\nt: \"2026-11-25T10:00:00Z\"\nu: secret/data/app\n",
        );
    }

    #[test]
    fn a_yaml_reader_gets_the_same_value() {
        for text in [
            r##"{"a":"null","b":"~","c":"No","d":"1","e":"1e3","f":"0x1f","g":"- a","h":"a: b","i":"# c","j":" x ","k":"a\nb\n"}"##,
            r##"{"a":"\u0000\u007f\u0085\u2028\ufeff","b":"'\"\\","c":"\ud83d\ude00","":"e","y":"n"}"##,
            r##"{"a":[[],{},[[1,[2]],{"b":[{"c":{"d":"e"}}]}],null,true,-1.5,"..."]}"##,
            r##"["a",["b",["c"]],{"k":[{"l":"m","n":["o"]}]}]"##,
            r##""---""##,
        ] {
            let expected: serde_json::Value = serde_json::from_str(text).unwrap();
            let got: serde_json::Value =
                serde_saphyr::from_str(&yaml(text)).unwrap_or_else(|e| panic!("{e}\n{}", yaml(text)));
            assert_eq!(got, expected, "{}", yaml(text));
        }
    }
}
