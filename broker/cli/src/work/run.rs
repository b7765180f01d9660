//! `run`: reads secrets and becomes the command, with their values in its environment.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use broker_client::{ReadError, Session, Token};
use csi_mount::laptop::{FileMap, FilePath, request};
use zeroize::Zeroizing;

use super::mount::TOKENS;
use crate::arguments::RunArgs;
use crate::config::{Environment, Settings};
use crate::out;
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::server::{self, Server};

/// The exit codes of shells for a command that is not there, and for one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// What `-env` asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    /// The secret.
    path: &'a str,
    /// Variable and key; `None` for all keys.
    one: Option<(&'a str, &'a str)>,
}

impl<'a> Wanted<'a> {
    fn of(text: &'a str) -> Result<Self, Problem> {
        let wrong =
            || Problem::Usage("-env: write NAME=MOUNT/PATH#KEY, or MOUNT/PATH for all keys".to_owned());
        match (text.split_once('='), text.split_once('#')) {
            (Some((name, rest)), _) if is_variable(name) => {
                let (path, key) = rest
                    .split_once('#')
                    .filter(|(path, key)| !path.is_empty() && !key.is_empty())
                    .ok_or_else(wrong)?;
                Ok(Self { path, one: Some((name, key)) })
            }
            (None, None) if !text.is_empty() => Ok(Self { path: text, one: None }),
            _ => Err(wrong()),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

type Content = Zeroizing<Vec<u8>>;
type Variables = BTreeMap<String, Content>;

/// Reads the secrets and becomes the command.
///
/// # Returns
/// Only when it cannot be run: the exit code that shells give.
///
/// # Errors
/// A secret cannot be read, or makes no variable.
pub(super) async fn run(
    arguments: &RunArgs,
    settings: &Settings,
    environment: &Environment,
) -> Result<u8, Problem> {
    let wanted = arguments.env.iter().map(|text| Wanted::of(text)).collect::<Result<Vec<_>, _>>()?;
    let token = server::token(environment)?;
    let variables = variables(&wanted, arguments.mount.as_deref(), settings, token).await?;
    let Some((program, rest)) = arguments.command.split_first() else {
        return Err(Problem::Usage("write the command after --".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(rest);
    if !arguments.keep_token {
        for name in TOKENS {
            command.env_remove(name);
        }
    }
    for (name, value) in &variables {
        let value =
            std::str::from_utf8(value).ok().filter(|value| !value.contains('\0')).ok_or_else(|| {
                Problem::Failed(format!("the value for {name} cannot be a variable: it has a NUL character"))
            })?;
        command.env(name, value);
    }
    let error = command.exec();
    out::note(&format!("{} cannot be run: {error}", program.to_string_lossy()));
    Ok(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN })
}

/// The variables, each secret read once.
async fn variables(
    wanted: &[Wanted<'_>],
    mount: Option<&str>,
    settings: &Settings,
    token: Option<Token>,
) -> Result<Variables, Problem> {
    let server = Server::new(settings, token)?;
    let mut texts = BTreeMap::new();
    let mut variables = Variables::new();
    for wanted in wanted {
        if !texts.contains_key(wanted.path) {
            texts.insert(wanted.path, read(&server, server.session(), (wanted.path, mount)).await?);
        }
        let text = texts.get(wanted.path).map_or("{}", |text| text.expose());
        for (name, value) in values(wanted, text)? {
            if variables.insert(name.clone(), value).is_some() {
                return Err(Problem::Usage(format!("-env: {name} is given twice")));
            }
        }
    }
    Ok(variables)
}

async fn read(
    server: &Server,
    session: &Session,
    (path, mount): (&str, Option<&str>),
) -> Result<broker_client::SecretText, Problem> {
    let (mount, path) =
        request::secret(Some(path), mount).map_err(|error| Problem::Usage(format!("-env: {error}")))?;
    let asked = Request::new(Method::Get, format!("{mount}/data/{path}"));
    match session.read_kv2(&mount, &path, None).await {
        Ok(read) => Ok(read.data),
        Err(ReadError::Call(error)) => Err(server.problem(&asked, error)),
        Err(error) => Err(Problem::NotFound(format!("{}: {error}", asked.path))),
    }
}

/// The variables of one `-env` with their values: strings as they are, all else as JSON.
fn values(wanted: &Wanted<'_>, text: &str) -> Result<Vec<(String, Content)>, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::Failed(format!("{}: {error}", wanted.path));
    let chosen = match wanted.one {
        Some((name, key)) => {
            Some(vec![(FilePath::of_segments([name]).map_err(|error| failed(&error))?, key.to_owned())])
        }
        None => None,
    };
    let found = FileMap { chosen, mode: 0 }.files(text).map_err(|error| failed(&error))?;
    let mut values = Vec::with_capacity(found.len());
    for entry in found {
        let name = entry.path.to_string();
        if !is_variable(&name) {
            let advice =
                format!("the key {name:?} is no name of a variable; write NAME={}#{name}", wanted.path);
            return Err(failed(&advice));
        }
        values.push((name, entry.bytes));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_understood() {
        for (text, expected) in [
            ("DB=secret/app/db#password", Some(("secret/app/db", Some(("DB", "password"))))),
            ("_A1=s/a#b#c=d", Some(("s/a", Some(("_A1", "b#c=d"))))),
            ("secret/app/db", Some(("secret/app/db", None))),
            ("", None),
            ("DB=secret/app/db", None),
            ("DB=#key", None),
            ("1A=s/a#b", None),
            ("secret/app/db#password", None),
        ] {
            let expected = expected.map(|(path, one)| Wanted { path, one });
            assert_eq!(Wanted::of(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn values_are_texts_or_json() {
        let text = "{\"A\": \"x\\ny\", \"B\": 1.10, \"C\": {\"d\": [1]}}";
        let all = values(&Wanted { path: "s/a", one: None }, text).unwrap();
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(all, [("A", &b"x\ny"[..]), ("B", b"1.10"), ("C", b"{\"d\":[1]}")]);
        for (one, text, part) in [
            (Some(("A", "z")), text, "no key \"z\""),
            (None, "{\"a-b\": \"topsecret\"}", "write NAME=s/a#a-b"),
            (None, "[1]", "no JSON object"),
        ] {
            let error = values(&Wanted { path: "s/a", one }, text).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("topsecret"), "{error}");
        }
    }
}
