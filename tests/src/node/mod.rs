//! A whole Kubernetes node for tests: an API server, a scheduler, containerd and a kubelet, in namespaces of their own.

mod cgroup;
mod driver;
mod image;
mod space;

use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;

pub use driver::DRIVER;
pub use image::Image;
pub use space::Space;

use crate::kube::{Access, Cluster};
use crate::process::Process;
use crate::target::free_port;
use cgroup::Janitor;

/// How long each of the programs may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How many ports of the kubelet are tried; another process may take a free one before it does.
const PORTS_TRIED: usize = 3;

/// Where containerd listens, in the node.
const CONTAINERD: &str = "/run/containerd/containerd.sock";

/// What the image of a pod's own process and of a test's pods are called.
const PAUSE: &str = "localhost/pause:test";

/// The image for pods of tests: busybox with all of its commands.
pub const BUSYBOX: &str = "localhost/busybox:test";

/// A network without a plugin: pods use the host's.
const NETWORK: &str = r#"{"cniVersion":"0.4.0","name":"none","plugins":[{"type":"loopback"}]}"#;

/// The node's name and address.
pub const NAME: &str = "127.0.0.1";

/// A cluster of one node, called `127.0.0.1`, as its administrator; everything ends when this is dropped. Its pods must use the
/// host's network and images that were loaded.
#[derive(Debug)]
pub struct Node {
    // Dropped from top to bottom: clients before their servers, the folder last.
    _kubelet: Process,
    _scheduler: Process,
    cluster: Cluster,
    _containerd: Process,
    space: Space,
    janitor: Janitor,
    dir: TempDir,
}

impl Deref for Node {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.cluster
    }
}

impl Node {
    /// Starts a fresh one with the image [`BUSYBOX`] and waits until it takes pods.
    ///
    /// # Errors
    /// Not root, a Debian package is missing, or a program does not start: with its log.
    pub fn start() -> Result<Node> {
        let dir = tempfile::Builder::new().prefix("keyreeve-node-").tempdir()?;
        let janitor = Janitor::start(dir.path())?;
        for name in ["cni", "volume-plugins", "pods", "images"] {
            std::fs::create_dir(dir.path().join(name))?;
        }
        std::fs::write(dir.path().join("cni/10.conflist"), NETWORK)?;
        let space = Space::start(dir.path())?;
        // The API server takes longest, and needs nothing of the rest.
        let (cluster, containerd) = std::thread::scope(|scope| {
            let cluster = scope.spawn(|| Cluster::start_for_node(dir.path()));
            let containerd = containerd(&space, dir.path());
            (cluster.join().map_err(|_| anyhow!("starting the cluster panicked")), containerd)
        });
        let (cluster, containerd) = (cluster??, containerd?);
        let scheduler = scheduler(&cluster)?;
        let kubelet = kubelet(&space, &cluster, dir.path(), janitor.cgroup())?;
        cluster.wait_for("/api/v1/namespaces/default/serviceaccounts/default", START_LIMIT, |answer| {
            answer.status == 200
        })?;
        Ok(Node {
            _kubelet: kubelet,
            _scheduler: scheduler,
            cluster,
            _containerd: containerd,
            space,
            janitor,
            dir,
        })
    }

    /// The one that all tests of this binary share; it ends with the process. Use namespaces to keep tests apart.
    ///
    /// # Errors
    /// It has not started: the first caller's error, for all callers.
    pub fn shared() -> Result<&'static Node> {
        static SHARED: OnceLock<Result<Node, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Node::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow!("the shared node: {error}"))
    }

    /// The cluster's objects.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The node's namespaces.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The node's folder, which is removed with the node, also where nothing drops it.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Makes an image known to the node.
    ///
    /// # Errors
    /// A file of it cannot be read, or containerd refuses.
    pub fn load(&self, image: &Image) -> Result<()> {
        load(&self.space, self.dir.path(), image)
    }

    /// Waits until a pod is ready.
    ///
    /// # Errors
    /// `limit` passed: with the pod's state and its events.
    pub fn pod_ready(&self, namespace: &str, pod: &str, limit: Duration) -> Result<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}");
        let ready = |answer: &crate::kube::Answer| {
            let conditions = answer.body["status"]["conditions"].as_array();
            conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
        };
        match self.wait_for(&path, limit, ready) {
            Ok(answer) => Ok(answer.body),
            Err(_) => {
                let about = self.kubectl(&["-n", namespace, "describe", "pod", pod]);
                bail!(
                    "the pod {pod} was not ready after {limit:?}:\n{}",
                    about.unwrap_or_else(|e| e.to_string())
                )
            }
        }
    }

    /// Runs a command in a pod's container and returns what it printed.
    ///
    /// # Errors
    /// It fails: with what it said.
    pub fn exec(&self, namespace: &str, pod: &str, container: &str, command: &[&str]) -> Result<String> {
        self.kubectl(&[&["-n", namespace, "exec", pod, "-c", container, "--"], command].concat())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.space.stop() {
            eprintln!("the processes of the node: {error:#}");
        }
        self.janitor.finish();
    }
}

/// A configuration file of `servers/node` with its words filled in, written into the node's folder.
fn configure(folder: &Path, name: &str, words: &[(&str, &str)]) -> Result<()> {
    let mut text = std::fs::read_to_string(crate::folder().join("servers/node").join(name))?;
    for (word, value) in words {
        text = text.replace(word, value);
    }
    Ok(std::fs::write(folder.join(name), text)?)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Starts containerd and loads the images that every node has.
fn containerd(space: &Space, folder: &Path) -> Result<Process> {
    configure(folder, "containerd.toml", &[("FOLDER", text(folder)?)])?;
    let mut command = space.command("containerd");
    command.arg("--config").arg(folder.join("containerd.toml"));
    let mut process = Process::start("containerd", &command, &folder.join("containerd.log"))?;
    process
        .wait_until(START_LIMIT, || space.run(&["ctr", "-a", CONTAINERD, "version"]).is_ok())
        .context("a node needs containerd and runc")?;
    load(space, folder, &Image::new(PAUSE, &["/bin/busybox", "sleep", "2147483647"]).busybox()?)?;
    load(space, folder, &Image::new(BUSYBOX, &["/bin/sh"]).busybox()?)?;
    Ok(process)
}

fn load(space: &Space, folder: &Path, image: &Image) -> Result<()> {
    let archive = tempfile::Builder::new().suffix(".tar").tempfile_in(folder.join("images"))?;
    image.write(archive.path())?;
    let import = ["ctr", "-a", CONTAINERD, "-n", "k8s.io", "images", "import", text(archive.path())?];
    space.run(&import).with_context(|| image.name().to_owned()).map(|_| ())
}

fn scheduler(cluster: &Cluster) -> Result<Process> {
    let mut command = Command::new(cluster.programs().join("kube-scheduler"));
    command.args(["--kubeconfig=scheduler.kubeconfig", "--secure-port=0", "--leader-elect=false"]);
    command.current_dir(cluster.folder());
    Process::start("kube-scheduler", &command, &cluster.folder().join("kube-scheduler.log"))
}

/// Starts the kubelet and waits until the node takes pods.
fn kubelet(space: &Space, cluster: &Cluster, folder: &Path, cgroup: &str) -> Result<Process> {
    let certificates = text(cluster.folder())?;
    let mut last = None;
    for _ in 0..PORTS_TRIED {
        let port = free_port()?.to_string();
        let words = [
            ("FOLDER", text(folder)?),
            ("CLUSTER", certificates),
            ("PORT", port.as_str()),
            ("CGROUP", cgroup),
        ];
        configure(folder, "kubelet.yaml", &words)?;
        let mut command = space.command(cluster.programs().join("kubelet"));
        command.arg("--config").arg(folder.join("kubelet.yaml"));
        command.arg(format!("--kubeconfig={certificates}/kubelet.kubeconfig"));
        command.arg(format!("--cert-dir={certificates}")).arg(format!("--hostname-override={NAME}"));
        let mut process = Process::start("kubelet", &command, &folder.join("kubelet.log"))?;
        match process.wait_until(START_LIMIT, || takes_pods(cluster)) {
            Err(error) if format!("{error:#}").contains("address already in use") => last = Some(error),
            Err(error) => return Err(error),
            Ok(()) => return Ok(process),
        }
    }
    Err(last.context("no port was tried")?)
}

/// Whether the node is ready and nothing keeps pods off it.
fn takes_pods(cluster: &Cluster) -> bool {
    let Ok(answer) = cluster.api("GET", &format!("/api/v1/nodes/{NAME}"), None) else { return false };
    let conditions = answer.body["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    ready && answer.body["spec"]["taints"].as_array().is_none_or(Vec::is_empty)
}
