//! Texts of failures as Vault's own client words them, because people search for them; and a way to build JSON.

use std::fmt::Write as _;

use serde_json::Value;

/// Sets a field of a JSON object.
pub(super) fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// The text for an answer with an error status.
pub fn vault_refusal(what: &str, method: &str, url: &str, status: u16, errors: &[String]) -> String {
    let mut out =
        format!("{what}: Error making API request.\n\nURL: {method} {url}\nCode: {status}. Errors:\n\n");
    if errors.is_empty() {
        return out.trim_end().replace(" Errors:", "");
    }
    for (at, error) in errors.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}* {error}", if at > 0 { "\n" } else { "" });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_reference_operator_words_it() {
        let url = "http://127.0.0.1:28200/v1/secret/data/o/a";
        let text =
            |errors: &[String]| vault_refusal("cannot read secret data from Vault", "GET", url, 403, errors);
        assert_eq!(
            text(&["1 error occurred:\n\t* permission denied\n\n".to_owned()]),
            "cannot read secret data from Vault: Error making API request.\n\nURL: GET http://127.0.0.1:28200/v1/secret/data/o/a\nCode: 403. Errors:\n\n* 1 error occurred:\n\t* permission denied\n\n"
        );
        assert!(text(&["a".to_owned(), "b".to_owned()]).ends_with("Errors:\n\n* a\n* b"));
        assert!(text(&[]).ends_with("Code: 403."));
    }
}
