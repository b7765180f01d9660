//! Reads of KV secrets, metadata and lists. Values are passed on as the text they were written with.

use broker_core::authorize::Authorized;
use broker_core::json::{Json, field};
use broker_core::kv1;
use broker_core::kv2::{self, KeyMeta, ReadOutcome, StoredValue, VersionInfo};
use broker_core::refusal::Refusal;
use broker_core::route::{KvOp, Verb};
use broker_core::row::{RowKey, Table};
use broker_core::wire::{self, Envelope};
use zeroize::Zeroizing;

use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::ops::{self, store_failed};
use crate::store::Snapshot;

/// The lease that KV version 1 answers, in seconds: Vault's system default.
const KV1_LEASE_SECONDS: u64 = 2_764_800;
/// The most names that one list or scan answers.
const MAX_NAMES: usize = 100_000;

pub(super) fn kv1(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let op = allowed.op();
    let row = snapshot(context)?.get(&kv1::value_key(&op.mount.id, &op.path)).map_err(store_failed)?;
    let value = row.ok_or_else(Failure::not_found)?;
    let stored = kv1::decode(value.expose()).ok_or_else(|| corrupt("kv1"))?;
    let text = stored.json.as_ref().map_or("null", |j| j.expose());
    let note = note(context, &stored, 0);
    let envelope = Envelope {
        lease_duration: KV1_LEASE_SECONDS,
        ..Envelope::data(Zeroizing::new(text.to_owned()).as_str())
    };
    Ok(Plan::Read(Answer::json(envelope.to_text(&context.request_id())), note))
}

pub(super) fn data(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let op = allowed.op();
    let requested = version(context)?;
    let snapshot = snapshot(context)?;
    let meta = meta(&snapshot, op)?.ok_or_else(Failure::not_found)?;
    match kv2::read_version(&meta, requested, context.request.time) {
        ReadOutcome::Missing => Err(Failure::not_found()),
        ReadOutcome::Gone(info) => {
            let text = versioned("null", &info);
            let envelope = Envelope::data(text.as_str());
            let mut answer = Answer::json(ops::warned(context, &["version"], envelope));
            answer.status = 404;
            Ok(Plan::Read(answer, Note { version: info.version, ..Note::default() }))
        }
        ReadOutcome::Live(info) => {
            let key = kv2::data_key(&op.mount.id, &op.path, info.version);
            let row = snapshot.get(&key).map_err(store_failed)?.ok_or_else(|| corrupt("kv2 value"))?;
            let stored = kv2::decode_data(row.expose()).ok_or_else(|| corrupt("kv2 value"))?;
            let text = versioned(stored.json.as_ref().map_or("null", |j| j.expose()), &info);
            let note = note(context, &stored, info.version);
            let envelope = Envelope { data: text, ..Envelope::default() };
            Ok(Plan::Read(Answer::json(ops::warned(context, &["version"], envelope)), note))
        }
    }
}

/// `data` and `metadata` of a version.
fn versioned(value: &str, info: &VersionInfo) -> Zeroizing<String> {
    let metadata = wire::version_info(info);
    let mut text = Zeroizing::new(String::with_capacity(value.len() + metadata.len() + 24));
    text.push_str("{\"data\":");
    text.push_str(value);
    text.push_str(",\"metadata\":");
    text.push_str(&metadata);
    text.push('}');
    text
}

pub(super) fn metadata(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let meta = meta(&snapshot(context)?, allowed.op())?.ok_or_else(Failure::not_found)?;
    let envelope = Envelope::data(metadata_text(&meta));
    Ok(Plan::Read(Answer::json(ops::warned(context, &[], envelope)), Note::default()))
}

fn metadata_text(meta: &KeyMeta) -> String {
    let versions: Vec<String> = meta
        .versions
        .iter()
        .map(|(number, v)| {
            format!(
                "\"{number}\":{{\"created_time\":{},\"deletion_time\":{},\"destroyed\":{}}}",
                wire::quote(&v.created.rfc3339()),
                wire::quote(&v.deletion.map(broker_core::time::Time::rfc3339).unwrap_or_default()),
                v.destroyed
            )
        })
        .collect();
    let s = &meta.settings;
    format!(
        "{{\"cas_required\":{},\"created_time\":{},\"current_metadata_version\":{},\"current_version\":{},\"custom_metadata\":{},\"delete_version_after\":{},\"max_versions\":{},\"metadata_cas_required\":{},\"oldest_version\":{},\"updated_time\":{},\"versions\":{{{}}}}}",
        s.cas_required,
        wire::quote(&meta.created.rfc3339()),
        meta.metadata_version,
        meta.current_version,
        meta.custom_metadata.as_ref().map_or_else(|| "null".to_owned(), wire::string_map),
        wire::quote(&broker_core::duration::print(s.delete_version_after)),
        s.max_versions,
        s.metadata_cas_required,
        meta.oldest_version,
        wire::quote(&meta.updated.rfc3339()),
        versions.join(",")
    )
}

pub(super) fn config(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let row = snapshot(context)?.get(&kv2::config_key(&allowed.op().mount.id)).map_err(store_failed)?;
    let s = kv2::decode_config(row.as_ref().map(|r| r.expose())).ok_or_else(|| corrupt("kv2 config"))?;
    let text = format!(
        "{{\"cas_required\":{},\"delete_version_after\":{},\"max_versions\":{},\"metadata_cas_required\":{}}}",
        s.cas_required,
        wire::quote(&broker_core::duration::print(s.delete_version_after)),
        s.max_versions,
        s.metadata_cas_required
    );
    Ok(Plan::Read(Answer::json(ops::warned(context, &[], Envelope::data(text))), Note::default()))
}

pub(super) fn list(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let keys = names(context, allowed)?;
    let text = format!("{{\"keys\":{}}}", wire::string_list(&keys));
    let known = ["list", "scan", "after", "limit"];
    Ok(Plan::Read(Answer::json(ops::warned(context, &known, Envelope::data(text))), Note::default()))
}

pub(super) fn list_detailed(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Plan, Failure> {
    let op = allowed.op();
    let keys = names(context, allowed)?;
    let snapshot = snapshot(context)?;
    let mut infos = Vec::new();
    for key in &keys {
        let path = if op.path.is_empty() { key.clone() } else { format!("{}/{key}", op.path) };
        let info = if key.ends_with('/') {
            "{}".to_owned()
        } else {
            let row = snapshot.get(&kv2::meta_key(&op.mount.id, &path)).map_err(store_failed)?;
            let meta =
                row.and_then(|r| kv2::decode_meta(r.expose())).ok_or_else(|| corrupt("kv2 metadata"))?;
            metadata_text(&meta)
        };
        infos.push(format!("{}:{info}", wire::quote(key)));
    }
    let text = format!("{{\"key_info\":{{{}}},\"keys\":{}}}", infos.join(","), wire::string_list(&keys));
    let known = ["list", "scan", "after", "limit"];
    Ok(Plan::Read(Answer::json(ops::warned(context, &known, Envelope::data(text))), Note::default()))
}

/// The names below a path; none is 404.
fn names(context: &Context<'_>, allowed: &Authorized<KvOp>) -> Result<Vec<String>, Failure> {
    let op = allowed.op();
    let table = if op.part.is_some() { Table::KvMeta } else { Table::Kv1 };
    let key = if op.path.is_empty() { op.mount.id.clone() } else { format!("{}/{}", op.mount.id, op.path) };
    let snapshot = snapshot(context)?;
    let at = RowKey::new(table, key);
    let page = op.part.is_some() && op.verb == Verb::List;
    let after = page.then(|| context.request.query.get("after").cloned()).flatten();
    let limit = if page { limit(context)? } else { MAX_NAMES };
    let names = if op.verb == Verb::Scan {
        scan(&snapshot, &at)?
    } else {
        snapshot.children(&at, after.as_deref(), limit).map_err(store_failed)?
    };
    if names.is_empty() { Err(Failure::not_found()) } else { Ok(names) }
}

/// All paths below a key: the names of each folder first, then its sub-folders, as OpenBao orders a scan.
fn scan(snapshot: &Snapshot, root: &RowKey) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![(root.clone(), String::new())];
    while let Some((at, prefix)) = folders.pop() {
        let names = snapshot.children(&at, None, MAX_NAMES).map_err(store_failed)?;
        let (below, here): (Vec<String>, Vec<String>) = names.into_iter().partition(|n| n.ends_with('/'));
        found.extend(here.iter().map(|name| format!("{prefix}{name}")));
        if found.len() > MAX_NAMES {
            let text = format!("more than {MAX_NAMES} names lie below this path; scan a deeper one");
            return Err(Failure::bad_request(text));
        }
        for folder in below.iter().rev() {
            let name = folder.trim_end_matches('/');
            folders.push((RowKey::new(at.table, format!("{}/{name}", at.key)), format!("{prefix}{folder}")));
        }
    }
    Ok(found)
}

/// `limit` of a list; nothing, 0 and negative numbers mean all.
fn limit(context: &Context<'_>) -> Result<usize, Failure> {
    let Some(text) = context.request.query.get("limit") else { return Ok(MAX_NAMES) };
    let number = field::integer("limit", &Json::string(text.as_str()))
        .map_err(|e| Failure::from(&e.into_validation()))?;
    Ok(usize::try_from(number).ok().filter(|n| *n > 0).unwrap_or(MAX_NAMES).min(MAX_NAMES))
}

/// `version` of a read; 0 and negative numbers mean the latest.
fn version(context: &Context<'_>) -> Result<Option<u64>, Failure> {
    let Some(text) = context.request.query.get("version") else { return Ok(None) };
    let number = field::integer("version", &Json::string(text.as_str()))
        .map_err(|e| Failure::from(&e.into_validation()))?;
    Ok(u64::try_from(number).ok())
}

fn snapshot(context: &Context<'_>) -> Result<Snapshot, Failure> {
    context.app.ledger.snapshot().map_err(store_failed)
}

fn meta(snapshot: &Snapshot, op: &KvOp) -> Result<Option<KeyMeta>, Failure> {
    let row = snapshot.get(&kv2::meta_key(&op.mount.id, &op.path)).map_err(store_failed)?;
    row.map(|r| kv2::decode_meta(r.expose()).ok_or_else(|| corrupt("kv2 metadata"))).transpose()
}

fn note(context: &Context<'_>, stored: &StoredValue, version: u64) -> Note {
    let value = stored.json.as_ref().map_or("null", |j| j.expose());
    Note { version, keys: stored.keys.clone(), value_hmac: ops::value_hash(context.app, value) }
}

fn corrupt(what: &'static str) -> Failure {
    tracing::error!(
        row = what,
        "a row cannot be read: the store is damaged or was written by a newer version"
    );
    Failure::from(&Refusal::Corrupt(what))
}
