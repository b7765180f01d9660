//! Audit segments: the records as plain lines in files of limited size, read by number without the writer's help.
//!
//! Lines are appended without a sync: the journal has them until a checkpoint syncs the segments. Lines that could not
//! be appended (a full disk) wait in memory, from where readers get them as well.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::ReadError;
use super::lines::Lines;
use super::media::{Media, MediaFile, lock};

/// One offset is kept for so many records.
const MARK_EVERY: u64 = 256;

/// A place in the segments: everything before it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Number of the segment.
    pub(crate) segment: u32,
    /// Bytes of it.
    pub(crate) offset: u64,
}

struct Segment {
    number: u32,
    first_seq: u64,
    size: u64,
    // Offsets of records 0, 256, 512, ...; found when the segment is first read.
    marks: Option<Vec<u64>>,
}

#[derive(Default)]
struct Index {
    segments: Vec<Segment>,
    // The number of the next record to be appended to the last segment.
    next_seq: u64,
    pending: VecDeque<Arc<[u8]>>,
}

/// The index of all segments, shared by the writer and all readers.
pub(crate) struct Segments {
    media: Arc<dyn Media>,
    index: Mutex<Index>,
}

/// Name of a segment's file.
pub(crate) fn file_name(number: u32) -> String {
    format!("audit-{number:08}.ndjson")
}

/// Number of the segment that a file is, if it is one.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("audit-")?.strip_suffix(".ndjson")?;
    if digits.len() < 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[derive(Deserialize)]
struct SeqOnly {
    seq: u64,
}

/// The number inside a record.
pub(crate) fn seq_of(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<SeqOnly>(line).ok().map(|r| r.seq)
}

fn failed(error: io::Error) -> ReadError {
    ReadError::Storage(format!("an audit segment: {error}"))
}

enum Plan {
    End,
    Pending(Vec<Arc<[u8]>>),
    Index { number: u32, size: u64 },
    Read { number: u32, from: u64, size: u64, seq: u64 },
}

impl Segments {
    /// An empty index.
    pub(crate) fn new(media: Arc<dyn Media>) -> Self {
        Self { media, index: Mutex::default() }
    }

    /// Records from a number on: at most `max_count`, and none more after `max_bytes`, except for the first.
    pub(crate) fn read(
        &self,
        from_seq: u64,
        max_count: usize,
        max_bytes: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let mut out = Collected { records: Vec::new(), bytes: 0, max_count, max_bytes };
        // Segments that an operator moved away are left out.
        let oldest = lock(&self.index).segments.first().map_or(1, |segment| segment.first_seq);
        let mut next = from_seq.max(oldest);
        while !out.full() {
            match self.plan(next) {
                Plan::End => break,
                Plan::Pending(lines) => {
                    for line in lines {
                        if out.take(next, line.to_vec()) {
                            next += 1;
                        }
                    }
                }
                Plan::Index { number, size } => {
                    let marks = self.scan(number, size)?;
                    self.keep_marks(number, marks);
                }
                Plan::Read { number, from, size, mut seq } => {
                    let before = next;
                    let file = self.media.open(&file_name(number)).map_err(failed)?;
                    let mut lines = Lines::new(file, from, size);
                    while let Some(line) = lines.next().map_err(failed)? {
                        if seq >= next {
                            if !out.take(seq, line) {
                                break;
                            }
                            next = seq + 1;
                        }
                        seq += 1;
                    }
                    if next == before && !out.full() {
                        return Err(ReadError::Damaged("an audit segment lacks records"));
                    }
                }
            }
        }
        Ok(out.records)
    }

    fn plan(&self, seq: u64) -> Plan {
        let index = lock(&self.index);
        if seq >= index.next_seq {
            let skip = usize::try_from(seq - index.next_seq).unwrap_or(usize::MAX);
            let lines: Vec<_> = index.pending.iter().skip(skip).cloned().collect();
            return if lines.is_empty() { Plan::End } else { Plan::Pending(lines) };
        }
        let at = index.segments.partition_point(|s| s.first_seq <= seq);
        let Some(segment) = at.checked_sub(1).and_then(|at| index.segments.get(at)) else { return Plan::End };
        let (number, size) = (segment.number, segment.size);
        let Some(marks) = &segment.marks else { return Plan::Index { number, size } };
        let mark = (seq - segment.first_seq) / MARK_EVERY;
        let from = usize::try_from(mark).ok().and_then(|m| marks.get(m)).copied().unwrap_or(0);
        let first = if from == 0 { segment.first_seq } else { segment.first_seq + mark * MARK_EVERY };
        Plan::Read { number, from, size, seq: first }
    }

    fn scan(&self, number: u32, size: u64) -> Result<Vec<u64>, ReadError> {
        let file = self.media.open(&file_name(number)).map_err(failed)?;
        let mut lines = Lines::new(file, 0, size);
        let mut marks = Vec::new();
        let mut count = 0;
        loop {
            let at = lines.offset();
            if lines.next().map_err(failed)?.is_none() {
                return Ok(marks);
            }
            if count % MARK_EVERY == 0 {
                marks.push(at);
            }
            count += 1;
        }
    }

    fn keep_marks(&self, number: u32, marks: Vec<u64>) {
        let mut index = lock(&self.index);
        if let Some(segment) = index.segments.iter_mut().find(|s| s.number == number) {
            segment.marks.get_or_insert(marks);
        }
    }
}

struct Collected {
    records: Vec<(u64, Vec<u8>)>,
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
}

impl Collected {
    fn full(&self) -> bool {
        self.records.len() >= self.max_count || (!self.records.is_empty() && self.bytes >= self.max_bytes)
    }

    /// Takes a record where it fits; one that does not makes the collection full.
    fn take(&mut self, seq: u64, line: Vec<u8>) -> bool {
        if self.full() {
            return false;
        }
        if !self.records.is_empty() && self.bytes + line.len() > self.max_bytes {
            self.bytes = self.max_bytes;
            return false;
        }
        self.bytes += line.len();
        self.records.push((seq, line));
        true
    }
}

/// The writer's side of the segments.
pub(crate) struct Appender {
    shared: Arc<Segments>,
    current: Arc<dyn MediaFile>,
    limit: u64,
    // Files with bytes that were not synced yet.
    dirty: Vec<Arc<dyn MediaFile>>,
    new_names: bool,
}

/// Why segments cannot be continued.
#[derive(Debug)]
pub(crate) enum CutError {
    /// The system refuses.
    Io(io::Error),
    /// A file is shorter than it was at the last checkpoint, or not there.
    Damaged(String),
}

impl From<io::Error> for CutError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Appender {
    /// Goes back to a position: what lies behind it was never synced, and is in the journal.
    pub(crate) fn cut(
        shared: &Arc<Segments>,
        position: Position,
        next_seq: u64,
        limit: u64,
    ) -> Result<Self, CutError> {
        let media = &shared.media;
        let mut numbers: Vec<u32> = media.names()?.iter().filter_map(|n| number_of(n)).collect();
        numbers.sort_unstable();
        let mut removed = false;
        for number in numbers.iter().filter(|n| **n > position.segment) {
            media.remove(&file_name(*number))?;
            removed = true;
        }
        numbers.retain(|n| *n < position.segment);
        let mut segments = Vec::new();
        for number in numbers {
            let file = media.open(&file_name(number))?;
            let size = file.len()?;
            // Reading a segment that was moved away leaves an empty file.
            if size > 0 {
                segments.push(Segment {
                    number,
                    first_seq: first_seq(file, size, number)?,
                    size,
                    marks: None,
                });
            }
        }
        let name = file_name(position.segment);
        let current = media.open(&name)?;
        let length = current.len()?;
        if length < position.offset {
            return Err(CutError::Damaged(format!(
                "{name} has {length} bytes and had {} at the last checkpoint",
                position.offset
            )));
        }
        current.set_len(position.offset)?;
        let first = match position.offset {
            0 => next_seq,
            size => first_seq(Arc::clone(&current), size, position.segment)?,
        };
        segments.push(Segment {
            number: position.segment,
            first_seq: first,
            size: position.offset,
            marks: None,
        });
        *lock(&shared.index) = Index { segments, next_seq, pending: VecDeque::new() };
        let marks = shared
            .scan(position.segment, position.offset)
            .map_err(|error| CutError::Damaged(error.to_string()))?;
        shared.keep_marks(position.segment, marks);
        let dirty = vec![Arc::clone(&current)];
        Ok(Self {
            shared: Arc::clone(shared),
            current,
            limit,
            dirty,
            new_names: removed || position.offset == 0,
        })
    }

    /// Takes durable records over and appends what waits.
    ///
    /// # Errors
    /// What the system says; the lines wait in memory then.
    pub(crate) fn append(&mut self, lines: &[Arc<[u8]>]) -> io::Result<()> {
        lock(&self.shared.index).pending.extend(lines.iter().cloned());
        self.flush()
    }

    /// Bytes that wait in memory.
    pub(crate) fn pending_bytes(&self) -> usize {
        lock(&self.shared.index).pending.iter().map(|line| line.len()).sum()
    }

    /// Appends what waits in memory.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let (waiting, last) = {
            let index = lock(&self.shared.index);
            let waiting: Vec<Arc<[u8]>> = index.pending.iter().cloned().collect();
            (waiting, index.segments.last().map_or((0, 0), |s| (s.number, s.size)))
        };
        if waiting.is_empty() {
            return Ok(());
        }
        let (number, mut size) = last;
        if size >= self.limit {
            self.roll(number + 1)?;
            size = 0;
        }
        let mut bytes = Vec::with_capacity(waiting.iter().map(|l| l.len() + 1).sum());
        for line in &waiting {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        self.current.write_at(size, &bytes)?;
        if !self.dirty.iter().any(|file| Arc::ptr_eq(file, &self.current)) {
            self.dirty.push(Arc::clone(&self.current));
        }
        self.appended(&waiting);
        Ok(())
    }

    fn appended(&self, lines: &[Arc<[u8]>]) {
        let mut guard = lock(&self.shared.index);
        let index = &mut *guard;
        let Some(segment) = index.segments.last_mut() else { return };
        for line in lines {
            if (index.next_seq - segment.first_seq).is_multiple_of(MARK_EVERY) {
                segment.marks.get_or_insert_default().push(segment.size);
            }
            segment.size += line.len() as u64 + 1;
            index.next_seq += 1;
        }
        index.pending.drain(..lines.len());
    }

    fn roll(&mut self, number: u32) -> io::Result<()> {
        let file = self.shared.media.open(&file_name(number))?;
        // Left-overs of a time before the last cut, if that could not remove the file.
        file.set_len(0)?;
        self.current = file;
        self.new_names = true;
        let mut index = lock(&self.shared.index);
        let first_seq = index.next_seq;
        index.segments.push(Segment { number, first_seq, size: 0, marks: Some(Vec::new()) });
        Ok(())
    }

    /// Makes all appended lines durable and says up to where.
    pub(crate) fn sync(&mut self) -> io::Result<Position> {
        self.flush()?;
        for file in &self.dirty {
            file.sync_data()?;
        }
        if self.new_names {
            self.shared.media.sync_names()?;
            self.new_names = false;
        }
        self.dirty.clear();
        let index = lock(&self.shared.index);
        let (segment, offset) = index.segments.last().map_or((1, 0), |s| (s.number, s.size));
        Ok(Position { segment, offset })
    }
}

fn first_seq(file: Arc<dyn MediaFile>, size: u64, number: u32) -> Result<u64, CutError> {
    let line = Lines::new(file, 0, size).next()?;
    line.as_deref()
        .and_then(seq_of)
        .ok_or_else(|| CutError::Damaged(format!("{} does not begin with a record", file_name(number))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::media::MemMedia;

    fn line(seq: u64) -> Arc<[u8]> {
        format!("{{\"seq\":{seq},\"pad\":\"{}\"}}", "x".repeat((seq % 7) as usize)).into_bytes().into()
    }

    fn open(media: &Arc<dyn Media>, position: Position, next: u64) -> (Arc<Segments>, Appender) {
        let shared = Arc::new(Segments::new(Arc::clone(media)));
        let appender = Appender::cut(&shared, position, next, 9000).unwrap_or_else(|_| panic!("cut"));
        (shared, appender)
    }

    fn check_all(shared: &Segments, last: u64) {
        for from in [0, 1, 2, 255, 256, 257, 258, 300, 511, 513, 700, 999, last, last + 1] {
            for count in [1, 3, 2000] {
                let found = shared.read(from, count, usize::MAX).unwrap();
                let first = from.max(1);
                let expected: Vec<_> = (first..=last).take(count).map(|s| (s, line(s).to_vec())).collect();
                assert_eq!(found, expected, "from {from} count {count}");
            }
        }
        let two = shared.read(1, 100, line(1).len() + line(2).len()).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(shared.read(1, 100, 1).unwrap().len(), 1, "the first one always");
    }

    #[test]
    fn records_are_read_by_number_over_rolls_and_restarts() {
        let media: Arc<dyn Media> = Arc::new(MemMedia::default());
        let (shared, mut appender) = open(&media, Position { segment: 1, offset: 0 }, 1);
        let mut seq = 1;
        for size in [1, 5, 250, 10, 300, 1, 433] {
            let lines: Vec<_> = (seq..seq + size).map(line).collect();
            appender.append(&lines).unwrap();
            seq += size;
        }
        check_all(&shared, 1000);
        let position = appender.sync().unwrap();
        assert!(position.segment > 1, "it has rolled");
        let (shared, _) = open(&media, position, 1001);
        check_all(&shared, 1000);
        appender.append(&[line(1001)]).unwrap();
        let (shared, _) = open(&media, position, 1001);
        check_all(&shared, 1000);
        media.remove(&file_name(1)).unwrap();
        let (shared, _) = open(&media, position, 1001);
        let oldest = shared.read(1, 1, 1).unwrap()[0].0;
        assert!(oldest > 1, "from the first that is there");
        let too_far = Position { offset: position.offset + 1, ..position };
        let shared = Arc::new(Segments::new(Arc::clone(&media)));
        assert!(matches!(Appender::cut(&shared, too_far, 1001, 9000), Err(CutError::Damaged(_))));
    }
}
