//! What was typed and what it means: flags and environment, checked once; the only reader of the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keyreeve's broker: Vault's HTTP API over an encrypted embedded store with a durable audit log.
#[derive(Debug, Parser)]
#[command(name = "keyreeve-broker", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Serve the API until a signal ends it.
    Serve(Box<ServeArgs>),
    /// Check a configuration and print what it means.
    Config {
        /// What to check.
        #[command(subcommand)]
        command: ConfigTask,
    },
    /// Print the version.
    Version,
}

/// What to check.
#[derive(Debug, Subcommand)]
pub enum ConfigTask {
    /// Print the effective configuration of `serve` with the same flags, or what is wrong with it.
    Check(Box<ServeArgs>),
}

/// Flags of `serve`, as typed.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Folder of the store and the audit log; made at the first start.
    #[arg(long, env = "KEYREEVE_DATA", value_name = "DIR", required_unless_present = "dev")]
    pub data: Option<PathBuf>,
    /// Keep everything in memory and forget it at the end; plain HTTP on loopback.
    #[arg(long, conflicts_with = "data")]
    pub dev: bool,
    /// Address to listen on: HOST:PORT (port 0 takes a free one), or unix:/PATH.
    #[arg(long, env = "KEYREEVE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8200")]
    pub listen: String,
    /// Serve HTTP without TLS; allowed on loopback addresses and unix sockets only. `--dev` implies it.
    #[arg(long, env = "KEYREEVE_PLAIN_HTTP")]
    pub plain_http: bool,
    /// TLS certificate chain in PEM; read again when the file changes. Without it, a self-signed one is made.
    #[arg(long, env = "KEYREEVE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// TLS private key in PEM.
    #[arg(long, env = "KEYREEVE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// File of the key that opens the store. Default: DATA.seal, beside the data folder.
    #[arg(long, env = "KEYREEVE_SEAL_FILE", value_name = "FILE")]
    pub seal_file: Option<PathBuf>,
    /// Allow the seal file inside the data folder: whoever copies the folder can then read the secrets.
    #[arg(long, env = "KEYREEVE_SEAL_INSIDE_DATA")]
    pub seal_inside_data: bool,
    /// Where the first start writes the root token, mode 0600. Default: DATA.root-token.
    #[arg(long, env = "KEYREEVE_ROOT_TOKEN_FILE", value_name = "FILE")]
    pub root_token_file: Option<PathBuf>,
    /// Folder of policies (*.hcl, *.json); read at the start and on SIGHUP, read-only over the API.
    #[arg(long, env = "KEYREEVE_POLICIES", value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Loopback address for /metrics and /healthz over plain HTTP, without a token.
    #[arg(long, env = "KEYREEVE_METRICS_LISTEN", value_name = "HOST:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Write the address to this file once requests are answered.
    #[arg(long, env = "KEYREEVE_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Connections at the same time; more wait.
    #[arg(long, env = "KEYREEVE_MAX_CONNECTIONS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_connections: u32,
    /// Largest request body in bytes.
    #[arg(long, env = "KEYREEVE_MAX_BODY_BYTES", default_value_t = 2 << 20, value_parser = clap::value_parser!(u64).range(1024..=32 << 20))]
    pub max_body_bytes: u64,
    /// Memory for the store's cache in MiB.
    #[arg(long, env = "KEYREEVE_CACHE_MIB", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub cache_mib: u32,
    /// Seconds that running requests get at the end.
    #[arg(long, env = "KEYREEVE_DRAIN_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub drain_seconds: u64,
    /// Form of log lines.
    #[arg(long, env = "KEYREEVE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines: error, warn, info, debug, or a filter such as broker=debug.
    #[arg(long, env = "KEYREEVE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// What protects a TCP listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP in clear, on loopback or a unix socket.
    Plain,
    /// TLS with files of the operator.
    Files {
        /// Certificate chain.
        cert: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// TLS with a self-signed certificate that the first start writes into the data folder.
    SelfSigned {
        /// Certificate.
        cert: PathBuf,
        /// Private key.
        key: PathBuf,
    },
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In memory.
    Memory,
    /// In a folder, opened with a seal file.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The seal file.
        seal: PathBuf,
    },
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the data is.
    pub data: Data,
    /// Where to listen.
    pub listen: Listen,
    /// What protects the listener.
    pub transport: Transport,
    /// Where the first start writes the root token.
    pub root_token_file: PathBuf,
    /// Folder of policies.
    pub policies: Option<PathBuf>,
    /// Address of the metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// File that gets the address.
    pub ready_file: Option<PathBuf>,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Bytes of the store's cache.
    pub cache_bytes: usize,
    /// Time for running requests at the end.
    pub drain: Duration,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// Which log lines.
    pub log: String,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The listen address is none.
    #[error("--listen {0:?} is no address; write HOST:PORT with a numeric host, or unix:/PATH")]
    Listen(String),
    /// HTTP in clear beyond this machine.
    #[error("plain HTTP is served on loopback and unix sockets only, not on {0}; leave --plain-http out")]
    PlainBeyondLoopback(SocketAddr),
    /// Metrics in clear beyond this machine.
    #[error("--metrics-listen {0} is not a loopback address; put a proxy with TLS in front")]
    MetricsBeyondLoopback(SocketAddr),
    /// The seal file would be copied with the data.
    #[error(
        "the seal file {0} lies inside the data folder, so that a copy of the folder opens itself; name another place, or accept it with --seal-inside-data"
    )]
    SealInside(PathBuf),
    /// The data folder's name is not one a file can be put beside.
    #[error("--data {0} has no name to put files beside; name a folder such as ./keyreeve")]
    DataName(PathBuf),
    /// No data folder and no `--dev`.
    #[error("name the data folder with --data, or try it out with --dev")]
    NoData,
}

impl Config {
    /// Checks what was typed.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(args: &ServeArgs) -> Result<Self, ConfigError> {
        let listen = listen(&args.listen)?;
        let transport = transport(args, &listen)?;
        if let Some(address) = args.metrics_listen.filter(|a| !a.ip().is_loopback()) {
            return Err(ConfigError::MetricsBeyondLoopback(address));
        }
        let root_token_file = match (&args.root_token_file, &args.data) {
            (Some(file), _) => file.clone(),
            (None, Some(data)) => beside(data, "root-token")?,
            (None, None) => {
                std::env::temp_dir().join(format!("keyreeve-dev-{}.root-token", std::process::id()))
            }
        };
        Ok(Self {
            data: data(args)?,
            listen,
            transport,
            root_token_file,
            policies: args.policies.clone(),
            metrics_listen: args.metrics_listen,
            ready_file: args.ready_file.clone(),
            max_connections: args.max_connections as usize,
            max_body_bytes: usize::try_from(args.max_body_bytes).unwrap_or(usize::MAX),
            cache_bytes: args.cache_mib as usize * (1 << 20),
            drain: Duration::from_secs(args.drain_seconds),
            log_format: args.log_format,
            log: args.log.clone(),
        })
    }

    /// The configuration as lines of `name = value`; there is no secret in it.
    pub fn describe(&self) -> String {
        let optional =
            |path: &Option<PathBuf>| path.as_ref().map_or("none".to_owned(), |p| p.display().to_string());
        let mut lines = match &self.data {
            Data::Memory => vec!["data = memory".to_owned()],
            Data::Folder { folder, seal } => {
                vec![format!("data = {}", folder.display()), format!("seal-file = {}", seal.display())]
            }
        };
        lines.push(match &self.listen {
            Listen::Tcp(address) => format!("listen = {address}"),
            Listen::Unix(path) => format!("listen = unix:{}", path.display()),
        });
        lines.push(match &self.transport {
            Transport::Plain => "transport = plain HTTP".to_owned(),
            Transport::Files { cert, key } => {
                format!("transport = TLS with {} and {}", cert.display(), key.display())
            }
            Transport::SelfSigned { cert, .. } => {
                format!("transport = TLS with a self-signed certificate, {}", cert.display())
            }
        });
        lines.push(format!("root-token-file = {}", self.root_token_file.display()));
        lines.push(format!("policies = {}", optional(&self.policies)));
        lines.push(format!(
            "metrics-listen = {}",
            self.metrics_listen.map_or("none".to_owned(), |a| a.to_string())
        ));
        lines.push(format!("ready-file = {}", optional(&self.ready_file)));
        lines.push(format!("max-connections = {}", self.max_connections));
        lines.push(format!("max-body-bytes = {}", self.max_body_bytes));
        lines.push(format!("cache-mib = {}", self.cache_bytes >> 20));
        lines.push(format!("drain-seconds = {}", self.drain.as_secs()));
        lines.push(format!("log = {}", self.log));
        lines.join("\n")
    }
}

fn listen(text: &str) -> Result<Listen, ConfigError> {
    if let Some(path) = text.strip_prefix("unix:").filter(|p| !p.is_empty()) {
        return Ok(Listen::Unix(PathBuf::from(path)));
    }
    text.parse().map(Listen::Tcp).map_err(|_| ConfigError::Listen(text.to_owned()))
}

fn transport(args: &ServeArgs, listen: &Listen) -> Result<Transport, ConfigError> {
    let plain = args.plain_http || args.dev || matches!(listen, Listen::Unix(_));
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        return Ok(Transport::Files { cert: cert.clone(), key: key.clone() });
    }
    match (plain, listen, &args.data) {
        (true, Listen::Tcp(address), _) if !address.ip().is_loopback() => {
            Err(ConfigError::PlainBeyondLoopback(*address))
        }
        (true, ..) => Ok(Transport::Plain),
        (false, _, Some(data)) => {
            Ok(Transport::SelfSigned { cert: data.join("tls.crt"), key: data.join("tls.key") })
        }
        (false, _, None) => Err(ConfigError::NoData),
    }
}

fn data(args: &ServeArgs) -> Result<Data, ConfigError> {
    let Some(folder) = &args.data else {
        return if args.dev { Ok(Data::Memory) } else { Err(ConfigError::NoData) };
    };
    let seal = match &args.seal_file {
        Some(seal) => seal.clone(),
        None if args.seal_inside_data => folder.join("seal"),
        None => beside(folder, "seal")?,
    };
    if is_inside(&seal, folder) && !args.seal_inside_data {
        return Err(ConfigError::SealInside(seal));
    }
    Ok(Data::Folder { folder: folder.clone(), seal })
}

/// A file beside a folder: `DIR/keyreeve` gives `DIR/keyreeve.EXTENSION`.
fn beside(folder: &Path, extension: &str) -> Result<PathBuf, ConfigError> {
    let name = folder.file_name().ok_or_else(|| ConfigError::DataName(folder.to_owned()))?;
    let mut name = name.to_owned();
    name.push(".");
    name.push(extension);
    Ok(folder.with_file_name(name))
}

/// Whether a file lies in a folder, links and `..` resolved as far as they exist.
fn is_inside(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    file.starts_with(folder) || real(parent).starts_with(real(folder))
}
