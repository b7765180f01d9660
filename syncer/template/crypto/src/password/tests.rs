//! Tests of password hashing and derivation against recorded answers.

use base64::Engine as _;
use proptest::prelude::*;

use super::*;

/// Hashes that Go's bcrypt made.
const BCRYPT: [(&str, &str); 5] = [
    ("", "$2a$10$tv8T0f3ZGhp4Wobfija0buWzzRZMUhVoDW4.aNRQSixROYTXnPw7C"),
    ("pw", "$2a$10$og76tRoWT40opeBhSPwM9uKutI01iyhyruPUQfpsp77QFHvDNVwgK"),
    ("pässwörd", "$2a$10$HuIwLFUEAizyp/x7V8/cTePw7zOOLzHqUi.KYelgN4XIJYM5y4PrW"),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$2a$10$F7wjDUJuv8WarJaYpyFNkenciR2/J5nfrLXFMt03yiSMZbVax/DIu",
    ),
    (
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "$2a$10$CRuqamafXBKva4LEe.JfgeEO6F.Ry6t.W1HUMMP5h5Ucwpi4pbvYi",
    ),
];

#[test]
fn bcrypt_hashes_as_go_does() {
    for (password, hash) in BCRYPT {
        let salt = BCRYPT_BASE64.decode(&hash.as_bytes()[7..29]).unwrap();
        let ours = bcrypt_with_salt(password.as_bytes(), salt.try_into().unwrap());
        assert_eq!(String::from_utf8(ours).unwrap(), hash, "{password}");
    }
}

#[test]
fn bcrypt_takes_a_new_salt_each_time_and_no_long_password() {
    let mut random = Random::from_seed([1; 32]);
    assert_ne!(bcrypt(b"pw", &mut random), bcrypt(b"pw", &mut random));
    let refused = bcrypt(&[b'a'; 73], &mut random);
    assert!(refused.ends_with(b"password length exceeds 72 bytes"));
}

#[test]
fn htpasswd_writes_lines() {
    let check = |user: &str, password: &str, kind: &str| {
        let mut random = Random::from_seed([2; 32]);
        let line =
            htpasswd(user.as_bytes(), password.as_bytes(), Algorithm::of(kind.as_bytes()), &mut random);
        String::from_utf8(line).unwrap()
    };
    assert_eq!(check("bob", "", "sha"), "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    assert_eq!(check("admin", "s3cret", "sha"), "admin:{SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=");
    assert_eq!(check("a:b", "pw", "sha"), "invalid username: a:b");
    assert!(check("u", "p", "bcrypt").starts_with("u:$2a$10$"));
    assert!(check("u", "p", "SHA").starts_with("u:$2a$10$"));
}

#[test]
fn derives_passwords_as_sprig_does() {
    for (counter, kind, password, user, site, expected) in [
        (1, "long", "password", "user", "example.com", "ZedaFaxcZaso9*"),
        (1, "long", "", "", "", "YavoDajh9;Zafn"),
        (1, "nope", "password", "user", "example.com", "cannot find password template nope"),
    ] {
        let [kind, password, user, site] = [kind, password, user, site].map(str::as_bytes);
        let derived = derive_password(counter, kind, password, user, site);
        assert_eq!(String::from_utf8(derived).unwrap(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn derived_passwords_follow_one_of_the_templates(counter: u32, site in ".{0,12}") {
        for kind in ["maximum", "medium", "short", "basic", "pin"] {
            let derived = derive_password(counter, kind.as_bytes(), b"pw", b"user", site.as_bytes());
            let derived = String::from_utf8(derived).unwrap();
            let follows = templates(kind.as_bytes()).unwrap().iter().any(|template| {
                template.len() == derived.len()
                    && template.chars().zip(derived.chars()).all(|(kind, c)| characters(kind).contains(c))
            });
            prop_assert!(follows, "{} {}", kind, derived);
        }
    }
}
