//! The node driver's program: parse, check, mount, serve, unmount.

use std::process::ExitCode;

use clap::Parser;
use csi_mount::config::{Cli, Config, Task};
use csi_mount::{run, say, telemetry};

fn main() -> ExitCode {
    match work(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say::error(&message);
            ExitCode::FAILURE
        }
    }
}

fn work(task: Task) -> Result<(), String> {
    match task {
        Task::Version => say::line(&format!("keyreeve-csi {}", env!("CARGO_PKG_VERSION"))),
        Task::Mount(args) => {
            let config = Config::of(&args).map_err(|e| e.to_string())?;
            telemetry::start(&config.log).map_err(|e| format!("--log: {e}"))?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.map_err(|e| e.to_string())?.block_on(run::run(&config)).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
