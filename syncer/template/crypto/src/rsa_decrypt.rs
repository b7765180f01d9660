//! Decrypting with RSA.

use rsa::Oaep;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::error::{Error, Piece};
use crate::keys::PrivateKey;
use crate::pem;
use crate::random::Random;

/// Template function `rsaDecrypt`: decrypts with scheme `RSA-OAEP`; scheme `None` gives back what came.
///
/// The hash is `SHA1`, `SHA256` or `SHA512`; whatever else is SHA256.
///
/// # Errors
/// If the scheme is unknown, the key unusable, or the data was not encrypted for it.
pub fn rsa_decrypt(
    scheme: &[u8],
    hash: &[u8],
    data: &[u8],
    key: &[u8],
    random: &mut Random,
) -> Result<Vec<u8>, Error> {
    match scheme {
        b"None" => return Ok(data.to_vec()),
        b"RSA-OAEP" => {}
        _ => {
            return Err(Error::with([
                "decryption scheme ".into(),
                Piece::Argument(0, scheme.len()),
                " is not supported".into(),
            ]));
        }
    }
    let block = pem::decode(key).0.ok_or_else(|| Error::new("failed to decode PEM block"))?;
    let key =
        PrivateKey::from_any(&block.bytes).map_err(|error| error.within("could not parse private key: "))?;
    let PrivateKey::Rsa(key) = key else { return Err(Error::new("private key is not an RSA key")) };
    let key = key.usable().map_err(|error| error.within("error decrypting data with RSA: "))?;
    let rng = random.generator();
    let plain = match hash {
        b"SHA1" => key.decrypt_blinded(rng, Oaep::<Sha1>::new(), data),
        b"SHA512" => key.decrypt_blinded(rng, Oaep::<Sha512>::new(), data),
        _ => key.decrypt_blinded(rng, Oaep::<Sha256>::new(), data),
    };
    plain.map_err(|_| Error::new("error decrypting data with RSA: crypto/rsa: decryption error"))
}
