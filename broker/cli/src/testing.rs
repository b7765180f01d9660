//! What the tests of this crate share.

use std::ffi::OsString;

use clap::CommandFactory;

use crate::arguments::Cli;
use crate::dashes;

/// The words of a command line as the parser gets them, the program's name first.
pub(crate) fn words(typed: &str) -> Vec<OsString> {
    let all = ["keyreeve"].into_iter().chain(typed.split(' ')).map(OsString::from).collect();
    dashes::doubled(all, &dashes::names(&Cli::command()))
}
