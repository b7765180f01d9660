//! From a template's text to tokens: text, delimiters with their trim markers, and what stands between them.

use super::Pos;
use crate::functions::runes::{is_digit, is_letter};
use crate::gofmt::quote;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Kind {
    Error, Bool, Char, CharConstant, Complex, Assign, Declare, Eof, Field, Identifier, LeftDelim, LeftParen,
    Number, Pipe, RawString, RightDelim, RightParen, Space, String, Text, Variable,
    Block, Break, Continue, Dot, Define, Else, End, If, Nil, Range, Template, With,
}

impl Kind {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: its text, where it starts, and on which line from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) pos: Pos,
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    /// How an error names it.
    pub(super) fn shown(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.clone(),
            kind if kind.is_keyword() => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let head: String = self.text.chars().take(10).collect();
                format!("{}...", quote::shown(head.as_bytes()))
            }
            _ => quote::shown(self.text.as_bytes()),
        }
    }
}

/// Gives the tokens one by one.
pub(super) struct Lexer<'s> {
    source: &'s str,
    left: &'s str,
    right: &'s str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    inside: bool,
    failed: bool,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

fn trims_left(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn trims_right(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str, left: &'s str, right: &'s str) -> Self {
        Self {
            source,
            left,
            right,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            parens: 0,
            inside: false,
            failed: false,
        }
    }

    /// The next token; [`Kind::Eof`] again and again at the end, and after an error.
    pub(super) fn next_token(&mut self) -> Token {
        if self.failed {
            return self.eof();
        }
        if self.inside { self.in_action() } else { self.in_text() }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.pos..).unwrap_or_default()
    }

    fn pending(&self) -> &'s str {
        self.source.get(self.start..self.pos).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.bump();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let token = Token { kind, pos: self.start, text: self.pending().to_owned(), line: self.start_line };
        self.skip();
        token
    }

    /// Passes over what has been read since the last token.
    fn skip(&mut self) {
        self.line += self.pending().matches('\n').count();
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn eof(&self) -> Token {
        Token { kind: Kind::Eof, pos: self.pos, text: "EOF".to_owned(), line: self.start_line }
    }

    fn fail(&mut self, text: impl Into<String>) -> Token {
        self.failed = true;
        Token { kind: Kind::Error, pos: self.start, text: text.into(), line: self.start_line }
    }

    fn in_text(&mut self) -> Token {
        loop {
            let Some(length) = self.rest().find(self.left) else {
                self.pos = self.source.len();
                return if self.pos > self.start { self.emit(Kind::Text) } else { self.eof() };
            };
            if length > 0 {
                let end = self.pos + length;
                let after = self.source.get(end + self.left.len()..).unwrap_or_default();
                let text = self.source.get(self.pos..end).unwrap_or_default();
                let kept = if trims_left(after) { text.trim_end_matches(SPACES).len() } else { length };
                self.pos += kept;
                let token = self.emit(Kind::Text);
                self.pos = end;
                self.skip();
                if kept > 0 {
                    return token;
                }
            }
            match self.left_delim() {
                Some(token) => return token,
                None => continue,
            }
        }
    }

    /// The left delimiter, or the error in a comment; `None` after a whole comment.
    fn left_delim(&mut self) -> Option<Token> {
        self.pos += self.left.len();
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        let after = self.source.get(self.pos + marker..).unwrap_or_default();
        if after.starts_with("/*") {
            self.pos += marker;
            self.skip();
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelim);
        self.inside = true;
        self.pos += marker;
        self.skip();
        self.parens = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        let Some(length) = self.rest().get(2..).and_then(|text| text.find("*/")) else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += length + 4;
        let Some(trims) = self.at_right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.pass_right_delim(trims);
        self.skip();
        None
    }

    /// Whether the right delimiter is next, and if so, whether with a trim marker.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if trims_right(rest) && rest.get(2..).is_some_and(|text| text.starts_with(self.right)) {
            return Some(true);
        }
        rest.starts_with(self.right).then_some(false)
    }

    fn pass_right_delim(&mut self, trims: bool) {
        self.pos += self.right.len() + if trims { 2 } else { 0 };
        if trims {
            self.pos += self.rest().len() - self.rest().trim_start_matches(SPACES).len();
        }
    }

    fn right_delim(&mut self, trims: bool) -> Token {
        if trims {
            self.pos += 2;
            self.skip();
        }
        self.pos += self.right.len();
        let token = self.emit(Kind::RightDelim);
        if trims {
            self.pos += self.rest().len() - self.rest().trim_start_matches(SPACES).len();
            self.skip();
        }
        self.inside = false;
        token
    }

    fn in_action(&mut self) -> Token {
        if let Some(trims) = self.at_right_delim() {
            return if self.parens == 0 { self.right_delim(trims) } else { self.fail("unclosed left paren") };
        }
        let Some(c) = self.peek() else { return self.fail("unclosed action") };
        match c {
            c if is_space(c) => return self.space(),
            '.' if !self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit)
                && self.rest().len() > 1 =>
            {
                self.bump();
                return self.field_or_variable(Kind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => return self.number(),
            c if is_alphanumeric(c) => return self.identifier(),
            _ => self.bump(),
        };
        match c {
            '=' => self.emit(Kind::Assign),
            ':' if self.bump() == Some('=') => self.emit(Kind::Declare),
            ':' => self.fail("expected :="),
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_quoted(),
            '$' => self.field_or_variable(Kind::Variable),
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.emit(Kind::RightParen)
            }
            ' '..='~' => self.emit(Kind::Char),
            c => self.fail(format!("unrecognized character in action: {}", quote::code_point(c))),
        }
    }

    fn space(&mut self) -> Token {
        let mut count = 0;
        let mut last = self.pos;
        while let Some(c) = self.peek().filter(|c| is_space(*c)) {
            last = self.pos;
            self.pos += c.len_utf8();
            count += 1;
        }
        // The last space may belong to a right delimiter with a trim marker.
        let from_last = self.source.get(last..).unwrap_or_default();
        if trims_right(from_last) && from_last.get(2..).is_some_and(|text| text.starts_with(self.right)) {
            self.pos = last;
            if count == 1 {
                return self.right_delim(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token {
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.pending() {
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "range" => Kind::Range,
            "nil" => Kind::Nil,
            "template" => Kind::Template,
            "with" => Kind::With,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    /// The `.` or `$` has been read.
    fn field_or_variable(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
        if self.at_terminator() { self.emit(kind) } else { self.bad_character() }
    }

    fn bad_character(&mut self) -> Token {
        let shown = self.peek().map(quote::code_point).unwrap_or_default();
        self.fail(format!("bad character {shown}"))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(self.right),
        }
    }

    fn quoted(&mut self, end: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.bump() {
                Some('\\') if !matches!(self.bump(), None | Some('\n')) => {}
                Some('\\' | '\n') | None => return self.fail(unterminated),
                Some(c) if c == end => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_quoted(&mut self) -> Token {
        match self.rest().find('`') {
            Some(length) => {
                self.pos += length + 1;
                self.emit(Kind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token {
        let good = self.scan_number();
        if good && !matches!(self.peek(), Some('+' | '-')) {
            return self.emit(Kind::Number);
        }
        if good && self.scan_number() && self.pending().ends_with('i') {
            return self.emit(Kind::Complex);
        }
        self.fail(format!("bad number syntax: {}", quote::shown(self.pending().as_bytes())))
    }

    /// Takes what looks like a number; the parser has the last word.
    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}
