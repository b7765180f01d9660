//! Random bytes out of a seed that the caller gives.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// Random bytes for keys, salts and serial numbers: ChaCha20's stream of a seed.
///
/// One value serves one call. The same seed gives the same bytes, so a seed must be fit for keys and used once.
pub struct Random(ChaCha20Rng);

impl Random {
    /// The stream of this seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// The next `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// As the generator that key generation asks for.
    pub(crate) fn generator(&mut self) -> &mut ChaCha20Rng {
        &mut self.0
    }
}
