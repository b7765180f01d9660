//! Mounting: the file system itself, the places where it is shown, and what may be in the way there.

mod attributes;
pub mod place;
pub mod superblock;
pub mod target;
