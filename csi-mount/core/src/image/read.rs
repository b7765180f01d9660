//! Reads the bytes of an image: every length, name and order is checked before anything is served from it.

use super::{
    FORMAT, ImageError, MAGIC, MAX_CONTENT_BYTES, MAX_FILES, MAX_MODE, MAX_MODIFIED, Node, NodeKind, Stamp,
    checked_path,
};
use crate::path::FilePath;

/// What an image holds beside its contents.
pub(super) struct Parsed {
    pub(super) stamp: Stamp,
    pub(super) nodes: Vec<Node>,
    pub(super) files: usize,
    pub(super) content_bytes: usize,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ImageError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ImageError::Broken("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ImageError::Broken("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, ImageError> {
        self.array().map(u16::from_le_bytes)
    }
}

struct Head<'a> {
    mode: u16,
    text: &'a str,
    path: FilePath,
    length: usize,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ImageError> {
    let mut cursor = Cursor(bytes);
    if cursor.array()? != *MAGIC {
        return Err(ImageError::Broken("it does not begin as one"));
    }
    if cursor.u16()? != FORMAT {
        return Err(ImageError::Broken("its format is not known"));
    }
    let files = usize::from(cursor.u16()?);
    if files > MAX_FILES {
        return Err(ImageError::TooManyFiles { found: files });
    }
    let version = u64::from_le_bytes(cursor.array()?);
    let modified = u64::from_le_bytes(cursor.array()?);
    if modified > MAX_MODIFIED {
        return Err(ImageError::Modified { found: modified });
    }
    let mut heads: Vec<Head<'_>> = Vec::with_capacity(files);
    for _ in 0..files {
        let head = head(&mut cursor)?;
        match heads.last().map(|last| last.path.cmp(&head.path)) {
            None | Some(std::cmp::Ordering::Less) => heads.push(head),
            Some(std::cmp::Ordering::Equal) => return Err(ImageError::Twice { path: head.text.to_owned() }),
            Some(std::cmp::Ordering::Greater) => {
                return Err(ImageError::Broken("its files are out of order"));
            }
        }
    }
    let content_bytes = heads.iter().fold(0_usize, |sum, head| sum.saturating_add(head.length));
    if content_bytes > MAX_CONTENT_BYTES {
        return Err(ImageError::TooManyBytes { found: content_bytes });
    }
    if content_bytes != cursor.0.len() {
        return Err(ImageError::Broken("its contents have another length"));
    }
    let nodes = nodes(&heads, bytes.len() - content_bytes)?;
    Ok(Parsed { stamp: Stamp { version, modified }, nodes, files, content_bytes })
}

fn head<'a>(cursor: &mut Cursor<'a>) -> Result<Head<'a>, ImageError> {
    let mode = cursor.u16()?;
    let path_length = cursor.u16()?;
    let length = u32::from_le_bytes(cursor.array()?) as usize;
    let text = std::str::from_utf8(cursor.take(usize::from(path_length))?)
        .map_err(|_| ImageError::Broken("a name is no text"))?;
    let path = checked_path(text)?;
    if mode > MAX_MODE {
        return Err(ImageError::Mode { path: text.to_owned(), mode });
    }
    Ok(Head { mode, text, path, length })
}

/// The nodes in the order of their paths. Files are in that order already, so a folder's nodes follow one another.
fn nodes(heads: &[Head<'_>], contents: usize) -> Result<Vec<Node>, ImageError> {
    let mut nodes = vec![Node { name: String::new(), parent: 0, kind: NodeKind::Folder(Vec::new()) }];
    // The folders that lead to the file before, each with its name.
    let mut open: Vec<(String, u16)> = Vec::new();
    let mut start = contents;
    for head in heads {
        let Some((name, folders)) = head.path.segments().split_last() else {
            return Err(ImageError::Broken("a file without a name"));
        };
        let shared = open.iter().zip(folders).take_while(|((a, _), b)| a == *b).count();
        open.truncate(shared);
        for folder in folders.iter().skip(shared) {
            let parent = open.last().map_or(0, |(_, index)| *index);
            let index = add(&mut nodes, folder, parent, NodeKind::Folder(Vec::new()), head)?;
            open.push((folder.clone(), index));
        }
        let parent = open.last().map_or(0, |(_, index)| *index);
        let end = start + head.length;
        add(&mut nodes, name, parent, NodeKind::File { mode: head.mode, start, end }, head)?;
        start = end;
    }
    Ok(nodes)
}

fn add(
    nodes: &mut Vec<Node>,
    name: &str,
    parent: u16,
    kind: NodeKind,
    head: &Head<'_>,
) -> Result<u16, ImageError> {
    let index = u16::try_from(nodes.len()).map_err(|_| ImageError::Broken("it has too many folders"))?;
    let last = match nodes.get(usize::from(parent)).map(|node| &node.kind) {
        Some(NodeKind::Folder(children)) => children.last().and_then(|last| nodes.get(usize::from(*last))),
        _ => None,
    };
    // A file's own name, as a folder, comes right after it in the order of paths.
    if last.is_some_and(|last| last.name == name) {
        return Err(ImageError::FileAndFolder { path: head.text.to_owned() });
    }
    nodes.push(Node { name: name.to_owned(), parent, kind });
    if let Some(NodeKind::Folder(children)) = nodes.get_mut(usize::from(parent)).map(|node| &mut node.kind) {
        children.push(index);
    }
    Ok(index)
}
