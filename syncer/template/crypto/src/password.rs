//! Passwords: hashing them, and deriving them from a master password.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use scrypt::Params;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::Random;

/// bcrypt's cost: 2^10 rounds.
const COST: u32 = 10;
/// bcrypt looks at no more bytes of a password.
const LONGEST: usize = 72;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// How `htpasswd` hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// bcrypt, also for every name that is not known.
    Bcrypt,
    /// SHA-1 without salt, as Apache's `{SHA}`.
    Sha,
}

impl Algorithm {
    /// The algorithm of this name.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        if name == b"sha" { Self::Sha } else { Self::Bcrypt }
    }
}

/// Template function `bcrypt`: the hash of a password, with a new salt. What goes wrong is told in the result.
#[must_use]
pub fn bcrypt(password: &[u8], random: &mut Random) -> Vec<u8> {
    if password.len() > LONGEST {
        return b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_vec();
    }
    bcrypt_with_salt(password, random.bytes())
}

fn bcrypt_with_salt(password: &[u8], salt: [u8; 16]) -> Vec<u8> {
    let mut key = Zeroizing::new([password, &[0]].concat());
    key.truncate(LONGEST);
    let hash = ::bcrypt::bcrypt(COST, salt, &key);
    let (salt, hash) = (BCRYPT_BASE64.encode(salt), BCRYPT_BASE64.encode(hash.get(..23).unwrap_or(&hash)));
    format!("$2a${COST:02}${salt}{hash}").into_bytes()
}

/// Template function `htpasswd`: a line of a password file. What goes wrong is told in the result.
#[must_use]
pub fn htpasswd(user: &[u8], password: &[u8], algorithm: Algorithm, random: &mut Random) -> Vec<u8> {
    if user.contains(&b':') {
        return [b"invalid username: ", user].concat();
    }
    match algorithm {
        Algorithm::Bcrypt => [user, b":", &bcrypt(password, random)].concat(),
        Algorithm::Sha => [user, b":{SHA}", STANDARD.encode(Sha1::digest(password)).as_bytes()].concat(),
    }
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The templates of each type of password: a letter for the kind of each character.
fn templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters of a kind.
fn characters(kind: char) -> &'static str {
    match kind {
        'V' => "AEIOU",
        'C' => "BCDFGHJKLMNPQRSTVWXYZ",
        'v' => "aeiou",
        'c' => "bcdfghjklmnpqrstvwxyz",
        'A' => "AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        'a' => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => "0123456789",
        'o' => "@&%?,=[]_:-+*$#!'^~;()/.",
        _ => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Template function `derivePassword`: the password of a site by the Master Password algorithm.
///
/// Takes about 32 MiB and a tenth of a second. What goes wrong is told in the result.
#[must_use]
pub fn derive_password(counter: u32, kind: &[u8], password: &[u8], user: &[u8], site: &[u8]) -> Vec<u8> {
    let Some(templates) = templates(kind) else {
        return [b"cannot find password template ", kind].concat();
    };
    let failed = || b"failed to derive password: scrypt: parameters are too large".to_vec();
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(user), user].concat();
    let mut key = Zeroizing::new([0; 64]);
    let Ok(params) = Params::new(15, 8, 2) else { return failed() };
    if scrypt::scrypt(password, &salt, &params, key.as_mut_slice()).is_err() {
        return failed();
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_slice()) else { return failed() };
    for part in [SEED, &length(site), site, &counter.to_be_bytes()] {
        mac.update(part);
    }
    let seed = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
    let [first, rest @ ..] = seed.as_slice() else { return failed() };
    let template = pick(templates, *first).copied().unwrap_or_default();
    let mut out = Vec::with_capacity(template.len());
    let letters = template.chars().zip(rest);
    out.extend(letters.filter_map(|(kind, number)| pick(characters(kind).as_bytes(), *number)));
    out
}

/// The item that a random byte chooses.
fn pick<T>(items: &[T], number: u8) -> Option<&T> {
    items.get(usize::from(number).checked_rem(items.len())?)
}

#[cfg(test)]
mod tests;
