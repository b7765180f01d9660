//! Our template engine beside Go's on random templates, and gjson beside the Go library.

use harness::oracle::paths;
use syncer_template::gjson::{self, Kind};

/// Pairs of documents and paths; `KEYREEVE_TEST_SEED` asks about others.
const PATHS: usize = 30_000;

fn seed() -> u64 {
    std::env::var("KEYREEVE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn look(json: &str, path: &str) -> Result<Option<(String, String, String)>, String> {
    let Some(found) = gjson::get(json.as_bytes(), path).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let kind = match found.kind() {
        Kind::Json => "JSON".to_owned(),
        other => format!("{other:?}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let raw = text(found.raw());
    Ok(Some((kind, raw, text(&found.text()))))
}

#[test]
fn gjson_agrees_with_the_go_library() {
    let looked = paths::run(seed(), PATHS, look).unwrap();
    println!(
        "seed {}, {} cases, {} found something, {} more on which Go's library panics, {} differ",
        seed(),
        looked.cases,
        looked.found,
        looked.panics,
        looked.failures.len()
    );
    let shown: Vec<&str> = looked.failures.iter().take(30).map(String::as_str).collect();
    assert!(looked.failures.is_empty(), "{}", shown.join("\n"));
}
