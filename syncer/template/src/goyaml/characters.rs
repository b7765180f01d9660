//! Kinds of characters.

pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_breakz(character: char) -> bool {
    character == '\0' || is_break(character)
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

pub(super) fn is_blankz(character: char) -> bool {
    is_blank(character) || is_breakz(character)
}

/// Letters, digits, `_` and `-`.
pub(super) fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}
