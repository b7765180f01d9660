//! Certificates made by templates, as Sprig makes them.

mod template;

use std::net::IpAddr;
use std::str::FromStr as _;

use template::Template;
use zeroize::Zeroizing;

use crate::error::{Error, Piece};
use crate::keys::{PrivateKey, generate_rsa};
use crate::pem::base64_decode;
use crate::random::Random;
use crate::{pem, x509};

/// Bits of the RSA key of a certificate for which none is given.
const RSA_BITS: usize = 2048;

/// A certificate and its private key, both as PEM.
///
/// It has no `Debug` on purpose: the key is a secret.
pub struct CertificateKey {
    /// The certificate.
    pub cert: Vec<u8>,
    /// The private key.
    pub key: Zeroizing<Vec<u8>>,
}

/// Whom a certificate is for, and for how long.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The common name; the name is empty without one.
    pub common_name: &'a [u8],
    /// Alternative names: addresses as text.
    pub ips: Vec<&'a [u8]>,
    /// Alternative names: DNS names.
    pub dns: Vec<&'a [u8]>,
    /// From when on it is valid, in nanoseconds since 1970.
    pub now: i128,
    /// For how many days.
    pub days: i64,
}

/// The certificate and the key of an authority.
struct Authority<'a> {
    certificate: x509::Certificate<'a>,
    key: PrivateKey,
}

/// Template functions `genCA` and, with a key as PEM, `genCAWithKey`: the certificate of a new authority.
///
/// # Errors
/// If the key cannot be read or cannot sign, or the name cannot stand in a certificate.
pub fn gen_ca(
    subject: &Subject<'_>,
    key: Option<&[u8]>,
    random: &mut Random,
) -> Result<CertificateKey, Error> {
    create(subject, true, own_key(key)?, None, random)
}

/// Template functions `genSelfSignedCert` and `genSelfSignedCertWithKey`: a certificate that vouches for itself.
///
/// # Errors
/// As [`gen_ca`]; or if an address or DNS name is none.
pub fn gen_self_signed_cert(
    subject: &Subject<'_>,
    key: Option<&[u8]>,
    random: &mut Random,
) -> Result<CertificateKey, Error> {
    create(subject, false, own_key(key)?, None, random)
}

/// Template functions `genSignedCert` and `genSignedCertWithKey`: a certificate that an authority signs.
///
/// # Errors
/// As [`gen_self_signed_cert`]; or if the authority's certificate or key cannot be read, or these do not belong together.
pub fn gen_signed_cert(
    subject: &Subject<'_>,
    authority: &CertificateKey,
    key: Option<&[u8]>,
    random: &mut Random,
) -> Result<CertificateKey, Error> {
    let own = own_key(key)?;
    let block = pem::decode(&authority.cert).0.ok_or_else(|| Error::new("unable to decode certificate"))?;
    let certificate = x509::parse(&block.bytes)
        .map_err(|error| error.within("error parsing certificate: decodedSignerCert.Bytes: "))?;
    let key =
        PrivateKey::from_pem(&authority.key).map_err(|error| error.within("error parsing private key: "))?;
    create(subject, false, own, Some(Authority { certificate, key }), random)
}

/// Template function `buildCustomCert`: certificate and key that are given as base64 of PEM.
///
/// # Errors
/// If either is not base64, not PEM, or no certificate and key.
pub fn build_custom_cert(cert: &[u8], key: &[u8]) -> Result<CertificateKey, Error> {
    let cert = base64_decode(cert).map_err(|_| Error::new("unable to decode base64 certificate"))?;
    let key = base64_decode(key).map_err(|_| Error::new("unable to decode base64 private key"))?;
    let key = Zeroizing::new(key);
    let block = pem::decode(&cert).0.ok_or_else(|| Error::new("unable to decode certificate"))?;
    x509::parse(&block.bytes)
        .map_err(|error| error.within("error parsing certificate: decodedCert.Bytes: "))?;
    PrivateKey::from_pem(&key).map_err(|error| error.within("error parsing private key: "))?;
    Ok(CertificateKey { cert, key })
}

fn own_key(pem: Option<&[u8]>) -> Result<Option<PrivateKey>, Error> {
    pem.map(PrivateKey::from_pem).transpose().map_err(|error| error.within("parsing private key: "))
}

/// Makes the certificate, and a key for it if there is none; without an authority it signs itself.
fn create(
    subject: &Subject<'_>,
    is_ca: bool,
    key: Option<PrivateKey>,
    authority: Option<Authority<'_>>,
    random: &mut Random,
) -> Result<CertificateKey, Error> {
    let ips = subject.ips.iter().map(|ip| address(ip)).collect::<Result<Vec<_>, _>>()?;
    let key = match key {
        Some(key) => key,
        None => generate_rsa(RSA_BITS, random).map_err(|error| error.within("error generating rsa key: "))?,
    };
    let cert = Template { subject, ips, is_ca, key: &key }
        .sign(authority.as_ref(), random)
        .map_err(|error| error.within("error creating certificate: "))?;
    Ok(CertificateKey { cert: pem::encode("CERTIFICATE", &cert), key: Zeroizing::new(key.to_pem()?) })
}

fn address(text: &[u8]) -> Result<IpAddr, Error> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| IpAddr::from_str(text).ok());
    parsed.ok_or_else(|| Error::with(["error parsing ip: ".into(), Piece::value(text)]))
}
