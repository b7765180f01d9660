//! The functions that need no second program: PEM, JWK, AES, RSA-OAEP, names of certificates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::fixtures::{OpenSsl, random, text};
use crate::{
    decrypt_aes, encrypt_aes, filter_pem, gen_private_key, jwk_private_key_pem, jwk_public_key_pem, name,
    pem, rsa_decrypt,
};

const THING: &str = "-----BEGIN THING-----\naGk=\n-----END THING-----\n";

#[test]
fn pem_blocks_are_filtered() {
    let check = |kind: &str, input: &str, expected: Result<&str, &str>| {
        let result = filter_pem(kind.as_bytes(), input.as_bytes());
        let shown = result.map(|out| text(&out)).map_err(|error| error.to_string());
        assert_eq!(shown, expected.map(str::to_owned).map_err(str::to_owned), "{kind} {input}");
    };
    let junk = Err("error filtering pem: found junk");
    check("THING", THING, Ok(THING));
    check("thing", THING, Ok(THING));
    check("OTHER", THING, Ok(""));
    check("THING", "", Ok(""));
    check("THING", &format!("x{THING}"), Ok(THING));
    check("THING", &format!("text before\n{THING}garbage after"), Ok(THING));
    check("OTHER", &format!("{THING}garbage after"), junk);
    check("THING", &THING.replace('\n', "\r\n"), Ok(THING));
    check("THING", THING.trim_end(), Ok(THING));
    check("THING", "-----BEGIN THING-----\nnot base64!\n-----END THING-----\n", junk);
    check("X", "-----BEGIN X-----\naGk=\n-----END Y-----\n", junk);
    let headers = "-----BEGIN THING-----\nProc-Type: 4,ENCRYPTED\nA: b\n\naGk=\n-----END THING-----\n";
    check("THING", headers, Ok(headers));
    check("THING", &format!("-----BEGIN LOST-----\n{THING}"), Ok(THING));
    check(
        "EMPTY",
        "-----BEGIN EMPTY-----\n-----END EMPTY-----\n",
        Ok("-----BEGIN EMPTY-----\n-----END EMPTY-----\n"),
    );
}

proptest! {
    #[test]
    fn pem_is_read_as_written(bytes: Vec<u8>, kind in "[A-Z ]{1,20}") {
        let written = pem::encode(&kind, &bytes);
        let (block, rest) = pem::decode(&written);
        let block = block.unwrap();
        prop_assert_eq!((block.kind.as_slice(), block.bytes.as_slice(), rest), (kind.as_bytes(), bytes.as_slice(), b"".as_slice()));
        prop_assert!(written.split(|b| *b == b'\n').all(|line| line.len() <= 64));
    }

    #[test]
    fn aes_decrypts_what_it_encrypts(password: Vec<u8>, plain: Vec<u8>, seed: u8) {
        let encrypted = encrypt_aes(&password, &plain, &mut random(seed));
        let same = decrypt_aes(&password, &encrypted).unwrap() == plain;
        prop_assert!(same);
    }
}

#[test]
fn aes_decrypts_what_sprig_encrypted_and_fails_as_sprig_does() {
    let encrypted = "AAECAwQFBgcICQoLDA0OD8pGv/HSDGYpLOiZF2N5vJjDVbVNmuQh2wFVp3EC6KR/";
    assert_eq!(text(&decrypt_aes(b"secretkey", encrypted.as_bytes()).unwrap()), "the plaintext é");
    for (input, panics, expected) in [
        ("!!!", false, "illegal base64 data at input byte <redacted, 1 bytes>"),
        ("YWJj", true, "runtime error: slice bounds out of range [:16] with capacity <redacted, 1 bytes>"),
        ("MDEyMzQ1Njc4OWFiY2RlZg==", true, "runtime error: index out of range [-1]"),
        ("MDEyMzQ1Njc4OWFiY2RlZjAx", false, "crypto/cipher: input not full blocks"),
    ] {
        let error = decrypt_aes(b"k", input.as_bytes()).unwrap_err();
        assert_eq!((error.panics, error.to_string().as_str()), (panics, expected));
    }
}

#[test]
fn rsa_decrypts_what_openssl_encrypted() {
    let openssl = OpenSsl::new();
    openssl.write("key.pem", &openssl.key("rsa"));
    openssl.run("pkey -in key.pem -pubout -out public.pem");
    openssl.write("plain", b"a secret");
    let forms = [openssl.read("key.pem"), openssl.run("pkey -in key.pem -traditional")];
    for (hash, digest) in [("SHA1", "sha1"), ("SHA256", "sha256"), ("SHA512", "sha512"), ("bogus", "sha256")]
    {
        openssl.run(&format!(
            "pkeyutl -encrypt -pubin -inkey public.pem -in plain -out sealed -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{digest} -pkeyopt rsa_mgf1_md:{digest}"
        ));
        let sealed = openssl.read("sealed");
        for key in &forms {
            let plain = rsa_decrypt(b"RSA-OAEP", hash.as_bytes(), &sealed, key, &mut random(30)).unwrap();
            assert_eq!(text(&plain), "a secret", "{hash}");
        }
        let other = if hash == "SHA1" { "SHA512" } else { "SHA1" };
        let error =
            rsa_decrypt(b"RSA-OAEP", other.as_bytes(), &sealed, &forms[0], &mut random(30)).unwrap_err();
        assert_eq!(error.to_string(), "error decrypting data with RSA: crypto/rsa: decryption error");
    }
    assert_eq!(rsa_decrypt(b"None", b"", b"as is", b"no key", &mut random(30)).unwrap(), b"as is");
    let error = rsa_decrypt(b"none", b"", b"x", b"k", &mut random(30)).unwrap_err();
    assert_eq!(error.to_string(), "decryption scheme <redacted, 4 bytes> is not supported");
}

/// JWKs are made of the numbers that openssl prints, and must give back openssl's PEM.
#[test]
fn jwks_become_pem() {
    let openssl = OpenSsl::new();
    for kind in ["P-256", "P-384", "P-521"] {
        let pkcs8 = openssl.key(kind);
        openssl.write("key", &pkcs8);
        let sec1 = openssl.run("pkey -in key -traditional -outform DER");
        let spki = openssl.run("pkey -in key -pubout -outform DER");
        let size = match kind {
            "P-256" => 32,
            "P-384" => 48,
            _ => 66,
        };
        let point = &spki[spki.len() - 2 * size..];
        let at = sec1.windows(2).position(|pair| pair == [4, u8::try_from(size).unwrap()]).unwrap() + 2;
        let [x, y, d] =
            [&point[..size], &point[size..], &sec1[at..at + size]].map(|n| URL_SAFE_NO_PAD.encode(n));
        let public = format!(r#"{{"kty":"EC","crv":"{kind}","x":"{x}","y":"{y}","kid":["ignored"]}}"#);
        let private = format!(r#"{{"kty":"EC","crv":"{kind}","x":"{x}","y":"{y}","d":"{d}"}}"#);
        let expected = openssl.run("pkey -in key -pubout");
        assert_eq!(text(&jwk_public_key_pem(public.as_bytes()).unwrap()), text(&expected));
        assert_eq!(text(&jwk_private_key_pem(private.as_bytes()).unwrap()), text(&pkcs8));
        let error = jwk_public_key_pem(private.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "x509: unsupported public key type: *ecdsa.PrivateKey");
        let swapped = format!(r#"{{"kty":"EC","crv":"{kind}","x":"{y}","y":"{x}"}}"#);
        let error = jwk_public_key_pem(swapped.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, format!("{} point not on curve", kind.replace('-', "")));
    }
}

#[test]
fn what_is_no_jwk_is_refused_in_gos_words() {
    for (json, expected) in [
        ("", "failed to unmarshal JSON into key hint: EOF"),
        ("{", "failed to unmarshal JSON into key hint: unexpected EOF"),
        (
            "junk",
            "failed to unmarshal JSON into key hint: invalid character <redacted, 1 bytes> looking for beginning of value",
        ),
        ("null", "invalid key type from JSON ()"),
        ("{}", "invalid key type from JSON ()"),
        (r#"{"kty":"nope"}"#, "invalid key type from JSON (<redacted, 4 bytes>)"),
        (r#"{"kty":"oct","k":"AA"}"#, "x509: unsupported public key type: []uint8"),
        (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, "x509: unsupported public key type: x25519.PublicKey"),
        (
            r#"{"kty":"EC","crv":"P-999","x":"AA","y":"AA"}"#,
            "failed to build public key: invalid curve algorithm <redacted, 5 bytes>",
        ),
        (
            r#"{"kty":"RSA","n":5,"e":"AQAB"}"#,
            "failed to unmarshal JSON into key (*jwk.rsaPublicKey): failed to decode value for key n",
        ),
    ] {
        assert_eq!(jwk_public_key_pem(json.as_bytes()).unwrap_err().to_string(), expected, "{json}");
    }
}

/// A name with every attribute and what must be escaped, and how Go prints it.
#[test]
fn names_are_printed_as_go_prints_them() {
    let der = "MIGqMQswCQYDVQQGEwJERTELMAkGA1UECAwCw6kxCzAJBgNVBAcMAiNMMQowCAYDVQQJEwFzMQowCAYDVQQREwExMRwwCgYDVQQKEwNCK0MwDgYDVQQKEwdBLCBJbmMuMQwwCgYDVQQLEwMgeCAxEDAOBgNVBAMMB2Miblw8PjsxCjAIBgNVBAUTATcxEjAQBgkqhkiG9w0BCQEMA21AeDELMAkGA1UEDAwCVCo=";
    let expected = r#"SERIALNUMBER=7,CN=c\"n\\\<\>\;,OU=\ x\ ,O=B\+C+O=A\, Inc.,POSTALCODE=1,STREET=s,L=\#L,ST=é,C=DE,2.5.4.12=#0c02542a,1.2.840.113549.1.9.1=#0c036d4078"#;
    let der = STANDARD.decode(der).unwrap();
    assert_eq!(name::to_text(&name::parse(&der).unwrap()), expected);
}

#[test]
fn an_unknown_kind_of_key_is_told_in_the_result() {
    assert_eq!(gen_private_key(b"bogus", &mut random(31)), b"Unknown type bogus");
}
