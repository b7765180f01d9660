//! Private keys: what openssl makes is read and written again, what we make is read by openssl.

use super::fixtures::{OpenSsl, random, text};
use crate::keys::PrivateKey;
use crate::{der, gen_private_key, pem};

#[test]
fn keys_of_openssl_come_out_as_openssl_writes_them() {
    let openssl = OpenSsl::new();
    for kind in ["rsa", "P-256", "P-384", "P-521", "ed25519", "x25519"] {
        let pkcs8 = openssl.key(kind);
        openssl.write("key", &pkcs8);
        let key = PrivateKey::from_pem(&pkcs8).unwrap();
        assert_eq!(text(&pem::encode("PRIVATE KEY", &key.to_pkcs8().unwrap())), text(&pkcs8), "{kind}");
        let usual = if kind.ends_with("25519") { pkcs8 } else { openssl.run("pkey -in key -traditional") };
        assert_eq!(text(&key.to_pem().unwrap()), text(&usual), "{kind}");
        let again = PrivateKey::from_pem(&usual).unwrap();
        assert_eq!(text(&again.to_pem().unwrap()), text(&usual), "{kind}");
        let bytes = pem::decode(&usual).0.unwrap().bytes;
        assert!(PrivateKey::from_any(&bytes).is_ok(), "{kind}");
    }
}

#[test]
fn new_keys_are_read_by_openssl() {
    let openssl = OpenSsl::new();
    for (kind, label, says) in [
        ("", "RSA PRIVATE KEY", "Private-Key: (4096 bit, 2 primes)"),
        ("ecdsa", "EC PRIVATE KEY", "ASN1 OID: prime256v1"),
        ("ed25519", "PRIVATE KEY", "ED25519 Private-Key:"),
        ("dsa", "DSA PRIVATE KEY", "Private-Key: (2048 bit)"),
    ] {
        let key = gen_private_key(kind.as_bytes(), &mut random(3));
        let shown = text(&key).lines().next().unwrap_or_default().to_owned();
        assert_eq!(shown, format!("-----BEGIN {label}-----"));
        openssl.write("key", &key);
        let printed = text(&openssl.run("pkey -in key -text -noout"));
        assert!(printed.contains(says), "{kind}: {printed}");
        if kind != "dsa" {
            let checked = text(&openssl.run("pkey -in key -check -noout"));
            assert!(checked.contains("Key is valid"), "{kind}: {checked}");
        }
    }
    assert_eq!(gen_private_key(b"RSA", &mut random(3)), b"Unknown type RSA");
}

/// A DSA key signs what its public half verifies, so its numbers belong together.
#[test]
fn a_new_dsa_key_signs() {
    let openssl = OpenSsl::new();
    openssl.write("key", &gen_private_key(b"dsa", &mut random(4)));
    openssl.write("message", b"hello");
    openssl.run("pkey -in key -pubout -out public");
    openssl.run("dgst -sha256 -sign key -out signature message");
    assert!(text(&openssl.run("dgst -sha256 -verify public -signature signature message")).contains("OK"));
    assert!(PrivateKey::from_pem(&openssl.read("key")).is_ok());
}

#[test]
fn the_same_seed_makes_the_same_key_and_another_seed_another() {
    let key = |seed| gen_private_key(b"ecdsa", &mut random(seed));
    assert_eq!(key(1), key(1));
    assert_ne!(key(1), key(2));
}

/// Go's words for keys in the wrong place.
#[test]
fn keys_in_the_wrong_form_are_named() {
    let openssl = OpenSsl::new();
    let check = |label: &str, bytes: &[u8], expected: &str| {
        let error = PrivateKey::from_pem(&pem::encode(label, bytes)).err().unwrap().to_string();
        assert_eq!(error, expected);
    };
    openssl.write("rsa", &openssl.key("rsa"));
    openssl.write("ec", &openssl.key("P-256"));
    let der = |arguments: &str| openssl.run(&format!("pkey -outform DER {arguments}"));
    let (rsa1, rsa8) =
        (der("-in rsa -traditional"), openssl.run("pkcs8 -topk8 -nocrypt -outform DER -in rsa"));
    let ec1 = der("-in ec -traditional");
    let hint =
        |function| format!("x509: failed to parse private key (use {function} instead for this key format)");
    check(
        "RSA PRIVATE KEY",
        &rsa8,
        &format!("parsing RSA private key from PEM: {}", hint("ParsePKCS8PrivateKey")),
    );
    check(
        "RSA PRIVATE KEY",
        &ec1,
        &format!("parsing RSA private key from PEM: {}", hint("ParseECPrivateKey")),
    );
    check(
        "EC PRIVATE KEY",
        &rsa1,
        &format!("parsing EC private key from PEM: {}", hint("ParsePKCS1PrivateKey")),
    );
    check("PRIVATE KEY", &rsa1, &format!("decoding PEM as PKCS#8: {}", hint("ParsePKCS1PrivateKey")));
    check("PRIVATE KEY", &ec1, &format!("decoding PEM as PKCS#8: {}", hint("ParseECPrivateKey")));
    check("CERTIFICATE", &ec1, "no private key data in PEM block of type <redacted, 11 bytes>");
}

/// One prime of 512 and one of 1024 bits, which Go takes.
#[test]
fn a_key_of_unequal_primes_is_read_and_written() {
    use ::rsa::BoxedUint;
    use ::rsa::traits::PrivateKeyParts as _;
    use p256::elliptic_curve::bigint::{ConcatenatingMul as _, Resize as _};
    let prime = |bits, seed| {
        let key = ::rsa::PrivateKey::new(random(seed).generator(), bits).unwrap();
        key.primes()[0].as_ref().clone()
    };
    let (p, q, e) = (prime(1024, 60), prime(2048, 61), BoxedUint::from(65537_u64));
    let n = p.concatenating_mul(&q);
    let [p1, q1] = [&p, &q].map(|prime| prime.wrapping_sub(BoxedUint::one()));
    let totient = p1.concatenating_mul(&q1);
    let wide = e.clone().resize(totient.bits_precision());
    let d = wide.invert_mod(&totient.to_nz().unwrap()).unwrap();
    let numbers = [&n, &e, &d, &p, &q].map(|number| der::unsigned(&number.to_be_bytes()));
    let bytes = der::sequence_of(&[vec![der::unsigned(&[0])], numbers.to_vec()].concat());
    let openssl = OpenSsl::new();
    let key = PrivateKey::from_pkcs1(&bytes).ok().unwrap();
    openssl.write("key", &key.to_pem().unwrap());
    assert!(text(&openssl.run("pkey -in key -check -noout")).contains("Key is valid"));
    openssl.write("message", b"hello");
    openssl.write("signature", &key.sign(b"hello", &mut random(62)).unwrap());
    openssl.run("pkey -in key -pubout -out public");
    assert!(text(&openssl.run("dgst -sha256 -verify public -signature signature message")).contains("OK"));
}
