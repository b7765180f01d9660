//! The whole syncer in one process, between two folders and a server on loopback whose answers the test sets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, oneshot};

use super::*;

/// What the server answers, by path with query; anything else does not exist.
#[derive(Default)]
struct Answers {
    by_path: BTreeMap<String, String>,
    asked: Vec<String>,
    /// Bodies that were posted.
    posted: Vec<String>,
    has_stream: bool,
}

struct World {
    folder: tempfile::TempDir,
    url: String,
    answers: Arc<Mutex<Answers>>,
    changes: broadcast::Sender<String>,
}

impl World {
    async fn start(has_stream: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(Answers { has_stream, ..Answers::default() }));
        let (changes, _) = broadcast::channel(64);
        let (shared, sender) = (Arc::clone(&answers), changes.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared), sender.clone()));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("manifests")).unwrap();
        let world = Self { folder, url, answers, changes };
        world.manifest("store.yaml", &store(&world.url));
        world
    }

    fn manifest(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join("manifests").join(name), text).unwrap();
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn set(&self, path: &str, answer: &str) {
        self.answers.lock().unwrap().by_path.insert(path.to_owned(), answer.to_owned());
    }

    /// Puts a version of a secret, and tells of it where the server does.
    fn put(&self, path: &str, version: u64, data: &str) {
        self.set(&format!("secret/data/{path}"), &json(200, &kv2(version, data)));
        let change = format!(
            "id: {version}\nevent: change\ndata: {{\"revision\":{version},\"type\":\"kv2\",\"mount\":\"secret\",\"path\":\"{path}\",\"version\":{version},\"action\":\"write\"}}\n\n"
        );
        let _nobody = self.changes.send(change);
    }

    fn config(&self, once: bool) -> Config {
        Config {
            manifests: self.folder.path().join("manifests"),
            out: self.folder.path().join("out"),
            once,
            interval: Duration::from_secs(3600),
            namespace: "shop".to_owned(),
            token_files: BTreeMap::new(),
            metrics_listen: None,
            templates: crate::templates::Templates::default(),
            log_format: crate::config::LogFormat::Text,
            log: "off".to_owned(),
        }
    }

    async fn once(&self) -> bool {
        run_until(self.config(true), std::future::pending()).await.unwrap()
    }

    /// The decoded value of a key in a Secret that was written; `None` without the file or the key.
    fn value(&self, file: &str, key: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.out(file)).ok()?;
        let secret = syncer_core::ExistingSecret::read(file, &text).unwrap();
        Some(String::from_utf8(secret.data.get(key)?.expose().to_vec()).unwrap())
    }

    /// Ready, reason and message of an object in the status.
    fn state(&self, object: &str) -> Option<(bool, String, String)> {
        let text = std::fs::read_to_string(self.out(FILE)).ok()?;
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        let row = status["objects"].as_array().unwrap().iter().find(|row| row["object"] == object)?;
        let word = |name: &str| row[name].as_str().unwrap().to_owned();
        Some((row["ready"].as_bool().unwrap(), word("reason"), word("message")))
    }

    fn asked(&self, path: &str) -> usize {
        self.answers.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }
}

async fn answer(mut stream: TcpStream, answers: Arc<Mutex<Answers>>, changes: broadcast::Sender<String>) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let (head, body) = loop {
        let n = stream.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        match text.split_once("\r\n\r\n") {
            Some((head, body)) if body.len() >= length.unwrap_or(0) => {
                break (head.to_owned(), body.to_owned());
            }
            _ if n == 0 => return,
            _ => {}
        }
    };
    let path = head.split(' ').nth(1).unwrap().trim_start_matches("/v1/").to_owned();
    if path == "sys/keyreeve/changes" && answers.lock().unwrap().has_stream {
        let mut heard = changes.subscribe();
        let open = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\nid: 0\nevent: ready\ndata: {\"revision\":0}\n\n";
        stream.write_all(open.as_bytes()).await.unwrap();
        while let Ok(change) = heard.recv().await {
            if stream.write_all(change.as_bytes()).await.is_err() {
                return;
            }
        }
        return;
    }
    let text = {
        let mut answers = answers.lock().unwrap();
        answers.asked.push(path.clone());
        if path == "sys/keyreeve/records" {
            answers.posted.push(body);
        }
        answers.by_path.get(&path).cloned().unwrap_or_else(|| json(404, r#"{"errors":[]}"#))
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn json(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn kv2(version: u64, data: &str) -> String {
    format!(
        r#"{{"request_id":"r","data":{{"data":{data},"metadata":{{"created_time":"2026-01-01T00:00:00Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":{version}}}}}}}"#
    )
}

fn store(url: &str) -> String {
    format!(
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{name: s}}\nspec: {{provider: {{vault: {{server: '{url}', path: secret, auth: {{tokenSecretRef: {{name: tok, key: token}}}}}}}}}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: tok}}\nstringData: {{token: hvs.abc}}\n"
    )
}

/// An ExternalSecret that wants `password` of a key; `more` are further fields of its spec.
fn external(name: &str, key: &str, more: &str) -> String {
    format!(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: {name}}}\nspec:\n  secretStoreRef: {{name: s}}\n{more}  data:\n  - {{secretKey: pw, remoteRef: {{key: {key}, property: password}}}}\n"
    )
}

async fn until(what: &str, test: impl Fn() -> bool) {
    for _ in 0..500 {
        if test() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen in 5 s");
}

/// Runs the syncer until `work` is done.
async fn while_running(world: &World, work: impl AsyncFnOnce(&World)) {
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(run_until(world.config(false), async move {
        let _ = stopped.await;
    }));
    work(world).await;
    stop.send(()).unwrap();
    assert!(running.await.unwrap().unwrap());
}

#[tokio::test]
async fn each_object_is_served_and_one_bad_one_stops_no_other() {
    let world = World::start(false).await;
    world.put("db", 3, r#"{"password":"pw-3","n":1.0}"#);
    world.manifest("a.yaml", &external("a", "db", ""));
    world.manifest("b.yaml", &external("b", "db", ""));
    world.manifest("c.yaml", &external("c", "missing", ""));
    world.manifest("d.yaml", &external("d", "db", "  target: {template: {data: {x: y}}}\n"));
    world.manifest("e.yaml", &external("e", "db", "").replace("name: s}", "name: nowhere}"));
    world.manifest("f.yaml", "{ not yaml");
    std::fs::write(world.folder.path().join("manifests/g.yaml"), b"\xff").unwrap();
    assert!(!world.once().await, "some failed");
    for name in ["a", "b"] {
        assert_eq!(world.value(&format!("shop.{name}.secret.yaml"), "pw").as_deref(), Some("pw-3"));
    }
    assert_eq!(world.asked("secret/data/db"), 1, "the same request is made once");
    let rows = [
        ("ExternalSecret shop/a", true, "SecretSynced", ""),
        ("ExternalSecret shop/c", false, "SecretSyncedError", "does not exist"),
        ("ExternalSecret shop/d", false, "InvalidManifest", "spec.target.template"),
        ("ExternalSecret shop/e", false, "SecretSyncedError", "nowhere"),
        ("f.yaml (document 1)", false, "InvalidManifest", "not readable as YAML"),
        ("g.yaml", false, "InvalidManifest", "not UTF-8"),
    ];
    for (object, ready, reason, message) in rows {
        let state = world.state(object).unwrap_or_else(|| panic!("{object} is not in the status"));
        assert!(state.0 == ready && state.1 == reason && state.2.contains(message), "{object}: {state:?}");
    }
    let posted = world.answers.lock().unwrap().posted.join("\n");
    for name in ["a", "b"] {
        let record = format!(
            r#""object":"ExternalSecret shop/{name}","target":"Secret shop/{name}","path":"secret/data/db","version":3"#
        );
        assert!(posted.contains(&record), "{posted}");
    }
    let files = std::fs::read_dir(world.out("")).unwrap().count();
    assert_eq!(files, 4, "two Secrets, the status and the lock");
}

/// Writes a Secret, then lets the server answer something else, and looks what is left of it.
async fn check(answer: &str, policy: &str, kept: bool, ready: bool) {
    let world = World::start(false).await;
    world.put("db", 1, r#"{"password":"old"}"#);
    world.manifest("a.yaml", &external("a", "db", policy));
    assert!(world.once().await);
    world.set("secret/data/db", answer);
    let before = std::fs::metadata(world.out("shop.a.secret.yaml")).unwrap().modified().unwrap();
    assert_eq!(world.once().await, ready, "{answer}");
    assert_eq!(world.value("shop.a.secret.yaml", "pw").is_some(), kept, "{policy:?}: {answer}");
    if kept {
        let after = std::fs::metadata(world.out("shop.a.secret.yaml")).unwrap().modified().unwrap();
        assert_eq!(before, after, "an untouched file is not written again: {answer}");
    }
}

#[tokio::test]
async fn nothing_but_the_stores_own_word_removes_a_secret() {
    const RETAIN: &str = "";
    const DELETE: &str = "  target: {deletionPolicy: Delete}\n";
    let html =
        "HTTP/1.1 404 X\r\ncontent-type: text/html\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let absent = json(404, r#"{"errors":[]}"#);
    let deleted = json(
        404,
        r#"{"request_id":"r","data":{"data":null,"metadata":{"created_time":"t","deletion_time":"t","destroyed":false,"version":1}}}"#,
    );
    let same = json(200, &kv2(1, r#"{"password":"old"}"#));
    let lies = [
        html.to_owned(),
        json(404, "{}"),
        json(404, r#"{"errors":["no handler for route \"secret/\""]}"#),
        json(404, r#"{"errors":["namespace not found"]}"#),
        json(403, r#"{"errors":["permission denied"]}"#),
        json(503, r#"{"errors":["Vault is sealed"]}"#),
        json(500, r#"{"errors":[]}"#),
        json(200, "{}"),
        json(200, &kv2(2, "null")),
        json(200, &kv2(2, "{}")),
        json(200, r#"{"request_id":"r","data":{"password":"kv1"}}"#),
        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"da".to_owned(),
        "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned(),
    ];
    for lie in &lies {
        check(lie, RETAIN, true, false).await;
        check(lie, DELETE, true, false).await;
    }
    check(&same, DELETE, true, true).await;
    check(&absent, RETAIN, true, false).await;
    check(&deleted, RETAIN, true, false).await;
    check(&absent, DELETE, false, true).await;
    check(&deleted, DELETE, false, true).await;
}

#[tokio::test]
async fn a_change_is_pushed_and_read_once() {
    let world = World::start(true).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    world.put("other", 1, r#"{"password":"one"}"#);
    world.manifest("a.yaml", &external("a", "db", ""));
    world.manifest("b.yaml", &external("b", "other", ""));
    while_running(&world, async |world| {
        let value = || world.value("shop.a.secret.yaml", "pw");
        until("the first write", || value().is_some() && world.value("shop.b.secret.yaml", "pw").is_some())
            .await;
        assert_eq!(world.asked("secret/data/db"), 1, "the list after the stream opened is the only read");
        for version in 2..=6 {
            world.put("db", version, &format!(r#"{{"password":"v{version}"}}"#));
        }
        until("the pushed write", || value().as_deref() == Some("v6")).await;
        assert!(world.asked("secret/data/db") <= 4, "a burst is coalesced");
        assert_eq!(world.asked("secret/data/other"), 1, "what did not change is not read");
        until("the record", || world.answers.lock().unwrap().posted.len() >= 2).await;
    })
    .await;
}

#[tokio::test]
async fn manifests_that_change_are_read_again_and_secrets_stay() {
    let world = World::start(true).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    world.manifest("a.yaml", &external("a", "db", ""));
    while_running(&world, async |world| {
        until("the first write", || world.value("shop.a.secret.yaml", "pw").is_some()).await;
        world.manifest("b.yaml", &external("b", "db", ""));
        until("the second object", || world.value("shop.b.secret.yaml", "pw").is_some()).await;
        std::fs::remove_file(world.folder.path().join("manifests/b.yaml")).unwrap();
        until("the status without it", || world.state("ExternalSecret shop/b").is_none()).await;
        assert!(world.value("shop.b.secret.yaml", "pw").is_some(), "its Secret stays");
        world.manifest("a.yaml", "kind: [");
        until("the bad file", || world.state("a.yaml (document 1)").is_some_and(|s| !s.0)).await;
        assert_eq!(world.value("shop.a.secret.yaml", "pw").as_deref(), Some("one"));
        world.manifest("a.yaml", &external("a", "db", "").replace("secretKey: pw", "secretKey: pass"));
        until("the other key", || world.value("shop.a.secret.yaml", "pass").is_some()).await;
        assert_eq!(world.value("shop.a.secret.yaml", "pw"), None);
    })
    .await;
}

#[tokio::test]
async fn without_a_change_stream_the_refresh_interval_counts() {
    let world = World::start(false).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    world.manifest("a.yaml", &external("a", "db", "  refreshInterval: 300ms\n"));
    while_running(&world, async |world| {
        until("the first write", || world.value("shop.a.secret.yaml", "pw").is_some()).await;
        world.put("db", 2, r#"{"password":"two"}"#);
        until("the polled write", || world.value("shop.a.secret.yaml", "pw").as_deref() == Some("two")).await;
        assert_eq!(world.asked("sys/keyreeve/changes"), 1, "it is not asked again and again");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_holds_up_its_own_objects_only() {
    let world = World::start(true).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    world.put("db", 1, r#"{"password":"one"}"#);
    let other = store(&url).replace("name: s}", "name: hung}");
    world.manifest("hung.yaml", other.split("---").next().unwrap());
    world.manifest("a.yaml", &external("a", "db", "").replace("name: s}", "name: hung}"));
    world.manifest("b.yaml", &external("b", "db", ""));
    while_running(&world, async |world| {
        until("the other object", || world.value("shop.b.secret.yaml", "pw").is_some()).await;
        world.put("db", 2, r#"{"password":"two"}"#);
        until("its push", || world.value("shop.b.secret.yaml", "pw").as_deref() == Some("two")).await;
        assert_eq!(world.value("shop.a.secret.yaml", "pw"), None);
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_serves_once_does_so_over_restarts() {
    let world = World::start(false).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    world.manifest("a.yaml", &external("a", "db", "  refreshPolicy: CreatedOnce\n"));
    assert!(world.once().await);
    world.put("db", 2, r#"{"password":"two"}"#);
    assert!(world.once().await);
    assert_eq!(world.value("shop.a.secret.yaml", "pw").as_deref(), Some("one"));
    assert_eq!(world.asked("secret/data/db"), 1);
    std::fs::remove_file(world.out("shop.a.secret.yaml")).unwrap();
    assert!(world.once().await);
    assert_eq!(world.value("shop.a.secret.yaml", "pw").as_deref(), Some("two"));
}

#[tokio::test]
async fn a_secret_that_never_was_is_told_apart_from_one_that_is_right() {
    let world = World::start(false).await;
    world.manifest("a.yaml", &external("a", "none", "  target: {deletionPolicy: Delete}\n"));
    assert!(world.once().await);
    assert!(!world.out("shop.a.secret.yaml").exists());
    assert_eq!(world.state("ExternalSecret shop/a").unwrap().1, "SecretDeleted");
}

#[tokio::test]
async fn the_first_of_two_objects_with_one_name_is_served() {
    let world = World::start(false).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    world.manifest("a.yaml", &external("a", "db", ""));
    world.manifest("b.yaml", &external("a", "other", ""));
    assert!(!world.once().await);
    assert_eq!(world.value("shop.a.secret.yaml", "pw").as_deref(), Some("one"));
    assert!(world.state("ExternalSecret shop/a").unwrap().0);
    assert!(world.state("b.yaml (document 1)").unwrap().2.contains("already in a.yaml"));
}

#[tokio::test]
async fn rendering_gives_secrets_or_all_that_is_wrong() {
    let world = World::start(false).await;
    world.put("db", 1, r#"{"password":"one"}"#);
    let file =
        |name: &str, text: String| crate::render::ManifestFile { name: name.to_owned(), text: text.into() };
    let text = [store(&world.url), external("a", "db", ""), external("b", "none", "")].join("---\n");
    let files = [file("a.yaml", text), file("b.yaml", "a: b".to_owned())];
    let (tokens, fetcher) = (crate::fetch::Tokens::default(), Fetcher::default());
    let results = crate::render::render_files(&files, "shop", &tokens, &fetcher).await;
    let short = |result: &crate::render::ObjectResult| match &result.outcome {
        Ok(secret) => format!("{}: {:?}", result.object, secret.data.keys().collect::<Vec<_>>()),
        Err(messages) => format!("{}: {} wrong", result.object, messages.len()),
    };
    let got: Vec<String> = results.iter().map(short).collect();
    let wanted =
        ["b.yaml (document 1): 1 wrong", "ExternalSecret shop/a: [\"pw\"]", "ExternalSecret shop/b: 1 wrong"];
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn folders_that_cannot_be_used_stop_the_start() {
    let world = World::start(false).await;
    let _taken = files::take_folder(&world.out("")).unwrap();
    let error = run_until(world.config(true), std::future::pending()).await.unwrap_err();
    assert!(matches!(error, RunError::Files(FileError::InUse(_))), "{error}");
    let mut config = world.config(true);
    config.out = world.folder.path().join("elsewhere");
    config.manifests = world.folder.path().join("none");
    let error = run_until(config, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, RunError::Files(FileError::Folder { .. })), "{error}");
}
