//! Keys on NIST's elliptic curves: SEC1, public points, signing.

use p256::elliptic_curve::sec1::ToSec1Point as _;
use zeroize::Zeroizing;

use crate::der::{self, Der, Fault, Reader};
use crate::error::{Error, Piece};
use crate::oid;

/// A curve that can be worked with. P-224 is not among them: there is no maintained implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    /// secp256r1
    P256,
    /// secp384r1
    P384,
    /// secp521r1
    P521,
}

impl Curve {
    /// The curve of this object identifier.
    pub(crate) fn of(id: &[u8]) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.oid() == id)
    }

    /// Its object identifier.
    pub(crate) fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => oid::P256,
            Self::P384 => oid::P384,
            Self::P521 => oid::P521,
        }
    }

    /// The algorithm of signatures: ECDSA with the hash that fits the curve.
    pub(super) fn signature_oid(self) -> &'static [u8] {
        match self {
            Self::P256 => oid::ECDSA_WITH_SHA256,
            Self::P384 => oid::ECDSA_WITH_SHA384,
            Self::P521 => oid::ECDSA_WITH_SHA512,
        }
    }

    /// Number of bytes of a coordinate, and of a private key.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Whether this is an uncompressed point of the curve.
    pub(crate) fn contains(self, point: &[u8]) -> bool {
        point.first() == Some(&4)
            && match self {
                Self::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
                Self::P384 => p384::PublicKey::from_sec1_bytes(point).is_ok(),
                Self::P521 => p521::PublicKey::from_sec1_bytes(point).is_ok(),
            }
    }

    /// The uncompressed public point of a private key.
    fn point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::P256 => p256::SecretKey::from_slice(scalar)
                .ok()?
                .public_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
            Self::P384 => p384::SecretKey::from_slice(scalar)
                .ok()?
                .public_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
            Self::P521 => p521::SecretKey::from_slice(scalar)
                .ok()?
                .public_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
        })
    }
}

/// A private key on a curve.
pub(crate) struct EcKey {
    /// The curve.
    pub(crate) curve: Curve,
    /// The private number, as long as the curve's size.
    scalar: Zeroizing<Vec<u8>>,
    /// The uncompressed public point.
    pub(crate) public: Vec<u8>,
}

/// The parts of SEC1.
pub(super) struct Parts<'a> {
    version: i64,
    scalar: &'a [u8],
    curve: Option<&'a [u8]>,
}

/// Reads the parts of SEC1.
pub(super) fn parts(bytes: &[u8]) -> Result<Parts<'_>, Fault> {
    let mut inner = Reader::new(bytes).enter(der::SEQUENCE)?;
    let version = inner.small()?;
    let scalar = inner.body(der::OCTET_STRING)?;
    let curve = inner.wrapped(0, der::OID)?.map(der::oid_contents).transpose()?;
    inner.wrapped(1, der::BIT_STRING)?.map(der::bit_contents).transpose()?;
    Ok(Parts { version, scalar, curve })
}

impl EcKey {
    /// Reads SEC1; `curve` is what stands around it, if something does.
    pub(super) fn parse(curve: Option<&[u8]>, bytes: &[u8]) -> Result<Self, Error> {
        let Parts { version, scalar, curve: own } = parts(bytes)
            .map_err(|fault| Error::from(fault).within("x509: failed to parse EC private key: "))?;
        if version != 1 {
            return Err(Error::with([
                "x509: unknown EC private key version ".into(),
                Piece::value(version.to_string().as_bytes()),
            ]));
        }
        let curve = curve.or(own).and_then(Curve::of);
        let curve = curve.ok_or_else(|| Error::new("x509: unknown elliptic curve"))?;
        Self::of_scalar(curve, scalar)
    }

    /// The key of a private number, which may have too many or too few zeros in front.
    pub(crate) fn of_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, Error> {
        let start = scalar.iter().position(|byte| *byte != 0).unwrap_or(scalar.len());
        let digits = scalar.get(start..).unwrap_or_default();
        let pad = curve.size().checked_sub(digits.len());
        let pad = pad.ok_or_else(|| Error::new("x509: invalid private key length"))?;
        let scalar: Zeroizing<Vec<u8>> = Zeroizing::new([&vec![0; pad], digits].concat());
        let public = curve.point(&scalar).ok_or_else(|| Error::new("ecdsa: invalid private key"))?;
        Ok(Self { curve, scalar, public })
    }

    /// As SEC1, with the curve's identifier if it is to be used on its own.
    pub(super) fn to_sec1(&self, with_curve: bool) -> Der {
        let curve = if with_curve {
            der::element(der::explicit(0), &[&der::oid(self.curve.oid())])
        } else {
            Zeroizing::default()
        };
        let public = der::element(der::explicit(1), &[&der::bits(&self.public)]);
        der::sequence(&[&der::unsigned(&[1]), &der::octets(&self.scalar), &curve, &public])
    }

    /// An ECDSA signature as DER. It is made without randomness (RFC 6979).
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        use p256::ecdsa::signature::Signer as _;
        Some(match self.curve {
            Curve::P256 => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::SigningKey::from_slice(&self.scalar).ok()?.try_sign(message).ok()?;
                signature.to_der().as_bytes().to_vec()
            }
            Curve::P384 => {
                let signature: p384::ecdsa::Signature =
                    p384::ecdsa::SigningKey::from_slice(&self.scalar).ok()?.try_sign(message).ok()?;
                signature.to_der().as_bytes().to_vec()
            }
            Curve::P521 => {
                let signature: p521::ecdsa::Signature =
                    p521::ecdsa::SigningKey::from_slice(&self.scalar).ok()?.try_sign(message).ok()?;
                signature.to_der().as_bytes().to_vec()
            }
        })
    }
}
