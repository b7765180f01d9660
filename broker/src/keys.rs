//! Keys: the seal key and its file, the keyring that it seals, and the one place that draws random bytes.
//!
//! The seal key is the only secret kept outside of the store: 32 bytes in a file of its own, beside the data folder
//! and never inside, so that a copy of the folder alone opens nothing. It seals the [`Keyring`], which lies in
//! the store and holds every other key. Changing the seal therefore rewrites one row.
//!
//! Keys are wiped when they are dropped, as far as they are ours: the key schedules inside `ring` are not.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

/// A key of 32 bytes, wiped when dropped.
pub(crate) type KeyBytes = Zeroizing<[u8; 32]>;

const SEAL_PREFIX: &str = "keyreeve-seal-v1 ";
const KEYRING_FORMAT: u8 = 1;
const KEYRING_AAD: &[u8] = b"keyreeve keyring";
/// Key terms that a keyring may hold.
const MAX_TERMS: usize = 1024;

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// Fills `out` with random bytes of the system.
///
/// # Errors
/// [`NoRandomness`] where the system has none; `out` must not be used then.
pub fn fill_random(out: &mut [u8]) -> Result<(), NoRandomness> {
    SystemRandom::new().fill(out).map_err(|_| NoRandomness)
}

fn random_key() -> Result<KeyBytes, NoRandomness> {
    let mut key = Zeroizing::new([0; 32]);
    fill_random(key.as_mut_slice())?;
    Ok(key)
}

/// What a keyed hash is for: the same bytes hash differently for each purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashPurpose {
    /// Row keys of tokens.
    Token,
    /// Hashes of values in audit records.
    Audit,
}

/// The key that seals the keyring.
#[derive(Clone)]
pub struct SealKey(KeyBytes);

impl SealKey {
    /// Takes a key over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random() -> Result<Self, NoRandomness> {
        random_key().map(Self)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(redacted)")
    }
}

/// Where the seal key comes from.
#[derive(Clone, Debug)]
pub enum SealSource {
    /// A file with one line, `keyreeve-seal-v1 BASE64`.
    File {
        /// The file's path; it belongs outside of the data folder.
        path: PathBuf,
        /// Create the file at the first start of a new store. Never done for a store that exists.
        create: bool,
    },
    /// A fresh random key that is kept nowhere: for stores in memory.
    Memory,
    /// A key that the caller holds.
    Key(SealKey),
}

/// Why there is no seal key.
#[derive(Debug, Error)]
pub enum SealError {
    /// The file is not there and may not be created.
    #[error("the store's seal file {path} is missing; put the file back that this store was made with")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or created.
    #[error("the seal file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a seal file.
    #[error("{path} is no seal file: it must be one line, keyreeve-seal-v1 and 32 bytes in base64")]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// No random bytes for a new key.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl SealSource {
    /// What the seal is called in a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File { path, .. } => format!("the seal file {}", path.display()),
            Self::Memory => "a fresh seal".to_owned(),
            Self::Key(_) => "the given seal".to_owned(),
        }
    }

    /// The key. A file is created where that is allowed and the store is new, never for a store that exists.
    pub(crate) fn load(&self, store_exists: bool) -> Result<SealKey, SealError> {
        match self {
            Self::Memory => Ok(SealKey::random()?),
            Self::Key(key) => Ok(key.clone()),
            Self::File { path, create } => match read_seal(path) {
                Err(SealError::Missing { .. }) if *create && !store_exists => create_seal(path),
                other => other,
            },
        }
    }
}

fn read_seal(path: &Path) -> Result<SealKey, SealError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SealError::Missing { path: path.to_owned() },
        _ => SealError::Io { path: path.to_owned(), source },
    };
    let mut text = Zeroizing::new(String::with_capacity(128));
    File::open(path).map_err(failed)?.take(128).read_to_string(&mut text).map_err(failed)?;
    let content = || SealError::Content { path: path.to_owned() };
    let code = text.trim_end().strip_prefix(SEAL_PREFIX).ok_or_else(content)?;
    let bytes = Zeroizing::new(STANDARD.decode(code).map_err(|_| content())?);
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| content())?;
    Ok(SealKey::new(key))
}

fn create_seal(path: &Path) -> Result<SealKey, SealError> {
    let failed = |source| SealError::Io { path: path.to_owned(), source };
    let key = SealKey::random()?;
    let code = Zeroizing::new(STANDARD.encode(key.0.as_slice()));
    let line = Zeroizing::new(format!("{SEAL_PREFIX}{}\n", *code));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    // The name must be durable too: a store whose seal is gone after a power cut is lost.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
    Ok(key)
}

/// All keys of a store but the seal.
pub(crate) struct Keyring {
    /// The store's id, a UUID; every ciphertext is bound to it.
    pub(crate) store: [u8; 16],
    /// Protects names.
    pub(crate) names: KeyBytes,
    /// Keys hashes in audit records.
    pub(crate) audit: KeyBytes,
    /// Keys the row keys of tokens.
    pub(crate) token: KeyBytes,
    /// Keys of rows by term, oldest first; the last one encrypts.
    pub(crate) terms: Vec<(u32, KeyBytes)>,
}

/// Why a keyring does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnsealError {
    /// Sealed under another key, or changed.
    WrongKey,
    /// Opened, and not understood.
    Content,
}

impl Keyring {
    /// Fresh keys for a new store.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let mut store = [0; 16];
        fill_random(&mut store)?;
        // Version 4, variant 1: the id is printed as a UUID.
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut store;
        *version = (*version & 0x0f) | 0x40;
        *variant = (*variant & 0x3f) | 0x80;
        Ok(Self {
            store,
            names: random_key()?,
            audit: random_key()?,
            token: random_key()?,
            terms: vec![(1, random_key()?)],
        })
    }

    /// The keyring as it is stored.
    pub(crate) fn seal(&self, seal: &SealKey) -> Result<Vec<u8>, NoRandomness> {
        let mut clear = Zeroizing::new(Vec::with_capacity(128 + self.terms.len() * 36 + 16));
        clear.extend_from_slice(&self.store);
        for key in [&self.names, &self.audit, &self.token] {
            clear.extend_from_slice(key.as_slice());
        }
        for (term, key) in &self.terms {
            clear.extend_from_slice(&term.to_be_bytes());
            clear.extend_from_slice(key.as_slice());
        }
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let tag = seal_cipher(seal)
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                cipher.seal_in_place_separate_tag(nonce, Aad::from(KEYRING_AAD), &mut clear).ok()
            })
            .ok_or(NoRandomness)?;
        let mut out = vec![KEYRING_FORMAT];
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&clear);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Reads a stored keyring.
    pub(crate) fn unseal(stored: &[u8], seal: &SealKey) -> Result<Self, UnsealError> {
        let (&format, rest) = stored.split_first().ok_or(UnsealError::Content)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError::Content)?;
        if format != KEYRING_FORMAT {
            return Err(UnsealError::Content);
        }
        let mut clear = Zeroizing::new(sealed.to_vec());
        let cipher = seal_cipher(seal).ok_or(UnsealError::Content)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = cipher
            .open_in_place(nonce, Aad::from(KEYRING_AAD), &mut clear)
            .map_err(|_| UnsealError::WrongKey)?;
        Self::parse(opened).ok_or(UnsealError::Content)
    }

    fn parse(clear: &[u8]) -> Option<Self> {
        let (store, rest) = clear.split_first_chunk::<16>()?;
        let (names, rest) = take_key(rest)?;
        let (audit, rest) = take_key(rest)?;
        let (token, mut rest) = take_key(rest)?;
        let mut terms = Vec::new();
        while !rest.is_empty() && terms.len() < MAX_TERMS {
            let (term, after) = rest.split_first_chunk::<4>()?;
            let (key, after) = take_key(after)?;
            terms.push((u32::from_be_bytes(*term), key));
            rest = after;
        }
        (rest.is_empty() && !terms.is_empty()).then_some(Self { store: *store, names, audit, token, terms })
    }
}

fn take_key(bytes: &[u8]) -> Option<(KeyBytes, &[u8])> {
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    Some((Zeroizing::new(*key), rest))
}

fn seal_cipher(seal: &SealKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, seal.0.as_slice()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_opens_under_its_own_seal_only() {
        let seal = SealKey::new([7; 32]);
        let ring = Keyring::generate().unwrap();
        let stored = ring.seal(&seal).unwrap();
        let back = Keyring::unseal(&stored, &seal).ok().unwrap();
        assert_eq!(back.store, ring.store);
        assert_eq!(back.names, ring.names);
        assert_eq!(back.terms, ring.terms);
        assert_eq!(Keyring::unseal(&stored, &SealKey::new([8; 32])).err(), Some(UnsealError::WrongKey));
        for at in 1..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert!(Keyring::unseal(&changed, &seal).is_err(), "byte {at}");
        }
        assert!(Keyring::unseal(&stored[..20], &seal).is_err());
    }

    #[test]
    fn a_seal_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal");
        let source = |create| SealSource::File { path: path.clone(), create };
        assert!(matches!(source(false).load(false), Err(SealError::Missing { .. })));
        assert!(matches!(source(true).load(true), Err(SealError::Missing { .. })), "never for a store");
        let made = source(true).load(false).unwrap();
        assert_eq!(source(true).load(false).unwrap().0, made.0);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        for bad in ["", "keyreeve-seal-v1 AAAA\n", "keyreeve-seal-v2 x", "other"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(source(true).load(true), Err(SealError::Content { .. })), "{bad:?}");
        }
    }
}
