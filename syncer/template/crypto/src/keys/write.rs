//! Writing private keys.

use super::PrivateKey;
use crate::der::{self, Der};
use crate::error::Error;
use crate::{oid, pem};

impl PrivateKey {
    /// As PKCS#8.
    pub(crate) fn to_pkcs8(&self) -> Result<Der, Error> {
        let (algorithm, key) = match self {
            Self::Rsa(key) => (der::sequence(&[&der::oid(oid::RSA), &der::null()]), key.to_pkcs1()),
            Self::Ec(key) => {
                (der::sequence(&[&der::oid(oid::EC), &der::oid(key.curve.oid())]), key.to_sec1(false))
            }
            Self::Ed25519(seed) => (der::sequence(&[&der::oid(oid::ED25519)]), der::octets(seed.as_slice())),
            Self::X25519(key) => (der::sequence(&[&der::oid(oid::X25519)]), der::octets(key.as_slice())),
            Self::Dsa => {
                return Err(Error::new("x509: unknown key type while marshaling PKCS#8: *dsa.PrivateKey"));
            }
        };
        Ok(der::sequence(&[&der::unsigned(&[0]), &algorithm, &der::octets(&key)]))
    }

    /// As PEM of the form that is usual for its kind: PKCS#1, SEC1, or else PKCS#8.
    pub(crate) fn to_pem(&self) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::Rsa(key) => pem::encode("RSA PRIVATE KEY", &key.to_pkcs1()),
            Self::Ec(key) => pem::encode("EC PRIVATE KEY", &key.to_sec1(true)),
            Self::Ed25519(_) | Self::X25519(_) | Self::Dsa => pem::encode("PRIVATE KEY", &self.to_pkcs8()?),
        })
    }
}
