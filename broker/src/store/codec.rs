//! The codec: row keys and row values in clear to and from their encrypted form on disk.
//!
//! A value is `format, algorithm, key term, revision, nonce, ciphertext, tag`; the tag also covers the store's id
//! and the encrypted key, so that a row moved to another place, store or revision is refused. A key is its table's
//! number and then each segment encrypted by itself under a nonce that follows from the segment and all before
//! it: equal names look equal below the same parent and nowhere else, and the rows below a key share its bytes
//! as a prefix, which is what listing and removing subtrees work with. Revision numbers, the keys of
//! the change table, stay in clear: every row's header shows them anyway, and their order allows a range scan.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_core::row::{RowKey, RowValue, Table};
use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use super::ReadError;
use crate::keys::{HashPurpose, KeyBytes, Keyring, NoRandomness, fill_random};

const FORMAT: u8 = 1;
const AES: u8 = 1;
const CHACHA: u8 = 2;
const HEADER: usize = 1 + 1 + 4 + 8 + NONCE_LEN;
const TAG: usize = 16;
/// The longest key of a row in clear, in bytes.
const MAX_KEY_BYTES: usize = 32 << 10;

struct Term {
    aes: LessSafeKey,
    chacha: LessSafeKey,
}

/// Ciphers of one store, made from its keyring.
pub(crate) struct Codec {
    store: [u8; 16],
    name_mac: hmac::Key,
    name_cipher: LessSafeKey,
    token_mac: hmac::Key,
    audit_mac: hmac::Key,
    terms: BTreeMap<u32, Term>,
    newest: u32,
    algorithm: u8,
    encryptions: AtomicU64,
}

struct Length32;

impl hkdf::KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

fn derive(key: &KeyBytes, info: &str) -> Option<KeyBytes> {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyreeve")
        .extract(key.as_slice())
        .expand(&[info.as_bytes()], Length32)
        .and_then(|okm| okm.fill(out.as_mut_slice()))
        .ok()?;
    Some(out)
}

fn cipher(algorithm: &'static Algorithm, key: &KeyBytes, info: &str) -> Option<LessSafeKey> {
    let key = derive(key, info)?;
    UnboundKey::new(algorithm, key.as_slice()).ok().map(LessSafeKey::new)
}

/// AES where the processor has it, else ChaCha20, which is fast everywhere.
fn preferred_algorithm() -> u8 {
    #[cfg(target_arch = "x86_64")]
    let fast = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let fast =
        std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let fast = false;
    if fast { AES } else { CHACHA }
}

impl Codec {
    /// `None` only if a key has a length that the ciphers do not take, which a keyring rules out.
    pub(crate) fn new(ring: &Keyring) -> Option<Self> {
        let mut terms = BTreeMap::new();
        for (number, key) in &ring.terms {
            let aes = cipher(&AES_256_GCM, key, "row aes-256-gcm")?;
            let chacha = cipher(&CHACHA20_POLY1305, key, "row chacha20-poly1305")?;
            terms.insert(*number, Term { aes, chacha });
        }
        let mac = |key: &KeyBytes| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
        Some(Self {
            store: ring.store,
            name_mac: mac(&derive(&ring.names, "name nonce")?),
            name_cipher: cipher(&AES_256_GCM, &ring.names, "name aes-256-gcm")?,
            token_mac: mac(&ring.token),
            audit_mac: mac(&ring.audit),
            newest: *terms.last_key_value()?.0,
            terms,
            algorithm: preferred_algorithm(),
            encryptions: AtomicU64::new(0),
        })
    }

    /// The store's id as a number.
    pub(crate) fn store_id(&self) -> u128 {
        u128::from_be_bytes(self.store)
    }

    /// Rows encrypted under the newest term.
    pub(crate) fn encryptions(&self) -> u64 {
        self.encryptions.load(Ordering::Relaxed)
    }

    /// Takes the count of earlier runs over.
    pub(crate) fn raise_encryptions(&self, count: u64) {
        self.encryptions.fetch_max(count, Ordering::Relaxed);
    }

    /// HMAC-SHA256 under the key of the purpose.
    pub(crate) fn keyed_hash(&self, purpose: HashPurpose, bytes: &[u8]) -> [u8; 32] {
        let key = match purpose {
            HashPurpose::Token => &self.token_mac,
            HashPurpose::Audit => &self.audit_mac,
        };
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(key, bytes).as_ref());
        out
    }

    /// The key of a row on disk.
    pub(crate) fn key(&self, key: &RowKey) -> Result<Vec<u8>, ReadError> {
        if key.key.is_empty() {
            return Err(ReadError::Key("it is empty"));
        }
        self.prefix(key)
    }

    /// The bytes that a row's key and all keys below it begin with; the whole table for an empty key.
    pub(crate) fn prefix(&self, key: &RowKey) -> Result<Vec<u8>, ReadError> {
        let mut out = vec![key.table as u8];
        if key.key.is_empty() {
            return Ok(out);
        }
        if key.key.len() > MAX_KEY_BYTES {
            return Err(ReadError::Key("it is too long"));
        }
        for segment in key.key.split('/') {
            if segment.is_empty() {
                return Err(ReadError::Key("a segment is empty"));
            }
            self.push_segment(key.table, segment, &mut out)?;
        }
        Ok(out)
    }

    fn push_segment(&self, table: Table, segment: &str, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let failed = || ReadError::Key("a segment is too long");
        let mut protected = Vec::with_capacity(NONCE_LEN + segment.len() + TAG);
        if table == Table::Change {
            protected.extend_from_slice(segment.as_bytes());
        } else {
            let mut mac = hmac::Context::with_key(&self.name_mac);
            mac.update(out);
            mac.update(segment.as_bytes());
            let mac = mac.sign();
            let nonce = mac.as_ref().first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
            protected.extend_from_slice(segment.as_bytes());
            let nonce_value = Nonce::assume_unique_for_key(*nonce);
            self.name_cipher
                .seal_in_place_append_tag(nonce_value, Aad::from(&out), &mut protected)
                .map_err(|_| failed())?;
            protected.splice(0..0, nonce.iter().copied());
        }
        let length = u16::try_from(protected.len()).map_err(|_| failed())?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&protected);
        Ok(())
    }

    /// The first segment after `parent` in a key on disk: its protected bytes with their length, and the name.
    pub(crate) fn child(&self, parent: &[u8], key: &[u8]) -> Result<(usize, String), ReadError> {
        let damaged = || ReadError::Damaged("a key is not understood");
        let rest = key.get(parent.len()..).ok_or_else(damaged)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let protected = rest.get(..length).ok_or_else(damaged)?;
        let end = parent.len() + 2 + length;
        let clear = if parent.first() == Some(&(Table::Change as u8)) {
            protected.to_vec()
        } else {
            let (nonce, sealed) = protected.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
            let mut clear = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let length = self
                .name_cipher
                .open_in_place(nonce, Aad::from(parent), &mut clear)
                .map_err(|_| ReadError::Damaged("a key does not decrypt"))?
                .len();
            clear.truncate(length);
            clear
        };
        Ok((end, String::from_utf8(clear).map_err(|_| damaged())?))
    }

    /// A value as it is stored under `key` (on disk) at `revision`.
    pub(crate) fn seal(&self, key: &[u8], revision: u64, value: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let cipher = self.cipher(self.newest, self.algorithm).ok_or(NoRandomness)?;
        let mut out = Vec::with_capacity(HEADER + value.len() + TAG);
        out.extend_from_slice(&[FORMAT, self.algorithm]);
        out.extend_from_slice(&self.newest.to_be_bytes());
        out.extend_from_slice(&revision.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(value);
        let clear = out.get_mut(HEADER..).ok_or(NoRandomness)?;
        let aad = Aad::from(self.place(key, revision));
        let tag = cipher
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, clear)
            .map_err(|_| NoRandomness)?;
        out.extend_from_slice(tag.as_ref());
        self.encryptions.fetch_add(1, Ordering::Relaxed);
        Ok(out)
    }

    /// A stored value in clear.
    pub(crate) fn open(&self, key: &[u8], stored: &[u8]) -> Result<RowValue, ReadError> {
        let short = || ReadError::Damaged("a row is too short");
        let (&[format, algorithm], rest) = stored.split_first_chunk::<2>().ok_or_else(short)?;
        let (term, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (revision, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(short)?;
        if format != FORMAT {
            return Err(ReadError::Damaged("a row has an unknown format"));
        }
        let cipher = self
            .cipher(u32::from_be_bytes(*term), algorithm)
            .ok_or(ReadError::Damaged("a row names an unknown key or algorithm"))?;
        let mut clear = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(self.place(key, u64::from_be_bytes(*revision)));
        let length = cipher
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut clear)
            .map_err(|_| ReadError::Damaged("a row does not decrypt"))?
            .len();
        clear.truncate(length);
        Ok(RowValue(clear))
    }

    fn cipher(&self, term: u32, algorithm: u8) -> Option<&LessSafeKey> {
        let term = self.terms.get(&term)?;
        match algorithm {
            AES => Some(&term.aes),
            CHACHA => Some(&term.chacha),
            _ => None,
        }
    }

    fn place(&self, key: &[u8], revision: u64) -> Vec<u8> {
        [self.store.as_slice(), key, &revision.to_be_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec() -> Codec {
        Codec::new(&Keyring::generate().unwrap()).unwrap()
    }

    #[test]
    fn keys_keep_their_tree_and_hide_their_names() {
        let codec = codec();
        let key = |text: &str| codec.key(&RowKey::new(Table::KvMeta, text)).unwrap();
        let (a, ab, b) = (key("mount/a"), key("mount/a/b"), key("mount/b"));
        assert!(ab.starts_with(&a) && !b.starts_with(&a));
        assert_eq!(a, key("mount/a"), "the same name has the same key");
        assert!(!ab.windows(5).any(|w| w == b"mount"));
        let mount = key("mount");
        assert_eq!(codec.child(&mount, &ab).unwrap(), (a.len(), "a".to_owned()));
        assert_eq!(codec.child(&a, &ab).unwrap(), (ab.len(), "b".to_owned()));
        // The same name below another parent, or in another table, looks different.
        assert_ne!(key("x/a")[key("x").len()..], a[mount.len()..]);
        assert_ne!(codec.key(&RowKey::new(Table::KvData, "mount")).unwrap()[1..], mount[1..]);
        for bad in ["", "/", "a//b", "a/", &"x".repeat(MAX_KEY_BYTES + 1)] {
            assert!(codec.key(&RowKey::new(Table::KvMeta, bad)).is_err(), "{bad:.9}");
        }
        let change = codec.key(&RowKey::new(Table::Change, "00000000000000000007")).unwrap();
        assert_eq!(codec.child(&[Table::Change as u8], &change).unwrap().1, "00000000000000000007");
    }

    #[test]
    fn a_value_opens_in_its_place_only_with_both_algorithms() {
        let mut codec = codec();
        for algorithm in [AES, CHACHA] {
            codec.algorithm = algorithm;
            let stored = codec.seal(b"key", 7, b"value").unwrap();
            codec.algorithm = AES;
            assert_eq!(codec.open(b"key", &stored).unwrap().expose(), b"value");
            assert!(codec.open(b"kez", &stored).is_err());
            for at in 0..stored.len() {
                let mut changed = stored.clone();
                changed[at] ^= 1;
                assert!(codec.open(b"key", &changed).is_err(), "algorithm {algorithm} byte {at}");
                assert!(codec.open(b"key", &stored[..at]).is_err());
            }
        }
        assert_eq!(codec.encryptions(), 2);
    }
}
