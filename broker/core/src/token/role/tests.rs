//! Tests of token roles: bodies, the tokens that a role makes, renewals, and roles in a store.

use super::super::{
    CallerRights, CreateContext, NewIds, TokenCommand, TokenInfo, decode_token, plan_create_with_role,
    plan_renew, remaining_seconds, token_key,
};
use super::*;
use crate::command::Command;
use crate::json::{JsonLimits, parse};
use crate::testing::MemoryStore;
use crate::time::Time;

const NOW: Time = Time::from_seconds(1_000_000);

fn json(text: &str) -> Json {
    parse(text.as_bytes(), &JsonLimits::default()).unwrap()
}

fn role(body: &str) -> Result<TokenRole, Refusal> {
    RoleChange::parse(&json(body)).map(|change| change.apply_to(TokenRole::new("r")))
}

/// A token that lives a day: policies `default`, `own` and `p1`.
fn parent() -> TokenInfo {
    TokenInfo {
        id: "parent".to_owned(),
        policies: ["default", "own", "p1"].map(str::to_owned).into(),
        creation_ttl: 86_400,
        expires: Some(NOW.plus_seconds(86_400)),
        created: NOW,
        ..TokenInfo::default()
    }
}

fn planned(
    parent: &TokenInfo,
    caller: CallerRights,
    role: &TokenRole,
    body: &str,
) -> Result<(TokenInfo, Vec<String>), Refusal> {
    let request = CreateRequest::parse(&json(body))?;
    let ids = NewIds { token_hash_hex: "new".to_owned(), accessor: "acc".to_owned() };
    let context =
        CreateContext { parent: Some(parent), caller, orphan: false, known_policy: &|_| true, now: NOW };
    plan_create_with_role(&context, Some(role), request, ids)
}

/// What a caller without `sudo` gets of a role: policies, life, what is special, warnings. Or the refusal.
fn got(role_body: &str, body: &str) -> String {
    match planned(&parent(), CallerRights::default(), &role(role_body).unwrap(), body) {
        Err(refusal) => refusal.to_string(),
        Ok((token, warnings)) => {
            assert_eq!(token.role.as_deref(), Some("r"));
            assert_eq!(token.orphan, token.parent.is_none());
            let mut out = format!("{} {}s", token.policies.join(","), token.creation_ttl);
            for (on, word) in [(token.orphan, " orphan"), (!token.renewable, " fixed")] {
                out.push_str(if on { word } else { "" });
            }
            for (number, word) in
                [(token.period, "period"), (token.explicit_max_ttl, "max"), (token.num_uses, "uses")]
            {
                if number > 0 {
                    out.push_str(&format!(" {word}={number}"));
                }
            }
            warnings.into_iter().for_each(|warning| out.push_str(&format!(" | {warning}")));
            out
        }
    }
}

#[test]
fn policies_of_a_role_count_instead_of_the_callers() {
    let allowed = "{\"allowed_policies\":\"p1, P2\"}";
    let glob = "{\"allowed_policies_glob\":[\"team-*-ro\"]}";
    let subset = |asked: &str, allowed: &str, glob: &str| {
        format!(
            "token policies ({asked}) must be subset of the role's allowed policies ({allowed}) or glob policies ({glob})"
        )
    };
    let no_default = "{\"allowed_policies\":\"p1\",\"token_no_default_policy\":true}";
    let mixed = "{\"allowed_policies\":\"p1\",\"disallowed_policies_glob\":\"p*\"}";
    for (role, body, expected) in [
        (allowed, "{}", "default,p1,p2 2764800s".to_owned()),
        (allowed, "{\"policies\":[\"p2\"]}", "default,p2 2764800s".to_owned()),
        (allowed, "{\"policies\":[\"p2\"],\"no_default_policy\":true}", "p2 2764800s".to_owned()),
        (
            allowed,
            "{\"policies\":[\"own\"]}",
            subset("[\"default\" \"own\"]", "[\"default\" \"p1\" \"p2\"]", "[]"),
        ),
        (glob, "{\"policies\":[\"team-a-ro\"]}", "default,team-a-ro 2764800s".to_owned()),
        (glob, "{}", "default 2764800s".to_owned()),
        (
            glob,
            "{\"policies\":[\"team-a-rw\"]}",
            subset("[\"default\" \"team-a-rw\"]", "[\"default\"]", "[\"team-*-ro\"]"),
        ),
        (no_default, "{}", "p1 2764800s".to_owned()),
        (no_default, "{\"policies\":[\"default\"]}", subset("[\"default\"]", "[\"p1\"]", "[]")),
        ("{\"disallowed_policies\":\"own\"}", "{\"policies\":[\"any\"]}", "any,default 2764800s".to_owned()),
        (
            "{\"disallowed_policies\":\"own\"}",
            "{}",
            "token policy \"own\" is disallowed by this role".to_owned(),
        ),
        ("{\"disallowed_policies\":\"default\"}", "{\"policies\":[\"x\"]}", "x 2764800s".to_owned()),
        (mixed, "{}", "token policy \"p1\" is disallowed by this role".to_owned()),
        (
            "{\"allowed_policies\":\"a,root\"}",
            "{}",
            "root tokens may not be created without parent token being root".to_owned(),
        ),
        (
            "{\"disallowed_policies\":\"x\"}",
            "{\"policies\":[\"root\"]}",
            "root tokens may not be created without parent token being root".to_owned(),
        ),
        (
            "{\"allowed_policies_glob\":\"*\"}",
            "{\"policies\":[\"response-wrapping\"]}",
            "cannot assign policy \"response-wrapping\"".to_owned(),
        ),
    ] {
        assert_eq!(got(role, body), expected, "{role} {body}");
    }
}

#[test]
fn without_policies_in_the_role_the_callers_count() {
    let no_default = "{\"token_no_default_policy\":true}";
    for (role, body, expected) in [
        ("{}", "{}", "default,own,p1 2764800s"),
        ("{}", "{\"policies\":[\"p1\"]}", "default,p1 2764800s"),
        ("{}", "{\"policies\":[\"p2\"]}", "child policies must be subset of parent"),
        (no_default, "{}", "own,p1 2764800s"),
        (no_default, "{\"policies\":[\"p1\"]}", "p1 2764800s"),
        (no_default, "{\"policies\":[\"p1\",\"default\"]}", "default,p1 2764800s"),
    ] {
        assert_eq!(got(role, body), expected, "{role} {body}");
    }
}

#[test]
fn the_tighter_of_role_and_request_wins() {
    let ignored =
        "default,own,p1 2764800s | no_parent is ignored: the role says whether its tokens have a parent";
    let capped = "default,own,p1 60s | TTL of \"1h\" exceeded the effective max_ttl of \"1m\"; TTL value is capped accordingly";
    for (role, body, expected) in [
        ("{\"token_period\":\"1h\"}", "{}", "default,own,p1 3600s"),
        ("{\"token_period\":\"1h\"}", "{\"ttl\":\"2h\"}", "default,own,p1 3600s"),
        ("{\"token_explicit_max_ttl\":60}", "{\"ttl\":\"1h\"}", capped),
        ("{\"explicit_max_ttl\":60}", "{\"ttl\":30,\"explicit_max_ttl\":40}", "default,own,p1 30s max=40"),
        ("{\"explicit_max_ttl\":60}", "{\"ttl\":30,\"explicit_max_ttl\":90}", "default,own,p1 30s max=60"),
        ("{\"token_num_uses\":3}", "{}", "default,own,p1 2764800s uses=3"),
        ("{\"token_num_uses\":3}", "{\"num_uses\":2}", "default,own,p1 2764800s uses=2"),
        ("{\"token_num_uses\":3}", "{\"num_uses\":4}", "default,own,p1 2764800s uses=3"),
        ("{\"renewable\":false}", "{\"renewable\":true}", "default,own,p1 2764800s fixed"),
        ("{}", "{\"renewable\":false}", "default,own,p1 2764800s fixed"),
        ("{\"orphan\":true}", "{}", "default,own,p1 2764800s orphan"),
        ("{\"orphan\":true}", "{\"no_parent\":true}", "default,own,p1 2764800s orphan"),
        ("{}", "{\"no_parent\":true}", ignored),
        (
            "{\"token_period\":60}",
            "{\"period\":30}",
            "root or sudo privileges required to create periodic token",
        ),
    ] {
        assert_eq!(got(role, body), expected, "{role} {body}");
    }
    let sudo = CallerRights { is_root: false, sudo: true };
    for (asked, period) in [(30, 30), (90, 60)] {
        let role = role("{\"token_period\":60}").unwrap();
        let (token, _) = planned(&parent(), sudo, &role, &format!("{{\"period\":{asked}}}")).unwrap();
        assert_eq!((token.period, token.creation_ttl), (period, period));
    }
}

#[test]
fn the_path_names_the_role() {
    for (body, path) in
        [("{}", "auth/token/create/r"), ("{\"path_suffix\":\"v-1.2\"}", "auth/token/create/r/v-1.2")]
    {
        let (token, _) = planned(&parent(), CallerRights::default(), &role(body).unwrap(), "{}").unwrap();
        assert_eq!(token.path, path);
    }
}

#[test]
fn a_renewal_goes_by_the_role_as_it_is_now() {
    let token = TokenInfo {
        role: Some("r".to_owned()),
        renewable: true,
        creation_ttl: 100,
        expires: Some(NOW.plus_seconds(100)),
        ..parent()
    };
    let periodic = TokenInfo { period: 50, ..token.clone() };
    let limited = TokenInfo { explicit_max_ttl: 120, ..token.clone() };
    let gone = "original token role \"r\" could not be found, not renewing; write the role again or create a new token";
    for (token, body, expected) in [
        (&token, Some("{}"), "70"),
        (&token, Some("{\"token_period\":200}"), "200"),
        (&token, Some("{\"token_explicit_max_ttl\":60}"), "50"),
        (&token, Some("{\"token_period\":200,\"token_explicit_max_ttl\":150}"), "140"),
        (&periodic, Some("{\"token_period\":200}"), "50"),
        (&periodic, Some("{\"token_period\":20}"), "20"),
        (&periodic, Some("{}"), "50"),
        (&limited, Some("{\"token_explicit_max_ttl\":300}"), "70"),
        (&limited, Some("{\"token_explicit_max_ttl\":60}"), "50"),
        (&token, Some("{\"token_period\":\"9999h\"}"), "2764800"),
        (&token, Some("{\"token_explicit_max_ttl\":10}"), "past the max TTL, cannot renew"),
        (&token, None, gone),
    ] {
        let now = NOW.plus_seconds(10);
        let role = body.map(|body| role(body).unwrap());
        let left = match plan_renew(token, role.as_ref(), 70, now) {
            Ok((renewed, _)) => remaining_seconds(&renewed, now).to_string(),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(left, expected, "{body:?}");
    }
}

#[test]
fn says_what_is_wrong_with_a_role() {
    let suffix = "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w and have at most 512 bytes";
    for (body, expected) in [
        (
            "{\"allowed_entity_aliases\":\"x\"}",
            "allowed_entity_aliases is not supported by this broker; leave it out",
        ),
        (
            "{\"token_bound_cidrs\":[\"10.0.0.0/8\"]}",
            "token_bound_cidrs is not supported by this broker; leave it out",
        ),
        ("{\"bound_cidrs\":\"10.0.0.0/8\"}", "bound_cidrs is not supported by this broker; leave it out"),
        (
            "{\"token_strictly_bind_ip\":true}",
            "token_strictly_bind_ip is not supported by this broker; leave it out",
        ),
        (
            "{\"token_type\":\"batch\"}",
            "token_type \"batch\" is not supported by this broker yet; use \"default-service\" or \"service\"",
        ),
        ("{\"token_type\":\"x\"}", "invalid 'token_type' value; use \"default-service\" or \"service\""),
        ("{\"path_suffix\":\"a\"}", suffix),
        ("{\"path_suffix\":\"a/b\"}", suffix),
        ("{\"path_suffix\":\"-ab\"}", suffix),
        (
            "{\"token_num_uses\":-1}",
            "error converting input for field \"token_num_uses\": cannot provide negative value '-1'",
        ),
        (
            "{\"token_period\":-1}",
            "error converting input for field \"token_period\": cannot provide negative value '-1'",
        ),
        (
            "{\"orphan\":\"x\"}",
            "error converting input for field \"orphan\": '' cannot parse value as 'bool': strconv.ParseBool: invalid syntax",
        ),
    ] {
        assert_eq!(role(body).unwrap_err().to_string(), expected, "{body}");
    }
    let many: Vec<String> = (0..257).map(|i| format!("p{i}")).collect();
    let expected = "allowed_policies has more than 256 entries, or one longer than 512 bytes";
    let body = format!("{{\"allowed_policies\":\"{}\"}}", many.join(","));
    assert_eq!(role(&body).unwrap_err().to_string(), expected);
    let harmless = "{\"allowed_entity_aliases\":[],\"token_bound_cidrs\":null,\"token_strictly_bind_ip\":false,\"token_type\":\"default\",\"path_suffix\":\"\"}";
    assert_eq!(role(harmless), Ok(TokenRole::new("r")));
}

#[test]
fn globs_match_the_whole_text() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "a", true),
        ("", "", true),
        ("", "a", false),
        ("ab", "ab", true),
        ("ab", "abc", false),
        ("a*", "a", true),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("*-ro", "team-ro", true),
        ("*-ro", "team-rox", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a**c", "abc", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

fn write_role(store: &mut MemoryStore, name: &str, body: &str) -> Result<bool, Refusal> {
    let change = Box::new(RoleChange::parse(&json(body))?);
    let command = Command::Token(TokenCommand::WriteRole { name: name.to_owned(), change });
    store.run(&command).map(|effects| !effects.mutations.is_empty())
}

fn stored(store: &MemoryStore, name: &str) -> Option<TokenRole> {
    store.get(&role_key(name)).map(|row| decode_role(row).unwrap())
}

#[test]
fn a_write_changes_what_it_names() {
    let mut store = MemoryStore::default();
    assert_eq!(write_role(&mut store, "r", "{\"allowed_policies\":\"B,a\",\"period\":\"1h\"}"), Ok(true));
    let first = stored(&store, "r").unwrap();
    assert_eq!(first.allowed_policies, ["a", "b"]);
    assert_eq!(first.period, RoleSeconds { seconds: 3_600, by_old_name: true });
    assert!(first.renewable && !first.orphan);
    assert_eq!(write_role(&mut store, "r", "{\"renewable\":false,\"token_period\":60}"), Ok(true));
    let period = RoleSeconds { seconds: 60, by_old_name: false };
    assert_eq!(stored(&store, "r").unwrap(), TokenRole { renewable: false, period, ..first });
    assert_eq!(write_role(&mut store, "r", "{\"renewable\":false}"), Ok(false), "nothing to write");
    assert_eq!(write_role(&mut store, "r", "{\"allowed_policies\":\"\"}"), Ok(true));
    assert_eq!(stored(&store, "r").unwrap().allowed_policies, Vec::<String>::new());
    let delete = || Command::Token(TokenCommand::DeleteRole { name: "r".to_owned() });
    for expected in [1, 0] {
        assert_eq!(store.run(&delete()).unwrap().mutations.len(), expected);
        assert_eq!(stored(&store, "r"), None);
    }
    let name = "the role needs a name of 1 to 256 bytes without a slash";
    for bad in ["", "a/b", &"x".repeat(257)] {
        assert_eq!(write_role(&mut store, bad, "{}").unwrap_err().to_string(), name);
    }
    store.put(role_key("bad"), b"{}");
    assert_eq!(write_role(&mut store, "bad", "{}"), Err(Refusal::Corrupt("token role")));
}

#[test]
fn roles_are_limited() {
    let mut store = MemoryStore::default();
    for i in 1..MAX_ROLES {
        store.put(role_key(&format!("r{i}")), b"");
    }
    assert_eq!(write_role(&mut store, "last", "{}"), Ok(true));
    let refused = write_role(&mut store, "more", "{}").unwrap_err();
    assert_eq!(refused.to_string(), "there are 10000 token roles already; delete one first");
    assert_eq!(
        write_role(&mut store, "last", "{\"orphan\":true}"),
        Ok(true),
        "one that is there can be changed"
    );
}

#[test]
fn a_token_needs_its_role_when_it_is_made_and_renewed() {
    let mut store = MemoryStore::default();
    let create = || {
        let token = TokenInfo {
            id: "t".to_owned(),
            accessor: "a".to_owned(),
            role: Some("r".to_owned()),
            renewable: true,
            orphan: true,
            ..parent()
        };
        Command::Token(TokenCommand::Create(Box::new(token)))
    };
    let renew = || Command::Token(TokenCommand::Renew { id: "t".to_owned(), increment: 5, now: NOW });
    assert_eq!(store.run(&create()).unwrap_err(), Refusal::ExistenceChanged);
    assert_eq!(write_role(&mut store, "r", "{\"token_period\":\"2h\"}"), Ok(true));
    store.run(&create()).unwrap();
    store.run(&renew()).unwrap();
    let token = decode_token(store.get(&token_key("t")).unwrap()).unwrap();
    assert_eq!(token.expires, Some(NOW.plus_seconds(7_200)));
    assert_eq!(token.role.as_deref(), Some("r"));
    store.run(&Command::Token(TokenCommand::DeleteRole { name: "r".to_owned() })).unwrap();
    let refused = store.run(&renew()).unwrap_err().to_string();
    assert!(refused.starts_with("original token role \"r\" could not be found"), "{refused}");
}

#[test]
fn tokens_from_before_roles_are_read() {
    let mut store = MemoryStore::default();
    let token = TokenInfo { id: "t".to_owned(), accessor: "a".to_owned(), ..parent() };
    store.run(&Command::Token(TokenCommand::Create(Box::new(token)))).unwrap();
    let row = String::from_utf8(store.get(&token_key("t")).unwrap().to_vec()).unwrap();
    let old = row.replace("\"role\":null,", "");
    assert_ne!(row, old);
    assert_eq!(decode_token(old.as_bytes()).unwrap().role, None);
}
