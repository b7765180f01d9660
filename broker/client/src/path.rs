//! Paths of the API: checked and percent-encoded, so that what is asked for is what was written.

use std::fmt::Write as _;

use crate::error::CallError;

/// The longest path in bytes, before it is encoded.
const MAX_BYTES: usize = 4096;

/// A path below `v1/`, percent-encoded. A slash at the end is kept, for lists.
///
/// # Errors
/// [`CallError::Path`] for segments that a server would resolve or drop, and for control characters.
pub(crate) fn encode(path: &str) -> Result<String, CallError> {
    let bad = |problem| Err(CallError::Path { path: path.chars().take(200).collect(), problem });
    let inner = path.strip_suffix('/').unwrap_or(path);
    if inner.is_empty() {
        return bad("is empty; name what to ask for");
    }
    if path.len() > MAX_BYTES {
        return bad("is longer than 4096 bytes");
    }
    if path.chars().any(char::is_control) {
        return bad("has a control character; remove it");
    }
    if inner.split('/').any(str::is_empty) {
        return bad("begins with '/' or has '//'; write it without them");
    }
    if inner.split('/').any(|segment| matches!(segment, "." | "..")) {
        return bad("has a segment '.' or '..'; write it in full");
    }
    let mut out = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_arrive_as_written_or_not_at_all() {
        let rows = [
            ("secret/data/app/db", Ok("secret/data/app/db")),
            ("secret/metadata/app/", Ok("secret/metadata/app/")),
            ("secret/data/a b?c#d%2e", Ok("secret/data/a%20b%3Fc%23d%252e")),
            ("secret/data/gr\u{fc}n", Ok("secret/data/gr%C3%BCn")),
            ("", Err("is empty; name what to ask for")),
            ("/", Err("is empty; name what to ask for")),
            ("/secret/x", Err("begins with '/' or has '//'; write it without them")),
            ("secret//x", Err("begins with '/' or has '//'; write it without them")),
            ("secret/x//", Err("begins with '/' or has '//'; write it without them")),
            ("secret/../sys", Err("has a segment '.' or '..'; write it in full")),
            ("secret/./x", Err("has a segment '.' or '..'; write it in full")),
            ("secret/a\nb", Err("has a control character; remove it")),
        ];
        for (given, wanted) in rows {
            match (encode(given), wanted) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted),
                (Err(CallError::Path { problem, .. }), Err(wanted)) => {
                    assert_eq!(problem, wanted, "{given:?}")
                }
                (got, wanted) => panic!("{given:?}: {got:?} instead of {wanted:?}"),
            }
        }
    }
}
