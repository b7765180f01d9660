//! What was typed and what it means: flags and environment, checked once; the only reader of tokens and certificates.

use std::io;
use std::path::{Path, PathBuf};

use broker_client::{Address, AddressError, Client, Options, OptionsError, Token, TokenError, Trust};
use clap::{Args, Parser, Subcommand, ValueEnum};
use csi_mount_core::refresh;
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// Keyreeve's node driver: serves secrets as files through FUSE.
#[derive(Debug, Parser)]
#[command(name = "keyreeve-csi", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Mount one secret as files, one for each key, until a signal ends it.
    Mount(Box<MountArgs>),
    /// Print the version.
    Version,
}

/// Flags of `mount`, as typed.
#[derive(Debug, Args)]
pub struct MountArgs {
    /// Empty folder to mount at.
    #[arg(long, value_name = "DIR")]
    pub at: PathBuf,
    /// Secret of KV version 2: MOUNT/PATH, such as secret/app/db.
    #[arg(long, value_name = "MOUNT/PATH")]
    pub secret: String,
    /// Mount of the engine when it has a slash in its name; --secret is the path below it then.
    #[arg(long, value_name = "MOUNT")]
    pub secret_mount: Option<String>,
    /// Version to show. Default: the newest, and each newer one as it is written.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
    /// Address of the broker: https://HOST:PORT, http://HOST:PORT or unix:///PATH.
    #[arg(long, env = "VAULT_ADDR", value_name = "URL")]
    pub address: String,
    /// File with the token; read again when it is used, so that it may change.
    #[arg(long, env = "KEYREEVE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,
    /// Certificates to trust, in PEM. Default: those of the system.
    #[arg(long, env = "VAULT_CACERT", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Permission bits of the files, octal.
    #[arg(long, value_name = "OCTAL", default_value = "0400", value_parser = mode)]
    pub mode: u16,
    /// Owner of the files.
    #[arg(long, default_value_t = 0)]
    pub uid: u32,
    /// Group of the files.
    #[arg(long, default_value_t = 0)]
    pub gid: u32,
    /// What happens to the files when the broker denies the token.
    #[arg(long, value_enum, default_value_t = OnRevoke::Fail)]
    pub on_revoke: OnRevoke,
    /// Seconds between two reads when the broker reports no change.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub interval: u64,
    /// Seconds that the first read may wait for the broker.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub patience: u64,
    /// Form of log lines.
    #[arg(long, env = "KEYREEVE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines: error, warn, info, debug, or a filter such as csi_mount=debug.
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

/// What happens to the files when the broker denies the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnRevoke {
    /// They are let go; every access ends with "permission denied", of open files too.
    Fail,
    /// They stay as they are.
    Keep,
}

/// Which secret to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// Mount of the engine.
    pub mount: String,
    /// Path below it.
    pub path: String,
    /// The version; `None` for the newest.
    pub version: Option<u64>,
}

/// How files look and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountOptions {
    /// Where to mount.
    pub at: PathBuf,
    /// Permission bits of the files.
    pub mode: u16,
    /// Owner of files and folders.
    pub uid: u32,
    /// Group of files and folders.
    pub gid: u32,
    /// What happens when the broker denies the token.
    pub on_revoke: OnRevoke,
    /// When to read and renew.
    pub refresh: refresh::Policy,
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub struct Config {
    /// The secret.
    pub secret: SecretRef,
    /// The client of the broker.
    pub client: Client,
    /// File with the token.
    pub token_file: PathBuf,
    /// How to mount.
    pub mount: MountOptions,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// Which log lines.
    pub log: String,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address.
    #[error("--address: {0}")]
    Address(#[from] AddressError),
    /// The client's options.
    #[error(transparent)]
    Client(#[from] OptionsError),
    /// The secret is not named.
    #[error("--secret {0:?} names no secret; write MOUNT/PATH, such as secret/app/db")]
    Secret(String),
    /// The certificates.
    #[error("--ca: {path} cannot be read: {source}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The token.
    #[error("--token-file: {0}")]
    Token(#[from] TokenFileError),
}

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What is in it is no token.
    #[error("{path}: {problem}")]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: TokenError,
    },
}

impl Config {
    /// Checks what was typed, and reads certificates and token for a first time.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(args: &MountArgs) -> Result<Self, ConfigError> {
        let secret = secret(args)?;
        let mut options = Options::new(Address::parse(&args.address)?);
        if let Some(path) = &args.ca {
            let pem = std::fs::read(path)
                .map_err(|source| ConfigError::Certificates { path: path.clone(), source })?;
            options.trust = Trust::Pem(pem);
        }
        options.user_agent = concat!("keyreeve-csi/", env!("CARGO_PKG_VERSION")).to_owned();
        read_token(&args.token_file)?;
        let refresh = refresh::Policy {
            interval: args.interval.saturating_mul(1_000),
            patience: args.patience.saturating_mul(1_000),
            ..refresh::Policy::default()
        };
        let mount = MountOptions {
            at: args.at.clone(),
            mode: args.mode,
            uid: args.uid,
            gid: args.gid,
            on_revoke: args.on_revoke,
            refresh,
        };
        Ok(Self {
            secret,
            client: Client::new(options)?,
            token_file: args.token_file.clone(),
            mount,
            log_format: args.log_format,
            log: args.log.clone(),
        })
    }
}

/// Reads a token from its file.
///
/// # Errors
/// [`TokenFileError`], never with what is in the file.
pub fn read_token(path: &Path) -> Result<Token, TokenFileError> {
    let bytes =
        std::fs::read(path).map_err(|source| TokenFileError::Read { path: path.to_owned(), source })?;
    Token::parse(Zeroizing::new(bytes).as_slice())
        .map_err(|problem| TokenFileError::Token { path: path.to_owned(), problem })
}

fn secret(args: &MountArgs) -> Result<SecretRef, ConfigError> {
    let wrong = || ConfigError::Secret(args.secret.clone());
    let (mount, path) = match &args.secret_mount {
        Some(mount) => (mount.trim_matches('/'), args.secret.as_str()),
        None => args.secret.trim_start_matches('/').split_once('/').ok_or_else(wrong)?,
    };
    let path = path.trim_matches('/');
    if mount.is_empty() || path.is_empty() {
        return Err(wrong());
    }
    Ok(SecretRef { mount: mount.to_owned(), path: path.to_owned(), version: args.version })
}

fn mode(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u16::from_str_radix(digits, 8).ok().filter(|mode| *mode <= csi_mount_core::snapshot::MAX_MODE);
    mode.ok_or_else(|| "write permission bits as octal digits up to 0777, such as 0440".to_owned())
}
