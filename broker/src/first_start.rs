//! The first start: a KV mount at `secret/` and one revocable root token in a file that only its owner may read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker_core::command::Command;
use broker_core::ledger::Submission;
use broker_core::mount::{Engine, MountCommand, MountInfo};
use broker_core::reason::ReasonCode;
use broker_core::record::{Draft, Kind, Object, Source};
use broker_core::refusal::Refusal;
use broker_core::row::{RowKey, Table};
use broker_core::token::{CallerRights, CreateContext, CreateRequest, TokenCommand, plan_create};

use zeroize::Zeroizing;

use crate::app::App;
use crate::clock;
use crate::files::write_private_new;
use crate::ops::token::new_ids;
use crate::store::{CommitError, ReadError};

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The ledger did not take a write.
    #[error("the store cannot be written; 32 MiB of its disk must stay free, and the log says more")]
    Commit(#[from] CommitError),
    /// The ledger refused a write.
    #[error("the store refused its first rows: {0}")]
    Refused(Refusal),
    /// The mount table cannot be read back.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
    /// The file of the root token cannot be written.
    #[error(
        "the root token cannot be written to {path}; remove the file or name another with --root-token-file"
    )]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// A record of something that the broker did by itself.
pub fn own_record(app: &App, kind: Kind, path: &str) -> Draft {
    Draft {
        time: clock::now(),
        id: app.random_id(),
        kind,
        status: 0,
        reason: ReasonCode::Ok,
        actor: None,
        via: None,
        source: Source::default(),
        object: Object { path: path.to_owned(), ..Object::default() },
        rule: None,
        report: None,
    }
}

/// Whether the first start has still to be made: nothing but its own mount was ever written.
///
/// # Errors
/// When the store cannot be read.
pub fn is_unfinished(app: &App) -> Result<bool, FirstStartError> {
    /// The revision behind the mount; the root token makes the next one.
    const AFTER_MOUNT: u64 = 1;
    let snapshot = app.ledger.snapshot()?;
    let tokens = snapshot.children(&RowKey::new(Table::Token, ""), None, 1)?;
    Ok(tokens.is_empty() && snapshot.revision() <= AFTER_MOUNT)
}

/// Makes sure that the mount and the root token are there. A first start that was cut short is finished.
///
/// # Errors
/// See [`FirstStartError`].
pub async fn prepare(app: &Arc<App>, file: &RootTokenFile) -> Result<(), FirstStartError> {
    if app.mounts.load().all().is_empty() {
        enable_secret(app).await?;
    }
    create_root_token(app, file).await
}

/// Where the root token of a first start is written, or read from.
#[derive(Clone, Debug)]
pub struct RootTokenFile {
    /// The file.
    pub path: PathBuf,
    /// Take the token that stands in the file already: for brokers that forget everything at their end.
    pub chosen: bool,
}

async fn write(app: &App, command: Command, draft: Draft) -> Result<(), FirstStartError> {
    let committed = app.ledger.commit(Submission::write(command, draft)).await?;
    committed.outcome.map(drop).map_err(FirstStartError::Refused)
}

async fn enable_secret(app: &Arc<App>) -> Result<(), FirstStartError> {
    let id = app.random_uuid();
    let mount = MountInfo {
        path: "secret".to_owned(),
        accessor: format!("kv_{}", id.get(..8).unwrap_or_default()),
        id,
        engine: Engine::Kv2,
        description: "key/value secret storage".to_owned(),
        default_lease_ttl: 0,
        max_lease_ttl: 0,
        listing_visibility: String::new(),
    };
    let command = Command::Mount(MountCommand::Enable(Box::new(mount)));
    write(app, command, own_record(app, Kind::MountWrite, "sys/mounts/secret")).await?;
    Ok(app.reload_mounts()?)
}

async fn create_root_token(app: &App, file: &RootTokenFile) -> Result<(), FirstStartError> {
    let failed = |source| FirstStartError::TokenFile { path: file.path.clone(), source };
    let chosen = if file.chosen { read_chosen(&file.path).map_err(failed)? } else { None };
    let write_it = chosen.is_none();
    let (token, ids) = new_ids(app, chosen);
    let context = CreateContext {
        parent: None,
        caller: CallerRights { is_root: true, sudo: true },
        orphan: true,
        known_policy: &|_| true,
        now: clock::now(),
    };
    let request = CreateRequest { policies: vec!["root".to_owned()], ..CreateRequest::default() };
    let (mut info, _) = plan_create(&context, request, ids).map_err(FirstStartError::Refused)?;
    if write_it {
        "root".clone_into(&mut info.display_name);
        "auth/token/root".clone_into(&mut info.path);
    }
    // The file first: a token that nobody can read back would be lost, a file without its token is only useless.
    if write_it {
        let text = Zeroizing::new(format!("{}\n", token.as_str()));
        write_private_new(&file.path, text.as_bytes()).map_err(failed)?;
    }
    let command = Command::Token(TokenCommand::Create(Box::new(info)));
    write(app, command, own_record(app, Kind::TokenCreate, "auth/token/root")).await
}

fn read_chosen(path: &Path) -> std::io::Result<Option<Zeroizing<String>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let token = Zeroizing::new(text.trim().to_owned());
    Ok((!token.is_empty()).then_some(token))
}
