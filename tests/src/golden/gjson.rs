//! `gjson.json` as data: documents and paths, and what the Go library finds.

use anyhow::Result;
use serde::Deserialize;
use syncer_template::gjson::{self, Kind};

use super::report::{Part, Report};
use super::{Recordings, Verdict};

/// The file.
pub const FILE: &str = "gjson.json";

/// Paths that version 1.18 of the library, the one that counts, answers otherwise than version 1.14, which was recorded,
/// with its answers.
const NEWER: [(&str, &str); 4] = [
    ("vals.#(b==~null)#.b", "[null]"),
    ("@dig:last", r#"["Anderson","Murphy","Craig","Murphy"]"#),
    ("@dig", r#"["emptykey"]"#),
    ("friends.@dig:first", r#"["Dale","Roger","Jane"]"#),
];

#[derive(Deserialize)]
struct Row {
    j: String,
    p: String,
    exists: bool,
    #[serde(rename = "type")]
    kind: String,
    raw: String,
    #[serde(rename = "str")]
    text: String,
    panic: String,
}

/// Looks every row of the file up; none if `GOLDEN_DIR` has no such file.
///
/// # Errors
/// The file cannot be read or has another shape.
pub fn run(recordings: &Recordings) -> Result<Option<Report>> {
    let Some(rows) = recordings.read::<Vec<Row>>(FILE)? else { return Ok(None) };
    let mut part = Part { name: "rows".to_owned(), ..Part::default() };
    for (number, row) in rows.iter().enumerate() {
        let verdict = if row.panic.is_empty() {
            Verdict::of(compare(row))
        } else {
            Verdict::LeftOut("the library panics".to_owned())
        };
        part.add(format!("{number}: {}", row.p), verdict);
    }
    Ok(Some(Report { title: format!("{FILE} on our gjson"), parts: vec![part] }))
}

fn compare(row: &Row) -> Vec<String> {
    let found = match gjson::get(row.j.as_bytes(), &row.p) {
        Ok(found) => found,
        Err(error) => return vec![error.to_string()],
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let got = match found {
        None => (false, "Null".to_owned(), String::new(), String::new()),
        Some(found) => {
            let kind =
                if found.kind() == Kind::Json { "JSON".to_owned() } else { format!("{:?}", found.kind()) };
            let raw = text(found.raw());
            (true, kind, raw, text(&found.text()))
        }
    };
    let expected = (row.exists, row.kind.clone(), row.raw.clone(), row.text.clone());
    if got == expected || NEWER.contains(&(row.p.as_str(), got.2.as_str())) {
        return Vec::new();
    }
    vec![format!("{got:?}, expected {expected:?}, in {}", row.j)]
}
