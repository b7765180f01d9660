//! Sprig's encryption with a password: AES-256-CBC, the password itself cut or filled to a key.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use zeroize::Zeroizing;

use crate::error::{Error, Piece};
use crate::pem::base64_decode;
use crate::random::Random;

const BLOCK: usize = 16;

/// The first 32 bytes of the password, zeros behind a shorter one.
fn key(password: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    key.iter_mut().zip(password).for_each(|(to, from)| *to = *from);
    key
}

/// Template function `encryptAES`: initialization vector and ciphertext as base64. Nothing encrypts to nothing.
#[must_use]
pub fn encrypt_aes(password: &[u8], plain: &[u8], random: &mut Random) -> Vec<u8> {
    if plain.is_empty() {
        return Vec::new();
    }
    let iv: [u8; BLOCK] = random.bytes();
    let cipher = cbc::Encryptor::<Aes256>::new((&*key(password)).into(), (&iv).into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    STANDARD.encode([iv.as_slice(), &encrypted].concat()).into_bytes()
}

/// Template function `decryptAES`: what [`encrypt_aes`] encrypted. A wrong password gives rubbish or an error.
///
/// # Errors
/// If it is not base64, too short, or padded in no possible way.
pub fn decrypt_aes(password: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let data = base64_decode(text)?;
    let Some((iv, encrypted)) = data.split_first_chunk::<BLOCK>() else {
        return Err(bounds("runtime error: slice bounds out of range [:16] with capacity ", data.len()));
    };
    let cipher = cbc::Decryptor::<Aes256>::new((&*key(password)).into(), iv.into());
    let mut plain = cipher
        .decrypt_padded_vec::<NoPadding>(encrypted)
        .map_err(|_| Error::new("crypto/cipher: input not full blocks"))?;
    let Some(padding) = plain.last() else {
        return Err(Error::panic("runtime error: index out of range [-1]"));
    };
    // Only the last byte of the padding is looked at, as in Sprig.
    let length = plain.len().checked_sub(usize::from(*padding)).ok_or_else(|| {
        bounds("runtime error: slice bounds out of range [:-", usize::from(*padding) - plain.len())
    })?;
    plain.truncate(length);
    Ok(plain)
}

fn bounds(text: &'static str, number: usize) -> Error {
    let number = Piece::value(number.to_string().as_bytes());
    Error { panics: true, pieces: vec![text.into(), number] }
}
