//! Names of Secret keys: `conversionStrategy`, what Kubernetes accepts, and the size limit of a Secret.

use std::fmt::Write as _;

/// Longest key of a Secret, in bytes.
pub const MAX_KEY_BYTES: usize = 253;

/// Largest sum of all values of one Secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 1024 * 1024;

/// The field `conversionStrategy`: how a provider's key becomes a Secret key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConversionStrategy {
    /// Each illegal character becomes `_`.
    #[default]
    Default,
    /// Each illegal character becomes `_U` + its code point in lower-case hexadecimal (at least four digits) + `_`.
    Unicode,
}

/// Why a name cannot be a key of a Secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The name is empty.
    #[error("the key is empty; give it a name")]
    Empty,
    /// Longer than [`MAX_KEY_BYTES`].
    #[error("the key has {0} bytes, a Secret's key at most {MAX_KEY_BYTES}; rename it at the provider")]
    TooLong(usize),
    /// A character outside `[-._a-zA-Z0-9]`, given here.
    #[error(
        "the key has the illegal character {0:?}; allowed are letters, digits, '-', '_' and '.'; set conversionStrategy or rename it at the provider"
    )]
    Character(char),
    /// `.`, `..` or a name that begins with `..`.
    #[error("the key must not be '.' or begin with '..'; rename it at the provider")]
    Dots,
}

impl ConversionStrategy {
    /// The strategy that a manifest names, `None` for an unknown name. The empty name is `Default`'s.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "" | "Default" => Some(Self::Default),
            "Unicode" => Some(Self::Unicode),
            _ => None,
        }
    }

    /// Converts one key. Letters and digits of any script stay, so the result may still be illegal:
    /// [`check_key`] decides.
    pub fn apply(self, key: &str) -> String {
        let mut out = String::with_capacity(key.len());
        for ch in key.chars() {
            if ch.is_alphanumeric() || matches!(ch, '-' | '.' | '_') {
                out.push(ch);
            } else if self == Self::Default {
                out.push('_');
            } else {
                // Writing to a String cannot fail.
                let _ = write!(out, "_U{:04x}_", u32::from(ch));
            }
        }
        out
    }
}

/// Whether Kubernetes takes `key` as a key of a Secret.
///
/// # Errors
/// [`KeyError`] names the first rule that is broken.
pub fn check_key(key: &str) -> Result<(), KeyError> {
    if key.is_empty() {
        return Err(KeyError::Empty);
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong(key.len()));
    }
    if let Some(ch) = key.chars().find(|ch| !ch.is_ascii_alphanumeric() && !matches!(ch, '-' | '.' | '_')) {
        return Err(KeyError::Character(ch));
    }
    if key == "." || key.starts_with("..") {
        return Err(KeyError::Dots);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_convert(key: &str, default: &str, unicode: &str) {
        assert_eq!(ConversionStrategy::Default.apply(key), default, "Default {key:?}");
        assert_eq!(ConversionStrategy::Unicode.apply(key), unicode, "Unicode {key:?}");
    }

    #[test]
    fn conversion() {
        check_convert("plain-key_1.x", "plain-key_1.x", "plain-key_1.x");
        check_convert("bad key", "bad_key", "bad_U0020_key");
        check_convert("a/b", "a_b", "a_U002f_b");
        check_convert("🔑", "_", "_U1f511_");
        check_convert("größe", "größe", "größe");
        check_convert("½", "½", "½");
        check_convert("", "", "");
    }

    #[test]
    fn names() {
        assert_eq!(ConversionStrategy::from_name(""), Some(ConversionStrategy::Default));
        assert_eq!(ConversionStrategy::from_name("Default"), Some(ConversionStrategy::Default));
        assert_eq!(ConversionStrategy::from_name("Unicode"), Some(ConversionStrategy::Unicode));
        assert_eq!(ConversionStrategy::from_name("unicode"), None);
    }

    #[test]
    fn validity() {
        for (key, want) in [
            ("a", Ok(())),
            ("tls.crt", Ok(())),
            (".dockerconfigjson", Ok(())),
            ("-", Ok(())),
            ("", Err(KeyError::Empty)),
            (".", Err(KeyError::Dots)),
            ("..", Err(KeyError::Dots)),
            ("..data", Err(KeyError::Dots)),
            ("a..b", Ok(())),
            ("in valid", Err(KeyError::Character(' '))),
            ("größe", Err(KeyError::Character('ö'))),
            ("a/b", Err(KeyError::Character('/'))),
        ] {
            assert_eq!(check_key(key), want, "{key:?}");
        }
        assert_eq!(check_key(&"k".repeat(253)), Ok(()));
        assert_eq!(check_key(&"k".repeat(254)), Err(KeyError::TooLong(254)));
    }
}
