//! The extensions of a certificate that Go reads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Certificate;
use crate::der::{self, Reader};
use crate::error::{Error, Piece};
use crate::oid;

/// The most extensions that a certificate may have.
const MOST: usize = 1000;

struct Extension<'a> {
    id: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

/// Reads all extensions.
pub(super) fn parse<'a>(body: &'a [u8], out: &mut Certificate<'a>) -> Result<(), Error> {
    let mut list =
        Reader::new(body).enter(der::SEQUENCE).map_err(|_| Error::new("x509: malformed extensions"))?;
    let mut found: Vec<Extension<'a>> = Vec::new();
    while !list.is_empty() {
        let inner = list.enter(der::SEQUENCE).map_err(|_| Error::new("x509: malformed extension"))?;
        let extension = one(inner)?;
        if found.iter().any(|other| other.id == extension.id) {
            return Err(Error::with([
                "x509: certificate contains duplicate extension with OID ".into(),
                Piece::value(oid::dotted(extension.id).as_bytes()),
            ]));
        }
        if found.len() == MOST {
            return Err(Error::new("x509: more than 1000 extensions"));
        }
        found.push(extension);
    }
    found.iter().try_for_each(|extension| process(extension, out))
}

fn one<'a>(mut reader: Reader<'a>) -> Result<Extension<'a>, Error> {
    let id = reader.oid().map_err(|_| Error::new("x509: malformed extension OID field"))?;
    let critical = if reader.at(der::BOOLEAN) {
        reader.boolean().map_err(|_| Error::new("x509: malformed extension critical field"))?
    } else {
        false
    };
    let value =
        reader.body(der::OCTET_STRING).map_err(|_| Error::new("x509: malformed extension value field"))?;
    Ok(Extension { id, critical, value })
}

fn process<'a>(extension: &Extension<'a>, out: &mut Certificate<'a>) -> Result<(), Error> {
    let mut reader = Reader::new(extension.value);
    match super::standard_extension(extension.id) {
        Some(14) if extension.critical => {
            Err(Error::new("x509: subject key identifier incorrectly marked critical"))
        }
        Some(14) => {
            let id = reader.body(der::OCTET_STRING);
            out.subject_key_id = Some(id.map_err(|_| Error::new("x509: invalid subject key identifier"))?);
            Ok(())
        }
        Some(15) => reader.bits().map(|_| ()).map_err(|_| Error::new("x509: invalid key usage")),
        Some(17) => alternative_names(reader, out),
        Some(19) => basic_constraints(reader),
        Some(30) => name_constraints(reader),
        Some(31) => {
            sequences(reader, "x509: invalid CRL distribution points", "x509: invalid CRL distribution point")
        }
        Some(32) => policies(reader),
        Some(33) => sequences(
            reader,
            "x509: invalid policy mappings extension",
            "x509: invalid policy mappings extension",
        ),
        Some(35) => authority_key_id(extension, out),
        Some(36) => {
            let found = reader.body(der::SEQUENCE);
            found.map(|_| ()).map_err(|_| Error::new("x509: invalid policy constraints extension"))
        }
        Some(37) => extended_usages(reader),
        Some(54) => {
            reader.small().map(|_| ()).map_err(|_| Error::new("x509: invalid inhibit any policy extension"))
        }
        _ if extension.id == oid::AUTHORITY_INFO_ACCESS && extension.critical => {
            Err(Error::new("x509: authority info access incorrectly marked critical"))
        }
        _ if extension.id == oid::AUTHORITY_INFO_ACCESS => {
            sequences(reader, "x509: invalid authority info access", "x509: invalid authority info access")
        }
        _ => Ok(()),
    }
}

/// A sequence of sequences, whatever is in these.
fn sequences(mut reader: Reader<'_>, outer: &'static str, inner: &'static str) -> Result<(), Error> {
    let mut list = reader.enter(der::SEQUENCE).map_err(|_| Error::new(outer))?;
    while !list.is_empty() {
        list.body(der::SEQUENCE).map_err(|_| Error::new(inner))?;
    }
    Ok(())
}

fn authority_key_id<'a>(extension: &Extension<'a>, out: &mut Certificate<'a>) -> Result<(), Error> {
    if extension.critical {
        return Err(Error::new("x509: authority key identifier incorrectly marked critical"));
    }
    let invalid = |_| Error::new("x509: invalid authority key identifier");
    let mut inner = Reader::new(extension.value).enter(der::SEQUENCE).map_err(invalid)?;
    out.authority_key_id = inner.optional(der::implicit(0)).map_err(invalid)?;
    Ok(())
}

fn basic_constraints(mut reader: Reader<'_>) -> Result<(), Error> {
    let invalid = |_| Error::new("x509: invalid basic constraints");
    let mut inner = reader.enter(der::SEQUENCE).map_err(invalid)?;
    if inner.at(der::BOOLEAN) {
        inner.boolean().map_err(invalid)?;
    }
    if inner.at(der::INTEGER) && inner.small().map_err(invalid)? < 0 {
        return Err(Error::new("x509: invalid basic constraints"));
    }
    Ok(())
}

fn name_constraints(mut reader: Reader<'_>) -> Result<(), Error> {
    let invalid = |_| Error::new("x509: invalid NameConstraints extension");
    let mut inner = reader.enter(der::SEQUENCE).map_err(invalid)?;
    let permitted = inner.optional(der::explicit(0)).map_err(invalid)?.unwrap_or_default();
    let excluded = inner.optional(der::explicit(1)).map_err(invalid)?.unwrap_or_default();
    if !reader.is_empty() || !inner.is_empty() {
        return Err(Error::new("x509: invalid NameConstraints extension"));
    }
    if permitted.is_empty() && excluded.is_empty() {
        return Err(Error::new("x509: empty name constraints extension"));
    }
    for subtrees in [permitted, excluded] {
        let mut subtrees = Reader::new(subtrees);
        while !subtrees.is_empty() {
            subtrees.enter(der::SEQUENCE).and_then(|mut subtree| subtree.any()).map_err(invalid)?;
        }
    }
    Ok(())
}

fn extended_usages(mut reader: Reader<'_>) -> Result<(), Error> {
    let invalid = |_| Error::new("x509: invalid extended key usages");
    let mut list = reader.enter(der::SEQUENCE).map_err(invalid)?;
    while !list.is_empty() {
        list.oid().map_err(invalid)?;
    }
    Ok(())
}

fn policies(mut reader: Reader<'_>) -> Result<(), Error> {
    let invalid = |_| Error::new("x509: invalid certificate policies");
    let mut list = reader.enter(der::SEQUENCE).map_err(invalid)?;
    let mut seen: Vec<&[u8]> = Vec::new();
    while !list.is_empty() {
        let id = list.enter(der::SEQUENCE).and_then(|mut policy| policy.oid()).map_err(invalid)?;
        if seen.len() == MOST || seen.contains(&id) {
            return Err(Error::new("x509: invalid certificate policies"));
        }
        seen.push(id);
    }
    Ok(())
}

fn alternative_names<'a>(mut reader: Reader<'a>, out: &mut Certificate<'a>) -> Result<(), Error> {
    let mut list =
        reader.enter(der::SEQUENCE).map_err(|_| Error::new("x509: invalid subject alternative names"))?;
    let ascii = |text: &'a [u8], error| {
        std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or_else(|| Error::new(error))
    };
    while !list.is_empty() {
        let name = list.any().map_err(|_| Error::new("x509: invalid subject alternative name"))?;
        match name.tag ^ 0x80 {
            1 => out.emails.push(ascii(name.body, "x509: SAN rfc822Name is malformed")?),
            2 => out.dns_names.push(ascii(name.body, "x509: SAN dNSName is malformed")?),
            6 => {
                let uri = ascii(name.body, "x509: SAN uniformResourceIdentifier is malformed")?;
                if uri.contains(|c: char| c.is_ascii_control()) {
                    return Err(Error::with(["x509: cannot parse URI ".into(), Piece::value(name.body)]));
                }
                out.uris.push(uri);
            }
            7 => out.ips.push(address(name.body).ok_or_else(|| {
                let length = name.body.len().to_string();
                Error::with([
                    "x509: cannot parse IP address of length ".into(),
                    Piece::value(length.as_bytes()),
                ])
            })?),
            _ => {}
        }
    }
    Ok(())
}

/// An address of 4 or 16 bytes.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))).ok()
}
