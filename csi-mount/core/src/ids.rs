//! Names that the processes of a node share: volumes, their slots and generations, and the places they are mounted at.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The highest slot: 24 bits of an inode number.
pub const MAX_SLOT: u32 = (1 << 24) - 1;
/// The highest generation: 23 bits of an inode number.
pub const MAX_GENERATION: u32 = (1 << 23) - 1;
/// The longest volume id in bytes.
pub const MAX_VOLUME_ID_BYTES: usize = 256;
/// The longest target path in bytes.
pub const MAX_TARGET_BYTES: usize = 4_095;

/// Why a value is no name of its kind.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// A slot or generation that is 0 or over its limit.
    #[error("the number {found} is not within 1 and {limit}")]
    Number {
        /// The number.
        found: u32,
        /// The highest.
        limit: u32,
    },
    /// Nothing, or over the limit.
    #[error("{found} bytes are not within 1 and {limit}")]
    Length {
        /// Its length in bytes.
        found: usize,
        /// The most bytes.
        limit: usize,
    },
    /// A control character in a volume id, or a NUL in a path.
    #[error("it contains a control character")]
    Control,
    /// A path that does not begin with `/`.
    #[error("the path is not absolute")]
    Relative,
    /// A path with an empty, `.` or `..` segment.
    #[error("the path has an empty, `.` or `..` segment")]
    Segments,
}

/// Number of a volume's folder below the root of the file system. It is never given to another volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Slot(u32);

/// Number of one state of a volume's files, counted from 1 in each volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Generation(u32);

/// What kubelet calls a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VolumeId(String);

/// Where a volume is mounted: an absolute path without empty, `.` and `..` segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetPath(String);

const fn within(found: u32, limit: u32) -> Result<u32, IdError> {
    if found == 0 || found > limit { Err(IdError::Number { found, limit }) } else { Ok(found) }
}

impl Slot {
    /// The first one, and the only one of a file system that shows a single volume.
    pub const FIRST: Self = Self(1);

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it; `None` after the last.
    pub fn next(self) -> Option<Self> {
        Self::try_from(self.0.saturating_add(1)).ok()
    }

    /// The name of the folder: the number in hexadecimal.
    pub fn folder(self) -> String {
        format!("{:x}", self.0)
    }

    /// The slot whose folder has this name.
    pub fn of_folder(name: &str) -> Option<Self> {
        let slot = Self::try_from(u32::from_str_radix(name, 16).ok()?).ok()?;
        (slot.folder() == name).then_some(slot)
    }
}

impl Generation {
    /// The first one.
    pub const FIRST: Self = Self(1);

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it; `None` after the last.
    pub fn next(self) -> Option<Self> {
        Self::try_from(self.0.saturating_add(1)).ok()
    }
}

impl TryFrom<u32> for Slot {
    type Error = IdError;

    fn try_from(number: u32) -> Result<Self, IdError> {
        within(number, MAX_SLOT).map(Self)
    }
}

impl TryFrom<u32> for Generation {
    type Error = IdError;

    fn try_from(number: u32) -> Result<Self, IdError> {
        within(number, MAX_GENERATION).map(Self)
    }
}

impl From<Slot> for u32 {
    fn from(slot: Slot) -> Self {
        slot.0
    }
}

impl From<Generation> for u32 {
    fn from(generation: Generation) -> Self {
        generation.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.folder())
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const fn length(text: &str, limit: usize) -> Result<(), IdError> {
    if text.is_empty() || text.len() > limit {
        return Err(IdError::Length { found: text.len(), limit });
    }
    Ok(())
}

impl TryFrom<String> for VolumeId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        length(&text, MAX_VOLUME_ID_BYTES)?;
        if text.chars().any(char::is_control) {
            return Err(IdError::Control);
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for TargetPath {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        length(&text, MAX_TARGET_BYTES)?;
        if text.contains('\0') {
            return Err(IdError::Control);
        }
        let segments = text.strip_prefix('/').ok_or(IdError::Relative)?;
        if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(IdError::Segments);
        }
        Ok(Self(text))
    }
}

impl From<VolumeId> for String {
    fn from(id: VolumeId) -> Self {
        id.0
    }
}

impl From<TargetPath> for String {
    fn from(path: TargetPath) -> Self {
        path.0
    }
}

impl VolumeId {
    /// That of the only volume of a file system that shows one.
    pub fn single() -> Self {
        Self("single".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TargetPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder above it and its last segment.
    pub fn split(&self) -> (&str, &str) {
        match self.0.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some(parts) => parts,
            None => ("/", &self.0),
        }
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_their_bits() {
        for (number, slot, generation) in [
            (0, false, false),
            (1, true, true),
            (MAX_GENERATION, true, true),
            (MAX_GENERATION + 1, true, false),
            (MAX_SLOT, true, false),
            (MAX_SLOT + 1, false, false),
            (u32::MAX, false, false),
        ] {
            assert_eq!(Slot::try_from(number).is_ok(), slot, "{number}");
            assert_eq!(Generation::try_from(number).is_ok(), generation, "{number}");
            assert_eq!(serde_json::from_str::<Slot>(&number.to_string()).is_ok(), slot, "{number}");
        }
        assert_eq!(Slot::try_from(MAX_SLOT).unwrap().next(), None);
        assert_eq!(Generation::FIRST.next().map(Generation::get), Some(2));
    }

    #[test]
    fn a_folder_names_one_slot() {
        for (name, slot) in [
            ("1", Some(1)),
            ("ff", Some(255)),
            ("ffffff", Some(MAX_SLOT)),
            ("0", None),
            ("01", None),
            ("FF", None),
            ("+1", None),
            ("", None),
            ("1000000", None),
            ("x", None),
        ] {
            assert_eq!(Slot::of_folder(name).map(Slot::get), slot, "{name}");
        }
    }

    #[test]
    fn targets_are_absolute_and_plain() {
        let long = format!("/{}", "x".repeat(MAX_TARGET_BYTES));
        for (text, expected) in [
            ("/a", Ok(("/", "a"))),
            ("/a/b c", Ok(("/a", "b c"))),
            ("", Err(IdError::Length { found: 0, limit: MAX_TARGET_BYTES })),
            (&long, Err(IdError::Length { found: MAX_TARGET_BYTES + 1, limit: MAX_TARGET_BYTES })),
            ("a", Err(IdError::Relative)),
            ("/", Err(IdError::Segments)),
            ("/a/", Err(IdError::Segments)),
            ("//a", Err(IdError::Segments)),
            ("/a/../b", Err(IdError::Segments)),
            ("/./b", Err(IdError::Segments)),
            ("/a\0", Err(IdError::Control)),
        ] {
            let got = TargetPath::try_from(text.to_owned());
            assert_eq!(got.as_ref().map(TargetPath::split).map_err(|e| *e), expected, "{text:?}");
        }
        assert_eq!(VolumeId::try_from("csi\n".to_owned()), Err(IdError::Control));
        assert!(VolumeId::try_from(String::new()).is_err());
    }
}
