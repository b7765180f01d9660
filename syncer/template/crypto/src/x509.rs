//! X.509 certificates as Go reads them: what is refused, at which step, and with which words.

mod extensions;

use std::net::IpAddr;

use crate::der::{self, Reader};
use crate::error::Error;
use crate::keys::public;
use crate::{name, oid, time};

/// What templates need of a certificate.
#[derive(Default)]
pub(crate) struct Certificate<'a> {
    /// The whole certificate.
    pub(crate) raw: &'a [u8],
    /// Its subject as DER.
    pub(crate) raw_subject: &'a [u8],
    /// The attributes of its subject.
    pub(crate) subject: Vec<name::Attribute<'a>>,
    /// Its public key as DER; None if it is of a kind that Go does not know.
    pub(crate) public_key: Option<&'a [u8]>,
    /// Its subject key identifier, if it has one.
    pub(crate) subject_key_id: Option<&'a [u8]>,
    /// Its authority key identifier, if it has one.
    pub(crate) authority_key_id: Option<&'a [u8]>,
    /// Its alternative names: DNS names.
    pub(crate) dns_names: Vec<&'a str>,
    /// Its alternative names: addresses.
    pub(crate) ips: Vec<IpAddr>,
    /// Its alternative names: mailboxes.
    pub(crate) emails: Vec<&'a str>,
    /// Its alternative names: URIs.
    pub(crate) uris: Vec<&'a str>,
}

/// Reads one certificate and nothing behind it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Certificate<'_>, Error> {
    let mut reader = Reader::new(bytes);
    let certificate = parse_next(&mut reader)?;
    if !reader.is_empty() {
        return Err(Error::new("x509: trailing data"));
    }
    Ok(certificate)
}

/// Reads the next of several certificates that stand one after the other.
pub(crate) fn parse_next<'a>(reader: &mut Reader<'a>) -> Result<Certificate<'a>, Error> {
    let whole = reader.element(der::SEQUENCE).map_err(|_| Error::new("x509: malformed certificate"))?;
    let mut input = Reader::new(whole.body);
    let mut tbs = input.enter(der::SEQUENCE).map_err(|_| Error::new("x509: malformed tbs certificate"))?;
    let mut out = Certificate { raw: whole.whole, ..Certificate::default() };
    let version = version(&mut tbs)?;
    let serial = tbs.integer().map_err(|_| Error::new("x509: malformed serial number"))?;
    if serial.is_negative() {
        return Err(Error::new("x509: negative serial number"));
    }
    signature_algorithm(&mut tbs, &mut input)?;
    let issuer = tbs.element(der::SEQUENCE).map_err(|_| Error::new("x509: malformed issuer"))?;
    name::parse(issuer.whole)?;
    validity(&mut tbs)?;
    let subject = tbs.element(der::SEQUENCE).map_err(|_| Error::new("x509: malformed issuer"))?;
    out.raw_subject = subject.whole;
    out.subject = name::parse(subject.whole)?;
    let key = tbs.element(der::SEQUENCE).map_err(|_| Error::new("x509: malformed spki"))?;
    out.public_key = public::check(key.body)?.then_some(key.whole);
    if version > 1 {
        tbs.optional(der::implicit(1)).map_err(|_| Error::new("x509: malformed issuerUniqueID"))?;
        tbs.optional(der::implicit(2)).map_err(|_| Error::new("x509: malformed subjectUniqueID"))?;
    }
    if version == 3 {
        let found = tbs.optional(der::explicit(3)).map_err(|_| Error::new("x509: malformed extensions"))?;
        if let Some(found) = found {
            extensions::parse(found, &mut out)?;
        }
    }
    input.bits().map_err(|_| Error::new("x509: malformed signature"))?;
    Ok(out)
}

/// The version, counted from 1.
fn version(tbs: &mut Reader<'_>) -> Result<i64, Error> {
    let malformed = |_| Error::new("x509: malformed version");
    let version = match tbs.optional(der::explicit(0)).map_err(malformed)? {
        None => 0,
        Some(inner) => {
            let mut inner = Reader::new(inner);
            let version = inner.small().map_err(malformed)?;
            if !inner.is_empty() {
                return Err(Error::new("x509: malformed version"));
            }
            version
        }
    };
    match version {
        0..=2 => Ok(version + 1),
        ..0 => Err(Error::new("x509: malformed version")),
        _ => Err(Error::new("x509: invalid version")),
    }
}

fn signature_algorithm<'a>(tbs: &mut Reader<'a>, input: &mut Reader<'a>) -> Result<(), Error> {
    let inner =
        tbs.body(der::SEQUENCE).map_err(|_| Error::new("x509: malformed signature algorithm identifier"))?;
    let outer = input.body(der::SEQUENCE).map_err(|_| Error::new("x509: malformed algorithm identifier"))?;
    if inner != outer {
        return Err(Error::new("x509: inner and outer signature algorithm identifiers don't match"));
    }
    algorithm(inner).map(|_| ())
}

/// An algorithm's identifier and, as DER, its parameters; empty if there are none.
pub(crate) fn algorithm(body: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let mut reader = Reader::new(body);
    let id = reader.oid().map_err(|_| Error::new("x509: malformed OID"))?;
    if reader.is_empty() {
        return Ok((id, &[]));
    }
    let parameters = reader.any().map_err(|_| Error::new("x509: malformed parameters"))?;
    Ok((id, parameters.whole))
}

fn validity(tbs: &mut Reader<'_>) -> Result<(), Error> {
    let mut reader = tbs.enter(der::SEQUENCE).map_err(|_| Error::new("x509: malformed validity"))?;
    for _ in 0..2 {
        let (tag, error) = if reader.at(der::UTC_TIME) {
            (der::UTC_TIME, "x509: malformed UTCTime")
        } else if reader.at(der::GENERALIZED_TIME) {
            (der::GENERALIZED_TIME, "x509: malformed GeneralizedTime")
        } else {
            return Err(Error::new("x509: unsupported time format"));
        };
        let text = reader.body(tag).map_err(|_| Error::new(error))?;
        if !time::is_valid(text, tag == der::GENERALIZED_TIME) {
            return Err(Error::new(error));
        }
    }
    Ok(())
}

/// Which extension of RFC 5280 an identifier names: the last number under 2.5.29.
fn standard_extension(id: &[u8]) -> Option<u8> {
    match id {
        [a, b, last] if [*a, *b] == oid::EXTENSIONS => Some(*last),
        _ => None,
    }
}
