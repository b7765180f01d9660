//! Private keys: reading and writing PKCS#1, PKCS#8 and SEC1, making them, and signing with them.

mod ec;
mod generate;
pub(crate) mod public;
mod rsa;
mod write;

pub use generate::gen_private_key;

pub(crate) use ec::{Curve, EcKey};
pub(crate) use generate::generate_rsa;
pub(crate) use rsa::{Parts as RsaParts, RsaKey};

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::der::{self, Fault, Reader};
use crate::error::{Error, Piece};
use crate::random::Random;
use crate::{oid, pem};

/// A private key of a kind that Go knows.
pub(crate) enum PrivateKey {
    /// RSA with two primes.
    Rsa(Box<RsaKey>),
    /// A point's scalar on one of NIST's curves.
    Ec(EcKey),
    /// The seed.
    Ed25519(Zeroizing<[u8; 32]>),
    /// The scalar. It cannot sign.
    X25519(Zeroizing<[u8; 32]>),
    /// Read, but good for nothing else: Go does not sign with DSA.
    Dsa,
}

impl PrivateKey {
    /// Reads PKCS#8. The curve's parameters count, not those of the key inside.
    pub(crate) fn from_pkcs8(bytes: &[u8]) -> Result<Self, Error> {
        let parts = match pkcs8_parts(bytes) {
            Ok(parts) => parts,
            Err(_) if ec::parts(bytes).is_ok() => return Err(other_format("ParseECPrivateKey")),
            Err(_) if rsa::parts(bytes).is_ok() => return Err(other_format("ParsePKCS1PrivateKey")),
            Err(fault) => return Err(fault.into()),
        };
        match parts.algorithm {
            oid::RSA => Self::from_pkcs1(parts.key)
                .map_err(|e| e.within("x509: failed to parse RSA private key embedded in PKCS#8: ")),
            oid::EC => {
                let curve = Reader::new(parts.parameters).oid().ok();
                EcKey::parse(curve, parts.key)
                    .map(Self::Ec)
                    .map_err(|e| e.within("x509: failed to parse EC private key embedded in PKCS#8: "))
            }
            oid::ED25519 => {
                let texts = [
                    "x509: invalid Ed25519 private key parameters",
                    "x509: invalid Ed25519 private key: ",
                    "x509: invalid Ed25519 private key length: ",
                ];
                curve_seed(&parts, texts).map(Self::Ed25519)
            }
            oid::X25519 => {
                let texts = [
                    "x509: invalid X25519 private key parameters",
                    "x509: invalid X25519 private key: ",
                    "crypto/ecdh: invalid private key size: ",
                ];
                curve_seed(&parts, texts).map(Self::X25519)
            }
            unknown => Err(Error::with([
                "x509: PKCS#8 wrapping contained private key with unknown algorithm: ".into(),
                Piece::value(oid::dotted(unknown).as_bytes()),
            ])),
        }
    }

    /// Reads PKCS#1.
    pub(crate) fn from_pkcs1(bytes: &[u8]) -> Result<Self, Error> {
        let parts = match rsa::parts(bytes) {
            Ok(parts) => parts,
            Err(_) if ec::parts(bytes).is_ok() => return Err(other_format("ParseECPrivateKey")),
            Err(_) if pkcs8_parts(bytes).is_ok() => return Err(other_format("ParsePKCS8PrivateKey")),
            Err(error) => return Err(error),
        };
        RsaKey::new(&parts).map(|key| Self::Rsa(Box::new(key)))
    }

    /// Reads SEC1, the form of elliptic curves.
    pub(crate) fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        match ec::parts(bytes) {
            Ok(_) => EcKey::parse(None, bytes).map(Self::Ec),
            Err(_) if pkcs8_parts(bytes).is_ok() => Err(other_format("ParsePKCS8PrivateKey")),
            Err(_) if rsa::parts(bytes).is_ok() => Err(other_format("ParsePKCS1PrivateKey")),
            Err(fault) => Err(Error::from(fault).within("x509: failed to parse EC private key: ")),
        }
    }

    /// Reads any of the three forms.
    pub(crate) fn from_any(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_pkcs1(bytes)
            .or_else(|_| Self::from_pkcs8(bytes))
            .or_else(|_| Self::from_sec1(bytes))
            .map_err(|_| Error::new("unable to parse private key type"))
    }

    /// Reads a PEM block by its type, as Sprig does.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let Some(block) = pem::decode(text).0 else { return Err(Error::new("no PEM data in input")) };
        if block.kind == b"PRIVATE KEY" {
            return Self::from_pkcs8(&block.bytes).map_err(|e| e.within("decoding PEM as PKCS#8: "));
        }
        match block.kind.strip_suffix(b" PRIVATE KEY") {
            None => Err(Error::with([
                "no private key data in PEM block of type ".into(),
                Piece::value(&block.kind),
            ])),
            Some(b"RSA") => {
                Self::from_pkcs1(&block.bytes).map_err(|e| e.within("parsing RSA private key from PEM: "))
            }
            Some(b"EC") => {
                Self::from_sec1(&block.bytes).map_err(|e| e.within("parsing EC private key from PEM: "))
            }
            Some(b"DSA") => check_dsa(&block.bytes)
                .map(|()| Self::Dsa)
                .map_err(|fault| Error::from(fault).within("parsing DSA private key from PEM: ")),
            Some(_) => Err(Error::with(["invalid private key type ".into(), Piece::value(&block.kind)])),
        }
    }

    /// The public key's contents and, as DER, its algorithm; None if no certificate can carry it.
    pub(crate) fn public(&self) -> Option<(der::Der, Vec<u8>)> {
        match self {
            Self::Rsa(key) => Some((
                der::sequence(&[&der::oid(oid::RSA), &der::null()]),
                public::rsa_bytes(&key.modulus(), &key.exponent()).to_vec(),
            )),
            Self::Ec(key) => {
                Some((der::sequence(&[&der::oid(oid::EC), &der::oid(key.curve.oid())]), key.public.clone()))
            }
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
                let algorithm = der::sequence(&[&der::oid(oid::ED25519)]);
                Some((algorithm, pair.public_key().as_ref().to_vec()))
            }
            Self::X25519(_) | Self::Dsa => None,
        }
    }

    /// The algorithm that Go chooses for signatures of this key, as DER; None if it cannot sign.
    pub(crate) fn signature_algorithm(&self) -> Option<der::Der> {
        match self {
            Self::Rsa(_) => Some(der::sequence(&[&der::oid(oid::SHA256_WITH_RSA), &der::null()])),
            Self::Ec(key) => Some(der::sequence(&[&der::oid(key.curve.signature_oid())])),
            Self::Ed25519(_) => Some(der::sequence(&[&der::oid(oid::ED25519)])),
            Self::X25519(_) | Self::Dsa => None,
        }
    }

    /// Signs with that algorithm.
    pub(crate) fn sign(&self, message: &[u8], random: &mut Random) -> Result<Vec<u8>, Error> {
        match self {
            Self::Rsa(key) => key.sign_sha256(message, random),
            Self::Ec(key) => key.sign(message).ok_or_else(|| Error::new("ecdsa: signing failed")),
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
                    .map_err(|_| Error::new("ed25519: signing failed"))?;
                Ok(pair.sign(message).as_ref().to_vec())
            }
            Self::X25519(_) | Self::Dsa => {
                Err(Error::new("x509: certificate private key does not implement crypto.Signer"))
            }
        }
    }
}

/// The parts of PKCS#8.
struct Pkcs8<'a> {
    algorithm: &'a [u8],
    /// The first parameter as DER; empty if there is none.
    parameters: &'a [u8],
    key: &'a [u8],
}

fn pkcs8_parts(bytes: &[u8]) -> Result<Pkcs8<'_>, Fault> {
    let mut outer = Reader::new(bytes).enter(der::SEQUENCE)?;
    outer.small()?;
    let mut algorithm = outer.enter(der::SEQUENCE)?;
    let id = algorithm.oid()?;
    let parameters = if algorithm.is_empty() { &[] } else { algorithm.any()?.whole };
    Ok(Pkcs8 { algorithm: id, parameters, key: outer.body(der::OCTET_STRING)? })
}

fn other_format(function: &'static str) -> Error {
    Error::with([
        "x509: failed to parse private key (use ".into(),
        function.into(),
        " instead for this key format)".into(),
    ])
}

/// The 32 bytes of a key of Curve25519; the texts are for parameters, contents and length.
fn curve_seed(parts: &Pkcs8<'_>, texts: [&'static str; 3]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let [parameters, contents, length] = texts;
    if !parts.parameters.is_empty() {
        return Err(Error::new(parameters));
    }
    let seed = Reader::new(parts.key).body(der::OCTET_STRING).map_err(|f| Error::from(f).within(contents))?;
    let wrong = || Error::with([length.into(), Piece::value(seed.len().to_string().as_bytes())]);
    <[u8; 32]>::try_from(seed).map(Zeroizing::new).map_err(|_| wrong())
}

/// A DSA key is a version and five numbers.
fn check_dsa(bytes: &[u8]) -> Result<(), Fault> {
    let mut numbers = Reader::new(bytes).enter(der::SEQUENCE)?;
    numbers.small()?;
    (0..5).try_for_each(|_| numbers.integer().map(|_| ()))
}
