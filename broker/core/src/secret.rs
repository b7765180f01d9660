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

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::kv2::{Existence, Kv2Action, Kv2Command, MountRef};
    use crate::row::RowValue;
    use crate::secret::SecretJson;
    use crate::time::Time;

    /// Whatever is printed for a log, the value is not in it.
    #[test]
    fn debug_output_holds_no_value() {
        const CANARY: &str = "canary-0d5f";
        let secret = SecretJson::new(format!("{{\"password\":\"{CANARY}\"}}"));
        let command = Command::Kv2(Kv2Command {
            mount: MountRef { id: "id".to_owned(), path: "secret".to_owned() },
            path: "app".to_owned(),
            now: Time(0),
            action: Kv2Action::Write { data: Some(secret.clone()), cas: None, expect: Existence::Absent },
        });
        let row = RowValue::new(secret.expose().as_bytes().to_vec());
        for text in [format!("{secret:?}"), format!("{command:?}"), format!("{row:?}")] {
            assert!(!text.contains(CANARY) && !text.contains("99, 97, 110"), "{text}");
        }
    }
}
