//! The command keyreeve: hands over what was typed and ends with the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(keyreeve_cli::run(std::env::args_os().collect(), |name| std::env::var_os(name)))
}
