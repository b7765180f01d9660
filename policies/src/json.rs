//! The JSON form of policies: from text to the tree, with places and in the order of the text.

use crate::cursor::Cursor;
use crate::tree::{Item, ParseError, Value, deeper};

/// Reads one JSON object; comments may follow it.
///
/// # Errors
/// The first error in the grammar, with its place.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text) };
    parser.space();
    let items = match parser.value(0)? {
        Value::Object(items) => items,
        _ => return parser.fail("a policy in JSON is one object"),
    };
    loop {
        parser.space();
        match parser.cursor.skip_comment() {
            Ok(true) => {}
            Ok(false) => break,
            Err(message) => return parser.fail(message),
        }
    }
    if parser.cursor.peek().is_some() {
        return parser.fail("only comments may follow the JSON object; remove the rest");
    }
    Ok(items)
}

struct Parser<'a> {
    cursor: Cursor<'a>,
}

impl Parser<'_> {
    fn fail<T>(&self, message: &str) -> Result<T, ParseError> {
        Err(ParseError::syntax(self.cursor.position(), message))
    }

    fn space(&mut self) {
        self.cursor.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        match self.cursor.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.list(depth),
            Some('"') => self.string().map(Value::String),
            Some(_) => self.word(),
            None => self.fail("the JSON text ends where a value should be"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        let depth = deeper(depth, self.cursor.position())?;
        self.cursor.next();
        let mut items = Vec::new();
        self.space();
        if self.cursor.eat('}') {
            return Ok(Value::Object(items));
        }
        loop {
            self.space();
            let position = self.cursor.position();
            let key = self.string()?;
            self.space();
            if !self.cursor.eat(':') {
                return self.fail("expected ':' after the key");
            }
            self.space();
            let value = self.value(depth)?;
            items.push(Item { keys: vec![key], value, position });
            self.space();
            if self.cursor.eat('}') {
                return Ok(Value::Object(items));
            }
            if !self.cursor.eat(',') {
                return self.fail("expected ',' or '}' in the object");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, ParseError> {
        let depth = deeper(depth, self.cursor.position())?;
        self.cursor.next();
        let mut values = Vec::new();
        self.space();
        if self.cursor.eat(']') {
            return Ok(Value::List(values));
        }
        loop {
            self.space();
            values.push(self.value(depth)?);
            self.space();
            if self.cursor.eat(']') {
                return Ok(Value::List(values));
            }
            if !self.cursor.eat(',') {
                return self.fail("expected ',' or ']' in the list");
            }
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.cursor.clone();
        if !self.cursor.eat('"') {
            return self.fail("expected a string in double quotes");
        }
        loop {
            match self.cursor.next() {
                Some('"') => break,
                Some('\\') => {
                    self.cursor.next();
                }
                Some(_) => {}
                None => return self.fail("literal not terminated"),
            }
        }
        serde_json::from_str(self.cursor.since(start.rest())).map_err(|_| {
            ParseError::syntax(start.position(), "the string has a bad escape or a control character")
        })
    }

    fn word(&mut self) -> Result<Value, ParseError> {
        let start = self.cursor.position();
        let word = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        let value = match serde_json::from_str(word) {
            Ok(serde_json::Value::Null) => Some(Value::Null),
            Ok(serde_json::Value::Bool(value)) => Some(Value::Bool(value)),
            Ok(serde_json::Value::Number(number)) => {
                number.as_i64().map(Value::Integer).or_else(|| number.as_f64().map(Value::Float))
            }
            _ => None,
        };
        value.ok_or_else(|| {
            ParseError::syntax(start, "expected a value: an object, list, string, number or word")
        })
    }
}
