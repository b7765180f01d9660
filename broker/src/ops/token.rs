//! Tokens over HTTP: create, look up, renew and revoke, by token, by accessor and the caller's own.

use broker_core::command::{Command, Reply};
use broker_core::json::field;
use broker_core::route::{TokenOp, TokenRef};
use broker_core::row::{RowKey, Table};
use broker_core::time::Time;
use broker_core::token::{
    CallerRights, CreateContext, CreateRequest, NewIds, TokenCommand, TokenInfo, TokenRole, accessor_key,
    decode_accessor, decode_token, is_live, plan_create_with_role, plan_renew, remaining_seconds, token_key,
};
use broker_core::wire::{Envelope, quote, string_list, string_map};
use policies::Capability;
use zeroize::Zeroizing;

use crate::app::App;
use crate::flow::{Context, Note, Plan};
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::keys::HashPurpose;
use crate::ops::{data, hex, kubernetes, required_text, roles, store_failed, unknown_fields};
use crate::store::ReadError;

/// What a new token begins with; secret scanners know it.
const PREFIX: &str = "hvs.";
/// Random characters of a token and of an accessor: 142 bits.
const RANDOM_CHARACTERS: usize = 24;
/// The most accessors that a list answers.
const MAX_ACCESSORS: usize = 100_000;
const CREATE_FIELDS: [&str; 15] = [
    "id",
    "policies",
    "meta",
    "no_parent",
    "no_default_policy",
    "renewable",
    "ttl",
    "lease",
    "type",
    "explicit_max_ttl",
    "display_name",
    "num_uses",
    "period",
    "entity_alias",
    "role_name",
];

/// Carries an operation out, or decides on its write.
///
/// # Errors
/// The answer to give instead.
pub fn plan(context: &Context<'_>, op: TokenOp) -> Result<Plan, Failure> {
    let read = |answer: Answer| Plan::Read(answer, Note::default());
    match op {
        TokenOp::Create => create(context, false, None),
        TokenOp::CreateOrphan => create(context, true, None),
        TokenOp::CreateWithRole(name) => create(context, false, Some(&name)),
        TokenOp::Lookup(whose) => lookup(context, whose),
        TokenOp::Renew(whose) => renew(context, whose),
        TokenOp::Revoke(whose) => revoke(context, whose, false),
        TokenOp::RevokeOrphan => revoke(context, TokenRef::Token, true),
        TokenOp::ListAccessors => list_accessors(context),
        TokenOp::Roles => roles::list(context).map(read),
        TokenOp::Role(name) => roles::one(context, &name).map(read),
        TokenOp::RoleWrite(name) => roles::write(context, &name),
        TokenOp::RoleDelete(name) => Ok(roles::delete(&name)),
    }
}

/// The row key of a token: its keyed hash.
pub fn id_of(app: &App, token: &str) -> String {
    hex(&app.ledger.keyed_hash(HashPurpose::Token, token.as_bytes()))
}

/// The live token behind a text, if any.
///
/// # Errors
/// When the store cannot be read.
pub fn find(app: &App, token: &str, now: Time) -> Result<Option<TokenInfo>, Failure> {
    let Some(found) = by_id(app, &id_of(app, token)).map_err(store_failed)? else { return Ok(None) };
    let alive = lives(app, &found, now).map_err(store_failed)?;
    Ok(alive.then_some(found))
}

/// Whether a token and all its ancestors live: a child ends with its parent, before its rows are swept away.
///
/// # Errors
/// When the store cannot be read.
pub fn lives(app: &App, token: &TokenInfo, now: Time) -> Result<bool, ReadError> {
    let mut alive = stands(app, token, now);
    let mut parent = token.parent.clone();
    while let (true, Some(id)) = (alive, &parent) {
        let Some(found) = by_id(app, id)? else { return Ok(false) };
        alive = stands(app, &found, now);
        parent = found.parent;
    }
    Ok(alive)
}

/// Whether a token has not ended by itself, its ancestors aside: by its time, or with the auth method that gave it.
pub fn stands(app: &App, token: &TokenInfo, now: Time) -> bool {
    is_live(token, now) && app.mounts.load().stands_behind(token)
}

/// The token with a row key, live or not.
///
/// # Errors
/// When the store cannot be read.
pub fn by_id(app: &App, id: &str) -> Result<Option<TokenInfo>, ReadError> {
    let row = app.ledger.snapshot()?.get(&token_key(id))?;
    row.map(|r| decode_token(r.expose()).ok_or(ReadError::Damaged("token"))).transpose()
}

/// The live token that the body names.
///
/// # Errors
/// When the body names none, or the store cannot be read.
pub fn named(context: &Context<'_>, whose: TokenRef) -> Result<Option<TokenInfo>, Failure> {
    let body = &context.request.body;
    match whose {
        TokenRef::Own => Ok(Some(own(context))),
        TokenRef::Token => {
            let token = required_text(body, "token", "missing token ID")?;
            find(context.app, &token, context.request.time)
        }
        TokenRef::Accessor => {
            let accessor = required_text(body, "accessor", "missing accessor")?;
            if accessor.contains('/') {
                return Ok(None);
            }
            let snapshot = context.app.ledger.snapshot().map_err(store_failed)?;
            let row = snapshot.get(&accessor_key(&accessor)).map_err(store_failed)?;
            let Some(id) = row.and_then(|r| decode_accessor(r.expose())) else { return Ok(None) };
            let Some(token) = by_id(context.app, &id).map_err(store_failed)? else { return Ok(None) };
            let alive = lives(context.app, &token, context.request.time).map_err(store_failed)?;
            Ok(alive.then_some(token))
        }
    }
}

/// The caller's own token, the use of this request counted.
fn own(context: &Context<'_>) -> TokenInfo {
    let mut token = context.caller.token.clone();
    token.num_uses = token.num_uses.saturating_sub(1);
    token
}

fn invalid_accessor() -> Failure {
    Failure::bad_request("1 error occurred:\n\t* invalid accessor\n\n")
}

/// A new token's text, its row key and its accessor.
pub fn new_ids(app: &App, chosen: Option<Zeroizing<String>>) -> (Zeroizing<String>, NewIds) {
    let made = || Zeroizing::new(format!("{PREFIX}{}", app.random_base62(RANDOM_CHARACTERS)));
    let token = chosen.unwrap_or_else(made);
    let ids = NewIds { token_hash_hex: id_of(app, &token), accessor: app.random_base62(RANDOM_CHARACTERS) };
    (token, ids)
}

fn create(context: &Context<'_>, orphan: bool, role: Option<&str>) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let role = role.map(|name| known_role(context, name)).transpose()?;
    let request = CreateRequest::parse(body).map_err(|r| Failure::from(&r))?;
    let policies = context.app.policies.now();
    let caller = &context.caller.token;
    let sudo = context.caller.set.is_root()
        || context.caller.set.capabilities(context.request.path.as_str()).contains(Capability::Sudo);
    let (token, ids) = new_ids(context.app, request.id.clone());
    if request.id.is_some() && by_id(context.app, &ids.token_hash_hex).map_err(store_failed)?.is_some() {
        return Err(Failure::bad_request("cannot create a token with a duplicate ID"));
    }
    let known = |name: &str| policies.get(name).is_some();
    let create = CreateContext {
        parent: Some(caller),
        caller: CallerRights { is_root: context.caller.set.is_root(), sudo },
        orphan,
        known_policy: &known,
        now: context.request.time,
    };
    let planned = plan_create_with_role(&create, role.as_ref(), request, ids);
    let (info, mut warnings) = planned.map_err(|r| Failure::from(&r))?;
    warnings.extend(unknown_fields(body, &CREATE_FIELDS));
    let request_id = context.request_id();
    let now = context.request.time;
    let auth = auth(&info, &token, now);
    let command = Command::Token(TokenCommand::Create(Box::new(info)));
    Ok(Plan::write(command, Note::default(), move |_| {
        let envelope = Envelope { auth, warnings, ..Envelope::default() };
        Ok(Answer::json(envelope.to_text(&request_id)))
    }))
}

fn known_role(context: &Context<'_>, name: &str) -> Result<TokenRole, Failure> {
    let found = roles::find(context.app, name).map_err(store_failed)?;
    found.ok_or_else(|| Failure::bad_request(format!("unknown role {name}")))
}

/// The `auth` part of an answer.
pub fn auth(token: &TokenInfo, text: &str, now: Time) -> Zeroizing<String> {
    let policies = string_list(&token.policies);
    Zeroizing::new(format!(
        "{{\"client_token\":{},\"accessor\":{},\"policies\":{policies},\"token_policies\":{policies},\"metadata\":{},\"lease_duration\":{},\"renewable\":{},\"entity_id\":\"\",\"token_type\":\"service\",\"orphan\":{},\"mfa_requirement\":null,\"num_uses\":{}}}",
        quote(text),
        quote(&token.accessor),
        meta(token),
        remaining_seconds(token, now),
        token.renewable,
        token.orphan,
        token.num_uses
    ))
}

fn meta(token: &TokenInfo) -> String {
    token.meta.as_ref().map_or_else(|| "null".to_owned(), string_map)
}

fn lookup(context: &Context<'_>, whose: TokenRef) -> Result<Plan, Failure> {
    let found = named(context, whose)?;
    let token = match (found, whose) {
        (Some(token), _) => token,
        (None, TokenRef::Accessor) => return Err(invalid_accessor()),
        (None, _) => return Err(Failure::bad_looked_up_token()),
    };
    let id = match whose {
        TokenRef::Accessor => Zeroizing::default(),
        TokenRef::Token => required_text(&context.request.body, "token", "missing token ID")?,
        TokenRef::Own => context.request.token.as_ref().map(|t| t.0.clone()).unwrap_or_default(),
    };
    Ok(Plan::Read(data(context, described(&token, &id, context.request.time)), Note::default()))
}

fn described(token: &TokenInfo, id: &str, now: Time) -> String {
    let or_null = |time: Option<Time>| time.map_or_else(|| "null".to_owned(), |t| quote(&t.rfc3339()));
    let mut optional = String::new();
    if let Some(renewed) = token.last_renewal {
        optional.push_str(&format!(
            "\"last_renewal\":{},\"last_renewal_time\":{},",
            quote(&renewed.rfc3339()),
            renewed.seconds()
        ));
    }
    if token.period > 0 {
        optional.push_str(&format!("\"period\":{},", token.period));
    }
    if let Some(role) = &token.role {
        optional.push_str(&format!("\"role\":{},", quote(role)));
    }
    format!(
        "{{\"accessor\":{},\"creation_time\":{},\"creation_ttl\":{},\"display_name\":{},\"entity_id\":\"\",\"expire_time\":{},\"explicit_max_ttl\":{},\"id\":{},\"issue_time\":{},{optional}\"meta\":{},\"num_uses\":{},\"orphan\":{},\"path\":{},\"policies\":{},\"renewable\":{},\"ttl\":{},\"type\":\"service\"}}",
        quote(&token.accessor),
        token.created.seconds(),
        token.creation_ttl,
        quote(&token.display_name),
        or_null(token.expires),
        token.explicit_max_ttl,
        quote(id),
        quote(&token.created.rfc3339()),
        meta(token),
        token.num_uses,
        token.orphan,
        quote(&token.path),
        string_list(&token.policies),
        token.renewable,
        remaining_seconds(token, now),
    )
}

fn renew(context: &Context<'_>, whose: TokenRef) -> Result<Plan, Failure> {
    let body = &context.request.body;
    let token = match (named(context, whose)?, whose) {
        (Some(token), _) => token,
        (None, TokenRef::Accessor) => return Err(invalid_accessor()),
        (None, _) => return Err(Failure::bad_request("token not found")),
    };
    kubernetes::check_renewal(context.app, &token)?;
    let increment = field::optional(body, "increment", field::seconds)
        .map_err(|e| Failure::bad_request(e.to_string()))?
        .unwrap_or(0);
    let now = context.request.time;
    let role = match &token.role {
        Some(name) => roles::find(context.app, name).map_err(store_failed)?,
        None => None,
    };
    let planned = plan_renew(&token, role.as_ref(), increment, now);
    let (_, warnings) = planned.map_err(|r| Failure::from(&r))?;
    let text = match whose {
        TokenRef::Accessor => Zeroizing::default(),
        TokenRef::Token => required_text(body, "token", "missing token ID")?,
        TokenRef::Own => context.request.token.as_ref().map(|t| t.0.clone()).unwrap_or_default(),
    };
    let request_id = context.request_id();
    let command = Command::Token(TokenCommand::Renew { id: token.id, increment, now });
    Ok(Plan::write(command, Note::default(), move |reply| match reply {
        Reply::Token(renewed) => {
            let envelope = Envelope { auth: auth(&renewed, &text, now), warnings, ..Envelope::default() };
            Ok(Answer::json(envelope.to_text(&request_id)))
        }
        _ => Err(Failure::internal()),
    }))
}

fn revoke(context: &Context<'_>, whose: TokenRef, orphan_children: bool) -> Result<Plan, Failure> {
    let Some(token) = named(context, whose)? else {
        if whose == TokenRef::Accessor {
            let warnings = vec!["No token found with this accessor".to_owned()];
            let envelope = Envelope { warnings, ..Envelope::default() };
            return Ok(Plan::Read(Answer::json(envelope.to_text(&context.request_id())), Note::default()));
        }
        return Ok(Plan::Read(Answer::no_content(), Note::default()));
    };
    let command = Command::Token(TokenCommand::Revoke { id: token.id, orphan_children });
    Ok(Plan::write(command, Note::default(), |_| Ok(Answer::no_content())))
}

fn list_accessors(context: &Context<'_>) -> Result<Plan, Failure> {
    let snapshot = context.app.ledger.snapshot().map_err(store_failed)?;
    let keys =
        snapshot.children(&RowKey::new(Table::Accessor, ""), None, MAX_ACCESSORS).map_err(store_failed)?;
    if keys.is_empty() {
        return Err(Failure::not_found());
    }
    let text = format!("{{\"keys\":{}}}", string_list(&keys));
    Ok(Plan::Read(data(context, text), Note::default()))
}
