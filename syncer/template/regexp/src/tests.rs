//! What Go 1.26 answers for patterns, texts and templates, recorded, and the limits that are ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;

fn bytes(row: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(row[field].as_str().unwrap_or_default()).unwrap()
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn free(_: usize) -> Result<(), ()> {
    Ok(())
}

/// What differs from Go's answer, or nothing.
fn difference(row: &Value) -> Option<String> {
    let (pattern, text) = (bytes(row, "pattern"), bytes(row, "text"));
    let n = row["n"].as_i64().unwrap();
    let re = match Regexp::new(&pattern) {
        Ok(re) => re,
        Err(error) => {
            let text = format!("error parsing regexp: {}: `", error.code().as_str());
            let text = [text.as_bytes(), error.expr(), b"`"].concat();
            return (text != bytes(row, "err")).then(|| format!("refused: {error}"));
        }
    };
    if row["err"].is_string() {
        return Some(format!("accepted, but: {}", shown(&bytes(row, "err"))));
    }
    let all: Vec<_> = re
        .find_all(&text, n, &mut free)
        .unwrap()
        .into_iter()
        .map(|r| serde_json::json!([r.start, r.end]))
        .collect();
    if all != row["all"].as_array().cloned().unwrap_or_default() {
        return Some(format!("matches {all:?}"));
    }
    if n < 0 && re.find(&text).is_some() == all.is_empty() {
        return Some("find and find_all disagree".into());
    }
    let template = bytes(row, "template");
    let replaced = re.replace_all(&text, &template, &mut free).unwrap();
    if replaced != bytes(row, "replaced") {
        return Some(format!("replaced {}", shown(&replaced)));
    }
    let literal = re.replace_all_literal(&text, &template, &mut free).unwrap();
    if literal != bytes(row, "literal") {
        return Some(format!("replaced literally {}", shown(&literal)));
    }
    let pieces: Vec<_> = re.split(&text, n, &mut free).unwrap().unwrap_or_default();
    let pieces: Vec<_> = pieces.into_iter().map(|r| Value::from(STANDARD.encode(&text[r]))).collect();
    (pieces != row["split"].as_array().cloned().unwrap_or_default()).then(|| format!("split {pieces:?}"))
}

/// `REGEXP_ROWS=file` at build time takes other rows.
#[test]
fn answers_as_go_does() {
    let recorded = match option_env!("REGEXP_ROWS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("recorded-go1.26.json").to_owned(),
    };
    let rows: Vec<Value> = serde_json::from_str(&recorded).unwrap();
    assert!(rows.len() > 900);
    let mut wrong = Vec::new();
    for row in &rows {
        if let Some(difference) = difference(row) {
            let (pattern, text) = (shown(&bytes(row, "pattern")), shown(&bytes(row, "text")));
            wrong.push(format!("`{pattern}` on `{text}`: {difference}\n  {row}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn code(pattern: &[u8]) -> Option<ErrorCode> {
    Regexp::new(pattern).err().map(|error| error.code())
}

#[test]
fn limits_are_errors() {
    let nested = |depth| [b"(".repeat(depth), b"a".to_vec(), b")+".repeat(depth)].concat();
    assert_eq!(code(&nested(80)), None);
    assert_eq!(code(&nested(150)), Some(ErrorCode::NestingDepth));
    assert_eq!(code(&b"(".repeat(100_000)), Some(ErrorCode::NestingDepth));
    assert_eq!(code(&b"a".repeat(MAX_PATTERN)), None);
    assert_eq!(code(&b"a".repeat(MAX_PATTERN + 1)), Some(ErrorCode::Large));
    assert_eq!(code(br"\w{1000}"), None);
    assert_eq!(code(br"(\pL{100}){10}"), Some(ErrorCode::Large));
    assert_eq!(code(&br"(?i)[\pL\pN]".repeat(9_000)), Some(ErrorCode::Large));
    assert_eq!(code(&br"(?i)[A-\x{10FFFF}]".repeat(6_000)), Some(ErrorCode::Large));
    let mut left = 1000usize;
    let mut spend = |bytes: usize| {
        left = left.checked_sub(bytes + 1).ok_or("spent")?;
        Ok(())
    };
    let re = Regexp::new(b"").unwrap();
    assert_eq!(re.replace_all(&[b'a'; 100], &[b'b'; 100], &mut spend), Err("spent"));
    assert_eq!(re.find_all(&[b'a'; 2000], -1, &mut spend), Err("spent"));
    assert_eq!(re.find_all(&[b'a'; 2000], -1, &mut free).map(|found| found.len()), Ok(2001));
}

#[test]
fn a_quoted_text_matches_itself() {
    for text in [&b"a.b*c"[..], br"\.+*?()|[]{}^$", b"$1 #&-~", "é日".as_bytes()] {
        let re = Regexp::new(&quote_meta(text)).unwrap();
        assert_eq!(re.find(text), Some(0..text.len()), "{}", shown(text));
    }
    assert_eq!(quote_meta(br"\.+*?()|[]{}^$-#"), br"\\\.\+\*\?\(\)\|\[\]\{\}\^\$-#");
}
