//! What a secret is to hold, from the words of a command line: `key=value`, `key=@FILE`, `key=-`, `@FILE.json`, `-`.

use std::collections::BTreeMap;

use broker_core::json::{Json, JsonLimits, parse};
use zeroize::Zeroizing;

use crate::problem::Problem;

/// Where a word's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Standard input, to its end.
    Stdin,
    /// A file.
    File(&'a str),
}

/// The object that the words make, and whether a value stood on the command line itself. A key given several times makes a list,
/// as with Vault. `read` reads a file or stdin; stdin can be named once.
///
/// # Errors
/// A word that is none of the forms, a file that cannot be read, JSON that is no object.
pub fn object(
    words: &[String],
    mut read: impl FnMut(Origin<'_>) -> Result<Zeroizing<Vec<u8>>, Problem>,
) -> Result<(Json, bool), Problem> {
    let mut fields: BTreeMap<String, Json> = BTreeMap::new();
    let mut visible = false;
    let mut stdin_used = false;
    let mut fetch = |origin: Origin<'_>| {
        if origin == Origin::Stdin && std::mem::replace(&mut stdin_used, true) {
            return Err(Problem::Usage("stdin (-) can be named only once".to_owned()));
        }
        read(origin)
    };
    for (at, word) in words.iter().enumerate() {
        if let Some(origin) = origin(word) {
            let Json::Object(members) = whole(&fetch(origin)?, origin)? else {
                return Err(Problem::Input(format!("{} holds no JSON object", described(origin))));
            };
            members.into_iter().for_each(|(key, value)| add(&mut fields, key, value));
            continue;
        }
        // The word may be a secret that lacks its key, so it is not repeated.
        let Some((key, text)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Problem::Usage(format!(
                "word {} of the data is not key=value; write key=value, key=@FILE, key=-, @FILE.json or -",
                at + 1
            )));
        };
        let value = match origin(text) {
            Some(origin) => text_of(&fetch(origin)?, origin)?,
            None => {
                visible |= !text.is_empty();
                Json::string(text.strip_prefix('\\').filter(|rest| rest.starts_with('@')).unwrap_or(text))
            }
        };
        add(&mut fields, key.to_owned(), value);
    }
    Ok((Json::Object(fields), visible))
}

fn origin(word: &str) -> Option<Origin<'_>> {
    match word {
        "-" => Some(Origin::Stdin),
        _ => word.strip_prefix('@').map(Origin::File),
    }
}

fn described(origin: Origin<'_>) -> String {
    match origin {
        Origin::Stdin => "stdin".to_owned(),
        Origin::File(path) => format!("the file {path:?}"),
    }
}

fn whole(bytes: &[u8], origin: Origin<'_>) -> Result<Json, Problem> {
    // The server has its own, narrower limits.
    let limits = JsonLimits { max_strings: usize::MAX, ..JsonLimits::default() };
    parse(bytes, &limits).map_err(|error| Problem::Input(format!("{}: {error}", described(origin))))
}

fn text_of(bytes: &[u8], origin: Origin<'_>) -> Result<Json, Problem> {
    let text = std::str::from_utf8(bytes);
    let bad = |_| {
        Problem::Input(format!(
            "{} is not UTF-8 text; encode it first, for example with base64",
            described(origin)
        ))
    };
    text.map(Json::string).map_err(bad)
}

fn add(fields: &mut BTreeMap<String, Json>, key: String, value: Json) {
    match fields.get_mut(&key) {
        None => {
            fields.insert(key, value);
        }
        Some(Json::Array(items)) => items.push(value),
        Some(single) => {
            let first = std::mem::take(single);
            *single = Json::Array(vec![first, value]);
        }
    }
}

/// `name=text` words as an object of strings, for metadata.
///
/// # Errors
/// A word without `=`.
pub fn texts(option: &str, words: &[String]) -> Result<Json, Problem> {
    let pair = |word: &String| {
        let pair = word.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, text) =
            pair.ok_or_else(|| Problem::Usage(format!("-{option} {word:?} is not name=text")))?;
        Ok((name.to_owned(), Json::string(text)))
    };
    words.iter().map(pair).collect::<Result<_, Problem>>().map(Json::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str) -> Result<(String, bool), String> {
        let words: Vec<String> = words.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
        let read = |origin: Origin<'_>| match origin {
            Origin::Stdin => Ok(Zeroizing::new(b"{\"in\":\"stdin\"}".to_vec())),
            Origin::File("a.json") => Ok(Zeroizing::new(b" {\"n\":1.50e3,\"b\":null} ".to_vec())),
            Origin::File("line") => Ok(Zeroizing::new(b"one\ntwo\n".to_vec())),
            Origin::File("list") => Ok(Zeroizing::new(b"[\"topsecret\"]".to_vec())),
            Origin::File("bad") => Ok(Zeroizing::new(b"\xfftopsecret".to_vec())),
            Origin::File(_) => Err(Problem::Input("no such file".to_owned())),
        };
        object(&words, read).map(|(json, visible)| (json.to_text(), visible)).map_err(|e| e.to_string())
    }

    #[test]
    fn words_make_an_object() {
        let check = |words: &str, json: &str, visible: bool| {
            assert_eq!(run(words), Ok((json.to_owned(), visible)), "{words}");
        };
        check("a=b c=d", r#"{"a":"b","c":"d"}"#, true);
        check("a=b=c", r#"{"a":"b=c"}"#, true);
        check("a=", r#"{"a":""}"#, false);
        check("a=1 b=true", r#"{"a":"1","b":"true"}"#, true);
        check("a=@line", r#"{"a":"one\ntwo\n"}"#, false);
        check("a=-", r#"{"a":"{\"in\":\"stdin\"}"}"#, false);
        check("-", r#"{"in":"stdin"}"#, false);
        check("@a.json", r#"{"b":null,"n":1.50e3}"#, false);
        check("@a.json c=d", r#"{"b":null,"c":"d","n":1.50e3}"#, true);
        check(r"a=\@line", r#"{"a":"@line"}"#, true);
        check(r"a=\b", r#"{"a":"\\b"}"#, true);
        check("a=b a=c a=d", r#"{"a":["b","c","d"]}"#, true);
    }

    #[test]
    fn bad_words_are_refused_without_their_text() {
        let check = |words: &str, expected: &str| {
            let text = run(words).unwrap_err();
            assert!(text.contains(expected) && !text.contains("topsecret"), "{text}");
        };
        check("a=b topsecret", "word 2 of the data is not key=value");
        check("=topsecret", "word 1");
        check("- a=-", "only once");
        check("@list", "holds no JSON object");
        check("@line", "the file \"line\": ");
        check("@bad", "the file \"bad\": ");
        check("a=@bad", "is not UTF-8");
        check("a=@none", "no such file");
    }

    #[test]
    fn metadata_words() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(texts("metadata", &words(&["a=b", "c=d=e"])).unwrap().to_text(), r#"{"a":"b","c":"d=e"}"#);
        assert!(texts("metadata", &words(&["a"])).unwrap_err().to_string().contains("-metadata \"a\""));
    }
}
