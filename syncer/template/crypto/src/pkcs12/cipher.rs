//! Decrypting and encrypting with a password: PBES2 and PKCS#12's old ciphers.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, KeyInit,
    KeyIvInit as _,
};
use des::TdesEde3;
use pbkdf2::pbkdf2_hmac;
use rc2::Rc2;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::kdf::{self, Purpose};
use super::{Password, iterations};
use crate::der::{self, Der, Fault, Reader};
use crate::error::{Error, Piece};
use crate::oid;
use crate::random::Random;

/// Iterations of PBKDF2 and of the MAC in stores that are written.
pub(super) const ITERATIONS: u32 = 2048;
/// SHA-1's block.
const SHA1_BLOCK: usize = 64;
const AES_BLOCK: usize = 16;

/// What is not implemented, with the identifier that says so.
pub(super) fn unsupported(what: &'static str, id: &[u8]) -> Error {
    Error::with([
        "pkcs12: ".into(),
        what.into(),
        " ".into(),
        Piece::value(oid::dotted(id).as_bytes()),
        " is not supported".into(),
    ])
}

/// An algorithm identifier and a reader of its parameters.
pub(super) fn algorithm<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Reader<'a>), Fault> {
    let mut inner = reader.enter(der::SEQUENCE)?;
    Ok((inner.oid()?, inner))
}

/// Decrypts with the algorithm whose identifier and parameters these are.
pub(super) fn decrypt(
    (id, parameters): (&[u8], Reader<'_>),
    data: &[u8],
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    match id {
        oid::PBES2 => Pbes2::parse(parameters)?.decrypt(data, password),
        oid::SHA_AND_3DES_CBC => {
            let (key, iv) = old_key(parameters, password, 24)?;
            let cipher =
                TdesEde3::new_from_slice(&key).map_err(|_| Error::new("crypto/des: invalid key size"))?;
            unpad(cbc::Decryptor::inner_iv_slice_init(cipher, &iv), data, 8)
        }
        oid::SHA_AND_RC2_128_CBC | oid::SHA_AND_RC2_40_CBC => {
            let size = if id == oid::SHA_AND_RC2_40_CBC { 5 } else { 16 };
            let (key, iv) = old_key(parameters, password, size)?;
            let cipher = Rc2::new_with_eff_key_len(&key, size * 8);
            unpad(cbc::Decryptor::inner_iv_slice_init(cipher, &iv), data, 8)
        }
        unknown => Err(unsupported("pbe algorithm", unknown)),
    }
}

type Bytes = Zeroizing<Vec<u8>>;

/// Key and initialization vector of the ciphers with keys from PKCS#12's own derivation.
fn old_key(mut parameters: Reader<'_>, password: &Password, size: usize) -> Result<(Bytes, Bytes), Error> {
    let mut inner = parameters.enter(der::SEQUENCE)?;
    let salt = inner.body(der::OCTET_STRING)?;
    let rounds = iterations(inner.small()?)?;
    let derive =
        |purpose, size| kdf::derive::<Sha1>((salt, &password.wide), rounds, purpose, SHA1_BLOCK, size);
    Ok((derive(Purpose::Key, size), derive(Purpose::Iv, 8)))
}

/// Decrypts and takes the padding off.
fn unpad<C: BlockCipherDecrypt, E>(
    cipher: Result<cbc::Decryptor<C>, E>,
    data: &[u8],
    block: usize,
) -> Result<Bytes, Error> {
    let cipher = cipher.map_err(|_| Error::new("pkcs12: invalid IV length in encryption scheme"))?;
    if data.is_empty() {
        return Err(Error::new("pkcs12: empty encrypted data"));
    }
    if !data.len().is_multiple_of(block) {
        return Err(Error::new("pkcs12: input is not a multiple of the block size"));
    }
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(data);
    plain.map(Zeroizing::new).map_err(|_| Error::new("pkcs12: decryption error, incorrect padding"))
}

/// The parameters of PBKDF2.
pub(super) struct Pbkdf2<'a> {
    salt: &'a [u8],
    rounds: u32,
    /// Length of the key, if it is given.
    pub(super) length: Option<i64>,
    /// The identifier of the HMAC; none means SHA-1.
    prf: Option<&'a [u8]>,
}

impl<'a> Pbkdf2<'a> {
    /// Reads a key derivation algorithm, which must be PBKDF2.
    pub(super) fn parse((id, mut parameters): (&'a [u8], Reader<'a>)) -> Result<Self, Error> {
        if id != oid::PBKDF2 {
            return Err(unsupported("pbes2 kdf algorithm", id));
        }
        let mut inner = parameters.enter(der::SEQUENCE)?;
        let salt = inner.any()?;
        if salt.tag != der::OCTET_STRING {
            return Err(Error::new("pkcs12: only octet string salts are supported for pbes2/pbkdf2"));
        }
        let rounds = iterations(inner.small()?)?;
        let length = if inner.at(der::INTEGER) { Some(inner.small()?) } else { None };
        let prf = if inner.at(der::SEQUENCE) { Some(algorithm(&mut inner)?.0) } else { None };
        Ok(Self { salt: salt.body, rounds, length, prf })
    }

    /// A key of this many bytes.
    pub(super) fn key(&self, password: &Password, size: usize) -> Result<Bytes, Error> {
        let mut key = Zeroizing::new(vec![0; size]);
        let password = password.utf8.as_slice();
        match self.prf {
            None | Some(oid::HMAC_SHA1) => pbkdf2_hmac::<Sha1>(password, self.salt, self.rounds, &mut key),
            Some(oid::HMAC_SHA256) => pbkdf2_hmac::<Sha256>(password, self.salt, self.rounds, &mut key),
            Some(oid::HMAC_SHA512) => pbkdf2_hmac::<Sha512>(password, self.salt, self.rounds, &mut key),
            Some(unknown) => return Err(unsupported("pbes2 prf", unknown)),
        }
        Ok(key)
    }
}

struct Pbes2<'a> {
    derivation: Pbkdf2<'a>,
    cipher: &'a [u8],
    iv: &'a [u8],
}

impl<'a> Pbes2<'a> {
    fn parse(mut parameters: Reader<'a>) -> Result<Self, Error> {
        let mut inner = parameters.enter(der::SEQUENCE)?;
        let derivation = Pbkdf2::parse(algorithm(&mut inner)?)?;
        let (cipher, mut scheme) = algorithm(&mut inner)?;
        let iv = if scheme.is_empty() { &[] } else { scheme.any()?.body };
        Ok(Self { derivation, cipher, iv })
    }

    fn decrypt(&self, data: &[u8], password: &Password) -> Result<Bytes, Error> {
        let key = |size| self.derivation.key(password, size);
        match self.cipher {
            oid::AES256_CBC => {
                unpad(cbc::Decryptor::<Aes256>::new_from_slices(&key(32)?, self.iv), data, AES_BLOCK)
            }
            oid::AES192_CBC => {
                unpad(cbc::Decryptor::<Aes192>::new_from_slices(&key(24)?, self.iv), data, AES_BLOCK)
            }
            oid::AES128_CBC => {
                unpad(cbc::Decryptor::<Aes128>::new_from_slices(&key(16)?, self.iv), data, AES_BLOCK)
            }
            unknown => Err(unsupported("pbes2 algorithm", unknown)),
        }
    }
}

/// Encrypts with PBES2, AES-256-CBC and PBKDF2-HMAC-SHA-256: the algorithm as DER, and the ciphertext.
pub(super) fn encrypt(plain: &[u8], password: &Password, random: &mut Random) -> (Der, Vec<u8>) {
    let (salt, iv): ([u8; 16], [u8; AES_BLOCK]) = (random.bytes(), random.bytes());
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(&password.utf8, &salt, ITERATIONS, key.as_mut_slice());
    let cipher = cbc::Encryptor::<Aes256>::new((&*key).into(), (&iv).into());
    let prf = der::sequence(&[&der::oid(oid::HMAC_SHA256), &der::null()]);
    let rounds = der::unsigned(&ITERATIONS.to_be_bytes());
    let derivation =
        der::sequence(&[&der::oid(oid::PBKDF2), &der::sequence(&[&der::octets(&salt), &rounds, &prf])]);
    let scheme = der::sequence(&[&der::oid(oid::AES256_CBC), &der::octets(&iv)]);
    let algorithm = der::sequence(&[&der::oid(oid::PBES2), &der::sequence(&[&derivation, &scheme])]);
    (algorithm, cipher.encrypt_padded_vec::<Pkcs7>(plain))
}
