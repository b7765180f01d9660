//! Log lines: set up once, to standard error, text or JSON.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::LogFormat;

/// Starts logging. Libraries that would name paths of secrets stay quiet, whatever the filter says.
///
/// # Errors
/// A filter that cannot be understood.
pub fn start(format: LogFormat, filter: &str) -> Result<(), ParseError> {
    let mut filter = EnvFilter::try_new(filter)?;
    for directive in broker_client::QUIET.split(',') {
        filter = filter.add_directive(directive.parse()?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as tests do, keeps the first.
    let _kept = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
