//! Private keys: what openssl makes is read and written again, what we make is read by openssl.

use super::fixtures::{OpenSsl, random, text};
use crate::keys::PrivateKey;
use crate::{gen_private_key, pem};

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
