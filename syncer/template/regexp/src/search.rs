//! Matching by Go's rules: which matches count, how a replacement and a split walk over them.

use std::ops::Range;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::{Input, MatchKind};
use zeroize::Zeroizing;

use crate::MAX_COMPILED;
use crate::error::{Error, ErrorCode};
use crate::expand::{Piece, pieces};
use crate::parse::{first_char, parse};

/// A compiled pattern.
pub struct Regexp {
    engine: Regex,
    names: Vec<String>,
    empty_pattern: bool,
}

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// A pattern that Go refuses, in Go's words; one beyond this crate's limits, as too large or too deep.
    pub fn new(pattern: &[u8]) -> Result<Self, Error> {
        let parsed = parse(pattern)?;
        let config = Regex::config()
            .match_kind(MatchKind::LeftmostFirst)
            .utf8_empty(true)
            .nfa_size_limit(Some(MAX_COMPILED))
            .onepass_size_limit(Some(MAX_COMPILED / 16));
        let engine = Regex::builder()
            .configure(config)
            .build_from_hir(&parsed.hir)
            .map_err(|_| Error::new(ErrorCode::Large, pattern))?;
        Ok(Self { engine, names: parsed.names, empty_pattern: pattern.is_empty() })
    }

    /// Whether the text holds a match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.engine.is_match(Text::new(text).valid())
    }

    /// Where the leftmost match is, in bytes.
    pub fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let text = Text::new(text);
        self.engine.find(text.valid()).map(|found| text.original(found.range()))
    }

    /// The names of the groups, the whole match first; empty where there is none.
    pub fn group_names(&self) -> &[String] {
        &self.names
    }

    /// Up to `n` successive matches that do not overlap, all of them if `n` is negative. An empty match directly
    /// behind the match before does not count.
    ///
    /// # Errors
    /// What `spend` says, which is asked before each search with 0: each may read the whole rest of the text.
    pub fn find_all<E>(
        &self,
        text: &[u8],
        n: i64,
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<Range<usize>>, E> {
        let text = Text::new(text);
        let found = self.successive(text.valid(), n, spend)?;
        Ok(found.into_iter().map(|range| text.original(range)).collect())
    }

    fn successive<E>(
        &self,
        text: &[u8],
        n: i64,
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<Range<usize>>, E> {
        let limit = usize::try_from(n).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let (mut pos, mut previous_end) = (0, None);
        while found.len() < limit && pos <= text.len() {
            spend(0)?;
            let Some(next) = self.engine.search(&Input::new(text).range(pos..)) else { break };
            let mut accept = true;
            if next.end() == pos {
                accept = previous_end != Some(next.start());
                pos += width_at(text, pos).unwrap_or(1);
            } else {
                pos = next.end();
            }
            previous_end = Some(next.end());
            if accept {
                found.push(next.range());
            }
        }
        Ok(found)
    }

    /// The text with every match replaced by the template, in which `$1`, `${1}`, `$name`, `${name}` stand for what
    /// a group matched and `$$` for a dollar.
    ///
    /// # Errors
    /// What `spend` says, which is asked before each search with 0, and before bytes are added to the result with
    /// their number.
    pub fn replace_all<E>(
        &self,
        text: &[u8],
        template: &[u8],
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<u8>, E> {
        let pieces = pieces(template);
        self.replace(text, spend, |found, text, out| {
            for piece in &pieces {
                let group = match piece {
                    Piece::Literal(literal) => {
                        out.push(literal)?;
                        continue;
                    }
                    Piece::Number(number) => found.get_group(*number),
                    Piece::Name(name) => self.named(name, found),
                };
                if let Some(group) = group {
                    out.push(text.slice(group.start..group.end))?;
                }
            }
            Ok(())
        })
    }

    /// The text with every match replaced by the same literal bytes.
    ///
    /// # Errors
    /// As for [`Regexp::replace_all`].
    pub fn replace_all_literal<E>(
        &self,
        text: &[u8],
        with: &[u8],
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<u8>, E> {
        self.replace(text, spend, |_, _, out| out.push(with))
    }

    /// What the first group of this name that took part in the match has.
    fn named(&self, name: &[u8], found: &Captures) -> Option<regex_automata::Span> {
        let with_name = self.names.iter().enumerate().filter(|(_, n)| n.as_bytes() == name);
        with_name.filter_map(|(index, _)| found.get_group(index)).next()
    }

    fn replace<E>(
        &self,
        text: &[u8],
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
        put: impl Fn(&Captures, &Text<'_>, &mut Output<'_, E>) -> Result<(), E>,
    ) -> Result<Vec<u8>, E> {
        let text = Text::new(text);
        let valid = text.valid();
        let mut out = Output { bytes: Zeroizing::new(Vec::with_capacity(text.bytes.len())), spend };
        let mut found = self.engine.create_captures();
        let (mut last_end, mut pos) = (0, 0);
        while pos <= valid.len() {
            (out.spend)(0)?;
            self.engine.search_captures(&Input::new(valid).range(pos..), &mut found);
            let Some(whole) = found.get_match() else { break };
            out.push(text.slice(last_end..whole.start()))?;
            if whole.end() > last_end || whole.start() == 0 {
                put(&found, &text, &mut out)?;
            }
            last_end = whole.end();
            // At least one character on.
            pos = (pos + width_at(valid, pos).unwrap_or(1)).max(whole.end());
        }
        out.push(text.slice(last_end..valid.len()))?;
        Ok(std::mem::take(&mut *out.bytes))
    }

    /// The pieces between the matches: at most `n` if it is positive, all if negative, `None` if it is 0.
    ///
    /// # Errors
    /// As for [`Regexp::find_all`].
    pub fn split<E>(
        &self,
        text: &[u8],
        n: i64,
        spend: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Vec<Range<usize>>>, E> {
        if n == 0 {
            return Ok(None);
        }
        if !self.empty_pattern && text.is_empty() {
            return Ok(Some(std::iter::once(0..0).collect()));
        }
        let limit = usize::try_from(n).unwrap_or(usize::MAX);
        let mut pieces = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in self.find_all(text, n, spend)? {
            if pieces.len() == limit.saturating_sub(1) {
                break;
            }
            end = found.start;
            if found.end != 0 {
                pieces.push(begin..end);
            }
            begin = found.end;
        }
        if end != text.len() {
            pieces.push(begin..text.len());
        }
        Ok(Some(pieces))
    }
}

/// The pattern that matches exactly this text.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if br"\.+*?()|[]{}^$".contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

fn width_at(text: &[u8], pos: usize) -> Option<usize> {
    first_char(text.get(pos..)?).map(|(_, width)| width)
}

/// A text as the engine sees it: UTF-8, with U+FFFD for each byte that is not.
struct Text<'t> {
    bytes: &'t [u8],
    /// `None` where the text is UTF-8 as it is.
    repaired: Option<Zeroizing<Vec<u8>>>,
    /// Where each replacement ends in `repaired`, in ascending order; each took one byte in place of three.
    replaced: Vec<usize>,
}

impl<'t> Text<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        let mut text = Self { bytes, repaired: None, replaced: Vec::new() };
        if std::str::from_utf8(bytes).is_ok() {
            return text;
        }
        // Three times the length is the most it can become: the buffer never moves and leaves nothing behind.
        let mut valid = Vec::with_capacity(bytes.len() * 3);
        for chunk in bytes.utf8_chunks() {
            valid.extend_from_slice(chunk.valid().as_bytes());
            for _ in chunk.invalid() {
                valid.extend_from_slice("\u{fffd}".as_bytes());
                text.replaced.push(valid.len());
            }
        }
        text.repaired = Some(Zeroizing::new(valid));
        text
    }

    fn valid(&self) -> &[u8] {
        self.repaired.as_ref().map_or(self.bytes, |repaired| repaired)
    }

    fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |at: usize| at - 2 * self.replaced.partition_point(|&end| end <= at);
        back(range.start)..back(range.end)
    }

    /// The original bytes of a range of what the engine sees.
    fn slice(&self, range: Range<usize>) -> &'t [u8] {
        self.bytes.get(self.original(range)).unwrap_or_default()
    }
}

struct Output<'s, E> {
    bytes: Zeroizing<Vec<u8>>,
    spend: &'s mut dyn FnMut(usize) -> Result<(), E>,
}

impl<E> Output<'_, E> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), E> {
        (self.spend)(bytes.len())?;
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            // The text may be a secret: the place that it outgrows is wiped.
            let mut larger = Vec::with_capacity(needed.max(self.bytes.capacity() * 2));
            larger.extend_from_slice(&self.bytes);
            self.bytes = Zeroizing::new(larger);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}
