//! Certificates that templates make, checked by openssl.

use super::fixtures::{NEW_YEAR, OpenSsl, random, text};
use crate::{
    CertificateKey, Subject, build_custom_cert, cert_sans, filter_cert_chain, gen_ca, gen_self_signed_cert,
    gen_signed_cert,
};
use base64::Engine as _;

fn subject<'a>(name: &'a str, ips: &[&'a str], dns: &[&'a str]) -> Subject<'a> {
    let bytes = |texts: &[&'a str]| texts.iter().map(|text| text.as_bytes()).collect();
    Subject { common_name: name.as_bytes(), ips: bytes(ips), dns: bytes(dns), now: NEW_YEAR, days: 30 }
}

/// Whether openssl finds the way from the certificate to the authority in the middle of January 2026.
fn verify(
    openssl: &OpenSsl,
    authority: &CertificateKey,
    certificate: &CertificateKey,
) -> Result<Vec<u8>, String> {
    openssl.write("ca.pem", &authority.cert);
    openssl.write("leaf.pem", &certificate.cert);
    openssl.try_run("verify -x509_strict -attime 1768435200 -purpose sslserver -CAfile ca.pem leaf.pem")
}

#[test]
fn authorities_of_every_kind_sign_certificates_of_every_kind() {
    let openssl = OpenSsl::new();
    let keys: Vec<Option<Vec<u8>>> = std::iter::once(None)
        .chain(["rsa", "P-256", "P-384", "P-521", "ed25519"].map(|kind| Some(openssl.key(kind))))
        .collect();
    for (index, own) in keys.iter().enumerate() {
        let ca = gen_ca(&subject("Test Authority", &[], &[]), own.as_deref(), &mut random(5)).unwrap();
        let other = keys.iter().cycle().nth(index + 2).unwrap().as_deref();
        let names = subject("leaf", &["10.0.0.1", "2001:db8::1"], &["a.example", "*.b.example"]);
        let leaf = gen_signed_cert(&names, &ca, other, &mut random(6)).unwrap();
        verify(&openssl, &ca, &leaf).unwrap();
        openssl.write("key.pem", &leaf.key);
        let (key, cert) =
            (openssl.run("pkey -in key.pem -pubout"), openssl.run("x509 -in leaf.pem -noout -pubkey"));
        assert_eq!(text(&key), text(&cert), "{index}");
        let sans = cert_sans(&leaf.cert).unwrap();
        assert_eq!(sans.dns, ["a.example", "*.b.example"]);
        assert_eq!(sans.ips, ["10.0.0.1", "2001:db8::1"]);
        // Only the certificate of the authority names a key; the leaf has none and points to it.
        assert_eq!(filter_cert_chain(b"leaf", &leaf.cert).unwrap(), leaf.cert);
        assert_eq!(filter_cert_chain(b"root", &ca.cert).unwrap(), ca.cert);
    }
}

#[test]
fn a_certificate_holds_what_sprig_puts_into_it() {
    let openssl = OpenSsl::new();
    let key = openssl.key("P-256");
    let ca = gen_ca(&subject("ca*", &[], &[]), Some(&key), &mut random(7)).unwrap();
    openssl.write("ca.pem", &ca.cert);
    let printed = text(&openssl.run("x509 -in ca.pem -noout -text"));
    for part in [
        "Version: 3",
        "Issuer: CN = ca*",
        "Not Before: Jan  1 00:00:00 2026 GMT",
        "Not After : Jan 31 00:00:00 2026 GMT",
        "X509v3 Key Usage: critical\n                Digital Signature, Key Encipherment, Certificate Sign\n",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Basic Constraints: critical\n                CA:TRUE\n",
        "X509v3 Subject Key Identifier:",
    ] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    assert!(!printed.contains("Authority Key Identifier"));
    let own = gen_self_signed_cert(&subject("", &[], &["x.example"]), Some(&key), &mut random(8)).unwrap();
    openssl.write("own.pem", &own.cert);
    let printed = text(&openssl.run("x509 -in own.pem -noout -text"));
    assert!(printed.contains("X509v3 Subject Alternative Name: critical\n"), "{printed}");
    assert!(printed.contains("CA:FALSE") && !printed.contains("Subject Key Identifier"), "{printed}");
    verify(&openssl, &own, &own).unwrap();
}

#[test]
fn dates_are_written_as_x509_wants_them() {
    let openssl = OpenSsl::new();
    let key = openssl.key("ed25519");
    for (now, days, expected) in [
        (NEW_YEAR, 59, "Mar  1 00:00:00 2026 GMT"),
        (NEW_YEAR + 789_000_000_000_123, 0, "Jan 10 03:10:00 2026 GMT"),
        (NEW_YEAR, 366 * 20, "Jan 16 00:00:00 2046 GMT"),
        (NEW_YEAR, 36_525, "Jan  2 00:00:00 2126 GMT"),
        (NEW_YEAR, -31, "Dec  1 00:00:00 2025 GMT"),
        // A Go duration of more than 292 years wraps around.
        (NEW_YEAR, 106_752, "Sep 22 00:25:26 1733 GMT"),
    ] {
        let subject = Subject { now, days, ..subject("d", &[], &[]) };
        let made = gen_self_signed_cert(&subject, Some(&key), &mut random(9)).unwrap();
        openssl.write("cert.pem", &made.cert);
        let printed = text(&openssl.run("x509 -in cert.pem -noout -enddate"));
        assert_eq!(printed.trim(), format!("notAfter={expected}"));
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let openssl = OpenSsl::new();
    let (one, two) = (openssl.key("P-256"), openssl.key("P-256"));
    let ca = gen_ca(&subject("ca", &[], &[]), Some(&one), &mut random(10)).unwrap();
    let mixed = CertificateKey { cert: ca.cert.clone(), key: two.clone().into() };
    let broken = CertificateKey { cert: b"x".to_vec(), key: ca.key.clone() };
    let keyless = CertificateKey { cert: ca.cert.clone(), key: b"x".to_vec().into() };
    let check = |subject: &Subject<'_>, authority: &CertificateKey, expected: &str| {
        let error = gen_signed_cert(subject, authority, Some(&two), &mut random(11)).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    let plain = subject("leaf", &[], &[]);
    check(
        &plain,
        &mixed,
        "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
    );
    check(&plain, &broken, "unable to decode certificate");
    check(&plain, &keyless, "error parsing private key: no PEM data in input");
    check(&subject("leaf", &["300.1.1.1"], &[]), &ca, "error parsing ip: <redacted, 9 bytes>");
    check(
        &subject("leaf", &[], &["ä"]),
        &ca,
        "error creating certificate: x509: <redacted, 2 bytes> cannot be encoded as an IA5String",
    );
    let short = openssl.run("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:512");
    let error = gen_ca(&plain, Some(&short), &mut random(12)).err().unwrap().to_string();
    assert!(error.contains("crypto/rsa: <redacted, 3 bytes>-bit keys are insecure"), "{error}");
    let x25519 = openssl.key("x25519");
    assert!(gen_ca(&plain, Some(&x25519), &mut random(12)).is_err());
}

#[test]
fn a_given_certificate_is_passed_on() {
    let openssl = OpenSsl::new();
    let ca = gen_ca(&subject("ca", &[], &[]), Some(&openssl.key("ed25519")), &mut random(13)).unwrap();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes();
    let (cert, key) = (base64(&ca.cert), base64(&ca.key));
    let built = build_custom_cert(&cert, &key).unwrap();
    assert!(built.cert == ca.cert && *built.key == *ca.key);
    for (cert, key, expected) in [
        (b"!!".to_vec(), key.clone(), "unable to decode base64 certificate"),
        (cert.clone(), b"!!".to_vec(), "unable to decode base64 private key"),
        (base64(b"junk"), key.clone(), "unable to decode certificate"),
        (cert.clone(), base64(b"junk"), "error parsing private key: no PEM data in input"),
    ] {
        assert_eq!(build_custom_cert(&cert, &key).err().unwrap().to_string(), expected);
    }
}
