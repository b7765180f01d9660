//! Tokens of tags, anchors, aliases and directives.

use zeroize::Zeroizing;

use super::characters::{is_blank, is_blankz, is_break, is_breakz, is_word};
use super::scan::{Kind, Mark, Scanned, Scanner};

impl Scanner {
    pub(super) fn anchor(&mut self) -> Scanned<Kind> {
        self.anchor_name().map(Kind::Anchor)
    }

    pub(super) fn alias(&mut self) -> Scanned<Kind> {
        self.anchor_name().map(Kind::Alias)
    }

    fn anchor_name(&mut self) -> Scanned<Zeroizing<String>> {
        let start = self.mark;
        self.skip();
        let name = Zeroizing::new(self.word());
        let ended =
            matches!(self.at(0), '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`') || is_blankz(self.at(0));
        if name.is_empty() || !ended {
            return Err(self.error(start, "did not find expected alphabetic or numeric character"));
        }
        Ok(name)
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while is_word(self.at(0)) {
            word.push(self.at(0));
            self.skip();
        }
        word
    }

    pub(super) fn tag(&mut self) -> Scanned<Kind> {
        let start = self.mark;
        let (handle, suffix) = if self.at(1) == '<' {
            self.skip();
            self.skip();
            let suffix = self.tag_uri(start, "")?;
            if self.at(0) != '>' {
                return Err(self.error(start, "did not find the expected '>'"));
            }
            self.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(start, false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri(start, "")?;
                (handle, suffix)
            } else {
                match self.tag_uri(start, &handle)? {
                    suffix if suffix.is_empty() => (String::new(), b"!".to_vec()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        if !is_blankz(self.at(0)) {
            return Err(self.error(start, "did not find expected whitespace or line break"));
        }
        Ok(Kind::Tag { handle, suffix })
    }

    fn tag_handle(&mut self, start: Mark, directive: bool) -> Scanned<String> {
        if self.at(0) != '!' {
            return Err(self.error(start, "did not find expected '!'"));
        }
        self.skip();
        let mut handle = format!("!{}", self.word());
        if self.at(0) == '!' {
            handle.push('!');
            self.skip();
        } else if directive && handle != "!" {
            return Err(self.error(start, "did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The rest of a tag; `head` is a handle that turned out to be its beginning.
    fn tag_uri(&mut self, start: Mark, head: &str) -> Scanned<Vec<u8>> {
        let mut uri = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let mut found = !head.is_empty();
        while is_word(self.at(0)) || ";/?:@&=+$,.!~*'()[]%".contains(self.at(0)) {
            found = true;
            if self.at(0) == '%' {
                self.uri_escape(start, &mut uri)?;
            } else {
                self.read(&mut uri);
            }
        }
        if !found {
            return Err(self.error(start, "did not find expected tag URI"));
        }
        Ok(uri)
    }

    /// The `%xx` of all the octets of one character.
    fn uri_escape(&mut self, start: Mark, uri: &mut Vec<u8>) -> Scanned<()> {
        let mut left = None;
        while left != Some(0) {
            let octet = match (self.at(0), self.at(1).to_digit(16), self.at(2).to_digit(16)) {
                ('%', Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or_default(),
                _ => return Err(self.error(start, "did not find URI escaped octet")),
            };
            left = match (left, octet) {
                (None, 0..=0x7f) => Some(0),
                (None, 0xc0..=0xdf) => Some(1),
                (None, 0xe0..=0xef) => Some(2),
                (None, 0xf0..=0xf7) => Some(3),
                (None, _) => return Err(self.error(start, "found an incorrect leading UTF-8 octet")),
                (Some(left), 0x80..=0xbf) => Some(left - 1),
                (Some(_), _) => return Err(self.error(start, "found an incorrect trailing UTF-8 octet")),
            };
            uri.push(octet);
            (0..3).for_each(|_| self.skip());
        }
        Ok(())
    }

    pub(super) fn skip_comment(&mut self) {
        if self.at(0) == '#' {
            while !is_breakz(self.at(0)) {
                self.skip();
            }
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        while is_blank(self.at(0)) {
            self.skip();
        }
    }

    pub(super) fn scan_directive(&mut self) -> Scanned<Kind> {
        let start = self.mark;
        self.skip();
        let name = self.word();
        if name.is_empty() {
            return Err(self.error(start, "could not find expected directive name"));
        }
        if !is_blankz(self.at(0)) {
            return Err(self.error(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name.as_str() {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.error(start, "found unknown directive name")),
        };
        self.skip_blanks();
        self.skip_comment();
        if !is_breakz(self.at(0)) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        if is_break(self.at(0)) {
            self.skip_line();
        }
        Ok(kind)
    }

    fn version(&mut self, start: Mark) -> Scanned<Kind> {
        self.skip_blanks();
        let major = self.version_number(start)?;
        if self.at(0) != '.' {
            return Err(self.error(start, "did not find expected digit or '.' character"));
        }
        self.skip();
        let minor = self.version_number(start)?;
        Ok(Kind::Version { major, minor })
    }

    fn version_number(&mut self, start: Mark) -> Scanned<u32> {
        let (mut value, mut length) = (0, 0);
        while let Some(digit) = self.at(0).to_digit(10) {
            length += 1;
            if length > 2 {
                return Err(self.error(start, "found extremely long version number"));
            }
            value = value * 10 + digit;
            self.skip();
        }
        if length == 0 {
            return Err(self.error(start, "did not find expected version number"));
        }
        Ok(value)
    }

    fn tag_directive(&mut self, start: Mark) -> Scanned<Kind> {
        self.skip_blanks();
        let handle = self.tag_handle(start, true)?;
        if !is_blank(self.at(0)) {
            return Err(self.error(start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.tag_uri(start, "")?;
        if !is_blankz(self.at(0)) {
            return Err(self.error(start, "did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective { handle, prefix: String::from_utf8_lossy(&prefix).into_owned() })
    }
}
