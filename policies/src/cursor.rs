//! A text, read character by character, that knows the line and column.

use crate::tree::Position;

/// What is left of a text and where that is.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text, at: Position { line: 1, column: 1 } }
    }

    /// The place of the next character, or just behind the last one.
    pub(crate) const fn position(&self) -> Position {
        self.at
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    /// Consumes the next character if it is this one.
    pub(crate) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    /// Consumes and returns the characters for which `wanted` holds.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let before = self.rest;
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
        self.since(before)
    }

    /// What is left.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// The text consumed since an earlier [`Cursor::rest`].
    pub(crate) fn since(&self, before: &'a str) -> &'a str {
        before.strip_suffix(self.rest).unwrap_or(before)
    }

    /// Skips a comment if one starts here: `#`, `//` or `/* */`.
    ///
    /// # Errors
    /// The message for a comment that is not well formed.
    pub(crate) fn skip_comment(&mut self) -> Result<bool, &'static str> {
        match self.peek() {
            Some('#') => {}
            Some('/') => {
                self.next();
                if self.eat('*') {
                    return self.skip_block_comment().map(|()| true);
                }
                if self.peek() != Some('/') {
                    return Err("expected '/' for comment");
                }
            }
            _ => return Ok(false),
        }
        self.take_while(|c| c != '\n');
        Ok(true)
    }

    fn skip_block_comment(&mut self) -> Result<(), &'static str> {
        loop {
            match self.next() {
                Some('*') if self.eat('/') => return Ok(()),
                Some(_) => {}
                None => return Err("comment not terminated"),
            }
        }
    }
}
