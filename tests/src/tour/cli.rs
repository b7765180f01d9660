//! The tour with OpenBao's own command line tool.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Answer, Operation, Outcome, Tokens};
use crate::target::{Target, fetched};

/// Runs all operations.
///
/// # Errors
/// The tool cannot be had or started.
pub fn run(target: &Target, operations: &[Operation]) -> Result<Vec<Answer>> {
    let binary = fetched("openbao.sh")?;
    let dir = tempfile::tempdir()?;
    let mut tokens = Tokens::new(target);
    let mut answers = Vec::with_capacity(operations.len());
    for operation in operations {
        std::fs::write(dir.path().join("rules"), &operation.rules)?;
        let Some(arguments) = arguments(operation, &tokens) else {
            answers.push(Answer {
                name: operation.name.clone(),
                outcome: Outcome::Unsupported,
                answer: Value::Null,
            });
            continue;
        };
        let output = call(&binary, dir.path(), target, &tokens.of(operation), &arguments)?;
        let outcome = if output.status.success() { Outcome::Done } else { Outcome::Failed };
        let answer = answer(&output);
        tokens.save(operation, answer.pointer("/auth/client_token").and_then(Value::as_str));
        answers.push(Answer { name: operation.name.clone(), outcome, answer });
    }
    Ok(answers)
}

fn call(binary: &Path, dir: &Path, target: &Target, token: &str, arguments: &[String]) -> Result<Output> {
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(dir).env_clear();
    command
        .env("HOME", dir)
        .env("BAO_ADDR", target.url())
        .env("BAO_TOKEN", token)
        .env("BAO_CLI_NO_COLOR", "1");
    command.output().with_context(|| binary.display().to_string())
}

/// What the tool printed: JSON, or text as `{"text"}`; after a failure also its exit code and complaint.
fn answer(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let printed = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text.trim() }));
    if output.status.success() {
        return printed;
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    json!({ "exit": output.status.code(), "printed": printed, "complaint": complaint.trim() })
}

/// The words of the command line; none for what the tool does not have.
fn arguments(operation: &Operation, tokens: &Tokens) -> Option<Vec<String>> {
    let token = operation.token.as_ref().map(|name| tokens.named(name));
    let path = operation.path.clone();
    let (words, flags, rest): (&str, Vec<String>, Vec<String>) = match operation.what.as_str() {
        "kv-put" => ("kv put", numbered("cas", operation.cas.map(u64::from)), with_pairs(path, operation)),
        "kv-patch" => {
            ("kv patch", numbered("cas", operation.cas.map(u64::from)), with_pairs(path, operation))
        }
        "kv-get" => ("kv get", numbered("version", operation.version), vec![path]),
        "kv-list" => ("kv list", vec![], vec![path]),
        "kv-delete" => ("kv delete", vec![], vec![path]),
        "kv-delete-versions" => ("kv delete", versions(operation), vec![path]),
        "kv-undelete" => ("kv undelete", versions(operation), vec![path]),
        "kv-destroy" => ("kv destroy", versions(operation), vec![path]),
        "kv-rollback" => ("kv rollback", numbered("version", operation.version), vec![path]),
        "kv-metadata-get" => ("kv metadata get", vec![], vec![path]),
        "kv-metadata-put" => ("kv metadata put", metadata(operation), vec![path]),
        "kv-metadata-delete" => ("kv metadata delete", vec![], vec![path]),
        "policy-write" => ("policy write", vec![], vec![operation.policy.clone(), "rules".into()]),
        "policy-read" => ("policy read", vec![], vec![operation.policy.clone()]),
        "policy-delete" => ("policy delete", vec![], vec![operation.policy.clone()]),
        "policy-list" => ("policy list", vec![], vec![]),
        "token-create" => ("token create", creation(operation), vec![]),
        "token-lookup" => ("token lookup", vec![], vec![token?]),
        "token-lookup-self" => ("token lookup", vec![], vec![]),
        "token-renew" => ("token renew", vec![format!("-increment={}", operation.increment)], vec![token?]),
        "token-renew-self" => ("token renew", vec![format!("-increment={}", operation.increment)], vec![]),
        "token-revoke" => ("token revoke", vec![], vec![token?]),
        "token-revoke-self" => ("token revoke", vec!["-self".into()], vec![]),
        "token-capabilities" => ("token capabilities", vec![], vec![token?, path]),
        "token-capabilities-self" => ("token capabilities", vec![], vec![path]),
        _ => return None,
    };
    let mut all: Vec<String> = words.split(' ').map(str::to_owned).collect();
    // These have no such flag.
    if !matches!(words, "policy write" | "policy delete" | "token revoke" | "kv metadata delete") {
        all.push("-format=json".into());
    }
    if words.starts_with("kv ") {
        all.push("-mount=secret".into());
    }
    all.extend(flags);
    all.extend(rest);
    Some(all)
}

fn numbered(flag: &str, number: Option<u64>) -> Vec<String> {
    number.iter().map(|number| format!("-{flag}={number}")).collect()
}

fn versions(operation: &Operation) -> Vec<String> {
    let versions: Vec<String> = operation.versions.iter().map(u64::to_string).collect();
    vec![format!("-versions={}", versions.join(","))]
}

fn with_pairs(path: String, operation: &Operation) -> Vec<String> {
    let pairs = operation.data.iter().map(|(name, value)| format!("{name}={value}"));
    [path].into_iter().chain(pairs).collect()
}

fn metadata(operation: &Operation) -> Vec<String> {
    let mut flags = numbered("max-versions", operation.max_versions);
    flags.extend(operation.cas_required.iter().map(|required| format!("-cas-required={required}")));
    flags.extend(
        operation.custom_metadata.iter().map(|(name, value)| format!("-custom-metadata={name}={value}")),
    );
    flags
}

fn creation(operation: &Operation) -> Vec<String> {
    let mut flags: Vec<String> =
        operation.policies.iter().map(|policy| format!("-policy={policy}")).collect();
    flags.push(format!("-ttl={}", operation.ttl));
    flags.extend(operation.meta.iter().map(|(name, value)| format!("-metadata={name}={value}")));
    flags.extend(operation.display_name.iter().map(|name| format!("-display-name={name}")));
    if operation.no_default_policy {
        flags.push("-no-default-policy".into());
    }
    flags
}
