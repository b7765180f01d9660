//! JSON Web Keys to PEM.

mod fields;

use fields::Fields;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::error::{Error, Piece};
use crate::keys::{Curve, EcKey, PrivateKey, RsaKey, RsaParts, public};
use crate::{der, oid, pem};

/// What a JWK holds.
enum Key {
    /// A public key as DER.
    Public { info: Vec<u8>, go_type: &'static str },
    /// A private key.
    Private { key: PrivateKey, go_type: &'static str },
    /// A key that PEM has no form for.
    Other { go_type: &'static str },
}

/// Template function `jwkPublicKeyPem`: a public key as `PUBLIC KEY`.
///
/// # Errors
/// If it is no JWK, or not one of a public RSA, EC or Ed25519 key.
pub fn jwk_public_key_pem(json: &[u8]) -> Result<Vec<u8>, Error> {
    match parse(json)? {
        Key::Public { info, .. } => Ok(pem::encode("PUBLIC KEY", &info)),
        Key::Private { go_type, .. } | Key::Other { go_type } => {
            Err(Error::with(["x509: unsupported public key type: ".into(), go_type.into()]))
        }
    }
}

/// Template function `jwkPrivateKeyPem`: a private key as `PRIVATE KEY`.
///
/// # Errors
/// If it is no JWK, or not one of a private RSA, EC or Ed25519 key.
pub fn jwk_private_key_pem(json: &[u8]) -> Result<Vec<u8>, Error> {
    match parse(json)? {
        Key::Private { key, .. } => Ok(pem::encode("PRIVATE KEY", &key.to_pkcs8()?)),
        Key::Public { go_type, .. } | Key::Other { go_type } => {
            Err(Error::with(["x509: unknown key type while marshaling PKCS#8: ".into(), go_type.into()]))
        }
    }
}

fn parse(json: &[u8]) -> Result<Key, Error> {
    let mut fields = Fields::parse(json)?;
    let private = fields.hint("d").is_some();
    let kind = fields.hint("kty").unwrap_or_default().to_owned();
    fields.go_type = match (kind.as_str(), private) {
        ("RSA", true) => "*jwk.rsaPrivateKey",
        ("RSA", false) => "*jwk.rsaPublicKey",
        ("EC", true) => "*jwk.ecdsaPrivateKey",
        ("EC", false) => "*jwk.ecdsaPublicKey",
        ("OKP", true) => "*jwk.okpPrivateKey",
        ("OKP", false) => "*jwk.okpPublicKey",
        _ => "*jwk.symmetricKey",
    };
    match kind.as_str() {
        "RSA" if private => rsa_private(&fields),
        "RSA" => {
            let (n, e) = (fields.bytes("n")?, fields.bytes("e")?);
            let algorithm = der::sequence(&[&der::oid(oid::RSA), &der::null()]);
            let info = public::info(&algorithm, &public::rsa_bytes(&n, &e)).to_vec();
            Ok(Key::Public { info, go_type: "*rsa.PublicKey" })
        }
        "EC" => elliptic(&fields, private),
        "OKP" if private => okp_private(&fields),
        "OKP" => okp_public(&fields),
        "oct" => fields.bytes("k").map(|_| Key::Other { go_type: "[]uint8" }),
        other => {
            let mut pieces: Vec<Piece> = vec!["invalid key type from JSON (".into()];
            pieces.extend((!other.is_empty()).then(|| Piece::value(other.as_bytes())));
            pieces.push(")".into());
            Err(Error::with(pieces))
        }
    }
}

fn rsa_private(fields: &Fields) -> Result<Key, Error> {
    let optional = |name| if fields.has(name) { fields.bytes(name) } else { Ok(Zeroizing::default()) };
    let numbers =
        [fields.bytes("n")?, fields.bytes("e")?, fields.bytes("d")?, optional("p")?, optional("q")?];
    let derived = [optional("dp")?, optional("dq")?, optional("qi")?];
    let all_derived = derived.iter().all(|number| !number.is_empty());
    let parts = RsaParts {
        numbers: numbers.each_ref().map(|number| stripped(number)),
        derived: all_derived.then(|| derived.each_ref().map(|number| stripped(number))),
    };
    let key = PrivateKey::Rsa(Box::new(RsaKey::new(&parts)?));
    Ok(Key::Private { key, go_type: "*rsa.PrivateKey" })
}

/// A number without leading zeros.
fn stripped(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

fn elliptic(fields: &Fields, private: bool) -> Result<Key, Error> {
    fields.require("crv")?;
    let (x, y) = (fields.bytes("x")?, fields.bytes("y")?);
    let curve = match fields.text("crv") {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        "P-521" => Curve::P521,
        other => return Err(unknown_curve(other)),
    };
    let point = point(curve, &x, &y).filter(|point| curve.contains(point));
    let point = point.ok_or_else(|| {
        Error::new(match curve {
            Curve::P256 => "P256 point not on curve",
            Curve::P384 => "P384 point not on curve",
            Curve::P521 => "P521 point not on curve",
        })
    })?;
    if private {
        // As in Go nobody asks whether the point is the private key's.
        let mut key = EcKey::of_scalar(curve, &fields.bytes("d")?)?;
        key.public = point;
        return Ok(Key::Private { key: PrivateKey::Ec(key), go_type: "*ecdsa.PrivateKey" });
    }
    let algorithm = der::sequence(&[&der::oid(oid::EC), &der::oid(curve.oid())]);
    Ok(Key::Public { info: public::info(&algorithm, &point).to_vec(), go_type: "*ecdsa.PublicKey" })
}

fn unknown_curve(name: &str) -> Error {
    Error::with([
        "failed to build public key: invalid curve algorithm ".into(),
        Piece::value(name.as_bytes()),
    ])
}

/// The uncompressed point of two coordinates.
fn point(curve: Curve, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![4];
    for coordinate in [x, y].map(stripped) {
        let pad = curve.size().checked_sub(coordinate.len())?;
        out.extend(std::iter::repeat_n(0, pad));
        out.extend_from_slice(coordinate);
    }
    Some(out)
}

fn okp_public(fields: &Fields) -> Result<Key, Error> {
    fields.require("crv")?;
    let x = fields.bytes("x")?;
    match fields.text("crv") {
        "Ed25519" => {
            let algorithm = der::sequence(&[&der::oid(oid::ED25519)]);
            Ok(Key::Public { info: public::info(&algorithm, &x).to_vec(), go_type: "ed25519.PublicKey" })
        }
        "X25519" => Ok(Key::Other { go_type: "x25519.PublicKey" }),
        other => Err(unknown_curve(other)),
    }
}

fn okp_private(fields: &Fields) -> Result<Key, Error> {
    fields.require("crv")?;
    let (x, d) = (fields.bytes("x")?, fields.bytes("d")?);
    match fields.text("crv") {
        "Ed25519" => {
            let wrong = |text| Error::with(["failed to build public key: ".into(), Piece::from(text)]);
            let seed = <[u8; 32]>::try_from(d.as_slice()).map_err(|_| wrong("wrong private key size"))?;
            let pair =
                Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| wrong("wrong private key size"))?;
            if pair.public_key().as_ref() != x.as_slice() {
                return Err(wrong("invalid x value given d value"));
            }
            Ok(Key::Private { key: PrivateKey::Ed25519(seed.into()), go_type: "ed25519.PrivateKey" })
        }
        "X25519" => Ok(Key::Other { go_type: "x25519.PrivateKey" }),
        other => Err(unknown_curve(other)),
    }
}
