//! The operator's fingerprints: SHA3-224 over Go's print of names and data, so that a takeover rewrites nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use syncer_template::SecretValue;
use zeroize::Zeroizing;

/// Bytes taken in per round by SHA3-224.
const RATE: usize = 144;
/// Bytes of the digest.
const DIGEST: usize = 28;

/// Round constants of Keccak-f[1600].
const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// The annotation `reconcile.external-secrets.io/data-hash`: 56 lower-case hexadecimal digits over all keys and values.
pub fn data_hash(data: &BTreeMap<String, SecretValue>) -> String {
    // Large enough from the start, so that no copy stays behind in memory.
    let size: usize = data.iter().map(|(key, value)| key.len() + value.len() * 4 + 8).sum();
    let mut text = Zeroizing::new(String::with_capacity(size + 8));
    text.push_str("map[");
    for (at, (key, value)) in data.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(key);
        text.push_str(":[");
        for (at, byte) in value.expose().iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(*text, "{}{byte}", if at > 0 { " " } else { "" });
        }
        text.push(']');
    }
    text.push(']');
    sha3_224(text.as_bytes())
}

/// The label `reconcile.external-secrets.io/created-by` for an ExternalSecret: a hash of `namespace/name`.
pub fn created_by(namespace: &str, name: &str) -> String {
    sha3_224(format!("{namespace}/{name}").as_bytes())
}

/// `status.syncedResourceVersion`: the object's generation and a hash of its annotations and labels.
pub fn synced_resource_version(
    generation: u64,
    annotations: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> String {
    let map = |map: &BTreeMap<String, String>| {
        map.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(" ")
    };
    let text = format!("{{annotations:map[{}] labels:map[{}]}}", map(annotations), map(labels));
    format!("{generation}-{}", sha3_224(text.as_bytes()))
}

/// SHA3-224 in lower-case hexadecimal.
pub(crate) fn sha3_224(input: &[u8]) -> String {
    let mut state = [0u64; 25];
    let mut blocks = input.chunks_exact(RATE);
    for block in blocks.by_ref() {
        absorb(&mut state, block);
    }
    let mut last = Zeroizing::new([0u8; RATE]);
    let rest = blocks.remainder();
    for (to, from) in last.iter_mut().zip(rest.iter().chain(std::iter::once(&0x06))) {
        *to = *from;
    }
    if let Some(byte) = last.last_mut() {
        *byte |= 0x80;
    }
    absorb(&mut state, last.as_slice());
    let mut out = String::with_capacity(2 * DIGEST);
    for byte in state.iter().flat_map(|lane| lane.to_le_bytes()).take(DIGEST) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn absorb(state: &mut [u64; 25], block: &[u8]) {
    let (lanes, _) = block.as_chunks::<8>();
    for (lane, bytes) in state.iter_mut().zip(lanes) {
        *lane ^= u64::from_le_bytes(*bytes);
    }
    for constant in ROUNDS {
        round(state, constant);
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "25 lanes, every index is taken modulo 5 or comes from a 25-step walk"
)]
fn round(state: &mut [u64; 25], constant: u64) {
    let column: [u64; 5] =
        std::array::from_fn(|x| state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]);
    let theta: [u64; 5] = std::array::from_fn(|x| column[(x + 4) % 5] ^ column[(x + 1) % 5].rotate_left(1));
    for (at, lane) in state.iter_mut().enumerate() {
        *lane ^= theta[at % 5];
    }
    // Rho and pi walk over all lanes but the first.
    let (mut x, mut y, mut lane, mut turn) = (1, 0, state[1], 0);
    for step in 1..25 {
        turn += step;
        (x, y) = (y, (2 * x + 3 * y) % 5);
        lane = std::mem::replace(&mut state[x + 5 * y], lane.rotate_left(turn % 64));
    }
    for row in state.as_chunks_mut::<5>().0 {
        let old = *row;
        *row = std::array::from_fn(|x| old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]));
    }
    state[0] ^= constant;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), SecretValue::from(*value))).collect()
    }

    #[test]
    fn sha3_of_the_standard() {
        for (input, want) in [
            (String::new(), "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"),
            ("abc".to_owned(), "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_owned(),
                "8a24108b154ada21c9fd5574494479ba5c7e7ab76ef264ead0fcce33",
            ),
            ("a".repeat(1_000_000), "d69335b93325192e516a912e6d19a15cb51c6ed5c15243e7a7fd653c"),
        ] {
            assert_eq!(sha3_224(input.as_bytes()), want, "{} bytes", input.len());
        }
        // Both sides of the block length.
        let around: Vec<_> = (RATE - 2..RATE + 3).map(|len| sha3_224(&vec![b'x'; len])).collect();
        assert_eq!(around.iter().collect::<std::collections::BTreeSet<_>>().len(), around.len());
    }

    #[test]
    fn fingerprints_of_the_reference_operator() {
        assert_eq!(
            data_hash(&data(&[("value", "one")])),
            "8ffc52a6501c6e4c1bdc3de8feb282e33ba47b5628515ef77447211a"
        );
        assert_eq!(
            data_hash(&data(&[("value", "x")])),
            "6851e30b8bfc85b457866f13bd5e2f994ceeb71920734fb835a25286"
        );
        assert_eq!(
            data_hash(&data(&[("nested", r#"{"k":"v"}"#), ("user", "u"), ("value", "one")])),
            "7aca15cbe8ba1219e73d6ca2f1cd733d7125c02fe6ea0e3a5aaa8660"
        );
        let none = BTreeMap::new();
        assert_eq!(
            synced_resource_version(1, &none, &none),
            "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
        );
        for (name, want) in [
            ("ok", "6a6d345942d0f433a0dad647145fdab045f3b2609491befb39b478cb"),
            ("owner-a", "c55c32eee5e943c271d7b6dada63c1e58599956fe7ef04bea4ea38a6"),
            ("immutable", "14aa722468b4f84a3951edcd50dd3a0b9474e9b24b3f18e2776575ee"),
        ] {
            assert_eq!(created_by("obs1", name), want, "{name}");
        }
    }

    #[test]
    fn every_part_counts() {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let all = [
            synced_resource_version(1, &map("a", "b"), &BTreeMap::new()),
            synced_resource_version(1, &BTreeMap::new(), &map("a", "b")),
            synced_resource_version(2, &map("a", "b"), &BTreeMap::new()),
            synced_resource_version(1, &map("a", "c"), &BTreeMap::new()),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
