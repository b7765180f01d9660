//! What a backslash can stand before: classes by letter or name, single characters, codes.

use regex_syntax::hir::ClassUnicode;

use super::{Parser, check_utf8};
use crate::class;
use crate::error::{Error, ErrorCode};

impl<'p> Parser<'p> {
    /// `\d`, `\pL`, `\p{Greek}` and their like, if one stands here.
    pub(super) fn class_escape(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let here = self.rest;
        let [b'\\', letter, ..] = *here else { return Ok(None) };
        if !matches!(letter, b'p' | b'P') {
            let class = class::perl(letter, self.flags.fold);
            if class.is_some() {
                self.skip(2);
            }
            return Ok(class);
        }
        self.skip(2);
        let name = self.unicode_name(here)?;
        let (name, negated) = match name.strip_prefix(b"^") {
            Some(name) => (name, letter == b'p'),
            None => (name, letter == b'P'),
        };
        let key = (name, self.flags.fold);
        let mut class = match self.tables.get(&key) {
            Some(class) => class.clone(),
            None => match class::unicode(name, self.flags.fold) {
                Some(class) => self.tables.entry(key).or_insert(class).clone(),
                None => return self.fail(ErrorCode::InvalidCharRange, here),
            },
        };
        if negated {
            class.negate();
        }
        Ok(Some(class))
    }

    fn unicode_name(&mut self, here: &'p [u8]) -> Result<&'p [u8], Error> {
        let start = self.rest;
        if start.is_empty() || self.next_char()? != '{' {
            return Ok(self.since(start));
        }
        let inner = self.rest;
        let Some(length) = inner.iter().position(|&b| b == b'}') else {
            check_utf8(here)?;
            return Err(Error::new(ErrorCode::InvalidCharRange, here));
        };
        self.skip(length + 1);
        let name = inner.get(..length).unwrap_or_default();
        check_utf8(name)?;
        Ok(name)
    }

    /// An escaped character: its code point, which may be a surrogate's.
    pub(super) fn escape(&mut self) -> Result<u32, Error> {
        let here = self.rest;
        self.skip(1);
        if self.rest.is_empty() {
            return Err(Error::new(ErrorCode::TrailingBackslash, b""));
        }
        let c = self.next_char()?;
        let next_octal = self.rest.first().is_some_and(|b| matches!(b, b'0'..=b'7'));
        Ok(match c {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => return self.hex(here),
            '0' => self.octal(0),
            // A single digit would refer back to a group, which RE2 cannot.
            '1'..='7' if next_octal => self.octal(u32::from(c) - u32::from('0')),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return self.fail(ErrorCode::InvalidEscape, here),
        })
    }

    fn octal(&mut self, mut value: u32) -> u32 {
        for _ in 0..2 {
            let Some(&digit @ b'0'..=b'7') = self.rest.first() else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.skip(1);
        }
        value
    }

    fn hex(&mut self, here: &'p [u8]) -> Result<u32, Error> {
        if self.rest.is_empty() {
            return self.fail(ErrorCode::InvalidEscape, here);
        }
        let first = self.next_char()?;
        if first != '{' {
            if self.rest.is_empty() {
                return self.fail(ErrorCode::InvalidEscape, here);
            }
            let second = self.next_char()?;
            return match (first.to_digit(16), second.to_digit(16)) {
                (Some(high), Some(low)) => Ok(high * 16 + low),
                _ => self.fail(ErrorCode::InvalidEscape, here),
            };
        }
        let (mut value, mut digits) = (0, 0);
        while !self.rest.is_empty() {
            let c = self.next_char()?;
            if c == '}' && digits > 0 {
                return Ok(value);
            }
            let Some(digit) = c.to_digit(16) else { break };
            value = value * 16 + digit;
            digits += 1;
            if value > u32::from(char::MAX) {
                break;
            }
        }
        self.fail(ErrorCode::InvalidEscape, here)
    }
}
