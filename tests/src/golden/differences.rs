//! Where our broker answers otherwise on purpose: the list in `golden/differences.json`, each entry a row of `docs/differences.md`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// One answer that differs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The row in `docs/differences.md`, such as `D-007`.
    pub id: String,
    /// The file of recordings.
    pub file: String,
    /// The scenario, for a file that has some.
    #[serde(default)]
    pub scenario: String,
    /// The step of the scenario or the row of the file, from 0.
    pub step: usize,
    /// Verb and path as recorded there, so that a shifted list is noticed.
    pub request: String,
    /// What our broker answers instead.
    pub expect: Expect,
}

/// An answer; what is not named is not compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status code.
    pub status: Option<u16>,
    /// The member `errors` of the body.
    pub errors: Option<Value>,
    /// The whole body, with placeholders.
    pub body: Option<Value>,
    /// Members of the body by JSON pointer, with placeholders.
    #[serde(default)]
    pub fields: serde_json::Map<String, Value>,
    /// Headers by name; `null` for one that must not be there.
    #[serde(default)]
    pub headers: serde_json::Map<String, Value>,
    /// The capabilities on the path, in a row of policies.
    pub capabilities: Option<Vec<String>>,
    /// The listed keys, in a row of policies.
    pub keys: Option<Vec<String>>,
}

/// The list.
#[derive(Debug, Default)]
pub struct Differences(Vec<Difference>);

impl Differences {
    /// Reads the list.
    ///
    /// # Errors
    /// It is not JSON of this shape, or two entries are about the same answer.
    pub fn parse(text: &str) -> Result<Differences> {
        let list: Vec<Difference> = serde_json::from_str(text).context("differences.json")?;
        let mut seen = BTreeSet::new();
        for entry in &list {
            if !seen.insert((&entry.file, &entry.scenario, entry.step)) {
                bail!(
                    "differences.json: {} is the second entry on {} step {}",
                    entry.id,
                    entry.scenario,
                    entry.step
                );
            }
        }
        Ok(Differences(list))
    }

    /// The entry on this answer, if there is one and it is about this request.
    pub fn find(&self, file: &str, scenario: &str, step: usize, request: &str) -> Option<&Difference> {
        self.0
            .iter()
            .find(|d| d.file == file && d.scenario == scenario && d.step == step && d.request == request)
    }

    /// All entries.
    pub fn all(&self) -> &[Difference] {
        &self.0
    }
}

/// A row of the table in `docs/differences.md`.
#[derive(Debug, PartialEq, Eq)]
pub struct Documented {
    /// Its id, such as `D-007`.
    pub id: String,
    /// The whole row.
    pub row: String,
}

/// The rows of the Markdown table whose first cell is an id `D-` and digits.
pub fn documented(markdown: &str) -> Vec<Documented> {
    let mut rows = Vec::new();
    for line in markdown.lines() {
        let first =
            line.trim_start().strip_prefix('|').and_then(|rest| rest.split('|').next()).unwrap_or_default();
        let id = first.trim().trim_matches('`');
        if id.strip_prefix("D-").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            rows.push(Documented { id: id.into(), row: line.into() });
        }
    }
    rows
}

/// What is wrong between the list and the documented rows: an entry without its row, an id documented twice, and a row
/// that neither an entry refers to nor names, in backquotes, a test that `is_test` knows.
pub fn inconsistencies(
    list: &Differences,
    rows: &[Documented],
    is_test: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for row in rows {
        if !ids.insert(row.id.as_str()) {
            wrong.push(format!("{} is there twice", row.id));
        }
        let named = row.row.split('`').skip(1).step_by(2).any(&is_test);
        if !named && !list.all().iter().any(|entry| entry.id == row.id) {
            wrong.push(format!("{} names no test and no entry of differences.json has its id", row.id));
        }
    }
    for entry in list.all().iter().filter(|entry| !ids.contains(entry.id.as_str())) {
        wrong.push(format!("{} of differences.json is no row of docs/differences.md", entry.id));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[{"id": "D-001", "file": "f", "scenario": "s", "step": 3, "request": "GET /v1/a",
        "expect": {"status": 400, "errors": ["no"]}}]"#;

    #[test]
    fn entries_are_found_by_place_and_request() {
        let list = Differences::parse(LIST).unwrap();
        assert_eq!(list.find("f", "s", 3, "GET /v1/a").and_then(|d| d.expect.status), Some(400));
        for (file, scenario, step, request) in [
            ("g", "s", 3, "GET /v1/a"),
            ("f", "t", 3, "GET /v1/a"),
            ("f", "s", 2, "GET /v1/a"),
            ("f", "s", 3, "GET /v1/b"),
        ] {
            assert!(list.find(file, scenario, step, request).is_none());
        }
        let twice = format!("[{0},{0}]", LIST.trim().trim_start_matches('[').trim_end_matches(']'));
        assert!(Differences::parse(&twice).unwrap_err().to_string().contains("second entry"));
        assert!(Differences::parse(r#"[{"id": "D-1"}]"#).is_err());
    }

    #[test]
    fn rows_and_entries_belong_together() {
        let list = Differences::parse(LIST).unwrap();
        let check = |markdown: &str, parts: &[&str]| {
            let wrong = inconsistencies(&list, &documented(markdown), |name| name == "a_test");
            assert_eq!(wrong.len(), parts.len(), "{wrong:?}");
            for (wrong, part) in wrong.iter().zip(parts) {
                assert!(wrong.contains(part), "{wrong}");
            }
        };
        check("| id | what |\n|---|---|\n| D-001 | x |\n| `D-002` | y | `a_test` |", &[]);
        check("| D-001 | x |\n| D-002 | y | `no_test` |", &["D-002 names no test"]);
        check("| D-001 | x |\n| D-001 | x |", &["twice"]);
        check("D-001 outside of a table", &["D-001 of differences.json is no row"]);
    }
}
