//! The tour with hvac: a Python script in the cached environment runs the operations.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Answer;
use crate::target::{Target, fetched};

/// Runs all operations.
///
/// # Errors
/// The environment cannot be had, or the script fails: with its own words.
pub fn run(target: &Target) -> Result<Vec<Answer>> {
    let folder = crate::folder().join("tour");
    let operations = std::fs::read(folder.join("operations.json"))?;
    let mut command = Command::new(fetched("hvac.sh")?);
    command
        .arg("-B")
        .arg(folder.join("hvac_tour.py"))
        .env("TOUR_ADDR", target.url())
        .env("TOUR_TOKEN", &target.root_token);
    command.env_remove("VAULT_NAMESPACE").env("NO_PROXY", "127.0.0.1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("the script has no input")?.write_all(&operations)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("hvac_tour.py failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
