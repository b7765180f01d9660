//! Log lines: set up once, to standard error, text or JSON.

use broker_client::QUIET;
use tracing_subscriber::EnvFilter;

use crate::config::{LogArgs, LogFormat};

/// Starts logging. The libraries that would name paths of secrets or requests of the kernel stay quiet.
///
/// # Errors
/// A filter that cannot be understood.
pub fn start(log: &LogArgs) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(format!("{},{QUIET},fuser=error,tonic=error", log.log))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as tests do, keeps the first.
    let _kept = match log.log_format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
