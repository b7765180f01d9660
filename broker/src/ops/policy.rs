//! Policies over HTTP, in Vault's new and old form. A policy that comes from the folder is read-only here.

use std::sync::Arc;

use broker_core::command::Command;
use broker_core::json::Json;
use broker_core::policy::PolicyCommand;
use broker_core::wire::{quote, string_list};
use policies::PolicySource;

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{data, done, doubled, unknown_fields};
use crate::policy_store::compile;

/// The names of all policies.
pub fn list(context: &Context<'_>, legacy: bool) -> Answer {
    let names = string_list(&context.app.policies.now().names());
    if legacy {
        return doubled(context, format!("{{\"keys\":{names},\"policies\":{names}}}"));
    }
    data(context, format!("{{\"keys\":{names}}}"))
}

/// One policy's text.
pub fn one(context: &Context<'_>, name: &str, legacy: bool) -> Result<Answer, Failure> {
    let name = name.to_lowercase();
    let policies = context.app.policies.now();
    let text = match policies.get(&name) {
        Some(entry) => entry.text.as_str(),
        None if name == "root" => "",
        None => return Err(Failure::not_found()),
    };
    let (name, text) = (quote(&name), quote(text));
    if legacy {
        return Ok(doubled(context, format!("{{\"name\":{name},\"rules\":{text}}}")));
    }
    Ok(data(context, format!("{{\"name\":{name},\"policy\":{text}}}")))
}

/// Writes a policy, if all of it can be understood and enforced.
pub fn write(context: &Context<'_>, name: &str, legacy: bool) -> Result<Plan, Failure> {
    let name = name.trim().to_lowercase();
    refuse_read_only(context, &name)?;
    let body = &context.request.body;
    let rules = body.get("rules").filter(|_| legacy);
    let given = body.get("policy").or(rules).and_then(Json::as_str).unwrap_or_default();
    if given.trim().is_empty() {
        return Err(Failure::bad_request("'policy' parameter not supplied or empty"));
    }
    let text = decoded(given);
    let entry = compile(&name, &text, PolicySource::Api).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::bad_request(format!("failed to parse policy: {}", texts.join("; ")))
    })?;
    let known: &[&str] = if legacy { &["policy", "rules"] } else { &["policy"] };
    let warnings = unknown_fields(body, known);
    let app = Arc::clone(context.app);
    let request_id = context.request_id();
    let command = PolicyCommand::Write { name, text: text.clone() };
    let under_way = app.policies.change_comes();
    Ok(Plan::write(Command::Policy(command), Note::default(), move |_| {
        app.policies.put(Arc::unwrap_or_clone(entry.policy), text);
        drop(under_way);
        Ok(done(warnings, &request_id))
    }))
}

/// The text itself; a base64 text that decodes to UTF-8 is taken as encoded, as Vault does.
fn decoded(given: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(given.trim());
    bytes.ok().and_then(|b| String::from_utf8(b).ok()).unwrap_or_else(|| given.to_owned())
}

/// Deletes a policy; nothing where there is none.
pub fn delete(context: &Context<'_>, name: &str) -> Result<Plan, Failure> {
    let name = name.trim().to_lowercase();
    refuse_read_only(context, &name)?;
    let app = Arc::clone(context.app);
    let command = PolicyCommand::Delete { name: name.clone() };
    let under_way = app.policies.change_comes();
    Ok(Plan::write(Command::Policy(command), Note::default(), move |_| {
        app.policies.remove(&name);
        drop(under_way);
        Ok(Answer::no_content())
    }))
}

fn refuse_read_only(context: &Context<'_>, name: &str) -> Result<(), Failure> {
    let policies = context.app.policies.now();
    match policies.get(name).map(|entry| &entry.policy.source) {
        Some(PolicySource::File { path }) => Err(Failure::bad_request(format!(
            "policy {name:?} comes from the file {path} and is read-only here; change the file"
        ))),
        _ => Ok(()),
    }
}
