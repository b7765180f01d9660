//! Secrets in pods: read, changed by push, kept through the server's death, reported, refused with reasons, and gone with the pod.

use harness::kube::Namespace;
use harness::node::DRIVER;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::{World, wait};

/// A script that reads the secret as fast as it can, and keeps count: reads, failures, the last value.
const READ_ON: &str = "r=0; f=0; while :; do if v=$(cat /s/password); then r=$((r+1)); else f=$((f+1)); fi; \
                       echo $r $f $v > /tmp/new; mv /tmp/new /tmp/count; done";

/// A script that waits to be told.
const IDLE: &str = "exec sleep 1000000";

/// The processes that serve the files of the node.
fn servers(world: &World) -> Vec<Pid> {
    world.node.space().processes(|arguments| arguments.split(' ').nth(1) == Some("serve")).unwrap()
}

/// Reads, failures, the last value.
fn count(world: &World, namespace: &Namespace) -> (u64, u64, String) {
    let text = world.sh(namespace, "reader", "cat /tmp/count").unwrap_or_default();
    let mut words = text.split_whitespace();
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let (reads, failures) = (number(), number());
    (reads, failures, words.next().unwrap_or_default().to_owned())
}

#[test]
fn a_pod_reads_on_while_the_secret_changes_and_the_server_dies() {
    let world = World::shared();
    let namespace = world.namespace();
    world.put(&namespace, "first");
    world.pod(&namespace, "reader", &json!({}), READ_ON);
    let uid = world.ready(&namespace, "reader");
    wait("the first read", || count(&world, &namespace).2 == "first");
    world.put(&namespace, "second");
    let took = wait("the change", || count(&world, &namespace).2 == "second");

    for _ in 0..3 {
        let server = servers(&world);
        assert_eq!(server.len(), 1, "one server serves all volumes");
        let before = count(&world, &namespace).0;
        kill_process(server[0], Signal::KILL).unwrap();
        wait("another server", || {
            let now = servers(&world);
            now.len() == 1 && now != server
        });
        wait("more reads", || count(&world, &namespace).0 > before + 20);
    }
    world.put(&namespace, "third");
    wait("a change after the server's death", || count(&world, &namespace).2 == "third");
    let (reads, failures, _) = count(&world, &namespace);
    assert_eq!(failures, 0, "of {reads} reads");
    println!("the change was in the pod after {took:?}; {reads} reads, none failed");

    assert_eq!(world.mounts(&uid).len(), 1);
    namespace.kubectl(&["delete", "pod", "reader", "--wait"]).unwrap();
    assert_eq!(world.mounts(&uid), Vec::<String>::new(), "nothing is mounted any more");
}

#[test]
fn an_unprivileged_pod_reads_by_its_group_and_cannot_write() {
    let world = World::shared();
    let namespace = world.namespace();
    world.put(&namespace, "for the group");
    let mut pod = world.manifest(&namespace, "app", &json!({"files": "{\"db/pass\": \"password\"}"}), IDLE);
    pod["spec"]["securityContext"] =
        json!({"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2345, "runAsNonRoot": true});
    namespace.apply(&pod.to_string()).unwrap();
    world.ready(&namespace, "app");
    let sh = |script: &str| world.sh(&namespace, "app", script);
    assert_eq!(sh("cat /s/db/pass").unwrap(), "for the group");
    assert_eq!(sh("stat -L -c '%a %g' /s/db/pass").unwrap(), "440 2345\n");
    assert_eq!(sh("ls /s").unwrap(), "db\n");
    let refused = sh("echo x > /s/new").unwrap_err().to_string();
    assert!(refused.contains("Read-only file system"), "{refused}");
}

#[test]
fn opens_are_in_the_audit_log_with_pod_and_account() {
    let world = World::shared();
    let namespace = world.namespace();
    world.put(&namespace, "watched");
    world.pod(&namespace, "app", &json!({}), IDLE);
    world.ready(&namespace, "app");
    assert_eq!(world.sh(&namespace, "app", "cat /s/password").unwrap(), "watched");
    let mut found = Value::Null;
    wait("the record of the open", || {
        // Another pod may open its files all the time.
        let query = format!("sys/keyreeve/audit?kind=file.open&path=secret/data/{}/db", namespace.name());
        let answer = world.target().must("GET", &query, None).unwrap();
        let records = answer["data"]["items"].as_array().unwrap();
        found = records
            .iter()
            .find(|record| record.to_string().contains(namespace.name()))
            .cloned()
            .unwrap_or_default();
        !found.is_null()
    });
    let text = found.to_string();
    for part in ["app", "cat", "password", namespace.name()] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// The accessor of the login that a namespace's pods share.
fn accessor(world: &World, namespace: &Namespace) -> String {
    let all = world.target().must("LIST", "auth/token/accessors", None).unwrap();
    let all: Vec<String> = serde_json::from_value(all["data"]["keys"].clone()).unwrap();
    let is_ours = |accessor: &String| {
        let asked = json!({"accessor": accessor});
        let found = world.target().must("POST", "auth/token/lookup-accessor", Some(&asked)).unwrap();
        found["data"]["meta"]["service_account_namespace"] == namespace.name()
    };
    all.into_iter().find(is_ours).unwrap()
}

#[test]
fn a_revoked_login_ends_a_pods_access_and_the_next_pod_logs_in_anew() {
    let world = World::shared();
    let namespace = world.namespace();
    world.put(&namespace, "for some time");
    world.pod(&namespace, "first", &json!({}), IDLE);
    world.ready(&namespace, "first");
    let read = |pod: &str| world.sh(&namespace, pod, "cat /s/password").map_err(|error| format!("{error:#}"));
    assert_eq!(read("first").unwrap(), "for some time");
    let login = json!({"accessor": accessor(&world, &namespace)});
    world.target().must("POST", "auth/token/revoke-accessor", Some(&login)).unwrap();
    let refused = || read("first").is_err_and(|error| error.contains("Permission denied"));
    wait("the end of access", refused);
    world.pod(&namespace, "second", &json!({}), IDLE);
    world.ready(&namespace, "second");
    assert_eq!(read("second").unwrap(), "for some time");
    assert!(refused(), "the first pod stays out");
}

#[test]
fn a_pod_that_may_not_mount_is_told_why() {
    let world = World::shared();
    let namespace = world.namespace();
    world.put(&namespace, "hidden");
    let cases = [
        ("typo", json!({"sekret": "x"}), "sekret"),
        ("role", json!({"role": "nobody"}), "nobody"),
        ("secret", json!({"secret": "secret/elsewhere/db"}), "elsewhere"),
    ];
    for (name, attributes, _) in &cases {
        world.pod(&namespace, name, attributes, IDLE);
    }
    for (name, _, why) in &cases {
        let mut events = String::new();
        wait("an event", || {
            let of = format!("--field-selector=reason=FailedMount,involvedObject.name={name}");
            events =
                namespace.kubectl(&["get", "events", "-o", "jsonpath={.items[*].message}", &of]).unwrap();
            events.contains(why)
        });
        assert!(!events.contains("hidden"), "{events}");
    }
    namespace.kubectl(&["delete", "pods", "--all", "--wait"]).unwrap();
}

#[test]
fn a_new_driver_mounts_for_new_pods_and_lets_old_ones_go() {
    let world = World::alone();
    let namespace = world.namespace();
    world.put(&namespace, "kept");
    world.pod(&namespace, "before", &json!({}), IDLE);
    let uid = world.ready(&namespace, "before");
    let read = |pod: &str| world.sh(&namespace, pod, "cat /s/password").map_err(|error| format!("{error:#}"));
    assert_eq!(read("before").unwrap(), "kept");
    world.node.kubectl(&["-n", DRIVER, "rollout", "restart", &format!("daemonset/{DRIVER}")]).unwrap();
    world
        .node
        .kubectl(&["-n", DRIVER, "rollout", "status", &format!("daemonset/{DRIVER}"), "--timeout=60s"])
        .unwrap();
    let error = read("before").unwrap_err();
    assert!(error.contains("endpoint is not connected"), "{error}");
    world.pod(&namespace, "after", &json!({}), IDLE);
    world.ready(&namespace, "after");
    assert_eq!(read("after").unwrap(), "kept");
    wait("a fresh mount for the old pod, which its next container gets", || {
        let at = world.mounts(&uid);
        at.first().is_some_and(|at| std::fs::read(world.node.space().path(at).join("password")).is_ok())
    });
    namespace.kubectl(&["delete", "pod", "before", "--wait"]).unwrap();
    assert_eq!(world.mounts(&uid), Vec::<String>::new(), "nothing is mounted any more");
}
