//! A cluster without a node: its processes, on loopback ports and in a folder of its own, and the one that a test binary shares.

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

use super::{Access, Namespace, pki};
use crate::http::{self, Request};
use crate::process::Process;
use crate::target::{fetched, free_port};

/// How long each of the programs may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How many sets of ports are tried; another process may take a free one before the server does.
const PORTS_TRIED: usize = 3;

/// What collects objects and gives namespaces their service account and CA; nothing else of the controller manager runs.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,root-ca-certificate-publisher-controller,serviceaccount-controller";

/// What runs besides [`CONTROLLERS`] where there is a node: what makes pods of DaemonSets, and what lets pods onto a node.
const NODE_CONTROLLERS: &str = "daemonset-controller,node-lifecycle-controller";

/// Flags of an API server that reaches a kubelet, and lets privileged pods in.
const NODE_FLAGS: [&str; 5] = [
    "--allow-privileged=true",
    "--client-ca-file=ca.crt",
    "--kubelet-certificate-authority=ca.crt",
    "--kubelet-client-certificate=kubelet-client.crt",
    "--kubelet-client-key=kubelet-client.key",
];

/// Who else gets in where there is a node called `127.0.0.1`: the kubeconfig's name, the user, its group.
const NODE_IDENTITIES: [[&str; 3]; 2] =
    [["scheduler", "system:kube-scheduler", ""], ["kubelet", "system:node:127.0.0.1", "system:nodes"]];

/// Whether a cluster is to have a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Objects only.
    Bare,
    /// Rights, certificates and controllers for one node; who starts the cluster starts the node's programs.
    ForNode,
}

/// A running API server with RBAC, as its administrator; everything ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    admin: Access,
    namespaces: AtomicUsize,
    // Dropped from top to bottom: clients before their servers, the folder last.
    _controllers: Process,
    apiserver: Option<Process>,
    _etcd: Process,
    place: Place,
    dir: TempDir,
}

impl Deref for Cluster {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.admin
    }
}

impl Cluster {
    /// Starts a fresh one; builds the programs where they are missing, which takes many minutes.
    ///
    /// # Errors
    /// The programs cannot be had or do not start: with their log.
    pub fn start() -> Result<Cluster> {
        Cluster::start_shaped(Shape::Bare, &std::env::temp_dir())
    }

    /// Starts one for a node called `127.0.0.1`, in a folder within the node's; its folder has `scheduler.kubeconfig`, `kubelet.kubeconfig` and the
    /// kubelet's certificate `kubelet.crt` with its key.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(crate) fn start_for_node(within: &Path) -> Result<Cluster> {
        Cluster::start_shaped(Shape::ForNode, within)
    }

    fn start_shaped(shape: Shape, within: &Path) -> Result<Cluster> {
        let programs = fetched("kubernetes.sh")?;
        let mut last = None;
        for _ in 0..PORTS_TRIED {
            match Cluster::start_once(&programs, shape, within) {
                Err(error) if format!("{error:#}").contains("address already in use") => last = Some(error),
                other => return other,
            }
        }
        Err(last.context("no port was tried")?)
    }

    /// The one that all tests of this binary share; it ends with the process. Use namespaces to keep tests apart.
    ///
    /// # Errors
    /// It has not started: the first caller's error, for all callers.
    pub fn shared() -> Result<&'static Cluster> {
        static SHARED: OnceLock<Result<(Cluster, Child), String>> = OnceLock::new();
        let start = || {
            let cluster = Cluster::start()?;
            // Nothing drops a static: the kernel ends the processes, and the janitor removes their folder.
            let janitor = janitor(cluster.dir.path())?;
            Ok((cluster, janitor))
        };
        let shared = SHARED.get_or_init(|| start().map_err(|error: anyhow::Error| format!("{error:#}")));
        shared.as_ref().map(|(cluster, _)| cluster).map_err(|error| anyhow!("the shared cluster: {error}"))
    }

    /// A fresh namespace.
    ///
    /// # Errors
    /// The API server refuses, or the controllers do not fill it within 30 seconds.
    pub fn namespace(&self) -> Result<Namespace> {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        Namespace::create(&self.admin, &format!("test-{number}"))
    }

    /// The administrator's access, for those that need a copy of it.
    pub fn admin(&self) -> &Access {
        &self.admin
    }

    /// Ends the API server as a crash would; etcd and the controllers stay.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        self.apiserver.take().map_or(Ok(()), |mut process| process.kill().map(|_| ()))
    }

    /// Starts the API server again on the same port and the same data; does nothing where it runs.
    ///
    /// # Errors
    /// It does not start: with its log.
    pub fn start_apiserver(&mut self) -> Result<()> {
        if self.apiserver.is_none() {
            self.apiserver = Some(self.place.start_apiserver(&self.admin)?);
        }
        Ok(())
    }

    /// Ends the API server as a crash would, and starts it again.
    ///
    /// # Errors
    /// It does not start: with its log.
    pub fn restart_apiserver(&mut self) -> Result<()> {
        self.stop_apiserver()?;
        self.start_apiserver()
    }

    /// Where the programs of Kubernetes are.
    pub(crate) fn programs(&self) -> &Path {
        &self.place.programs
    }

    /// The folder of certificates and kubeconfigs.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn start_once(programs: &Path, shape: Shape, within: &Path) -> Result<Cluster> {
        let dir = tempfile::Builder::new().prefix("keyreeve-kube-").tempdir_in(within)?;
        let place = Place {
            dir: dir.path().into(),
            programs: programs.into(),
            shape,
            etcd: free_port()?,
            peer: free_port()?,
            api: free_port()?,
        };
        let etcd = place.start_etcd()?;
        pki::make(dir.path())?;
        let (admin_token, controllers_token) = (pki::token()?, pki::token()?);
        let mut tokens = format!(
            "{admin_token},admin,admin,\"system:masters\"\n\
             {controllers_token},system:kube-controller-manager,controllers,\"\"\n"
        );
        if shape == Shape::ForNode {
            pki::make_for_node(dir.path())?;
            tokens.push_str(&place.node_identities()?);
        }
        write_private(&dir.path().join("tokens.csv"), &tokens)?;
        let admin = place.access("admin", &admin_token)?;
        let apiserver = place.start_apiserver(&admin)?;
        let controllers = place.start_controllers(&controllers_token)?;
        Ok(Cluster {
            admin,
            namespaces: AtomicUsize::new(0),
            _controllers: controllers,
            apiserver: Some(apiserver),
            _etcd: etcd,
            place,
            dir,
        })
    }
}

/// Where a cluster's files, programs and ports are.
#[derive(Debug)]
struct Place {
    dir: PathBuf,
    programs: PathBuf,
    shape: Shape,
    etcd: u16,
    peer: u16,
    api: u16,
}

impl Place {
    fn access(&self, name: &str, token: &str) -> Result<Access> {
        let kubeconfig = self.dir.join(format!("{name}.kubeconfig"));
        let url = format!("https://127.0.0.1:{}", self.api);
        Access::new(&self.programs.join("kubectl"), &url, &self.dir.join("ca.crt"), &kubeconfig, token)
    }

    /// Writes the kubeconfigs of a node's programs; the lines of the token file that let them in.
    fn node_identities(&self) -> Result<String> {
        let mut lines = String::new();
        for [name, user, group] in NODE_IDENTITIES {
            let token = pki::token()?;
            self.access(name, &token)?;
            lines.push_str(&format!("{token},{user},{name},\"{group}\"\n"));
        }
        Ok(lines)
    }

    fn start(&self, name: &str, arguments: &[String]) -> Result<Process> {
        let mut command = Command::new(self.programs.join(name));
        command.args(arguments).current_dir(&self.dir);
        Process::start(name, &command, &self.dir.join(format!("{name}.log")))
    }

    fn start_etcd(&self) -> Result<Process> {
        let addr = format!("127.0.0.1:{}", self.etcd);
        let peer = format!("http://127.0.0.1:{}", self.peer);
        let mut process = self.start(
            "etcd",
            &[
                "--data-dir=etcd".into(),
                "--unsafe-no-fsync".into(),
                "--log-level=warn".into(),
                format!("--listen-client-urls=http://{addr}"),
                format!("--advertise-client-urls=http://{addr}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
            ],
        )?;
        let ready = Request::new("GET", "/readyz");
        process
            .wait_until(START_LIMIT, || http::send(&addr, &ready).is_ok_and(|answer| answer.status == 200))?;
        Ok(process)
    }

    fn start_apiserver(&self, admin: &Access) -> Result<Process> {
        let mut arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd),
            format!("--secure-port={}", self.api),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            "--endpoint-reconciler-type=none".into(),
            "--service-cluster-ip-range=10.96.0.0/24".into(),
            "--authorization-mode=Node,RBAC".into(),
            "--enable-admission-plugins=NodeRestriction".into(),
            "--token-auth-file=tokens.csv".into(),
            "--cert-dir=.".into(),
            "--tls-cert-file=apiserver.crt".into(),
            "--tls-private-key-file=apiserver.key".into(),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            "--service-account-signing-key-file=sa.key".into(),
            "--service-account-key-file=sa.pub".into(),
        ];
        if self.shape == Shape::ForNode {
            arguments.extend(NODE_FLAGS.map(String::from));
        }
        let mut process = self.start("kube-apiserver", &arguments)?;
        process.wait_until(START_LIMIT, || {
            admin.api("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200)
        })?;
        Ok(process)
    }

    fn start_controllers(&self, token: &str) -> Result<Process> {
        let access = self.access("controllers", token)?;
        let controllers = match self.shape {
            Shape::Bare => CONTROLLERS.into(),
            Shape::ForNode => format!("{CONTROLLERS},{NODE_CONTROLLERS}"),
        };
        self.start(
            "kube-controller-manager",
            &[
                format!("--kubeconfig={}", access.kubeconfig().display()),
                format!("--controllers={controllers}"),
                "--secure-port=0".into(),
                "--leader-elect=false".into(),
                "--use-service-account-credentials=true".into(),
                "--service-account-private-key-file=sa.key".into(),
                "--root-ca-file=ca.crt".into(),
            ],
        )
    }
}

/// A process that removes the folder as soon as this process has ended, however it ends: then its input closes.
fn janitor(folder: &Path) -> Result<Child> {
    // Twice, since a server may still write while it dies.
    let script = "read -r _; rm -rf \"$1\"; sleep 0.2; rm -rf \"$1\"";
    let mut command = Command::new("sh");
    // A group of its own: what ends the group of the tests must not end it first.
    command.args(["-c", script, "janitor"]).arg(folder).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("sh does not start")
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(|| path.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}
