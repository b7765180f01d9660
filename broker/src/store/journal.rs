//! The journal: one file of frames, each holding the row mutations and audit records of one group commit.
//!
//! A frame is a header, a body and a hash over both; the header repeats the hash of the frame before. A frame counts
//! only if its hash fits and it continues the chain of its generation, so a torn frame, a left-over of
//! an earlier attempt and a frame of an older generation all look like the end. A frame that failed is followed by
//! another attempt at the same place: its bytes are written again, never only synced again, because the system
//! may have dropped them. A new generation begins at the file's start and needs no erasing.

use std::io;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::media::MediaFile;
use super::rows::RawMutation;

/// The journal's file.
pub(crate) const FILE: &str = "journal";

const MAGIC: &[u8; 8] = b"KRJRNL01";
const HASH: usize = 16;
const HEADER: usize = 8 + 8 + 8 + 4 + HASH + 8 + 4 + 8;
/// A body larger than this is not a body.
const MAX_BODY: u64 = 1 << 30;

type Chain = [u8; HASH];

/// What one group commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Number of the first record.
    pub(crate) first_seq: u64,
    /// Revision of the store after it.
    pub(crate) revision: u64,
    /// Row mutations in order.
    pub(crate) mutations: Vec<RawMutation>,
    /// Records, each without its line end.
    pub(crate) lines: Vec<Arc<[u8]>>,
}

/// The journal, at the place of its next frame.
pub(crate) struct Journal {
    file: Arc<dyn MediaFile>,
    store: u128,
    generation: u64,
    ordinal: u64,
    offset: u64,
    chain: Chain,
}

fn short_hash(parts: &[&[u8]]) -> Chain {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; HASH];
    if let Some(hash) = context.finish().as_ref().first_chunk::<HASH>() {
        out = *hash;
    }
    out
}

fn first_chain(store: u128, generation: u64) -> Chain {
    short_hash(&[b"keyreeve journal", &store.to_be_bytes(), &generation.to_be_bytes()])
}

/// Generation of the frame at the file's start, if one begins there; its hash is not looked at.
pub(crate) fn generation_at_start(file: &dyn MediaFile) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    if !read_within(file, 0, &mut header)? {
        return Ok(None);
    }
    let mut cursor = Cursor(&header);
    Ok(cursor.array::<8>().filter(|magic| magic == MAGIC).and_then(|_| cursor.u64()))
}

/// Reads where the file reaches; `false` where it does not.
fn read_within(file: &dyn MediaFile, offset: u64, out: &mut [u8]) -> io::Result<bool> {
    match file.read_at(offset, out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl Journal {
    /// The journal at the start of a generation.
    pub(crate) fn new(file: Arc<dyn MediaFile>, store: u128, generation: u64) -> Self {
        Self { file, store, generation, ordinal: 0, offset: 0, chain: first_chain(store, generation) }
    }

    /// Begins a generation: what is in the file counts no more.
    pub(crate) fn restart(&mut self, generation: u64) {
        self.generation = generation;
        self.ordinal = 0;
        self.offset = 0;
        self.chain = first_chain(self.store, generation);
    }

    /// The current generation.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes of this generation.
    pub(crate) fn bytes(&self) -> u64 {
        self.offset
    }

    /// Writes zeros up to `bytes`, so that later frames need no new room of the disk.
    pub(crate) fn allocate(&self, bytes: u64) -> io::Result<()> {
        let zeros = vec![0; 1 << 16];
        let mut at = self.file.len()?;
        if at >= bytes {
            return Ok(());
        }
        while at < bytes {
            let length = usize::try_from(bytes - at).unwrap_or(zeros.len()).min(zeros.len());
            self.file.write_at(at, zeros.get(..length).unwrap_or_default())?;
            at += length as u64;
        }
        self.file.sync_data()
    }

    /// Reads the next frame and goes behind it; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut header = [0; HEADER];
        if !read_within(self.file.as_ref(), self.offset, &mut header)? {
            return Ok(None);
        }
        let Some((mut frame, length, records)) = self.parse_header(&header) else { return Ok(None) };
        let available = self.file.len()?.saturating_sub(self.offset + HEADER as u64 + HASH as u64);
        if length > MAX_BODY || length > available {
            return Ok(None);
        }
        let Ok(size) = usize::try_from(length) else { return Ok(None) };
        let mut body = vec![0; size + HASH];
        if !read_within(self.file.as_ref(), self.offset + HEADER as u64, &mut body)? {
            return Ok(None);
        }
        let hash = body.split_off(size);
        let expected = short_hash(&[&header, &body]);
        if hash != expected || read_body(&body, &mut frame).is_none() || frame.lines.len() as u64 != records {
            return Ok(None);
        }
        self.advance(length, expected);
        Ok(Some(frame))
    }

    fn parse_header(&self, header: &[u8]) -> Option<(Frame, u64, u64)> {
        let mut cursor = Cursor(header);
        let continues = cursor.array::<8>()? == *MAGIC
            && cursor.u64()? == self.generation
            && cursor.u64()? == self.ordinal;
        let length = u64::from(cursor.u32()?);
        let continues = continues && cursor.array::<HASH>()? == self.chain;
        let first_seq = cursor.u64()?;
        let records = u64::from(cursor.u32()?);
        let revision = cursor.u64()?;
        continues.then_some((Frame { first_seq, revision, ..Frame::default() }, length, records))
    }

    fn advance(&mut self, body: u64, hash: Chain) {
        self.offset += HEADER as u64 + body + HASH as u64;
        self.ordinal += 1;
        self.chain = hash;
    }

    /// Writes a frame and syncs it. After an error the frame is not part of the journal, and the next one is
    /// written over it.
    pub(crate) fn append(&mut self, frame: &Frame) -> io::Result<()> {
        let body = write_body(frame)?;
        let mut bytes = Vec::with_capacity(HEADER + body.len() + HASH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.ordinal.to_be_bytes());
        bytes.extend_from_slice(&length_of(body.len())?);
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&frame.first_seq.to_be_bytes());
        bytes.extend_from_slice(&length_of(frame.lines.len())?);
        bytes.extend_from_slice(&frame.revision.to_be_bytes());
        bytes.extend_from_slice(&body);
        let hash = short_hash(&[&bytes]);
        bytes.extend_from_slice(&hash);
        self.file.write_at(self.offset, &bytes)?;
        self.file.sync_data()?;
        self.advance(body.len() as u64, hash);
        Ok(())
    }
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_PREFIX: u8 = 3;

fn length_of(length: usize) -> io::Result<[u8; 4]> {
    let length = u32::try_from(length).map_err(|_| io::Error::other("a frame is too large"))?;
    Ok(length.to_be_bytes())
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    out.extend_from_slice(&length_of(bytes.len())?);
    out.extend_from_slice(bytes);
    Ok(())
}

fn write_body(frame: &Frame) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    out.extend_from_slice(&length_of(frame.mutations.len())?);
    for mutation in &frame.mutations {
        let (kind, key) = match mutation {
            RawMutation::Put(key, _) => (PUT, key),
            RawMutation::Delete(key) => (DELETE, key),
            RawMutation::DeletePrefix(key) => (DELETE_PREFIX, key),
        };
        out.push(kind);
        push_bytes(&mut out, key)?;
        if let RawMutation::Put(_, value) = mutation {
            push_bytes(&mut out, value)?;
        }
    }
    for line in &frame.lines {
        push_bytes(&mut out, line)?;
    }
    Ok(out)
}

fn read_body(body: &[u8], frame: &mut Frame) -> Option<()> {
    let mut cursor = Cursor(body);
    for _ in 0..cursor.u32()? {
        let kind = cursor.array::<1>()?;
        let key = cursor.bytes()?.to_vec();
        frame.mutations.push(match kind {
            [PUT] => RawMutation::Put(key, cursor.bytes()?.to_vec()),
            [DELETE] => RawMutation::Delete(key),
            [DELETE_PREFIX] => RawMutation::DeletePrefix(key),
            _ => return None,
        });
    }
    while !cursor.0.is_empty() {
        frame.lines.push(cursor.bytes()?.into());
    }
    Some(())
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::media::{Media, MemMedia};

    fn frame(seq: u64, text: &str) -> Frame {
        Frame {
            first_seq: seq,
            revision: seq * 2,
            mutations: vec![
                RawMutation::Put(text.into(), vec![7; text.len()]),
                RawMutation::Delete(text.into()),
                RawMutation::DeletePrefix(vec![]),
            ],
            lines: vec![text.as_bytes().into(), b"".as_slice().into()],
        }
    }

    fn read_all(file: &Arc<dyn MediaFile>, generation: u64) -> Vec<Frame> {
        let mut journal = Journal::new(Arc::clone(file), 5, generation);
        std::iter::from_fn(|| journal.next().unwrap()).collect()
    }

    #[test]
    fn frames_come_back_until_the_first_that_does_not_fit() {
        let file = MemMedia::default().open(FILE).unwrap();
        let mut journal = Journal::new(Arc::clone(&file), 5, 1);
        journal.allocate(4096).unwrap();
        assert_eq!(read_all(&file, 1), []);
        let frames = [frame(1, "one"), frame(3, "two"), frame(5, "three")];
        let mut ends = vec![];
        for frame in &frames {
            journal.append(frame).unwrap();
            ends.push(journal.bytes());
        }
        assert_eq!(read_all(&file, 1), frames);
        assert_eq!(read_all(&file, 2), []);
        let mut other_store = Journal::new(Arc::clone(&file), 6, 1);
        assert_eq!(other_store.next().unwrap(), None);
        // Every flipped byte ends the journal at its own frame.
        for at in 0..ends[2] {
            let mut byte = [0];
            file.read_at(at, &mut byte).unwrap();
            file.write_at(at, &[byte[0] ^ 1]).unwrap();
            let intact = ends.iter().filter(|end| **end <= at).count();
            assert_eq!(read_all(&file, 1), frames[..intact], "byte {at}");
            file.write_at(at, &byte).unwrap();
        }
        for length in 0..ends[2] {
            let cut = MemMedia::default().open(FILE).unwrap();
            let mut bytes = vec![0; usize::try_from(length).unwrap()];
            file.read_at(0, &mut bytes).unwrap();
            cut.write_at(0, &bytes).unwrap();
            assert_eq!(read_all(&cut, 1).len(), ends.iter().filter(|end| **end <= length).count());
        }
    }

    #[test]
    fn a_new_generation_hides_the_old_one() {
        let file = MemMedia::default().open(FILE).unwrap();
        let mut journal = Journal::new(Arc::clone(&file), 5, 1);
        for seq in 1..4 {
            journal.append(&frame(seq, "same length")).unwrap();
        }
        journal.restart(2);
        assert_eq!(read_all(&file, 2), []);
        journal.append(&frame(9, "same length")).unwrap();
        assert_eq!(read_all(&file, 2), [frame(9, "same length")]);
        assert_eq!(generation_at_start(file.as_ref()).unwrap(), Some(2));
    }
}
