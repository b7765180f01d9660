//! Checksums.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::function::{Call, Failure, Function};
use crate::go::Value;

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "adler32sum", signature: "func(string) string", call: adler32sum },
    Function { name: "sha1sum", signature: "func(string) string", call: sum::<Sha1> },
    Function { name: "sha256sum", signature: "func(string) string", call: sum::<Sha256> },
    Function { name: "sha512sum", signature: "func(string) string", call: sum::<Sha512> },
];

/// The hash in lower-case hexadecimal digits.
fn sum<D: Digest>(call: &mut Call<'_>) -> Result<Value, Failure> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let hash = D::digest(call.str(0)?);
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let text: Vec<u8> = hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    Ok(Value::string(text))
}

/// Adler-32 as a decimal number.
fn adler32sum(call: &mut Call<'_>) -> Result<Value, Failure> {
    const MODULUS: u32 = 65521;
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in call.str(0)? {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    Ok(Value::string((high << 16 | low).to_string()))
}
