//! PKCS#12 stores: openssl opens ours, we open openssl's.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fixtures::{NEW_YEAR, OpenSsl, random, text};
use crate::{
    CertificateKey, Subject, gen_ca, gen_signed_cert, pem_to_pkcs12, pem_truststore_to_pkcs12, pkcs12_cert,
    pkcs12_key,
};

const PASSWORDS: [&str; 4] =
    ["", "pw", "é€ß", "a-password-that-is-longer-than-a-block-of-the-hash-function-in-bytes"];

/// A chain of two certificates, leaf first, and the leaf's key as PKCS#8.
struct Chain {
    certs: Vec<u8>,
    leaf: CertificateKey,
    ca: CertificateKey,
    pkcs8: Vec<u8>,
}

fn chain(openssl: &OpenSsl, kind: &str) -> Chain {
    let subject = |name: &'static str| Subject {
        common_name: name.as_bytes(),
        ips: vec![],
        dns: vec![],
        now: NEW_YEAR,
        days: 3650,
    };
    let ca = gen_ca(&subject("A, Root"), Some(&openssl.key("P-256")), &mut random(20)).unwrap();
    let pkcs8 = openssl.key(kind);
    let leaf = gen_signed_cert(&subject("leaf"), &ca, Some(&pkcs8), &mut random(21)).unwrap();
    Chain { certs: [leaf.cert.clone(), ca.cert.clone()].concat(), leaf, ca, pkcs8 }
}

fn written(openssl: &OpenSsl, store: Result<Vec<u8>, crate::Error>) -> Vec<u8> {
    let store = STANDARD.decode(store.unwrap()).unwrap();
    openssl.write("store.p12", &store);
    store
}

#[test]
fn openssl_opens_our_stores_and_so_do_we() {
    let openssl = OpenSsl::new();
    for kind in ["rsa", "P-256", "P-384", "P-521", "ed25519"] {
        let chain = chain(&openssl, kind);
        for (password, all) in PASSWORDS.iter().zip([true, false, true, true]) {
            let bytes = password.as_bytes();
            let store = pem_to_pkcs12(&chain.certs, &chain.leaf.key, bytes, all, &mut random(22));
            let store = written(&openssl, store);
            let printed = text(&openssl.run(&format!("pkcs12 -in store.p12 -nodes -passin pass:{password}")));
            assert!(printed.contains(&text(&chain.pkcs8)), "{kind} {password}: {printed}");
            let expected = if all { &chain.certs } else { &chain.leaf.cert };
            for block in text(expected).split_inclusive("-----END CERTIFICATE-----\n") {
                assert!(printed.contains(block), "{kind} {password}: {printed}");
            }
            assert_eq!(printed.matches("BEGIN CERTIFICATE").count(), if all { 2 } else { 1 });
            let info = openssl.run(&format!("pkcs12 -in store.p12 -info -nokeys -passin pass:{password}"));
            assert!(text(&info).contains("localKeyID"), "{}", text(&info));
            assert_eq!(text(&pkcs12_key(bytes, &store).unwrap()), text(&chain.pkcs8));
            assert_eq!(text(&pkcs12_cert(bytes, &store).unwrap()), text(expected));
            let wrong = pkcs12_cert(b"wrong", &store).unwrap_err().to_string();
            assert!(wrong.ends_with("pkcs12: decryption password incorrect"), "{wrong}");
        }
    }
}

#[test]
fn trust_stores_are_opened_by_openssl_and_by_java_if_it_is_there() {
    let openssl = OpenSsl::new();
    let chain = chain(&openssl, "P-256");
    for password in ["changeit", "é€ß"] {
        let store = pem_truststore_to_pkcs12(&chain.certs, password.as_bytes(), &mut random(23));
        let store = written(&openssl, store);
        let printed = text(&openssl.run(&format!("pkcs12 -in store.p12 -nokeys -passin pass:{password}")));
        assert!(printed.contains("2.16.840.1.113894.746875.1.1: <Unsupported tag 6>"), "{printed}");
        assert!(printed.contains("friendlyName: CN=A\\, Root"), "{printed}");
        assert!(printed.contains(&text(&chain.ca.cert)), "{printed}");
        let error = pkcs12_cert(password.as_bytes(), &store).unwrap_err().to_string();
        assert!(error.ends_with("pkcs12: private key missing"), "{error}");
    }
    let store = pem_truststore_to_pkcs12(&chain.certs, b"changeit", &mut random(24));
    written(&openssl, store);
    let keytool = Command::new("keytool")
        .args(["-list", "-storetype", "PKCS12", "-storepass", "changeit", "-keystore"])
        .arg(openssl.path("store.p12"))
        .output();
    if let Ok(output) = keytool {
        let printed = text(&output.stdout);
        assert_eq!(printed.matches("trustedCertEntry").count(), 2, "{printed}");
    }
}

#[test]
fn we_open_openssls_stores() {
    let openssl = OpenSsl::new();
    for kind in ["rsa", "P-384", "ed25519"] {
        let chain = chain(&openssl, kind);
        openssl.write("key.pem", &chain.leaf.key);
        openssl.write("certs.pem", &chain.certs);
        for options in [
            "",
            "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512",
            "-macalg sha1 -iter 7",
            "-legacy",
            "-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-3DES -maciter",
            "-legacy -descert -noiter",
            "-keypbe NONE -certpbe NONE",
            "-keypbe NONE -certpbe AES-256-CBC",
        ] {
            for password in PASSWORDS {
                openssl.run(&format!(
                    "pkcs12 -export -inkey key.pem -in certs.pem -out store.p12 {options} -passout pass:{password}"
                ));
                let store = openssl.read("store.p12");
                let key =
                    pkcs12_key(password.as_bytes(), &store).unwrap_or_else(|e| panic!("{options}: {e}"));
                assert_eq!(text(&key), text(&chain.pkcs8), "{kind} {options} {password}");
                let certs = pkcs12_cert(password.as_bytes(), &store).unwrap();
                assert_eq!(text(&certs), text(&chain.certs), "{kind} {options} {password}");
            }
        }
    }
}

#[test]
fn stores_without_a_code_have_no_password() {
    let openssl = OpenSsl::new();
    let chain = chain(&openssl, "P-256");
    openssl.write("key.pem", &chain.leaf.key);
    openssl.write("certs.pem", &chain.certs);
    openssl.run(
        "pkcs12 -export -inkey key.pem -in certs.pem -out store.p12 -nomac -keypbe NONE -certpbe NONE -passout pass:",
    );
    let store = openssl.read("store.p12");
    assert_eq!(text(&pkcs12_key(b"", &store).unwrap()), text(&chain.pkcs8));
    let error = pkcs12_key(b"x", &store).unwrap_err().to_string();
    assert_eq!(error, "unable to decode pkcs12 with password: pkcs12: no MAC in data");
}

#[test]
fn what_is_missing_is_named() {
    let openssl = OpenSsl::new();
    let chain = chain(&openssl, "P-256");
    openssl.write("key.pem", &chain.leaf.key);
    openssl.write("certs.pem", &chain.certs);
    let check = |options: &str, expected: &str| {
        openssl.run(&format!("pkcs12 -export {options} -out store.p12 -passout pass:pw"));
        let error = pkcs12_key(b"pw", &openssl.read("store.p12")).unwrap_err().to_string();
        assert_eq!(error, format!("unable to decode pkcs12 with password: {expected}"));
    };
    check("-nokeys -in certs.pem", "pkcs12: private key missing");
    check("-nocerts -inkey key.pem", "pkcs12: certificate missing");
}

#[test]
fn stores_are_made_of_pem_only() {
    let openssl = OpenSsl::new();
    let chain = chain(&openssl, "P-256");
    let (certs, key) = (chain.certs.as_slice(), chain.leaf.key.as_slice());
    let trailing = [certs, b"\n"].concat();
    let bad = b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let check = |result: Result<Vec<u8>, crate::Error>, panics: bool, expected: &str| {
        let error = result.unwrap_err();
        assert_eq!((error.panics, error.to_string().as_str()), (panics, expected));
    };
    let nil = "runtime error: invalid memory address or nil pointer dereference";
    check(pem_to_pkcs12(b"junk", key, b"", false, &mut random(25)), true, nil);
    check(pem_to_pkcs12(certs, b"", b"", false, &mut random(25)), true, nil);
    check(pem_to_pkcs12(&trailing, key, b"", true, &mut random(25)), true, nil);
    check(pem_truststore_to_pkcs12(&trailing, b"", &mut random(25)), true, nil);
    check(pem_to_pkcs12(bad, key, b"", false, &mut random(25)), false, "x509: malformed certificate");
    check(
        pem_to_pkcs12(certs, certs, b"", false, &mut random(25)),
        false,
        "unable to parse private key type",
    );
    let ucs2 = "pkcs12: string contains characters that cannot be encoded in UCS-2";
    check(pem_to_pkcs12(certs, key, "😀".as_bytes(), false, &mut random(25)), false, ucs2);
    assert!(pem_to_pkcs12(&trailing, key, b"", false, &mut random(25)).is_ok());
    assert!(pem_truststore_to_pkcs12(b"", b"", &mut random(25)).is_ok());
}
