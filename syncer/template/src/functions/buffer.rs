//! A growing text that leaves no copy of itself behind.

use zeroize::Zeroizing;

use crate::go::{Str, Value};

/// Bytes under construction. Where they outgrow their place, the old one is wiped.
#[derive(Default)]
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// An empty buffer with room for this many bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Adds a character at the end.
    pub(crate) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Number of bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The finished bytes.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }

    /// The finished text.
    pub(crate) fn into_str(mut self) -> Str {
        Str::new(std::mem::take(&mut *self.0))
    }

    /// The finished text as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::Str(self.into_str())
    }
}
