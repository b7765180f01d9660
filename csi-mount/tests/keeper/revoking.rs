//! Revocation, and what is told of opens.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use csi_mount_core::wire::control::KeeperRequest;
use csi_mount_core::wire::{Event, Outcome};

use super::node::{Node, eventually};

/// A program that maps a file privately, says so, and touches it again once it is told to.
pub fn map(path: &str, told: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mapping = mapped::Mapped::of(&file).map_err(|e| e.to_string())?;
    if mapping.first() != b'v' {
        return Err("not what was written".to_owned());
    }
    fs::write(format!("{told}.mapped"), "").map_err(|e| e.to_string())?;
    eventually("the test goes on", || PathBuf::from(told).exists());
    // This is where SIGBUS comes.
    Err(format!("{} can still be read", mapping.first()))
}

mod mapped {
    #![expect(unsafe_code, reason = "mapping a file as a program does")]

    use std::fs::File;

    pub struct Mapped(*const u8);

    impl Mapped {
        pub fn of(file: &File) -> std::io::Result<Self> {
            use rustix::mm::{MapFlags, ProtFlags, mmap};
            // SAFETY: a new range that is never unmapped.
            let start =
                unsafe { mmap(std::ptr::null_mut(), 1, ProtFlags::READ, MapFlags::PRIVATE, file, 0)? };
            Ok(Self(start.cast()))
        }

        pub fn first(&self) -> u8 {
            // SAFETY: the range is mapped; when the file is revoked the process ends by a signal, which is what is tested.
            unsafe { self.0.read_volatile() }
        }
    }
}

pub fn revocation_reaches_what_is_open() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, &[("a", "value")]);
    let (_, other) = node.publish(2, &[("a", "value")]);
    let file = File::open(at.join("a")).unwrap();
    let read = |file: &File| file.read_at(&mut [0; 8], 0).map_err(|e| e.kind());
    assert_eq!(read(&file), Ok(5));
    let told = node.folder.path().join("told");
    let mut mapping = Command::new("/proc/self/exe")
        .arg("map")
        .arg(at.join("a"))
        .arg(&told)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it is mapped", || told.with_extension("mapped").exists());

    node.done(&KeeperRequest::Revoke { slot });
    assert_eq!(read(&file), Err(ErrorKind::PermissionDenied));
    let opened = || fs::read_to_string(at.join("a")).map_err(|e| e.kind());
    assert_eq!(opened(), Err(ErrorKind::PermissionDenied));
    fs::write(&told, "").unwrap();
    assert_eq!(mapping.wait().unwrap().signal(), Some(7), "SIGBUS");
    assert_eq!(fs::read_to_string(other.join("a")).unwrap(), "value", "another volume is not concerned");

    node.kill(&["serve"]);
    assert_eq!(opened(), Err(ErrorKind::PermissionDenied), "a new server knows");
    node.show(slot, &[("a", "newer")], 2);
    assert_eq!(opened(), Err(ErrorKind::PermissionDenied), "a new version changes nothing about it");
    node.done(&KeeperRequest::Restore { slot });
    assert_eq!(opened(), Ok("newer".to_owned()));
    assert_eq!(read(&file), Ok(5), "the old descriptor reads again while its generation is kept");
    node.unpublish(slot);
    assert!(read(&file).is_err(), "what was let go is stale");
}

pub fn opens_are_told() {
    let mut node = Node::start();
    let (slot, at) = node.publish(1, &[("a", "1"), ("d/e", "2")]);
    fs::read_to_string(at.join("a")).unwrap();
    node.done(&KeeperRequest::Hello);
    let cat = Command::new("cat").arg(at.join("d/e")).output().unwrap();
    assert_eq!(cat.stdout, b"2");
    node.done(&KeeperRequest::Revoke { slot });
    assert!(fs::read_to_string(at.join("a")).is_err());
    node.hear(Duration::from_millis(300));
    let told: Vec<_> = node
        .events
        .iter()
        .map(|event| match event {
            Event::Opened(o) => (o.path.as_str(), o.version, o.outcome, o.reader.pid, o.reader.name.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let own = std::process::id();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(
        (told[0].0, told[0].1, told[0].2, told[0].3),
        ("a", 1, Outcome::Granted, own),
        "kept until it was asked for"
    );
    assert_eq!((told[1].0, told[1].2, told[1].4), ("d/e", Outcome::Granted, "cat"));
    assert_eq!((told[2].0, told[2].2), ("a", Outcome::Revoked));
    node.done(&KeeperRequest::Restore { slot });

    // Nobody takes them: some are kept, the rest is counted.
    node.events.clear();
    node.kill(&["control"]);
    for _ in 0..2_000 {
        fs::read(at.join("a")).unwrap();
    }
    node.done(&KeeperRequest::Hello);
    let (mut lost, mut opened): (u64, u64) = (0, 0);
    for _ in 0..100 {
        node.hear(Duration::from_millis(100));
        lost = node.events.iter().map(|e| if let Event::Lost { opens } = e { *opens } else { 0 }).sum();
        opened = node.events.iter().filter(|e| matches!(e, Event::Opened(_))).count() as u64;
        if lost + opened >= 2_000 {
            break;
        }
    }
    assert_eq!(lost + opened, 2_000, "{lost} lost");
    assert!(opened >= 1_000);
}
