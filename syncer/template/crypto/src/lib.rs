//! What templates do with keys, certificates, PKCS#12, JWK and passwords, as Go's libraries and Sprig do it.
//!
//! Pure: the time is an argument, and so is randomness, as 32 seed bytes in [`Random`]. Every function answers with Go's
//! words when it fails ([`Error`]); a run-time value in such a text is only counted, never shown.
//!
//! DER is read by a reader of our own and not by a schema: which certificate or key is refused, at which step and with
//! which words is what templates see, and that follows Go's readers and nobody else's.

mod aes;
mod certificate;
mod chain;
mod der;
mod error;
mod jwk;
mod keys;
mod name;
mod oid;
mod password;
mod pem;
mod pkcs12;
mod random;
mod rsa_decrypt;
mod sans;
mod store;
mod time;
mod x509;

pub use aes::{decrypt_aes, encrypt_aes};
pub use certificate::{
    CertificateKey, Subject, build_custom_cert, gen_ca, gen_self_signed_cert, gen_signed_cert,
};
pub use chain::filter_cert_chain;
pub use error::{Error, Piece};
pub use jwk::{jwk_private_key_pem, jwk_public_key_pem};
pub use keys::gen_private_key;
pub use password::{Algorithm, bcrypt, derive_password, htpasswd};
pub use pem::filter_pem;
pub use random::Random;
pub use rsa_decrypt::rsa_decrypt;
pub use sans::{Sans, cert_sans};
pub use store::{pem_to_pkcs12, pem_truststore_to_pkcs12, pkcs12_cert, pkcs12_key};

#[cfg(test)]
mod tests;
