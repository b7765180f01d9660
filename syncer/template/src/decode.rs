//! `decodingStrategy`: how a fetched value becomes the bytes of the Secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::SecretValue;

/// Padding is required; bits behind the last byte may be set, as the reference operator allows.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The field `decodingStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecodingStrategy {
    /// The value as it is.
    #[default]
    None,
    /// Standard alphabet with padding; anything else is an error.
    Base64,
    /// URL alphabet with padding; anything else is an error.
    Base64Url,
    /// Base64, else Base64URL, else the value as it is. Text that happens to be Base64 *is* decoded.
    Auto,
}

/// A value that is not what its `decodingStrategy` says, in the words of the reference operator. Use another strategy,
/// or correct the value at the place that is named, a byte from 0.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not standard Base64 with padding.
    #[error("error applying decoding strategy Base64 to data: illegal base64 data at input byte {0}")]
    Base64(usize),
    /// Not URL-safe Base64 with padding.
    #[error("error applying decoding strategy Base64URL to data: illegal base64 data at input byte {0}")]
    Base64Url(usize),
}

impl DecodingStrategy {
    /// The strategy that a manifest names, `None` for an unknown name. The empty name is `None`'s.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "" | "None" => Some(Self::None),
            "Base64" => Some(Self::Base64),
            "Base64URL" => Some(Self::Base64Url),
            "Auto" => Some(Self::Auto),
            _ => None,
        }
    }

    /// Decodes one value.
    ///
    /// # Errors
    /// [`DecodeError`] for `Base64` and `Base64URL` if the value is not of that form; it never holds the value.
    pub fn apply(self, value: SecretValue) -> Result<SecretValue, DecodeError> {
        match self {
            Self::None => Ok(value),
            Self::Base64 => decode(&STANDARD, &value)
                .ok_or_else(|| DecodeError::Base64(illegal_at(value.expose(), *b"+/"))),
            Self::Base64Url => {
                decode(&URL, &value).ok_or_else(|| DecodeError::Base64Url(illegal_at(value.expose(), *b"-_")))
            }
            Self::Auto => Ok(decode(&STANDARD, &value).or_else(|| decode(&URL, &value)).unwrap_or(value)),
        }
    }
}

/// Line breaks are skipped, as Go's decoder does.
fn decode(engine: &GeneralPurpose, value: &SecretValue) -> Option<SecretValue> {
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(
        value.expose().iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect(),
    );
    engine.decode(text.as_slice()).ok().map(SecretValue::new)
}

/// Decodes Base64 with these two last letters and padding; line breaks are skipped.
///
/// # Errors
/// The byte at which Go's decoder stops.
pub(crate) fn base64(text: &[u8], last: [u8; 2]) -> Result<Vec<u8>, usize> {
    let engine = if last == *b"-_" { &URL } else { &STANDARD };
    let bare: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    engine.decode(bare.as_slice()).map_err(|_| illegal_at(text, last))
}

/// Where Go's decoder stops at text that is not Base64: the byte that cannot stand there, else the beginning of the
/// group of four that is cut short, else the end where padding is missing.
fn illegal_at(text: &[u8], last: [u8; 2]) -> usize {
    let mut bytes = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let mut in_group = 0;
    while let Some((at, byte)) = bytes.next() {
        if byte.is_ascii_alphanumeric() || last.contains(&byte) {
            in_group = (in_group + 1) % 4;
            continue;
        }
        if byte != b'=' || in_group < 2 {
            return at;
        }
        if in_group == 2 {
            match bytes.next() {
                None => return text.len(),
                Some((_, b'=')) => {}
                Some((next, _)) => return next - 1,
            }
        }
        return bytes.next().map_or(text.len(), |(next, _)| next);
    }
    text.len() - in_group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(strategy: &str, input: &str, want: Result<&[u8], DecodeError>) {
        let strategy = DecodingStrategy::from_name(strategy).unwrap();
        let got = strategy.apply(SecretValue::from(input));
        assert_eq!(got.as_ref().map(SecretValue::expose), want.as_ref().copied(), "{strategy:?} {input:?}");
    }

    #[test]
    fn strategies() {
        check("", "Zm9v", Ok(b"Zm9v"));
        check("None", "Zm9v", Ok(b"Zm9v"));
        check("Base64", "Zm9v", Ok(b"foo"));
        check("Base64", "", Ok(b""));
        check("Base64", "Zm9v\nZm9v\r\n", Ok(b"foofoo"));
        check("Base64", "Zm8=", Ok(b"fo"));
        check("Base64", "Zm8", Err(DecodeError::Base64(0)));
        check("Base64", "Zm9=", Ok(b"fo"));
        check("Base64", "-_-_", Err(DecodeError::Base64(0)));
        check("Base64", "!!notb64!!", Err(DecodeError::Base64(0)));
        check("Base64", " Zm9v", Err(DecodeError::Base64(0)));
        check("Base64", "Zm9vZm9", Err(DecodeError::Base64(4)));
        check("Base64", "Zm9vZm9!", Err(DecodeError::Base64(7)));
        check("Base64", "Zm9vZ===", Err(DecodeError::Base64(5)));
        check("Base64", "Zm9vZm=", Err(DecodeError::Base64(7)));
        check("Base64", "Zm9vZm=v", Err(DecodeError::Base64(6)));
        check("Base64", "Zm8=Zm9v", Err(DecodeError::Base64(4)));
        check("Base64", "Zm9v\nZm8=x", Err(DecodeError::Base64(9)));
        check("Base64URL", "-_-_", Ok(&[0xfb, 0xff, 0xbf]));
        check("Base64URL", "+/+/", Err(DecodeError::Base64Url(0)));
        check("Auto", "+/+/", Ok(&[0xfb, 0xff, 0xbf]));
        check("Auto", "-_-_", Ok(&[0xfb, 0xff, 0xbf]));
        check("Auto", "abcd1234", Ok(&[0x69, 0xb7, 0x1d, 0xd7, 0x6d, 0xf8]));
        check("Auto", "plain text", Ok(b"plain text"));
        check("Auto", "abc", Ok(b"abc"));
    }

    #[test]
    fn unknown_names_are_refused() {
        for name in ["base64", "Base64Url", "auto", "none", "hex"] {
            assert_eq!(DecodingStrategy::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn errors_do_not_hold_the_value() {
        let err = DecodingStrategy::Base64.apply(SecretValue::from("hunter2!")).unwrap_err();
        assert!(!format!("{err} {err:?}").contains("hunter2"));
    }
}
