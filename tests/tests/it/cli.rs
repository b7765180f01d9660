//! The command keyreeve against real servers: the same words, tables and exit codes as the recorded server's own tool.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::target::{Broker, BrokerOptions, OpenBao, Target, built, fetched};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a program printed and how it ended.
#[derive(Debug, PartialEq)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// One of the two tools with an address, a token and a home folder of its own.
struct Tool {
    program: std::path::PathBuf,
    home: TempDir,
    address: String,
    token: Option<String>,
}

impl Tool {
    fn keyreeve(target: &Target) -> Self {
        Self::new(built("keyreeve").unwrap(), target)
    }

    fn new(program: std::path::PathBuf, target: &Target) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { program, home, address: target.url(), token: Some(target.root_token.clone()) }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.home.path())
            .env_clear();
        command.env("HOME", self.home.path()).env("BAO_CLI_NO_COLOR", "1");
        command.env("VAULT_ADDR", &self.address).env("BAO_ADDR", &self.address);
        if let Some(token) = &self.token {
            command.env("VAULT_TOKEN", token).env("BAO_TOKEN", token);
        }
        command
    }

    fn run(&self, words: &str) -> Ran {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &str, input: &str) -> Ran {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The output of what must work.
    fn must(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words}: {ran:?}");
        ran.out
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.must(words)).unwrap()
    }
}

/// A child that follows a stream; it ends when this is dropped.
struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(tool: &Tool, words: &str) -> Self {
        let mut child = tool.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("the stream goes on").unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tables and exit codes are those of the server's own tool, on the same server in the same state.
#[test]
fn cli_prints_what_the_servers_own_tool_prints() {
    let server = OpenBao::start().unwrap();
    let ours = Tool::keyreeve(&server);
    let real = Tool::new(fetched("openbao.sh").unwrap(), &server);
    for tool in [&ours, &real] {
        std::fs::write(tool.home.path().join("p.hcl"), "path \"a\" {\n  capabilities = [\"read\"]\n}\n")
            .unwrap();
    }
    for version in 1..=10 {
        ours.must(&format!("kv put secret/many n={version} long-name=b"));
    }
    ours.must("kv put secret/dir/a x=y");
    let mut same = 0;
    for words in [
        "status",
        "kv get secret/many",
        "kv get -mount=secret many",
        "kv get -version=3 secret/many",
        "kv get -field=n secret/many",
        "kv get -field=none secret/many",
        "kv get secret/none",
        "kv list secret",
        "kv list -format=json secret/",
        "kv list secret/none",
        "kv delete -versions=1,2 secret/many",
        "kv undelete -versions=2 secret/many",
        "kv destroy -versions=3 secret/many",
        "kv metadata put -max-versions=12 -cas-required=false -custom-metadata=a=b secret/many",
        "kv metadata get secret/many",
        "kv delete secret/dir/a",
        "kv get secret/dir/a",
        "kv metadata delete secret/dir/a",
        "kv put secret/x",
        "kv put secret/x a",
        "kv put -cas=9 secret/many a=b",
        "kv patch secret/none a=b",
        "kv get nomount/x",
        "policy write p1 p.hcl",
        "policy read p1",
        "policy read none",
        "policy list",
        "policy list -format=json",
        "policy delete p1",
        "policy delete default",
        "token lookup",
        "token capabilities secret/data/many",
        "token capabilities -format=json secret/data/many",
        "token revoke",
    ] {
        let (ours, real) = (ours.run(words), real.run(words));
        assert_eq!((ours.code, ours.out), (real.code, real.out), "{words}");
        same += 1;
    }
    println!("{same} command lines print the same and end the same");
}

/// Digits survive a whole round; a patch by read and write keeps them too.
#[test]
fn cli_keeps_digits() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let tool = Tool::keyreeve(&server);
    let put = tool.run_with("kv put secret/n -", "{\"big\": 12345678901234567890123, \"exp\": 1.50E+3}");
    assert_eq!(put.code, Some(0), "{put:?}");
    assert_eq!(tool.must("kv get -field=big secret/n"), "12345678901234567890123");
    assert!(tool.must("kv patch -method=rw secret/n a=b").contains("version            2"));
    let text = tool.must("kv get -format=json secret/n");
    assert!(text.contains("\"exp\": 1.50E+3") && text.contains("\"big\": 12345678901234567890123"), "{text}");
}

/// Login, a token with few rights, what it is told, and that no value shows where it should not.
#[test]
fn cli_logs_in_and_explains_refusals() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let mut tool = Tool::keyreeve(&server);
    let root = tool.token.take().unwrap();
    assert!(tool.run("kv get secret/app").err.contains("keyreeve login"));
    let login = tool.run_with("login", &format!("{root}\n"));
    assert!(login.code == Some(0) && !login.out.contains("\nid "), "{login:?}");
    let file = tool.home.path().join(".vault-token");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), root);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let put = tool.run_with("kv put secret/app pw=-", "topsecret");
    assert!(put.code == Some(0) && put.err.is_empty() && !put.out.contains("topsecret"), "{put:?}");
    let visible = tool.run("kv put secret/app pw=topsecret");
    assert!(visible.err.starts_with("Note: ") && !visible.err.contains("topsecret"), "{visible:?}");

    std::fs::write(
        tool.home.path().join("few.hcl"),
        "path \"secret/data/other\" { capabilities = [\"read\"] }",
    )
    .unwrap();
    tool.must("policy write few few.hcl");
    tool.token = Some(tool.must("token create -policy=few -ttl=10m -field=token"));
    let denied = tool.run("kv get secret/app");
    assert_eq!(denied.code, Some(2));
    assert!(denied.err.contains("its policies lack read on \"secret/data/app\""), "{denied:?}");
    assert_eq!(tool.must("token capabilities secret/data/other"), "read\n");
    tool.must("token revoke -self");
    assert!(tool.run("token lookup").err.contains("The token has ended"));
}

/// The audit log and the change stream, followed, queried, exported and checked offline.
#[test]
fn cli_follows_and_checks_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server =
        Broker::start(&BrokerOptions { data: Some(data.clone()), ..BrokerOptions::default() }).unwrap();
    let tool = Tool::keyreeve(&server);
    let mut tail = Follower::start(&tool, "audit tail -format=json -kind=secret.write -after=0");
    let mut changes = Follower::start(&tool, "changes -after=0 -format=json");
    tool.must("kv put secret/app a=b");
    let record: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!(record["object"]["path"], "secret/data/app");
    let change = std::iter::repeat_with(|| serde_json::from_str::<Value>(&changes.line()).unwrap())
        .find(|change| change["type"] == "kv2")
        .unwrap();
    assert_eq!(
        (&change["path"], &change["version"], &change["action"]),
        (&json!("app"), &json!(1), &json!("write"))
    );

    let page = tool.json("audit query -kind=secret.write -format=json");
    assert_eq!(page["data"]["items"][0]["id"], record["id"]);
    assert!(tool.must("audit query -kind=secret.write").contains("secret/data/app v1"));
    assert!(tool.must("audit export -kind=secret.write").lines().last().unwrap().starts_with("{\"$end\":"));
    assert!(tool.run("audit query -from=yesterday").err.contains("RFC 3339"));

    let verify = format!("audit verify {}", data.display());
    assert!(tool.must(&verify).starts_with("ok: "), "while the broker runs");
    drop((tail, changes));
    server.process.stop().unwrap();
    assert!(tool.must(&verify).starts_with("ok: "), "after it has stopped");
    tamper(&data);
    let broken = tool.run(&verify);
    assert!(broken.code == Some(1) && broken.err.contains("is not whole"), "{broken:?}");
    let gone = tool.run("kv get secret/app");
    assert!(gone.code == Some(2) && gone.err.contains("Nothing listens there"), "{gone:?}");
    assert_eq!(tool.run("status").code, Some(1));
}

/// Changes one letter of one record.
fn tamper(data: &Path) {
    let file = data.join("audit-00000001.ndjson");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replacen("secret/data/app", "secret/data/apq", 1);
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
}

/// What an ExternalSecret makes, masked and in the clear; the token in use goes to the store at hand only.
#[test]
fn cli_renders_external_secrets() {
    let server = Broker::start(&BrokerOptions::default()).unwrap();
    let mut tool = Tool::keyreeve(&server);
    tool.must("kv put secret/app pw=topsecret");
    let manifests = format!(
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {{name: s}}\nspec: {{provider: {{vault: {{server: {:?}, path: secret, version: v2, auth: {{tokenSecretRef: {{name: t, key: k}}}}}}}}}}\n---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: app}}\nspec: {{secretStoreRef: {{name: s, kind: SecretStore}}, data: [{{secretKey: pw, remoteRef: {{key: app, property: pw}}}}]}}\n",
        server.url()
    );
    std::fs::write(tool.home.path().join("a.yaml"), manifests).unwrap();
    let masked = tool.must("render -f a.yaml");
    assert!(masked.contains("name: \"app\"") || masked.contains("name: app"), "{masked}");
    assert!(!masked.contains("topsecret") && !masked.contains("dG9wc2VjcmV0"), "{masked}");
    assert!(tool.must("render -f a.yaml -values=base64").contains("dG9wc2VjcmV0"));
    // Another address in use: the store's server gets no token.
    tool.address = "http://127.0.0.1:1".to_owned();
    let elsewhere = tool.run("render -f a.yaml");
    assert!(elsewhere.code == Some(1) && elsewhere.err.contains("1 of 1 objects"), "{elsewhere:?}");
}
