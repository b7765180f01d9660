//! The rules of imports.toml: which crate may reach which other one.

use std::collections::BTreeSet;

use crate::metadata::{Graph, workspace};
use crate::{files, toml};
use serde_json::Value;

/// The list of rules.
pub fn list() -> Value {
    toml::parse(&files::read("tests/tidy/imports.toml")).expect("imports.toml")
}

/// All breaches of all rules; each names the path that should not be there.
fn problems(graph: &Graph, list: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in toml::tables(list, "rule") {
        problems.extend(never(graph, rule));
    }
    for rule in toml::tables(list, "only") {
        problems.extend(only(graph, rule));
    }
    problems
}

fn never(graph: &Graph, rule: &Value) -> Vec<String> {
    let reason = toml::string(rule, "reason");
    let closed: BTreeSet<String> = toml::strings(rule, "except").into_iter().collect();
    let open = |from: &str, to: &str| !closed.contains(&format!("{from} -> {to}"));
    let mut problems = Vec::new();
    for who in toml::strings(rule, "who") {
        let Some(member) = graph.member(&who) else {
            problems.push(format!("{who} is no crate of the workspace; correct the rule {reason:?}"));
            continue;
        };
        for target in toml::strings(rule, "never") {
            if let Some(path) = graph.path(member, &target, &open) {
                problems.push(format!("{} ({reason})", path.join(" -> ")));
            }
        }
    }
    problems
}

fn only(graph: &Graph, rule: &Value) -> Vec<String> {
    let (target, reason) = (toml::string(rule, "crate"), toml::string(rule, "reason"));
    let (importers, through) = (toml::strings(rule, "importers"), toml::strings(rule, "through"));
    let known = graph.member_names();
    let unknown = importers.iter().chain(&through).filter(|name| !known.contains(name));
    let mut problems: Vec<String> = unknown
        .map(|name| format!("{name} is no crate of the workspace; correct the rule for {target}"))
        .collect();
    for who in known.iter().filter(|name| *name != "tests" && !importers.contains(name)) {
        let by_importer = through.contains(who);
        let open = |from: &str, _: &str| !(by_importer && importers.iter().any(|name| name == from));
        let member = graph.member(who).expect("the name is a member's");
        if let Some(path) = graph.path(member, &target, &open) {
            problems.push(format!(
                "{} (only {} may import {target}: {reason})",
                path.join(" -> "),
                importers.join(", ")
            ));
        }
    }
    problems
}

#[test]
fn every_crate_reaches_only_what_it_may() {
    crate::report("imports.toml", &problems(workspace(), &list()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::sample;

    /// Judges a graph by one rule; the members are `core`, `shell` and `cli`.
    fn check(rule: &str, packages: &[(&str, &[&str])]) -> Vec<String> {
        problems(&sample(&["core", "shell", "cli"], packages), &toml::parse(rule).unwrap())
    }

    const NEVER: &str = "[[rule]]\nwho = [\"core\"]\nnever = [\"net\", \"dice\"]\nexcept = [\"seal -> dice\"]\nreason = \"pure\"\n";
    const ONLY: &str =
        "[[only]]\ncrate = \"net\"\nimporters = [\"shell\"]\nthrough = [\"cli\"]\nreason = \"one\"\n";

    #[test]
    fn a_forbidden_crate_is_found_at_any_depth_with_its_path() {
        let bad = check(
            NEVER,
            &[("core", &["json"]), ("json", &["net"]), ("net", &[]), ("shell", &[]), ("cli", &[])],
        );
        crate::found(&bad, "core -> json -> net (pure)");
    }

    #[test]
    fn an_exception_opens_one_edge_and_no_other() {
        let by_seal =
            [("core", &["seal"][..]), ("seal", &["dice"]), ("dice", &[]), ("shell", &[]), ("cli", &[])];
        assert_eq!(check(NEVER, &by_seal), Vec::<String>::new());
        let by_both = [
            ("core", &["seal", "game"][..]),
            ("seal", &["dice"]),
            ("game", &["dice"]),
            ("dice", &[]),
            ("shell", &[]),
            ("cli", &[]),
        ];
        crate::found(&check(NEVER, &by_both), "core -> game -> dice");
    }

    #[test]
    fn only_importers_import_and_others_go_through_them() {
        let good = [("shell", &["net"][..]), ("cli", &["shell"]), ("core", &[]), ("net", &[])];
        assert_eq!(check(ONLY, &good), Vec::<String>::new());
        let direct = [("shell", &["net"][..]), ("cli", &["shell", "net"]), ("core", &[]), ("net", &[])];
        crate::found(&check(ONLY, &direct), "cli -> net (only shell may import net");
        let stranger = [("shell", &["net"][..]), ("core", &["shell"]), ("cli", &[]), ("net", &[])];
        crate::found(&check(ONLY, &stranger), "core -> shell -> net");
    }

    #[test]
    fn a_rule_for_a_crate_that_is_not_there_fails() {
        let bad = check(
            "[[rule]]\nwho = [\"cores\"]\nnever = [\"net\"]\nreason = \"r\"\n",
            &[("core", &[]), ("shell", &[]), ("cli", &[])],
        );
        crate::found(&bad, "cores is no crate");
    }
}
