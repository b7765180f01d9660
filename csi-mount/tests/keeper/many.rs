//! Many volumes at once, what is left afterwards, and what it costs.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use csi_mount_core::ids::VolumeId;
use csi_mount_core::wire::Owner;
use csi_mount_core::wire::control::{KeeperReply, KeeperRequest, Place};

use super::node::{Node, eventually, image, mounts_below};

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn all_descriptors(node: &Node) -> Vec<usize> {
    let children = node.children();
    let mut pids = vec![node.keeper.id()];
    pids.extend(["serve", "mutate"].map(|role| u32::try_from(children[role]).unwrap()));
    pids.into_iter().map(descriptors).collect()
}

fn pss(node: &Node) -> (u64, Vec<String>) {
    let mut pids = vec![("keeper".to_owned(), i32::try_from(node.keeper.id()).unwrap())];
    pids.extend(node.children());
    let mut sum = 0;
    let each = pids.into_iter().map(|(role, pid)| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        sum += kilobytes;
        format!("{role} {kilobytes}")
    });
    let each = each.collect();
    (sum, each)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

pub fn five_hundred_volumes_leave_nothing() {
    let mut node = Node::start();
    let (first, _) = node.publish(0, &[("a", "1"), ("b", "1")]);
    node.unpublish(first);
    let before = all_descriptors(&node);
    let mut times = Vec::new();
    let volumes: Vec<_> = (0..500)
        .map(|number| {
            let started = Instant::now();
            let volume = node.publish(number, &[("a", "1"), ("b", "1")]);
            times.push(started.elapsed());
            volume
        })
        .collect();
    println!("500 volumes: publish p50 {:?}", median(times));
    assert_eq!(mounts_below(node.folder.path()).len(), 500);
    for (slot, at) in &volumes {
        assert_eq!(fs::read(at.join("a")).unwrap(), b"1");
        node.show(*slot, &[("a", "2"), ("b", "2")], 2);
    }
    node.kill(&["serve", "mutate", "control"]);
    let mut times = Vec::new();
    for (slot, at) in &volumes {
        assert_eq!(fs::read(at.join("a")).unwrap(), b"2");
        let started = Instant::now();
        node.done(&KeeperRequest::Detach { place: Place::Volume(*slot) });
        node.done(&KeeperRequest::Detach { place: Place::Volume(*slot) });
        node.done(&KeeperRequest::Drop { slot: *slot });
        times.push(started.elapsed());
        assert!(!at.exists());
    }
    println!("500 volumes: unpublish p50 {:?}", median(times));
    assert_eq!(mounts_below(node.folder.path()).len(), 0);
    eventually("all descriptors are closed", || all_descriptors(&node) == before);
    let pid = node.keeper.id();
    let children = node.children();
    node.stop();
    eventually("all processes end", || {
        children.values().map(|pid| u32::try_from(*pid).unwrap()).chain([pid]).all(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).map_or(true, |line| line.is_empty())
        })
    });
}

/// 100,000 opens beside changes, unmounts and new mounts.
pub fn a_storm_of_everything() {
    let mut node = Node::start();
    let files = [("a", "1"), ("b", "1")];
    let steady: Vec<_> = (0..20).map(|number| node.publish(number, &files)).collect();
    let paths: Vec<PathBuf> = steady.iter().map(|(_, at)| at.join("a")).collect();
    thread::scope(|scope| {
        let opens = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            for number in 0..100_000_usize {
                let path = &paths[number % paths.len()];
                let started = Instant::now();
                match number % 5 {
                    // A generation may go between two steps of a path, as on any file system.
                    0 => drop(fs::read(path)),
                    1 => drop(fs::metadata(path).map(drop)),
                    2 => drop(fs::rename(path, path.with_extension("x"))),
                    3 => drop(fs::symlink_metadata(path).unwrap()),
                    _ => drop(fs::File::open(path)),
                }
                slowest = slowest.max(started.elapsed());
            }
            slowest
        });
        let mut rounds = 0_usize;
        while !opens.is_finished() {
            rounds += 1;
            let (slot, _) = steady[rounds % steady.len()];
            let text = rounds.to_string();
            node.show(slot, &[("a", &text), ("b", &text)], rounds as u64);
            let (slot, at) = node.publish(1_000 + rounds, &files);
            let held = fs::File::open(at.join("a")).unwrap();
            node.unpublish(slot);
            drop(held);
        }
        println!(
            "100,000 opens beside {rounds} changes, mounts and unmounts: slowest {:?}",
            opens.join().unwrap()
        );
        assert!(rounds > 10);
    });
    for (slot, _) in steady {
        node.unpublish(slot);
    }
    assert_eq!(mounts_below(node.folder.path()).len(), 0);
}

pub fn a_single_volume_for_root_and_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("at");
    fs::create_dir(&at).unwrap();
    let mut node = Node::start_with(folder, &[at.to_str().unwrap()]);
    let request = KeeperRequest::Create {
        volume_id: VolumeId::try_from("single".to_owned()).unwrap(),
        target: None,
        owner: Owner { uid: 1_000, gid: 1_000 },
        folder_mode: 0o555,
    };
    let Ok(KeeperReply::Created { slot }) = node.ask(&request, Some(&image(&[], 0))) else {
        panic!("not created")
    };
    node.show(slot, &[("a", "1"), ("b", "1")], 1);
    assert_eq!(mounts_below(&at).len(), 0);
    node.done(&KeeperRequest::Attach { slot });
    node.done(&KeeperRequest::Attach { slot });
    assert_eq!(mounts_below(&at).len(), 1);
    let cat = Command::new("cat").arg(at.join("a")).uid(1_000).output().unwrap();
    assert!(cat.stdout == b"1" || !cat.status.success(), "the folder above may be closed to others: {cat:?}");
    node.kill(&["serve"]);
    node.show(slot, &[("a", "2"), ("b", "2")], 2);
    assert_eq!(fs::read(at.join("a")).unwrap(), b"2");
    node.done(&KeeperRequest::Detach { place: Place::Volume(slot) });
    assert!(at.exists() && mounts_below(&at).is_empty());
}

fn per_read(path: &Path) -> Duration {
    let once = |_: usize| {
        let started = Instant::now();
        let mut buffer = [0; 512];
        let file = fs::File::open(path).unwrap();
        std::os::unix::fs::FileExt::read_at(&file, &mut buffer, 0).unwrap();
        drop(file);
        started.elapsed()
    };
    median((0..5_000).map(once).collect())
}

pub fn it_is_small_and_quick() {
    let mut node = Node::start();
    let content = "x".repeat(211);
    let files: Vec<(String, &str)> =
        (0..5).map(|number| (format!("key-{number}"), content.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    let mut at = PathBuf::new();
    for (volumes, from) in [(30, 0), (110, 30)] {
        for number in from..volumes {
            at = node.publish(number, &files).1;
            fs::read(at.join("key-0")).unwrap();
        }
        let (sum, each) = pss(&node);
        println!("PSS of this test's binary at {volumes} volumes: {sum} kB ({})", each.join(", "));
    }
    let tmpfs = Path::new("/dev/shm").join(format!("keyreeve-read-{}", std::process::id()));
    fs::write(&tmpfs, &content).unwrap();
    let (theirs, ours) = (per_read(&tmpfs), per_read(&at.join("key-0")));
    fs::remove_file(&tmpfs).unwrap();
    println!("open + read p50: tmpfs {theirs:?}, ours {ours:?}");
    assert!(ours < Duration::from_millis(2), "{ours:?}");
}
