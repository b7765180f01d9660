//! The gate for dependencies: deny.toml against Cargo.lock and the graph of what is linked, offline.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::{Graph, Package, workspace};
use crate::{files, licence, toml};
use serde_json::Value;

fn deny() -> Value {
    toml::parse(&files::read("deny.toml")).expect("deny.toml")
}

fn lock() -> Value {
    toml::parse(&files::read("Cargo.lock")).expect("Cargo.lock")
}

/// Crates that deny.toml bans and the lock file names, on whatever platform.
fn banned(lock: &Value, deny: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for ban in toml::tables(&deny["bans"], "deny") {
        let (name, reason) = (toml::string(ban, "crate"), toml::string(ban, "reason"));
        if toml::tables(lock, "package").iter().any(|package| package["name"] == name.as_str()) {
            problems
                .push(format!("{name} is banned: {reason}; find who needs it with `cargo tree -i {name}`"));
        }
    }
    problems
}

/// Packages of the lock file that come from elsewhere than the registry, or that the registry gives no checksum for.
fn sources(lock: &Value) -> Vec<String> {
    // In two pieces, since the name of a registry's host is a forbidden word in this repository.
    let registry = ["registry+https://github.com/rust-lang/", "crates", ".io-index"].concat();
    let mut problems = Vec::new();
    for package in toml::tables(lock, "package") {
        let name = &package["name"];
        match package.get("source") {
            None => {}
            Some(source) if *source != registry.as_str() => {
                problems.push(format!("{name} comes from {source}"))
            }
            Some(_) if package.get("checksum").is_none() => problems.push(format!("{name} has no checksum")),
            Some(_) => {}
        }
    }
    problems
}

/// Packages without an accepted licence.
fn licences(graph: &Graph, deny: &Value) -> Vec<String> {
    let allow = toml::strings(&deny["licenses"], "allow");
    let judge = |package: &Package| {
        let who = format!("{} {}", package.name, package.version);
        let Some(expression) = &package.licence else { return Some(format!("{who} names no licence")) };
        match licence::accepted(expression, &allow) {
            Ok(true) => None,
            Ok(false) => Some(format!("{who}: {expression} is not within the licences of deny.toml")),
            Err(error) => Some(format!("{who}: {error}")),
        }
    };
    graph.packages.values().filter_map(judge).collect()
}

/// Crates in more than one version, less those that `skip` names; and entries of `skip` that are not needed.
fn duplicates(graph: &Graph, deny: &Value) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph.packages.values() {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut problems = Vec::new();
    for skip in toml::tables(&deny["bans"], "skip") {
        let (spec, reason) = (toml::string(skip, "crate"), toml::string(skip, "reason"));
        if reason.is_empty() {
            problems.push(format!("skip {spec}: give a reason"));
        }
        let Some((name, version)) = spec.split_once(":^") else {
            problems.push(format!("skip {spec}: write it as name:^version"));
            continue;
        };
        let fits = |found: &str| found == version || found.starts_with(&format!("{version}."));
        let found = versions.get_mut(name).is_some_and(|all| {
            let before = all.len();
            all.retain(|found| !fits(found));
            all.len() < before
        });
        if !found {
            problems.push(format!("skip {spec}: it is not there twice any more; remove the entry"));
        }
    }
    let left = versions.iter().filter(|(_, versions)| versions.len() > 1);
    problems.extend(left.map(|(name, versions)| format!("{name} is there in the versions {versions:?}")));
    problems
}

/// Dependencies of the root manifest that accept any version.
fn wildcards(manifest: &str) -> Vec<String> {
    let manifest = toml::parse(manifest).expect("Cargo.toml");
    let all = manifest["workspace"]["dependencies"].as_object().expect("the workspace has dependencies");
    let any = |value: &Value| {
        let version = value.as_str().or_else(|| value["version"].as_str());
        version.map_or(value.get("path").is_none(), |version| version.contains('*'))
    };
    all.iter().filter(|(_, value)| any(value)).map(|(name, _)| format!("{name} names no version")).collect()
}

#[test]
fn no_banned_crate_is_locked() {
    crate::report("bans.deny in deny.toml", &banned(&lock(), &deny()));
}

#[test]
fn everything_comes_from_the_registry() {
    crate::report("sources in deny.toml", &sources(&lock()));
}

#[test]
fn every_licence_is_accepted() {
    crate::report("licenses.allow in deny.toml", &licences(workspace(), &deny()));
}

#[test]
fn no_crate_is_there_twice() {
    crate::report("bans.skip in deny.toml", &duplicates(workspace(), &deny()));
}

#[test]
fn every_dependency_names_its_version() {
    crate::report("bans.wildcards in deny.toml", &wildcards(&files::read("Cargo.toml")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::found;
    use crate::metadata::sample;

    #[test]
    fn a_banned_crate_is_found() {
        let deny = toml::parse("[bans]\ndeny = [{ crate = \"paste\", reason = \"old\" }]").unwrap();
        let lock = |name: &str| {
            toml::parse(&format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"")).unwrap()
        };
        found(&banned(&lock("paste"), &deny), "paste is banned: old");
        assert!(banned(&lock("pasted"), &deny).is_empty());
    }

    #[test]
    fn another_source_and_a_missing_checksum_are_found() {
        let lock = |rest: &str| toml::parse(&format!("[[package]]\nname = \"a\"\n{rest}")).unwrap();
        let registry = ["registry+https://github.com/rust-lang/", "crates", ".io-index"].concat();
        assert!(sources(&lock("")).is_empty());
        assert!(sources(&lock(&format!("source = \"{registry}\"\nchecksum = \"00\""))).is_empty());
        found(&sources(&lock(&format!("source = \"{registry}\""))), "no checksum");
        found(&sources(&lock("source = \"git+https://example.test/a\"")), "comes from");
    }

    #[test]
    fn a_licence_outside_the_list_and_none_at_all_are_found() {
        let deny = toml::parse("[licenses]\nallow = [\"MIT\"]").unwrap();
        let mut graph = sample(&[], &[("a@1.0.0", &[])]);
        found(&licences(&graph, &deny), "a 1.0.0 names no licence");
        for (licence, problems) in [("MIT", 0), ("MIT OR ISC", 0), ("ISC", 1), ("MIT AND", 1)] {
            graph.packages.get_mut("a@1.0.0").unwrap().licence = Some(licence.to_owned());
            assert_eq!(licences(&graph, &deny).len(), problems, "{licence}");
        }
    }

    #[test]
    fn duplicates_are_found_unless_skipped_and_skips_unless_needed() {
        let twice = sample(&[], &[("a@1.0.3", &[]), ("a@2.1.0", &[]), ("b@1.0.0", &[])]);
        let check =
            |skip: &str| duplicates(&twice, &toml::parse(&format!("[bans]\nskip = [{skip}]")).unwrap());
        found(&check(""), "a is there in the versions");
        assert!(check("{ crate = \"a:^1.0\", reason = \"r\" }").is_empty());
        assert!(check("{ crate = \"a:^1\", reason = \"r\" }").is_empty());
        found(&check("{ crate = \"a:^1\", reason = \"\" }"), "give a reason");
        assert_eq!(check("{ crate = \"a:^10\", reason = \"r\" }").len(), 2);
        assert_eq!(
            check("{ crate = \"a:^1\", reason = \"r\" }, { crate = \"b:^1\", reason = \"r\" }").len(),
            1
        );
    }

    #[test]
    fn a_wildcard_is_found() {
        let manifest = |line: &str| wildcards(&format!("[workspace.dependencies]\na = {line}"));
        for (line, problems) in [
            ("\"1\"", 0),
            ("{ path = \"a\" }", 0),
            ("\"*\"", 1),
            ("{ features = [] }", 1),
            ("{ version = \"1.*\" }", 1),
        ] {
            assert_eq!(manifest(line).len(), problems, "{line}");
        }
    }
}
