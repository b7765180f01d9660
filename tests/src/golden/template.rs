//! `go-template.json` on our template engine.

use anyhow::Result;

use super::report::{Part, Report};
use super::template_rows::{Row, compare};
use super::{Recordings, Verdict};

/// The file.
pub const FILE: &str = "go-template.json";

/// Renders every row of the file; none if `GOLDEN_DIR` has no such file.
///
/// # Errors
/// The file cannot be read or has another shape.
pub fn run(recordings: &Recordings) -> Result<Option<Report>> {
    let Some(rows) = recordings.read::<Vec<Row>>(FILE)? else { return Ok(None) };
    let mut part = Part { name: "rows".to_owned(), ..Part::default() };
    for row in &rows {
        part.add(format!("{} ({})", row.name, row.func), Verdict::of(compare(row)));
    }
    Ok(Some(Report { title: format!("{FILE} on the template engine"), parts: vec![part] }))
}
