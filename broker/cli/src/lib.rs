//! The command keyreeve: status, kv, policy, token, audit and render at a terminal.
//!
//! The way of a command: its words get Vault's single dashes doubled (`dashes`), are parsed (`arguments`), joined with the
//! environment (`config`) and become a request and a form (`plan`); `server` sends it, `show` turns the answer into text, `out`
//! prints it. `work` is the part that touches files, the terminal and the network.

pub mod arguments;
pub mod config;
pub mod dashes;
pub mod input;
pub mod out;
pub mod pairs;
pub mod plan;
pub mod problem;
pub mod request;
pub mod server;
pub mod show;
pub mod terminal;
pub mod work;

#[cfg(test)]
mod testing;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use arguments::Cli;
use config::Environment;
use problem::Problem;

/// Carries out the command that was typed; `get` reads a variable of the environment.
///
/// # Returns
/// The exit code: 0 done, 1 what was typed or a local file is wrong, 2 the server refused or cannot be reached.
pub fn run(arguments: Vec<OsString>, get: impl Fn(&str) -> Option<OsString>) -> u8 {
    let words = dashes::doubled(arguments, &dashes::names(&Cli::command()));
    let done = match Cli::try_parse_from(words) {
        Err(error) => help(&error),
        Ok(cli) => Environment::read(get).and_then(|environment| work::run(&cli, &environment)),
    };
    match done {
        Ok(code) => code,
        Err(Problem::OutputClosed) => Problem::OutputClosed.exit_code(),
        Err(problem) => {
            out::note(&problem.to_string());
            problem.exit_code()
        }
    }
}

/// What is said instead of carrying out what was typed: help that was asked for, or what is wrong.
fn help(error: &clap::Error) -> Result<u8, Problem> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            out::print(&error.render().to_string()).map(|()| 0)
        }
        _ => Err(Problem::Usage(wrong(error))),
    }
}

/// What is wrong with what was typed. A word too many may be a token or a value, so it is not repeated.
fn wrong(error: &clap::Error) -> String {
    let word = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) => word.as_str(),
        _ => "-",
    };
    if error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-') {
        return "there is a word too many; add --help to see what the command takes".to_owned();
    }
    error.render().to_string().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn errors_do_not_repeat_what_may_be_a_secret() {
        let check = |typed: &str, expected: &str| {
            let error = Cli::try_parse_from(testing::words(typed)).err().unwrap_or_else(|| panic!("{typed}"));
            let text = wrong(&error);
            assert!(text.contains(expected) && !text.contains("topsecret"), "{typed}: {text}");
        };
        check("token lookup a topsecret", "a word too many");
        check("login a topsecret", "a word too many");
        check("token lookup -nonsense", "unexpected argument");
        check("kv put secret/a --pass=topsecret", "unexpected argument '--pass'");
        check("kv put", "required");
        check("token revoke -self topsecret", "cannot be used with");
    }
}
