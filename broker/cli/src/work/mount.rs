//! `mount`: looks at the place, then becomes the keeper of a mount, without a token in its environment.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use csi_mount::laptop::{self, Children, FileMap, LogArgs, Rules, SecretRef, Single, request};

use crate::arguments::{MountArgs, MountChild, OnRevoke};
use crate::config::{Environment, Settings};
use crate::problem::Problem;
use crate::server;

/// Where a token may be that everybody with the same user could see in `/proc`.
pub(super) const TOKENS: [&str; 2] = ["KEYREEVE_TOKEN", "VAULT_TOKEN"];

/// Checks what was typed and becomes the keeper.
///
/// # Errors
/// What is wrong with it; nothing is mounted then.
pub(super) fn start(
    arguments: &MountArgs,
    settings: &Settings,
    environment: &Environment,
) -> Result<u8, Problem> {
    start_log(&arguments.log)?;
    what(arguments, settings)?;
    let token = server::token(environment)?.ok_or_else(|| {
        Problem::Usage("there is no token: set VAULT_TOKEN, or log in with `keyreeve login`".to_owned())
    })?;
    let at = laptop::ready(&arguments.at).map_err(|error| Problem::Failed(error.to_string()))?;
    let mut words: Vec<OsString> = vec!["mount-keep".into()];
    let mut command = Command::new("/proc/self/exe");
    if environment.token.is_some() {
        let file = laptop::in_memory(&token)
            .map_err(|error| Problem::file("the token cannot be kept in memory", error))?;
        command.stdin(Stdio::from(file));
        words.push("--token-in-memory".into());
    } else {
        command.stdin(Stdio::null());
    }
    for name in TOKENS {
        command.env_remove(name);
    }
    words.extend(server_words(settings));
    words.extend(arguments.words(&at));
    Err(Problem::file("the keeper cannot be started", command.arg0("keyreeve").args(words).exec()))
}

/// The settings as words.
fn server_words(settings: &Settings) -> Vec<OsString> {
    let mut words = vec![OsString::from("--address"), settings.address.clone().into()];
    if let Some(namespace) = &settings.namespace {
        words.extend(["--namespace".into(), namespace.clone().into()]);
    }
    if let Some(file) = &settings.ca_cert {
        words.extend(["--ca-cert".into(), file.clone().into()]);
    }
    words
}

/// What is to be mounted, as far as words say it.
fn what(arguments: &MountArgs, settings: &Settings) -> Result<Single, Problem> {
    let usage = |error: request::RequestError| Problem::Usage(error.to_string());
    let (mount, path) = request::secret(Some(&arguments.path), arguments.mount.as_deref()).map_err(usage)?;
    let chosen = arguments.files.as_deref().map(request::chosen).transpose().map_err(usage)?;
    Ok(Single {
        at: arguments.at.clone(),
        client: server::client(settings)?,
        token_file: None,
        secret: SecretRef { mount, path, version: arguments.version },
        files: FileMap { chosen, mode: arguments.mode },
        rules: Rules { keep: arguments.on_revoke == OnRevoke::Keep, max_stale: arguments.max_stale },
        interval: Duration::from_secs(arguments.interval),
        patience: Duration::from_secs(arguments.patience),
    })
}

/// Keeps the mount.
///
/// # Errors
/// It cannot be made, or is lost.
pub(super) fn keep(child: &MountChild, settings: &Settings) -> Result<u8, Problem> {
    let log = &child.mount.log;
    start_log(log)?;
    let of = |name: &str| {
        vec![
            name.into(),
            "--log-format".into(),
            log.log_format.word().into(),
            "--log".into(),
            log.log.clone().into(),
        ]
    };
    let mut control: Vec<OsString> = vec!["mount-control".into()];
    if child.token_in_memory {
        control.push("--token-in-memory".into());
    }
    control.extend(server_words(settings));
    control.extend(child.mount.words(&child.mount.at));
    let children = Children { server: of("mount-serve"), mutator: of("mount-mutate"), control };
    laptop::keep(&child.mount.at, child.token_in_memory, children)
        .map_err(|error| Problem::Failed(error.to_string()))
}

/// Serves the files of a mount.
///
/// # Errors
/// Why it ended.
pub(super) fn serve(log: &LogArgs) -> Result<(), Problem> {
    start_log(log)?;
    laptop::serve().map_err(|error| Problem::Failed(error.to_string()))
}

/// Changes the files of a mount.
///
/// # Errors
/// Why it ended.
pub(super) fn mutate(log: &LogArgs) -> Result<(), Problem> {
    start_log(log)?;
    laptop::mutate().map_err(|error| Problem::Failed(error.to_string()))
}

/// Follows the secret of a mount.
///
/// # Errors
/// Why it ended.
pub(super) fn control(
    child: &MountChild,
    settings: &Settings,
    environment: &Environment,
) -> Result<u8, Problem> {
    start_log(&child.mount.log)?;
    let token_file = if child.token_in_memory { None } else { Some(environment.token_file()?) };
    let what = Single { token_file, ..what(&child.mount, settings)? };
    laptop::control(what).map(|()| 0).map_err(|error| match error {
        laptop::SingleError::Nothing(_) => Problem::Refused(error.to_string()),
        error => Problem::Failed(error.to_string()),
    })
}

fn start_log(log: &LogArgs) -> Result<(), Problem> {
    laptop::start_log(log).map_err(|error| Problem::Usage(format!("-log: {error}")))
}
