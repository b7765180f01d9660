//! Go's pattern syntax, with the Perl flags that its `regexp` package uses, parsed into an engine's expression.

mod bracket;
mod escape;

use std::collections::BTreeMap;

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

use crate::error::{Error, ErrorCode};
use crate::{MAX_DEPTH, MAX_PATTERN, MAX_RANGES, class};

/// What a pattern means.
pub(crate) struct Parsed {
    pub(crate) hir: Hir,
    /// The name of each group, the whole match first; empty for a group without a name.
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    non_greedy: bool,
}

struct Node {
    hir: Hir,
    /// How often the innermost thing can be repeated by the counted repetitions around it.
    copies: u64,
    depth: usize,
}

impl Node {
    fn leaf(hir: Hir) -> Self {
        Self { hir, copies: 1, depth: 1 }
    }
}

/// What stands between an open parenthesis, or the pattern's start, and here.
#[derive(Default)]
struct Group {
    /// The flags to go back to at the closing parenthesis.
    outer: Flags,
    /// The number of a capturing group.
    capture: Option<u32>,
    branches: Vec<Node>,
    items: Vec<Node>,
}

struct Parser<'p> {
    pattern: &'p [u8],
    rest: &'p [u8],
    flags: Flags,
    open: Vec<Group>,
    top: Group,
    names: Vec<String>,
    ranges: usize,
    /// How many code points were looked up for their other case.
    folded: u32,
    /// The Unicode classes met so far, by name and whether folded.
    tables: BTreeMap<(&'p [u8], bool), ClassUnicode>,
}

/// The last character that has another case, and some room for newer ones.
const LAST_WITH_CASE: u32 = 0x1_EFFF;
/// How many code points of ranges may be looked up for their other case.
const MAX_FOLDED: u32 = 1 << 25;

/// Parses a pattern.
pub(crate) fn parse(pattern: &[u8]) -> Result<Parsed, Error> {
    if pattern.len() > MAX_PATTERN {
        return Err(Error::new(ErrorCode::Large, pattern.get(..64).unwrap_or(pattern)));
    }
    let mut parser = Parser {
        pattern,
        rest: pattern,
        flags: Flags::default(),
        open: Vec::new(),
        top: Group::default(),
        names: vec![String::new()],
        ranges: 0,
        folded: 0,
        tables: BTreeMap::new(),
    };
    parser.run()?;
    if !parser.open.is_empty() {
        return Err(Error::new(ErrorCode::MissingParen, pattern));
    }
    let node = close(std::mem::take(&mut parser.top));
    if node.depth > MAX_DEPTH {
        return Err(Error::new(ErrorCode::NestingDepth, pattern));
    }
    Ok(Parsed { hir: node.hir, names: parser.names })
}

impl<'p> Parser<'p> {
    fn run(&mut self) -> Result<(), Error> {
        // The pattern from the repetition operator on that stood directly before, if one did.
        let mut last_repeat = None;
        while let Some(&first) = self.rest.first() {
            let here = self.rest;
            let mut repeat = None;
            match first {
                b'(' => self.left_paren()?,
                b'|' => {
                    self.skip(1);
                    self.end_branch();
                }
                b')' => self.right_paren()?,
                b'^' => self.look(1, if self.flags.multi_line { Look::StartLF } else { Look::Start }),
                b'$' => self.look(1, if self.flags.multi_line { Look::EndLF } else { Look::End }),
                b'.' => {
                    self.skip(1);
                    let dot = if self.flags.dot_newline { Dot::AnyChar } else { Dot::AnyCharExcept('\n') };
                    self.push(Node::leaf(Hir::dot(dot)));
                }
                b'[' => self.class()?,
                b'*' | b'+' | b'?' => {
                    self.skip(1);
                    let (min, max) = match first {
                        b'*' => (0, None),
                        b'+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(min, max, here, last_repeat)?;
                    repeat = Some(here);
                }
                b'{' => repeat = self.counted(last_repeat)?,
                b'\\' => self.backslash()?,
                _ => {
                    let c = self.next_char()?;
                    self.literal(u32::from(c));
                }
            }
            last_repeat = repeat;
        }
        Ok(())
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// What was read since `from`.
    fn since(&self, from: &'p [u8]) -> &'p [u8] {
        from.get(..from.len() - self.rest.len()).unwrap_or(from)
    }

    fn fail<T>(&self, code: ErrorCode, from: &'p [u8]) -> Result<T, Error> {
        Err(Error::new(code, self.since(from)))
    }

    fn next_char(&mut self) -> Result<char, Error> {
        let (c, width) =
            first_char(self.rest).ok_or_else(|| Error::new(ErrorCode::InvalidUtf8, self.rest))?;
        self.skip(width);
        Ok(c)
    }

    fn push(&mut self, node: Node) {
        self.top.items.push(node);
    }

    fn look(&mut self, width: usize, look: Look) {
        self.skip(width);
        self.push(Node::leaf(Hir::look(look)));
    }

    fn literal(&mut self, code: u32) {
        let hir = match char::from_u32(code) {
            // A surrogate: no text holds one.
            None => Hir::fail(),
            Some(c) if self.flags.fold => {
                let class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
                Hir::class(Class::Unicode(class::fold(class)))
            }
            Some(c) => Hir::literal(c.to_string().into_bytes()),
        };
        self.push(Node::leaf(hir));
    }

    fn push_class(&mut self, class: ClassUnicode) -> Result<(), Error> {
        self.ranges += class.ranges().len();
        if self.ranges > MAX_RANGES {
            return Err(Error::new(ErrorCode::Large, self.pattern));
        }
        self.push(Node::leaf(Hir::class(Class::Unicode(class))));
        Ok(())
    }

    fn end_branch(&mut self) {
        let items = std::mem::take(&mut self.top.items);
        self.top.branches.push(join(items, Hir::concat));
    }

    fn left_paren(&mut self) -> Result<(), Error> {
        if self.rest.starts_with(b"(?") {
            return self.perl_flags();
        }
        self.skip(1);
        self.open_group(true, String::new())
    }

    fn open_group(&mut self, captures: bool, name: String) -> Result<(), Error> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::new(ErrorCode::NestingDepth, self.pattern));
        }
        let capture = captures.then(|| {
            self.names.push(name);
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        });
        let group = Group { outer: self.flags, capture, ..Group::default() };
        self.open.push(std::mem::replace(&mut self.top, group));
        Ok(())
    }

    fn right_paren(&mut self) -> Result<(), Error> {
        let Some(outer) = self.open.pop() else {
            return Err(Error::new(ErrorCode::UnexpectedParen, self.pattern));
        };
        self.skip(1);
        let group = std::mem::replace(&mut self.top, outer);
        self.flags = group.outer;
        let capture = group.capture;
        let mut node = close(group);
        if let Some(index) = capture {
            node.hir = Hir::capture(Capture { index, name: None, sub: Box::new(node.hir) });
            node.depth += 1;
        }
        self.push(node);
        Ok(())
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>`, `(?<name>`.
    fn perl_flags(&mut self) -> Result<(), Error> {
        let here = self.rest;
        let name = match here.strip_prefix(b"(?P<") {
            Some(name) if !name.is_empty() => Some(name),
            _ => here.strip_prefix(b"(?<").filter(|name| !name.is_empty()),
        };
        if let Some(name) = name {
            return self.named_group(here, name);
        }
        self.skip(2);
        let mut flags = self.flags;
        let (mut negative, mut seen) = (false, false);
        while !self.rest.is_empty() {
            let c = self.next_char()?;
            match c {
                'i' => flags.fold = !negative,
                'm' => flags.multi_line = !negative,
                's' => flags.dot_newline = !negative,
                'U' => flags.non_greedy = !negative,
                '-' if !negative => negative = true,
                ':' | ')' if !negative || seen => {
                    if c == ':' {
                        self.open_group(false, String::new())?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            seen = c != '-';
        }
        self.fail(ErrorCode::InvalidPerlOp, here)
    }

    fn named_group(&mut self, here: &'p [u8], name: &'p [u8]) -> Result<(), Error> {
        let Some(length) = name.iter().position(|&b| b == b'>') else {
            check_utf8(here)?;
            return Err(Error::new(ErrorCode::InvalidNamedCapture, here));
        };
        self.rest = name.get(length + 1..).unwrap_or_default();
        let name = name.get(..length).unwrap_or_default();
        check_utf8(name)?;
        if name.is_empty() || !name.iter().all(|&b| b == b'_' || b.is_ascii_alphanumeric()) {
            return self.fail(ErrorCode::InvalidNamedCapture, here);
        }
        self.open_group(true, String::from_utf8_lossy(name).into_owned())
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else is a literal brace. Gives where the operator began.
    fn counted(&mut self, last_repeat: Option<&'p [u8]>) -> Result<Option<&'p [u8]>, Error> {
        let here = self.rest;
        let Some((min, max, rest)) = counts(here) else {
            self.skip(1);
            self.literal(u32::from('{'));
            return Ok(None);
        };
        self.rest = rest;
        if min > 1000 || max.is_some_and(|max| max > 1000 || min > max) {
            return self.fail(ErrorCode::InvalidRepeatSize, here);
        }
        self.repeat(min, max, here, last_repeat)?;
        let top = self.top.items.last();
        if (min >= 2 || max.is_some_and(|max| max >= 2)) && top.is_some_and(|node| node.copies > 1000) {
            return self.fail(ErrorCode::InvalidRepeatSize, here);
        }
        Ok(Some(here))
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        here: &'p [u8],
        last_repeat: Option<&'p [u8]>,
    ) -> Result<(), Error> {
        let mut greedy = !self.flags.non_greedy;
        if self.rest.first() == Some(&b'?') {
            self.skip(1);
            greedy = !greedy;
        }
        if let Some(last) = last_repeat {
            return self.fail(ErrorCode::InvalidRepeatOp, last);
        }
        let Some(node) = self.top.items.pop() else {
            return self.fail(ErrorCode::MissingRepeatArgument, here);
        };
        let counted = here.first() == Some(&b'{');
        let copies = match (counted, max) {
            (false, _) => node.copies,
            (true, Some(0)) => 1,
            (true, max) => node.copies.saturating_mul(u64::from(max.unwrap_or(min).max(1))),
        };
        let depth = node.depth + 1;
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(node.hir) });
        self.push(Node { hir, copies, depth });
        if depth > MAX_DEPTH {
            return Err(Error::new(ErrorCode::NestingDepth, self.pattern));
        }
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), Error> {
        let here = self.rest;
        match here.get(1) {
            Some(b'A') => self.look(2, Look::Start),
            Some(b'z') => self.look(2, Look::End),
            Some(b'b') => self.look(2, Look::WordAscii),
            Some(b'B') => self.look(2, Look::WordAsciiNegate),
            Some(b'C') => {
                self.skip(2);
                return self.fail(ErrorCode::InvalidEscape, here);
            }
            Some(b'Q') => {
                self.skip(2);
                let quoted = self.rest;
                let length = quoted.windows(2).position(|pair| pair == b"\\E");
                self.rest = quoted.get(..length.unwrap_or(quoted.len())).unwrap_or_default();
                while !self.rest.is_empty() {
                    let c = self.next_char()?;
                    self.literal(u32::from(c));
                }
                self.rest = length.and_then(|length| quoted.get(length + 2..)).unwrap_or_default();
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    return self.push_class(class);
                }
                let code = self.escape()?;
                self.literal(code);
            }
        }
        Ok(())
    }
}

fn close(mut group: Group) -> Node {
    let last = join(group.items, Hir::concat);
    group.branches.push(last);
    join(group.branches, Hir::alternation)
}

fn join(nodes: Vec<Node>, how: fn(Vec<Hir>) -> Hir) -> Node {
    let copies = nodes.iter().map(|node| node.copies).max().unwrap_or(1);
    let inner = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    let depth = inner + usize::from(nodes.len() != 1);
    Node { hir: how(nodes.into_iter().map(|node| node.hir).collect()), copies, depth }
}

/// The numbers of a counted repetition, and what follows it.
fn counts(text: &[u8]) -> Option<(u32, Option<u32>, &[u8])> {
    let (min, rest) = number(text.strip_prefix(b"{")?)?;
    if let Some(rest) = rest.strip_prefix(b"}") {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(b",")?;
    if let Some(rest) = rest.strip_prefix(b"}") {
        return Some((min, None, rest));
    }
    let (max, rest) = number(rest)?;
    Some((min, Some(max), rest.strip_prefix(b"}")?))
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with(b"0")) {
        return None;
    }
    let value = digits.iter().fold(0u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')));
    Some((value, rest))
}

/// The first character of a text and how many bytes it takes; `None` where the text is not UTF-8, or ended.
pub(crate) fn first_char(text: &[u8]) -> Option<(char, usize)> {
    let width = match text.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let c = std::str::from_utf8(text.get(..width)?).ok()?.chars().next()?;
    Some((c, width))
}

fn check_utf8(text: &[u8]) -> Result<(), Error> {
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let rest = text.get(error.valid_up_to()..).unwrap_or_default();
            Err(Error::new(ErrorCode::InvalidUtf8, rest))
        }
    }
}
