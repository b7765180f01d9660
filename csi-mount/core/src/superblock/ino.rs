//! Inode numbers: 24 bits of slot, one that tells links of volumes apart, 23 of generation, 16 of what is in it.

use crate::ids::{Generation, Slot};

/// The root of the file system.
pub const ROOT: u64 = 1;

const SLOT_SHIFT: u32 = 40;
const LINK_BIT: u64 = 1 << 39;
const GENERATION_SHIFT: u32 = 16;
const INDEX_MASK: u64 = 0xffff;
/// The index of a generation's `..data`; an image has fewer nodes.
const DATA_INDEX: u64 = 0xffff;

/// What an inode number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The folder that holds all volumes.
    Root,
    /// The folder of a volume.
    Volume(Slot),
    /// `..data` as it leads to a generation.
    Data(Slot, Generation),
    /// A link in a volume's folder, by a number made of its name.
    Link(Slot, u64),
    /// A file or folder of a generation.
    Node(Slot, Generation, u16),
}

impl Place {
    pub(super) fn of(ino: u64) -> Option<Self> {
        if ino == ROOT {
            return Some(Self::Root);
        }
        let slot = Slot::try_from(u32::try_from(ino >> SLOT_SHIFT).ok()?).ok()?;
        if ino & LINK_BIT != 0 {
            return Some(Self::Link(slot, ino & (LINK_BIT - 1)));
        }
        let number = (ino & (LINK_BIT - 1)) >> GENERATION_SHIFT;
        let index = ino & INDEX_MASK;
        if number == 0 {
            return (index == 0).then_some(Self::Volume(slot));
        }
        let generation = Generation::try_from(u32::try_from(number).ok()?).ok()?;
        Some(match index {
            DATA_INDEX => Self::Data(slot, generation),
            index => Self::Node(slot, generation, u16::try_from(index).ok()?),
        })
    }

    pub(super) fn ino(self) -> u64 {
        let slot = |slot: Slot| u64::from(slot.get()) << SLOT_SHIFT;
        let generation = |generation: Generation| u64::from(generation.get()) << GENERATION_SHIFT;
        match self {
            Self::Root => ROOT,
            Self::Volume(s) => slot(s),
            Self::Data(s, g) => slot(s) | generation(g) | DATA_INDEX,
            Self::Link(s, hash) => slot(s) | LINK_BIT | hash,
            Self::Node(s, g, index) => slot(s) | generation(g) | u64::from(index),
        }
    }

    pub(super) const fn slot(self) -> Option<Slot> {
        match self {
            Self::Root => None,
            Self::Volume(slot) | Self::Data(slot, _) | Self::Link(slot, _) | Self::Node(slot, _, _) => {
                Some(slot)
            }
        }
    }
}

/// The number of a link's name: FNV-1a, cut to the bits there are.
pub(super) fn hash(name: &str) -> u64 {
    let mixed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (mixed ^ (mixed >> 39)) & (LINK_BIT - 1)
}
