//! Flags of `node`: the driver on a Kubernetes node.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_client::Client;
use clap::{ArgGroup, Args, ValueEnum};

use super::{ConfigError, LogArgs, client};

/// The longest name of a driver; kubelet takes no longer one.
const MAX_NAME: usize = 63;
/// The longest name of a node in bytes.
const MAX_NODE_ID: usize = 256;

/// Flags of `node`, as typed.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("login").required(true).args(["auth_role", "token_file"]))]
pub struct NodeArgs {
    /// Socket that serves CSI.
    #[arg(long, env = "CSI_ENDPOINT", value_name = "unix:///PATH", default_value = "unix:///csi/csi.sock")]
    pub endpoint: String,
    /// Name of the driver, as in the CSIDriver object.
    #[arg(long, value_name = "NAME", default_value = "csi.keyreeve.io")]
    pub driver_name: String,
    /// Name of this node.
    #[arg(long, env = "KUBE_NODE_NAME", value_name = "NAME")]
    pub node_id: String,
    /// Folder of kubelet on the host; the targets of volumes are below its `pods`.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/kubelet")]
    pub kubelet_dir: PathBuf,
    /// Folder in which kubelet looks for sockets of plugins.
    #[arg(long, value_name = "DIR", default_value = "/registration")]
    pub registration_dir: PathBuf,
    /// Path of the endpoint's socket on the host, for kubelet. Default: KUBELET_DIR/plugins/DRIVER_NAME/csi.sock.
    #[arg(long, value_name = "PATH")]
    pub kubelet_endpoint: Option<PathBuf>,
    /// Who tells kubelet that the driver is there.
    #[arg(long, value_enum, default_value_t = Registrar::Internal)]
    pub registrar: Registrar,
    /// Address that serves /healthz, /readyz and /metrics.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9808")]
    pub listen: SocketAddr,
    /// Address of the broker: https://HOST:PORT, http://HOST:PORT or unix:///PATH.
    #[arg(long, env = "VAULT_ADDR", value_name = "URL")]
    pub broker_address: String,
    /// Certificates to trust, in PEM. Default: those of the system.
    #[arg(long, env = "VAULT_CACERT", value_name = "FILE")]
    pub broker_ca: Option<PathBuf>,
    /// Role of the driver's own login, at the auth method kubernetes. It follows changes and sends records; it reads no secret.
    #[arg(long, value_name = "ROLE")]
    pub auth_role: Option<String>,
    /// Mount of the auth method for the driver's own login.
    #[arg(long, value_name = "MOUNT", default_value = "kubernetes")]
    pub auth_mount: String,
    /// File with the driver's service account token.
    #[arg(long, value_name = "FILE", default_value = "/var/run/secrets/keyreeve/token")]
    pub service_account_token: PathBuf,
    /// File with a token for the driver itself, instead of --auth-role.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Seconds between two reads of a secret while the broker's changes cannot be followed.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub interval: u64,
    /// Root-only folder for the file system itself, on kernels that cannot clone out of a mount that is nowhere.
    #[arg(long, value_name = "DIR")]
    pub base_dir: Option<PathBuf>,
    /// Seconds without a server after which reads fail instead of waiting.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub stall: u64,
    /// For tests: the last element of a target may have any name.
    #[arg(long, hide = true)]
    pub any_target_name: bool,
    /// How to log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Who tells kubelet that the driver is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registrar {
    /// The driver itself.
    Internal,
    /// A sidecar such as node-driver-registrar.
    External,
}

/// How the driver itself logs in.
#[derive(Clone, Debug)]
pub enum OwnLogin {
    /// With its service account.
    ServiceAccount {
        /// Mount of the auth method.
        mount: String,
        /// Role.
        role: String,
        /// File with the service account's token.
        file: PathBuf,
    },
    /// With a token of the broker.
    TokenFile(PathBuf),
}

/// What the flags of `node` mean.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Path of the socket that serves CSI.
    pub socket: PathBuf,
    /// Name of the driver.
    pub driver_name: String,
    /// Name of the node.
    pub node_id: String,
    /// Folder of kubelet.
    pub kubelet_dir: PathBuf,
    /// Where to register, if the driver itself does.
    pub registration_dir: Option<PathBuf>,
    /// Path of the socket for kubelet.
    pub kubelet_endpoint: PathBuf,
    /// Address of health and metrics.
    pub listen: SocketAddr,
    /// The client of the broker.
    pub client: Client,
    /// How the driver itself logs in.
    pub login: OwnLogin,
    /// Time between two reads without a change stream.
    pub interval: Duration,
    /// Whether the last element of a target may have any name.
    pub any_target_name: bool,
}

impl NodeConfig {
    /// Checks what was typed, and reads the certificates.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(args: &NodeArgs) -> Result<Self, ConfigError> {
        let flag = |flag, problem| ConfigError::Flag { flag, problem };
        let socket = args.endpoint.strip_prefix("unix:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        let socket = socket.filter(|path| path.starts_with('/')).map(PathBuf::from);
        let socket =
            socket.ok_or_else(|| flag("--endpoint", "write unix:///PATH, such as unix:///csi/csi.sock"))?;
        if !is_driver_name(&args.driver_name) {
            return Err(flag(
                "--driver-name",
                "letters, digits, `-` and `.`, letters at both ends, at most 63",
            ));
        }
        if args.node_id.is_empty() || args.node_id.len() > MAX_NODE_ID {
            return Err(flag("--node-id", "the node's name has 1 to 256 bytes"));
        }
        if !args.kubelet_dir.is_absolute() || args.kubelet_dir == Path::new("/") {
            return Err(flag("--kubelet-dir", "write the whole path, such as /var/lib/kubelet"));
        }
        let client = client(
            ("--broker-address", &args.broker_address),
            ("--broker-ca", args.broker_ca.as_deref()),
            Some(format!("{} {}", args.driver_name, args.node_id)),
        )?;
        let login = match (&args.auth_role, &args.token_file) {
            (Some(role), _) => OwnLogin::ServiceAccount {
                mount: args.auth_mount.trim_matches('/').to_owned(),
                role: role.clone(),
                file: args.service_account_token.clone(),
            },
            (None, Some(file)) => OwnLogin::TokenFile(file.clone()),
            (None, None) => return Err(flag("--auth-role", "name the role, or a --token-file")),
        };
        let kubelet_endpoint = args.kubelet_endpoint.clone();
        Ok(Self {
            socket,
            driver_name: args.driver_name.clone(),
            node_id: args.node_id.clone(),
            kubelet_endpoint: kubelet_endpoint
                .unwrap_or_else(|| args.kubelet_dir.join("plugins").join(&args.driver_name).join("csi.sock")),
            kubelet_dir: args.kubelet_dir.clone(),
            registration_dir: (args.registrar == Registrar::Internal).then(|| args.registration_dir.clone()),
            listen: args.listen,
            client,
            login,
            interval: Duration::from_secs(args.interval),
            any_target_name: args.any_target_name,
        })
    }
}

/// The rule of CSI: a domain name.
fn is_driver_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    name.len() <= MAX_NAME && ends(name.chars().next()) && ends(name.chars().last()) && name.chars().all(fits)
}
