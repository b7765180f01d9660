//! The node driver in namespaces of its own, asked over its socket as kubelet asks it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::Channel;

use crate::http::{self, Request};
use crate::node::Space;
use crate::process::Process;
use crate::sanity::{channel, csi};
use crate::target::{Target, built, free_port};
use csi::node_client::NodeClient;
use csi::volume_capability::{AccessMode, AccessType, MountVolume, access_mode};

/// How long the driver may take until it answers.
const LIMIT: Duration = Duration::from_secs(30);
/// The policy of the driver's own login, as it is installed.
pub const DRIVER_RULES: &str = include_str!("../../deploy/kustomize/csi-mount/driver.hcl");
/// The processes below the keeper, by the first argument of their command line.
pub const CHILDREN: [&str; 3] = ["serve", "mutate", "control"];

/// A driver that runs.
#[derive(Debug)]
pub struct Driver {
    process: Process,
    space: Space,
    runtime: Runtime,
    client: NodeClient<Channel>,
    listen: String,
    dir: TempDir,
}

/// A volume of a pod, as kubelet asks for it.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// Where it is mounted.
    pub target: String,
    /// What kubelet says of the pod, and the attributes.
    pub context: BTreeMap<String, String>,
    /// The keys of the secret that `nodePublishSecretRef` names.
    pub secrets: HashMap<String, String>,
    /// The group of its files.
    pub group: String,
}

impl Volume {
    /// The volume of this number, of a pod of this number, that shows a secret by a token.
    pub fn new(number: usize, secret: &str, token: &str) -> Volume {
        let uid = format!("0b5cbf4e-5b0c-4a2e-9d3e-{number:012}");
        let pod = format!("app-{number}");
        let context = [
            ("csi.storage.k8s.io/ephemeral", "true"),
            ("csi.storage.k8s.io/pod.name", pod.as_str()),
            ("csi.storage.k8s.io/pod.namespace", "shop"),
            ("csi.storage.k8s.io/pod.uid", uid.as_str()),
            ("csi.storage.k8s.io/serviceAccount.name", "app"),
            ("secret", secret),
        ];
        let token = (!token.is_empty()).then(|| ("token".to_owned(), token.to_owned()));
        Volume {
            id: format!("csi-{number}"),
            target: format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi/s/mount"),
            context: context.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            secrets: token.into_iter().collect(),
            group: String::new(),
        }
    }

    /// The same with another attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Volume {
        self.context.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Driver {
    /// Starts the driver against a broker, with a token of the broker as its own.
    ///
    /// # Errors
    /// Not root, no `/dev/fuse`, or it does not start: with its log.
    pub fn start(broker: &Target, token: &str, arguments: &[&str]) -> Result<Driver> {
        if !Path::new("/dev/fuse").exists() {
            bail!("this test mounts through FUSE: it needs /dev/fuse and root");
        }
        let dir = tempfile::Builder::new().prefix("keyreeve-csi-").tempdir()?;
        let space = Space::start(dir.path())?;
        std::fs::write(dir.path().join("driver.token"), token)?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let process = launch(&space, dir.path(), broker, &listen, arguments)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = {
            let _inside = runtime.enter();
            NodeClient::new(channel(dir.path().join("csi.sock")))
        };
        Ok(Driver { process, space, runtime, client, listen, dir })
    }

    /// Starts the driver again after all its processes were killed.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self, broker: &Target, arguments: &[&str]) -> Result<()> {
        self.process = launch(&self.space, self.dir.path(), broker, &self.listen, arguments)?;
        Ok(())
    }

    /// Its folder: `csi.sock`, `csi.log`, `driver.token`, `kubelet`.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Where it serves health and metrics.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Its namespaces.
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("csi.log")).unwrap_or_default()
    }

    /// A path of the namespaces as this process reaches it.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.space.path(inside)
    }

    /// Publishes a volume as kubelet does, the folders above its target included.
    ///
    /// # Errors
    /// The driver's status.
    pub fn publish(&self, volume: &Volume) -> Result<(), Status> {
        let folder = self.path(&volume.target).parent().map(Path::to_owned).unwrap_or_default();
        std::fs::create_dir_all(folder).map_err(|error| Status::internal(error.to_string()))?;
        let mount = MountVolume { volume_mount_group: volume.group.clone(), ..MountVolume::default() };
        let capability = csi::VolumeCapability {
            access_mode: Some(AccessMode { mode: access_mode::Mode::SingleNodeWriter.into() }),
            access_type: Some(AccessType::Mount(mount)),
        };
        let request = csi::NodePublishVolumeRequest {
            volume_id: volume.id.clone(),
            target_path: volume.target.clone(),
            volume_capability: Some(capability),
            readonly: true,
            secrets: volume.secrets.clone().into_iter().collect(),
            volume_context: volume.context.clone().into_iter().collect(),
            ..csi::NodePublishVolumeRequest::default()
        };
        self.runtime.block_on(self.client.clone().node_publish_volume(request)).map(drop)
    }

    /// Unpublishes a volume.
    ///
    /// # Errors
    /// The driver's status.
    pub fn unpublish(&self, id: &str, target: &str) -> Result<(), Status> {
        let request =
            csi::NodeUnpublishVolumeRequest { volume_id: id.to_owned(), target_path: target.to_owned() };
        self.runtime.block_on(self.client.clone().node_unpublish_volume(request)).map(drop)
    }

    /// How much a volume holds, in bytes and inodes.
    ///
    /// # Errors
    /// The driver's status.
    pub fn stats(&self, volume: &Volume) -> Result<Vec<i64>, Status> {
        let request = csi::NodeGetVolumeStatsRequest {
            volume_id: volume.id.clone(),
            volume_path: volume.target.clone(),
            ..csi::NodeGetVolumeStatsRequest::default()
        };
        let answer = self.runtime.block_on(self.client.clone().node_get_volume_stats(request))?;
        Ok(answer.into_inner().usage.iter().map(|usage| usage.used).collect())
    }

    /// Its processes by the first argument of their command line: `node` is the keeper.
    pub fn processes(&self) -> BTreeMap<String, Pid> {
        let mut found = BTreeMap::new();
        for role in CHILDREN.into_iter().chain(["node"]) {
            let is = |arguments: &str| {
                let mut words = arguments.split(' ');
                words.next().is_some_and(|program| program.ends_with("keyreeve-csi"))
                    && words.next() == Some(role)
            };
            found.extend(
                self.space.processes(is).unwrap_or_default().into_iter().map(|pid| (role.to_owned(), pid)),
            );
        }
        found
    }

    /// kill -9 of some of its children; waits until others have their places and the control process answers.
    ///
    /// # Errors
    /// They do not come back.
    pub fn kill(&self, roles: &[&str]) -> Result<()> {
        let before = self.processes();
        for role in roles {
            kill_process(*before.get(*role).with_context(|| format!("no {role}"))?, Signal::KILL)?;
        }
        let back = || {
            let now = self.processes();
            roles.iter().all(|role| now.get(*role).is_some_and(|pid| before.get(*role) != Some(pid)))
        };
        let start = Instant::now();
        while !(back() && is_ready(&self.listen)) {
            if start.elapsed() > LIMIT {
                bail!("{roles:?} did not come back\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// kill -9 of the keeper and all its children.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn kill_all(&mut self) -> Result<()> {
        for pid in self.processes().into_values() {
            kill_process(pid, Signal::KILL)?;
        }
        self.process.kill()?;
        let start = Instant::now();
        while !self.processes().is_empty() && start.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Ends it as a container's end does.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> Result<()> {
        let keeper = *self.processes().get("node").context("no keeper")?;
        kill_process(keeper, Signal::TERM)?;
        let start = Instant::now();
        while !self.processes().is_empty() {
            if start.elapsed() > LIMIT {
                bail!("it does not end\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process.kill().map(drop)
    }

    /// The value of a counter or gauge, the sum over its labels.
    ///
    /// # Errors
    /// The metrics cannot be read.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let answer = http::send(&self.listen, &Request::new("GET", "/metrics"))?;
        let text = String::from_utf8(answer.body)?;
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok()).flatten()
        };
        Ok(text.lines().filter_map(of).sum())
    }

    /// The volumes that are mounted, by their targets.
    ///
    /// # Errors
    /// The namespaces are gone.
    pub fn mounted(&self) -> Result<Vec<String>> {
        let points = self.space.mount_points()?;
        Ok(points.into_iter().filter(|point| point.contains("kubernetes.io~csi")).collect())
    }
}

fn launch(
    space: &Space,
    folder: &Path,
    broker: &Target,
    listen: &str,
    arguments: &[&str],
) -> Result<Process> {
    let mut command = space.command(built("keyreeve-csi")?);
    command.args(["node", "--registrar", "external", "--node-id", "node-1", "--listen", listen]);
    command.arg(format!("--endpoint=unix://{}", folder.join("csi.sock").display()));
    if !arguments.iter().any(|argument| argument.starts_with("--broker-address")) {
        command.arg(format!("--broker-address={}", broker.url()));
    }
    command.arg("--token-file").arg(folder.join("driver.token")).args(arguments);
    let mut process = Process::start("keyreeve-csi", &command, &folder.join("csi.log"))?;
    process.wait_until(LIMIT, || is_ready(listen))?;
    Ok(process)
}

fn is_ready(listen: &str) -> bool {
    http::send(listen, &Request::new("GET", "/readyz")).is_ok_and(|answer| answer.status == 200)
}
