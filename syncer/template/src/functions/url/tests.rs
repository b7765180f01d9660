//! Tests against what Go's net/url made of random URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::parse::{Url, Word};
use super::quote;

/// Error, or scheme, host, hostname, path, query, opaque, fragment, userinfo and the URL joined again.
fn answer(text: &[u8]) -> Vec<Vec<u8>> {
    match Url::parse(text) {
        Ok(url) => {
            let (hostname, userinfo, joined) = (url.hostname().to_vec(), url.userinfo(), url.text());
            vec![
                url.scheme,
                url.host,
                hostname,
                url.path,
                url.query,
                url.opaque,
                url.fragment,
                userinfo,
                joined,
            ]
        }
        Err(problem) => {
            let words = problem.0.into_iter().map(|word| match word {
                Word::Plain(text) => text,
                Word::Quoted(data) => quote::shown(&data),
            });
            vec![words.collect::<String>().into_bytes()]
        }
    }
}

/// `URL_ROWS=file` takes other rows than the recorded ones.
#[test]
fn urls_are_what_go_makes_of_them() {
    let recorded = std::env::var("URL_ROWS").ok().map(|path| std::fs::read_to_string(path).unwrap());
    let text = recorded.as_deref().unwrap_or(include_str!("recorded.json"));
    let rows: Vec<Vec<String>> = serde_json::from_str(text).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let row: Vec<Vec<u8>> = row.iter().map(|text| STANDARD.decode(text).unwrap()).collect();
        let (url, expected) = row.split_first().unwrap();
        let show = |texts: &[Vec<u8>]| {
            texts.iter().map(|text| text.escape_ascii().to_string()).collect::<Vec<_>>().join(" | ")
        };
        let given = answer(url);
        if given != expected {
            wrong.push(format!("{}: {}\n  not {}\n", url.escape_ascii(), show(&given), show(expected)));
        }
    }
    assert!(wrong.is_empty(), "{}{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}
