//! Reading PKCS#12 stores.

use zeroize::Zeroizing;

use super::mac::MacData;
use super::{Password, cipher};
use crate::der::{self, Reader};
use crate::error::Error;
use crate::keys::PrivateKey;
use crate::{chain, oid};

/// The most bags of a store that are looked at.
const MOST_BAGS: usize = 1000;

/// What a store holds.
pub(crate) struct Contents {
    /// The private key.
    pub(crate) key: PrivateKey,
    /// The certificates as DER, at least one, as they stand in the store.
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// Contents while they are being found.
#[derive(Default)]
struct Found {
    key: Option<PrivateKey>,
    certificates: Vec<Vec<u8>>,
    bags: usize,
}

/// Reads a store with one private key and at least one certificate.
pub(crate) fn read(store: &[u8], password: &[u8]) -> Result<Contents, Error> {
    let mut password = Password::new(password)?;
    let safe = authenticated_safe(store, &mut password)?;
    let mut found = Found::default();
    for content in contents(safe)? {
        let (kind, mut inner) = content;
        let data = match kind {
            oid::DATA => {
                let data = Zeroizing::new(inner.body(der::OCTET_STRING)?.to_vec());
                inner.end()?;
                data
            }
            oid::ENCRYPTED_DATA => decrypt(inner, &password)?,
            _ => {
                return Err(Error::new(
                    "pkcs12: only data and encryptedData content types are supported in authenticated safe",
                ));
            }
        };
        let mut outer = Reader::new(&data);
        let mut bags = outer.enter(der::SEQUENCE)?;
        outer.end()?;
        while !bags.is_empty() {
            found.bag(bags.enter(der::SEQUENCE)?, &password)?;
        }
    }
    if found.certificates.is_empty() {
        return Err(Error::new("pkcs12: certificate missing"));
    }
    let key = found.key.ok_or_else(|| Error::new("pkcs12: private key missing"))?;
    Ok(Contents { key, certificates: found.certificates })
}

/// The bytes that the store's code covers; an empty password may turn out to be no password.
fn authenticated_safe<'a>(store: &'a [u8], password: &mut Password) -> Result<&'a [u8], Error> {
    let within = |error: Error| error.within("pkcs12: error reading P12 data: ");
    let mut outer = Reader::new(store);
    let mut pfx = outer.enter(der::SEQUENCE).map_err(|fault| within(fault.into()))?;
    let version = pfx.small().map_err(|fault| within(fault.into()))?;
    let (kind, mut content) = content_info(&mut pfx).map_err(within)?;
    let mac = if pfx.at(der::SEQUENCE) { Some(MacData::parse(&mut pfx).map_err(within)?) } else { None };
    outer.end().map_err(within)?;
    if version != 3 {
        return Err(Error::new("pkcs12: can only decode v3 PFX PDU's"));
    }
    if kind != oid::DATA {
        return Err(Error::new("pkcs12: only password-protected PFX is implemented"));
    }
    let safe = content.body(der::OCTET_STRING)?;
    content.end()?;
    let Some(mac) = mac else {
        return if password.is_empty() { Ok(safe) } else { Err(Error::new("pkcs12: no MAC in data")) };
    };
    if mac.verify(safe, password)? {
        return Ok(safe);
    }
    if password.is_empty() {
        *password = Password::none();
        if mac.verify(safe, password)? {
            return Ok(safe);
        }
    }
    Err(Error::new("pkcs12: decryption password incorrect"))
}

/// A content's type and what is in it.
fn content_info<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Reader<'a>), Error> {
    let mut inner = reader.enter(der::SEQUENCE)?;
    let kind = inner.oid()?;
    Ok((kind, Reader::new(inner.optional(der::explicit(0))?.unwrap_or_default())))
}

fn contents(safe: &[u8]) -> Result<Vec<(&[u8], Reader<'_>)>, Error> {
    let mut outer = Reader::new(safe);
    let mut list = outer.enter(der::SEQUENCE)?;
    outer.end()?;
    let mut contents = Vec::new();
    while !list.is_empty() {
        contents.push(content_info(&mut list)?);
        if contents.len() > 2 {
            break;
        }
    }
    if matches!(contents.len(), 1 | 2) {
        return Ok(contents);
    }
    Err(Error::new("pkcs12: expected between 1 and 2 items in the authenticated safe"))
}

fn decrypt(mut reader: Reader<'_>, password: &Password) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut inner = reader.enter(der::SEQUENCE)?;
    reader.end()?;
    if inner.small()? != 0 {
        return Err(Error::new("pkcs12: only version 0 of EncryptedData is supported"));
    }
    let mut info = inner.enter(der::SEQUENCE)?;
    info.oid()?;
    let algorithm = cipher::algorithm(&mut info)?;
    let data = info.optional(der::implicit(0))?.unwrap_or_default();
    cipher::decrypt(algorithm, data, password)
}

impl Found {
    /// Takes what is in a bag.
    fn bag(&mut self, mut bag: Reader<'_>, password: &Password) -> Result<(), Error> {
        self.bags += 1;
        if self.bags > MOST_BAGS {
            return Err(Error::new("pkcs12: a store with more than 1000 bags is not read"));
        }
        let kind = bag.oid()?;
        let value = bag.body(der::explicit(0))?;
        match kind {
            oid::CERT_BAG => {
                let certificate = certificate(value)?;
                chain::single(certificate)?;
                self.certificates.push(certificate.to_vec());
            }
            oid::KEY_BAG | oid::SHROUDED_KEY_BAG if self.key.is_some() => {
                return Err(Error::new("pkcs12: expected exactly one key bag"));
            }
            oid::KEY_BAG => self.key = Some(PrivateKey::from_pkcs8(value)?),
            oid::SHROUDED_KEY_BAG => self.key = Some(shrouded(value, password)?),
            _ => {}
        }
        Ok(())
    }
}

fn certificate(bag: &[u8]) -> Result<&[u8], Error> {
    let within = |fault| Error::from(fault).within("pkcs12: error decoding cert bag: ");
    let mut inner = Reader::new(bag).enter(der::SEQUENCE).map_err(within)?;
    let kind = inner.oid().map_err(within)?;
    let mut content = inner.enter(der::explicit(0)).map_err(within)?;
    let bytes = content.body(der::OCTET_STRING).map_err(within)?;
    if kind == oid::X509_CERTIFICATE {
        return Ok(bytes);
    }
    Err(Error::new("pkcs12: only X509 certificates are supported in cert bags"))
}

fn shrouded(bag: &[u8], password: &Password) -> Result<PrivateKey, Error> {
    let within = |fault| Error::from(fault).within("pkcs12: error decoding PKCS#8 shrouded key bag: ");
    let mut inner = Reader::new(bag).enter(der::SEQUENCE).map_err(within)?;
    let algorithm = cipher::algorithm(&mut inner).map_err(within)?;
    let data = inner.body(der::OCTET_STRING).map_err(within)?;
    let key = cipher::decrypt(algorithm, data, password)
        .map_err(|error| error.within("pkcs12: error decrypting PKCS#8 shrouded key bag: "))?;
    PrivateKey::from_pkcs8(&key).map_err(|error| error.within("pkcs12: error parsing PKCS#8 private key: "))
}
