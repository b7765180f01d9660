//! Functions on keys, certificates, PKCS#12, JWK and passwords.

mod certificates;

use syncer_template_crypto as crypto;

use crate::function::{Call, Failure, Function, Piece};
use crate::go::{List, Type, Value};

/// Steps that work of a fixed size counts for, so that a template cannot keep a processor busy for long with few calls.
mod cost {
    /// bcrypt, and deriving a key for a PKCS#12 store: some 50 ms.
    pub(super) const PASSWORD: u64 = 20_000;
    /// scrypt: some 100 ms.
    pub(super) const SCRYPT: u64 = 50_000;
    /// Making an RSA key of 2048 bits: some 100 ms.
    pub(super) const RSA_2048: u64 = 100_000;
    /// Making an RSA key of 4096 bits or a DSA key: seconds.
    pub(super) const LARGE_KEY: u64 = 1_000_000;
    /// A signature or another operation with one key.
    pub(super) const SIGNATURE: u64 = 1_000;
}

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "bcrypt", signature: "func(string) string", call: bcrypt },
    Function { name: "buildCustomCert", signature: "func(string, string) (sprig.certificate, error)", call: certificates::build_custom },
    Function { name: "certSANs", signature: "func(string) ([]string, error)", call: cert_sans },
    Function { name: "decryptAES", signature: "func(string, string) (string, error)", call: decrypt_aes },
    Function { name: "derivePassword", signature: "func(uint32, string, string, string, string) string", call: derive_password },
    Function { name: "encryptAES", signature: "func(string, string) (string, error)", call: encrypt_aes },
    Function { name: "filterCertChain", signature: "func(string, string) (string, error)", call: filter_cert_chain },
    Function { name: "filterPEM", signature: "func(string, string) (string, error)", call: filter_pem },
    Function { name: "fullPemToPkcs12", signature: "func(string, string) (string, error)", call: full_pem_to_pkcs12 },
    Function { name: "fullPemToPkcs12Pass", signature: "func(string, string, string) (string, error)", call: full_pem_to_pkcs12 },
    Function { name: "genCA", signature: "func(string, int) (sprig.certificate, error)", call: certificates::ca },
    Function { name: "genCAWithKey", signature: "func(string, int, string) (sprig.certificate, error)", call: certificates::ca },
    Function { name: "genPrivateKey", signature: "func(string) string", call: gen_private_key },
    Function { name: "genSelfSignedCert", signature: "func(string, []interface {}, []interface {}, int) (sprig.certificate, error)", call: certificates::self_signed },
    Function { name: "genSelfSignedCertWithKey", signature: "func(string, []interface {}, []interface {}, int, string) (sprig.certificate, error)", call: certificates::self_signed },
    Function { name: "genSignedCert", signature: "func(string, []interface {}, []interface {}, int, sprig.certificate) (sprig.certificate, error)", call: certificates::signed },
    Function { name: "genSignedCertWithKey", signature: "func(string, []interface {}, []interface {}, int, sprig.certificate, string) (sprig.certificate, error)", call: certificates::signed },
    Function { name: "htpasswd", signature: "func(string, string, sprig.HashAlgorithm) string", call: htpasswd },
    Function { name: "jwkPrivateKeyPem", signature: "func(string) (string, error)", call: jwk_private_key_pem },
    Function { name: "jwkPublicKeyPem", signature: "func(string) (string, error)", call: jwk_public_key_pem },
    Function { name: "pemToPkcs12", signature: "func(string, string) (string, error)", call: pem_to_pkcs12 },
    Function { name: "pemToPkcs12Pass", signature: "func(string, string, string) (string, error)", call: pem_to_pkcs12 },
    Function { name: "pemTruststoreToPKCS12", signature: "func(string) (string, error)", call: pem_truststore_to_pkcs12 },
    Function { name: "pemTruststoreToPKCS12Pass", signature: "func(string, string) (string, error)", call: pem_truststore_to_pkcs12 },
    Function { name: "pkcs12cert", signature: "func(string) (string, error)", call: pkcs12_cert },
    Function { name: "pkcs12certPass", signature: "func(string, string) (string, error)", call: pkcs12_cert_pass },
    Function { name: "pkcs12key", signature: "func(string) (string, error)", call: pkcs12_key },
    Function { name: "pkcs12keyPass", signature: "func(string, string) (string, error)", call: pkcs12_key_pass },
    Function { name: "rsaDecrypt", signature: "func(string, string, string, string) (string, error)", call: rsa_decrypt },
];

/// An error of the crypto functions as one of this call: an argument that stands in the template is shown.
fn failure(call: &Call<'_>, error: crypto::Error) -> Failure {
    let panics = error.panics;
    let pieces: Vec<Piece> = error
        .pieces
        .into_iter()
        .map(|piece| match piece {
            crypto::Piece::Shown(text) => Piece::Shown(text.into_owned()),
            crypto::Piece::Value(bytes) => Piece::Value(bytes),
            crypto::Piece::Argument(index, _) => call.shown(index),
        })
        .collect();
    if panics { Failure::panic(pieces) } else { Failure::error(pieces) }
}

/// The text that a function gives, or its failure.
fn text(call: &Call<'_>, result: Result<Vec<u8>, crypto::Error>) -> Result<Value, Failure> {
    result.map(Value::string).map_err(|error| failure(call, error))
}

/// Random bytes for one call.
fn random(call: &mut Call<'_>) -> Result<crypto::Random, Failure> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    call.random(seed.as_mut_slice())?;
    Ok(crypto::Random::from_seed(*seed))
}

/// The bytes of a string argument; none if the function has no such parameter.
fn optional<'c>(call: &'c Call<'_>, index: usize) -> Result<&'c [u8], Failure> {
    if index < call.len() { call.str(index) } else { Ok(&[]) }
}

fn bcrypt(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    let mut random = random(call)?;
    Ok(Value::string(crypto::bcrypt(call.str(0)?, &mut random)))
}

fn htpasswd(call: &mut Call<'_>) -> Result<Value, Failure> {
    let algorithm = match call.value(2).underlying() {
        Value::Str(name) => crypto::Algorithm::of(name.bytes()),
        _ => crypto::Algorithm::Bcrypt,
    };
    if algorithm == crypto::Algorithm::Bcrypt {
        call.step(cost::PASSWORD)?;
    }
    let mut random = random(call)?;
    Ok(Value::string(crypto::htpasswd(call.str(0)?, call.str(1)?, algorithm, &mut random)))
}

fn derive_password(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::SCRYPT)?;
    let [kind, password, user, site] = [call.str(1)?, call.str(2)?, call.str(3)?, call.str(4)?];
    Ok(Value::string(crypto::derive_password(call.uint32(0)?, kind, password, user, site)))
}

fn gen_private_key(call: &mut Call<'_>) -> Result<Value, Failure> {
    let is_large = matches!(call.str(0)?, b"" | b"rsa" | b"dsa");
    call.step(if is_large { cost::LARGE_KEY } else { cost::SIGNATURE })?;
    let mut random = random(call)?;
    Ok(Value::string(crypto::gen_private_key(call.str(0)?, &mut random)))
}

fn encrypt_aes(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.grow(call.str(1)?.len().saturating_mul(2))?;
    let mut random = random(call)?;
    Ok(Value::string(crypto::encrypt_aes(call.str(0)?, call.str(1)?, &mut random)))
}

fn decrypt_aes(call: &mut Call<'_>) -> Result<Value, Failure> {
    text(call, crypto::decrypt_aes(call.str(0)?, call.str(1)?))
}

fn rsa_decrypt(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::SIGNATURE)?;
    let mut random = random(call)?;
    let [scheme, hash, data, key] = [call.str(0)?, call.str(1)?, call.str(2)?, call.str(3)?];
    text(call, crypto::rsa_decrypt(scheme, hash, data, key, &mut random))
}

fn jwk_public_key_pem(call: &mut Call<'_>) -> Result<Value, Failure> {
    text(call, crypto::jwk_public_key_pem(call.str(0)?))
}

fn jwk_private_key_pem(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::SIGNATURE)?;
    text(call, crypto::jwk_private_key_pem(call.str(0)?))
}

fn filter_pem(call: &mut Call<'_>) -> Result<Value, Failure> {
    text(call, crypto::filter_pem(call.str(0)?, call.str(1)?))
}

fn filter_cert_chain(call: &mut Call<'_>) -> Result<Value, Failure> {
    text(call, crypto::filter_cert_chain(call.str(0)?, call.str(1)?))
}

fn cert_sans(call: &mut Call<'_>) -> Result<Value, Failure> {
    let sans = crypto::cert_sans(call.str(0)?).map_err(|error| failure(call, error))?;
    let names: Vec<String> = [sans.dns, sans.ips, sans.emails, sans.uris].concat();
    if names.is_empty() {
        return Ok(Value::List(List::nil(Type::STRING)));
    }
    Ok(Value::strings(names))
}

fn pkcs12_key(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    text(call, crypto::pkcs12_key(b"", call.str(0)?))
}

fn pkcs12_key_pass(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    text(call, crypto::pkcs12_key(call.str(0)?, call.str(1)?))
}

fn pkcs12_cert(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    text(call, crypto::pkcs12_cert(b"", call.str(0)?))
}

fn pkcs12_cert_pass(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    text(call, crypto::pkcs12_cert(call.str(0)?, call.str(1)?))
}

fn pem_to_pkcs12(call: &mut Call<'_>) -> Result<Value, Failure> {
    store(call, false)
}

fn full_pem_to_pkcs12(call: &mut Call<'_>) -> Result<Value, Failure> {
    store(call, true)
}

/// A store of certificate, key and, if the function takes one, password.
fn store(call: &mut Call<'_>, all: bool) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    call.grow(call.str(0)?.len().saturating_mul(4))?;
    let mut random = random(call)?;
    let password = optional(call, 2)?;
    text(call, crypto::pem_to_pkcs12(call.str(0)?, call.str(1)?, password, all, &mut random))
}

fn pem_truststore_to_pkcs12(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.step(cost::PASSWORD)?;
    call.grow(call.str(0)?.len().saturating_mul(4))?;
    let mut random = random(call)?;
    let password = optional(call, 1)?;
    text(call, crypto::pem_truststore_to_pkcs12(call.str(0)?, password, &mut random))
}

#[cfg(test)]
mod tests;
