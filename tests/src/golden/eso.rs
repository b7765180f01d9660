//! The runner over `eso-observed.json`: what External Secrets Operator wrote on a real API server, against our syncer.
//!
//! The whole recording is played in one namespace of the recorded name: all objects with a spec at once, then the later
//! scenarios in their order. Addresses in it are replaced by those of the servers behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regex::{Captures as Groups, Regex};
use serde_json::{Value, json};

use super::differences::Difference;
use super::eso_compare::{Seen, differences, recorded_scenario, recorded_store};
use super::eso_kinds::{crd_verdict, metric_verdict};
use super::eso_setup::{PHASES, Phase, Stage};
use super::report::{Part, Report};
use super::{Recordings, Verdict};
use crate::kube::syncer::{self, GROUP, object};
use crate::kube::{Access, Cluster, Syncer, SyncerOptions};
use crate::target::{Server, free_port};

/// The name of the file.
pub const FILE: &str = "eso-observed.json";

/// How long the scenarios of one phase may take to become as recorded.
const LIMIT: Duration = Duration::from_secs(45);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// One scenario of the file.
struct Scenario {
    name: String,
    /// The name of its ExternalSecret.
    object: String,
    recorded: Value,
    phase: Option<Phase>,
    /// Why it is not tried, if it is not.
    left_out: Option<String>,
}

/// Plays the recording on a fresh cluster with this server behind.
///
/// # Errors
/// The file cannot be read, or a server does not do what precedes a scenario.
pub fn run(recordings: &Recordings, server: &Server) -> Result<Option<Report>> {
    let Some(recorded) = recordings.read::<Value>(FILE)? else { return Ok(None) };
    let cluster = Cluster::start()?;
    syncer::apply_definitions(&cluster)?;
    let name = recorded["example_object"]["metadata"]["namespace"].as_str().unwrap_or("obs1").to_owned();
    let _namespace = syncer::namespace(&cluster, &name)?;
    let unreachable = format!("http://127.0.0.1:{}", free_port()?);
    let recorded = localized(&recorded, &name, &server.addr, &unreachable)?;
    let stage =
        Stage { access: &cluster, namespace: &name, server: &server.target, unreachable: &unreachable };
    let syncer = Syncer::start(&cluster, &SyncerOptions::default())?;
    let mut run = Run { recordings, stage, recorded: &recorded };
    let mut parts = vec![run.crds()?, run.scenarios()?];
    parts.extend(run.stores()?);
    parts.push(run.metrics(&syncer.metrics()?));
    parts.extend(run.other_kinds());
    Ok(Some(Report { title: format!("{FILE} on {:?}", server.kind), parts }))
}

/// The recording with the namespace and the addresses of this run.
fn localized(recorded: &Value, namespace: &str, server: &str, unreachable: &str) -> Result<Value> {
    let text = recorded.to_string();
    let refused = Regex::new(r"(127\.0\.0\.1:\d+): connect: connection refused")?;
    let dead = refused
        .captures(&text)
        .map_or("127.0.0.1:28999", |groups| groups.get(1).map_or("", |it| it.as_str()));
    let address = Regex::new(r"127\.0\.0\.1:\d+")?;
    let nobody = unreachable.trim_start_matches("http://");
    let replace =
        |groups: &Groups<'_>| if &groups[0] == dead { nobody.to_owned() } else { server.to_owned() };
    let text = address.replace_all(&text, replace);
    // Specs have the names of ClusterSecretStores without the number of the run.
    let store = Regex::new(r#""css-([a-z]+)-[a-z]+\d*""#)?;
    let text = store.replace_all(&text, format!("\"css-${{1}}-{namespace}\""));
    serde_json::from_str(&text).context("the recording with other addresses is no JSON")
}

/// What a spec needs that may not be built, by its name in `not-built.txt`.
fn features(spec: &Value) -> Vec<&'static str> {
    let mut found = Vec::new();
    let empty = Vec::new();
    let list = |name: &str| spec[name].as_array().unwrap_or(&empty);
    let any = |list: &[Value], pointer: &str| list.iter().any(|entry| entry.pointer(pointer).is_some());
    let (data, from) = (list("data"), list("dataFrom"));
    let fetch = |entry: &Value, field: &str| entry[field]["metadataPolicy"] == "Fetch";
    for (name, there) in [
        ("eso-template", spec.pointer("/target/template").is_some()),
        ("eso-generic-target", spec.pointer("/target/manifest").is_some()),
        ("eso-find", any(from, "/find")),
        ("eso-rewrite", any(from, "/rewrite")),
        ("eso-generator", any(from, "/sourceRef/generatorRef") || any(data, "/sourceRef/generatorRef")),
        ("eso-source-ref", any(from, "/sourceRef/storeRef") || any(data, "/sourceRef/storeRef")),
        (
            "eso-metadata",
            data.iter().any(|it| fetch(it, "remoteRef")) || from.iter().any(|it| fetch(it, "extract")),
        ),
        ("eso-sync-windows", spec.get("syncWindows").is_some()),
    ] {
        if there {
            found.push(name);
        }
    }
    found
}

/// One run on its way.
struct Run<'a> {
    recordings: &'a Recordings,
    stage: Stage<'a>,
    recorded: &'a Value,
}

impl Run<'_> {
    fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.recorded[name].as_object().into_iter().flatten()
    }

    fn scenarios(&mut self) -> Result<Part> {
        let all: Vec<Scenario> =
            self.section("scenarios").map(|(name, recorded)| self.scenario(name, recorded)).collect();
        self.stage.prepare(&deletable(&all))?;
        self.wait_for_stores()?;
        let mut part = Part { name: "scenarios".into(), ..Part::default() };
        for scenario in &all {
            if let Some(reason) = &scenario.left_out {
                part.add(scenario.name.clone(), Verdict::LeftOut(reason.clone()));
            }
        }
        for phase in PHASES {
            let tried: Vec<&Scenario> =
                all.iter().filter(|it| it.phase == Some(phase) && it.left_out.is_none()).collect();
            if tried.is_empty() {
                continue;
            }
            let mut tried = if phase == Phase::First { self.create(tried, &mut part)? } else { tried };
            let names: Vec<(&str, &str)> =
                tried.iter().map(|it| (it.name.as_str(), it.object.as_str())).collect();
            self.stage.enter(phase, &names)?;
            self.settle(phase, &mut tried, &mut part)?;
        }
        Ok(part)
    }

    fn scenario(&self, name: &str, recorded: &Value) -> Scenario {
        let object = recorded["events"][0]["involved"]["name"].as_str();
        let object = object.map_or_else(|| name.replace('_', "-"), str::to_owned);
        let rejected = recorded.get("rejected_by_apiserver").is_some();
        let phase = Phase::of(name, recorded["spec"].is_object());
        let needed = if rejected { Vec::new() } else { features(&recorded["spec"]) };
        let reason = needed.iter().find_map(|feature| self.recordings.not_built.feature(feature));
        let left_out = match (reason, phase) {
            (Some(reason), _) => Some(format!("not built: {reason}")),
            (None, None) => Some("the runner does not know what happened before it".to_owned()),
            (None, Some(_)) => None,
        };
        Scenario { name: name.into(), object, recorded: recorded.clone(), phase, left_out }
    }

    /// Creates the objects that have a spec, and returns those that the API server takes.
    fn create<'s>(&self, tried: Vec<&'s Scenario>, part: &mut Part) -> Result<Vec<&'s Scenario>> {
        let mut created = Vec::new();
        for scenario in tried {
            let body = object("ExternalSecret", &scenario.object, &scenario.recorded["spec"]);
            let path = syncer::path(self.stage.namespace, "externalsecrets");
            let answer = self.stage.access.api("POST", &path, Some(&body))?;
            let got = json!({"http": answer.status, "message": answer.body["message"]});
            match scenario.recorded.get("rejected_by_apiserver") {
                Some(expected) => {
                    let verdict = self.judge(&scenario.name, differences(expected, &got), &got);
                    part.add(scenario.name.clone(), verdict);
                }
                None if answer.status == 201 => created.push(scenario),
                None => {
                    let wrong = vec![format!("the API server does not take it: {got}")];
                    part.add(scenario.name.clone(), Verdict::Failed(wrong));
                }
            }
        }
        Ok(created)
    }

    /// Waits until everything is as recorded and stays so, or for so long as it may take, and adds the verdicts.
    fn settle(&self, phase: Phase, tried: &mut [&Scenario], part: &mut Part) -> Result<()> {
        std::thread::sleep(phase.least_wait());
        let (start, mut since) = (Instant::now(), None::<Instant>);
        loop {
            let seen = look(self.stage.access, self.stage.namespace)?;
            let verdicts: Vec<Verdict> = tried.iter().map(|it| self.verdict(it, &seen)).collect();
            if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_))) {
                since = None;
            } else {
                since = since.or_else(|| Some(Instant::now()));
            }
            if since.is_some_and(|since| since.elapsed() >= Duration::from_secs(1)) || start.elapsed() > LIMIT
            {
                for (scenario, verdict) in tried.iter().zip(verdicts) {
                    part.add(scenario.name.clone(), verdict);
                }
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn verdict(&self, scenario: &Scenario, seen: &Seen) -> Verdict {
        let got = seen.scenario(&scenario.object);
        let found = differences(&recorded_scenario(&scenario.recorded), &got);
        self.judge(&scenario.name, found, &got)
    }

    /// What the differences mean, with those on purpose in mind.
    fn judge(&self, name: &str, found: Vec<String>, got: &Value) -> Verdict {
        Verdict::of(self.on_purpose(name, found, got))
    }

    /// What is left of the differences without those on purpose, and what is wrong with these.
    fn on_purpose(&self, name: &str, found: Vec<String>, got: &Value) -> Vec<String> {
        match self.recordings.differences.find(FILE, name, 0, name) {
            Some(difference) => as_expected(difference, found, got),
            None => found,
        }
    }

    /// Waits until the stores that are there from the start have a status, if the recorded ones have.
    fn wait_for_stores(&self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            let stores = self.list(&syncer::path(self.stage.namespace, "secretstores"))?;
            let done = stores.iter().all(|(name, store)| {
                self.recorded["stores"][name]["status"].is_null() || store["status"]["conditions"].is_array()
            });
            if done {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn list(&self, path: &str) -> Result<BTreeMap<String, Value>> {
        Ok(by_name(self.stage.access.get_json(path)?))
    }

    /// The stores as they are at the end.
    fn stores(&self) -> Result<Vec<Part>> {
        let namespaced = syncer::path(self.stage.namespace, "secretstores");
        Ok(vec![
            self.stores_of("stores", "SecretStore", &namespaced, self.stage.namespace)?,
            self.stores_of(
                "clusterstores",
                "ClusterSecretStore",
                &format!("{GROUP}/clustersecretstores"),
                "default",
            )?,
        ])
    }

    fn stores_of(&self, section: &str, kind: &str, path: &str, events_in: &str) -> Result<Part> {
        let start = Instant::now();
        loop {
            let stores = self.list(path)?;
            let seen = Seen { events: events(self.stage.access, events_in)?, ..Seen::default() };
            let mut part = Part { name: section.into(), ..Part::default() };
            for (name, recorded) in self.section(section) {
                let verdict =
                    match (self.recordings.not_built.feature(&format!("eso-store-{name}")), stores.get(name))
                    {
                        (Some(reason), _) => Verdict::LeftOut(format!("not built: {reason}")),
                        (None, Some(store)) => {
                            let got = seen.store(kind, store);
                            let found = differences(&recorded_store(recorded), &got);
                            self.judge(&format!("{section}/{name}"), found, &got)
                        }
                        (None, None) => {
                            Verdict::LeftOut("none of the scenarios that were tried uses it".into())
                        }
                    };
                part.add(name.clone(), verdict);
            }
            if part.failed.is_empty() || start.elapsed() > LIMIT {
                return Ok(part);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn metrics(&self, text: &str) -> Part {
        let mut part = Part { name: "metrics".into(), ..Part::default() };
        for recorded in self.recorded["metrics"].as_array().into_iter().flatten() {
            let name = recorded["name"].as_str().unwrap_or_default();
            let reason = self.recordings.not_built.feature(&format!("eso-metric-{name}"));
            let verdict = match reason {
                Some(reason) => Verdict::LeftOut(format!("not built: {reason}")),
                None => metric_verdict(recorded, text),
            };
            part.add(name.to_owned(), verdict);
        }
        part
    }

    fn crds(&self) -> Result<Part> {
        let mut part = Part { name: "crds".into(), ..Part::default() };
        for recorded in self.recorded["crds"].as_array().into_iter().flatten() {
            let name = recorded["name"].as_str().unwrap_or_default();
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            let answer = self.stage.access.api("GET", &path, None)?;
            let verdict = match answer.status {
                404 => Verdict::LeftOut("not built: the kind".into()),
                _ => crd_verdict(recorded, &answer.body),
            };
            part.add(name.to_owned(), verdict);
        }
        Ok(part)
    }

    /// Kinds that are served only when they are built.
    fn other_kinds(&self) -> Vec<Part> {
        let part = |section: &str| {
            let mut part = Part { name: section.into(), ..Part::default() };
            for (name, _) in self.section(section) {
                part.add(name.clone(), Verdict::LeftOut("not built: the kind".into()));
            }
            part
        };
        vec![part("clusterexternalsecrets"), part("pushsecrets")]
    }
}

/// The paths of values that the specs of `del_` scenarios name.
fn deletable(all: &[Scenario]) -> Vec<String> {
    let keys = all.iter().filter_map(|it| it.recorded.pointer("/spec/data/0/remoteRef/key")?.as_str());
    keys.filter(|key| key.starts_with("o/del-")).map(str::to_owned).collect()
}

/// The differences that a difference on purpose does not cover, and where it is not as it says.
fn as_expected(difference: &Difference, found: Vec<String>, got: &Value) -> Vec<String> {
    let fields = &difference.expect.fields;
    let covered = |line: &String| fields.keys().any(|pointer| line.starts_with(pointer.as_str()));
    let mut wrong: Vec<String> = found.into_iter().filter(|line| !covered(line)).collect();
    for (pointer, expected) in fields {
        let got = got.pointer(pointer).unwrap_or(&Value::Null);
        let lines = differences(expected, got);
        wrong.extend(lines.into_iter().map(|line| format!("{}: {pointer}{line}", difference.id)));
    }
    wrong
}

/// What is in a namespace now.
fn look(access: &Access, namespace: &str) -> Result<Seen> {
    let list = |path: &str| access.get_json(path).map(by_name);
    Ok(Seen {
        objects: list(&syncer::path(namespace, "externalsecrets"))?,
        secrets: list(&format!("/api/v1/namespaces/{namespace}/secrets"))?,
        events: events(access, namespace)?,
    })
}

fn events(access: &Access, namespace: &str) -> Result<Vec<Value>> {
    let mut list = access.get_json(&format!("/api/v1/namespaces/{namespace}/events"))?;
    Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn by_name(mut list: Value) -> BTreeMap<String, Value> {
    let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    items.into_iter().map(|item| (name(&item), item)).collect()
}

#[cfg(test)]
mod tests;
