//! No error shows what it was given: every function fails on marked arguments, and no text holds the mark.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fixtures::random;
use crate::{
    CertificateKey, Error, Subject, build_custom_cert, cert_sans, decrypt_aes, filter_cert_chain, filter_pem,
    gen_ca, gen_self_signed_cert, gen_signed_cert, jwk_private_key_pem, jwk_public_key_pem, pem,
    pem_to_pkcs12, pem_truststore_to_pkcs12, pkcs12_cert, pkcs12_key, rsa_decrypt,
};

const MARK: &str = "MARKER3f9c";

/// Arguments that hold the mark in ever deeper layers.
fn marked() -> Vec<Vec<u8>> {
    let mark = MARK.as_bytes();
    let mut out = vec![mark.to_vec(), [mark, b"==\n"].concat(), STANDARD.encode(mark).into_bytes()];
    for label in ["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", MARK]
    {
        for body in [mark.to_vec(), [&[0x30, 10], mark].concat(), [&[0x30, 12, 0x30, 10], mark].concat()] {
            let block = pem::encode(label, &body);
            out.push(STANDARD.encode(&block).into_bytes());
            out.push(block);
        }
    }
    for json in [
        format!(r#"{{"kty":"{MARK}"}}"#),
        format!(r#"{{"kty":"EC","crv":"{MARK}","x":"AA","y":"AA"}}"#),
        format!(r#"{{"kty":"RSA","n":"{MARK}!","e":"AQAB","d":"{MARK}"}}"#),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{MARK}","d":"{MARK}"}}"#),
        format!(r#"{{"kty": {MARK}}}"#),
        format!(r#""{MARK}""#),
    ] {
        out.push(json.into_bytes());
    }
    out
}

/// The errors of all functions for one argument in every place.
fn errors(argument: &[u8]) -> Vec<Error> {
    let subject =
        Subject { common_name: argument, ips: vec![argument], dns: vec![argument], now: 0, days: 1 };
    let pair = CertificateKey { cert: argument.to_vec(), key: argument.to_vec().into() };
    let mut random = random(40);
    let random = &mut random;
    let texts = [
        pkcs12_key(argument, argument),
        pkcs12_cert(argument, argument),
        pem_to_pkcs12(argument, argument, argument, false, random),
        pem_to_pkcs12(argument, argument, argument, true, random),
        pem_truststore_to_pkcs12(argument, argument, random),
        filter_pem(b"X", argument),
        filter_cert_chain(argument, argument),
        jwk_public_key_pem(argument),
        jwk_private_key_pem(argument),
        rsa_decrypt(argument, argument, argument, argument, random),
        rsa_decrypt(b"RSA-OAEP", argument, argument, argument, random),
        decrypt_aes(argument, argument),
        cert_sans(argument).map(|_| Vec::new()),
    ];
    let pairs = [
        gen_ca(&subject, Some(argument), random),
        gen_self_signed_cert(&subject, None, random),
        gen_signed_cert(&subject, &pair, None, random),
        build_custom_cert(argument, argument),
    ];
    let texts = texts.into_iter().filter_map(Result::err);
    texts.chain(pairs.into_iter().filter_map(Result::err)).collect()
}

#[test]
fn no_error_shows_a_value() {
    let mut seen = 0;
    for argument in marked() {
        for error in errors(&argument) {
            seen += 1;
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(MARK), "{shown}");
            assert!(!shown.contains(&STANDARD.encode("MARKER")), "{shown}");
        }
    }
    assert!(seen > 400, "only {seen} calls failed");
}
