//! The options of `kv`.

use clap::{ArgAction, Args, Subcommand, ValueEnum};

/// Secrets with their versions.
#[derive(Subcommand)]
pub enum KvCommand {
    /// Write a secret, as a new version where the mount keeps versions.
    Put {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// Write only if this is the current version; 0 for only if nothing is there.
        #[arg(long, value_name = "VERSION", allow_negative_numbers = true)]
        cas: Option<i64>,
        /// Print only this field of the answer.
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
        /// What.
        #[command(flatten)]
        data: KvData,
    },
    /// Read a secret.
    Get {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// Read this version instead of the newest.
        #[arg(long = "version", id = "kv-version", value_name = "VERSION")]
        version: Option<u64>,
        /// Print only this key's value, without a line end where stdout is no terminal.
        #[arg(long, value_name = "KEY")]
        field: Option<String>,
    },
    /// Change some keys of a secret and keep the others (KV version 2).
    Patch {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// Change only if this is the current version.
        #[arg(long, value_name = "VERSION")]
        cas: Option<u64>,
        /// How: `patch` in one request, `rw` by reading and writing (needs no capability `patch`).
        #[arg(long, value_enum, default_value_t = PatchMethod::Patch)]
        method: PatchMethod,
        /// Print only this field of the answer.
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
        /// What.
        #[command(flatten)]
        data: KvData,
    },
    /// List the names below a path.
    List {
        /// Path of the mount; without it, PATH begins with it.
        #[arg(long, value_name = "MOUNT")]
        mount: Option<String>,
        /// What to list.
        #[arg(default_value = "")]
        path: String,
    },
    /// Delete the newest version, or some; what is deleted can be undeleted (KV version 2).
    Delete {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// Delete these versions.
        #[arg(long, value_name = "N,...", value_delimiter = ',')]
        versions: Vec<u64>,
    },
    /// Take the deletion of versions back (KV version 2).
    Undelete {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// These versions.
        #[arg(long, value_name = "N,...", value_delimiter = ',', required = true)]
        versions: Vec<u64>,
    },
    /// Destroy versions for good (KV version 2).
    Destroy {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// These versions.
        #[arg(long, value_name = "N,...", value_delimiter = ',', required = true)]
        versions: Vec<u64>,
    },
    /// What is kept about a secret besides its values (KV version 2).
    #[command(subcommand)]
    Metadata(MetadataCommand),
}

/// Which secret.
#[derive(Args)]
pub struct KvTarget {
    /// Path of the mount; without it, PATH begins with it.
    #[arg(long, value_name = "MOUNT")]
    pub mount: Option<String>,
    /// Path of the secret.
    pub path: String,
}

/// What a secret is to hold.
#[derive(Args)]
pub struct KvData {
    /// key=value; key=@FILE and key=- read the value from a file or stdin; @FILE.json and - read all as JSON.
    #[arg(value_name = "DATA", required = true)]
    pub data: Vec<String>,
}

/// How a secret is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PatchMethod {
    /// In one request.
    Patch,
    /// By a read and a write that fails if the secret changed in between.
    Rw,
}

/// What is kept about a secret besides its values.
#[derive(Subcommand)]
pub enum MetadataCommand {
    /// Show versions and settings.
    Get {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
        /// Print only this field.
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Change settings; those not named are kept.
    Put(MetadataPut),
    /// Remove all versions and everything known about a secret, for good.
    Delete {
        /// Where.
        #[command(flatten)]
        target: KvTarget,
    },
}

/// Settings of a secret.
#[derive(Args)]
pub struct MetadataPut {
    /// Where.
    #[command(flatten)]
    pub target: KvTarget,
    /// How many versions are kept; 0 for what the mount says.
    #[arg(long, value_name = "N")]
    pub max_versions: Option<u64>,
    /// Whether each write must name the current version.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub cas_required: Option<bool>,
    /// Versions delete themselves after this time, such as 24h.
    #[arg(long, value_name = "DURATION")]
    pub delete_version_after: Option<String>,
    /// Free text by name; may be given several times. All of it is replaced.
    #[arg(long, value_name = "NAME=TEXT")]
    pub custom_metadata: Vec<String>,
}
