//! Access to an API server as one identity: with kubectl, and with single requests.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Seconds for one request.
const PATIENCE: &str = "30";

/// Time between two looks at an object that is waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// What the API server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body; one that is not JSON is a string.
    pub body: Value,
}

/// An identity at an API server; whoever has it can also hand its kubeconfig to a program under test.
#[derive(Clone)]
pub struct Access {
    kubectl: PathBuf,
    url: String,
    ca: PathBuf,
    token: String,
    kubeconfig: PathBuf,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("url", &self.url)
            .field("kubeconfig", &self.kubeconfig)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// An access with `kubectl`, to `url` with the CA's file, as the holder of `token`; writes its kubeconfig to a file that
    /// only its owner can read.
    ///
    /// # Errors
    /// The kubeconfig cannot be written.
    pub(super) fn new(
        kubectl: &Path,
        url: &str,
        ca: &Path,
        kubeconfig: &Path,
        token: &str,
    ) -> Result<Access> {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": ca}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        super::cluster::write_private(kubeconfig, &config.to_string())?;
        Ok(Access {
            kubectl: kubectl.into(),
            url: url.into(),
            ca: ca.into(),
            token: token.into(),
            kubeconfig: kubeconfig.into(),
        })
    }

    /// The same cluster as the holder of another token.
    ///
    /// # Errors
    /// The kubeconfig cannot be written.
    pub(super) fn with_token(&self, name: &str, token: &str) -> Result<Access> {
        let kubeconfig = self.kubeconfig.with_file_name(format!("{name}.kubeconfig"));
        Access::new(&self.kubectl, &self.url, &self.ca, &kubeconfig, token)
    }

    /// The base address of the API server, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file with the certificate of the cluster's CA.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The kubeconfig's file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl and returns what it printed.
    ///
    /// # Errors
    /// kubectl fails: its own words.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_with(arguments, "")
    }

    /// Applies manifests in YAML or JSON, as `kubectl apply` does.
    ///
    /// # Errors
    /// kubectl fails: its own words.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        self.kubectl_with(&["apply", "-f", "-"], manifests)
    }

    /// Runs kubectl with this input.
    ///
    /// # Errors
    /// kubectl fails: its own words.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(&self.kubectl);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        // What kubectl remembers about the API goes with the cluster.
        command.env("HOME", self.kubeconfig.parent().context("the kubeconfig has no folder")?);
        let output = run(&mut command, input.as_bytes())?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("kubectl {} failed: {}", arguments.join(" "), words.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Sends one request; `path` starts with `/`. Any status is an answer.
    ///
    /// # Errors
    /// No answer within 30 seconds.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", PATIENCE, "-w", "\n%{http_code}", "-X", method, "--cacert"]);
        command.arg(&self.ca).arg(format!("{}{path}", self.url));
        command.args(["-H", "Accept: application/json", "-H"]);
        command.arg(format!("Authorization: Bearer {}", self.token));
        let body = body.map(Value::to_string);
        if body.is_some() {
            let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            command.arg("-H").arg(format!("Content-Type: {kind}")).args(["--data-binary", "@-"]);
        }
        let output = run(&mut command, body.unwrap_or_default().as_bytes())?;
        if !output.status.success() {
            bail!("{method} {path}: no answer: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = String::from_utf8(output.stdout)?;
        let (body, status) = text.rsplit_once('\n').context("curl gave no status")?;
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        Ok(Answer { status: status.parse()?, body })
    }

    /// Like [`Access::api`], for what must work: the body.
    ///
    /// # Errors
    /// Any status from 300 on, with the server's own words.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.api(method, path, body)?;
        if answer.status >= 300 {
            bail!("{method} {path} answered {}: {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }

    /// The object or list at a path of the API.
    ///
    /// # Errors
    /// It is not there or may not be read, with the server's own words.
    pub fn get_json(&self, path: &str) -> Result<Value> {
        self.must("GET", path, None)
    }

    /// Looks at a path every 50 ms until the answer is as wanted, and returns that answer.
    ///
    /// # Errors
    /// `limit` passed: with the last answer.
    pub fn wait_for(&self, path: &str, limit: Duration, wanted: impl Fn(&Answer) -> bool) -> Result<Answer> {
        let start = Instant::now();
        loop {
            let answer = self.api("GET", path, None)?;
            if wanted(&answer) {
                return Ok(answer);
            }
            if start.elapsed() > limit {
                bail!("{path} was not as wanted after {limit:?}: {} {}", answer.status, answer.body);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until there is nothing at a path.
    ///
    /// # Errors
    /// `limit` passed: with the last answer.
    pub fn wait_gone(&self, path: &str, limit: Duration) -> Result<()> {
        self.wait_for(path, limit, |answer| answer.status == 404).map(|_| ())
    }
}

/// Runs a command that ends by itself, with this input.
fn run(command: &mut Command, input: &[u8]) -> Result<Output> {
    let what = format!("{:?} does not start", command.get_program());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context(what)?;
    // A command that ends before it has read everything says why by itself.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input));
    Ok(child.wait_with_output()?)
}
