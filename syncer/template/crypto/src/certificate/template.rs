//! What stands in a certificate that a template makes.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::{Authority, Subject};
use crate::der::{self, Der};
use crate::error::{Error, Piece};
use crate::keys::{PrivateKey, public};
use crate::random::Random;
use crate::{name, oid, time};

/// Bytes of a subject key identifier.
const KEY_ID: usize = 20;
/// Digital signature and key encipherment, as a bit string: 5 bits do not count.
const USAGE: [u8; 2] = [5, 0xa0];
/// The same and the signing of certificates: 2 bits do not count.
const CA_USAGE: [u8; 2] = [2, 0xa4];

/// A certificate before it is signed.
pub(super) struct Template<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) ips: Vec<IpAddr>,
    pub(super) is_ca: bool,
    pub(super) key: &'a PrivateKey,
}

impl Template<'_> {
    /// Signs it, with its own key if there is no authority, and gives the certificate as DER.
    pub(super) fn sign(&self, authority: Option<&Authority<'_>>, random: &mut Random) -> Result<Der, Error> {
        let serial: [u8; 16] = random.bytes();
        let signer = authority.map_or(self.key, |authority| &authority.key);
        let (signer_algorithm, signer_key) = signer.public().ok_or_else(cannot_sign)?;
        let (algorithm, key) = self.key.public().ok_or_else(|| no_public_key(self.key))?;
        let subject = name::common(self.subject.common_name)?;
        let issuer = authority.map_or(subject.as_slice(), |authority| authority.certificate.raw_subject);
        let known = authority.and_then(|authority| authority.certificate.public_key);
        if known.is_some_and(|known| known != public::info(&signer_algorithm, &signer_key).as_slice()) {
            return Err(Error::new("x509: provided PrivateKey doesn't match parent's PublicKey"));
        }
        let authority_key_id = authority
            .and_then(|authority| authority.certificate.subject_key_id)
            .filter(|id| !id.is_empty() && issuer != subject.as_slice());
        let extensions = self.extensions(&key, authority_key_id, subject.as_slice() == [der::SEQUENCE, 0])?;
        let signature_algorithm = signer.signature_algorithm().ok_or_else(cannot_sign)?;
        let tbs = der::sequence(&[
            &der::element(der::explicit(0), &[&der::unsigned(&[2])]),
            &der::unsigned(&serial),
            &signature_algorithm,
            issuer,
            &self.validity()?,
            &subject,
            &public::info(&algorithm, &key),
            &der::element(der::explicit(3), &[&extensions]),
        ]);
        let signature = signer.sign(&tbs, random)?;
        Ok(der::sequence(&[&tbs, &signature_algorithm, &der::bits(&signature)]))
    }

    fn validity(&self) -> Result<Der, Error> {
        let end = time::after_days(self.subject.now, self.subject.days);
        let times = [self.subject.now, end].map(time::to_der);
        let [Some(from), Some(to)] = times else {
            return Err(Error::new("asn1: structure error: cannot represent time as GeneralizedTime"));
        };
        Ok(der::sequence(&[&from, &to]))
    }

    fn extensions(&self, key: &[u8], authority: Option<&[u8]>, no_subject: bool) -> Result<Der, Error> {
        let usage = if self.is_ca { CA_USAGE } else { USAGE };
        let basic = if self.is_ca { der::element(der::BOOLEAN, &[&[0xff]]) } else { Der::default() };
        let usages = der::sequence(&[&der::oid(oid::SERVER_AUTH), &der::oid(oid::CLIENT_AUTH)]);
        let mut list = vec![
            extension(15, true, &der::element(der::BIT_STRING, &[&usage])),
            extension(37, false, &usages),
            extension(19, true, &der::sequence(&[&basic])),
        ];
        if self.is_ca {
            let hash = Sha256::digest(key);
            list.push(extension(14, false, &der::octets(hash.get(..KEY_ID).unwrap_or(&hash))));
        }
        if let Some(id) = authority {
            list.push(extension(35, false, &der::sequence(&[&der::element(der::implicit(0), &[id])])));
        }
        let names = self.alternative_names()?;
        if !names.is_empty() {
            list.push(extension(17, no_subject, &der::sequence_of(&names)));
        }
        Ok(der::sequence_of(&list))
    }

    fn alternative_names(&self) -> Result<Vec<Der>, Error> {
        let mut names = Vec::new();
        for dns in &self.subject.dns {
            if !dns.is_ascii() {
                return Err(Error::with([
                    "x509: ".into(),
                    Piece::value(dns),
                    " cannot be encoded as an IA5String".into(),
                ]));
            }
            names.push(der::element(der::implicit(2), &[dns]));
        }
        names.extend(self.ips.iter().map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => der::element(der::implicit(7), &[&ip.octets()]),
            IpAddr::V6(ip) => der::element(der::implicit(7), &[&ip.octets()]),
        }));
        Ok(names)
    }
}

/// An extension of RFC 5280, by the last number of its identifier.
fn extension(number: u8, critical: bool, value: &[u8]) -> Der {
    let [a, b] = oid::EXTENSIONS;
    let critical = if critical { der::element(der::BOOLEAN, &[&[0xff]]) } else { Der::default() };
    der::sequence(&[&der::oid(&[a, b, number]), &critical, &der::octets(value)])
}

fn cannot_sign() -> Error {
    Error::new("x509: certificate private key does not implement crypto.Signer")
}

fn no_public_key(key: &PrivateKey) -> Error {
    Error::new(match key {
        PrivateKey::Dsa => "x509: unsupported public key type: *dsa.PublicKey",
        _ => "x509: unsupported public key type: *ecdh.PublicKey",
    })
}
