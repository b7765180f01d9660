//! What readers notice when processes die: nothing, unless it is the keeper.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use csi_mount_core::wire::control::{KeeperReply, KeeperRequest};

use super::node::{Node, eventually, image};
use super::readers::Reader;

pub fn deaths_are_not_noticed() {
    let mut node = Node::start();
    let volumes: Vec<PathBuf> =
        (0..100).map(|number| node.publish(number, &[("a", "same"), ("b", "same")]).1).collect();
    let inodes = |at: &PathBuf| std::os::unix::fs::MetadataExt::ino(&fs::metadata(at.join("a")).unwrap());
    let before: Vec<u64> = volumes.iter().map(inodes).collect();
    let open = File::open(volumes[0].join("a")).unwrap();
    for roles in [&["serve"][..], &["mutate"], &["control"], &["serve", "mutate", "control"]] {
        let readers =
            [Reader::start(node.folder.path(), &volumes), Reader::start(node.folder.path(), &volumes)];
        for _ in 0..5 {
            node.kill(roles);
            thread::sleep(Duration::from_millis(100));
        }
        for reader in readers {
            let seen = reader.stop();
            println!("kill -9 of {roles:?} 5 times under {} reads: worst {:?}", seen.reads, seen.worst);
            assert_eq!((seen.failed, seen.gone, seen.mixed), (0, 0, 0), "{seen:?}");
            assert!(seen.worst < Duration::from_secs(2), "{seen:?}");
        }
    }
    assert_eq!(before, volumes.iter().map(inodes).collect::<Vec<_>>());
    let mut text = String::new();
    (&open).read_to_string(&mut text).unwrap();
    assert_eq!(text, "same", "a descriptor of the first server");
    match node.ask(&KeeperRequest::Hello, None) {
        Ok(KeeperReply::State { slots }) => assert_eq!(slots.len(), 100),
        other => panic!("{other:?}"),
    }
    let (reply, files) = node
        .try_ask(&KeeperRequest::Recall { slot: csi_mount_core::ids::Slot::FIRST }, None)
        .unwrap()
        .unwrap();
    assert!(matches!(reply, KeeperReply::Volume(state) if state.attached && !state.revoked));
    assert_eq!(files.len(), 1);
}

pub fn a_change_survives_any_death() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, &[("a", "v0"), ("b", "v0")]);
    let reader = Reader::start(node.folder.path(), std::slice::from_ref(&at));
    for version in 1..=60_u64 {
        let text = format!("v{version}");
        let files = [("a", text.as_str()), ("b", text.as_str())];
        node.tell(&KeeperRequest::Show { slot }, Some(&image(&files, version))).unwrap();
        // Not the control process: a request that has not left it dies with it.
        let roles: &[&str] = match version % 4 {
            0 => &["serve"],
            1 => &["mutate"],
            2 => &["serve", "mutate"],
            _ => &["mutate"],
        };
        // Somewhere in the middle, or before or after it.
        thread::sleep(Duration::from_micros(version * 37 % 1_500));
        node.kill(roles);
        eventually("the new version", || fs::read_to_string(at.join("a")).is_ok_and(|got| got == text));
        let stats = node.ask(&KeeperRequest::Stats { slot }, None).unwrap();
        assert!(matches!(stats, KeeperReply::Stats(stats) if stats.files == 2), "{stats:?}");
        let mut names: Vec<_> = fs::read_dir(&at).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 4, "{names:?}");
    }
    let seen = reader.stop();
    println!("60 changes with deaths in the middle: {seen:?}");
    assert_eq!((seen.failed, seen.mixed), (0, 0), "{seen:?}");
}

pub fn the_keepers_end_is_felt_at_once() {
    let mut node = Node::start();
    let files = [("a", "1"), ("b", "1")];
    let targets: Vec<PathBuf> = (0..10).map(|number| node.publish(number, &files).1).collect();
    let reader = Reader::start(node.folder.path(), &targets);
    let open = File::open(targets[0].join("a")).unwrap();
    let children = node.children();
    let pid = i32::try_from(node.keeper.id()).unwrap();
    super::node::kill(pid);
    node.keeper.wait().unwrap();
    let started = Instant::now();
    eventually("the children end too", || {
        children
            .values()
            .all(|pid| !PathBuf::from(format!("/proc/{pid}/cmdline")).exists() || state(*pid) == "Z")
    });
    for target in &targets {
        let error = fs::metadata(target.join("a")).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected, "{error}");
    }
    assert!((&open).read(&mut [0; 4]).is_err());
    println!("all of it dead {:?} after the keeper", started.elapsed());
    assert!(reader.stop().failed > 0);

    // A new keeper mounts over what is dead, and a target can be taken away without one.
    let folder = std::mem::replace(&mut node.folder, tempfile::tempdir().unwrap());
    let mut node = Node::start_with(folder, &["node"]);
    let (slot, at) = node.publish(0, &files);
    assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "1");
    let target = csi_mount_core::ids::TargetPath::try_from(targets[1].to_str().unwrap().to_owned()).unwrap();
    let place = csi_mount_core::wire::control::Place::Target(target);
    for _ in 0..2 {
        node.done(&KeeperRequest::Detach { place: place.clone() });
        assert!(!targets[1].exists());
    }
    node.unpublish(slot);
}

fn state(pid: i32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().next().unwrap_or("Z").to_owned()
}

pub fn a_crash_loop_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start_with(folder, &["node", "serve-badly"]);
    assert!(!node.keeper.wait().unwrap().success());

    // A server that stops answering: readers wait, and then get an error instead of waiting for ever.
    let mut node = Node::start();
    let (_, at) = node.publish(1, &[("a", "1")]);
    let server = rustix::process::Pid::from_raw(node.children()["serve"]).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::STOP).unwrap();
    let started = Instant::now();
    let read = fs::read_to_string(at.join("a"));
    println!("a server that was stopped: {read:?} after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(read.unwrap(), "1", "another server answered");
}
