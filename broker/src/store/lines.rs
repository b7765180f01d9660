//! Lines of a file, read piece by piece.

use std::io;
use std::sync::Arc;

use super::media::MediaFile;

const CHUNK: u64 = 64 << 10;
/// No record is longer.
const MAX_LINE: usize = 8 << 20;

/// Reads the lines of a part of a file.
pub(crate) struct Lines {
    file: Arc<dyn MediaFile>,
    // Bytes before this one were handed out.
    offset: u64,
    // Bytes before this one are in the buffer or were handed out.
    read: u64,
    end: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Lines {
    /// Lines from `offset` on, up to `end`.
    pub(crate) fn new(file: Arc<dyn MediaFile>, offset: u64, end: u64) -> Self {
        Self { file, offset, read: offset, end, buffer: Vec::new(), start: 0 }
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next whole line without its end; `None` at the end, where a part of a line may be left.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = self.start;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|b| *b == b'\n') {
                let end = searched + at;
                let line = self.buffer.get(self.start..end).unwrap_or_default().to_vec();
                self.start = end + 1;
                self.offset += line.len() as u64 + 1;
                return Ok(Some(line));
            }
            if self.read >= self.end {
                return Ok(None);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if searched > MAX_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let length = CHUNK.min(self.end - self.read);
        let size = usize::try_from(length).unwrap_or(0);
        let before = self.buffer.len();
        self.buffer.resize(before + size, 0);
        let target = self.buffer.get_mut(before..).unwrap_or_default();
        self.file.read_at(self.read, target)?;
        self.read += length;
        Ok(())
    }
}
