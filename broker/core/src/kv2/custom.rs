//! The rules of custom metadata: how many keys, how long, and that they can be printed.

use std::collections::BTreeMap;

use crate::refusal::Refusal;

const MAX_KEYS: usize = 64;
const MAX_KEY_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 512;
const PREFIX: &str = "custom_metadata validation failed";

/// Checks custom metadata: at most 64 keys of 1 to 128 bytes, values of 1 to 512 bytes, all printable.
///
/// # Errors
/// [`Refusal::Invalid`] with every problem, in Vault's words. Values are not repeated.
pub fn check_custom_metadata(custom: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if custom.len() > MAX_KEYS {
        let count = custom.len();
        return Err(refuse(&[format!("payload must contain at most {MAX_KEYS} keys, provided {count}")]));
    }
    let mut problems = Vec::new();
    for (key, value) in custom {
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            let length = key.len();
            problems.push(format!(
                "length of key {key:?} is {length} but must be 0 < len(key) <= {MAX_KEY_BYTES}"
            ));
        }
        if value.is_empty() || value.len() > MAX_VALUE_BYTES {
            let length = value.len();
            problems.push(format!(
                "length of value for key {key:?} is {length} but must be 0 < len(value) <= {MAX_VALUE_BYTES}"
            ));
        }
        if !printable(key) {
            problems.push(format!("key {key:?} contains unprintable characters"));
        }
        if !printable(value) {
            problems.push(format!("value for key {key:?} contains unprintable characters"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(refuse(&problems)) }
}

fn refuse(problems: &[String]) -> Refusal {
    let count = if problems.len() == 1 { "1 error".to_owned() } else { format!("{} errors", problems.len()) };
    let lines: String = problems.iter().map(|p| format!("\t* {PREFIX}: {p}\n")).collect();
    Refusal::Invalid(format!("{count} occurred:\n{lines}\n"))
}

/// As Go sees it: no control characters and no white space other than the plain space.
fn printable(text: &str) -> bool {
    text.chars()
        .all(|c| c == ' ' || !(c.is_control() || c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}')))
}
