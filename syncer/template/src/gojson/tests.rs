//! Tests against what Go's encoding/json made of random texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Json, Part, Writer, decode};

/// Writes a value as Go writes a decoded one.
pub(crate) fn write(out: &mut Writer, json: &Json) {
    match json {
        Json::Null => out.literal("null"),
        Json::Bool(value) => out.literal(if *value { "true" } else { "false" }),
        Json::Number(number) => assert!(out.float(*number)),
        Json::String(text) => out.string(text),
        Json::Array(items) => {
            out.begin(b'[');
            items.iter().for_each(|item| write(out, item));
            out.end(b']');
        }
        Json::Object(members) => {
            // Of equal keys the last counts.
            let members: std::collections::BTreeMap<&[u8], &Json> =
                members.iter().map(|(key, value)| (key.as_slice(), value)).collect();
            out.begin(b'{');
            for (key, value) in members {
                out.key(key);
                write(out, value);
            }
            out.end(b'}');
        }
    }
}

/// The error, and the value in the three forms that templates can write.
fn answer(text: &[u8]) -> [Vec<u8>; 4] {
    let decoded = decode(text);
    let written = |html, indent| {
        let mut out = Writer::new(html, indent);
        write(&mut out, &decoded.value);
        out.finish().to_vec()
    };
    let forms = [written(true, None), written(true, Some("  ")), written(false, None)];
    let parts = decoded.error.map(|error| error.0).unwrap_or_default();
    let words = parts.into_iter().map(|part| match part {
        Part::Text(text) => text,
        Part::Data(data) => match data.as_slice() {
            [byte] => shown(*byte),
            data => String::from_utf8(data.to_vec()).unwrap(),
        },
    });
    let [compact, indented, raw] = forms;
    [words.collect::<String>().into_bytes(), compact, indented, raw]
}

/// A byte as Go's errors show it.
fn shown(byte: u8) -> String {
    let quoted = crate::gofmt::quote::shown(char::from(byte).to_string().as_bytes());
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => format!("'{}'", quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap()),
    }
}

/// Rows of text, error and three forms of the value, in Base64. `JSON_ROWS=file` takes others than the recorded ones.
#[test]
fn texts_are_what_go_makes_of_them() {
    let recorded = std::env::var("JSON_ROWS").ok().map(|path| std::fs::read_to_string(path).unwrap());
    let text = recorded.as_deref().unwrap_or(include_str!("recorded.json"));
    let rows: Vec<[String; 5]> = serde_json::from_str(text).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let [text, expected @ ..] = row.each_ref().map(|text| STANDARD.decode(text).unwrap());
        let given = answer(&text);
        if given != expected {
            let show = |texts: &[Vec<u8>]| {
                texts.iter().map(|text| text.escape_ascii().to_string()).collect::<Vec<_>>().join(" | ")
            };
            let text = text.escape_ascii();
            wrong.push(format!("\"{text}\"\n  gives {}\n  not   {}\n", show(&given), show(&expected)));
        }
    }
    assert!(wrong.is_empty(), "{}{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}
