//! What a volume looks like and how it changes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::Duration;

use csi_mount_core::wire::control::{KeeperReply, KeeperRequest};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::node::Node;
use super::readers::Reader;

const OLD: &[(&str, &str)] = &[("a", "1"), ("b", "1"), ("d/e", "deep"), ("gone", "x")];
const NEW: &[(&str, &str)] = &[("a", "2"), ("b", "2"), ("new", "y"), ("d/e", "deeper")];

fn names(at: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn a_volume_is_shown_like_kubernetes_own() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, OLD);
    let listed = names(&at);
    assert_eq!(listed[1..], ["..data", "a", "b", "d", "gone"], "{listed:?}");
    assert!(listed[0].starts_with("..20"), "{listed:?}");
    assert_eq!(fs::read_link(at.join("..data")).unwrap().to_str().unwrap(), listed[0]);
    assert_eq!(fs::read_link(at.join("a")).unwrap(), Path::new("..data/a"));
    assert_eq!(fs::read_to_string(at.join("d/e")).unwrap(), "deep");
    let meta = fs::metadata(at.join("a")).unwrap();
    assert_eq!((meta.mode(), meta.uid(), meta.gid(), meta.len(), meta.nlink()), (0o100_444, 7, 8, 1, 1));
    let root = fs::metadata(&at).unwrap();
    assert_eq!((root.mode(), root.uid(), root.gid()), (0o40_555, 7, 8));

    let mut old = File::open(at.join("a")).unwrap();
    node.show(slot, NEW, 2);
    let listed = names(&at);
    assert_eq!(listed[1..], ["..data", "a", "b", "d", "new"], "{listed:?}");
    assert_eq!(fs::read_to_string(at.join("a")).unwrap(), "2");
    assert_eq!(fs::read_to_string(at.join("d/e")).unwrap(), "deeper");
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "1", "an open file keeps its generation");
    let stats = |node: &mut Node| match node.ask(&KeeperRequest::Stats { slot }, None) {
        Ok(KeeperReply::Stats(stats)) => stats,
        other => panic!("{other:?}"),
    };
    assert_eq!(stats(&mut node).generations, 2);
    drop(old);
    std::thread::sleep(Duration::from_millis(100));
    let stats = stats(&mut node);
    assert_eq!((stats.generations, stats.files, stats.bytes), (1, 4, 9));
    node.unpublish(slot);
    assert!(!at.exists());
}

pub fn only_the_mutator_changes_anything() {
    let mut node = Node::start();
    let (_, at) = node.publish(1, OLD);
    for (what, got) in [
        ("write", fs::write(at.join("a"), "x")),
        ("create", fs::write(at.join("x"), "x")),
        ("mkdir", fs::create_dir(at.join("x"))),
        ("unlink", fs::remove_file(at.join("a"))),
        ("rename", fs::rename(at.join("a"), at.join("z"))),
        ("symlink", symlink("x", at.join("z"))),
    ] {
        assert_eq!(got.map_err(|e| e.kind()), Err(ErrorKind::ReadOnlyFilesystem), "{what}");
    }
    let (_, other) = node.publish(2, OLD);
    let table = super::node::mounts_below(&other);
    assert_eq!(table.len(), 1);
    assert!(table[0].0.contains(" ro,nosuid,nodev,noexec,noatime"), "{table:?}");
    assert!(table[0].0.contains(" - fuse.keyreeve keyreeve "), "{table:?}");
    assert!(names(&at.join("..")).contains(&"target-1".to_owned()));
}

/// What a watcher of the folder, of what `..data` leads to and of a file sees.
struct Watch {
    inotify: std::os::fd::OwnedFd,
    places: BTreeMap<i32, &'static str>,
}

impl Watch {
    fn on(at: &Path) -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let data = at.join(fs::read_link(at.join("..data")).unwrap());
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB;
        let mut places = BTreeMap::new();
        for (name, path) in [("volume", at.to_owned()), ("data", data.clone()), ("file", data.join("a"))] {
            places.insert(inotify::add_watch(&inotify, path, flags).unwrap(), name);
        }
        Self { inotify, places }
    }

    fn seen(&self) -> Vec<String> {
        let mut buffer = vec![std::mem::MaybeUninit::uninit(); 1 << 16];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut seen = Vec::new();
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| name.to_str().unwrap().to_owned()).unwrap_or_default();
            // The digits of a generation's folder are its own on either side.
            let name = if name.starts_with("..2") { "..TIME".to_owned() } else { name };
            seen.push(format!(
                "{} {:?} {name}",
                self.places[&event.wd()],
                event.events() & !ReadFlags::empty()
            ));
        }
        seen
    }
}

/// Kubernetes' sequence on an ordinary file system.
fn by_hand(at: &Path) {
    let old = at.join(fs::read_link(at.join("..data")).unwrap());
    let new = "..2099_01_01_00_00_00.1";
    fs::create_dir(at.join(new)).unwrap();
    symlink(new, at.join("..data_tmp")).unwrap();
    fs::rename(at.join("..data_tmp"), at.join("..data")).unwrap();
    symlink("..data/new", at.join("new")).unwrap();
    fs::remove_file(at.join("gone")).unwrap();
    for file in ["gone", "d/e"] {
        fs::remove_file(old.join(file)).unwrap();
    }
    fs::remove_dir(old.join("d")).unwrap();
    for file in ["b", "a"] {
        fs::remove_file(old.join(file)).unwrap();
    }
    fs::remove_dir(old).unwrap();
}

pub fn watchers_see_what_they_see_on_tmpfs() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, OLD);
    // A pod's own view: one more clone.
    let tmpfs = Path::new("/dev/shm").join(format!("keyreeve-{}", std::process::id()));
    let old = tmpfs.join("..2000_01_01_00_00_00.1");
    fs::create_dir_all(old.join("d")).unwrap();
    for (name, content) in OLD {
        fs::write(old.join(name), content).unwrap();
    }
    symlink("..2000_01_01_00_00_00.1", tmpfs.join("..data")).unwrap();
    for name in ["a", "b", "d", "gone"] {
        symlink(format!("..data/{name}"), tmpfs.join(name)).unwrap();
    }
    let (theirs, ours) = (Watch::on(&tmpfs), Watch::on(&at));
    by_hand(&tmpfs);
    node.show(slot, NEW, 2);
    let (theirs, ours) = (theirs.seen(), ours.seen());
    fs::remove_dir_all(&tmpfs).unwrap();
    assert!(theirs.len() >= 10, "{theirs:?}");
    assert_eq!(ours, theirs);
}

pub fn readers_never_see_two_versions() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, &[("a", "v1"), ("b", "v1")]);
    let reader = Reader::start(node.folder.path(), std::slice::from_ref(&at));
    for version in 2..=200_u64 {
        let text = format!("v{version}");
        node.show(slot, &[("a", &text), ("b", &text)], version);
        // Four generations are kept: what is open longer than that is stale.
        std::thread::sleep(Duration::from_millis(10));
    }
    let seen = reader.stop();
    println!("200 changes: {seen:?}");
    assert_eq!((seen.failed, seen.mixed), (0, 0), "{seen:?}");
    assert!(seen.reads > 100);
}
