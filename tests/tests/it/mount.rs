//! A mounted secret, from the broker to a file: it changes in place, and is gone with its token.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::disk::DiskBroker;
use harness::process::Process;
use harness::target::built;
use serde_json::json;

fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

fn mount(broker: &DiskBroker, at: &Path, token_file: &Path) -> Process {
    let mut command = Command::new(built("keyreeve-csi").unwrap());
    command.args(["mount", "--secret", "secret/app/db", "--at"]).arg(at);
    command.arg("--address").arg(broker.target.url()).arg("--token-file").arg(token_file);
    Process::start("keyreeve-csi", &command, &broker.dir.path().join("csi.log")).unwrap()
}

#[test]
fn a_mounted_secret_follows_the_broker() {
    assert!(Path::new("/dev/fuse").exists(), "this test mounts through FUSE: it needs /dev/fuse and root");
    let broker = DiskBroker::start(&[]).unwrap();
    let target = &broker.target;
    let put = |value: &str| {
        target.must("POST", "secret/data/app/db", Some(&json!({"data": {"password": value}}))).unwrap();
    };
    put("first");
    let rules = "path \"secret/data/app/db\" { capabilities = [\"read\"] }\npath \"sys/keyreeve/changes\" { capabilities = [\"read\"] }\npath \"sys/keyreeve/records\" { capabilities = [\"update\", \"create\"] }\npath \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
    target.must("PUT", "sys/policies/acl/mount", Some(&json!({"policy": rules}))).unwrap();
    let made = target
        .must("POST", "auth/token/create", Some(&json!({"policies": ["mount"], "no_default_policy": true})))
        .unwrap();
    let token = made["auth"]["client_token"].as_str().unwrap();
    let token_file = broker.dir.path().join("mount.token");
    std::fs::write(&token_file, token).unwrap();
    let at = broker.dir.path().join("mnt");
    std::fs::create_dir(&at).unwrap();
    let mut process = mount(&broker, &at, &token_file);
    let file = at.join("password");
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    wait("the mount", || read() == "first");

    put("second");
    let took = wait("the change", || read() == "second");
    assert!(std::fs::write(&file, "x").is_err(), "read-only");
    wait("the report of an open", || {
        let found = target.must("GET", "sys/keyreeve/audit?kind=file.open", None).unwrap();
        !found["data"]["items"].as_array().unwrap().is_empty()
    });

    target.must("POST", "auth/token/revoke", Some(&json!({"token": token}))).unwrap();
    wait("the end of access", || std::fs::read_to_string(&file).is_err());
    assert!(process.stop().unwrap().success());
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0, "nothing is mounted any more");
    println!("the change was in the file after {took:?}");
}
