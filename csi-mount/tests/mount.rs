//! A real mount: the kernel's own view of files, generations, revocation and unmounting. Needs root and /dev/fuse.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking; clippy knows that of test functions only"
)]

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker_client::SecretText;
use csi_mount::config::{MountOptions, OnRevoke};
use csi_mount::mounts::MountError;
use csi_mount::records::{Batch, Record};
use csi_mount::run::{RunError, Serving, start};
use csi_mount::source::{Reading, ReportError, Source, SourceError};
use csi_mount_core::refresh::{Failure, Lease, Policy};
use rustix::mount::MountFlags;
use tokio::sync::watch;

/// A secret in memory.
struct Memory {
    now: Mutex<Result<(String, u64), Failure>>,
    changes: watch::Sender<u64>,
    reports: Mutex<Vec<Record>>,
}

impl Memory {
    fn new(json: &str) -> Arc<Self> {
        let now = Mutex::new(Ok((json.to_owned(), 1)));
        Arc::new(Self { now, changes: watch::Sender::new(0), reports: Mutex::default() })
    }

    fn set(&self, now: Result<(&str, u64), Failure>) {
        *self.now.lock().unwrap() = now.map(|(json, version)| (json.to_owned(), version));
        self.changes.send_modify(|number| *number += 1);
    }
}

impl Source for Memory {
    fn path(&self) -> String {
        "secret/data/app".to_owned()
    }

    async fn read(&self) -> Result<Reading, SourceError> {
        match &*self.now.lock().unwrap() {
            Ok((json, version)) => Ok(Reading { data: SecretText::new(json.clone()), version: *version }),
            Err(failure) => Err(SourceError { failure: *failure, message: format!("{failure:?}") }),
        }
    }

    async fn lease(&self) -> Result<Lease, SourceError> {
        Ok(Lease { ttl: 0, renewable: false })
    }

    async fn renew(&self) -> Result<Lease, SourceError> {
        panic!("a token that does not end is not renewed")
    }

    fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.subscribe();
        // It is known already that changes are told.
        changes.mark_changed();
        changes
    }

    async fn report(&self, batch: &Batch) -> Result<(), ReportError> {
        self.reports.lock().unwrap().extend(batch.records.iter().cloned());
        Ok(())
    }
}

/// A folder to mount at; whatever a failed test leaves mounted there is detached.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test mounts file systems: run it as root");
        assert!(Path::new("/dev/fuse").exists(), "this test needs /dev/fuse: load the kernel module fuse");
        Self(tempfile::tempdir().unwrap())
    }

    fn options(&self) -> MountOptions {
        MountOptions {
            at: self.0.path().to_owned(),
            mode: 0o440,
            uid: 7,
            gid: 8,
            on_revoke: OnRevoke::Fail,
            refresh: Policy { interval: 60_000, patience: 100, first_wait: 10, longest_wait: 20 },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn is_mounted(&self) -> bool {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        table.contains(&format!(" {} ", self.0.path().display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        while self.is_mounted()
            && rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH).is_ok()
        {}
    }
}

async fn mounted(folder: &Folder, source: &Arc<Memory>) -> Serving {
    start(Arc::clone(source), &folder.options()).await.unwrap()
}

/// Waits until something is as it should be, 5 s at most.
async fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..500 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 5 s: {what}");
}

fn read(path: &Path) -> Result<String, ErrorKind> {
    fs::read_to_string(path).map_err(|error| error.kind())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_listed_read_and_never_written() {
    let folder = Folder::new();
    let serving =
        mounted(&folder, &Memory::new(r#"{"user":"app","port":5432.0,"empty":"","o":{"a": [1]}}"#)).await;
    assert_eq!(folder.names(), ["empty", "o", "port", "user"]);
    for (name, content) in [("user", "app"), ("port", "5432.0"), ("empty", ""), ("o", r#"{"a":[1]}"#)] {
        assert_eq!(read(&folder.path(name)).as_deref(), Ok(content), "{name}");
        let meta = fs::metadata(folder.path(name)).unwrap();
        assert_eq!(meta.len(), content.len() as u64);
        assert_eq!((meta.mode(), meta.uid(), meta.gid(), meta.nlink()), (0o100_440, 7, 8, 1));
    }
    let root = fs::metadata(folder.0.path()).unwrap();
    assert_eq!((root.mode(), root.ino(), root.uid()), (0o40_555, 1, 7));
    assert_eq!(read(&folder.path("nothing")), Err(ErrorKind::NotFound));
    assert_eq!(read(&folder.path("user/x")), Err(ErrorKind::NotADirectory));

    let user = folder.path("user");
    for (what, got) in [
        ("write", fs::write(&user, "x").map(drop)),
        ("append", File::options().append(true).open(&user).map(drop)),
        ("create", File::create(folder.path("new")).map(drop)),
        ("mkdir", fs::create_dir(folder.path("new"))),
        ("unlink", fs::remove_file(&user)),
        ("rename", fs::rename(&user, folder.path("new"))),
        ("chmod", fs::set_permissions(&user, Permissions::from_mode(0o777))),
        ("symlink", std::os::unix::fs::symlink("x", folder.path("new"))),
    ] {
        assert_eq!(got.map_err(|error| error.kind()), Err(ErrorKind::ReadOnlyFilesystem), "{what}");
    }
    assert_eq!(read(&user).as_deref(), Ok("app"));
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_read_by_parts_and_many_are_listed() {
    let folder = Folder::new();
    let large: String = (0..130_000).map(|n| format!("{n:07}")).collect();
    let many: Vec<String> =
        (0..900).map(|n| format!(r#""key-with-a-rather-long-name-{n:04}":"{n}""#)).collect();
    let source = Memory::new(&format!(r#"{{"large":"{large}",{}}}"#, many.join(",")));
    let serving = mounted(&folder, &source).await;
    assert_eq!(read(&folder.path("large")).as_deref(), Ok(large.as_str()));
    let mut file = File::open(folder.path("large")).unwrap();
    let mut part = [0; 7];
    for number in [0_u64, 1, 65_535, 129_999] {
        file.read_exact_at(&mut part, number * 7).unwrap();
        assert_eq!(std::str::from_utf8(&part), Ok(format!("{number:07}").as_str()));
    }
    file.seek(SeekFrom::End(-3)).unwrap();
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"999");
    assert_eq!(file.read_at(&mut part, 1 << 40).unwrap(), 0);
    assert_eq!(folder.names().len(), 901);
    drop(file);
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_handle_keeps_its_generation() {
    let folder = Folder::new();
    let source = Memory::new(r#"{"a":"old","b":"stays","c":"goes"}"#);
    let serving = mounted(&folder, &source).await;
    let mut handle = File::open(folder.path("a")).unwrap();
    let mut gone = File::open(folder.path("c")).unwrap();
    let before = ["a", "b"].map(|name| fs::metadata(folder.path(name)).unwrap());
    assert_eq!(read(&folder.path("d")), Err(ErrorKind::NotFound));
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    source.set(Ok((r#"{"a":"new and longer","b":"stays","d":"comes"}"#, 2)));
    eventually("the new content", || read(&folder.path("a")).as_deref() == Ok("new and longer")).await;
    assert_eq!(folder.names(), ["a", "b", "d"]);
    assert_eq!(read(&folder.path("d")).as_deref(), Ok("comes"));
    assert_eq!(read(&folder.path("c")), Err(ErrorKind::NotFound));
    let text = |file: &mut File| {
        let mut text = String::new();
        file.read_to_string(&mut text).map(|_| text).map_err(|error| error.kind())
    };
    assert_eq!((text(&mut handle), text(&mut gone)), (Ok("old".to_owned()), Ok("goes".to_owned())));
    assert_eq!(gone.metadata().unwrap().len(), 4);

    // The kernel is told right after the content is there.
    eventually("the new size", || fs::metadata(folder.path("a")).unwrap().len() == 14).await;
    let after = ["a", "b"].map(|name| fs::metadata(folder.path(name)).unwrap());
    assert_eq!(handle.metadata().unwrap().len(), 14, "fstat asks for the file, not for the handle");
    assert_eq!(before.each_ref().map(MetadataExt::ino), after.each_ref().map(MetadataExt::ino));
    assert!(after[0].mtime() > before[0].mtime(), "what has changed shows when");
    assert_eq!(after[1].mtime(), before[1].mtime(), "what has not changed keeps its time");
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_stay_while_the_broker_is_away() {
    let folder = Folder::new();
    let source = Memory::new(r#"{"a":"1"}"#);
    let serving = mounted(&folder, &source).await;
    for failure in [Failure::Away, Failure::Absent, Failure::Unusable] {
        source.set(Err(failure));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(read(&folder.path("a")).as_deref(), Ok("1"), "{failure:?}");
    }
    source.set(Ok((r#"["no object"]"#, 2)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(read(&folder.path("a")).as_deref(), Ok("1"), "what cannot be shown changes nothing");
    source.set(Ok((r#"{"a":"2"}"#, 3)));
    eventually("the broker is back", || read(&folder.path("a")).as_deref() == Ok("2")).await;
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_closes_open_files_too() {
    let folder = Folder::new();
    let source = Memory::new(r#"{"a":"secret"}"#);
    let serving = mounted(&folder, &source).await;
    let handle = File::open(folder.path("a")).unwrap();
    let mut first = [0; 3];
    handle.read_exact_at(&mut first, 0).unwrap();
    source.set(Err(Failure::Denied));
    eventually("the open file is refused", || {
        handle.read_at(&mut [0; 3], 3).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    })
    .await;
    assert_eq!(read(&folder.path("a")), Err(ErrorKind::PermissionDenied));
    assert_eq!(
        fs::read_dir(folder.0.path()).map(drop).map_err(|e| e.kind()),
        Err(ErrorKind::PermissionDenied)
    );
    source.set(Ok((r#"{"a":"again"}"#, 2)));
    eventually("a new token brings them back", || read(&folder.path("a")).as_deref() == Ok("again")).await;
    let error = handle.read_at(&mut [0; 3], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "a handle from before stays closed");
    drop(handle);
    serving.stop().await.unwrap();

    let options = MountOptions { on_revoke: OnRevoke::Keep, ..folder.options() };
    let serving = start(Arc::clone(&source), &options).await.unwrap();
    source.set(Err(Failure::Denied));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(read(&folder.path("a")).as_deref(), Ok("again"));
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn opens_are_reported_with_who_and_what() {
    let folder = Folder::new();
    let source = Memory::new(r#"{"a":"1","b":"2"}"#);
    let serving = mounted(&folder, &source).await;
    let cat = std::process::Command::new("cat").arg(folder.path("a")).output().unwrap();
    assert_eq!(cat.stdout, b"1");
    source.set(Ok((r#"{"a":"1","b":"3"}"#, 2)));
    eventually("version 2", || read(&folder.path("b")).as_deref() == Ok("3")).await;
    let opened = || source.reports.lock().unwrap().clone();
    eventually("the last open is reported", || opened().last().is_some_and(|record| record.version == 2))
        .await;
    serving.stop().await.unwrap();
    let records = opened();
    assert_eq!(
        records.iter().map(|record| record.number).collect::<Vec<_>>(),
        (1..=records.len() as u64).collect::<Vec<_>>()
    );
    let first = &records[0];
    assert_eq!((first.target.clone(), first.version), (format!("file {}", folder.path("a").display()), 1));
    assert!(first.object.contains(" (cat) uid 0"), "{}", first.object);
    let own = format!("process {} (", std::process::id());
    assert!(records.last().unwrap().object.starts_with(&own), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmount_leaves_nothing_and_somebody_elses_is_noticed() {
    let folder = Folder::new();
    let serving = mounted(&folder, &Memory::new(r#"{"a":"1"}"#)).await;
    assert!(folder.is_mounted());
    let handle = File::open(folder.path("a")).unwrap();
    serving.stop().await.unwrap();
    assert!(!folder.is_mounted());
    assert_eq!(folder.names(), Vec::<String>::new());
    let mut text = String::new();
    (&handle).read_to_string(&mut text).unwrap();
    assert_eq!(text, "1", "an open file is served to its end");
    drop(handle);

    let serving = mounted(&folder, &Memory::new(r#"{"a":"1"}"#)).await;
    rustix::mount::unmount(folder.0.path(), rustix::mount::UnmountFlags::empty()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), serving.over()).await.unwrap();
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_mounts_are_detached_and_living_ones_are_not() {
    let folder = Folder::new();
    for _ in 0..2 {
        let device = File::options().read(true).write(true).open("/dev/fuse").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&device);
        let options = format!("fd={number},rootmode=40000,user_id=0,group_id=0");
        let options = std::ffi::CString::new(options).unwrap();
        let at = folder.0.path();
        rustix::mount::mount("keyreeve", at, "fuse.keyreeve", MountFlags::empty(), options.as_c_str())
            .unwrap();
    }
    let dead = fs::read_dir(folder.0.path()).unwrap_err();
    assert_eq!(dead.kind(), ErrorKind::NotConnected, "{dead}");
    let source = Memory::new(r#"{"a":"1"}"#);
    let serving = mounted(&folder, &source).await;
    assert_eq!(folder.names(), ["a"]);
    let error = start(Arc::clone(&source), &folder.options()).await.unwrap_err();
    assert!(
        matches!(&error, RunError::Mount(MountError::Taken { kind, .. }) if kind == "fuse.keyreeve"),
        "{error}"
    );
    serving.stop().await.unwrap();
    assert!(!folder.is_mounted(), "none of the three is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mounted_when_there_is_nothing_to_show() {
    let folder = Folder::new();
    let source = Memory::new("{}");
    for (now, expected) in [
        (Err(Failure::Denied), "there is nothing to mount: Denied"),
        (Err(Failure::Absent), "there is nothing to mount: Absent"),
        (Err(Failure::Away), "there is nothing to mount: Away"),
        (Ok((r#"{"a/b":"hunter2"}"#, 1)), "the key \"a/b\" cannot be a file"),
        (Ok(("hunter2", 1)), "no JSON object"),
    ] {
        source.set(now);
        let error = start(Arc::clone(&source), &folder.options()).await.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        assert!(!folder.is_mounted());
    }
    source.set(Ok(("{}", 1)));
    fs::write(folder.path("in the way"), "").unwrap();
    let error = start(Arc::clone(&source), &folder.options()).await.unwrap_err().to_string();
    assert!(error.ends_with("is not empty; choose an empty folder"), "{error}");
    let nowhere = MountOptions { at: folder.path("nowhere"), ..folder.options() };
    let error = start(source, &nowhere).await.unwrap_err().to_string();
    assert!(error.contains("must be a folder that is there"), "{error}");
}
