//! What the program says at a terminal, apart from its log.

use std::io::Write;

/// A line on standard output; a closed pipe is no error.
pub fn line(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// An error on standard error.
pub fn error(text: &str) {
    let _closed = writeln!(std::io::stderr(), "keyreeve-csi: {text}");
}
