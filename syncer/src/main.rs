//! The syncer's program: parse, check, run, end.

use std::process::ExitCode;

use clap::Parser;
use syncer::config::{Cli, Config};
use syncer::{cluster, standalone, telemetry};

fn main() -> ExitCode {
    let in_a_cluster = std::env::args_os().nth(1).is_some_and(|mode| mode == "cluster");
    match if in_a_cluster { in_cluster() } else { alone() } {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            syncer::say::error(&message);
            ExitCode::FAILURE
        }
    }
}

/// Whether every object that had to be served was.
fn alone() -> Result<bool, String> {
    let config = Config::of(&Cli::parse()).map_err(|e| e.to_string())?;
    telemetry::start(config.log_format, &config.log).map_err(|e| format!("--log: {e}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(standalone::run(config)).map_err(|e| e.to_string())
}

fn in_cluster() -> Result<bool, String> {
    let cli = cluster::config::Cli::parse_from(std::env::args_os().skip(1));
    let config = cluster::config::Config::of(&cli).map_err(|e| e.to_string())?;
    telemetry::start(cli.log_format, &cli.log).map_err(|e| format!("--log: {e}"))?;
    // It waits for others most of the time; one worker needs the least memory and no wake-ups between processors.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime
        .map_err(|e| e.to_string())?
        .block_on(cluster::run(config))
        .map(|()| true)
        .map_err(|e| e.to_string())
}
