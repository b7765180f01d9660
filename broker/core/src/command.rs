//! Commands: every write of the broker as a value, and what follows from it, decided without I/O.

use crate::auth::AuthCommand;
use crate::kv1::Kv1Command;
use crate::kv2::{Kv2Command, VersionInfo};
use crate::mount::MountCommand;
use crate::policy::PolicyCommand;
use crate::refusal::Refusal;
use crate::row::{Mutation, Need, Rows};
use crate::sender::SenderCommand;
use crate::token::{TokenCommand, TokenInfo};

/// A write, with everything it depends on except the rows: time and random bytes are inside.
#[derive(Debug)]
pub enum Command {
    /// A write to a KV version 2 mount.
    Kv2(Kv2Command),
    /// A write to a KV version 1 mount.
    Kv1(Kv1Command),
    /// A change of the mount table.
    Mount(MountCommand),
    /// A change of the policies.
    Policy(PolicyCommand),
    /// A change of the tokens.
    Token(TokenCommand),
    /// A step in the numbering of a sender of delivery records.
    Sender(SenderCommand),
    /// A change of the auth methods, or a login.
    Auth(AuthCommand),
}

/// Why a decision stopped.
#[derive(Debug)]
pub enum Halt {
    /// It needs to see more rows; load them and decide again.
    Need(Vec<Need>),
    /// The command is refused; nothing is written but its record.
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a command does: the rows to change, what subscribers are told, and what the caller is answered.
#[derive(Debug, Default)]
pub struct Effects {
    /// Rows to change, in order.
    pub mutations: Vec<Mutation>,
    /// What the change stream says; names and versions only.
    pub changes: Vec<Change>,
    /// What the caller is answered.
    pub reply: Reply,
}

/// The answer of a command to its caller.
#[derive(Debug, Default)]
pub enum Reply {
    /// Done, nothing to say (204).
    #[default]
    Done,
    /// The metadata of the version that was written.
    Version(VersionInfo),
    /// The token that was created, renewed or revoked.
    Token(Box<TokenInfo>),
    /// Tokens that ended, by accessor.
    Revoked(Vec<String>),
    /// Numbers missing before a batch of a sender: first and last.
    Gap(Option<(u64, u64)>),
}

/// One line of the change stream: names and versions, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A KV version 2 key changed: written, deleted, undeleted, destroyed, or its metadata changed.
    Kv2 {
        /// Mount path without its trailing slash.
        mount: String,
        /// Path of the secret below the mount.
        path: String,
        /// The version the change is about; 0 when it is about the key as a whole.
        version: u64,
        /// What happened.
        action: ChangeAction,
    },
    /// A KV version 1 key changed.
    Kv1 {
        /// Mount path without its trailing slash.
        mount: String,
        /// Path of the secret below the mount.
        path: String,
        /// What happened.
        action: ChangeAction,
    },
    /// A token ended before its time.
    TokenRevoked {
        /// Its accessor.
        accessor: String,
    },
    /// A policy was written or deleted.
    PolicyChanged {
        /// Its name.
        name: String,
    },
    /// A mount was enabled, tuned or disabled.
    MountChanged {
        /// Its path without the trailing slash.
        mount: String,
    },
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeAction {
    /// A new value.
    Write,
    /// Versions were soft-deleted.
    Delete,
    /// Versions came back.
    Undelete,
    /// Values were destroyed for good.
    Destroy,
    /// The metadata changed.
    Metadata,
    /// The key is gone with everything below it.
    Remove,
}

impl ChangeAction {
    /// The word in the change stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Destroy => "destroy",
            Self::Metadata => "metadata",
            Self::Remove => "remove",
        }
    }
}

/// Decides a command over the rows loaded so far.
///
/// # Errors
/// [`Halt::Need`] names rows to load before deciding again; [`Halt::Refused`] is the final no.
pub fn apply(rows: &Rows, command: &Command) -> Result<Effects, Halt> {
    match command {
        Command::Kv2(c) => crate::kv2::apply(rows, c),
        Command::Kv1(c) => crate::kv1::apply(rows, c),
        Command::Mount(c) => crate::mount::apply(rows, c),
        Command::Policy(c) => crate::policy::apply(rows, c),
        Command::Token(c) => crate::token::apply(rows, c),
        Command::Sender(c) => crate::sender::apply(rows, c),
        Command::Auth(c) => crate::auth::apply(rows, c),
    }
}
