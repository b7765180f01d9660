//! The audit log over HTTP: query with filters and cursor, NDJSON export with a trailer, and a live tail.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use broker_core::wire::quote;
use serde_json::Value;

use crate::app::App;
use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::{Answer, Payload};
use crate::http::stream::{Outlet, outlet};
use crate::ops::{data, hex, store_failed};

/// The most records of one page.
const MAX_PAGE: usize = 1000;
/// Records of a page where the query names no limit.
const DEFAULT_PAGE: usize = 100;
/// The most records one page looks at; behind them the cursor goes on.
const MAX_SCANNED: usize = 100_000;
/// Records and bytes that are read from the log at a time.
const CHUNK: (usize, usize) = (512, 1 << 20);
/// How often a quiet tail says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a record must match. Every given field must.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    fields: Vec<(&'static [&'static str], String)>,
    path_prefix: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// Query parameters that name a field of the record, and where it stands there.
const FIELDS: [(&str, &[&str]); 10] = [
    ("kind", &["kind"]),
    ("result", &["result"]),
    ("reason", &["reason"]),
    ("id", &["id"]),
    ("actor", &["actor", "name"]),
    ("accessor", &["actor", "accessor"]),
    ("subject", &["actor", "subject"]),
    ("mount", &["object", "mount"]),
    ("via", &["via"]),
    ("ip", &["source", "ip"]),
];
const OTHERS: [&str; 6] = ["path", "from", "to", "after", "limit", "follow"];

impl Filter {
    /// Reads the query's parameters.
    ///
    /// # Errors
    /// 400 naming a parameter that means nothing here: a filter that is misspelt must not match everything.
    pub fn of(query: &std::collections::BTreeMap<String, String>) -> Result<Self, Failure> {
        let mut filter = Self::default();
        for (name, value) in query {
            if let Some((_, place)) = FIELDS.iter().find(|(n, _)| n == name) {
                filter.fields.push((place, value.clone()));
            } else if !OTHERS.contains(&name.as_str()) {
                let known: Vec<&str> = FIELDS.iter().map(|(n, _)| *n).chain(OTHERS).collect();
                let text = format!("unknown parameter {name:?}; known are {}", known.join(", "));
                return Err(Failure::bad_request(text));
            }
        }
        filter.path_prefix = query.get("path").cloned();
        filter.from = time(query, "from")?;
        filter.to = time(query, "to")?;
        Ok(filter)
    }

    /// Whether a record matches.
    pub fn matches(&self, record: &Value) -> bool {
        let text = |place: &[&str]| {
            place.iter().try_fold(record, |v, key| v.get(key)).and_then(Value::as_str).unwrap_or_default()
        };
        let time = text(&["time"]);
        self.fields.iter().all(|(place, wanted)| text(place) == wanted)
            && self.path_prefix.as_ref().is_none_or(|path| {
                // What happened to a secret outside the broker, such as an open of its file, names it in the report.
                [&["object", "path"], &["report", "path"]]
                    .iter()
                    .any(|place| text(*place).starts_with(path.as_str()))
            })
            && self.from.as_ref().is_none_or(|from| time >= from.as_str())
            && self.to.as_ref().is_none_or(|to| time < to.as_str())
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.path_prefix.is_none() && self.from.is_none() && self.to.is_none()
    }
}

/// A time of the query in the form that records have, so that texts compare as times.
fn time(query: &std::collections::BTreeMap<String, String>, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let time = broker_core::time::Time::parse(text);
    let bad =
        || Failure::bad_request(format!("{name:?} must be an RFC 3339 time such as 2026-11-25T10:00:00Z"));
    time.map(|t| Some(t.rfc3339())).ok_or_else(bad)
}

fn number(context: &Context<'_>, name: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = context.request.query.get(name) else { return Ok(None) };
    let bad = |_| Failure::bad_request(format!("{name:?} must be a number"));
    text.parse().map(Some).map_err(bad)
}

/// Answers with a page, an export or a tail, as `Accept` asks.
///
/// # Errors
/// 400 for a filter that cannot be understood.
pub fn query(context: &Context<'_>) -> Result<Answer, Failure> {
    let filter = Filter::of(&context.request.query)?;
    let accept = context.request.accept.as_str();
    let follow = context.request.query.get("follow").is_some_and(|v| v == "true");
    let resume = context.request.last_event_id.as_deref().map(str::parse::<u64>);
    if accept.starts_with("text/event-stream") || follow {
        let after = match resume {
            Some(Ok(seq)) => seq,
            Some(Err(_)) => return Err(Failure::bad_request("Last-Event-ID must be a record's number")),
            None => number(context, "after")?.unwrap_or_else(|| context.app.ledger.head().seq),
        };
        return Ok(tail(context.app, filter, after));
    }
    let after = number(context, "after")?.unwrap_or(0);
    if accept.starts_with("application/x-ndjson") {
        return Ok(export(context.app, filter, after));
    }
    page(context, &filter, after)
}

fn page(context: &Context<'_>, filter: &Filter, after: u64) -> Result<Answer, Failure> {
    let wanted = number(context, "limit")?.map_or(DEFAULT_PAGE, |n| usize::try_from(n).unwrap_or(MAX_PAGE));
    let wanted = wanted.clamp(1, MAX_PAGE);
    let ledger = &context.app.ledger;
    let head = ledger.head();
    let (mut cursor, mut items, mut scanned) = (after, Vec::new(), 0);
    while cursor < head.seq && items.len() < wanted && scanned < MAX_SCANNED {
        let lines = ledger.records(cursor + 1, CHUNK.0, CHUNK.1).map_err(store_failed)?;
        if lines.is_empty() {
            break;
        }
        for (seq, line) in lines {
            if items.len() == wanted {
                break;
            }
            cursor = seq;
            scanned += 1;
            items.extend(matching(filter, line));
        }
    }
    let text = format!(
        "{{\"items\":[{}],\"next_cursor\":{cursor},\"has_more\":{},\"size\":{},\"root\":{}}}",
        items.join(","),
        cursor < head.seq,
        head.size,
        quote(&hex(&head.root))
    );
    Ok(data(context, text))
}

/// The line, if the filter lets it through.
fn matching(filter: &Filter, line: Vec<u8>) -> Option<String> {
    if !filter.is_empty() {
        let record: Value = serde_json::from_slice(&line).ok()?;
        if !filter.matches(&record) {
            return None;
        }
    }
    String::from_utf8(line).ok()
}

/// Size and root of the log's Merkle tree.
pub fn tree(context: &Context<'_>) -> Answer {
    let head = context.app.ledger.head();
    let text = format!(
        "{{\"log\":{},\"size\":{},\"root\":{},\"revision\":{}}}",
        quote(&head.log),
        head.size,
        quote(&hex(&head.root)),
        head.revision
    );
    data(context, text)
}

fn export(app: &Arc<App>, filter: Filter, after: u64) -> Answer {
    let (outlet, body) = outlet();
    tokio::spawn(export_records(Arc::clone(app), filter, after, outlet));
    streamed("application/x-ndjson", body)
}

fn streamed(kind: &'static str, body: Body) -> Answer {
    Answer { status: 200, body: Payload::Stream(kind, body) }
}

/// Writes all records up to the head of the moment, then the trailer; without the trailer the export was cut.
async fn export_records(app: Arc<App>, filter: Filter, after: u64, mut outlet: Outlet) {
    let head = app.ledger.head();
    let mut cursor = after;
    while cursor < head.seq {
        let Ok(lines) = app.ledger.records(cursor + 1, CHUNK.0, CHUNK.1) else { return };
        if lines.is_empty() {
            break;
        }
        let mut chunk = String::new();
        for (seq, line) in lines {
            if seq > head.seq {
                break;
            }
            cursor = seq;
            if let Some(line) = matching(&filter, line) {
                chunk.push_str(&line);
                chunk.push('\n');
            }
        }
        if !outlet.send(chunk).await {
            return;
        }
    }
    let root = quote(&hex(&head.root));
    outlet.finish(format!("{{\"$end\":{{\"seq\":{cursor},\"size\":{},\"root\":{root}}}}}\n", head.size));
}

fn tail(app: &Arc<App>, filter: Filter, after: u64) -> Answer {
    let (outlet, body) = outlet();
    tokio::spawn(tail_records(Arc::clone(app), filter, after, outlet));
    streamed("text/event-stream", body)
}

/// Follows the log from disk at the reader's own pace, so that a slow reader costs the request path nothing.
async fn tail_records(app: Arc<App>, filter: Filter, after: u64, mut outlet: Outlet) {
    let mut heads = app.ledger.watch();
    let mut cursor = after;
    loop {
        let head = heads.borrow_and_update().seq;
        while cursor < head {
            let Ok(lines) = app.ledger.records(cursor + 1, CHUNK.0, CHUNK.1) else { return };
            let Some(last) = lines.last().map(|(seq, _)| *seq) else { break };
            let mut chunk = String::new();
            for (seq, line) in lines {
                if let Some(line) = matching(&filter, line) {
                    chunk.push_str(&format!("id: {seq}\nevent: record\ndata: {line}\n\n"));
                }
            }
            if !chunk.is_empty() && !outlet.send(chunk).await {
                let cut = format!("event: lagged\ndata: {{\"cursor\":{cursor}}}\n\n");
                return outlet.finish(cut);
            }
            cursor = last;
        }
        let alive = tokio::select! {
            changed = heads.changed() => changed.is_ok(),
            () = tokio::time::sleep(HEARTBEAT) => outlet.send(format!("id: {cursor}\n: alive\n\n")).await,
            () = app.drain.cancelled() => false,
            () = outlet.closed() => false,
        };
        if !alive {
            return outlet.finish(format!("event: end\ndata: {{\"cursor\":{cursor}}}\n\n"));
        }
    }
}
