//! Character classes in brackets.

use regex_syntax::hir::ClassUnicode;

use super::{LAST_WITH_CASE, MAX_FOLDED, Parser};
use crate::error::{Error, ErrorCode};
use crate::{MAX_RANGES, class};

impl<'p> Parser<'p> {
    pub(super) fn class(&mut self) -> Result<(), Error> {
        let here = self.rest;
        self.skip(1);
        let negated = self.rest.first() == Some(&b'^');
        if negated {
            self.skip(1);
        }
        let mut class = ClassUnicode::empty();
        let mut first = true;
        while first || self.rest.first() != Some(&b']') {
            first = false;
            if let Some(named) = self.posix_class()? {
                class.union(&named);
            } else if let Some(escaped) = self.class_escape()? {
                class.union(&escaped);
            } else {
                self.range(here, &mut class)?;
            }
            if class.ranges().len() > MAX_RANGES {
                return Err(Error::new(ErrorCode::Large, self.pattern));
            }
        }
        self.skip(1);
        if negated {
            class.negate();
        }
        self.push_class(class)
    }

    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let here = self.rest;
        let Some(inner) = here.strip_prefix(b"[:") else { return Ok(None) };
        let Some(length) = inner.windows(2).position(|pair| pair == b":]") else { return Ok(None) };
        self.skip(length + 4);
        match class::posix(inner.get(..length).unwrap_or_default(), self.flags.fold) {
            Some(class) => Ok(Some(class)),
            None => self.fail(ErrorCode::InvalidCharRange, here),
        }
    }

    fn range(&mut self, whole: &'p [u8], class: &mut ClassUnicode) -> Result<(), Error> {
        let here = self.rest;
        let lo = self.class_char(whole)?;
        let mut hi = lo;
        if let [b'-', next, ..] = self.rest
            && *next != b']'
        {
            self.skip(1);
            hi = self.class_char(whole)?;
            if hi < lo {
                return self.fail(ErrorCode::InvalidCharRange, here);
            }
        }
        class::push(class, lo, hi);
        if self.flags.fold {
            // Outside of these nothing has a case.
            let (lo, hi) = (lo.max(u32::from('A')), hi.min(LAST_WITH_CASE));
            self.folded += hi.saturating_sub(lo);
            if self.folded > MAX_FOLDED {
                return Err(Error::new(ErrorCode::Large, self.pattern));
            }
            let mut range = ClassUnicode::empty();
            class::push(&mut range, lo, hi);
            class.union(&class::fold(range));
        }
        Ok(())
    }

    fn class_char(&mut self, whole: &'p [u8]) -> Result<u32, Error> {
        match self.rest.first() {
            None => Err(Error::new(ErrorCode::MissingBracket, whole)),
            Some(b'\\') => self.escape(),
            Some(_) => self.next_char().map(u32::from),
        }
    }
}
