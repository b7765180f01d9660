//! PKCS#12 stores, as far as Go's `go-pkcs12` reads and writes them.

mod cipher;
mod kdf;
mod mac;
mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::{write, write_trusted};

use zeroize::Zeroizing;

use crate::error::Error;

/// Rounds of hashing and iterations that a store may ask for: about two seconds.
const MOST_ITERATIONS: i64 = 5_000_000;

/// A password in the two forms that PKCS#12 hashes.
pub(crate) struct Password {
    /// 16 bits for each character, two zero bytes behind them. Empty for no password at all.
    wide: Zeroizing<Vec<u8>>,
    /// UTF-8.
    utf8: Zeroizing<Vec<u8>>,
}

impl Password {
    /// A password of these bytes; what is not UTF-8 among them counts as U+FFFD.
    fn new(bytes: &[u8]) -> Result<Self, Error> {
        let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
        let mut wide = wide(&text)?;
        wide.extend_from_slice(&[0, 0]);
        Ok(Self { wide, utf8: Zeroizing::new(text.as_bytes().to_vec()) })
    }

    /// Whether it is the empty password.
    fn is_empty(&self) -> bool {
        self.utf8.is_empty()
    }

    /// No password, which some programs write for the empty one.
    fn none() -> Self {
        Self { wide: Zeroizing::default(), utf8: Zeroizing::default() }
    }
}

/// A text with 16 bits for each character.
fn wide(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
    for char in text.chars() {
        let unit = u16::try_from(u32::from(char))
            .map_err(|_| Error::new("pkcs12: string contains characters that cannot be encoded in UCS-2"))?;
        out.extend_from_slice(&unit.to_be_bytes());
    }
    Ok(out)
}

/// A number of iterations that is worked through: at least one, as in Go, and not too many.
fn iterations(number: i64) -> Result<u32, Error> {
    if number > MOST_ITERATIONS {
        return Err(Error::new("pkcs12: more than 5000000 iterations are not worked through"));
    }
    Ok(u32::try_from(number.max(1)).unwrap_or(1))
}
