//! The code that protects a store against changes, and tells a wrong password.

use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::cipher::{self, Pbkdf2, unsupported};
use super::kdf::{self, Purpose};
use super::{Password, iterations};
use crate::der::{self, Der, Reader};
use crate::error::{Error, Piece};
use crate::oid;
use crate::random::Random;

/// The code of a store and how it was made.
pub(super) struct MacData<'a> {
    algorithm: (&'a [u8], Reader<'a>),
    digest: &'a [u8],
    salt: &'a [u8],
    iterations: i64,
}

impl<'a> MacData<'a> {
    /// Reads it.
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut inner = reader.enter(der::SEQUENCE)?;
        let mut info = inner.enter(der::SEQUENCE)?;
        let algorithm = cipher::algorithm(&mut info)?;
        let digest = info.body(der::OCTET_STRING)?;
        let salt = inner.body(der::OCTET_STRING)?;
        let iterations = if inner.at(der::INTEGER) { inner.small()? } else { 1 };
        Ok(Self { algorithm, digest, salt, iterations })
    }

    /// Whether it is the code of this message with this password.
    pub(super) fn verify(&self, message: &[u8], password: &Password) -> Result<bool, Error> {
        let (id, parameters) = self.algorithm;
        let rounds = iterations(self.iterations)?;
        let material = (self.salt, password.wide.as_slice());
        let key = match id {
            oid::PBMAC1 => return self.verify_pbmac1(parameters, message, password),
            oid::SHA1 => kdf::derive::<Sha1>(material, rounds, Purpose::Mac, 64, 20),
            oid::SHA256 => kdf::derive::<Sha256>(material, rounds, Purpose::Mac, 64, 32),
            oid::SHA512 => kdf::derive::<Sha512>(material, rounds, Purpose::Mac, 128, 64),
            unknown => {
                return Err(Error::with([
                    "pkcs12: MAC digest algorithm not supported: ".into(),
                    Piece::value(oid::dotted(unknown).as_bytes()),
                ]));
            }
        };
        Ok(match id {
            oid::SHA1 => check::<Sha1>(&key, message, self.digest),
            oid::SHA256 => check::<Sha256>(&key, message, self.digest),
            _ => check::<Sha512>(&key, message, self.digest),
        })
    }

    /// The newer code of RFC 9579: PBKDF2 and HMAC.
    fn verify_pbmac1(
        &self,
        mut parameters: Reader<'_>,
        message: &[u8],
        password: &Password,
    ) -> Result<bool, Error> {
        let mut inner = parameters
            .enter(der::SEQUENCE)
            .map_err(|fault| Error::from(fault).within("error decoding PBMAC1 parameters: "))?;
        let derivation = Pbkdf2::parse(cipher::algorithm(&mut inner)?)?;
        let (mac, _) = cipher::algorithm(&mut inner)?;
        let size = match derivation.length {
            None | Some(..=0) => {
                return Err(Error::new(
                    "pkcs12: PBMAC1 requires explicit KeyLength parameter in PBKDF2 parameters",
                ));
            }
            Some(..20) => {
                return Err(Error::new(
                    "pkcs12: PBMAC1 key length is too short to be secure (minimum 20 octets)",
                ));
            }
            Some(length) => usize::try_from(length).ok().filter(|length| *length <= 64),
        };
        let size =
            size.ok_or_else(|| Error::new("pkcs12: PBMAC1 key length is too large (maximum 64 octets)"))?;
        let key = derivation.key(password, size)?;
        match mac {
            oid::HMAC_SHA1 => Ok(check::<Sha1>(&key, message, self.digest)),
            oid::HMAC_SHA256 => Ok(check::<Sha256>(&key, message, self.digest)),
            oid::HMAC_SHA512 => Ok(check::<Sha512>(&key, message, self.digest)),
            unknown => Err(unsupported("PBMAC1 MAC algorithm", unknown)),
        }
    }
}

fn check<D: EagerHash + Digest>(key: &[u8], message: &[u8], digest: &[u8]) -> bool {
    Hmac::<D>::new_from_slice(key).is_ok_and(|mut mac| {
        mac.update(message);
        mac.verify_slice(digest).is_ok()
    })
}

/// The code of a message with SHA-256, as DER.
pub(super) fn compute(message: &[u8], password: &Password, random: &mut Random) -> Result<Der, Error> {
    let salt: [u8; 16] = random.bytes();
    let key = kdf::derive::<Sha256>((&salt, &password.wide), cipher::ITERATIONS, Purpose::Mac, 64, 32);
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Error::new("pkcs12: no MAC can be made"))?;
    mac.update(message);
    let digest = mac.finalize().into_bytes();
    let algorithm = der::sequence(&[&der::oid(oid::SHA256)]);
    let info = der::sequence(&[&algorithm, &der::octets(&digest)]);
    let rounds = der::unsigned(&cipher::ITERATIONS.to_be_bytes());
    Ok(der::sequence(&[&info, &der::octets(&salt), &rounds]))
}
