//! What was typed and what it means: flags and environment, checked once; the only reader of the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use syncer_core::parse_duration;

use crate::templates::{TemplateFlags, Templates};

/// Keyreeve's syncer: reads ExternalSecrets and SecretStores from a folder and writes the Secrets they ask for.
#[derive(Debug, Parser)]
#[command(name = "keyreeve-syncer", version, max_term_width = 110)]
pub struct Cli {
    /// Folder with the manifests (*.yaml, *.yml); read again when they change.
    #[arg(long, env = "KEYREEVE_SYNCER_MANIFESTS", value_name = "DIR")]
    pub manifests: PathBuf,
    /// Folder for the Secrets (NAMESPACE.NAME.secret.yaml, mode 0600) and status.json; made if it is not there.
    #[arg(long, env = "KEYREEVE_SYNCER_OUT", value_name = "DIR")]
    pub out: PathBuf,
    /// Serve every object once, then end; exit code 1 if any failed.
    #[arg(long)]
    pub once: bool,
    /// How often secrets are read although the server tells of changes; without its telling, refreshInterval counts.
    #[arg(long, env = "KEYREEVE_SYNCER_INTERVAL", default_value = "1h", value_name = "DURATION")]
    pub interval: String,
    /// Namespace of objects that name none.
    #[arg(long, env = "KEYREEVE_SYNCER_NAMESPACE", default_value = "default", value_name = "NAME")]
    pub namespace: String,
    /// Take the token that tokenSecretRef names from a file instead: NAME=FILE, NAME being the Secret's. Repeatable.
    #[arg(long, value_name = "NAME=FILE")]
    pub token_file: Vec<String>,
    /// Loopback address for /metrics and /healthz over plain HTTP.
    #[arg(long, env = "KEYREEVE_SYNCER_METRICS_LISTEN", value_name = "HOST:PORT")]
    pub metrics_listen: Option<SocketAddr>,
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

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder with the manifests.
    pub manifests: PathBuf,
    /// Folder for the Secrets.
    pub out: PathBuf,
    /// Serve every object once, then end.
    pub once: bool,
    /// Time between two reads of an object whose server tells of changes.
    pub interval: Duration,
    /// Namespace of objects that name none.
    pub namespace: String,
    /// Files with tokens, by the name of the Secret that they stand for.
    pub token_files: BTreeMap<String, PathBuf>,
    /// Address of the metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// How templates are rendered.
    pub templates: Templates,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// Which log lines.
    pub log: String,
}

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The interval is no duration or too short.
    #[error("--interval {0:?} is no duration of at least 1s; write it like 1h or 30m")]
    Interval(String),
    /// The Secrets would be read as manifests.
    #[error(
        "--out {0} is the folder of the manifests; name another, so that Secrets are not read as manifests"
    )]
    SameFolder(PathBuf),
    /// A token file without a name.
    #[error("--token-file {0:?} is not NAME=FILE")]
    TokenFile(String),
    /// Metrics in clear beyond this machine.
    #[error("--metrics-listen {0} is not a loopback address; put a proxy with TLS in front")]
    MetricsBeyondLoopback(SocketAddr),
}

impl Config {
    /// Checks what was typed.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(cli: &Cli) -> Result<Self, ConfigError> {
        let interval = parse_duration(&cli.interval).ok().filter(|d| *d >= Duration::from_secs(1));
        let interval = interval.ok_or_else(|| ConfigError::Interval(cli.interval.clone()))?;
        if real(&cli.manifests) == real(&cli.out) {
            return Err(ConfigError::SameFolder(cli.out.clone()));
        }
        let mut token_files = BTreeMap::new();
        for text in &cli.token_file {
            let named = text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
            let (name, file) = named.ok_or_else(|| ConfigError::TokenFile(text.clone()))?;
            token_files.insert(name.to_owned(), PathBuf::from(file));
        }
        if let Some(address) = cli.metrics_listen.filter(|a| !a.ip().is_loopback()) {
            return Err(ConfigError::MetricsBeyondLoopback(address));
        }
        Ok(Self {
            manifests: cli.manifests.clone(),
            out: cli.out.clone(),
            once: cli.once,
            interval,
            namespace: cli.namespace.clone(),
            token_files,
            metrics_listen: cli.metrics_listen,
            templates: Templates::from(&cli.templates),
            log_format: cli.log_format,
            log: cli.log.clone(),
        })
    }
}

/// A folder's own path, links resolved as far as they exist.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the flags mean, in short, or the error.
    fn check(flags: &str, wanted: &str) {
        let words = ["keyreeve-syncer", "--manifests", "/m", "--out", "/o"].into_iter();
        let cli = Cli::try_parse_from(words.chain(flags.split_whitespace())).unwrap();
        let got = match Config::of(&cli) {
            Ok(c) => format!("{:?} {:?} {:?}", c.interval, c.once, c.token_files),
            Err(error) => error.to_string(),
        };
        assert!(got.starts_with(wanted), "{flags}: {got}");
    }

    #[test]
    fn flags_mean_what_they_say() {
        check("", "3600s false {}");
        check("--once --interval 90s", "90s true {}");
        check("--token-file a=/f --token-file b=g=h", "3600s false {\"a\": \"/f\", \"b\": \"g=h\"}");
        check("--interval 10ms", "--interval \"10ms\" is no duration of at least 1s");
        check("--interval soon", "--interval \"soon\" is no duration");
        check("--token-file /f", "--token-file \"/f\" is not NAME=FILE");
        check("--metrics-listen 0.0.0.0:1", "--metrics-listen 0.0.0.0:1 is not a loopback address");
    }

    #[test]
    fn secrets_never_land_among_manifests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let dotted = format!("{path}/.");
        let words = ["keyreeve-syncer", "--manifests", path, "--out", &dotted];
        let error = Config::of(&Cli::try_parse_from(words).unwrap()).unwrap_err();
        assert!(matches!(error, ConfigError::SameFolder(_)));
    }
}
