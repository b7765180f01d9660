//! What an execution gets from outside: time, random bytes, limits. The engine itself has none of them.

/// Time and randomness for one execution, given by the caller.
pub trait Env {
    /// Now, in nanoseconds since 1970-01-01 UTC.
    fn now(&self) -> i128;

    /// The IANA name of the local time zone, `UTC` or `Europe/Berlin`.
    fn local_zone(&self) -> &str;

    /// Fills all of `out` with random bytes fit for keys.
    ///
    /// # Errors
    /// [`NoRandomness`] if there are none to be had.
    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness>;

    /// Whether the execution should stop because it has taken too long. Asked every few hundred steps.
    fn expired(&self) -> bool;
}

/// The source of random bytes failed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no random bytes are available")]
pub struct NoRandomness;

/// What one execution may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output.
    pub output: usize,
    /// Bytes that functions may produce in all, intermediate results included.
    pub memory: usize,
    /// Evaluated nodes and loop rounds.
    pub steps: u64,
    /// Templates within templates. Go's own limit is 100000.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 4 << 20, memory: 64 << 20, steps: 10_000_000, depth: 100_000 }
    }
}
