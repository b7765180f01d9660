//! A secret value must show up nowhere but in the answer to whoever may read it.

use std::path::Path;

use harness::disk::DiskBroker;
use harness::http::Request;
use serde_json::json;

const CANARY: &str = "canary-7f3a91c2";

/// Every file below a folder, with its bytes.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn a_value_leaves_no_trace() {
    let mut broker = DiskBroker::start(&["--log", "trace"]).unwrap();
    let token = broker.target.root_token.clone();
    let target = broker.target.clone();
    target.must("POST", "secret/data/app/db", Some(&json!({"data": {"password": CANARY}}))).unwrap();
    target.must("POST", "sys/mounts/old", Some(&json!({"type": "kv"}))).unwrap();
    target.must("POST", "old/app", Some(&json!({"password": CANARY}))).unwrap();
    let read = target.must("GET", "secret/data/app/db", None).unwrap();
    assert_eq!(read["data"]["data"]["password"], CANARY, "the one place where it belongs");

    // Requests that fail with the value in them: in bodies of every wrong shape, and with wrong rights.
    let mut answers = String::new();
    let bodies = [
        format!("{{\"data\":{{\"a\":\"{CANARY}\""),
        format!("[\"{CANARY}\"]"),
        format!("\"{CANARY}\""),
        format!("{{\"data\":\"{CANARY}\"}}"),
        format!("{{\"data\":{{\"a\":\"{CANARY}\"}},\"options\":{{\"cas\":\"{CANARY}\"}}}}"),
        format!("{{\"data\":{{\"a\":\"{CANARY}\"}},\"options\":{{\"cas\":7}}}}"),
        format!("{{\"data\":{{\"a\":\"{CANARY}\"}}}} {CANARY}"),
        format!("password={CANARY}"),
    ];
    for body in bodies {
        for (token, path) in [
            (token.as_str(), "secret/data/app/db"),
            ("wrong", "secret/data/app/db"),
            (token.as_str(), "secret/metadata/app/db"),
            (token.as_str(), "nowhere/x"),
        ] {
            let request =
                Request::new("POST", &format!("/v1/{path}")).token(token).raw(body.clone().into_bytes());
            answers.push_str(&target.send(&request).unwrap().text());
        }
    }
    let lookup = Request::new("POST", "/v1/auth/token/lookup").token(&token).json(&json!({"token": CANARY}));
    answers.push_str(&target.send(&lookup).unwrap().text());
    let as_token = Request::new("GET", "/v1/secret/data/app/db").token(CANARY);
    answers.push_str(&target.send(&as_token).unwrap().text());
    assert!(!answers.contains(CANARY), "an error repeats the value: {answers}");

    let process = format!("/proc/{}", broker.process.id());
    for place in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("{process}/{place}")).unwrap();
        assert!(!holds(&bytes, CANARY) && !holds(&bytes, &token), "{place}");
    }
    broker.restart().unwrap();
    let mut found = Vec::new();
    files(broker.dir.path(), &mut found);
    for (name, bytes) in &found {
        assert!(!holds(bytes, CANARY), "{name} holds the value");
        let its_own = name.ends_with("data.root-token");
        assert!(its_own || !holds(bytes, &token), "{name} holds the root token");
    }
    let log = broker.log().unwrap();
    assert!(log.contains("listening"), "the log was written");
    let store = found.iter().find(|(name, _)| name.contains("/data/") && !name.contains("audit")).unwrap();
    assert!(!holds(&store.1, "password"), "{}: names of keys are not in clear in the store", store.0);
    println!("{} files, {} bytes of log", found.len(), log.len());
}

#[test]
fn secret_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let broker = DiskBroker::start(&[]).unwrap();
    for file in ["data.root-token", "data.seal"] {
        let mode = std::fs::metadata(broker.dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mode = std::fs::metadata(broker.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the data folder");
    assert!(!broker.log().unwrap().contains(&broker.target.root_token));
}
