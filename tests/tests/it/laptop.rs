//! Secrets on a workstation: `keyreeve mount` and `keyreeve run`, for root and for an ordinary user, with no trace of the token.

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness::process::Process;
use harness::target::{Broker, BrokerOptions, OpenBao, Server, built};
use serde_json::json;

/// An ordinary user: nobody.
const NOBODY: u32 = 65_534;

/// The rights of a user who mounts and reports opens.
const RULES: &str = r#"
path "secret/data/app/*" { capabilities = ["read"] }
path "sys/keyreeve/changes" { capabilities = ["read"] }
path "sys/keyreeve/records" { capabilities = ["create", "update"] }
"#;

/// Makes a device at the first place that everybody may open, then the file at the second one, and waits.
const HOLD: &str = "mknod \"$0\" c 10 229 && chmod 666 \"$0\" && mount --bind \"$0\" /dev/fuse && : >\"$1\" && exec sleep 1000000";

fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

struct Laptop {
    /// Has a mount namespace of its own, in which everybody may open `/dev/fuse`, as on any workstation.
    holder: Process,
    server: Server,
    token: String,
    user: u32,
}

impl Laptop {
    fn new(user: u32) -> Laptop {
        Laptop::before(Broker::start(&BrokerOptions::default()).unwrap(), user)
    }

    fn before(server: Server, user: u32) -> Laptop {
        assert!(
            Path::new("/dev/fuse").exists(),
            "this test mounts through FUSE: it needs /dev/fuse and root"
        );
        server.must("PUT", "sys/policies/acl/laptop", Some(&json!({"policy": RULES}))).unwrap();
        let made = server.must("POST", "auth/token/create", Some(&json!({"policies": ["laptop"]}))).unwrap();
        let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
        // An ordinary user must get into the folder.
        std::fs::set_permissions(server.dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        for folder in ["home", "mnt"] {
            let folder = server.dir.path().join(folder);
            std::fs::create_dir(&folder).unwrap();
            chown(&folder, Some(user), Some(user)).unwrap();
        }
        let ready = server.dir.path().join("holder.ready");
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", HOLD])
            .arg(server.dir.path().join("fuse"))
            .arg(&ready);
        let mut holder = Process::start("holder", &command, &server.dir.path().join("holder.log")).unwrap();
        holder.wait_until(Duration::from_secs(20), || ready.exists()).unwrap();
        Laptop { holder, server, token, user }
    }

    /// A command of the user in the namespace, in the root folder.
    fn as_user(&self, program: impl AsRef<OsStr>) -> Command {
        let user = self.user.to_string();
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).args(["--", "setpriv"]);
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(program);
        command
    }

    fn put(&self, data: serde_json::Value) {
        self.server.must("POST", "secret/data/app/db", Some(&json!({"data": data}))).unwrap();
    }

    fn at(&self) -> PathBuf {
        self.server.dir.path().join("mnt")
    }

    /// Keeps the token where `keyreeve login` does.
    fn log_in(&self) {
        let file = self.server.dir.path().join("home/.vault-token");
        std::fs::write(&file, &self.token).unwrap();
        chown(&file, Some(self.user), Some(self.user)).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.as_user(built("keyreeve").unwrap());
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.server.dir.path().join("home")).env("VAULT_ADDR", self.server.url());
        command
    }

    fn mount(&self, with_token: bool) -> Process {
        self.mount_every("86400", with_token)
    }

    /// Mounts; `seconds` are between two reads while changes are not told.
    fn mount_every(&self, seconds: &str, with_token: bool) -> Process {
        let (at, interval) = (self.at(), format!("-interval={seconds}"));
        let mut command = self.command(&["mount", &interval, "secret/app/db", at.to_str().unwrap()]);
        if with_token {
            command.env("VAULT_TOKEN", &self.token);
        }
        Process::start("keyreeve", &command, &self.server.dir.path().join("mount.log")).unwrap()
    }

    /// Reads as the user; files of an ordinary user's mount are that user's alone.
    fn read(&self, name: &str) -> Output {
        self.as_user("cat").arg(self.at().join(name)).output().unwrap()
    }

    fn entries(&self) -> String {
        String::from_utf8(self.as_user("ls").arg("-A").arg(self.at()).output().unwrap().stdout).unwrap()
    }

    fn shows(&self, value: &str) -> bool {
        self.read("password").stdout == value.as_bytes()
    }
}

/// The processes that come from this one, itself included.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        all.extend(family(child));
    }
    all
}

fn check_mount(user: u32, with_token: bool) {
    let laptop = Laptop::new(user);
    laptop.put(json!({"password": "x7-first", "port": 5432}));
    if !with_token {
        laptop.log_in();
    }
    let mut process = laptop.mount(with_token);
    wait("the mount", || laptop.shows("x7-first"));
    assert_eq!(laptop.read("port").stdout, b"5432");

    let pids = family(process.id());
    assert_eq!(pids.len(), 4, "keeper, server, mutator, control process");
    for pid in pids {
        for place in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{pid}/{place}")).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(&laptop.token) && !text.contains("x7-"), "{place} of {pid}");
        }
    }

    let written = laptop.as_user("touch").arg(laptop.at().join("new")).output().unwrap();
    assert!(String::from_utf8_lossy(&written.stderr).contains("Read-only file system"), "{written:?}");
    laptop.put(json!({"password": "x7-second"}));
    let took = wait("the change", || laptop.shows("x7-second"));
    assert!(!laptop.read("port").status.success(), "a key that is gone is no file any more");
    println!("user {user}: the change was in the file after {took:?}");
    wait("the record of an open", || {
        let found = laptop.server.must("GET", "sys/keyreeve/audit?kind=file.open", None).unwrap();
        found.to_string().contains("cat")
    });

    laptop.server.must("POST", "auth/token/revoke", Some(&json!({"token": laptop.token}))).unwrap();
    wait("the end of access", || {
        let read = laptop.read("password");
        String::from_utf8_lossy(&read.stderr).contains("Permission denied")
    });
    assert!(process.stop().unwrap().success());
    assert_eq!(laptop.entries(), "", "nothing is mounted any more");
}

#[test]
fn root_mounts_with_a_token_of_the_environment() {
    check_mount(0, true);
}

#[test]
fn an_ordinary_user_mounts_through_the_helper() {
    check_mount(NOBODY, false);
}

#[test]
fn a_mount_that_somebody_else_takes_away_ends() {
    let laptop = Laptop::new(0);
    laptop.put(json!({"password": "x7-first"}));
    let mut process = laptop.mount(true);
    wait("the mount", || laptop.shows("x7-first"));
    assert!(laptop.as_user("umount").arg(laptop.at()).status().unwrap().success());
    wait("the end", || process.ended().unwrap().is_some());
    assert!(process.log_tail().contains("taken away by somebody else"), "{}", process.log_tail());
}

#[test]
fn behind_an_openbao_the_secret_is_read_at_its_interval() {
    let laptop = Laptop::before(OpenBao::start().unwrap(), 0);
    laptop.put(json!({"password": "x7-first"}));
    let mut process = laptop.mount_every("1", true);
    wait("the mount", || laptop.shows("x7-first"));
    laptop.put(json!({"password": "x7-second"}));
    let took = wait("the change", || laptop.shows("x7-second"));
    println!("the change was in the file after {took:?}");
    laptop.server.must("POST", "auth/token/revoke", Some(&json!({"token": laptop.token}))).unwrap();
    wait("the end of access", || !laptop.read("password").status.success());
    assert!(process.stop().unwrap().success());
}

#[test]
fn what_a_dead_mount_left_is_taken_away_by_the_next_one() {
    for user in [0, NOBODY] {
        let laptop = Laptop::new(user);
        laptop.put(json!({"password": "x7-first"}));
        let mut process = laptop.mount(true);
        wait("the mount", || laptop.shows("x7-first"));
        process.kill().unwrap();
        wait("the end", || !laptop.read("password").status.success());
        let mut process = laptop.mount(true);
        wait("the mount", || laptop.shows("x7-first"));
        assert!(process.stop().unwrap().success());
        assert_eq!(laptop.entries(), "", "user {user}");
    }
}

#[test]
fn what_cannot_be_mounted_is_said_and_nothing_stays() {
    let laptop = Laptop::new(NOBODY);
    laptop.put(json!({"password": "x7-first"}));
    let at = laptop.at();
    let at = at.to_str().unwrap();
    std::fs::create_dir(laptop.server.dir.path().join("home/full")).unwrap();
    let home = laptop.server.dir.path().join("home");
    let home = home.to_str().unwrap();
    for (words, part) in [
        (&["mount", "secret/app/db", at][..], "keyreeve login"),
        (&["mount", "secret", at], "MOUNT/PATH"),
        (&["mount", "secret/app/db", home], "is not empty"),
        (&["mount", "-mode=999", "secret/app/db", at], "octal digits"),
        (&["mount", "-patience=1", "secret/app/none", at], "reading secret/data/app/none"),
        (&["mount", "-patience=1", "secret/other", at], "permission denied"),
    ] {
        let mut command = laptop.command(words);
        if !part.contains("login") {
            command.env("VAULT_TOKEN", &laptop.token);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains(part) && !text.contains(&laptop.token),
            "{words:?}: {text}"
        );
        assert_eq!(laptop.entries(), "", "{words:?}");
    }
}

#[test]
fn a_command_runs_with_secrets_in_its_environment() {
    let laptop = Laptop::new(NOBODY);
    laptop.put(json!({"password": "x7 \"first\"\n", "PORT": 5432}));
    let run = |words: &[&str]| laptop.command(words).env("VAULT_TOKEN", &laptop.token).output().unwrap();
    let shell = "printf '%s|%s|%s' \"$PW\" \"$PORT\" \"${VAULT_TOKEN-none}\"; exit 7";
    let output = run(&[
        "run",
        "-env=PW=secret/app/db#password",
        "--env",
        "PORT=secret/app/db#PORT",
        "--",
        "sh",
        "-c",
        shell,
    ]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x7 \"first\"\n|5432|none");
    assert_eq!(output.status.code(), Some(7));
    for (words, code, part) in [
        (
            &["run", "-env=PW=secret/app/db#password", "--", "no-such-command"][..],
            127,
            "no-such-command cannot be run",
        ),
        (&["run", "-env=PW=secret/app/db#password", "--", "/etc/passwd"], 126, "cannot be run"),
        (&["run", "-env=PW=secret/app/db#none", "--", "true"], 1, "no key \"none\""),
        (&["run", "-env=PW=secret/app/none#a", "--", "true"], 2, "secret/data/app/none"),
        (&["run", "-env=PW=secret/other#a", "--", "true"], 2, "was refused with 403"),
        (&["run", "-env=PW", "--", "true"], 1, "MOUNT/PATH"),
        (
            &["run", "-env=PW=secret/app/db#password", "-env=PW=secret/app/db#PORT", "--", "true"],
            1,
            "given twice",
        ),
    ] {
        let output = run(words);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
        assert!(text.contains(part) && !text.contains("x7"), "{words:?}: {text}");
    }
    let found = laptop.server.must("GET", "sys/keyreeve/audit?path=secret/data/app/db", None).unwrap();
    assert!(
        found.to_string().contains("keyreeve-cli") || found["data"]["items"].as_array().unwrap().len() > 1
    );
}
