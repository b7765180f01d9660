//! Characters to tokens, with the simple-key and indentation rules of libyaml, which Go's reader follows.

use std::collections::{HashMap, VecDeque};

use zeroize::Zeroizing;

use super::characters::{is_blank, is_blankz, is_break};
use super::read::{Characters, characters};
use super::{ErrorText, MAX_DEPTH, failure};

/// Longest simple key, in characters.
const KEY_REACH: usize = 1024;

/// A place in the text, counted from 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What a token is.
#[derive(Clone)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    Version { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(Zeroizing<String>),
    Anchor(Zeroizing<String>),
    Tag { handle: String, suffix: Vec<u8> },
    Scalar { value: Zeroizing<Vec<u8>>, plain: bool },
}

/// One token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: Mark,
}

/// An error as libyaml keeps it: where the token began, where it broke, and what is wrong.
pub(super) struct Problem {
    pub(super) context: Mark,
    pub(super) text: String,
    pub(super) mark: Mark,
    /// The scanner's lines are one less than the parser's in Go's texts.
    pub(super) scanner: bool,
}

impl Problem {
    /// Go's text.
    pub(super) fn text(&self) -> ErrorText {
        let line = match (self.mark.line, self.context.line) {
            (0, line) => line,
            (line, _) => line + usize::from(self.scanner),
        };
        if line == 0 {
            return failure(&self.text);
        }
        failure(&format!("line {line}: {}", self.text))
    }
}

pub(super) type Scanned<T> = Result<T, Problem>;

#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

/// The tokens of a text.
pub(super) struct Scanner {
    source: Characters,
    pub(super) mark: Mark,
    /// One past the furthest character looked at.
    seen: std::cell::Cell<usize>,
    tokens: VecDeque<Token>,
    /// Tokens taken so far.
    taken: usize,
    started: bool,
    pub(super) indent: Option<usize>,
    indents: Vec<Option<usize>>,
    pub(super) key_allowed: bool,
    /// One per open flow collection, and one for the block context.
    keys: Vec<SimpleKey>,
    key_of_token: HashMap<usize, usize>,
}

impl Scanner {
    pub(super) fn new(text: &[u8]) -> Self {
        // Go reads a line break in place of an empty text.
        let text = if text.is_empty() { b"\n" } else { text };
        Self {
            source: characters(text),
            mark: Mark::default(),
            seen: std::cell::Cell::new(0),
            tokens: VecDeque::new(),
            taken: 0,
            started: false,
            indent: None,
            indents: Vec::new(),
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            key_of_token: HashMap::new(),
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&mut self) -> Scanned<&Token> {
        while self.more_needed()? {
            let fetched = self.fetch();
            if let Some(problem) = self.source.problem
                && self.seen.get() > self.source.text.len()
            {
                let start = Mark::default();
                return Err(Problem {
                    context: start,
                    text: problem.to_owned(),
                    mark: start,
                    scanner: false,
                });
            }
            fetched?;
        }
        let end = Mark::default();
        self.tokens.front().ok_or_else(|| self.error(end, "unexpected end of the tokens"))
    }

    /// Takes the token that [`Scanner::peek`] showed.
    pub(super) fn skip_token(&mut self) {
        if self.tokens.pop_front().is_some() {
            self.taken += 1;
        }
    }

    fn more_needed(&mut self) -> Scanned<bool> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        match self.key_of_token.get(&self.taken) {
            Some(&level) => self.key_valid(level),
            None => Ok(false),
        }
    }

    pub(super) fn at(&self, ahead: usize) -> char {
        let place = self.mark.index + ahead;
        self.seen.set(self.seen.get().max(place + 1));
        self.source.text.get(place).copied().unwrap_or('\0')
    }

    pub(super) fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
    }

    pub(super) fn skip_line(&mut self) {
        self.mark.index += if self.at(0) == '\r' && self.at(1) == '\n' { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
    }

    pub(super) fn read(&mut self, out: &mut Vec<u8>) {
        let mut buffer = [0; 4];
        out.extend_from_slice(self.at(0).encode_utf8(&mut buffer).as_bytes());
        self.skip();
    }

    pub(super) fn read_line(&mut self, out: &mut Vec<u8>) {
        match self.at(0) {
            character @ ('\u{2028}' | '\u{2029}') => {
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            }
            _ => out.push(b'\n'),
        }
        self.skip_line();
    }

    pub(super) fn error(&self, context: Mark, text: &str) -> Problem {
        Problem { context, text: text.to_owned(), mark: self.mark, scanner: true }
    }

    pub(super) fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    /// `---` or `...` at the start of a line.
    pub(super) fn document_mark(&self, character: char) -> bool {
        self.mark.column == 0 && (0..3).all(|ahead| self.at(ahead) == character) && is_blankz(self.at(3))
    }

    fn fetch(&mut self) -> Scanned<()> {
        if !self.started {
            self.started = true;
            self.push(Kind::StreamStart, self.mark);
            return Ok(());
        }
        self.next_token_start();
        self.unroll(Some(self.mark.column));
        let start = self.mark;
        self.at(3); // Go decodes as far as this before it looks
        let blank_next = |scanner: &Self| is_blankz(scanner.at(1));
        match self.at(0) {
            '\0' => self.stream_end(),
            '%' if start.column == 0 => self.directive(),
            '-' if self.document_mark('-') => self.document_indicator(Kind::DocumentStart),
            '.' if self.document_mark('.') => self.document_indicator(Kind::DocumentEnd),
            '[' => self.flow_start(Kind::FlowSequenceStart),
            '{' => self.flow_start(Kind::FlowMappingStart),
            ']' => self.flow_end(Kind::FlowSequenceEnd),
            '}' => self.flow_end(Kind::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if blank_next(self) => self.block_entry(),
            '?' if self.in_flow() || blank_next(self) => self.explicit_key(),
            ':' if self.in_flow() || blank_next(self) => self.value(),
            '*' => self.token_with_key(Self::alias),
            '&' => self.token_with_key(Self::anchor),
            '!' => self.token_with_key(Self::tag),
            '|' if !self.in_flow() => self.block_scalar_token(true),
            '>' if !self.in_flow() => self.block_scalar_token(false),
            '\'' => self.token_with_key(|scanner| scanner.quoted_scalar(true)),
            '"' => self.token_with_key(|scanner| scanner.quoted_scalar(false)),
            _ if self.starts_plain() => self.token_with_key(Self::plain_scalar),
            _ => Err(self.error(start, "found character that cannot start any token")),
        }
    }

    fn starts_plain(&self) -> bool {
        match self.at(0) {
            '-' => !is_blank(self.at(1)),
            '?' | ':' => !self.in_flow() && !is_blankz(self.at(1)),
            ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => false,
            character => !is_blankz(character),
        }
    }

    fn push(&mut self, kind: Kind, start: Mark) {
        self.tokens.push_back(Token { kind, start });
    }

    /// White space, comments and line breaks before a token.
    fn next_token_start(&mut self) {
        loop {
            if self.mark.index == 0 && self.at(0) == '\u{feff}' {
                self.skip();
            }
            while self.at(0) == ' ' || ((self.in_flow() || !self.key_allowed) && self.at(0) == '\t') {
                self.skip();
            }
            self.skip_comment();
            if !is_break(self.at(0)) {
                return;
            }
            self.skip_line();
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    fn key_valid(&mut self, level: usize) -> Scanned<bool> {
        let here = self.mark;
        let Some(key) = self.keys.get_mut(level) else { return Ok(false) };
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < here.line || key.mark.index + KEY_REACH < here.index {
            if key.required {
                let start = key.mark;
                return Err(self.error(start, "could not find expected ':'"));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn save_key(&mut self) -> Scanned<()> {
        if !self.key_allowed {
            return Ok(());
        }
        self.remove_key()?;
        let required = !self.in_flow() && self.indent == Some(self.mark.column);
        let token = self.taken + self.tokens.len();
        let level = self.keys.len() - 1;
        if let Some(key) = self.keys.last_mut() {
            *key = SimpleKey { possible: true, required, token, mark: self.mark };
            self.key_of_token.insert(token, level);
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Scanned<()> {
        let Some(key) = self.keys.last_mut() else { return Ok(()) };
        if !key.possible {
            return Ok(());
        }
        let SimpleKey { required, token, mark, .. } = *key;
        if required {
            return Err(self.error(mark, "could not find expected ':'"));
        }
        key.possible = false;
        self.key_of_token.remove(&token);
        Ok(())
    }

    /// Opens a block collection when the column is deeper. `place` is the number of the token it goes before.
    fn roll(&mut self, column: usize, place: Option<usize>, kind: Kind, mark: Mark) -> Scanned<()> {
        if self.in_flow() || self.indent.is_some_and(|indent| indent >= column) {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = Some(column);
        if self.indents.len() > MAX_DEPTH {
            return Err(self.error(mark, &format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.insert(place, Token { kind, start: mark });
        Ok(())
    }

    /// Puts a token before the one of this number; behind all if that is taken or there is none.
    fn insert(&mut self, number: Option<usize>, token: Token) {
        let place = number.and_then(|number| number.checked_sub(self.taken)).unwrap_or(self.tokens.len());
        self.tokens.insert(place.min(self.tokens.len()), token);
    }

    /// Closes the block collections deeper than the column; all of them for `None`.
    fn unroll(&mut self, column: Option<usize>) {
        while !self.in_flow() && self.indent > column {
            self.push(Kind::BlockEnd, self.mark);
            self.indent = self.indents.pop().flatten();
        }
    }

    fn stream_end(&mut self) -> Scanned<()> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll(None);
        self.remove_key()?;
        self.key_allowed = false;
        self.push(Kind::StreamEnd, self.mark);
        Ok(())
    }

    fn directive(&mut self) -> Scanned<()> {
        self.unroll(None);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.mark;
        let kind = self.scan_directive()?;
        self.push(kind, start);
        Ok(())
    }

    fn document_indicator(&mut self, kind: Kind) -> Scanned<()> {
        self.unroll(None);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.mark;
        (0..3).for_each(|_| self.skip());
        self.push(kind, start);
        Ok(())
    }

    fn one_character(&mut self, kind: Kind) {
        let start = self.mark;
        self.skip();
        self.push(kind, start);
    }

    fn flow_start(&mut self, kind: Kind) -> Scanned<()> {
        self.save_key()?;
        // Its number is that of the bracket, which can be no key any more once a flow without keys ends: as in Go.
        let token = self.taken + self.tokens.len();
        self.keys.push(SimpleKey { token, mark: self.mark, ..SimpleKey::default() });
        if self.keys.len() > MAX_DEPTH {
            return Err(self.error(self.mark, &format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.key_allowed = true;
        self.one_character(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Scanned<()> {
        self.remove_key()?;
        if self.in_flow()
            && let Some(key) = self.keys.pop()
        {
            self.key_of_token.remove(&key.token);
        }
        self.key_allowed = false;
        self.one_character(kind);
        Ok(())
    }

    fn flow_entry(&mut self) -> Scanned<()> {
        self.remove_key()?;
        self.key_allowed = true;
        self.one_character(Kind::FlowEntry);
        Ok(())
    }

    fn block_entry(&mut self) -> Scanned<()> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.error(self.mark, "block sequence entries are not allowed in this context"));
            }
            self.roll(self.mark.column, None, Kind::BlockSequenceStart, self.mark)?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.one_character(Kind::BlockEntry);
        Ok(())
    }

    fn explicit_key(&mut self) -> Scanned<()> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.error(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
        }
        self.remove_key()?;
        self.key_allowed = !self.in_flow();
        self.one_character(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Scanned<()> {
        let level = self.keys.len() - 1;
        if self.key_valid(level)? {
            let key = self.keys.last().copied().unwrap_or_default();
            self.insert(Some(key.token), Token { kind: Kind::Key, start: key.mark });
            self.roll(key.mark.column, Some(key.token), Kind::BlockMappingStart, key.mark)?;
            if let Some(key) = self.keys.last_mut() {
                key.possible = false;
                self.key_of_token.remove(&key.token);
            }
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                if !self.key_allowed {
                    return Err(self.error(self.mark, "mapping values are not allowed in this context"));
                }
                self.roll(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
            }
            self.key_allowed = !self.in_flow();
        }
        self.one_character(Kind::Value);
        Ok(())
    }

    /// A token that can be a simple key.
    fn token_with_key(&mut self, scan: impl FnOnce(&mut Self) -> Scanned<Kind>) -> Scanned<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark;
        let kind = scan(self)?;
        self.push(kind, start);
        Ok(())
    }

    fn block_scalar_token(&mut self, literal: bool) -> Scanned<()> {
        self.remove_key()?;
        self.key_allowed = true;
        let start = self.mark;
        let kind = self.block_scalar(literal)?;
        self.push(kind, start);
        Ok(())
    }
}
