//! What a secret and its token leave behind: nothing in the process table, logs, folders, metrics or core files.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use harness::http::{self, Request};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::World;

const SECRET: &str = "x7-canary-3b1f";

/// The files below a folder, mounts left out.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let output = Command::new("find").arg(folder).args(["-xdev", "-type", "f"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(std::path::PathBuf::from).collect()
}

#[test]
fn a_secret_and_its_token_leave_no_trace() {
    let world = World::start();
    world.put("db", SECRET);
    let token = world.token("app");
    let (volume, file) = world.publish(1, "db", &token);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), SECRET);
    // What is wrong is said without what is secret.
    let wrong = harness::csi::Volume::new(2, "secret/app/none", &token);
    world.driver.publish(&wrong).unwrap_err();
    world.driver.kill(&["control"]).unwrap();
    let clean = |what: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        for secret in [SECRET, token.as_str()] {
            assert!(!text.contains(secret), "{what}");
        }
    };
    for (role, pid) in world.driver.processes() {
        for place in ["environ", "cmdline", "status", "mountinfo"] {
            let path = format!("/proc/{}/{place}", pid.as_raw_nonzero());
            clean(&format!("{place} of {role}"), &std::fs::read(path).unwrap());
        }
    }
    let listen = world.driver.listen();
    clean("metrics", &http::send(listen, &Request::new("GET", "/metrics")).unwrap().body);
    let driver_token = world.driver.folder().join("driver.token");
    for path in files(world.driver.folder()).into_iter().chain(files(world.broker.dir.path())) {
        if path != driver_token {
            clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
    world.driver.unpublish(&volume.id, &volume.target).unwrap();
}

/// Whether a process of ours that is not protected leaves a core file in its folder on this machine.
fn machine_makes_cores(folder: &Path) -> bool {
    let script = "ulimit -c unlimited; kill -ABRT $$";
    let ended = Command::new("sh").args(["-c", script]).current_dir(folder).status().unwrap();
    ended.core_dumped() && std::fs::read_dir(folder).unwrap().count() > 0
}

#[test]
fn no_process_of_the_driver_leaves_a_core_file() {
    let world = World::start();
    world.put("db", SECRET);
    let token = world.token("app");
    let (_, file) = world.publish(1, "db", &token);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), SECRET);
    let there = tempfile::tempdir().unwrap();
    if !machine_makes_cores(there.path()) {
        println!("this machine writes no core files into folders: the rest of this test shows nothing here");
    }
    for (role, pid) in world.driver.processes() {
        // Only its own protection is left to keep it from leaving one.
        let unlimited = Command::new("prlimit")
            .args(["--core=unlimited", "--pid", &pid.as_raw_nonzero().to_string()])
            .status();
        assert!(unlimited.unwrap().success(), "{role}");
    }
    let folder = world.driver.space().path("/");
    let before = cores(&folder);
    for (_, pid) in world.driver.processes() {
        abort(pid);
    }
    world.wait("the end", || world.driver.processes().is_empty());
    assert_eq!(cores(&folder), before);
}

fn abort(pid: Pid) {
    // One that ended with another is gone already.
    let _gone = kill_process(pid, Signal::ABORT);
}

fn cores(folder: &Path) -> usize {
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("core");
    std::fs::read_dir(folder).unwrap().filter_map(Result::ok).filter(named).count()
}
