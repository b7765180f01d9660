//! A full disk: no secret leaves, a clear 503, health still answers, and the broker recovers by itself.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::disk::DiskBroker;
use serde_json::json;

/// A small file system in memory, taken away at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={megabytes}m");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).status().ok()?;
        status.success().then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let dir = tempfile::Builder::new().prefix("keyreeve-full-").tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path().join("disk"), 120) else {
        panic!("this test mounts a tmpfs: run it as root");
    };
    let data = disk.0.join("data");
    let broker = DiskBroker::start_in(dir, data, &["--cache-mib", "1"]).unwrap();
    let target = &broker.target;
    target.must("POST", "secret/data/kept", Some(&json!({"data": {"v": "first"}}))).unwrap();

    let ballast = disk.0.join("ballast");
    fill(&ballast);
    // The journal was preallocated, so it takes a while of writing until nothing fits any more.
    let big = "x".repeat(500_000);
    let mut refused = None;
    for n in 0..400 {
        let body = json!({"data": {"v": big}});
        let answer = target.call("POST", &format!("secret/data/fill/{n}"), Some(&body)).unwrap();
        if answer.status != 200 {
            refused = Some((n, answer));
            break;
        }
    }
    let (at, answer) = refused.expect("the disk was never full");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("cannot be written"), "{}", answer.text());
    let health = target.call("GET", "sys/health", None).unwrap();
    assert_eq!(health.status, 200, "health answers");
    // A read either has its record (and then its value), or it has neither.
    let read = target.call("GET", "secret/data/kept", None).unwrap();
    assert!(read.status == 200 || (read.status == 503 && !read.text().contains("first")), "{}", read.text());

    std::fs::remove_file(&ballast).unwrap();
    let start = Instant::now();
    loop {
        let answer = target.call("POST", "secret/data/after", Some(&json!({"data": {"v": 1}}))).unwrap();
        if answer.status == 200 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no recovery: {}", answer.text());
        std::thread::sleep(Duration::from_millis(100));
    }
    let read = target.must("GET", "secret/data/kept", None).unwrap();
    assert_eq!(read["data"]["data"]["v"], "first");
    println!("refused at write {at}, recovered {:?} after space came back", start.elapsed());
}

fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    let block = vec![0u8; 64 << 10];
    while file.write_all(&block).is_ok() {}
}
