//! Records of senders: deliveries into Secrets and opens of mounted files, stamped with the sender's verified identity.

use broker_core::command::{Command, Reply};
use broker_core::json::{Json, field};
use broker_core::record::{Draft, Kind, Report};
use broker_core::sender::SenderCommand;

use crate::flow::{Context, Note, Plan, Write};
use crate::http::error::Failure;
use crate::http::reply::Answer;

/// The most records of one batch.
const MAX_RECORDS: usize = 64;
/// The longest text in a record, in bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// The longest name of a sender's stream, in bytes.
const MAX_SENDER_BYTES: usize = 128;

/// Takes a batch: `{"sender": NAME, "first": NUMBER, "records": [{"kind", "object", "target", "path", "version"}]}`.
///
/// # Errors
/// 400 naming the record and field, also for a batch that was recorded before.
pub fn take(context: &Context<'_>) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let sender = text(body, "sender", MAX_SENDER_BYTES)?;
    let first = number(body, "first")?;
    let Some(Json::Array(items)) = body.get("records") else {
        return Err(Failure::bad_request("'records' must be a list of records"));
    };
    if items.is_empty() || items.len() > MAX_RECORDS {
        return Err(Failure::bad_request(format!("'records' must hold 1 to {MAX_RECORDS} records")));
    }
    let mut more = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let number = first.saturating_add(at as u64);
        let draft = record(context, item, &sender, number)
            .map_err(|problem| Failure::bad_request(format!("records[{at}]: {problem}")))?;
        more.push(draft);
    }
    let command = SenderCommand { sender: stream(context, &sender), first, count: more.len() as u64 };
    let write = Write {
        command: Command::Sender(command),
        note: Note::default(),
        more,
        finish: Box::new(|reply| match reply {
            Reply::Gap(_) | Reply::Done => Ok(Answer::no_content()),
            _ => Err(Failure::internal()),
        }),
    };
    Ok(Plan::Write(Box::new(write)))
}

/// The stream's key: who sends, as verified, and the sender's own name for it, as one segment.
fn stream(context: &Context<'_>, sender: &str) -> String {
    let token = &context.caller.token;
    let who = if token.facts.subject.is_empty() { &token.accessor } else { &token.facts.subject };
    format!("{}:{who}:{sender}", token.facts.mount).replace('%', "%25").replace('/', "%2F")
}

fn record(context: &Context<'_>, item: &Json, sender: &str, number_in_stream: u64) -> Result<Draft, String> {
    let problem = |failure: Failure| failure.message();
    let kind = match text(item, "kind", MAX_TEXT_BYTES).map_err(problem)?.as_str() {
        "delivery" => Kind::Delivery,
        "file.open" => Kind::FileOpen,
        other => return Err(format!("kind {other:?} is unknown; use \"delivery\" or \"file.open\"")),
    };
    let mut draft = context.draft.clone();
    draft.kind = kind;
    draft.rule = None;
    draft.status = 0;
    draft.report = Some(Report {
        sender: sender.to_owned(),
        number: number_in_stream,
        object: text(item, "object", MAX_TEXT_BYTES).map_err(problem)?,
        target: text(item, "target", MAX_TEXT_BYTES).map_err(problem)?,
        path: text(item, "path", MAX_TEXT_BYTES).map_err(problem)?,
        version: if item.get("version").is_some() { number(item, "version").map_err(problem)? } else { 0 },
        missing: None,
    });
    draft.id = context.app.random_id();
    Ok(draft)
}

fn text(body: &Json, name: &str, limit: usize) -> Result<String, Failure> {
    let value = body.get(name).and_then(Json::as_str).unwrap_or_default();
    if value.is_empty() || value.len() > limit || value.chars().any(char::is_control) {
        return Err(Failure::bad_request(format!("{name:?} must be a text of 1 to {limit} printable bytes")));
    }
    Ok(value.to_owned())
}

fn number(body: &Json, name: &str) -> Result<u64, Failure> {
    let value = body.get(name).ok_or_else(|| Failure::bad_request(format!("{name:?} is missing")))?;
    field::unsigned(name, value).map_err(|e| Failure::bad_request(e.to_string()))
}
