//! Checking an audit log offline: its segments, the journal's tail and the head file, without the seal.
//!
//! The segments up to the head file's size must be whole and give its root. Behind that, what the journal holds is the
//! truth: a power cut may have torn lines there, which the next start of the broker writes again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker_core::tree::{Hash, Tree, leaf_hash};
use serde::Deserialize;
use thiserror::Error;

use super::head::{self, HeadFile, hash_from_hex};
use super::journal::{self, Journal};
use super::lines::Lines;
use super::media::MediaFile;
use super::segments::{file_name, number_of};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The log's name.
    pub log: String,
    /// Records, all numbered without a gap.
    pub records: u64,
    /// Records that the head file's root covers.
    pub proven: u64,
    /// Records that only the journal holds so far.
    pub from_journal: u64,
    /// Root of the tree over all records.
    pub root: [u8; 32],
    /// Segment files.
    pub segments: u64,
    /// Bytes behind the last whole record of the segments, which the next start writes again.
    pub torn_bytes: u64,
}

/// The first thing that is wrong.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The head file is missing or not understood.
    #[error("{file}: {reason}")]
    Head {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A line is not the record that belongs there.
    #[error("{file} line {line}: {reason}")]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Records are missing at the end.
    #[error("the log ends with record {found}, and the head file covers {expected}")]
    Short {
        /// Records found.
        found: u64,
        /// Records in the head file.
        expected: u64,
    },
    /// All lines are well formed, and one of them was changed.
    #[error("the root over the first {size} records is {found}, and the head file says {expected}")]
    Root {
        /// Records in the head file.
        size: u64,
        /// The root computed.
        found: String,
        /// The root in the head file.
        expected: String,
    },
}

/// A file opened for reading only.
struct ReadFile(File);

impl MediaFile for ReadFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, _offset: u64, _data: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

#[derive(Deserialize)]
struct Line {
    log: String,
    seq: u64,
    revision: u64,
}

struct Check {
    log: String,
    head_size: u64,
    head_root: Hash,
    journal: BTreeMap<u64, Arc<[u8]>>,
    tree: Tree,
    revision: u64,
    torn_bytes: u64,
}

/// Checks the audit log in a data folder, without the seal and without changing anything.
///
/// # Errors
/// The first problem, with its file and line.
pub fn verify_folder(path: &Path) -> Result<VerifyReport, VerifyError> {
    let head = read_head(path)?;
    let bad_head =
        |reason: &str| VerifyError::Head { file: path.join(head::FILE), reason: reason.to_owned() };
    let head_root = hash_from_hex(&head.root).ok_or_else(|| bad_head("its root is no hash"))?;
    let mut check = Check {
        journal: read_journal(path, &head.log)?,
        log: head.log,
        head_size: head.size,
        head_root,
        tree: Tree::default(),
        revision: 0,
        torn_bytes: 0,
    };
    check.root_at_head()?;
    let numbers = segment_numbers(path)?;
    for number in &numbers {
        check.segment(path, *number, numbers.last() == Some(number))?;
    }
    let in_segments = check.tree.size();
    check.rest_of_journal(path)?;
    if check.tree.size() < check.head_size {
        return Err(VerifyError::Short { found: check.tree.size(), expected: check.head_size });
    }
    Ok(VerifyReport {
        log: check.log,
        records: check.tree.size(),
        proven: check.head_size,
        from_journal: check.tree.size() - in_segments,
        root: check.tree.root(),
        segments: numbers.len() as u64,
        torn_bytes: check.torn_bytes,
    })
}

fn read_head(path: &Path) -> Result<HeadFile, VerifyError> {
    let file = path.join(head::FILE);
    let bytes = std::fs::read(&file).map_err(|source| VerifyError::Io { file: file.clone(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| VerifyError::Head { file, reason: format!("it is no head file: {error}") })
}

/// Records of the journal by number.
fn read_journal(path: &Path, log: &str) -> Result<BTreeMap<u64, Arc<[u8]>>, VerifyError> {
    let name = path.join(journal::FILE);
    let failed = |source| VerifyError::Io { file: name.clone(), source };
    let file: Arc<dyn MediaFile> = match File::open(&name) {
        Ok(file) => Arc::new(ReadFile(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let store = u128::from_str_radix(&log.replace('-', ""), 16).unwrap_or_default();
    let mut found = BTreeMap::new();
    let Some(generation) = journal::generation_at_start(file.as_ref()).map_err(failed)? else {
        return Ok(found);
    };
    let mut journal = Journal::new(file, store, generation);
    while let Some(frame) = journal.next().map_err(failed)? {
        found.extend((frame.first_seq..).zip(frame.lines));
    }
    Ok(found)
}

fn segment_numbers(path: &Path) -> Result<Vec<u32>, VerifyError> {
    let failed = |source| VerifyError::Io { file: path.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        numbers.extend(name.to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Check {
    fn segment(&mut self, path: &Path, number: u32, last: bool) -> Result<(), VerifyError> {
        let file = path.join(file_name(number));
        let failed = |source| VerifyError::Io { file: file.clone(), source };
        let opened: Arc<dyn MediaFile> = Arc::new(ReadFile(File::open(&file).map_err(failed)?));
        let size = opened.len().map_err(failed)?;
        let mut lines = Lines::new(opened, 0, size);
        let mut at = 0;
        loop {
            let begin = lines.offset();
            let Some(line) = lines.next().map_err(failed)? else {
                let rest = size - begin;
                if rest > 0 && (self.tree.size() < self.head_size || !last) {
                    let reason = "the last line is not whole".to_owned();
                    return Err(VerifyError::Line { file, line: at + 1, reason });
                }
                self.torn_bytes = rest;
                return Ok(());
            };
            at += 1;
            if let Err(reason) = self.record(&line) {
                if self.may_be_torn(&line) {
                    self.torn_bytes = size - begin;
                    return Ok(());
                }
                return Err(VerifyError::Line { file, line: at, reason });
            }
            self.root_at_head()?;
        }
    }

    /// Whether a line that is not right can come from a power cut: it is behind the last checkpoint, the journal has
    /// the record, and the line is no well-formed record that somebody could have put there.
    fn may_be_torn(&self, line: &[u8]) -> bool {
        let seq = self.tree.size() + 1;
        seq > self.head_size
            && self.journal.contains_key(&seq)
            && serde_json::from_slice::<Line>(line).is_err()
    }

    fn record(&mut self, line: &[u8]) -> Result<(), String> {
        let seq = self.tree.size() + 1;
        let record: Line =
            serde_json::from_slice(line).map_err(|error| format!("it is no record: {error}"))?;
        if record.seq != seq {
            return Err(format!("it is record {}, and {seq} belongs here", record.seq));
        }
        if record.log != self.log {
            return Err(format!("it is a record of the log {}", record.log));
        }
        if record.revision < self.revision {
            return Err(format!("its revision {} is before {}", record.revision, self.revision));
        }
        if seq > self.head_size && self.journal.get(&seq).is_some_and(|kept| **kept != *line) {
            return Err("it is not the record that the journal holds".to_owned());
        }
        self.revision = record.revision;
        self.tree.push(leaf_hash(line));
        Ok(())
    }

    fn root_at_head(&self) -> Result<(), VerifyError> {
        let root = self.tree.root();
        if self.tree.size() != self.head_size || root == self.head_root {
            return Ok(());
        }
        Err(VerifyError::Root {
            size: self.head_size,
            found: head::to_hex(&root),
            expected: head::to_hex(&self.head_root),
        })
    }

    /// Records behind the end of the segments.
    fn rest_of_journal(&mut self, path: &Path) -> Result<(), VerifyError> {
        while let Some(line) = self.journal.get(&(self.tree.size() + 1)).cloned() {
            let at = self.tree.size() + 1;
            self.record(&line).map_err(|reason| VerifyError::Line {
                file: path.join(journal::FILE),
                line: at,
                reason,
            })?;
            self.root_at_head()?;
        }
        Ok(())
    }
}
