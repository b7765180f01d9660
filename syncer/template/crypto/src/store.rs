//! The template functions on PKCS#12: PEM in, store out, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::keys::PrivateKey;
use crate::random::Random;
use crate::x509::{self, Certificate};
use crate::{chain, pem, pkcs12};

/// Template functions `pkcs12key` (password "") and `pkcs12keyPass`: the private key as PKCS#8 in PEM.
///
/// # Errors
/// If it is no PKCS#12 store with a key and a certificate, or the password is wrong.
pub fn pkcs12_key(password: &[u8], store: &[u8]) -> Result<Vec<u8>, Error> {
    let contents = pkcs12::read(store, password)
        .map_err(|error| error.within("unable to decode pkcs12 with password: "))?;
    Ok(pem::encode("PRIVATE KEY", &contents.key.to_pkcs8()?))
}

/// Template functions `pkcs12cert` (password "") and `pkcs12certPass`: all certificates as PEM, from the leaf to the root
/// if they form a chain, else as they stand in the store.
///
/// # Errors
/// As [`pkcs12_key`].
pub fn pkcs12_cert(password: &[u8], store: &[u8]) -> Result<Vec<u8>, Error> {
    let contents = pkcs12::read(store, password)
        .map_err(|error| error.within("unable to decode pkcs12 certificate with password: "))?;
    let certificates = contents.certificates.iter().map(|bytes| chain::single(bytes));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let unordered = chain::to_pem(&certificates);
    Ok(chain::ordered(certificates).map(|ordered| chain::to_pem(&ordered)).unwrap_or(unordered))
}

/// Template functions `pemToPkcs12[Pass]` and, with `all` certificates of the text, `fullPemToPkcs12[Pass]`: a store as
/// base64.
///
/// # Errors
/// If certificate or key cannot be read; as a panic if there is no PEM where some must be.
pub fn pem_to_pkcs12(
    cert: &[u8],
    key: &[u8],
    password: &[u8],
    all: bool,
    random: &mut Random,
) -> Result<Vec<u8>, Error> {
    let (first, rest) = pem::decode(cert);
    let mut blocks = vec![first.ok_or_else(Error::nil_dereference)?];
    x509::parse(&blocks.first().ok_or_else(Error::nil_dereference)?.bytes)?;
    if all {
        blocks.extend(pem_blocks(rest)?);
    }
    let certificates = parse_all(&blocks)?;
    let key = pem::decode(key).0.ok_or_else(Error::nil_dereference)?;
    let key = PrivateKey::from_any(&key.bytes)?;
    let store = pkcs12::write(&key, &certificates, password, random)?;
    Ok(STANDARD.encode(store.as_slice()).into_bytes())
}

/// Template functions `pemTruststoreToPKCS12[Pass]`: certificates that Java trusts, as base64.
///
/// # Errors
/// If a block is no certificate; as a panic if there is text behind the last block.
pub fn pem_truststore_to_pkcs12(
    certs: &[u8],
    password: &[u8],
    random: &mut Random,
) -> Result<Vec<u8>, Error> {
    let blocks = pem_blocks(certs)?;
    let store = pkcs12::write_trusted(&parse_all(&blocks)?, password, random)?;
    Ok(STANDARD.encode(store.as_slice()).into_bytes())
}

/// All blocks up to the end, or the end of the first one that is no certificate. Other text behind them makes Go panic.
fn pem_blocks(text: &[u8]) -> Result<Vec<pem::Block>, Error> {
    let (mut blocks, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (block, after) = pem::decode(rest);
        let block = block.ok_or_else(Error::nil_dereference)?;
        x509::parse(&block.bytes)?;
        blocks.push(block);
        rest = after;
    }
    Ok(blocks)
}

fn parse_all(blocks: &[pem::Block]) -> Result<Vec<Certificate<'_>>, Error> {
    blocks.iter().map(|block| x509::parse(&block.bytes)).collect()
}
