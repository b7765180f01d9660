//! Distinguished names of certificates: read from DER, and written as one line of text.

use std::fmt::Write as _;

use crate::der::{self, Reader};
use crate::error::{Error, Piece};
use crate::oid;

/// The last byte of the types of attributes that have a name, in the order in which Go puts them, with the name.
const NAMED: [(u8, &str); 9] = [
    (6, "C"),
    (8, "ST"),
    (7, "L"),
    (9, "STREET"),
    (17, "POSTALCODE"),
    (10, "O"),
    (11, "OU"),
    (3, "CN"),
    (5, "SERIALNUMBER"),
];

/// One attribute: its type's object identifier and its value.
pub(crate) type Attribute<'a> = (&'a [u8], String);

/// Reads a name.
pub(crate) fn parse(whole: &[u8]) -> Result<Vec<Attribute<'_>>, Error> {
    let wrong = |_| Error::new("x509: invalid RDNSequence");
    let mut sequence = Reader::new(whole).enter(der::SEQUENCE).map_err(wrong)?;
    let mut out = Vec::new();
    while !sequence.is_empty() {
        let mut set = sequence.enter(der::SET).map_err(wrong)?;
        while !set.is_empty() {
            out.push(attribute(&mut set)?);
        }
    }
    Ok(out)
}

fn attribute<'a>(set: &mut Reader<'a>) -> Result<Attribute<'a>, Error> {
    let mut attribute =
        set.enter(der::SEQUENCE).map_err(|_| Error::new("x509: invalid RDNSequence: invalid attribute"))?;
    let kind =
        attribute.oid().map_err(|_| Error::new("x509: invalid RDNSequence: invalid attribute type"))?;
    let value =
        attribute.any().map_err(|_| Error::new("x509: invalid RDNSequence: invalid attribute value"))?;
    let text = string(value.tag, value.body)
        .map_err(|error| error.within("x509: invalid RDNSequence: invalid attribute value: "))?;
    Ok((kind, text))
}

/// The text of a string of any of ASN.1's types.
fn string(tag: u8, value: &[u8]) -> Result<String, Error> {
    let ascii = |allowed: fn(&u8) -> bool, error| {
        if value.iter().all(allowed) {
            Ok(value.iter().map(|byte| char::from(*byte)).collect())
        } else {
            Err(error)
        }
    };
    match tag {
        // T61String, read as Latin-1.
        0x14 => Ok(value.iter().map(|byte| char::from(*byte)).collect()),
        der::PRINTABLE_STRING => ascii(
            |byte| is_printable(*byte) || matches!(byte, b'*' | b'&'),
            Error::new("invalid PrintableString"),
        ),
        der::UTF8_STRING => {
            std::str::from_utf8(value).map(str::to_owned).map_err(|_| Error::new("invalid UTF-8 string"))
        }
        der::BMP_STRING => bmp(value).ok_or_else(|| Error::new("invalid BMPString")),
        // IA5String
        0x16 => ascii(u8::is_ascii, Error::new("invalid IA5String")),
        // NumericString
        0x12 => ascii(|byte| byte.is_ascii_digit() || *byte == b' ', Error::new("invalid NumericString")),
        tag => {
            Err(Error::with(["unsupported string type: ".into(), Piece::value(tag.to_string().as_bytes())]))
        }
    }
}

fn bmp(value: &[u8]) -> Option<String> {
    if !value.len().is_multiple_of(2) {
        return None;
    }
    let value = value.strip_suffix(&[0, 0]).unwrap_or(value);
    value
        .chunks_exact(2)
        .map(|pair| {
            let point = pair.iter().fold(0_u32, |point, byte| (point << 8) | u32::from(*byte));
            let reserved = matches!(point, 0xfffe | 0xffff | 0xfdd0..=0xfdef);
            char::from_u32(point).filter(|_| !reserved)
        })
        .collect()
}

/// Whether a byte may stand in a PrintableString.
pub(crate) fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// A name on one line as RFC 2253 has it: the last attribute first, unnamed ones at the end.
pub(crate) fn to_text(attributes: &[Attribute<'_>]) -> String {
    let named = |kind: &[u8]| match kind {
        [a, b, last] if [*a, *b] == oid::ATTRIBUTES => NAMED.iter().position(|(byte, _)| byte == last),
        _ => None,
    };
    let mut groups: Vec<String> = Vec::new();
    for (kind, value) in attributes.iter().filter(|(kind, _)| named(kind).is_none()) {
        groups.push(format!("{}=#{}", oid::dotted(kind), hex(&directory_string(value))));
    }
    for (index, (byte, label)) in NAMED.iter().enumerate() {
        let mut values: Vec<&String> = attributes
            .iter()
            .filter(|(kind, _)| named(kind) == Some(index))
            .map(|(_, value)| value)
            .collect();
        if matches!(byte, 3 | 5) {
            // Of these there is one, the last; an empty one is as good as none.
            values = values.last().copied().filter(|value| !value.is_empty()).into_iter().collect();
        }
        if !values.is_empty() {
            let parts: Vec<String> =
                values.iter().map(|value| format!("{label}={}", escape(value))).collect();
            groups.push(parts.join("+"));
        }
    }
    groups.reverse();
    groups.join(",")
}

fn escape(value: &str) -> String {
    let mut out = String::new();
    for (index, char) in value.char_indices() {
        let escaped = match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => index == 0 || index + 1 == value.len(),
            '#' => index == 0,
            _ => false,
        };
        if escaped {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A text as the string type that Go chooses for it: PrintableString if it can be, else UTF8String.
fn directory_string(text: &str) -> der::Der {
    let printable = text.bytes().all(is_printable);
    der::element(if printable { der::PRINTABLE_STRING } else { der::UTF8_STRING }, &[text.as_bytes()])
}

/// A name that consists of a common name, or of nothing if that is empty.
pub(crate) fn common(name: &[u8]) -> Result<der::Der, Error> {
    let text = std::str::from_utf8(name).map_err(|_| Error::new("asn1: string not valid UTF-8"))?;
    if text.is_empty() {
        return Ok(der::sequence(&[]));
    }
    let attribute = der::sequence(&[&der::oid(oid::COMMON_NAME), &directory_string(text)]);
    Ok(der::sequence(&[&der::element(der::SET, &[&attribute])]))
}
