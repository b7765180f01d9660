//! Literals of HCL version 1: quoted strings, heredocs and numbers.

use crate::cursor::Cursor;
use crate::tree::ParseError;

use super::scanner::Token;

fn error<T>(cursor: &Cursor<'_>, message: &str) -> Result<T, ParseError> {
    Err(ParseError::syntax(cursor.position(), message))
}

/// A string in double quotes. What stands in `${ … }` is taken as it is, quotes and line ends included.
pub(super) fn string(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    cursor.next();
    let mut text = String::new();
    let mut braces = 0_usize;
    loop {
        let Some(c) = cursor.peek().filter(|c| braces > 0 || *c != '\n') else {
            return error(cursor, "literal not terminated");
        };
        match c {
            '\0' => return error(cursor, "unexpected null character (0x00)"),
            '"' if braces == 0 => {
                cursor.next();
                return Ok(text);
            }
            '\\' if braces == 0 => {
                cursor.next();
                text.push(escape(cursor)?);
                continue;
            }
            '{' if braces > 0 || text.ends_with('$') => braces += 1,
            '}' if braces > 0 => braces -= 1,
            _ => {}
        }
        text.push(c);
        cursor.next();
    }
}

fn escape(cursor: &mut Cursor<'_>) -> Result<char, ParseError> {
    let Some(c) = cursor.peek() else { return error(cursor, "literal not terminated") };
    let plain = match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '"' => c,
        '0'..='7' => return digits(cursor, 8, 3),
        'x' | 'u' | 'U' => {
            cursor.next();
            let count = match c {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            return digits(cursor, 16, count);
        }
        _ => return error(cursor, "illegal char escape"),
    };
    cursor.next();
    Ok(plain)
}

fn digits(cursor: &mut Cursor<'_>, base: u32, count: usize) -> Result<char, ParseError> {
    let mut code = 0_u32;
    for _ in 0..count {
        let Some(digit) = cursor.peek().and_then(|c| c.to_digit(base)) else {
            return error(cursor, "illegal char escape");
        };
        code = code.saturating_mul(base).saturating_add(digit);
        cursor.next();
    }
    // The short forms are bytes; above 0x7F a byte alone is no character.
    let character = char::from_u32(code).filter(|c| count > 3 || c.is_ascii());
    character.map_or_else(|| error(cursor, "the escape is no character; write the character itself"), Ok)
}

/// `<<MARK` or `<<-MARK`, lines, and a line with the mark. With `-` the indentation of the last line is
/// taken off all lines, if all have it.
pub(super) fn heredoc(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    cursor.next();
    if !cursor.eat('<') {
        return error(cursor, "heredoc expected second '<', didn't see it");
    }
    let unindent = cursor.eat('-');
    let mark = cursor.take_while(|c| c.is_alphanumeric());
    cursor.eat('\r');
    if cursor.peek() != Some('\n') {
        return error(cursor, "invalid characters in heredoc anchor");
    }
    if mark.is_empty() {
        return error(cursor, "zero-length heredoc anchor");
    }
    cursor.next();
    let mut lines = Vec::new();
    loop {
        let line = cursor.take_while(|c| c != '\n').trim_end_matches('\r');
        let indentation = line.strip_suffix(mark).filter(|before| before.trim().is_empty());
        if let Some(indentation) = indentation {
            return Ok(joined(&lines, if unindent { indentation } else { "" }));
        }
        lines.push(line);
        if cursor.next().is_none() {
            return error(cursor, "heredoc not terminated");
        }
    }
}

fn joined(lines: &[&str], indentation: &str) -> String {
    let all = lines.iter().all(|line| line.starts_with(indentation));
    let cut = if all { indentation } else { "" };
    lines.iter().flat_map(|line| [line.strip_prefix(cut).unwrap_or(line), "\n"]).collect()
}

/// A number: decimal, `0x` hexadecimal, `0` octal, or with a fraction or exponent.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<Token, ParseError> {
    let start = cursor.clone();
    cursor.eat('-');
    cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '.');
    if start_of_exponent(cursor.since(start.rest())) && matches!(cursor.peek(), Some('+' | '-')) {
        cursor.next();
        cursor.take_while(|c| c.is_ascii_digit());
    }
    let text = cursor.since(start.rest());
    let integer = parse_integer(text).map(Token::Number);
    let is_float = text.contains(['.', 'e', 'E']) && !text.contains(['x', 'X']);
    let float = || text.parse().ok().filter(|f: &f64| is_float && f.is_finite()).map(Token::Float);
    match integer.or_else(float) {
        Some(token) => Ok(token),
        None => error(&start, &format!("illegal number {text:?}")),
    }
}

fn start_of_exponent(text: &str) -> bool {
    text.ends_with(['e', 'E']) && !text.contains(['x', 'X'])
}

fn parse_integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (base, digits) = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, hex)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits)
    } else {
        (10, digits)
    };
    // A sign after the prefix, as in `0x-1`, is no number.
    digits.starts_with(|c: char| c.is_ascii_hexdigit()).then_some(())?;
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}
