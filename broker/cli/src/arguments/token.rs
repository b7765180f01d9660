//! The options of `token`.

use clap::{ArgAction, Args, Subcommand, ValueEnum};

/// Tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token, a child of the one in use.
    Create(TokenCreate),
    /// Show what a token is; without one, that in use.
    Lookup {
        /// Whose.
        #[command(flatten)]
        whose: TokenWhose,
        /// Print only this field.
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// Let a token live longer; without one, that in use.
    Renew {
        /// Whose.
        #[command(flatten)]
        whose: TokenWhose,
        /// For how long, such as 1h; the server may give less.
        #[arg(long, short, value_name = "DURATION")]
        increment: Option<String>,
        /// Print only this field.
        #[arg(long, value_name = "NAME")]
        field: Option<String>,
    },
    /// End a token and its children.
    Revoke {
        /// Whose.
        #[command(flatten)]
        whose: TokenWhose,
        /// The token in use.
        #[arg(long = "self", conflicts_with_all = ["token", "accessor", "mode"])]
        own: bool,
        /// `orphan` lets its children live on.
        #[arg(long, value_enum, conflicts_with = "accessor")]
        mode: Option<RevokeMode>,
    },
    /// Show what a token may do on a path; without a token, that in use.
    Capabilities {
        /// The path, before it the token; `-` reads the token from stdin.
        #[arg(value_name = "[TOKEN] PATH", required = true, num_args = 1..=2)]
        words: Vec<String>,
        /// The first word is an accessor.
        #[arg(long)]
        accessor: bool,
    },
}

/// Which token.
#[derive(Args)]
pub struct TokenWhose {
    /// The token, `-` to read it from stdin, or with -accessor its accessor.
    #[arg(value_name = "TOKEN")]
    pub token: Option<String>,
    /// TOKEN is an accessor.
    #[arg(long, requires = "token")]
    pub accessor: bool,
}

/// How a token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RevokeMode {
    /// Its children live on.
    Orphan,
}

/// What a new token is to be.
#[derive(Args)]
pub struct TokenCreate {
    /// A policy; may be given several times. Without any, those of the token in use.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub policy: Vec<String>,
    /// How long it lives, such as 1h.
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
    /// The longest it may live, renewals included.
    #[arg(long, value_name = "DURATION")]
    pub explicit_max_ttl: Option<String>,
    /// It lives as long as it is renewed within this time.
    #[arg(long, value_name = "DURATION")]
    pub period: Option<String>,
    /// Its name in the audit log.
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// Free text by name; may be given several times.
    #[arg(long, value_name = "NAME=TEXT")]
    pub metadata: Vec<String>,
    /// How often it can be used; 0 for without limit.
    #[arg(long, value_name = "N")]
    pub use_limit: Option<u64>,
    /// It lives on when the token in use ends.
    #[arg(long)]
    pub orphan: bool,
    /// Without the policy `default`.
    #[arg(long)]
    pub no_default_policy: bool,
    /// Whether it can be renewed.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub renewable: Option<bool>,
    /// service or batch.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// A role of the server.
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// Print only this field, such as token.
    #[arg(long, value_name = "NAME")]
    pub field: Option<String>,
}
