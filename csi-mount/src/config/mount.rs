//! Flags of `mount`: one secret at one folder, for a workstation or a server without Kubernetes.

use std::path::PathBuf;

use broker_client::Client;
use clap::{Args, ValueEnum};
use csi_mount_core::refresh;

use super::{ConfigError, LogArgs, client, read_token};

/// Flags of `mount`, as typed.
#[derive(Args, Clone, Debug)]
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
    /// How to log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What happens to the files when the broker denies the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnRevoke {
    /// Every access ends with "permission denied", of open files too.
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

/// What the flags of `mount` mean.
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
    /// How to log.
    pub log: LogArgs,
}

impl Config {
    /// Checks what was typed, and reads certificates and token for a first time.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn of(args: &MountArgs) -> Result<Self, ConfigError> {
        let secret = secret(args)?;
        let client = client(("--address", &args.address), ("--ca", args.ca.as_deref()), None)?;
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
        Ok(Self { secret, client, token_file: args.token_file.clone(), mount, log: args.log.clone() })
    }
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
