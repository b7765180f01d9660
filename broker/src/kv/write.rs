//! Writes of KV secrets and metadata: from a request's body to a command, and from its outcome to an answer.

use broker_core::authorize::Authorized;
use broker_core::command::{Command, Reply};
use broker_core::json::Json;
use broker_core::kv1::{Kv1Action, Kv1Command};
use broker_core::kv2::{Existence, Kv2Action, Kv2Command, request as body};
use broker_core::refusal::Refusal;
use broker_core::route::{Kv2Part, KvOp, Verb};
use broker_core::secret::SecretJson;
use broker_core::wire::{self, Envelope};

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops;

pub(super) fn kv1(
    context: &Context<'_>,
    allowed: &Authorized<KvOp>,
    expect: Existence,
) -> Result<Plan, Failure> {
    let op = allowed.op();
    let (action, note) = if op.verb == Verb::Delete {
        (Kv1Action::Delete, Note::default())
    } else {
        let fields = context.request.body.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| Failure::bad_request("missing data fields"))?;
        let data = context.request.body.to_secret();
        let note = note(context, &data, fields.keys().cloned().collect());
        (Kv1Action::Write { data, expect }, note)
    };
    let command = Kv1Command { mount: op.mount.clone(), path: op.path.clone(), action };
    Ok(Plan::write(Command::Kv1(command), note, |_| Ok(Answer::no_content())))
}

pub(super) fn kv2(
    context: &Context<'_>,
    allowed: &Authorized<KvOp>,
    part: Kv2Part,
    expect: Existence,
) -> Result<Plan, Failure> {
    let op = allowed.op();
    let action = action(&context.request.body, op.verb, part, expect).map_err(|r| Failure::from(&r))?;
    let note = match &action {
        Kv2Action::Write { data: Some(data), .. } => note(context, data, top_keys(&context.request.body)),
        Kv2Action::Patch { patch, .. } => note(context, patch, top_keys(&context.request.body)),
        _ => Note::default(),
    };
    let (path, now) = (op.path.clone(), context.request.time);
    let command = Command::Kv2(Kv2Command { mount: op.mount.clone(), path, now, action });
    let warnings = ops::unknown_fields(&context.request.body, known_fields(op.verb, part));
    let request_id = context.request_id();
    Ok(Plan::write(command, note, move |reply| {
        Ok(match reply {
            Reply::Version(info) => {
                let envelope = Envelope { warnings, ..Envelope::data(wire::version_info(&info)) };
                Answer::json(envelope.to_text(&request_id))
            }
            _ => ops::done(warnings, &request_id),
        })
    }))
}

fn action(request: &Json, verb: Verb, part: Kv2Part, expect: Existence) -> Result<Kv2Action, Refusal> {
    match (part, verb) {
        (Kv2Part::Data, Verb::Patch) => body::patch(request),
        (Kv2Part::Data, Verb::Delete) => Ok(Kv2Action::DeleteLatest),
        (Kv2Part::Data, _) => body::write(request, expect),
        (Kv2Part::Metadata, Verb::Delete) => Ok(Kv2Action::Remove),
        (Kv2Part::Metadata, Verb::Patch) => body::metadata(request, true, None),
        (Kv2Part::Metadata | Kv2Part::Detailed, _) => body::metadata(request, false, Some(expect)),
        (Kv2Part::Delete, _) => body::versions(request, "No version number provided").map(Kv2Action::Delete),
        (Kv2Part::Undelete, _) => {
            body::versions(request, "No version number provided").map(Kv2Action::Undelete)
        }
        (Kv2Part::Destroy, _) => {
            body::versions(request, "no version number provided").map(Kv2Action::Destroy)
        }
        (Kv2Part::Config, _) => body::config(request),
    }
}

const fn known_fields(verb: Verb, part: Kv2Part) -> &'static [&'static str] {
    match (part, verb) {
        (Kv2Part::Data, _) => &["data", "options", "version"],
        (Kv2Part::Metadata | Kv2Part::Detailed, _) => &[
            "max_versions",
            "cas_required",
            "delete_version_after",
            "custom_metadata",
            "metadata_cas",
            "metadata_cas_required",
        ],
        (Kv2Part::Delete | Kv2Part::Undelete | Kv2Part::Destroy, _) => &["versions"],
        (Kv2Part::Config, _) => {
            &["max_versions", "cas_required", "delete_version_after", "metadata_cas_required"]
        }
    }
}

fn top_keys(request: &Json) -> Vec<String> {
    let data = request.get("data").and_then(Json::as_object);
    data.map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

fn note(context: &Context<'_>, value: &SecretJson, keys: Vec<String>) -> Note {
    Note { version: 0, keys, value_hmac: ops::value_hash(context.app, value.expose()) }
}
