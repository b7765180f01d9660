//! Reads and writes DER.

use zeroize::Zeroizing;

use crate::error::Error;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag `[number]` around other elements.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` in place of a simple element's own.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// Why bytes are not the DER that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end too early.
    Truncated,
    /// Another element is there.
    Tag,
    /// Its length has no end or is not written in the shortest way.
    Length,
    /// The element is there, with contents that it cannot have.
    Content,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(match fault {
            Fault::Truncated => "asn1: syntax error: data truncated",
            Fault::Tag => "asn1: structure error: tags don't match",
            Fault::Length => "asn1: syntax error: length is indefinite or not minimal",
            Fault::Content => "asn1: structure error: invalid content",
        })
    }
}

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// The identifier byte.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) body: &'a [u8],
    /// The whole of it: identifier, length and body.
    pub(crate) whole: &'a [u8],
}

/// An integer as two's complement in the shortest form, never empty.
#[derive(Clone, Copy)]
pub(crate) struct Integer<'a>(&'a [u8]);

impl<'a> Integer<'a> {
    /// The magnitude of a number above zero, without leading zeros.
    pub(crate) fn positive(self) -> Option<&'a [u8]> {
        let first = *self.0.first()?;
        let magnitude = if first == 0 { self.0.get(1..)? } else { self.0 };
        (first & 0x80 == 0 && !magnitude.is_empty()).then_some(magnitude)
    }

    /// Whether it is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.0.first().is_some_and(|first| first & 0x80 != 0)
    }

    /// As a machine number, if it fits.
    pub(crate) fn small(self) -> Option<i64> {
        if self.0.len() > 8 {
            return None;
        }
        let start = if self.is_negative() { -1 } else { 0 };
        Some(self.0.iter().fold(start, |number: i64, byte| (number << 8) | i64::from(*byte)))
    }
}

/// Reads elements one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the beginning of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has this tag.
    pub(crate) fn at(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::new("pkcs12: trailing data found")) }
    }

    /// The identifier and the length of the next element, whichever it is. Tags above 30 are none.
    fn header(&mut self) -> Result<(u8, usize), Fault> {
        let [tag, length, after @ ..] = self.0 else { return Err(Fault::Truncated) };
        if tag & 0x1f == 0x1f {
            return Err(Fault::Tag);
        }
        let (length, header) =
            if length & 0x80 == 0 { (usize::from(*length), 2) } else { long(*length, after)? };
        self.0 = self.0.get(header..).ok_or(Fault::Truncated)?;
        Ok((*tag, length))
    }

    /// The next bytes.
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next element, whichever it is.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, Fault> {
        let mut ahead = *self;
        let (tag, length) = ahead.header()?;
        let body = ahead.take(length)?;
        let whole = self.take(self.0.len() - ahead.0.len())?;
        Ok(Element { tag, body, whole })
    }

    /// The identifier of the next element, if there is one; it must begin well.
    pub(crate) fn next_tag(&self) -> Result<Option<u8>, Fault> {
        let mut ahead = *self;
        if ahead.is_empty() { Ok(None) } else { ahead.header().map(|(tag, _)| Some(tag)) }
    }

    /// What is in the next element if it is one of tag `inner` within `[outer]`, as Go's `encoding/asn1` finds it: the
    /// outer length is not looked at, and another element is none; but if something follows, it must begin well.
    pub(crate) fn wrapped(&mut self, outer: u8, inner: u8) -> Result<Option<&'a [u8]>, Fault> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut ahead = *self;
        let (tag, length) = ahead.header()?;
        if tag != explicit(outer) {
            return Ok(None);
        }
        if length == 0 {
            return Err(Fault::Content);
        }
        let (tag, length) = ahead.header()?;
        if tag != inner {
            return Ok(None);
        }
        let body = ahead.take(length)?;
        *self = ahead;
        Ok(Some(body))
    }

    /// The next element, which must have this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Result<Element<'a>, Fault> {
        match self.next_tag()? {
            Some(next) if next == tag => self.any(),
            Some(_) => Err(Fault::Tag),
            None => Err(Fault::Truncated),
        }
    }

    /// What is in the next element, which must have this tag.
    pub(crate) fn body(&mut self, tag: u8) -> Result<&'a [u8], Fault> {
        Ok(self.element(tag)?.body)
    }

    /// What is in the next element, to be read on.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self, Fault> {
        self.body(tag).map(Self)
    }

    /// What is in the next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Fault> {
        if self.at(tag) { self.body(tag).map(Some) } else { Ok(None) }
    }

    /// An object identifier's bytes.
    pub(crate) fn oid(&mut self) -> Result<&'a [u8], Fault> {
        oid_contents(self.body(OID)?)
    }

    /// An integer in its shortest form.
    pub(crate) fn integer(&mut self) -> Result<Integer<'a>, Fault> {
        let body = self.body(INTEGER)?;
        match body {
            [] => Err(Fault::Content),
            [0, second, ..] if second & 0x80 == 0 => Err(Fault::Content),
            [0xff, second, ..] if second & 0x80 != 0 => Err(Fault::Content),
            _ => Ok(Integer(body)),
        }
    }

    /// An integer that fits into a machine number.
    pub(crate) fn small(&mut self) -> Result<i64, Fault> {
        self.integer()?.small().ok_or(Fault::Content)
    }

    /// A truth value.
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.body(BOOLEAN)? {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(Fault::Content),
        }
    }

    /// The bytes of a bit string, and how many bits of the last one do not count.
    pub(crate) fn bits(&mut self) -> Result<(&'a [u8], u8), Fault> {
        bit_contents(self.body(BIT_STRING)?)
    }
}

/// Checks the contents of an object identifier.
pub(crate) fn oid_contents(body: &[u8]) -> Result<&[u8], Fault> {
    let minimal =
        body.first() != Some(&0x80) && !body.windows(2).any(|w| matches!(w, [a, 0x80] if a & 0x80 == 0));
    let ends = body.last().is_some_and(|last| last & 0x80 == 0);
    if minimal && ends { Ok(body) } else { Err(Fault::Content) }
}

/// Splits the contents of a bit string.
pub(crate) fn bit_contents(body: &[u8]) -> Result<(&[u8], u8), Fault> {
    let [unused, bytes @ ..] = body else { return Err(Fault::Content) };
    let fits = match bytes.last() {
        None => *unused == 0,
        Some(last) => *unused < 8 && last & ((1_u8 << unused) - 1) == 0,
    };
    if fits { Ok((bytes, *unused)) } else { Err(Fault::Content) }
}

/// The length that stands in several bytes, and the header's length.
fn long(first: u8, after: &[u8]) -> Result<(usize, usize), Fault> {
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(Fault::Length);
    }
    let bytes = after.get(..count).ok_or(Fault::Truncated)?;
    let length = bytes.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
    if length < 128 || bytes.first() == Some(&0) {
        return Err(Fault::Length);
    }
    Ok((length, count + 2))
}

/// DER that may hold a secret: wiped when dropped.
pub(crate) type Der = Zeroizing<Vec<u8>>;

/// An element of this tag and these contents.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Der {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 6));
    out.push(tag);
    if let Some(short) = u8::try_from(length).ok().filter(|l| *l < 128) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0x7f));
        out.extend_from_slice(&digits);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A sequence of these elements.
pub(crate) fn sequence(parts: &[&[u8]]) -> Der {
    element(SEQUENCE, parts)
}

/// A sequence of any number of elements.
pub(crate) fn sequence_of(items: &[Der]) -> Der {
    let parts: Vec<&[u8]> = items.iter().map(|item| item.as_slice()).collect();
    sequence(&parts)
}

/// The integer of this magnitude, leading zeros not counting.
pub(crate) fn unsigned(magnitude: &[u8]) -> Der {
    let start = magnitude.iter().position(|byte| *byte != 0).unwrap_or(magnitude.len());
    let digits = magnitude.get(start..).unwrap_or_default();
    let pad: &[u8] = if digits.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    element(INTEGER, &[pad, digits])
}

/// An octet string.
pub(crate) fn octets(bytes: &[u8]) -> Der {
    element(OCTET_STRING, &[bytes])
}

/// A bit string of whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Der {
    element(BIT_STRING, &[&[0], bytes])
}

/// An object identifier.
pub(crate) fn oid(bytes: &[u8]) -> Der {
    element(OID, &[bytes])
}

/// NULL.
pub(crate) fn null() -> Der {
    element(NULL, &[])
}
