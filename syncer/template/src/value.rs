//! The bytes of one secret value: wiped when dropped, never printed.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that must not leak: wiped from memory when dropped, redacted in `Debug`, not comparable by accident.
#[derive(Clone, Default)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes over bytes that hold a secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes in the clear. Every caller is a place where a secret may leave.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Zeroizing<String>> for SecretValue {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self::new(std::mem::take(&mut *text).into_bytes())
    }
}

impl From<&str> for SecretValue {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<redacted, {} bytes>", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_bytes() {
        let shown = format!("{:?} {:?}", SecretValue::from("hunter2"), Some(SecretValue::default()));
        assert_eq!(shown, "<redacted, 7 bytes> Some(<redacted, 0 bytes>)");
    }

    #[test]
    fn text_is_taken_over_unchanged() {
        let value = SecretValue::from(Zeroizing::new("grüße".to_owned()));
        assert_eq!(value.expose(), "grüße".as_bytes());
        assert!(!value.is_empty());
    }
}
