//! A token: checked once, wiped when dropped, never printed.

use std::fmt;

use zeroize::Zeroizing;

/// The longest token in bytes; the broker looks at no longer one.
const MAX_BYTES: usize = 8192;

/// A token that can be sent in a header. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// Why a text is no token. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing but white space.
    #[error("the token is empty; put the token into the file or variable it is read from")]
    Empty,
    /// Longer than 8 KiB.
    #[error("the token has {0} bytes, at most {MAX_BYTES} are allowed; is this the right file?")]
    TooLong(usize),
    /// White space inside.
    #[error("the token has white space inside, at byte {0}; write the token alone, on one line")]
    WhiteSpace(usize),
    /// A byte that a header cannot carry.
    #[error("the token has a byte that is not printable ASCII, at byte {0}; is the file encoded?")]
    NotPrintable(usize),
}

impl Token {
    /// Reads a token as files and variables hold it: white space around it, such as a newline at the end, is dropped.
    ///
    /// # Errors
    /// [`TokenError`], with a position but never with the text.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, TokenError> {
        let bytes = bytes.as_ref().trim_ascii();
        if bytes.is_empty() {
            return Err(TokenError::Empty);
        }
        if bytes.len() > MAX_BYTES {
            return Err(TokenError::TooLong(bytes.len()));
        }
        let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b if b.is_ascii_whitespace() => return Err(TokenError::WhiteSpace(at)),
                b if !b.is_ascii_graphic() => return Err(TokenError::NotPrintable(at)),
                b => text.push(char::from(*b)),
            }
        }
        Ok(Self(text))
    }

    /// The token in the clear. Every caller is a place where it may leave.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_a_header_can_carry() {
        let long = "x".repeat(MAX_BYTES + 1);
        let rows: [(&[u8], Result<&str, TokenError>); 9] = [
            (b"hvs.abc", Ok("hvs.abc")),
            (b" hvs.abc\r\n", Ok("hvs.abc")),
            (b"", Err(TokenError::Empty)),
            (b" \n\t", Err(TokenError::Empty)),
            (b"hvs.a b", Err(TokenError::WhiteSpace(5))),
            (b"one\ntwo", Err(TokenError::WhiteSpace(3))),
            (b"hvs.\0", Err(TokenError::NotPrintable(4))),
            ("hvs.\u{fc}".as_bytes(), Err(TokenError::NotPrintable(4))),
            (long.as_bytes(), Err(TokenError::TooLong(MAX_BYTES + 1))),
        ];
        for (given, wanted) in rows {
            let token = Token::parse(given);
            assert_eq!(token.as_ref().map(Token::expose).map_err(|e| *e), wanted);
        }
    }

    #[test]
    fn debug_and_errors_do_not_show_it() {
        let token = Token::parse("hvs.verysecret").unwrap();
        assert_eq!(format!("{token:?}"), "Token(<redacted>)");
        let error = Token::parse("hvs.very secret").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("very"));
    }
}
