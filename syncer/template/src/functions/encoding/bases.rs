//! Base64, Base32 and hexadecimal, with the places at which Go's decoders stop.

/// The letters of Base64, in order.
const LETTERS_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The letters of Base32, in order.
const LETTERS_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode(bytes: &[u8], letters: &[u8], (take, bits, group): (usize, u32, usize)) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(take) * group);
    for chunk in bytes.chunks(take) {
        let value = chunk.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let value = value << (8 * (take - chunk.len()));
        let used = (chunk.len() * 8).div_ceil(bits as usize);
        for at in 0..group {
            let shift = bits * u32::try_from(group - 1 - at).unwrap_or(0);
            let index = usize::try_from(value >> shift & ((1 << bits) - 1)).unwrap_or(0);
            out.push(if at < used { letters.get(index).copied().unwrap_or(b'=') } else { b'=' });
        }
    }
    out
}

/// Base64 with padding.
pub(crate) fn encode_64(bytes: &[u8]) -> Vec<u8> {
    encode(bytes, LETTERS_64, (3, 6, 4))
}

/// Base32 with padding.
pub(super) fn encode_32(bytes: &[u8]) -> Vec<u8> {
    encode(bytes, LETTERS_32, (5, 5, 8))
}

/// Decodes Base64; line breaks are passed over.
///
/// # Errors
/// Go's text.
pub(super) fn decode_64(text: &[u8]) -> Result<Vec<u8>, String> {
    crate::decode::base64(text, *b"+/").map_err(|at| format!("illegal base64 data at input byte {at}"))
}

/// Decodes Base32; line breaks are passed over, and places count without them.
///
/// # Errors
/// Go's text.
pub(super) fn decode_32(text: &[u8]) -> Result<Vec<u8>, String> {
    let bare: zeroize::Zeroizing<Vec<u8>> =
        zeroize::Zeroizing::new(text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    let fail = |at: usize| format!("illegal base32 data at input byte {at}");
    let mut out = Vec::with_capacity(bare.len() * 5 / 8);
    let mut at = 0;
    let mut ended = false;
    while at < bare.len() && !ended {
        let (mut value, mut letters) = (0_u64, 0);
        while letters < 8 {
            let Some(byte) = bare.get(at).copied() else { return Err(fail(bare.len() - letters)) };
            at += 1;
            if byte == b'=' && letters >= 2 {
                let rest = bare.len() - at;
                if rest + letters < 7 {
                    return Err(fail(bare.len()));
                }
                for ahead in 0..7 - letters {
                    if bare.get(at + ahead).is_some_and(|byte| *byte != b'=') {
                        return Err(fail(at + ahead - 1));
                    }
                }
                if matches!(letters, 1 | 3 | 6) {
                    return Err(fail(at - 1));
                }
                ended = true;
                break;
            }
            let Some(digit) = LETTERS_32.iter().position(|letter| *letter == byte) else {
                return Err(fail(at - 1));
            };
            value = value << 5 | digit as u64;
            letters += 1;
        }
        let value = value << (5 * (8 - letters));
        let bytes = value.to_be_bytes();
        out.extend_from_slice(bytes.get(3..3 + letters * 5 / 8).unwrap_or_default());
    }
    Ok(out)
}

/// Decodes pairs of hexadecimal digits.
///
/// # Errors
/// Go's text.
pub(super) fn decode_hex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| {
        let wrong = || {
            let quoted = crate::gofmt::quote::quoted_char(char::from(byte), false);
            format!("encoding/hex: invalid byte: U+{byte:04X} {}", String::from_utf8_lossy(quoted.bytes()))
        };
        char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or_else(wrong)
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks(2) {
        match pair {
            [high, low] => out.push(digit(*high)? << 4 | digit(*low)?),
            [last] => {
                digit(*last)?;
                return Err("encoding/hex: odd length hex string".to_owned());
            }
            _ => {}
        }
    }
    Ok(out)
}
