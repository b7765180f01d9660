//! Writing PKCS#12 stores: PBES2 with AES-256-CBC, PBKDF2-HMAC-SHA-256 and a MAC with SHA-256.

use sha1::{Digest as _, Sha1};

use super::{Password, cipher, mac, wide};
use crate::der::{self, Der};
use crate::error::Error;
use crate::keys::PrivateKey;
use crate::random::Random;
use crate::x509::Certificate;
use crate::{name, oid};

/// A store of a key and its certificates, the key's own first.
pub(crate) fn write(
    key: &PrivateKey,
    certificates: &[Certificate<'_>],
    password: &[u8],
    random: &mut Random,
) -> Result<Der, Error> {
    let password = Password::new(password)?;
    let own = certificates.first().map(|own| Sha1::digest(own.raw)).unwrap_or_default();
    let link = attribute(oid::LOCAL_KEY_ID, &der::octets(&own));
    let mut bags = Vec::new();
    for (index, certificate) in certificates.iter().enumerate() {
        let attributes: &[&Der] = if index == 0 { &[&link] } else { &[] };
        bags.push(certificate_bag(certificate, attributes));
    }
    let (algorithm, encrypted) = cipher::encrypt(&key.to_pkcs8()?, &password, random);
    let shrouded = der::sequence(&[&algorithm, &der::octets(&encrypted)]);
    let key_bag = bag(oid::SHROUDED_KEY_BAG, &shrouded, &[&link]);
    let safes =
        [encrypted_safe(&der::sequence_of(&bags), &password, random), data(&der::sequence(&[&key_bag]))];
    protect(&der::sequence_of(&safes), &password, random)
}

/// A store of certificates that Java trusts, each under its subject's name.
pub(crate) fn write_trusted(
    certificates: &[Certificate<'_>],
    password: &[u8],
    random: &mut Random,
) -> Result<Der, Error> {
    let password = Password::new(password)?;
    let trusted = attribute(oid::JAVA_TRUST, &der::oid(oid::ANY_EXTENDED_KEY_USAGE));
    let mut bags = Vec::new();
    for certificate in certificates {
        let subject = wide(&name::to_text(&certificate.subject))?;
        let alias = attribute(oid::FRIENDLY_NAME, &der::element(der::BMP_STRING, &[&subject]));
        bags.push(certificate_bag(certificate, &[&trusted, &alias]));
    }
    let safe = encrypted_safe(&der::sequence_of(&bags), &password, random);
    protect(&der::sequence(&[&safe]), &password, random)
}

fn attribute(kind: &[u8], value: &[u8]) -> Der {
    der::sequence(&[&der::oid(kind), &der::element(der::SET, &[value])])
}

fn certificate_bag(certificate: &Certificate<'_>, attributes: &[&Der]) -> Der {
    let content = der::element(der::explicit(0), &[&der::octets(certificate.raw)]);
    bag(oid::CERT_BAG, &der::sequence(&[&der::oid(oid::X509_CERTIFICATE), &content]), attributes)
}

/// A bag. DER orders a set by its elements' bytes.
fn bag(kind: &[u8], value: &[u8], attributes: &[&Der]) -> Der {
    let mut sorted: Vec<&[u8]> = attributes.iter().map(|attribute| attribute.as_slice()).collect();
    sorted.sort_unstable();
    let set = if sorted.is_empty() { Der::default() } else { der::element(der::SET, &sorted) };
    der::sequence(&[&der::oid(kind), &der::element(der::explicit(0), &[value]), &set])
}

fn content(kind: &[u8], value: &[u8]) -> Der {
    der::sequence(&[&der::oid(kind), &der::element(der::explicit(0), &[value])])
}

fn data(bytes: &[u8]) -> Der {
    content(oid::DATA, &der::octets(bytes))
}

fn encrypted_safe(bags: &[u8], password: &Password, random: &mut Random) -> Der {
    let (algorithm, encrypted) = cipher::encrypt(bags, password, random);
    let info =
        der::sequence(&[&der::oid(oid::DATA), &algorithm, &der::element(der::implicit(0), &[&encrypted])]);
    content(oid::ENCRYPTED_DATA, &der::sequence(&[&der::unsigned(&[0]), &info]))
}

fn protect(safes: &[u8], password: &Password, random: &mut Random) -> Result<Der, Error> {
    let mac = mac::compute(safes, password, random)?;
    Ok(der::sequence(&[&der::unsigned(&[3]), &data(safes), &mac]))
}
