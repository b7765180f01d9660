//! The list of differences on purpose, its documentation and the recordings belong together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use harness::golden::differences::{Difference, Differences, documented, inconsistencies};
use regex::Regex;
use serde_json::Value;

fn repository() -> PathBuf {
    harness::folder().parent().unwrap().to_owned()
}

fn list() -> Differences {
    Differences::parse(&std::fs::read_to_string(harness::folder().join("golden/differences.json")).unwrap())
        .unwrap()
}

/// Adds the names of the tests in all Rust files below a folder.
fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#\[(?:tokio::)?test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)")
            .unwrap()
    });
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            names.extend(TEST.captures_iter(&text).map(|groups| groups[1].to_owned()));
        }
    }
}

/// The request that a recording has in the place that a difference names.
fn recorded_request(difference: &Difference) -> Option<String> {
    let text = std::fs::read_to_string(harness::folder().join("golden").join(&difference.file)).ok()?;
    let file: Value = serde_json::from_str(&text).ok()?;
    let rows = match file.get("scenarios") {
        // Scenarios by name: the name stands for the request.
        Some(Value::Object(scenarios)) => {
            return scenarios.contains_key(&difference.scenario).then(|| difference.scenario.clone());
        }
        Some(scenarios) => {
            let scenario =
                scenarios.as_array()?.iter().find(|s| s["name"] == difference.scenario.as_str())?;
            &scenario["steps"]
        }
        None => &file,
    };
    let request = rows.get(difference.step)?.get("request")?;
    Some(format!("{} {}", request["method"].as_str()?, request["path"].as_str()?))
}

#[test]
fn differences_are_documented_and_tested() {
    let path = repository().join("docs/differences.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(list().all().is_empty(), "{} is missing, and differences.json has entries", path.display());
        println!("{} is not there yet: nothing to compare", path.display());
        return;
    };
    let mut names = BTreeSet::new();
    tests_below(&repository(), &mut names);
    assert!(
        names.contains("differences_are_documented_and_tested"),
        "the search for tests finds not even this one"
    );
    let rows = documented(&text);
    let mut wrong = inconsistencies(&list(), &rows, |name| names.contains(name));
    let tour = harness::tour::on_purpose().unwrap();
    let unknown = tour.iter().filter(|entry| !rows.iter().any(|row| row.id == entry.id));
    wrong.extend(unknown.map(|entry| format!("{} of the tour is no row of docs/differences.md", entry.id)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn differences_name_what_is_recorded() {
    for difference in list().all() {
        let recorded = recorded_request(difference);
        let place = format!("{} {} step {}", difference.file, difference.scenario, difference.step);
        assert_eq!(recorded.as_deref(), Some(difference.request.as_str()), "{}: {place}", difference.id);
    }
    let place = r#"[{"id":"D-0","file":"openbao-http.json","scenario":"health-and-status","step":1,"request":"","expect":{}}]"#;
    let known = &Differences::parse(place).unwrap();
    assert_eq!(recorded_request(&known.all()[0]).as_deref(), Some("HEAD /v1/sys/health"));
}
