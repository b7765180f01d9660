//! Keys with the wildcards `*` and `?`.

/// A step of a pattern.
enum Token {
    /// `*`
    Any,
    /// `?`
    One,
    /// This character.
    Char(char),
    /// A backslash at the end: nothing fits.
    Never,
}

/// The characters of a text; each byte that is not UTF-8 is one of its own.
fn characters(text: &[u8]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

fn tokens(pattern: &[u8]) -> Vec<Token> {
    let mut chars = characters(pattern).into_iter();
    let mut out = Vec::new();
    while let Some(ch) = chars.next() {
        out.push(match ch {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => chars.next().map_or(Token::Never, Token::Char),
            _ => Token::Char(ch),
        });
    }
    out
}

/// Most characters that [`matches`] looks at: each `*` may go over the text once more.
pub(super) fn cost(text: &[u8], pattern: &[u8]) -> usize {
    if pattern.contains(&b'*') { text.len().saturating_mul(pattern.len()) } else { text.len() }
}

/// Whether the whole text fits.
pub(super) fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (chars, tokens) = (zeroize::Zeroizing::new(characters(text)), tokens(pattern));
    let (mut at, mut token) = (0, 0);
    // Where to go on after the last `*` has taken one character more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(token), chars.get(at)) {
            (None, None) => return true,
            (Some(Token::Any), _) => {
                retry = Some((token + 1, at));
                token += 1;
                continue;
            }
            (Some(Token::One), Some(_)) => {
                (at, token) = (at + 1, token + 1);
                continue;
            }
            (Some(Token::Char(want)), Some(ch)) if want == ch => {
                (at, token) = (at + 1, token + 1);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((next, start)) if start < chars.len() => {
                retry = Some((next, start + 1));
                (at, token) = (start + 1, next);
            }
            _ => return false,
        }
    }
}
