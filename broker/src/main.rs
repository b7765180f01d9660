//! The broker's program: parse, check, start, run, end.

use std::process::ExitCode;

use broker::config::{Cli, Config, ConfigTask, Task};
use broker::{run, telemetry};
use clap::Parser;

fn main() -> ExitCode {
    match work(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            broker::say::error(&message);
            ExitCode::FAILURE
        }
    }
}

fn work(task: Task) -> Result<(), String> {
    match task {
        Task::Version => broker::say::line(&format!("keyreeve-broker {}", env!("CARGO_PKG_VERSION"))),
        Task::Config { command: ConfigTask::Check(args) } => {
            let config = Config::of(&args).map_err(|e| e.to_string())?;
            broker::say::line(&config.describe());
        }
        Task::Serve(args) => {
            let config = Config::of(&args).map_err(|e| e.to_string())?;
            telemetry::start(config.log_format, &config.log).map_err(|e| format!("--log: {e}"))?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(|e| e.to_string())?.block_on(run::run(&config)).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
