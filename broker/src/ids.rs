//! Random ids of requests and records, drawn from the system in blocks: they are unique, not secret.

use std::sync::{Mutex, PoisonError};

use crate::store::Ledger;

/// Ids that one call of the system gives.
const BLOCK: usize = 64;

/// Ids that are drawn and not used yet.
#[derive(Default)]
pub struct Ids(Mutex<Vec<u128>>);

impl Ids {
    /// A random id in the form of a UUID, version 4 (RFC 9562 §5.4).
    pub fn next(&self, ledger: &Ledger) -> u128 {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            let mut bytes = [0; BLOCK * 16];
            ledger.random(&mut bytes);
            drawn.extend(bytes.as_chunks::<16>().0.iter().map(|id| u128::from_be_bytes(*id)));
        }
        let id = drawn.pop().unwrap_or_default();
        (id & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    }
}
