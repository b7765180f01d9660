//! What cargo says about the workspace: its members, and the graph of everything that is linked into them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;
use std::sync::OnceLock;

use crate::files::root;
use crate::toml;

/// One package of the graph.
#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub licence: Option<String>,
    /// The folder of its manifest, absolute.
    pub folder: String,
    /// The ids of its normal dependencies; empty for a procedural macro, which is not linked.
    links: Vec<String>,
}

/// The packages by cargo's id.
#[derive(Debug, Default)]
pub struct Graph {
    pub packages: BTreeMap<String, Package>,
    pub members: BTreeSet<String>,
}

impl Graph {
    /// Reads the answer of `cargo metadata`.
    pub fn parse(metadata: &Value) -> Graph {
        let text = |value: &Value| value.as_str().expect("cargo metadata: a string").to_owned();
        let list = |value: &Value| value.as_array().expect("cargo metadata: a list").clone();
        let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let normal = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let ids =
                list(&node["deps"]).iter().filter(|dep| normal(dep)).map(|dep| text(&dep["pkg"])).collect();
            links.insert(text(&node["id"]), ids);
        }
        let mut graph = Graph::default();
        for package in list(&metadata["packages"]) {
            let id = text(&package["id"]);
            let Some(mut linked) = links.remove(&id) else { continue };
            let kinds = package["targets"].to_string();
            if kinds.contains("\"proc-macro\"") {
                linked.clear();
            }
            let manifest = text(&package["manifest_path"]);
            let package = Package {
                name: text(&package["name"]),
                version: text(&package["version"]),
                licence: package["license"].as_str().map(str::to_owned),
                folder: manifest.trim_end_matches("/Cargo.toml").to_owned(),
                links: linked,
            };
            graph.packages.insert(id, package);
        }
        graph.members = list(&metadata["workspace_members"]).iter().map(text).collect();
        graph
    }

    /// The member with this name.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().map(String::as_str).find(|id| self.packages[*id].name == name)
    }

    /// The names of all members.
    pub fn member_names(&self) -> Vec<String> {
        self.members.iter().map(|id| self.packages[id].name.clone()).collect()
    }

    /// The shortest path of names from a member to a package called `target`, over the edges that `open` lets through.
    pub fn path(&self, from: &str, target: &str, open: &dyn Fn(&str, &str) -> bool) -> Option<Vec<String>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(id) = queue.pop_front() {
            let package = &self.packages[id];
            for next in &package.links {
                let name = &self.packages[next].name;
                if next == from || came_from.contains_key(next.as_str()) || !open(&package.name, name) {
                    continue;
                }
                came_from.insert(next, id);
                if name == target {
                    return Some(self.trace(&came_from, next));
                }
                queue.push_back(next);
            }
        }
        None
    }

    fn trace(&self, came_from: &BTreeMap<&str, &str>, end: &str) -> Vec<String> {
        let ids = std::iter::successors(Some(end), |id| came_from.get(id).copied());
        let mut names: Vec<String> = ids.map(|id| self.packages[id].name.clone()).collect();
        names.reverse();
        names
    }
}

/// The graph of this workspace for the targets of deny.toml, from the lock file, without a network.
pub fn workspace() -> &'static Graph {
    static GRAPH: OnceLock<Graph> = OnceLock::new();
    GRAPH.get_or_init(|| {
        let deny = toml::parse(&crate::files::read("deny.toml")).expect("deny.toml");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root()).args(["metadata", "--offline", "--locked", "--format-version", "1"]);
        for target in toml::strings(&deny["graph"], "targets") {
            cargo.args(["--filter-platform", &target]);
        }
        let output = cargo.output().expect("cargo starts");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        Graph::parse(&serde_json::from_slice(&output.stdout).expect("cargo metadata answers JSON"))
    })
}

/// A graph for the rules' own tests: packages in the form `name@version: dependencies`, the members first.
#[cfg(test)]
pub fn sample(members: &[&str], packages: &[(&str, &[&str])]) -> Graph {
    let mut graph = Graph::default();
    for (id, links) in packages {
        let (name, version) = id.split_once('@').unwrap_or((id, "1.0.0"));
        let package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: None,
            folder: format!("/{name}"),
            links: links.iter().map(|link| (*link).to_owned()).collect(),
        };
        graph.packages.insert((*id).to_owned(), package);
    }
    graph.members = members.iter().map(|id| (*id).to_owned()).collect();
    graph
}

#[test]
fn reads_normal_dependencies_only_and_stops_at_macros() {
    let package = |id: &str, kind: &str| {
        serde_json::json!({"id": id, "name": id, "version": "1.0.0", "license": "MIT", "source": null,
            "manifest_path": format!("/w/{id}/Cargo.toml"), "targets": [{"kind": [kind]}]})
    };
    let dep =
        |id: &str, kind: Value| serde_json::json!({"pkg": id, "dep_kinds": [{"kind": kind, "target": null}]});
    let node = |id: &str, deps: Vec<Value>| serde_json::json!({"id": id, "deps": deps});
    let metadata = serde_json::json!({
        "workspace_members": ["a"],
        "packages": [package("a", "lib"), package("b", "lib"), package("m", "proc-macro"), package("c", "lib"), package("gone", "lib")],
        "resolve": {"nodes": [
            node("a", vec![dep("b", Value::Null), dep("c", "dev".into()), dep("m", Value::Null)]),
            node("b", vec![]), node("m", vec![dep("c", Value::Null)]), node("c", vec![]),
        ]},
    });
    let graph = Graph::parse(&metadata);
    let path = |target| graph.path("a", target, &|_, _| true);
    assert_eq!(path("b"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(path("c"), None, "a development dependency and a macro's dependency are not linked");
    assert_eq!(graph.packages.len(), 4, "a package outside the graph is not judged");
    assert_eq!(graph.packages["a"].folder, "/w/a");
}
