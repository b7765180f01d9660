//! The options of `mount` and `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use csi_mount::laptop::{LogArgs, request};

/// Options of `mount`.
#[derive(Args, Clone, Debug)]
pub struct MountArgs {
    /// Mount of the engine when it has a slash in its name; PATH is the path below it then.
    #[arg(long, value_name = "NAME")]
    pub mount: Option<String>,
    /// Version to show. Default: the newest, and each newer one as it is written.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
    /// Files and the keys that they show, such as '{"db/pass": "password"}'. Default: a file for each key.
    #[arg(long, value_name = "MAP")]
    pub files: Option<String>,
    /// Permission bits of the files, octal.
    #[arg(long, value_name = "OCTAL", default_value = "0400", value_parser = mode)]
    pub mode: u16,
    /// What happens to the files when the server denies the secret, or it is gone.
    #[arg(long, value_enum, default_value_t = OnRevoke::Fail)]
    pub on_revoke: OnRevoke,
    /// How long the files stay while the server is away, such as 10m. Default: for ever.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_stale: Option<u64>,
    /// Seconds between two reads while the server does not tell of changes.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub interval: u64,
    /// Seconds that the first read may wait for the server.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub patience: u64,
    /// How to log.
    #[command(flatten)]
    pub log: LogArgs,
    /// The secret, such as secret/app/db.
    #[arg(value_name = "PATH")]
    pub path: String,
    /// Empty folder to mount at.
    #[arg(value_name = "DIR")]
    pub at: PathBuf,
}

/// Options of the processes of a mount.
#[derive(Args, Clone, Debug)]
pub struct MountChild {
    /// Whether the token comes in memory; it is read from ~/.vault-token otherwise.
    #[arg(long)]
    pub token_in_memory: bool,
    /// What is mounted.
    #[command(flatten)]
    pub mount: MountArgs,
}

/// What happens to the files when the server denies the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnRevoke {
    /// Every access ends with "permission denied", of open files too.
    Fail,
    /// They stay as they are.
    Keep,
}

/// Options of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// NAME=PATH#KEY for one variable, or PATH for one of each key's name; may be given several times.
    #[arg(long, value_name = "NAME=PATH#KEY", required = true)]
    pub env: Vec<String>,
    /// Mount of the engine when it has a slash in its name; each PATH is a path below it then.
    #[arg(long, value_name = "NAME")]
    pub mount: Option<String>,
    /// Pass KEYREEVE_TOKEN and VAULT_TOKEN on too.
    #[arg(long)]
    pub keep_token: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl OnRevoke {
    const fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Keep => "keep",
        }
    }
}

impl MountArgs {
    /// The same as words, with another place.
    pub fn words(&self, at: &std::path::Path) -> Vec<OsString> {
        let option = |name: &str, value: Option<String>| {
            value.map(|value| OsString::from(format!("--{name}={value}")))
        };
        let log = &self.log;
        let mut words: Vec<OsString> = [
            option("mount", self.mount.clone()),
            option("version", self.version.map(|version| version.to_string())),
            option("files", self.files.clone()),
            option("mode", Some(format!("{:o}", self.mode))),
            option("on-revoke", Some(self.on_revoke.word().to_owned())),
            option("max-stale", self.max_stale.map(|millis| format!("{}ms", millis))),
            option("interval", Some(self.interval.to_string())),
            option("patience", Some(self.patience.to_string())),
            option("log-format", Some(log.log_format.word().to_owned())),
            option("log", Some(log.log.clone())),
        ]
        .into_iter()
        .flatten()
        .collect();
        words.extend([OsString::from("--"), self.path.clone().into(), at.into()]);
        words
    }
}

fn mode(text: &str) -> Result<u16, String> {
    request::mode(text).map_err(|_| "write octal digits up to 0777, such as 0440".to_owned())
}

fn time(text: &str) -> Result<u64, String> {
    request::duration(text).map_err(|_| "write a time such as 30s, 10m or 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Cli, Command};

    #[test]
    fn words_mean_the_same_again() {
        for typed in [
            "keyreeve mount secret/app/db /mnt",
            "keyreeve mount --mount=team/kv --version=3 --mode=0440 --on-revoke=keep --max-stale=90s app/db /mnt",
            "keyreeve mount --files={\"a/b\":\"c\"} --interval=7 --patience=9 --log=debug --log-format=json s/a /mnt",
        ] {
            let parse = |words: Vec<OsString>| match Cli::try_parse_from(words).unwrap().command {
                Command::Mount(arguments) => arguments,
                _ => panic!("{typed}"),
            };
            let first = parse(typed.split(' ').map(OsString::from).collect());
            let mut words: Vec<OsString> = vec!["keyreeve".into(), "mount".into()];
            words.extend(first.words(std::path::Path::new("/mnt")));
            assert_eq!(format!("{:?}", parse(words)), format!("{first:?}"), "{typed}");
        }
    }
}
