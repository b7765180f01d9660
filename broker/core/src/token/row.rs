//! The rows of tokens: keys, and what is stored of a token, an accessor and a child.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TokenInfo;
use crate::identity::Facts;
use crate::row::{RowKey, RowValue, Table};
use crate::time::Time;

const FORMAT: u8 = 1;

/// Key of the row of a token, from its keyed hash in hex.
pub fn token_key(id: &str) -> RowKey {
    RowKey::new(Table::Token, id)
}

/// Key of the row that leads from an accessor to its token.
pub fn accessor_key(accessor: &str) -> RowKey {
    RowKey::new(Table::Accessor, accessor)
}

/// Key below which the children of a token are listed.
pub fn children_key(parent: &str) -> RowKey {
    RowKey::new(Table::TokenChild, parent)
}

pub(super) fn child_key(parent: &str, child: &str) -> RowKey {
    RowKey::join(Table::TokenChild, &[parent, child])
}

#[derive(Serialize, Deserialize)]
struct AccessorWire {
    v: u8,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct FactsWire {
    mount: String,
    issuer: Option<String>,
    subject: String,
    groups: Vec<String>,
    namespace: Option<String>,
    service_account: Option<String>,
    uid: Option<String>,
    claims: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct TokenWire {
    v: u8,
    id: String,
    accessor: String,
    policies: Vec<String>,
    meta: Option<BTreeMap<String, String>>,
    display_name: String,
    path: String,
    created: i64,
    creation_ttl: u64,
    expires: Option<i64>,
    last_renewal: Option<i64>,
    explicit_max_ttl: u64,
    period: u64,
    num_uses: u64,
    renewable: bool,
    orphan: bool,
    parent: Option<String>,
    role: Option<String>,
    facts: FactsWire,
}

/// Reads the row of an accessor: the key of its token; `None` where it is no such row.
pub fn decode_accessor(bytes: &[u8]) -> Option<String> {
    let wire: AccessorWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.id)
}

pub(super) fn encode_accessor(id: &str) -> RowValue {
    // Texts and numbers have no way to fail, here and below.
    let wire = AccessorWire { v: FORMAT, id: id.to_owned() };
    RowValue::new(serde_json::to_vec(&wire).unwrap_or_default())
}

/// Reads the row of a token; `None` where it is no such row.
pub fn decode_token(bytes: &[u8]) -> Option<TokenInfo> {
    let wire: TokenWire = serde_json::from_slice(bytes).ok()?;
    if wire.v != FORMAT {
        return None;
    }
    let facts = wire.facts;
    Some(TokenInfo {
        id: wire.id,
        accessor: wire.accessor,
        policies: wire.policies,
        meta: wire.meta,
        display_name: wire.display_name,
        path: wire.path,
        created: Time(wire.created),
        creation_ttl: wire.creation_ttl,
        expires: wire.expires.map(Time),
        last_renewal: wire.last_renewal.map(Time),
        explicit_max_ttl: wire.explicit_max_ttl,
        period: wire.period,
        num_uses: wire.num_uses,
        renewable: wire.renewable,
        orphan: wire.orphan,
        parent: wire.parent,
        role: wire.role,
        facts: Facts {
            mount: facts.mount,
            issuer: facts.issuer,
            subject: facts.subject,
            groups: facts.groups,
            namespace: facts.namespace,
            service_account: facts.service_account,
            uid: facts.uid,
            claims: facts.claims,
        },
    })
}

pub(super) fn encode_token(token: &TokenInfo) -> RowValue {
    let token = token.clone();
    let facts = token.facts;
    let wire = TokenWire {
        v: FORMAT,
        id: token.id,
        accessor: token.accessor,
        policies: token.policies,
        meta: token.meta,
        display_name: token.display_name,
        path: token.path,
        created: token.created.0,
        creation_ttl: token.creation_ttl,
        expires: token.expires.map(|t| t.0),
        last_renewal: token.last_renewal.map(|t| t.0),
        explicit_max_ttl: token.explicit_max_ttl,
        period: token.period,
        num_uses: token.num_uses,
        renewable: token.renewable,
        orphan: token.orphan,
        parent: token.parent,
        role: token.role,
        facts: FactsWire {
            mount: facts.mount,
            issuer: facts.issuer,
            subject: facts.subject,
            groups: facts.groups,
            namespace: facts.namespace,
            service_account: facts.service_account,
            uid: facts.uid,
            claims: facts.claims,
        },
    };
    RowValue::new(serde_json::to_vec(&wire).unwrap_or_default())
}
