//! The HCL version 1 form of policies: from text to the tree.

mod literal;
mod scanner;

use crate::tree::{Item, ParseError, Position, Value, deeper};
use scanner::{Scanner, Token};

/// Reads a whole text.
///
/// # Errors
/// The first error in the grammar, with its place, in Vault's wording.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, ParseError> {
    let mut parser = Parser { scanner: Scanner::new(text) };
    let items = parser.items(0)?;
    let (token, position) = parser.scanner.next()?;
    if token == Token::Eof {
        return Ok(items);
    }
    Err(ParseError::syntax(
        position,
        format!("expected: IDENT | STRING | ASSIGN | LBRACE got: {}", token.name()),
    ))
}

struct Parser<'a> {
    scanner: Scanner<'a>,
}

impl Parser<'_> {
    /// Items up to a closing brace or the end, neither of which is consumed. Commas between are optional.
    fn items(&mut self, depth: usize) -> Result<Vec<Item>, ParseError> {
        let mut items = Vec::new();
        while !matches!(self.scanner.peek()?, Token::Eof | Token::RightBrace) {
            items.push(self.item(depth)?);
            if *self.scanner.peek()? == Token::Comma {
                self.scanner.next()?;
            }
        }
        Ok(items)
    }

    fn item(&mut self, depth: usize) -> Result<Item, ParseError> {
        let mut keys = Vec::new();
        let mut start = None;
        loop {
            let (token, position) = self.scanner.next()?;
            let start = *start.get_or_insert(position);
            let value = match token {
                Token::Ident(key) | Token::String(key) => {
                    keys.push(key);
                    continue;
                }
                Token::Assign if keys.len() > 1 => {
                    return fail(position, "nested object expected: LBRACE got: ASSIGN");
                }
                Token::Assign if keys.is_empty() => return fail(position, "no object keys found!"),
                Token::Assign => self.value(depth)?,
                Token::LeftBrace if keys.is_empty() => {
                    return fail(position, "expected: IDENT | STRING got: LBRACE");
                }
                Token::LeftBrace => self.object(depth, position)?,
                Token::Eof | Token::RightBrace => {
                    let keys = keys.join(" ");
                    let wanted = "expected start of object ('{') or assignment ('=')";
                    return fail(position, format!("key '{keys}' {wanted}"));
                }
                other => {
                    let wanted = "expected: IDENT | STRING | ASSIGN | LBRACE";
                    return fail(position, format!("{wanted} got: {}", other.name()));
                }
            };
            return Ok(Item { keys, value, position: start });
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        let (token, position) = self.scanner.next()?;
        match token {
            Token::LeftBrace => self.object(depth, position),
            Token::LeftBracket => self.list(depth, position),
            Token::Eof => fail(position, "the value is missing at the end of the text"),
            other => {
                let name = other.name();
                scalar(other).ok_or_else(|| {
                    ParseError::syntax(
                        position,
                        format!("Unknown token: {}:{} {name}", position.line, position.column),
                    )
                })
            }
        }
    }

    /// The rest of an object whose opening brace was consumed.
    fn object(&mut self, depth: usize, start: Position) -> Result<Value, ParseError> {
        let items = self.items(deeper(depth, start)?)?;
        let (token, position) = self.scanner.next()?;
        if token == Token::RightBrace {
            return Ok(Value::Object(items));
        }
        fail(position, format!("object expected closing RBRACE got: {}", token.name()))
    }

    /// The rest of a list whose opening bracket was consumed.
    fn list(&mut self, depth: usize, start: Position) -> Result<Value, ParseError> {
        let depth = deeper(depth, start)?;
        let mut values = Vec::new();
        let mut need_comma = false;
        loop {
            let (token, position) = self.scanner.next()?;
            match token {
                Token::RightBracket => return Ok(Value::List(values)),
                Token::Comma => {
                    need_comma = false;
                    continue;
                }
                other if need_comma => {
                    let wanted = "error parsing list, expected comma or list end";
                    return fail(position, format!("{wanted}, got: {}", other.name()));
                }
                Token::LeftBrace => values.push(self.object(depth, position)?),
                Token::LeftBracket => values.push(self.list(depth, position)?),
                other => {
                    let message = format!("unexpected token while parsing list: {}", other.name());
                    values.push(scalar(other).ok_or_else(|| ParseError::syntax(position, message))?);
                }
            }
            need_comma = true;
        }
    }
}

fn scalar(token: Token) -> Option<Value> {
    match token {
        Token::String(text) | Token::Heredoc(text) => Some(Value::String(text)),
        Token::Number(number) => Some(Value::Integer(number)),
        Token::Float(number) => Some(Value::Float(number)),
        Token::Bool(value) => Some(Value::Bool(value)),
        _ => None,
    }
}

fn fail<T>(position: Position, message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError::syntax(position, message))
}
