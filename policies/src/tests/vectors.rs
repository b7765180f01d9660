//! Verdicts recorded from a real server, as far as they depend on path and capability alone.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    Capability, PolicyProblem, PolicySet, PolicySource, RequestPath, compile, explain, is_sudo_protected,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/acl-vectors.json");

/// Paths whose POST is `create` as long as nothing is there; elsewhere it is always `update`.
const WITH_EXISTENCE: [&str; 8] = [
    "s/",
    "cubbyhole/",
    "secret/data/",
    "secret/metadata/",
    "auth/approle/role/",
    "auth/userpass/users/",
    "auth/token/roles/",
    "transit/encrypt/",
];

/// Paths whose last segment the router lower-cases before the policy is asked.
const FOLDED: [&str; 4] =
    ["sys/policies/acl/", "auth/userpass/users/", "identity/entity/name/", "auth/jwt/role/"];

/// What is stored on the recorded server: one entry per key, whatever the engine.
#[derive(Default)]
struct Existing(HashSet<String>);

impl Existing {
    fn key(path: &str) -> String {
        path.replace("secret/data/", "secret/metadata/")
    }

    fn apply(&mut self, method: &str, path: &str) {
        match method {
            "POST" | "PUT" if WITH_EXISTENCE.iter().any(|p| path.starts_with(p)) => {
                self.0.insert(Self::key(path));
            }
            // Deleting the data of a versioned key leaves the key.
            "DELETE" if !path.starts_with("secret/data/") => {
                self.0.remove(path);
            }
            _ => {}
        }
    }

    fn needed(&self, method: &str, path: &str, query: &str) -> Option<Capability> {
        Some(match method {
            "GET" if query == "list=true" => Capability::List,
            "GET" if query == "scan=true" => Capability::Scan,
            "GET" => Capability::Read,
            "LIST" => Capability::List,
            "SCAN" => Capability::Scan,
            "DELETE" => Capability::Delete,
            "PATCH" => Capability::Patch,
            "POST" | "PUT" => {
                let creates = WITH_EXISTENCE.iter().any(|p| path.starts_with(p));
                let exists = self.0.contains(&Self::key(path));
                if creates && !exists { Capability::Create } else { Capability::Update }
            }
            _ => return None,
        })
    }
}

/// The set of the row's policies, or the reason to leave the row out.
fn policies(row: &Json) -> Result<PolicySet, &'static str> {
    let mut compiled = Vec::new();
    for (name, text) in row["policies"].as_object().unwrap() {
        match compile(name, text.as_str().unwrap(), PolicySource::Api) {
            Ok(policy) => compiled.push(Arc::new(policy)),
            Err(problems) => return Err(reason(row, &problems)),
        }
    }
    Ok(PolicySet::new(compiled))
}

fn reason(row: &Json, problems: &[PolicyProblem]) -> &'static str {
    if let Some(refused) = row.get("policy_refused") {
        // The recorded message ends in the same words, after prefixes of that server.
        let recorded = refused["errors"][0].as_str().unwrap();
        let ours = &problems[0].message;
        let words = [
            "invalid use of wildcards ('+*' is forbidden)",
            "invalid capability \"READ\"",
            "invalid key \"foo\" on line 2",
        ];
        assert!(words.iter().any(|w| recorded.contains(w) && ours.contains(w)), "{recorded} {ours}");
        return "refused by both";
    }
    let later = |problem: &PolicyProblem| problem.message.contains("is not supported by this broker yet");
    if problems.iter().all(later) {
        return "keys and templates not supported yet";
    }
    assert_eq!(row["name"], "base64 policy", "{problems:?}");
    "base64 is undone by the API"
}

fn check(row: &Json, existing: &mut Existing) -> Result<(), &'static str> {
    for step in row["setup"].as_array().into_iter().flatten() {
        existing.apply(step["method"].as_str().unwrap(), step["path"].as_str().unwrap());
    }
    let method = row["request"]["method"].as_str().unwrap();
    let raw = row["request"]["path"].as_str().unwrap();
    let (raw, query) = raw.split_once('?').unwrap_or((raw, ""));
    let needed = existing.needed(method, raw, query);
    if row["status"].as_u64().is_some_and(|status| status < 300) {
        existing.apply(method, raw);
    }
    let set = policies(row)?;
    let name = row["name"].as_str().unwrap();
    if row.get("entity").is_some() {
        return Err("needs an entity");
    }
    if query.starts_with("help") || raw.starts_with("auth/userpass/login/") {
        return Err("no policy is asked");
    }
    let needed = needed.ok_or("HEAD")?;
    let is_list = matches!(needed, Capability::List | Capability::Scan);
    let path = RequestPath::parse(raw, is_list).map_err(|_| "not canonical, refused before the policy")?;

    // The recorded server trims the asked path; ours takes it literally.
    if name != "pattern trailing space" || method != "GET" || !raw.ends_with("%20") {
        let asked = RequestPath::parse(raw, raw.ends_with('/')).unwrap();
        let recorded: Vec<&str> =
            row["capabilities"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        assert_eq!(set.capabilities(asked.as_str()).names(), recorded, "{name}: {raw}");
    }
    let allowed = row.get("ours").unwrap_or(&row["allowed"]).as_bool().unwrap();
    if let Some(mount) = raw.strip_prefix("sys/internal/ui/mounts/") {
        let mount = mount.split('/').next().unwrap();
        assert_eq!(set.any_below(&format!("{mount}/")), allowed, "{name}: {raw}");
        return Ok(());
    }
    let path = if FOLDED.iter().any(|prefix| raw.starts_with(prefix)) {
        RequestPath::from_canonical(&path.as_str().to_lowercase()).unwrap()
    } else {
        path
    };
    let decision = set.decide(&path, needed, is_sudo_protected(path.as_str(), needed));
    let sentence = explain(&decision, &path, needed);
    assert_eq!(decision.is_allowed(), allowed, "{name}: {method} {raw}: {sentence}");
    Ok(())
}

#[test]
fn recorded_verdicts() {
    let rows: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(GOLDEN).unwrap()).unwrap();
    let mut existing = Existing::default();
    let mut counts = BTreeMap::new();
    for row in &rows {
        let result = check(row, &mut existing).err().unwrap_or("checked");
        *counts.entry(result).or_insert(0) += 1;
    }
    let expected = [
        ("HEAD", 1),
        ("base64 is undone by the API", 1),
        ("checked", 213),
        ("keys and templates not supported yet", 144),
        ("needs an entity", 1),
        ("no policy is asked", 2),
        ("not canonical, refused before the policy", 14),
        ("refused by both", 3),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}
