//! Answers as text: tables as Vault's tool prints them, JSON with the server's own digits, YAML.

pub mod json_text;
pub mod table;
pub mod yaml;

use broker_core::json::{Json, JsonLimits, parse};
use zeroize::Zeroizing;

use crate::arguments::Format;
use crate::plan::{Job, Show};
use crate::problem::Problem;
use table::{Durations, heading, rows, value_text};

/// An answer's body as a value; an empty one is null.
///
/// # Errors
/// The body is no JSON, or beyond the limits.
pub fn parsed(body: &str) -> Result<Json, Problem> {
    if body.trim().is_empty() {
        return Ok(Json::Null);
    }
    let limits = JsonLimits { max_strings: usize::MAX, ..JsonLimits::default() };
    parse(body.as_bytes(), &limits)
        .map_err(|error| Problem::Unreachable(format!("the server's answer cannot be read: {error}")))
}

/// What is printed for an answer: the text, and the warnings that go to stderr.
pub struct Shown {
    /// For stdout.
    pub text: Zeroizing<String>,
    /// For stderr.
    pub warnings: Vec<String>,
}

/// What to print for the answer of a job; `terminal` says whether a person looks at it.
///
/// # Errors
/// The answer cannot be read, or lacks the field that is asked for.
pub fn answer(job: &Job, body: &str, format: Format, terminal: bool) -> Result<Shown, Problem> {
    let json = parsed(body)?;
    let mut warnings = names(json.get("warnings"));
    if is_deleted(job, &json) {
        warnings.push(format!("{} is deleted in this version; only its metadata is left", job.request.path));
    }
    let text = match &job.field {
        Some(name) => field(job, &json, name, (format, terminal))?,
        None => whole(job, &json, body, format)?,
    };
    Ok(Shown { text, warnings })
}

/// Whether the answer is a version without values.
fn is_deleted(job: &Job, json: &Json) -> bool {
    let data = member(json, &["data"]);
    let is_read = data.is_some_and(|data| data.get("metadata").is_some());
    matches!(job.show, Show::Versioned { .. }) && is_read && member(json, &["data", "data"]).is_none()
}

fn whole(job: &Job, json: &Json, body: &str, format: Format) -> Result<Zeroizing<String>, Problem> {
    if format == Format::Table {
        return table(job, json);
    }
    if let Show::Done(_) = job.show
        && json.is_null()
    {
        return Ok(Zeroizing::default());
    }
    // Lists and the like are shown without the envelope around them, as Vault's tool does.
    let part = match job.show {
        Show::Keys | Show::Names => member(json, &["data", "keys"]),
        Show::Capabilities => member(json, &["data", "capabilities"]).or_else(|| capabilities(json)),
        Show::PolicyText => member(json, &["data"]),
        _ => None,
    };
    Ok(match (part, format) {
        (Some(part), Format::Json) => json_text::indent(&Zeroizing::new(part.to_text())),
        (None, Format::Json) => json_text::indent(body),
        (Some(part), _) => yaml::document(part),
        (None, _) => yaml::document(json),
    })
}

fn member<'a>(json: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter().try_fold(json, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// Where the fields are that `-field` can name.
fn fields<'a>(job: &Job, json: &'a Json) -> Option<&'a Json> {
    let data = member(json, &["data"]);
    match job.show {
        // A read has the values beside their metadata, a write answers metadata alone.
        Show::Versioned { .. } if data?.get("metadata").is_some() => data?.get("data"),
        Show::Auth => member(json, &["auth"]),
        _ => data,
    }
}

fn field(
    job: &Job,
    json: &Json,
    name: &str,
    (format, terminal): (Format, bool),
) -> Result<Zeroizing<String>, Problem> {
    let auth = matches!(job.show, Show::Auth);
    let found = fields(job, json).and_then(|fields| fields.get(if auth { auth_field(name) } else { name }));
    let Some(value) = found else {
        let path = &job.request.path;
        return Err(Problem::Failed(format!(
            "the answer for {path} has no field {name:?}; leave -field out to see them all"
        )));
    };
    let mut text = match format {
        Format::Table => Zeroizing::new(raw_text(value)),
        Format::Json => json_text::indent(&Zeroizing::new(value.to_text())),
        Format::Yaml => yaml::document(value),
    };
    // A file or a pipe gets the value as it is, a person a whole line.
    if terminal && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A value alone: texts and numbers as they are, the rest as JSON.
fn raw_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.to_string(),
        other => other.to_text(),
    }
}

/// Names that the table gives to members of `auth`.
fn auth_field(name: &str) -> &str {
    match name {
        "token" => "client_token",
        "token_accessor" => "accessor",
        "token_duration" => "lease_duration",
        "token_renewable" => "renewable",
        other => other,
    }
}

fn table(job: &Job, json: &Json) -> Result<Zeroizing<String>, Problem> {
    let missing = || {
        Problem::Unreachable(format!("the answer for {} holds no data; is this a Vault?", job.request.path))
    };
    let data = || member(json, &["data"]).ok_or_else(missing);
    let text = match &job.show {
        Show::Done(sentence) => format!("{sentence}\n"),
        Show::Versioned { path } => versioned(path, data()?),
        Show::Unversioned => titled("Data", data()?, Durations::AsTheyAre),
        Show::Metadata { path } => metadata(path, data()?),
        Show::Keys => table::list("Keys", &names(member(json, &["data", "keys"]))),
        Show::Names => {
            names(member(json, &["data", "keys"])).iter().map(|name| format!("{name}\n")).collect()
        }
        Show::PolicyText => {
            let text = data()?.get("policy").and_then(Json::as_str).unwrap_or_default();
            format!("{}\n", text.trim_end_matches('\n'))
        }
        Show::Auth => auth(member(json, &["auth"]).ok_or_else(missing)?),
        Show::Lookup => rows(&pairs(data()?, Durations::ForPeople)),
        Show::Capabilities => {
            let all = member(json, &["data", "capabilities"]).or_else(|| capabilities(json));
            format!("{}\n", names(all).join(", "))
        }
    };
    Ok(Zeroizing::new(text))
}

fn names(list: Option<&Json>) -> Vec<String> {
    match list {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The capabilities of an answer that names them by path only.
fn capabilities(json: &Json) -> Option<&Json> {
    member(json, &["data"])?.as_object()?.values().find(|value| matches!(value, Json::Array(_)))
}

fn pairs(object: &Json, durations: Durations) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), table::member_text(name, value, durations))).collect()
}

fn titled(title: &str, object: &Json, durations: Durations) -> String {
    let pairs = pairs(object, durations);
    let widest = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    format!("{}\n{}", heading(title, widest + "    Value".len()), rows(&pairs))
}

fn versioned(path: &str, data: &Json) -> String {
    let mut text = format!("{}\n{path}\n\n", heading("Secret Path", path.chars().count()));
    // A write answers the metadata alone, a read has it beside the data.
    let Some(metadata) = data.get("metadata").filter(|metadata| metadata.as_object().is_some()) else {
        return text + &titled("Metadata", data, Durations::AsTheyAre);
    };
    text.push_str(&titled("Metadata", metadata, Durations::AsTheyAre));
    text.push('\n');
    if let Some(values) = data.get("data").filter(|data| !data.is_null()) {
        text.push_str(&titled("Data", values, Durations::AsTheyAre));
    }
    text
}

fn metadata(path: &str, data: &Json) -> String {
    let Json::Object(mut members) = data.clone() else { return String::new() };
    let versions = members.remove("versions");
    let mut text = format!("{}\n{path}\n\n", heading("Metadata Path", path.chars().count()));
    text.push_str(&titled("Metadata", &Json::Object(members), Durations::AsTheyAre));
    let mut numbered: Vec<(u64, &Json)> = versions
        .as_ref()
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(number, version)| Some((number.parse().ok()?, version)))
        .collect();
    numbered.sort_unstable_by_key(|(number, _)| *number);
    for (number, version) in numbered {
        text.push('\n');
        text.push_str(&titled(&format!("Version {number}"), version, Durations::AsTheyAre));
    }
    text
}

fn auth(auth: &Json) -> String {
    let get = |name: &str| auth.get(name).cloned().unwrap_or_default();
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut pairs = vec![
        pair("token", value_text(&get("client_token"))),
        pair("token_accessor", value_text(&get("accessor"))),
        pair("token_duration", table::lease_text(&get("lease_duration"))),
        pair("token_renewable", value_text(&get("renewable"))),
    ];
    pairs.extend(
        ["token_policies", "identity_policies", "policies"].map(|n| pair(n, table::quoted_list(&get(n)))),
    );
    let metadata = get("metadata");
    let members = metadata.as_object().into_iter().flatten();
    pairs.extend(members.map(|(name, value)| (format!("token_meta_{name}"), value_text(value))));
    rows(&pairs)
}

/// The table of `status`, from the answers of `sys/seal-status` and, if it was given, `sys/leader`.
pub fn status(seal: &Json, leader: Option<&Json>) -> String {
    const LINES: [(&str, &str); 13] = [
        ("Seal Type", "type"),
        ("Recovery Seal Type", "recovery_seal_type"),
        ("Initialized", "initialized"),
        ("Sealed", "sealed"),
        ("Total Shares", "n"),
        ("Threshold", "t"),
        ("Unseal Progress", "progress"),
        ("Version", "version"),
        ("Build Date", "build_date"),
        ("Commit Date", "commit_date"),
        ("Storage Type", "storage_type"),
        ("Cluster Name", "cluster_name"),
        ("Cluster ID", "cluster_id"),
    ];
    let sealed = matches!(seal.get("sealed"), Some(Json::Bool(true)));
    let line = |(label, name): &(&str, &str)| {
        let value = seal.get(name).filter(|value| value.as_str() != Some(""))?;
        (*name != "progress" || sealed).then(|| ((*label).to_owned(), value_text(value)))
    };
    let mut pairs: Vec<(String, String)> = LINES.iter().filter_map(line).collect();
    if let Some(enabled) = leader.and_then(|leader| leader.get("ha_enabled")) {
        pairs.push(("HA Enabled".to_owned(), value_text(enabled)));
    }
    rows(&pairs)
}

#[cfg(test)]
mod tests;
