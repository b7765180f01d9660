//! The only place that prints: to stdout what was asked for, to stderr what is said about it.

use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::problem::Problem;

/// Writes to stdout and flushes.
///
/// # Errors
/// [`Problem::OutputClosed`] when nobody reads any more, [`Problem::File`] for any other failure, such as a full disk.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Problem::OutputClosed,
        _ => Problem::file("stdout cannot be written", error),
    })
}

/// Writes a line to stderr. If that fails there is no place left to say so.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes to stderr without a line end, for a prompt.
pub fn prompt(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether a person looks at stdout.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
