//! The options of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The broker's audit log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Follow the log.
    Tail {
        /// Which records.
        #[command(flatten)]
        filter: AuditFilter,
    },
    /// Show a page of records.
    Query {
        /// Which records.
        #[command(flatten)]
        filter: AuditFilter,
        /// The most records to show, at most 1000.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: Option<u64>,
    },
    /// Print all records as lines of JSON; the last line says how many there are and the tree's root.
    Export {
        /// Which records.
        #[command(flatten)]
        filter: AuditFilter,
    },
    /// Check the log's files: no line missing, none changed. Needs no server and no key; works while the broker runs.
    Verify {
        /// The broker's data folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Which records; all that is given must hold.
#[derive(Args, Default)]
pub struct AuditFilter {
    /// What happened, such as secret.read.
    #[arg(long)]
    pub kind: Option<String>,
    /// How it ended: allow, deny or error.
    #[arg(long)]
    pub result: Option<String>,
    /// Why it ended so, such as no-rule.
    #[arg(long)]
    pub reason: Option<String>,
    /// The request's id.
    #[arg(long)]
    pub id: Option<String>,
    /// Display name of the token.
    #[arg(long)]
    pub actor: Option<String>,
    /// Accessor of the token.
    #[arg(long)]
    pub accessor: Option<String>,
    /// Verified subject of the token.
    #[arg(long)]
    pub subject: Option<String>,
    /// Mount, without a slash at its end.
    #[arg(long)]
    pub mount: Option<String>,
    /// On whose behalf, as the caller said.
    #[arg(long)]
    pub via: Option<String>,
    /// Address of the peer.
    #[arg(long)]
    pub ip: Option<String>,
    /// Beginning of the request's path, or of the path of the secret that a record of a sender is about.
    #[arg(long, value_name = "PREFIX")]
    pub path: Option<String>,
    /// From this time on, such as 2026-11-25T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// After the record with this number.
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
}
