//! From text to the tokens of HCL version 1.

use crate::cursor::Cursor;
use crate::tree::{ParseError, Position};

use super::literal;

/// A token of HCL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Eof,
    Ident(String),
    Number(i64),
    Float(f64),
    Bool(bool),
    String(String),
    Heredoc(String),
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Comma,
    Period,
    Assign,
    Plus,
    Minus,
}

impl Token {
    /// What messages call this kind of token.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Eof => "EOF",
            Self::Ident(_) => "IDENT",
            Self::Number(_) => "NUMBER",
            Self::Float(_) => "FLOAT",
            Self::Bool(_) => "BOOL",
            Self::String(_) => "STRING",
            Self::Heredoc(_) => "HEREDOC",
            Self::LeftBracket => "LBRACK",
            Self::RightBracket => "RBRACK",
            Self::LeftBrace => "LBRACE",
            Self::RightBrace => "RBRACE",
            Self::Comma => "COMMA",
            Self::Period => "PERIOD",
            Self::Assign => "ASSIGN",
            Self::Plus => "ADD",
            Self::Minus => "SUB",
        }
    }
}

/// Reads one token after the other, leaving out white space and comments.
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    ahead: Option<(Token, Position)>,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text), ahead: None }
    }

    /// The next token and where it starts; it is consumed.
    pub(super) fn next(&mut self) -> Result<(Token, Position), ParseError> {
        match self.ahead.take() {
            Some(token) => Ok(token),
            None => self.scan(),
        }
    }

    /// The next token; it is not consumed.
    pub(super) fn peek(&mut self) -> Result<&Token, ParseError> {
        let token = self.next()?;
        Ok(&self.ahead.insert(token).0)
    }

    fn scan(&mut self) -> Result<(Token, Position), ParseError> {
        loop {
            self.cursor.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let skipped = self.cursor.skip_comment();
            if !skipped.map_err(|message| ParseError::syntax(self.cursor.position(), message))? {
                break;
            }
        }
        let start = self.cursor.position();
        let token = match self.cursor.peek() {
            None => Token::Eof,
            Some(c) if is_letter(c) => self.word(),
            Some('"') => Token::String(literal::string(&mut self.cursor)?),
            Some('<') => Token::Heredoc(literal::heredoc(&mut self.cursor)?),
            Some(c) if c.is_ascii_digit() || self.at_sign_or_point_of_number() => {
                literal::number(&mut self.cursor)?
            }
            Some(c) => self.symbol(c)?,
        };
        Ok((token, start))
    }

    fn word(&mut self) -> Token {
        match self.cursor.take_while(|c| is_letter(c) || c.is_numeric() || matches!(c, '-' | '.')) {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            word => Token::Ident(word.to_owned()),
        }
    }

    fn at_sign_or_point_of_number(&self) -> bool {
        let mut chars = self.cursor.rest().chars();
        matches!(chars.next(), Some('-' | '.')) && chars.next().is_some_and(|c| c.is_ascii_digit())
    }

    fn symbol(&mut self, c: char) -> Result<Token, ParseError> {
        let token = match c {
            '[' => Token::LeftBracket,
            ']' => Token::RightBracket,
            '{' => Token::LeftBrace,
            '}' => Token::RightBrace,
            ',' => Token::Comma,
            '.' => Token::Period,
            '=' => Token::Assign,
            '+' => Token::Plus,
            '-' => Token::Minus,
            '\0' => return Err(self.error("unexpected null character (0x00)")),
            _ => return Err(self.error("illegal char")),
        };
        self.cursor.next();
        Ok(token)
    }

    fn error(&self, message: &str) -> ParseError {
        ParseError::syntax(self.cursor.position(), message)
    }
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
