//! Names of the field manager under which a Secret is written: they tell what of it is ours.

use crate::hash::sha3_224;

const PREFIX: &str = "externalsecrets.external-secrets.io/";
/// Longest manager that is spelled out, in bytes.
const LONGEST: usize = 63;

/// The field manager that writes for an ExternalSecret of this name.
pub fn field_manager(name: &str) -> String {
    let plain = format!("{PREFIX}{name}");
    if plain.len() <= LONGEST { plain } else { hashed(name) }
}

/// Every spelling under which earlier writes for this ExternalSecret may be recorded.
pub fn field_managers(name: &str) -> [String; 2] {
    [format!("{PREFIX}{name}"), hashed(name)]
}

fn hashed(name: &str) -> String {
    format!("{PREFIX}sha3/{}", sha3_224(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_hashed() {
        assert_eq!(field_manager("ok"), "externalsecrets.external-secrets.io/ok");
        let (short, long) = ("a".repeat(27), "a".repeat(28));
        assert_eq!(field_manager(&short).len(), 63);
        assert!(field_manager(&long).starts_with("externalsecrets.external-secrets.io/sha3/"));
        assert_eq!(field_manager(&long).len(), 36 + 5 + 56);
        for name in [&short, &long] {
            assert!(field_managers(name).contains(&field_manager(name)));
        }
    }
}
