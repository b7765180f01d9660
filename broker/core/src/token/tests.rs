//! Tests of tokens: requests as data, steps in a store, and a random walk over the tree of parents.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::command::{Change, Command, Reply};
use crate::json::{Json, JsonLimits, parse};
use crate::refusal::Refusal;
use crate::row::{RowKey, Table};
use crate::testing::MemoryStore;

const NOW: Time = Time::from_seconds(1_000_000);

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &JsonLimits::default()).unwrap()
}

fn token(id: &str, policies: &[&str]) -> TokenInfo {
    TokenInfo {
        id: id.to_owned(),
        accessor: format!("acc-{id}"),
        policies: policies.iter().map(|p| (*p).to_owned()).collect(),
        created: NOW,
        ..TokenInfo::default()
    }
}

fn root() -> TokenInfo {
    TokenInfo { orphan: true, ..token("root", &["root"]) }
}

/// A token with policies `default` and `p1` that lives an hour.
fn user() -> TokenInfo {
    TokenInfo {
        creation_ttl: 3_600,
        expires: Some(NOW.plus_seconds(3_600)),
        ..token("user", &["default", "p1"])
    }
}

/// Who creates: root, a user, or a user with `sudo`.
#[derive(Clone, Copy)]
enum By {
    Root,
    User,
    Sudo,
}

fn plan_for(
    parent: &TokenInfo,
    caller: CallerRights,
    body: &str,
) -> Result<(TokenInfo, Vec<String>), Refusal> {
    let request = CreateRequest::parse(&json(body))?;
    let ids = NewIds { token_hash_hex: "new".to_owned(), accessor: "acc".to_owned() };
    let known_policy = |name: &str| ["default", "p1"].contains(&name);
    let context =
        CreateContext { parent: Some(parent), caller, orphan: false, known_policy: &known_policy, now: NOW };
    plan_create(&context, request, ids)
}

fn plan(by: By, body: &str) -> Result<(TokenInfo, Vec<String>), Refusal> {
    let rights = |is_root, sudo| CallerRights { is_root, sudo };
    match by {
        By::Root => plan_for(&root(), rights(true, false), body),
        By::User => plan_for(&user(), rights(false, false), body),
        By::Sudo => plan_for(&user(), rights(false, true), body),
    }
}

/// The token in short: policies, life, and what is special; then the warnings. Or the refusal.
fn short_form(planned: Result<(TokenInfo, Vec<String>), Refusal>) -> String {
    let (t, warnings) = match planned {
        Ok(planned) => planned,
        Err(refusal) => return refusal.to_string(),
    };
    assert_eq!(t.expires, (t.creation_ttl > 0).then(|| NOW.plus_seconds(t.creation_ttl as i64)));
    assert_eq!(t.orphan, t.parent.is_none());
    let mut out = format!("{} {}s", t.policies.join(","), t.creation_ttl);
    for (on, word) in [(t.orphan, " orphan"), (!t.renewable, " fixed")] {
        out.push_str(if on { word } else { "" });
    }
    for (number, word) in [(t.period, "period"), (t.explicit_max_ttl, "max"), (t.num_uses, "uses")] {
        if number > 0 {
            out.push_str(&format!(" {word}={number}"));
        }
    }
    for warning in warnings {
        out.push_str(&format!(" | {warning}"));
    }
    out
}

fn check(cases: &[(By, &str, &str)]) {
    for (by, body, expected) in cases {
        assert_eq!(short_form(plan(*by, body)), *expected, "{body}");
    }
}

#[test]
fn policies_are_those_of_the_parent_at_most() {
    check(&[
        (By::Root, "{\"policies\":[\"p1\"],\"ttl\":\"1h\"}", "default,p1 3600s"),
        (By::Root, "null", "root 0s fixed"),
        (By::Root, "{\"policies\":[\" P1 \",\"\"]}", "default,p1 2764800s"),
        (By::Root, "{\"policies\":\"p1\",\"no_default_policy\":true}", "p1 2764800s"),
        (By::Root, "{\"policies\":[\"p1\",\"root\"]}", "root 0s fixed"),
        (
            By::Root,
            "{\"policies\":[\"nope\",\"p1\"]}",
            "default,nope,p1 2764800s | Policy \"nope\" does not exist",
        ),
        (By::Root, "{\"policies\":\"a,b\"}", "a,b,default 2764800s | Policy \"a,b\" does not exist"),
        (By::Root, "{\"policies\":[\"response-wrapping\"]}", "cannot assign policy \"response-wrapping\""),
        (By::User, "null", "default,p1 2764800s"),
        (By::User, "{\"policies\":[\"p1\"]}", "default,p1 2764800s"),
        (By::User, "{\"no_default_policy\":true}", "p1 2764800s"),
        (By::User, "{\"policies\":[\"other\"]}", "child policies must be subset of parent"),
        (By::User, "{\"policies\":[\"root\"]}", "child policies must be subset of parent"),
        (By::Sudo, "{\"policies\":[\"other\"]}", "default,other 2764800s | Policy \"other\" does not exist"),
        (
            By::Sudo,
            "{\"policies\":[\"root\"]}",
            "root tokens may not be created without parent token being root",
        ),
    ]);
    let bare = token("bare", &["p1"]);
    let planned = plan_for(&bare, CallerRights::default(), "{\"policies\":[\"p1\"]}");
    assert_eq!(short_form(planned), "p1 2764800s", "no policy that the parent lacks");
    let expiring = TokenInfo { creation_ttl: 60, ..root() };
    let planned = plan_for(&expiring, CallerRights { is_root: true, sudo: false }, "null");
    assert_eq!(short_form(planned), "expiring root tokens cannot create non-expiring root tokens");
    let limited = TokenInfo { num_uses: 2, ..user() };
    let planned = plan_for(&limited, CallerRights { is_root: false, sudo: true }, "null");
    assert_eq!(short_form(planned), "restricted use token cannot generate child tokens");
}

#[test]
fn special_tokens_need_sudo() {
    let id = "root or sudo privileges required to specify token id";
    check(&[
        (By::User, "{\"no_parent\":true}", "root or sudo privileges required to create orphan token"),
        (By::User, "{\"period\":\"1h\"}", "root or sudo privileges required to create periodic token"),
        (By::User, "{\"id\":\"x\"}", id),
        (By::User, "{\"id\":\"a.b\"}", id),
        (By::Sudo, "{\"no_parent\":true}", "default,p1 2764800s orphan"),
        (By::Sudo, "{\"period\":\"1h\"}", "default,p1 3600s period=3600"),
        (By::Sudo, "{\"id\":\"x\"}", "default,p1 2764800s"),
        (By::Root, "{\"id\":\"a.b\"}", "custom token ID cannot have a '.' in the value"),
        (By::Root, "{\"id\":\"s.b\"}", "custom token ID cannot have the 's.' prefix"),
    ]);
}

#[test]
fn life_is_capped() {
    let capped = "default,p1 3600s max=3600 | TTL of \"2h\" exceeded the effective max_ttl of \"1h\"; TTL value is capped accordingly";
    let default = "default,p1 3600s max=3600 | TTL of \"768h\" exceeded the effective max_ttl of \"1h\"; TTL value is capped accordingly";
    let system = "default,p1 2764800s | TTL of \"769h\" exceeded the effective max_ttl of \"768h\"; TTL value is capped accordingly";
    let explicit = "default,p1 60s max=2764800 | Explicit max TTL of 2768400 seconds is greater than system/mount allowed value; value is being capped to 2764800 seconds";
    let period = "default,p1 2764800s period=2764800 | period of \"769h\" exceeded the effective max_ttl of \"768h\"; period value is capped accordingly";
    check(&[
        (By::User, "{\"ttl\":\"2h\",\"explicit_max_ttl\":\"1h\"}", capped),
        (By::User, "{\"explicit_max_ttl\":\"1h\"}", default),
        (By::User, "{\"ttl\":\"769h\"}", system),
        (By::User, "{\"ttl\":60,\"explicit_max_ttl\":\"769h\"}", explicit),
        (By::Sudo, "{\"period\":\"769h\"}", period),
        (
            By::Sudo,
            "{\"period\":\"769h\",\"explicit_max_ttl\":\"800h\"}",
            &period.replace(" |", " max=2880000 |"),
        ),
        (By::User, "{\"lease\":\"2m\"}", "default,p1 120s"),
        (By::User, "{\"ttl\":\"1d\",\"renewable\":false,\"num_uses\":2}", "default,p1 86400s fixed uses=2"),
        (By::Root, "{\"explicit_max_ttl\":60}", "root 60s max=60"),
        (By::Root, "{\"ttl\":60}", "root 60s"),
    ]);
}

#[test]
fn says_what_is_wrong_with_a_request() {
    check(&[
        (By::Root, "{\"ttl\":\"bad\"}", "strconv.ParseInt: parsing \"ba\": invalid syntax"),
        (By::Root, "{\"ttl\":\"-1s\"}", "ttl must be positive"),
        (By::Root, "{\"period\":-1}", "period must be positive"),
        (By::Root, "{\"num_uses\":-1}", "number of uses cannot be negative"),
        (By::Root, "{\"type\":\"batch\"}", "batch tokens are not supported by this broker yet"),
        (By::Root, "{\"type\":\"x\"}", "invalid 'type' value; use \"service\""),
        (By::Root, "{\"entity_alias\":\"x\"}", "entity_alias is not supported by this broker; leave it out"),
        (By::Root, "{\"type\":\"service\",\"entity_alias\":\"\",\"policies\":null}", "root 0s fixed"),
        (
            By::Root,
            "{\"meta\":\"x\"}",
            "error converting input for field \"meta\": '' expected type 'map[string]string', got unconvertible type 'string'",
        ),
    ]);
    let long = format!("{{\"display_name\":\"{}\"}}", "x".repeat(1_025));
    check(&[(By::Root, &long, "display_name is longer than 1024 bytes")]);
    let request = CreateRequest::parse(&json("{\"id\":\"hunter2\"}")).unwrap();
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn names_and_metadata_are_kept() {
    for (given, name) in [
        ("", "token"),
        ("disp", "token-disp"),
        ("a b/\u{e9}c", "token-a-b--c"),
        ("x!", "token-x"),
        ("-", "token-"),
    ] {
        let body = format!("{{\"display_name\":\"{given}\",\"meta\":{{\"k\":\"v\"}}}}");
        let (token, _) = plan(By::User, &body).unwrap();
        assert_eq!(token.display_name, name);
        assert_eq!(token.meta, Some([("k".to_owned(), "v".to_owned())].into()));
    }
}

#[test]
fn the_first_root_token_needs_no_parent() {
    let ids = NewIds { token_hash_hex: "r".to_owned(), accessor: "a".to_owned() };
    let context = CreateContext {
        parent: None,
        caller: CallerRights::default(),
        orphan: false,
        known_policy: &|_| false,
        now: NOW,
    };
    let request = CreateRequest { policies: vec!["root".to_owned()], ..CreateRequest::default() };
    assert_eq!(short_form(plan_create(&context, request, ids)), "root 0s orphan fixed");
}

#[test]
fn renewals_stay_within_the_limits() {
    let base = |ttl: u64| TokenInfo {
        creation_ttl: ttl,
        expires: Some(NOW.plus_seconds(ttl as i64)),
        renewable: true,
        ..token("t", &["p1"])
    };
    let explicit = TokenInfo { explicit_max_ttl: 100, ..base(60) };
    let periodic = TokenInfo { period: 60, ..base(60) };
    let both = TokenInfo { explicit_max_ttl: 100, ..periodic.clone() };
    let old = TokenInfo { expires: Some(NOW.plus_seconds(3_000_000)), ..base(60) };
    let old_periodic = TokenInfo { expires: Some(NOW.plus_seconds(3_000_000)), ..periodic.clone() };
    let cap = |asked: &str, most: &str| {
        format!(
            "TTL of \"{asked}\" exceeded the effective max_ttl of \"{most}\"; TTL value is capped accordingly"
        )
    };
    for (token, increment, later, expected) in [
        (base(3_600), 7_200, 0, "7200".to_owned()),
        (base(3_600), 0, 10, "3600".to_owned()),
        (base(3_600), 9_999 * 3_600, 0, format!("2764800 {}", cap("9999h", "768h"))),
        (base(3_600), 60, 10, "60".to_owned()),
        (explicit.clone(), 90, 20, format!("80 {}", cap("1m30s", "1m20s"))),
        (explicit, 30, 20, "30".to_owned()),
        (periodic, 5, 50, "60".to_owned()),
        (both, 5, 50, format!("50 {}", cap("1m", "50s"))),
        (old.clone(), 5, 2_764_800, "past the max TTL, cannot renew".to_owned()),
        (old, 5, 2_800_000, "past the max TTL, cannot renew".to_owned()),
        (old_periodic, 5, 2_800_000, "60".to_owned()),
        (base(60), 5, 60, "token not found".to_owned()),
        (TokenInfo { renewable: false, ..base(60) }, 5, 0, "lease is not renewable".to_owned()),
        (root(), 5, 0, "lease is not renewable".to_owned()),
    ] {
        let now = NOW.plus_seconds(later);
        let got = match plan_renew(&token, None, increment, now) {
            Ok((renewed, warnings)) => {
                assert_eq!(renewed.last_renewal, Some(now));
                let left = remaining_seconds(&renewed, now).to_string();
                [left].into_iter().chain(warnings).collect::<Vec<_>>().join(" ")
            }
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(got, expected, "{increment} after {later}");
    }
}

fn run(store: &mut MemoryStore, command: TokenCommand) -> Result<crate::command::Effects, Refusal> {
    store.run(&Command::Token(command))
}

fn create(store: &mut MemoryStore, id: &str, parent: Option<&str>) -> Result<(), Refusal> {
    let parent = parent.map(str::to_owned);
    let token = TokenInfo { orphan: parent.is_none(), parent, ..token(id, &["p1"]) };
    run(store, TokenCommand::Create(Box::new(token))).map(|_| ())
}

fn revoke(store: &mut MemoryStore, id: &str, orphan_children: bool) -> Vec<String> {
    let effects = run(store, TokenCommand::Revoke { id: id.to_owned(), orphan_children }).unwrap();
    let Reply::Revoked(accessors) = effects.reply else { panic!("not revoked") };
    let told: Vec<String> = effects
        .changes
        .into_iter()
        .map(|change| match change {
            Change::TokenRevoked { accessor } => accessor,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, accessors);
    accessors
}

/// The ids of all tokens, each checked to be found by its accessor and, if it has one, below its parent.
fn alive(store: &MemoryStore) -> BTreeSet<String> {
    let ids: BTreeSet<String> = store.children(&RowKey::new(Table::Token, "")).into_iter().collect();
    let mut links = 0;
    for id in &ids {
        let token = decode_token(store.get(&token_key(id)).unwrap()).unwrap();
        let leads_to = store.get(&accessor_key(&token.accessor)).and_then(decode_accessor);
        assert_eq!(leads_to.as_deref(), Some(id.as_str()));
        if let Some(parent) = &token.parent {
            assert!(store.children(&children_key(parent)).contains(id));
            links += 1;
        }
    }
    // No row is left of tokens that ended.
    assert_eq!(store.keys().count(), 2 * ids.len() + links);
    ids
}

#[test]
fn a_revocation_takes_the_descendants() {
    let mut store = MemoryStore::default();
    for (id, parent) in
        [("a", None), ("b", Some("a")), ("c", Some("b")), ("d", Some("c")), ("e", Some("a")), ("f", None)]
    {
        create(&mut store, id, parent).unwrap();
    }
    assert_eq!(alive(&store).len(), 6);
    assert_eq!(revoke(&mut store, "nope", false), Vec::<String>::new());
    assert_eq!(revoke(&mut store, "b", false), ["acc-b", "acc-c", "acc-d"]);
    assert_eq!(store.rounds, 4, "a round a generation");
    assert_eq!(alive(&store), ["a", "e", "f"].map(str::to_owned).into());
    assert_eq!(create(&mut store, "g", Some("b")), Err(Refusal::Denied));
    let duplicate = Refusal::Invalid("cannot create a token with a duplicate ID".to_owned());
    assert_eq!(create(&mut store, "a", None), Err(duplicate));
    assert_eq!(revoke(&mut store, "a", true), ["acc-a"]);
    assert_eq!(alive(&store), ["e", "f"].map(str::to_owned).into());
    let orphan = decode_token(store.get(&token_key("e")).unwrap()).unwrap();
    assert!(orphan.orphan && orphan.parent.is_none());
}

#[test]
fn a_token_of_an_ended_parent_is_refused() {
    let mut store = MemoryStore::default();
    let parent = TokenInfo { expires: Some(NOW.plus_seconds(1)), ..token("p", &[]) };
    run(&mut store, TokenCommand::Create(Box::new(parent))).unwrap();
    for (later, expected) in [(0, Ok(())), (1, Err(Refusal::Denied))] {
        let child = TokenInfo {
            created: NOW.plus_seconds(later),
            parent: Some("p".to_owned()),
            ..token(&format!("c{later}"), &[])
        };
        assert_eq!(run(&mut store, TokenCommand::Create(Box::new(child))).map(|_| ()), expected);
    }
}

#[test]
fn an_accessor_is_used_once() {
    let mut store = MemoryStore::default();
    create(&mut store, "a", None).unwrap();
    let twin = TokenInfo { accessor: "acc-a".to_owned(), ..token("b", &[]) };
    let refused = run(&mut store, TokenCommand::Create(Box::new(twin)));
    assert_eq!(refused.unwrap_err(), Refusal::ExistenceChanged);
}

#[test]
fn uses_are_counted_and_the_last_ends_it() {
    let mut store = MemoryStore::default();
    let limited = TokenInfo { num_uses: 2, expires: Some(NOW.plus_seconds(10)), ..token("n", &["p1"]) };
    run(&mut store, TokenCommand::Create(Box::new(limited))).unwrap();
    create(&mut store, "free", None).unwrap();
    for (id, later, expected) in [
        ("free", 5, Ok(0)),
        ("n", 10, Err(Refusal::Denied)),
        ("n", 5, Ok(1)),
        ("n", 5, Ok(0)),
        ("n", 5, Err(Refusal::Denied)),
        ("nope", 5, Err(Refusal::Denied)),
    ] {
        let used = run(&mut store, TokenCommand::Use { id: id.to_owned(), now: NOW.plus_seconds(later) });
        let left = used.map(|effects| {
            let Reply::Token(token) = effects.reply else { panic!("not a token") };
            token.num_uses
        });
        assert_eq!(left, expected, "{id} after {later}");
    }
    assert_eq!(alive(&store), ["free".to_owned()].into());
}

#[test]
fn a_renewal_is_stored() {
    let mut store = MemoryStore::default();
    let renewable = TokenInfo { renewable: true, ..user() };
    run(&mut store, TokenCommand::Create(Box::new(renewable))).unwrap();
    let renew = |id: &str| TokenCommand::Renew { id: id.to_owned(), increment: 7_200, now: NOW };
    run(&mut store, renew("user")).unwrap();
    let stored = decode_token(store.get(&token_key("user")).unwrap()).unwrap();
    assert_eq!(stored.expires, Some(NOW.plus_seconds(7_200)));
    let unknown = Refusal::Invalid("token not found".to_owned());
    assert_eq!(run(&mut store, renew("nope")).unwrap_err(), unknown);
}

#[test]
fn rows_are_read_back_and_damaged_ones_are_named() {
    let mut store = MemoryStore::default();
    let facts = Facts {
        mount: "kubernetes".to_owned(),
        issuer: Some("https://i".to_owned()),
        subject: "sub".to_owned(),
        groups: vec!["g".to_owned()],
        namespace: Some("ns".to_owned()),
        service_account: Some("sa".to_owned()),
        uid: Some("u".to_owned()),
        claims: [("c".to_owned(), "d".to_owned())].into(),
    };
    let full = TokenInfo {
        meta: Some(BTreeMap::from([("k".to_owned(), "v".to_owned())])),
        display_name: "token-x".to_owned(),
        path: "auth/token/create".to_owned(),
        last_renewal: Some(NOW),
        explicit_max_ttl: 1,
        period: 2,
        num_uses: 3,
        role: None,
        facts,
        ..user()
    };
    run(&mut store, TokenCommand::Create(Box::new(full.clone()))).unwrap();
    let stored = decode_token(store.get(&token_key("user")).unwrap()).unwrap();
    assert_eq!(format!("{stored:?}"), format!("{full:?}"));
    for bytes in [&b""[..], b"{}", b"{\"v\":2,\"id\":\"x\"}"] {
        assert!(decode_token(bytes).is_none() && decode_accessor(bytes).is_none());
    }
    store.put(token_key("user"), b"{}");
    let renew = TokenCommand::Renew { id: "user".to_owned(), increment: 0, now: NOW };
    assert_eq!(run(&mut store, renew).unwrap_err(), Refusal::Corrupt("token"));
    assert_eq!(revoke(&mut store, "user", false), Vec::<String>::new());
    assert!(store.get(&token_key("user")).is_none(), "a damaged token can be revoked");
}

/// A random step of the tree test; numbers name tokens.
#[derive(Clone, Debug)]
enum Op {
    Create(u8, Option<u8>),
    Revoke(u8, bool),
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..12_u8, prop::option::weighted(0.8, 0..12_u8)).prop_map(|(id, parent)| Op::Create(id, parent)),
        1 => (0..12_u8, prop::bool::weighted(0.3)).prop_map(|(id, orphan)| Op::Revoke(id, orphan)),
    ]
}

/// The model: each living token's parent. A token lives only as long as its parent does.
fn model_step(parents: &mut BTreeMap<u8, Option<u8>>, op: &Op) {
    match op {
        Op::Create(id, parent) => {
            if !parents.contains_key(id) && parent.is_none_or(|p| parents.contains_key(&p)) {
                parents.insert(*id, *parent);
            }
        }
        Op::Revoke(id, orphan) => {
            parents.remove(id);
            if *orphan {
                parents.values_mut().filter(|p| **p == Some(*id)).for_each(|p| *p = None);
            }
            loop {
                let living: BTreeSet<u8> = parents.keys().copied().collect();
                let before = parents.len();
                parents.retain(|_, parent| parent.is_none_or(|p| living.contains(&p)));
                if parents.len() == before {
                    break;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_descendant_outlives_its_ancestor(ops in prop::collection::vec(any_op(), 1..60)) {
        let mut store = MemoryStore::default();
        let mut parents = BTreeMap::new();
        for op in &ops {
            match op {
                Op::Create(id, parent) => {
                    let parent = parent.map(|p| p.to_string());
                    let _ = create(&mut store, &id.to_string(), parent.as_deref());
                }
                Op::Revoke(id, orphan) => {
                    revoke(&mut store, &id.to_string(), *orphan);
                }
            }
            model_step(&mut parents, op);
            let expected: BTreeSet<String> = parents.keys().map(u8::to_string).collect();
            prop_assert_eq!(alive(&store), expected, "{:?}", op);
        }
    }
}
