//! The listener: TLS with a certificate of its own, files that are read again, plain HTTP on loopback only, a clean end.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::disk::DiskBroker;
use harness::target::built;

/// Asks for the health over HTTPS, trusting only `ca`.
fn health(addr: &str, ca: &Path) -> std::process::Output {
    let url = format!("https://{addr}/v1/sys/health");
    Command::new("curl").args(["-sS", "--max-time", "10", "--cacert"]).arg(ca).arg(url).output().unwrap()
}

fn certificate(folder: &Path, name: &str) -> (String, String) {
    let (cert, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    (cert.display().to_string(), key.display().to_string())
}

#[test]
fn the_first_start_makes_a_certificate() {
    let broker = DiskBroker::start(&["--tls"]).unwrap();
    let output = health(&broker.target.addr, &broker.data().join("tls.crt"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"sealed\":false"));
    let other = tempfile::tempdir().unwrap();
    let (wrong, _) = certificate(other.path(), "wrong");
    assert!(
        !health(&broker.target.addr, Path::new(&wrong)).status.success(),
        "another certificate is not trusted"
    );
}

#[test]
fn new_certificate_files_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(folder.path(), "first");
    let broker = DiskBroker::start(&["--tls", "--tls-cert", &cert, "--tls-key", &key]).unwrap();
    assert!(health(&broker.target.addr, Path::new(&cert)).status.success());
    let (next, next_key) = certificate(folder.path(), "next");
    std::fs::copy(&next_key, &key).unwrap();
    std::fs::copy(&next, &cert).unwrap();
    let start = Instant::now();
    while !health(&broker.target.addr, Path::new(&next)).status.success() {
        assert!(start.elapsed() < Duration::from_secs(20), "the new certificate was not taken");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn configurations_are_checked_before_anything_starts() {
    let binary = built("keyreeve-broker").unwrap();
    for (arguments, status, text) in [
        (vec!["--data", "/nowhere/kr", "--listen", "0.0.0.0:8200", "--plain-http"], 1, "loopback"),
        (vec!["--data", "/nowhere/kr", "--seal-file", "/nowhere/kr/seal"], 1, "--seal-inside-data"),
        (vec!["--data", "/nowhere/kr", "--listen", "localhost"], 1, "HOST:PORT"),
        (vec!["--dev", "--metrics-listen", "0.0.0.0:9000"], 1, "loopback"),
        (vec!["--data", "/nowhere/kr"], 0, "seal-file = /nowhere/kr.seal"),
        (vec!["--dev"], 0, "data = memory"),
    ] {
        let output = Command::new(&binary).args(["config", "check"]).args(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

#[test]
fn two_brokers_do_not_share_a_folder() {
    let broker = DiskBroker::start(&[]).unwrap();
    let output = Command::new(built("keyreeve-broker").unwrap())
        .args(["serve", "--plain-http", "--listen", "127.0.0.1:0", "--data"])
        .arg(broker.data())
        .arg("--seal-file")
        .arg(broker.dir.path().join("data.seal"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("data") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_unix_socket_needs_no_tls() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, ready) = (dir.path().join("broker.sock"), dir.path().join("ready"));
    let mut command = Command::new(built("keyreeve-broker").unwrap());
    command
        .args(["serve", "--dev", "--listen", &format!("unix:{}", socket.display()), "--ready-file"])
        .arg(&ready);
    command.arg("--root-token-file").arg(dir.path().join("token"));
    let mut broker =
        harness::process::Process::start("keyreeve-broker", &command, &dir.path().join("log")).unwrap();
    broker.wait_until(Duration::from_secs(20), || ready.exists()).unwrap();
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "10", "--unix-socket"])
        .arg(&socket)
        .arg("http://broker/v1/sys/health")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"initialized\":true"), "{output:?}");
    assert!(broker.stop().unwrap().success());
    assert!(!socket.exists(), "the socket is removed at the end");
}
