//! The Merkle tree over audit records (RFC 6962 §2.1), kept as its right edge so that appending costs O(1) hashes.

use ring::digest::{Context, SHA256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The right edge of a tree: the roots of its full subtrees, largest first, and its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

/// Hash of a leaf: SHA-256 of 0x00 and the record's bytes.
pub fn leaf_hash(record: &[u8]) -> Hash {
    hash(&[&[0], record])
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

impl Tree {
    /// A tree from its saved edge; `None` when the number of hashes does not fit the size.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == edge.len() as u64).then_some(Self { size, edge })
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The right edge, to be saved.
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one bit of the size is a full subtree of that height, which the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.edge.push(node);
        self.size += 1;
    }

    /// The root: hash of the empty string for an empty tree.
    pub fn root(&self) -> Hash {
        let mut hashes = self.edge.iter().rev();
        let Some(last) = hashes.next() else { return hash(&[]) };
        hashes.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 §2.1, slow and plain.
    fn reference(leaves: &[&[u8]]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [one] => leaf_hash(one),
            many => {
                let k = (many.len().next_power_of_two() / 2).max(1);
                let k = if k == many.len() { k / 2 } else { k };
                node_hash(&reference(&many[..k]), &reference(&many[k..]))
            }
        }
    }

    fn hex(h: Hash) -> String {
        h.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn roots_follow_the_definition() {
        let leaves: Vec<Vec<u8>> = (0..70u8).map(|i| vec![i; usize::from(i)]).collect();
        let mut tree = Tree::default();
        for n in 0..leaves.len() {
            let so_far: Vec<&[u8]> = leaves[..n].iter().map(Vec::as_slice).collect();
            assert_eq!(tree.root(), reference(&so_far), "size {n}");
            let saved = Tree::from_edge(tree.size(), tree.edge().to_vec());
            assert_eq!(saved.as_ref(), Some(&tree));
            tree.push(leaf_hash(&leaves[n]));
        }
    }

    #[test]
    fn known_answers_of_certificate_transparency() {
        assert_eq!(
            hex(Tree::default().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let mut tree = Tree::default();
        tree.push(leaf_hash(b""));
        assert_eq!(hex(tree.root()), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn a_wrong_edge_is_refused() {
        assert_eq!(Tree::from_edge(3, vec![[0; 32]]), None);
    }
}
