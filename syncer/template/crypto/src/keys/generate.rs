//! Making private keys.

use dsa::{Components, KeySize, SigningKey};

use super::{Curve, EcKey, PrivateKey, RsaKey};
use crate::der;
use crate::error::Error;
use crate::pem;
use crate::random::Random;

/// Bits of the RSA key of `genPrivateKey`. It takes seconds to make one.
const RSA_BITS: usize = 4096;

/// Template function `genPrivateKey`: a new key as PEM, `rsa` (also ""), `dsa`, `ecdsa` or `ed25519`.
///
/// As in Sprig, what goes wrong is told in the result.
#[must_use]
pub fn gen_private_key(kind: &[u8], random: &mut Random) -> Vec<u8> {
    let made = match kind {
        b"" | b"rsa" => generate_rsa(RSA_BITS, random).and_then(|key| key.to_pem()),
        b"dsa" => generate_dsa(random),
        b"ecdsa" => generate_ec(random).and_then(|key| key.to_pem()),
        b"ed25519" => PrivateKey::Ed25519(random.bytes().into()).to_pem(),
        unknown => return [b"Unknown type ", unknown].concat(),
    };
    made.unwrap_or_else(|error| format!("failed to generate private key: {error}").into_bytes())
}

/// A new RSA key of this many bits and the exponent 65537.
pub(crate) fn generate_rsa(bits: usize, random: &mut Random) -> Result<PrivateKey, Error> {
    let key = ::rsa::PrivateKey::new(random.generator(), bits)
        .map_err(|_| Error::new("crypto/rsa: no key could be made"))?;
    RsaKey::of(key).map(|key| PrivateKey::Rsa(Box::new(key)))
}

fn generate_ec(random: &mut Random) -> Result<PrivateKey, Error> {
    // All but one of 2^32 numbers of 32 bytes are a private key; the next are tried otherwise.
    let mut tries = (0..8).map(|_| EcKey::of_scalar(Curve::P256, &random.bytes::<32>()));
    let key = tries.find_map(Result::ok).ok_or_else(|| Error::new("ecdsa: no key could be made"))?;
    Ok(PrivateKey::Ec(key))
}

fn generate_dsa(random: &mut Random) -> Result<Vec<u8>, Error> {
    let failed = || Error::new("crypto/dsa: no key could be made");
    let made = Components::try_generate_from_rng_with_key_size(random.generator(), KeySize::DSA_2048_256);
    let components = made.map_err(|_| failed())?;
    let key = SigningKey::try_generate_from_rng_with_components(random.generator(), components)
        .map_err(|_| failed())?;
    let public = key.verifying_key();
    let components = public.components();
    let numbers = [
        components.p().as_ref(),
        components.q().as_ref(),
        components.g().as_ref(),
        public.y().as_ref(),
        key.x().as_ref(),
    ];
    let mut items = vec![der::unsigned(&[0])];
    items.extend(numbers.iter().map(|number| der::unsigned(&number.to_be_bytes())));
    Ok(pem::encode("DSA PRIVATE KEY", &der::sequence_of(&items)))
}
