//! What was typed for the mode `cluster` and what it means, checked once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_client::Token;
use clap::{ArgAction, Parser};
use syncer_core::cluster::LeaseTimes;
use syncer_core::parse_duration;

use crate::config::LogFormat;
use crate::templates::{TemplateFlags, Templates};

/// Where a pod finds its own namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Most reconciles at the same time.
const MAX_CONCURRENCY: usize = 256;

/// Keeps Secrets in a cluster as its ExternalSecrets declare them.
#[derive(Debug, Parser)]
#[command(name = "keyreeve-syncer cluster", version, max_term_width = 110)]
pub struct Cli {
    /// Serve the objects of this namespace only; ClusterSecretStores are left alone then.
    #[arg(long, env = "KEYREEVE_SYNCER_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Class of controller: stores that name another one are left alone.
    #[arg(long, default_value = "default", value_name = "CLASS")]
    pub controller_class: String,
    /// Most objects that are served at the same time.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub concurrency: usize,
    /// Most requests to the API server a second, on average; 0 is no limit.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub api_qps: u32,
    /// Serve only while holding the Lease, so that several replicas can run.
    #[arg(long)]
    pub leader_elect: bool,
    /// Name of the Lease.
    #[arg(long, default_value = "external-secrets-controller", value_name = "NAME")]
    pub leader_election_id: String,
    /// Namespace of the Lease; the pod's own, if it runs in one.
    #[arg(long, value_name = "NAME")]
    pub leader_election_namespace: Option<String>,
    /// Address for /metrics, /healthz and /readyz over plain HTTP.
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// How often a store is validated that does not say so itself.
    #[arg(long, default_value = "5m", value_name = "DURATION")]
    pub store_requeue_interval: String,
    /// Ask a store's server only while the store is ready.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub enable_flood_gate: bool,
    /// Write status.refreshTime when it is older than this although nothing else changed; 0 is with every refresh.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    pub refresh_time_age: String,
    /// File with the syncer's own token at brokers: it needs to read metadata only, and hears of changes with it.
    #[arg(long, env = "KEYREEVE_SYNCER_BROKER_TOKEN_FILE", value_name = "FILE")]
    pub broker_token_file: Option<PathBuf>,
    /// Reach the API server as this file says; without it, as a pod of the cluster.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How templates are read.
    #[command(flatten)]
    pub templates: TemplateFlags,
    /// Form of log lines.
    #[arg(long, env = "KEYREEVE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines: error, warn, info, debug, or a filter such as syncer=debug.
    #[arg(long, env = "KEYREEVE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub struct Config {
    /// The one namespace to serve; `None` is all.
    pub namespace: Option<String>,
    /// Class of controller.
    pub class: String,
    /// Most objects that are served at the same time.
    pub concurrency: usize,
    /// Most requests to the API server a second; 0 is no limit.
    pub api_qps: u32,
    /// The Lease to hold, if any.
    pub lease: Option<LeaseConfig>,
    /// Where metrics and health are served.
    pub metrics_listen: Option<SocketAddr>,
    /// How often a store is validated that does not say so itself.
    pub store_interval: Duration,
    /// Whether a store must be ready.
    pub flood_gate: bool,
    /// How old `status.refreshTime` may be, in seconds.
    pub refresh_time_age: i64,
    /// The syncer's own token at brokers.
    pub broker_token: Option<Token>,
    /// How to reach the API server.
    pub kubeconfig: Option<PathBuf>,
    /// How templates are rendered.
    pub templates: Templates,
}

/// Which Lease to hold, and as whom.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are.
    pub me: String,
    /// The times of the election.
    pub times: LeaseTimes,
}

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No number of workers.
    #[error("--concurrency {0} is not between 1 and {MAX_CONCURRENCY}")]
    Concurrency(usize),
    /// No duration.
    #[error("{flag} {text:?} is no duration; write it like 5m or 1h")]
    Duration {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        text: String,
    },
    /// No namespace for the Lease.
    #[error("--leader-elect needs --leader-election-namespace outside of a pod")]
    LeaseNamespace,
    /// The token's file.
    #[error("--broker-token-file {path}: {problem}")]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Config {
    /// Checks what was typed.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(cli: &Cli) -> Result<Self, ConfigError> {
        if !(1..=MAX_CONCURRENCY).contains(&cli.concurrency) {
            return Err(ConfigError::Concurrency(cli.concurrency));
        }
        let store_interval = duration("--store-requeue-interval", &cli.store_requeue_interval)?;
        let refresh_time_age = duration("--refresh-time-age", &cli.refresh_time_age)?;
        let broker_token = cli.broker_token_file.as_deref().map(read_token).transpose()?;
        let lease = if cli.leader_elect { Some(lease(cli)?) } else { None };
        Ok(Self {
            namespace: cli.namespace.clone(),
            class: cli.controller_class.clone(),
            concurrency: cli.concurrency,
            api_qps: cli.api_qps,
            lease,
            metrics_listen: cli.metrics_listen,
            store_interval: store_interval.max(Duration::from_secs(1)),
            flood_gate: cli.enable_flood_gate,
            refresh_time_age: i64::try_from(refresh_time_age.as_secs()).unwrap_or(i64::MAX),
            broker_token,
            kubeconfig: cli.kubeconfig.clone(),
            templates: Templates::from(&cli.templates),
        })
    }
}

fn duration(flag: &'static str, text: &str) -> Result<Duration, ConfigError> {
    parse_duration(text).map_err(|_| ConfigError::Duration { flag, text: text.to_owned() })
}

fn read_token(path: &Path) -> Result<Token, ConfigError> {
    let fail = |problem: String| ConfigError::Token { path: path.to_owned(), problem };
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).map_err(|e| fail(e.to_string()))?);
    Token::parse(bytes.as_slice()).map_err(|e| fail(e.to_string()))
}

/// Who we are: the pod's name, which the host's name is, and a number, so that a restart is somebody else.
fn lease(cli: &Cli) -> Result<LeaseConfig, ConfigError> {
    let own = || std::fs::read_to_string(OWN_NAMESPACE).ok().map(|text| text.trim().to_owned());
    let namespace = cli.leader_election_namespace.clone().or_else(own).filter(|name| !name.is_empty());
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "keyreeve-syncer".to_owned());
    Ok(LeaseConfig {
        namespace: namespace.ok_or(ConfigError::LeaseNamespace)?,
        name: cli.leader_election_id.clone(),
        me: format!("{host}_{:016x}", crate::clock::jitter()),
        times: LeaseTimes::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the flags mean, in short, or the error.
    fn check(flags: &str, wanted: &str) {
        let cli = Cli::try_parse_from(["cluster"].into_iter().chain(flags.split_whitespace())).unwrap();
        let got = match Config::of(&cli) {
            Ok(c) => format!(
                "{:?} {} {} {:?} {} {}",
                c.namespace, c.class, c.concurrency, c.store_interval, c.flood_gate, c.refresh_time_age
            ),
            Err(error) => error.to_string(),
        };
        assert!(got.starts_with(wanted), "{flags}: {got}");
    }

    #[test]
    fn flags_mean_what_they_say() {
        check("", "None default 4 300s true 3600");
        check(
            "--namespace a --controller-class c --concurrency 9 --store-requeue-interval 10s --enable-flood-gate false --refresh-time-age 0",
            "Some(\"a\") c 9 10s false 0",
        );
        check("--concurrency 0", "--concurrency 0 is not between");
        check("--store-requeue-interval soon", "--store-requeue-interval \"soon\" is no duration");
        check("--leader-elect", "--leader-elect needs --leader-election-namespace");
        check("--broker-token-file /nowhere/x", "--broker-token-file /nowhere/x: ");
    }
}
