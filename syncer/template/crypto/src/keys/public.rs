//! Public keys as they stand in certificates.

use super::Curve;
use crate::der::{self, Der, Reader};
use crate::error::Error;
use crate::{oid, x509};

/// Number of bytes of an uncompressed point of P-224: such keys pass, unchecked.
const P224_POINT: usize = 57;

/// Checks the inside of a SubjectPublicKeyInfo. False if the key is of a kind that Go does not know.
pub(crate) fn check(body: &[u8]) -> Result<bool, Error> {
    let mut reader = Reader::new(body);
    let algorithm = reader
        .body(der::SEQUENCE)
        .map_err(|_| Error::new("x509: malformed public key algorithm identifier"))?;
    let (id, parameters) = x509::algorithm(algorithm)?;
    let (key, _) = reader.bits().map_err(|_| Error::new("x509: malformed subjectPublicKey"))?;
    match id {
        oid::RSA => check_rsa(parameters, key)?,
        oid::EC => check_ec(parameters, key)?,
        oid::DSA => check_dsa(parameters, key)?,
        oid::ED25519 if !parameters.is_empty() => {
            return Err(Error::new("x509: Ed25519 key encoded with illegal parameters"));
        }
        oid::ED25519 if key.len() != 32 => {
            return Err(Error::new("x509: wrong Ed25519 public key size"));
        }
        oid::ED25519 => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn check_rsa(parameters: &[u8], key: &[u8]) -> Result<(), Error> {
    if parameters != [der::NULL, 0] {
        return Err(Error::new("x509: RSA key missing NULL parameters"));
    }
    let mut numbers =
        Reader::new(key).enter(der::SEQUENCE).map_err(|_| Error::new("x509: invalid RSA public key"))?;
    let modulus = numbers.integer().map_err(|_| Error::new("x509: invalid RSA modulus"))?;
    let exponent = numbers.small().map_err(|_| Error::new("x509: invalid RSA public exponent"))?;
    if modulus.positive().is_none() {
        return Err(Error::new("x509: RSA modulus is not a positive number"));
    }
    if exponent <= 0 {
        return Err(Error::new("x509: RSA public exponent is not a positive number"));
    }
    Ok(())
}

fn check_ec(parameters: &[u8], key: &[u8]) -> Result<(), Error> {
    let id = Reader::new(parameters).oid().map_err(|_| Error::new("x509: invalid ECDSA parameters"))?;
    let fits = match Curve::of(id) {
        Some(curve) => curve.contains(key),
        None if id == oid::P224 => key.len() == P224_POINT && key.first() == Some(&4),
        None => return Err(Error::new("x509: unsupported elliptic curve")),
    };
    if fits { Ok(()) } else { Err(Error::new("ecdsa: invalid uncompressed public key")) }
}

fn check_dsa(parameters: &[u8], key: &[u8]) -> Result<(), Error> {
    let y = Reader::new(key).integer().map_err(|_| Error::new("x509: invalid DSA public key"))?;
    let invalid = |_| Error::new("x509: invalid DSA parameters");
    let mut reader = Reader::new(parameters).enter(der::SEQUENCE).map_err(invalid)?;
    let mut numbers = vec![y];
    for _ in 0..3 {
        numbers.push(reader.integer().map_err(invalid)?);
    }
    if numbers.into_iter().any(|number| number.positive().is_none()) {
        return Err(Error::new("x509: zero or negative DSA parameter"));
    }
    Ok(())
}

/// A SubjectPublicKeyInfo of an algorithm, as DER, and the key's bytes.
pub(crate) fn info(algorithm: &[u8], key: &[u8]) -> Der {
    der::sequence(&[algorithm, &der::bits(key)])
}

/// The numbers of an RSA key as they stand in it.
pub(crate) fn rsa_bytes(modulus: &[u8], exponent: &[u8]) -> Der {
    der::sequence(&[&der::unsigned(modulus), &der::unsigned(exponent)])
}
