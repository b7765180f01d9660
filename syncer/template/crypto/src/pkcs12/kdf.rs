//! PKCS#12's own way from a password to a key (RFC 7292, appendix B).

use sha1::Digest;
use zeroize::Zeroizing;

/// What the bytes are for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// Bytes from password and salt; `block` is the hash's block size in bytes.
pub(super) fn derive<D: Digest>(
    (salt, password): (&[u8], &[u8]),
    iterations: u32,
    purpose: Purpose,
    block: usize,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    let diversifier = vec![purpose as u8; block];
    let (salt, password) = (repeated(salt, block), repeated(password, block));
    let mut input = Zeroizing::new([salt.as_slice(), &password].concat());
    let mut out = Zeroizing::new(Vec::with_capacity(size + block));
    while out.len() < size {
        let mut hash =
            Zeroizing::new(D::new().chain_update(&diversifier).chain_update(&*input).finalize().to_vec());
        for _ in 1..iterations {
            let next = D::digest(&*hash);
            hash.copy_from_slice(&next);
        }
        let addend: Zeroizing<Vec<u8>> = Zeroizing::new(hash.iter().copied().cycle().take(block).collect());
        input.chunks_mut(block).for_each(|chunk| add_and_one(chunk, &addend));
        out.extend_from_slice(&hash);
    }
    out.truncate(size);
    out
}

/// As often as fills whole blocks.
fn repeated(bytes: &[u8], block: usize) -> Zeroizing<Vec<u8>> {
    let size = bytes.len().div_ceil(block) * block;
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    out.extend(bytes.iter().cycle().take(size));
    out
}

/// Adds a big-endian number and one more, without what carries over the top.
fn add_and_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1_u16;
    for (digit, other) in number.iter_mut().zip(addend).rev() {
        carry += u16::from(*digit) + u16::from(*other);
        *digit = carry.to_le_bytes()[0];
        carry >>= 8;
    }
}
