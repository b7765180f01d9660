//! Scalar tokens: plain, quoted and block.

use zeroize::Zeroizing;

use super::characters::{is_blank, is_blankz, is_break, is_breakz};
use super::scan::{Kind, Mark, Scanned, Scanner};

/// White space between two runs of text, kept until it is known what it folds to.
#[derive(Default)]
struct Gap {
    blanks: Zeroizing<Vec<u8>>,
    first: Vec<u8>,
    more: Vec<u8>,
    broken: bool,
}

impl Gap {
    /// Writes what the gap folds to, and empties it.
    fn fold(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.broken) {
            out.append(&mut self.blanks);
            return;
        }
        if self.first.first() == Some(&b'\n') {
            if self.more.is_empty() {
                out.push(b' ');
            }
        } else {
            out.append(&mut self.first);
        }
        out.append(&mut self.more);
        self.first.clear();
    }
}

impl Scanner {
    /// One blank or line break of a gap.
    fn gap(&mut self, gap: &mut Gap) {
        if is_blank(self.at(0)) {
            if gap.broken {
                self.skip();
            } else {
                self.read(&mut gap.blanks);
            }
        } else if gap.broken {
            self.read_line(&mut gap.more);
        } else {
            gap.blanks.clear();
            self.read_line(&mut gap.first);
            gap.broken = true;
        }
    }

    pub(super) fn plain_scalar(&mut self) -> Scanned<Kind> {
        let start = self.mark;
        let indent = self.indent.map_or(0, |indent| indent + 1);
        let mut value = Zeroizing::new(Vec::new());
        let mut gap = Gap::default();
        while !self.document_mark('-') && !self.document_mark('.') && self.at(0) != '#' {
            while !is_blankz(self.at(0)) && !self.ends_plain() {
                if gap.broken || !gap.blanks.is_empty() {
                    gap.fold(&mut value);
                }
                self.read(&mut value);
            }
            if !is_blank(self.at(0)) && !is_break(self.at(0)) {
                break;
            }
            while is_blank(self.at(0)) || is_break(self.at(0)) {
                if gap.broken && self.mark.column < indent && self.at(0) == '\t' {
                    return Err(self.error(start, "found a tab character that violates indentation"));
                }
                self.gap(&mut gap);
            }
            if !self.in_flow() && self.mark.column < indent {
                break;
            }
        }
        if gap.broken {
            self.key_allowed = true;
        }
        Ok(Kind::Scalar { value, plain: true })
    }

    fn ends_plain(&self) -> bool {
        match self.at(0) {
            ':' => is_blankz(self.at(1)),
            ',' | '?' | '[' | ']' | '{' | '}' => self.in_flow(),
            _ => false,
        }
    }

    pub(super) fn quoted_scalar(&mut self, single: bool) -> Scanned<Kind> {
        let start = self.mark;
        let quote = if single { '\'' } else { '"' };
        self.skip();
        let mut value = Zeroizing::new(Vec::new());
        let mut gap = Gap::default();
        loop {
            if self.document_mark('-') || self.document_mark('.') {
                return Err(self.error(start, "found unexpected document indicator"));
            }
            if self.at(0) == '\0' {
                return Err(self.error(start, "found unexpected end of stream"));
            }
            self.quoted_run(start, single, &mut value, &mut gap)?;
            if self.at(0) == quote {
                break;
            }
            while is_blank(self.at(0)) || is_break(self.at(0)) {
                self.gap(&mut gap);
            }
            gap.fold(&mut value);
        }
        self.skip();
        Ok(Kind::Scalar { value, plain: false })
    }

    /// Text up to a blank, a break or the closing quote.
    fn quoted_run(&mut self, start: Mark, single: bool, value: &mut Vec<u8>, gap: &mut Gap) -> Scanned<()> {
        while !is_blankz(self.at(0)) {
            match (single, self.at(0), self.at(1)) {
                (true, '\'', '\'') => {
                    value.push(b'\'');
                    self.skip();
                    self.skip();
                }
                (true, '\'', _) | (false, '"', _) => break,
                (false, '\\', next) if is_break(next) => {
                    self.skip();
                    self.skip_line();
                    gap.broken = true;
                    break;
                }
                (false, '\\', _) => self.escape(start, value)?,
                _ => self.read(value),
            }
        }
        Ok(())
    }

    fn escape(&mut self, start: Mark, value: &mut Vec<u8>) -> Scanned<()> {
        let mut digits = 0;
        let simple = match self.at(1) {
            '0' => "\0",
            'a' => "\x07",
            'b' => "\x08",
            't' | '\t' => "\t",
            'n' => "\n",
            'v' => "\x0b",
            'f' => "\x0c",
            'r' => "\r",
            'e' => "\x1b",
            ' ' => " ",
            '"' => "\"",
            '\'' => "'",
            '/' => return Err(self.error(start, "found unknown escape character")),
            '\\' => "\\",
            'N' => "\u{85}",
            '_' => "\u{a0}",
            'L' => "\u{2028}",
            'P' => "\u{2029}",
            letter @ ('x' | 'u' | 'U') => {
                digits = match letter {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                ""
            }
            _ => return Err(self.error(start, "found unknown escape character")),
        };
        value.extend_from_slice(simple.as_bytes());
        self.skip();
        self.skip();
        if digits > 0 {
            let mut code = 0_u64;
            for ahead in 0..digits {
                let Some(digit) = self.at(ahead).to_digit(16) else {
                    return Err(self.error(start, "did not find expected hexdecimal number"));
                };
                code = (code << 4) | u64::from(digit);
            }
            let character = u32::try_from(code).ok().and_then(char::from_u32);
            let Some(character) = character else {
                return Err(self.error(start, "found invalid Unicode character escape code"));
            };
            let mut buffer = [0; 4];
            value.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            (0..digits).for_each(|_| self.skip());
        }
        Ok(())
    }

    pub(super) fn block_scalar(&mut self, literal: bool) -> Scanned<Kind> {
        let start = self.mark;
        self.skip();
        let (chomp, increment) = self.block_header(start)?;
        let mut indent = increment.map_or(0, |columns| self.indent.unwrap_or(0) + columns);
        let mut value = Zeroizing::new(Vec::new());
        let (mut first, mut more) = (Vec::new(), Vec::new());
        self.block_breaks(start, &mut indent, &mut more)?;
        let mut led_by_blank = false;
        while self.mark.column == indent && self.at(0) != '\0' {
            let blank = is_blank(self.at(0));
            if !literal && !led_by_blank && !blank && first.first() == Some(&b'\n') {
                if more.is_empty() {
                    value.push(b' ');
                }
                first.clear();
            } else {
                value.append(&mut first);
            }
            value.append(&mut more);
            led_by_blank = blank;
            while !is_breakz(self.at(0)) {
                self.read(&mut value);
            }
            if is_break(self.at(0)) {
                self.read_line(&mut first);
            }
            self.block_breaks(start, &mut indent, &mut more)?;
        }
        if chomp != Some('-') {
            value.append(&mut first);
        }
        if chomp == Some('+') {
            value.append(&mut more);
        }
        Ok(Kind::Scalar { value, plain: false })
    }

    /// Chomping and indentation indicators, in either order, up to the end of the line.
    fn block_header(&mut self, start: Mark) -> Scanned<(Option<char>, Option<usize>)> {
        let (mut chomp, mut increment) = (None, None);
        for _ in 0..2 {
            match self.at(0) {
                sign @ ('+' | '-') if chomp.is_none() => chomp = Some(sign),
                '0' if increment.is_none() => {
                    return Err(self.error(start, "found an indentation indicator equal to 0"));
                }
                digit @ '1'..='9' if increment.is_none() => {
                    increment = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                }
                _ => break,
            }
            self.skip();
        }
        self.skip_blanks();
        self.skip_comment();
        if !is_breakz(self.at(0)) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        if is_break(self.at(0)) {
            self.skip_line();
        }
        Ok((chomp, increment))
    }

    /// Empty lines and indentation before a line of a block scalar; finds the indentation when it is not known.
    fn block_breaks(&mut self, start: Mark, indent: &mut usize, breaks: &mut Vec<u8>) -> Scanned<()> {
        let mut widest = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.at(0) == ' ' {
                self.skip();
            }
            widest = widest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.at(0) == '\t' {
                return Err(self.error(start, "found a tab character where an indentation space is expected"));
            }
            if !is_break(self.at(0)) {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = widest.max(self.indent.map_or(0, |indent| indent + 1)).max(1);
        }
        Ok(())
    }
}
