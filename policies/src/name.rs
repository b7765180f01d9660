//! Names of policies: one spelling, wherever they enter.

use crate::path::RequestPath;

/// Longest name in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// Why a text is no name of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("the policy name is empty; give one")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the policy name has {0} bytes, the limit is {MAX_NAME_BYTES}; shorten it")]
    TooLong(usize),
    /// A character that names may not have.
    #[error("the policy name may not have {0:?}; use a-z, 0-9, space and - _ . / @ : + = ~")]
    BadCharacter(char),
    /// It could not be asked for in a URL.
    #[error(
        "the policy name is no usable path; do not begin or end it with a slash or use \"//\", \".\", \"..\""
    )]
    BadPath,
}

/// The one spelling of a policy's name: without outer white space and in lower case. To be used wherever a
/// name enters (policies, tokens, roles, entities, groups), so that ` Root` is `root` everywhere.
///
/// # Errors
/// See [`NameError`].
pub fn policy_name(written: &str) -> Result<String, NameError> {
    let name = written.trim().to_ascii_lowercase();
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong(name.len()));
    }
    // ASCII only, so that no other letter becomes an ASCII one in lower case.
    let allowed = |c: char| c.is_ascii_alphanumeric() || " -_./@:+=~".contains(c);
    if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        return Err(NameError::BadCharacter(bad));
    }
    match RequestPath::from_canonical(&name) {
        Ok(path) if !path.is_list() => Ok(name),
        _ => Err(NameError::BadPath),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let check = |written: &str, expected: Result<&str, NameError>| {
            assert_eq!(policy_name(written).as_deref(), expected.as_ref().map(|s| *s), "{written:?}");
        };
        check("app", Ok("app"));
        check(" Root\t", Ok("root"));
        check("Team/A_b-c.d@x y", Ok("team/a_b-c.d@x y"));
        check("  ", Err(NameError::Empty));
        check("a\nb", Err(NameError::BadCharacter('\n')));
        check("a\u{200b}", Err(NameError::BadCharacter('\u{200b}')));
        check("p\u{e9}", Err(NameError::BadCharacter('\u{e9}')));
        check("a*", Err(NameError::BadCharacter('*')));
        // The Kelvin sign would be a k in lower case.
        check("\u{212a}", Err(NameError::BadCharacter('\u{212a}')));
        for bad in ["/a", "a/", "a//b", "..", "a/../b", "./a"] {
            check(bad, Err(NameError::BadPath));
        }
        check(&"a".repeat(129), Err(NameError::TooLong(129)));
        assert!(policy_name(&"a".repeat(128)).is_ok());
    }
}
