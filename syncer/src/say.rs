//! What the program says at a terminal, apart from its log.

use std::io::Write;

/// An error on standard error; a closed one is no error.
pub fn error(text: &str) {
    let _closed = writeln!(std::io::stderr(), "keyreeve-syncer: {text}");
}
