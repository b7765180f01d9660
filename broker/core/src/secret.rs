//! Secret values as the broker holds them: JSON text, wiped when dropped, never printed.

use zeroize::Zeroizing;

/// A JSON text that holds secret values: compact, its numbers digit by digit as they came in.
#[derive(Clone, Default)]
pub struct SecretJson(Zeroizing<String>);

impl SecretJson {
    /// Takes a JSON text over; the caller has parsed it.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text in clear.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretJson(redacted)")
    }
}
