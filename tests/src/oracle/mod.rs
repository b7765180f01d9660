//! Go's own template engine as an oracle: what it answers to random templates is what ours must answer.

pub mod arguments;
pub mod catalogue;
pub mod compare;
pub mod generate;
pub mod ours;
pub mod paths;
pub mod random;
pub mod systematic;
pub mod words;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use generate::Function;

/// What a template is rendered from.
pub type Data = BTreeMap<String, Vec<u8>>;

/// The program `tests/oracle`, running.
pub struct Oracle {
    process: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a template came to: its output, or the error that begins with `parse: ` or `exec: `.
pub type Rendered = std::result::Result<Vec<u8>, String>;

/// The path of the built oracle.
///
/// # Errors
/// It is not built.
pub fn program() -> Result<String> {
    let script = crate::folder().join("servers/oracle.sh");
    let out = Command::new(&script).arg("path").output().with_context(|| script.display().to_string())?;
    let path = String::from_utf8(out.stdout)?.trim().to_owned();
    ensure!(std::path::Path::new(&path).is_file(), "{path} is not built; run tests/servers/oracle.sh");
    Ok(path)
}

/// The functions that the oracle has, Go's own included.
///
/// # Errors
/// It is not built or answers otherwise than expected.
pub fn functions() -> Result<Vec<Function>> {
    let out = Command::new(program()?).arg("functions").output()?;
    let text = String::from_utf8(out.stdout)?;
    let listed = text.lines().filter_map(|line| line.split_once(' '));
    listed
        .chain(catalogue::BUILTINS.iter().copied())
        .map(|(name, signature)| {
            Function::parse(name, signature).with_context(|| format!("{name} {signature}"))
        })
        .collect()
}

/// All functions that External Secrets offers, with the recorded signatures, and Go's own.
///
/// # Errors
/// The recording cannot be read.
pub fn all_functions() -> Result<Vec<Function>> {
    let path = crate::folder().join("../syncer/template/src/functions/signatures.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let listed: Vec<Value> = serde_json::from_str(&text)?;
    let listed = listed.iter().filter_map(|it| Some((it["name"].as_str()?, it["signature"].as_str()?)));
    listed
        .chain(catalogue::BUILTINS.iter().copied())
        .map(|(name, signature)| {
            Function::parse(name, signature).with_context(|| format!("{name} {signature}"))
        })
        .collect()
}

impl Oracle {
    /// Starts it; its local time zone is UTC.
    ///
    /// # Errors
    /// It is not built or does not start.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(program()?);
        command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let input = BufWriter::new(process.stdin.take().context("no input")?);
        let output = BufReader::new(process.stdout.take().context("no output")?);
        Ok(Self { process, input, output })
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the oracle answers {line:?} to {question}"))
    }

    /// Renders a template.
    ///
    /// # Errors
    /// The oracle itself failed.
    pub fn render(&mut self, template: &str, data: &Data) -> Result<Rendered> {
        let data: BTreeMap<&String, String> =
            data.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let answer = self.ask(&json!({ "tpl": template, "data": data }))?;
        match answer["err"].as_str() {
            Some("") => Ok(Ok(STANDARD.decode(answer["out"].as_str().unwrap_or_default())?)),
            Some(error) => Ok(Err(error.to_owned())),
            None => anyhow::bail!("no error field in {answer}"),
        }
    }

    /// Looks a gjson path up: whether it is there, its type, its raw text, its text.
    ///
    /// # Errors
    /// The oracle itself failed.
    pub fn look(&mut self, json: &str, path: &str) -> Result<Value> {
        self.ask(&json!({ "json": json, "path": path }))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}
