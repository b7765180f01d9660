//! The decisions about stored tokens: create, renew, revoke with descendants, count uses.

use std::collections::BTreeSet;

use super::role::{loaded, role_key};
use super::row::{child_key, encode_accessor, encode_token};
use super::{TokenInfo, accessor_key, children_key, decode_token, is_live, plan_renew, token_key};
use crate::command::{Change, Effects, Halt, Reply};
use crate::load::{Needs, get_all};
use crate::refusal::Refusal;
use crate::row::{Mutation, Rows};
use crate::time::Time;

fn decoded(bytes: &[u8]) -> Result<TokenInfo, Refusal> {
    decode_token(bytes).ok_or(Refusal::Corrupt("token"))
}

fn put(token: &TokenInfo) -> Mutation {
    Mutation::Put(token_key(&token.id), encode_token(token))
}

fn answer(token: TokenInfo, mutations: Vec<Mutation>) -> Effects {
    Effects { mutations, changes: Vec::new(), reply: Reply::Token(Box::new(token)) }
}

pub(super) fn create(rows: &Rows, token: &TokenInfo) -> Result<Effects, Halt> {
    let parent = token.parent.as_ref();
    // Without a parent its own key stands in, which has to be free anyway.
    let parent_key = token_key(parent.unwrap_or(&token.id));
    // The same where there is no role.
    let role_key = token.role.as_ref().map_or_else(|| token_key(&token.id), |name| role_key(name));
    let keys = [&token_key(&token.id), &accessor_key(&token.accessor), &parent_key, &role_key];
    let [own_row, accessor_row, parent_row, role_row] = get_all(rows, keys)?;
    if own_row.is_some() {
        return Err(Refusal::Invalid("cannot create a token with a duplicate ID".to_owned()).into());
    }
    let role_is_gone = token.role.is_some() && role_row.is_none();
    if accessor_row.is_some() || role_is_gone {
        return Err(Refusal::ExistenceChanged.into());
    }
    let mut mutations =
        vec![put(token), Mutation::Put(accessor_key(&token.accessor), encode_accessor(&token.id))];
    if let Some(parent) = parent {
        let row = parent_row.ok_or(Refusal::Denied)?;
        if !is_live(&decoded(row)?, token.created) {
            return Err(Refusal::Denied.into());
        }
        mutations.push(Mutation::Put(child_key(parent, &token.id), crate::row::RowValue::default()));
    }
    Ok(answer(token.clone(), mutations))
}

pub(super) fn renew(rows: &Rows, id: &str, increment: u64, now: Time) -> Result<Effects, Halt> {
    let row = rows.get(&token_key(id))?.ok_or_else(|| Refusal::Invalid("token not found".to_owned()))?;
    let token = decoded(row)?;
    let role = loaded(rows, token.role.as_deref())?;
    // The shell told the caller of warnings when it planned the same.
    let (token, _) = plan_renew(&token, role.as_ref(), increment, now)?;
    let mutations = vec![put(&token)];
    Ok(answer(token, mutations))
}

pub(super) fn spend(rows: &Rows, id: &str, now: Time) -> Result<Effects, Halt> {
    let row = rows.get(&token_key(id))?.ok_or(Refusal::Denied)?;
    let mut token = decoded(row)?;
    if !is_live(&token, now) {
        return Err(Refusal::Denied.into());
    }
    match token.num_uses {
        0 => Ok(answer(token, Vec::new())),
        1 => {
            let removed = revoke(rows, id, false)?;
            token.num_uses = 0;
            Ok(Effects { reply: Reply::Token(Box::new(token)), ..removed })
        }
        left => {
            token.num_uses = left - 1;
            let mutations = vec![put(&token)];
            Ok(answer(token, mutations))
        }
    }
}

pub(super) fn revoke(rows: &Rows, id: &str, orphan_children: bool) -> Result<Effects, Halt> {
    if !orphan_children {
        return Ok(removal(&descendants(rows, id)?));
    }
    let mut needs = Needs::default();
    let row = needs.take(rows.get(&token_key(id)))?.flatten();
    let children = needs.take(rows.children(&children_key(id)))?.unwrap_or_default();
    let child_rows: Vec<_> = children
        .iter()
        .map(|child| Ok(needs.take(rows.get(&token_key(child)))?.flatten()))
        .collect::<Result<_, Halt>>()?;
    needs.finish()?;
    let Some(row) = row else { return Ok(removal(&[])) };
    let mut effects = removal(&[(id.to_owned(), decode_token(row))]);
    for bytes in child_rows.into_iter().flatten() {
        // One that cannot be read stays as it is; it leads nowhere.
        let Some(child) = decode_token(bytes) else { continue };
        effects.mutations.push(put(&TokenInfo { orphan: true, parent: None, ..child }));
    }
    Ok(effects)
}

/// A token with all its descendants, each with what its row says; `None` for a row that cannot be read, which is
/// removed all the same. Asks for a whole generation at once.
fn descendants(rows: &Rows, id: &str) -> Result<Vec<(String, Option<TokenInfo>)>, Halt> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = vec![id.to_owned()];
    let mut needs = Needs::default();
    while let Some(id) = queue.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let row = needs.take(rows.get(&token_key(&id)))?.flatten();
        let children = needs.take(rows.children(&children_key(&id)))?.unwrap_or_default();
        queue.extend(children.iter().cloned());
        if let Some(bytes) = row {
            found.push((id, decode_token(bytes)));
        }
    }
    needs.finish()?;
    Ok(found)
}

fn removal(tokens: &[(String, Option<TokenInfo>)]) -> Effects {
    let mut effects = Effects::default();
    let mut revoked = Vec::new();
    for (id, token) in tokens {
        effects.mutations.push(Mutation::Delete(token_key(id)));
        effects.mutations.push(Mutation::DeleteTree(children_key(id)));
        let Some(token) = token else { continue };
        effects.mutations.push(Mutation::Delete(accessor_key(&token.accessor)));
        if let Some(parent) = &token.parent {
            effects.mutations.push(Mutation::Delete(child_key(parent, id)));
        }
        effects.changes.push(Change::TokenRevoked { accessor: token.accessor.clone() });
        revoked.push(token.accessor.clone());
    }
    effects.reply = Reply::Revoked(revoked);
    effects
}
