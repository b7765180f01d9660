//! Runs csi-sanity and reads its report.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

/// How a case of the suite ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the interface asks.
    Passed,
    /// Not tried: the driver says that it cannot do it, or the suite itself leaves it out.
    Skipped,
    /// Otherwise: in the suite's words.
    Failed(String),
}

/// A case of the suite.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its headings and its own text, joined by blanks.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Runs the suite with this command, which gets one more argument: the report's file.
///
/// # Errors
/// It writes no report: with what it printed.
pub fn run(command: &mut Command, report: &Path) -> Result<Vec<Spec>> {
    let output = command.arg(format!("--ginkgo.json-report={}", report.display())).output()?;
    let text = std::fs::read_to_string(report).with_context(|| {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        format!("csi-sanity ended with {} and wrote no report: {out}{err}", output.status)
    })?;
    let suites: Value = serde_json::from_str(&text)?;
    let reports = suites[0]["SpecReports"].as_array().context("the report has no cases")?;
    // Cases of the suite's own set-up have no headings.
    Ok(reports.iter().filter(|spec| spec["LeafNodeType"] == "It").map(spec).collect())
}

fn spec(report: &Value) -> Spec {
    let headings = report["ContainerHierarchyTexts"].as_array().into_iter().flatten();
    let words = headings.chain([&report["LeafNodeText"]]).filter_map(Value::as_str);
    let name = words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let outcome = match report["State"].as_str() {
        Some("passed") => Outcome::Passed,
        Some("skipped" | "pending") => Outcome::Skipped,
        _ => Outcome::Failed(format!("{}: {}", report["State"], report["Failure"]["Message"])),
    };
    Spec { name, outcome }
}
