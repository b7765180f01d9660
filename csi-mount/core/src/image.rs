//! One state of a volume's files as bytes: what lies in a sealed memory file and is served from there without a copy.
//!
//! ```text
//! "KRIM" format:u16 files:u16 version:u64 modified:u64
//! for each file, in the order of paths: mode:u16 path length:u16 content length:u32 path
//! the contents in the same order
//! ```
//! Numbers are little-endian. Nothing is left over at the end, so that equal files give equal bytes.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::files::Entry;
use crate::path::{FilePath, MAX_DEPTH, MAX_NAME_BYTES, NameError};

mod read;

#[cfg(test)]
mod tests;

/// The most files of an image.
pub const MAX_FILES: usize = 1_000;
/// The most bytes of all contents together.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;
/// The permission bits that a file may have.
pub const MAX_MODE: u16 = 0o777;
/// The latest time of change, in seconds since 1970: the end of the year 9999.
pub const MAX_MODIFIED: u64 = 253_402_207_200;
/// The most bytes of a whole image.
pub const MAX_IMAGE_BYTES: usize =
    HEADER_BYTES + MAX_FILES * (FILE_BYTES + MAX_PATH_BYTES) + MAX_CONTENT_BYTES;

const MAGIC: &[u8; 4] = b"KRIM";
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 24;
const FILE_BYTES: usize = 8;
const MAX_PATH_BYTES: usize = MAX_DEPTH * (MAX_NAME_BYTES + 1);

/// The bytes of an image, such as a mapped memory file. They must not change while an [`Image`] or [`Chunk`] has them.
pub type Content = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Where the files come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Version of the secret; 0 where it has none.
    pub version: u64,
    /// Time of change that its files show, in seconds since 1970, at most [`MAX_MODIFIED`].
    pub modified: u64,
}

/// Why files are no image, or bytes are none. It never holds a content.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ImageError {
    /// Over [`MAX_FILES`].
    #[error("{found} files are over the limit of {MAX_FILES}; mount fewer keys")]
    TooManyFiles {
        /// Files there are.
        found: usize,
    },
    /// Over [`MAX_CONTENT_BYTES`].
    #[error(
        "{found} bytes in all files are over the limit of {MAX_CONTENT_BYTES}; mount fewer or smaller keys"
    )]
    TooManyBytes {
        /// Bytes there are.
        found: usize,
    },
    /// A file's name.
    #[error("{path:?} cannot be a file: {problem}")]
    Name {
        /// The path, cut.
        path: String,
        /// Why.
        problem: NameError,
    },
    /// A first segment that begins with two dots.
    #[error("{path:?} cannot be a file: names that begin with `..` are the mount's own")]
    Reserved {
        /// The path.
        path: String,
    },
    /// Two files of one name.
    #[error("{path:?} is there twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// A name that is a file and a folder.
    #[error("{path:?} would be a file and a folder")]
    FileAndFolder {
        /// The path.
        path: String,
    },
    /// More than permission bits.
    #[error("mode {mode:o} of {path:?} is over 0777")]
    Mode {
        /// The path.
        path: String,
        /// The mode.
        mode: u16,
    },
    /// Over [`MAX_MODIFIED`].
    #[error("the time of change {found} is after the year 9999")]
    Modified {
        /// The time in seconds since 1970.
        found: u64,
    },
    /// Bytes that are none, or of another format.
    #[error("no image of files: {0}")]
    Broken(&'static str),
}

/// What a node of an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A folder with these nodes in it, in the order of their names.
    Folder(Vec<u16>),
    /// A file.
    File {
        /// Its permission bits.
        mode: u16,
        /// Where its content begins in the image.
        start: usize,
        /// Where it ends.
        end: usize,
    },
}

/// A file or folder of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name; empty for the folder that holds all.
    pub name: String,
    /// Index of its folder; that of the folder that holds all is its own.
    pub parent: u16,
    /// File or folder.
    pub kind: NodeKind,
}

/// An image that was checked. Its nodes have indices from 0, the folder that holds all; each folder stands before
/// what is in it, all in the order of their paths.
#[derive(Clone)]
pub struct Image {
    bytes: Content,
    stamp: Stamp,
    nodes: Vec<Node>,
    files: usize,
    content_bytes: usize,
}

/// A part of a file; it keeps the image alive without a copy.
#[derive(Clone)]
pub struct Chunk {
    bytes: Content,
    start: usize,
    end: usize,
}

/// The image of files, whatever their order.
///
/// # Errors
/// The first limit that is exceeded, or the first file that does not go with the others.
pub fn encode(mut files: Vec<Entry>, stamp: Stamp) -> Result<Zeroizing<Vec<u8>>, ImageError> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.len() > MAX_FILES {
        return Err(ImageError::TooManyFiles { found: files.len() });
    }
    let content_bytes = files.iter().fold(0_usize, |sum, file| sum.saturating_add(file.bytes.len()));
    if content_bytes > MAX_CONTENT_BYTES {
        return Err(ImageError::TooManyBytes { found: content_bytes });
    }
    let paths: Vec<String> = files.iter().map(|file| file.path.to_string()).collect();
    let names: usize = paths.iter().map(|path| FILE_BYTES + path.len()).sum();
    // As large as it will be, so that no copy of a content is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER_BYTES + names + content_bytes));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&narrow::<u16>(files.len())?.to_le_bytes());
    bytes.extend_from_slice(&stamp.version.to_le_bytes());
    bytes.extend_from_slice(&stamp.modified.to_le_bytes());
    for (file, path) in files.iter().zip(&paths) {
        bytes.extend_from_slice(&file.mode.to_le_bytes());
        bytes.extend_from_slice(&narrow::<u16>(path.len())?.to_le_bytes());
        bytes.extend_from_slice(&narrow::<u32>(file.bytes.len())?.to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
    }
    files.iter().for_each(|file| bytes.extend_from_slice(&file.bytes));
    read::parse(&bytes)?;
    Ok(bytes)
}

fn narrow<T: TryFrom<usize>>(number: usize) -> Result<T, ImageError> {
    T::try_from(number).map_err(|_| ImageError::Broken("a length is over its bits"))
}

impl Image {
    /// Checks the bytes of an image.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: Content) -> Result<Self, ImageError> {
        let read::Parsed { stamp, nodes, files, content_bytes } = read::parse((*bytes).as_ref())?;
        Ok(Self { bytes, stamp, nodes, files, content_bytes })
    }

    /// Where its files come from.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Its files and folders, at least one.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many files it has.
    pub const fn files(&self) -> usize {
        self.files
    }

    /// Bytes of all contents together.
    pub const fn content_bytes(&self) -> usize {
        self.content_bytes
    }

    /// A node.
    pub fn node(&self, index: u16) -> Option<&Node> {
        self.nodes.get(usize::from(index))
    }

    /// The index of what has this name in a folder.
    pub fn child(&self, folder: u16, name: &str) -> Option<u16> {
        let NodeKind::Folder(children) = &self.node(folder)?.kind else { return None };
        let name_of = |index: &u16| self.node(*index).map_or("", |node| node.name.as_str());
        let at = children.binary_search_by(|index| name_of(index).cmp(name)).ok()?;
        children.get(at).copied()
    }

    /// The path of a node below the folder that holds all, which has an empty one.
    pub fn path(&self, index: u16) -> String {
        let mut names = Vec::new();
        let mut at = index;
        while let Some(node) = self.node(at).filter(|_| at != 0) {
            names.push(node.name.as_str());
            at = node.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// At most `size` bytes of a file from `offset` on, none behind its end; `None` where there is no file.
    pub fn read(&self, index: u16, offset: u64, size: u32) -> Option<Chunk> {
        let NodeKind::File { start, end, .. } = self.node(index)?.kind else { return None };
        let from = usize::try_from(offset).map_or(end, |offset| start.saturating_add(offset).min(end));
        let to = from.saturating_add(size as usize).min(end);
        Some(Chunk { bytes: Arc::clone(&self.bytes), start: from, end: to })
    }
}

impl Node {
    /// Size of the content in bytes; 0 for a folder.
    pub const fn size(&self) -> u64 {
        match self.kind {
            NodeKind::Folder(_) => 0,
            NodeKind::File { start, end, .. } => end.saturating_sub(start) as u64,
        }
    }
}

impl Chunk {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref().get(self.start..self.end).unwrap_or_default()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} files, version {})", self.files, self.stamp.version)
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.end.saturating_sub(self.start))
    }
}

/// A checked name below the folder that holds all.
fn checked_path(text: &str) -> Result<FilePath, ImageError> {
    let path = FilePath::of_segments(text.split('/'))
        .map_err(|problem| ImageError::Name { path: text.chars().take(MAX_NAME_BYTES).collect(), problem })?;
    if text.starts_with("..") {
        return Err(ImageError::Reserved { path: text.to_owned() });
    }
    Ok(path)
}
