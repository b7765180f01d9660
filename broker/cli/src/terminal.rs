//! Asking for a secret at a terminal without showing what is typed.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::out;
use crate::problem::Problem;

/// The longest line that can be typed, in bytes.
const MAX_LINE: usize = 16 << 10;

/// Whether a person types into stdin.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Asks, and reads a line of which nothing is shown. Control-C and Control-D give up.
///
/// # Errors
/// The terminal cannot be used, or the person gave up.
pub fn ask(question: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    out::prompt(question);
    let line = {
        let _silent =
            Silent::new().map_err(|error| Problem::file("the terminal cannot be silenced", error))?;
        read_line(io::stdin().lock())
    };
    out::note("");
    line
}

/// The terminal without echo, line editing and signals; as it was before when dropped.
struct Silent(Termios);

impl Silent {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        // Without signals, or Control-C would leave the terminal silent.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing left to restore.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Reads keys up to Return; Backspace and Control-U work.
fn read_line(keys: impl BufRead) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    for key in keys.bytes() {
        match key.map_err(|error| Problem::file("the terminal cannot be read", error))? {
            b'\r' | b'\n' => return Ok(line),
            0x03 | 0x04 => return Err(Problem::Input("given up".to_owned())),
            0x08 | 0x7f => {
                line.pop();
            }
            0x15 => line.clear(),
            key if line.len() < MAX_LINE => line.push(key),
            _ => return Err(Problem::Input(format!("the line is longer than {MAX_LINE} bytes"))),
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_a_line() {
        let check = |keys: &[u8], expected: Option<&[u8]>| {
            assert_eq!(read_line(keys).ok().as_deref().map(Vec::as_slice), expected);
        };
        check(b"abc\rdef", Some(b"abc"));
        check(b"abc", Some(b"abc"));
        check(b"ab\x7fc\x08d\n", Some(b"ad"));
        check(b"\x7fa\x15b\n", Some(b"b"));
        check(b"abc\x03", None);
        check(b"\x04", None);
        check(&[b'a'; MAX_LINE + 1], None);
    }
}
