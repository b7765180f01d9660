//! Rubbish, and things that are nearly right, give errors and never a panic.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::fixtures::{NEW_YEAR, random};
use crate::keys::PrivateKey;
use crate::{
    Subject, cert_sans, filter_cert_chain, gen_ca, gen_private_key, jwk_private_key_pem, pem, pem_to_pkcs12,
    pkcs12_cert, pkcs12_key, x509,
};

/// A certificate, private keys and a store, all as DER.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let key = gen_private_key(b"ecdsa", &mut random(50));
    let subject = Subject { common_name: b"x", ips: vec![], dns: vec![], now: NEW_YEAR, days: 9 };
    let ca = gen_ca(&subject, Some(&key), &mut random(51)).unwrap();
    let rsa = gen_ca(&subject, None, &mut random(52)).unwrap();
    let store = pem_to_pkcs12(&ca.cert, &key, b"", false, &mut random(53)).unwrap();
    let mut out: Vec<Vec<u8>> =
        [&ca.cert, &key, &*rsa.key, &rsa.cert].map(|text| pem::decode(text).0.unwrap().bytes.to_vec()).into();
    out.push(PrivateKey::from_pem(&key).unwrap().to_pkcs8().unwrap().to_vec());
    out.push(STANDARD.decode(store).unwrap());
    out
});

/// Whether a store asks for so many rounds that trying it would take long.
fn is_slow(bytes: &[u8]) -> bool {
    // The number of rounds is written 02 02 08 00 wherever it stands; what is left of them tells.
    bytes.len() > 700 && bytes.windows(4).filter(|w| *w == [2, 2, 8, 0]).count() != 3
}

fn try_all(bytes: &[u8]) {
    let _ = x509::parse(bytes);
    let _ = PrivateKey::from_any(bytes).map(|key| key.to_pem());
    for label in ["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"] {
        let block = pem::encode(label, bytes);
        let _ = (cert_sans(&block), filter_cert_chain(b"root", &block));
        let _ = PrivateKey::from_pem(&block);
    }
    if !is_slow(bytes) {
        let _ = (pkcs12_key(b"", bytes), pkcs12_cert(b"", bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn nearly_right_bytes_are_no_trouble(which in 0..6_usize, at: prop::sample::Index, to: u8, cut in 0..9_usize) {
        let mut bytes = GOOD[which].clone();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if cut == 0 {
            bytes.truncate(at);
        }
        try_all(&bytes);
    }

    #[test]
    fn any_bytes_are_no_trouble(bytes: Vec<u8>, text in "\\PC{0,60}") {
        try_all(&bytes);
        let _ = jwk_private_key_pem(text.as_bytes());
        let _ = pem::decode(format!("-----BEGIN {text}\n{text}\n-----END {text}").as_bytes());
    }
}

#[test]
fn the_examples_are_right_before_they_are_changed() {
    assert!(x509::parse(&GOOD[0]).is_ok() && x509::parse(&GOOD[3]).is_ok());
    assert!([1, 2, 4].iter().all(|at| PrivateKey::from_any(&GOOD[*at]).is_ok()));
    assert!(!is_slow(&GOOD[5]) && pkcs12_key(b"", &GOOD[5]).is_ok());
}

#[test]
fn a_store_that_asks_for_too_many_rounds_is_refused() {
    let mut store = GOOD[5].clone();
    let at = store.windows(4).rposition(|w| w == [2, 2, 8, 0]).unwrap();
    // The MAC's number of rounds stands last, so that three bytes more only change the outer length.
    store.splice(at.., [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    let length = u16::try_from(store.len() - 4).unwrap().to_be_bytes();
    store[2..4].copy_from_slice(&length);
    let info = store[..at].windows(2).rposition(|w| w == [0x30, 0x47]).unwrap();
    store[info + 1] += 2;
    let error = pkcs12_key(b"", &store).unwrap_err().to_string();
    assert!(error.contains("more than 5000000 iterations"), "{error}");
}
