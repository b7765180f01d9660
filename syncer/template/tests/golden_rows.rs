//! The recorded rows of External Secrets' template engine.
//!
//! `GOLDEN_FUNC=name` runs the rows of one function (or a group: a comma-separated list, a trailing `*` for a prefix),
//! `GOLDEN_NAME=name` those whose name begins so: `GOLDEN_FUNC=repeat cargo test -p syncer-template --test golden_rows`.

#[path = "../../../tests/src/golden/template_rows.rs"]
mod template_rows;

use template_rows::{Row, compare};

fn wanted(row: &Row) -> bool {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => row.func.starts_with(prefix),
        None => row.func == pattern,
    };
    let func = std::env::var("GOLDEN_FUNC").ok().is_none_or(|list| list.split(',').any(matches));
    func && std::env::var("GOLDEN_NAME").ok().is_none_or(|name| row.name.starts_with(&name))
}

#[test]
fn every_recorded_row_gives_what_was_recorded() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/go-template.json");
    let rows: Vec<Row> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows: Vec<&Row> = rows.iter().filter(|row| wanted(row)).collect();
    assert!(!rows.is_empty(), "no row is asked for");
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|row| compare(row).into_iter().map(|text| format!("{} ({}): {text}\n", row.name, row.func)))
        .collect();
    assert!(wrong.is_empty(), "{}\n{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}

/// Answers of Go's text/template and fmt with the published Sprig, on random formats and random templates.
#[test]
fn random_templates_give_what_go_gave() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("go-rows.json")).unwrap();
    let wrong: Vec<String> = rows.iter().flat_map(compare).collect();
    assert!(wrong.is_empty(), "{}\n{} of {} rows are wrong", wrong.concat(), wrong.len(), rows.len());
}
