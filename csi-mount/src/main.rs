//! The node driver's program: parse, become one of its processes, and end with its exit code.

use std::process::ExitCode;

use clap::Parser;
use csi_mount::config::Cli;
use csi_mount::{node, say};

fn main() -> ExitCode {
    match node::work(Cli::parse().command, std::env::args_os().skip(1)) {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            say::error(&message);
            ExitCode::FAILURE
        }
    }
}
