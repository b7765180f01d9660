//! What was typed and what it means: flags and environment, checked once; the only reader of tokens and certificates.

mod node;

use std::io;
use std::path::{Path, PathBuf};

use broker_client::{
    Address, AddressError, Client, Options, OptionsError, SecretText, Token, TokenError, Trust,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use zeroize::Zeroizing;

pub use node::{NodeArgs, NodeConfig, OwnLogin, Registrar};

#[cfg(test)]
mod tests;

/// The longest service account token in bytes.
const MAX_JWT_BYTES: u64 = 64 << 10;

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
    /// Serve the volumes of a Kubernetes node, through CSI.
    Node(Box<NodeArgs>),
    /// Print the version.
    Version,
    /// The file server; the driver starts it itself.
    #[command(hide = true)]
    Serve(LogArgs),
    /// The process that changes and mounts; the driver starts it itself.
    #[command(hide = true)]
    Mutate(LogArgs),
    /// The process that follows secrets; the driver starts it itself.
    #[command(hide = true)]
    Control(Box<NodeArgs>),
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

/// How to log.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct LogArgs {
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

impl LogFormat {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address.
    #[error("{flag}: {problem}")]
    Address {
        /// Which flag.
        flag: &'static str,
        /// Why.
        problem: AddressError,
    },
    /// The client's options.
    #[error(transparent)]
    Client(#[from] OptionsError),
    /// The certificates.
    #[error("{flag}: {path} cannot be read: {source}")]
    Certificates {
        /// Which flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A flag of `node`.
    #[error("{flag}: {problem}")]
    Flag {
        /// Which one.
        flag: &'static str,
        /// What to write instead.
        problem: &'static str,
    },
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
    /// What is in it is no service account token.
    #[error("{path} holds no service account token; is it projected into the pod?")]
    ServiceAccount {
        /// The file.
        path: PathBuf,
    },
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

/// Reads a service account's token from its file.
///
/// # Errors
/// [`TokenFileError`], never with what is in the file.
pub fn read_jwt(path: &Path) -> Result<SecretText, TokenFileError> {
    let failed = |source| TokenFileError::Read { path: path.to_owned(), source };
    let none = || TokenFileError::ServiceAccount { path: path.to_owned() };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_JWT_BYTES {
        return Err(none());
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(none());
    }
    Ok(SecretText::new(token.to_owned()))
}

/// A client of the broker at an address.
fn client(
    (address_flag, address): (&'static str, &str),
    (ca_flag, ca): (&'static str, Option<&Path>),
    via: Option<String>,
) -> Result<Client, ConfigError> {
    let address =
        Address::parse(address).map_err(|problem| ConfigError::Address { flag: address_flag, problem })?;
    let mut options = Options::new(address);
    if let Some(path) = ca {
        let pem = std::fs::read(path).map_err(|source| ConfigError::Certificates {
            flag: ca_flag,
            path: path.to_owned(),
            source,
        })?;
        options.trust = Trust::Pem(pem);
    }
    options.via = via;
    options.user_agent = concat!("keyreeve-csi/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(Client::new(options)?)
}
