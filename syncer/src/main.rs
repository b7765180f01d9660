//! The syncer's program: parse, check, run, end.

use std::process::ExitCode;

use clap::Parser;
use syncer::config::{Cli, Config};
use syncer::{standalone, telemetry};

fn main() -> ExitCode {
    match work(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            syncer::say::error(&message);
            ExitCode::FAILURE
        }
    }
}

/// Whether every object that had to be served was.
fn work(cli: &Cli) -> Result<bool, String> {
    let config = Config::of(cli).map_err(|e| e.to_string())?;
    telemetry::start(config.log_format, &config.log).map_err(|e| format!("--log: {e}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(standalone::run(config)).map_err(|e| e.to_string())
}
