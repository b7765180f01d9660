//! The node driver's program: parse, check, and become one of its processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use csi_mount::config::{Cli, LogArgs, NodeArgs, NodeConfig, Task};
use csi_mount::keeper::{self, Use};
use csi_mount::{control, mutate, say, serve, telemetry};

fn main() -> ExitCode {
    match work(Cli::parse().command) {
        Ok(code) => code,
        Err(message) => {
            say::error(&message);
            ExitCode::FAILURE
        }
    }
}

fn work(task: Task) -> Result<ExitCode, String> {
    match task {
        Task::Version => say::line(&format!("keyreeve-csi {}", env!("CARGO_PKG_VERSION"))),
        Task::Node(args) => return node(&args),
        Task::Serve(log) => {
            start_log(&log)?;
            serve::run().map_err(|e| e.to_string())?;
        }
        Task::Mutate(log) => {
            start_log(&log)?;
            mutate::run().map_err(|e| e.to_string())?;
        }
        Task::Control(args) => {
            start_log(&args.log)?;
            let config = NodeConfig::of(&args).map_err(|e| e.to_string())?;
            control::node(config).map_err(|e| e.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn start_log(log: &LogArgs) -> Result<(), String> {
    telemetry::start(log).map_err(|e| format!("--log: {e}"))
}

/// The keeper of a node. What is wrong with the flags is said before anything is mounted.
fn node(args: &NodeArgs) -> Result<ExitCode, String> {
    start_log(&args.log)?;
    NodeConfig::of(args).map_err(|e| e.to_string())?;
    let typed = std::env::args_os().skip(1).skip_while(|argument| argument != "node").skip(1);
    let child = |name: &str| -> Vec<OsString> {
        let format = args.log.log_format.word();
        [name, "--log-format", format, "--log", &args.log.log].map(OsString::from).into()
    };
    let options = keeper::Options {
        purpose: Use::Node { holder: args.base_dir.clone() },
        program: PathBuf::from("/proc/self/exe"),
        title: "keyreeve-csi",
        server: child("serve"),
        mutator: child("mutate"),
        control: std::iter::once(OsString::from("control")).chain(typed).collect(),
        stall: Duration::from_secs(args.stall),
    };
    keeper::run(&options).map(ExitCode::from).map_err(|e| e.to_string())
}
