//! RSA keys: PKCS#1, signing, and the numbers in between.

use ::rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use ::rsa::{BoxedUint, PrivateKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::der::{self, Der, Reader};
use crate::error::{Error, Piece};
use crate::random::Random;

/// The largest number of a key that is worked with, in bytes: 8192 bits.
const LARGEST: usize = 1024;

/// The fewest bits of a key that is used; shorter ones are only passed on.
const SHORTEST: u32 = 1024;

/// An RSA key with two primes whose numbers belong together.
pub(crate) struct RsaKey {
    key: PrivateKey,
    /// The CRT coefficient, q^-1 mod p.
    coefficient: Zeroizing<Vec<u8>>,
}

/// The magnitudes of a key's numbers as they were read. The last three may be missing.
pub(crate) struct Parts<'a> {
    /// n, e, d, p, q.
    pub(crate) numbers: [&'a [u8]; 5],
    /// d mod p-1, d mod q-1, q^-1 mod p.
    pub(crate) derived: Option<[&'a [u8]; 3]>,
}

/// The numbers in a PKCS#1 key.
pub(super) fn parts(bytes: &[u8]) -> Result<Parts<'_>, Error> {
    let mut outer = Reader::new(bytes);
    let mut inner = outer.enter(der::SEQUENCE)?;
    let version = inner.small()?;
    let mut numbers = Vec::new();
    while numbers.len() < 8 && (numbers.len() < 5 || inner.next_tag()? == Some(der::INTEGER)) {
        numbers.push(inner.integer()?);
    }
    inner.next_tag()?;
    if !outer.is_empty() {
        return Err(Error::new("asn1: syntax error: trailing data"));
    }
    if version > 1 {
        return Err(Error::new("x509: unsupported private key version"));
    }
    if version == 1 && inner.at(der::SEQUENCE) {
        return Err(Error::new("this RSA key has more than two primes, which is not supported"));
    }
    let positive: Option<Vec<&[u8]>> = numbers.into_iter().map(der::Integer::positive).collect();
    let positive = positive.ok_or_else(|| Error::new("x509: private key contains zero or negative value"))?;
    match *positive.as_slice() {
        [n, e, d, p, q, dp, dq, qinv] => {
            Ok(Parts { numbers: [n, e, d, p, q], derived: Some([dp, dq, qinv]) })
        }
        [n, e, d, p, q, ..] => Ok(Parts { numbers: [n, e, d, p, q], derived: None }),
        _ => Err(der::Fault::Truncated.into()),
    }
}

impl RsaKey {
    /// A key of these numbers, if they belong together.
    pub(crate) fn new(parts: &Parts<'_>) -> Result<Self, Error> {
        if parts.numbers.iter().any(|number| number.len() > LARGEST) {
            return Err(Error::new("crypto/rsa: keys of more than 8192 bits are not supported"));
        }
        let [n, e, d, p, q] = parts.numbers.map(BoxedUint::from_be_slice_vartime);
        let primes = vec![p, q];
        let mut key = PrivateKey::from_components(n.clone(), e.clone(), d.clone(), primes.clone());
        if matches!(key, Err(::rsa::Error::InvalidPrime)) {
            // One prime is longer than half of the modulus: rare, and slower to work with.
            key = PrivateKey::from_components_with_wide_primes(n, e, d, primes);
        }
        let key = key.map_err(|error| {
            Error::new(match error {
                ::rsa::Error::InvalidModulus => "crypto/rsa: p * q != n",
                _ => "crypto/rsa: invalid or unsupported private key",
            })
        })?;
        let key = Self::of(key)?;
        let given = parts.derived;
        if given.is_some_and(|given| given != key.derived().each_ref().map(|number| number.as_slice())) {
            return Err(Error::new("crypto/rsa: invalid CRT exponent or coefficient"));
        }
        Ok(key)
    }

    /// A key that this program made, or that was checked.
    pub(super) fn of(key: PrivateKey) -> Result<Self, Error> {
        let coefficient =
            key.crt_coefficient().ok_or_else(|| Error::new("crypto/rsa: the primes are not prime"))?;
        let coefficient = magnitude(&coefficient);
        Ok(Self { key, coefficient })
    }

    /// The key for decrypting and signing, if it is long enough to be used.
    pub(crate) fn usable(&self) -> Result<&PrivateKey, Error> {
        let bits = self.key.n().bit_width();
        if bits < SHORTEST {
            return Err(Error::with([
                "crypto/rsa: ".into(),
                Piece::value(bits.to_string().as_bytes()),
                "-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)".into(),
            ]));
        }
        Ok(&self.key)
    }

    /// The modulus, big-endian.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.key.n_bytes().to_vec()
    }

    /// The public exponent, big-endian.
    pub(crate) fn exponent(&self) -> Vec<u8> {
        self.key.e_bytes().to_vec()
    }

    /// A PKCS#1 v1.5 signature with SHA-256.
    pub(super) fn sign_sha256(&self, message: &[u8], random: &mut Random) -> Result<Vec<u8>, Error> {
        self.usable()?
            .pkcs1v15_sign_with_rng::<Sha256, _>(random.generator(), message)
            .map_err(|_| Error::new("crypto/rsa: signing failed"))
    }

    /// As PKCS#1.
    pub(super) fn to_pkcs1(&self) -> Der {
        let mut items =
            vec![der::unsigned(&[0]), der::unsigned(&self.modulus()), der::unsigned(&self.exponent())];
        items.push(der::unsigned(&magnitude(self.key.d())));
        items.extend(self.key.primes().iter().map(|prime| der::unsigned(&magnitude(prime))));
        items.extend(self.derived().iter().map(|number| der::unsigned(number)));
        der::sequence_of(&items)
    }

    fn derived(&self) -> [Zeroizing<Vec<u8>>; 3] {
        let [dp, dq] = [self.key.dp(), self.key.dq()].map(|number| number.map(magnitude).unwrap_or_default());
        [dp, dq, self.coefficient.clone()]
    }
}

fn magnitude(number: &BoxedUint) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.to_be_bytes_trimmed_vartime().into_vec())
}
