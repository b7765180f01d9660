//! What can be typed: the commands and their options.

mod audit;
mod kv;
mod mount;
mod policy;
mod token;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use audit::{AuditCommand, AuditFilter};
pub use kv::{KvCommand, KvData, KvTarget, MetadataCommand, MetadataPut, PatchMethod};
pub use mount::{MountArgs, MountChild, OnRevoke, RunArgs};
pub use policy::{PolicyCommand, PolicyFolder};
pub use token::{RevokeMode, TokenCommand, TokenCreate, TokenWhose};

/// Secrets at a terminal: works with Keyreeve's broker, a Vault and an OpenBao.
///
/// The address comes from -address, KEYREEVE_ADDR or VAULT_ADDR (else `https://127.0.0.1:8200`), the token from KEYREEVE_TOKEN,
/// VAULT_TOKEN or the file ~/.vault-token that `keyreeve login` writes. Exit codes: 0 done, 1 what was typed or a local file is
/// wrong, 2 the server refused or cannot be reached.
#[derive(Parser)]
#[command(name = "keyreeve", version, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    /// Where the server is and how answers are printed.
    #[command(flatten)]
    pub options: ServerOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the server is and how answers are printed.
#[derive(Args, Clone, Default)]
pub struct ServerOptions {
    /// Address of the server (env: KEYREEVE_ADDR, VAULT_ADDR).
    #[arg(long, global = true, value_name = "URL")]
    pub address: Option<String>,
    /// Namespace of the server (env: VAULT_NAMESPACE).
    #[arg(long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Certificates in PEM that the server's certificate must lead to (env: VAULT_CACERT).
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// How answers are printed: table, json or yaml (env: VAULT_FORMAT).
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Refused: name the server's certificate with -ca-cert instead.
    #[arg(long, global = true, hide = true)]
    pub tls_skip_verify: bool,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The server's answer, its numbers digit by digit.
    Json,
    /// The same as YAML.
    #[value(alias = "yml")]
    Yaml,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Say whether the server is unsealed (exit code 0), sealed (2) or cannot be asked (1).
    Status,
    /// Check a token and keep it in ~/.vault-token; the token is read from stdin or asked for.
    Login(LoginArgs),
    /// Secrets with their versions.
    #[command(subcommand)]
    Kv(KvCommand),
    /// Policies on the server, and policy files.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The broker's audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show the Secrets that ExternalSecret files make, without writing any.
    ///
    /// A store is read with the token of its Secret, if that is in the files too. The token in use is sent only if the address
    /// in use is that of all stores in the files.
    Render(RenderArgs),
    /// Mount a secret as files, one for each key, until Ctrl-C.
    ///
    /// The files are in memory only, follow the secret as it changes, and can be read by who mounted them (as root, by all that
    /// their mode lets read). Ordinary users need fusermount3 of the package fuse3. PATH is MOUNT/PATH of a KV engine, version 2.
    Mount(Box<MountArgs>),
    /// Run a command with secrets in its environment.
    ///
    /// The token is not passed on. The exit code is the command's; 127 when it is not found, 126 when it cannot be run.
    Run(RunArgs),
    /// The process that keeps a mount; `mount` starts it.
    #[command(hide = true)]
    MountKeep(Box<MountChild>),
    /// The file server of a mount; `mount` starts it.
    #[command(hide = true)]
    MountServe(csi_mount::laptop::LogArgs),
    /// The process that changes files of a mount; `mount` starts it.
    #[command(hide = true)]
    MountMutate(csi_mount::laptop::LogArgs),
    /// The process that follows the secret of a mount; `mount` starts it.
    #[command(hide = true)]
    MountControl(Box<MountChild>),
    /// Follow what changes: names and versions, never values.
    Changes {
        /// Begin after this revision of the store; without it, now.
        #[arg(long, value_name = "REVISION")]
        after: Option<u64>,
    },
    /// Print the CustomResourceDefinitions of ExternalSecret and its stores, for `kubectl apply -f -`.
    Crds {
        /// Write one file for each definition into this folder instead, as deploy/crds has them.
        #[arg(long, value_name = "DIR")]
        out: Option<std::path::PathBuf>,
    },
    /// Print the completion script of a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Print the version.
    Version,
}

/// Options of `login`.
#[derive(Args)]
pub struct LoginArgs {
    /// How to log in; only `token`.
    #[arg(long, default_value = "token")]
    pub method: String,
    /// Check the token, but do not keep it.
    #[arg(long)]
    pub no_store: bool,
    /// `-` for stdin. A token can be written here too, but others see it in the list of processes.
    #[arg(value_name = "-")]
    pub token: Option<String>,
}

/// Options of `render`.
#[derive(Args)]
pub struct RenderArgs {
    /// File with ExternalSecrets and their stores; may be given several times.
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    pub file: Vec<PathBuf>,
    /// Namespace of objects that name none.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    pub default_namespace: String,
    /// Show the values, or only how long they are.
    #[arg(long, value_enum, default_value_t = RenderValues::Masked)]
    pub values: RenderValues,
}

/// How `render` shows values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RenderValues {
    /// Only how long they are.
    Masked,
    /// As Kubernetes takes them.
    Base64,
}

/// The shells that completion scripts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}
