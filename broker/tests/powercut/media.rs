//! A disk that can lose power: it keeps what was written and what was synced apart, and can fail on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use broker::store::{Media, MediaFile};

const SECTOR: u64 = 512;

/// A small random number generator (splitmix64), so that a seed says everything.
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub(crate) fn percent(&mut self, p: u64) -> bool {
        self.below(100) < p
    }
}

enum Step {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

/// One file: what programs see, what is on the disk for sure, and what is in between.
#[derive(Default)]
struct Image {
    written: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Step>,
    // Bytes before this one need no new room.
    allocated: u64,
}

fn apply(bytes: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Bytes(offset, data) => {
            let (start, end) = (*offset as usize, *offset as usize + data.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(data);
        }
        Step::Length(length) => bytes.resize(*length as usize, 0),
    }
}

impl Image {
    fn take(&mut self, step: Step) {
        if let Step::Bytes(offset, data) = &step {
            self.allocated = self.allocated.max(offset + data.len() as u64);
        }
        apply(&mut self.written, &step);
        self.unsynced.push(step);
    }

    /// After a power cut: of the unsynced bytes a random part survives, by sectors.
    fn settle(&mut self, random: &mut Random, survival: u64) {
        for step in std::mem::take(&mut self.unsynced) {
            match step {
                Step::Length(_) if random.percent(survival) => apply(&mut self.synced, &step),
                Step::Length(_) => {}
                Step::Bytes(offset, data) => {
                    let mut at = 0;
                    while at < data.len() {
                        let room = SECTOR - (offset + at as u64) % SECTOR;
                        let end = data.len().min(at + room as usize);
                        if random.percent(survival) {
                            let piece = Step::Bytes(offset + at as u64, data[at..end].to_vec());
                            apply(&mut self.synced, &piece);
                        }
                        at = end;
                    }
                }
            }
        }
        self.written = self.synced.clone();
        self.allocated = self.written.len() as u64;
    }
}

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// No write finds new room.
    Full,
    /// Syncs fail, and of what they should have made durable a random part is dropped for good.
    Sync,
    /// Syncs of one file fail.
    SyncOf(&'static str),
    /// Writes fail.
    Write,
}

#[derive(Default)]
struct Disk {
    files: Vec<Image>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    operations: u64,
    cut_at: Option<u64>,
    dead: bool,
    fault: Fault,
    room: Option<u64>,
    random: u64,
    syncs: u64,
    // Ids of records in frames that were written and not synced, and that were synced.
    written_ids: BTreeSet<String>,
    durable_ids: BTreeSet<String>,
}

impl Disk {
    /// Counts an operation; at the one where the power goes, and after it, everything fails.
    fn step(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(io::Error::other("the power is off"));
        }
        self.operations += 1;
        self.dead = self.cut_at.is_some_and(|at| self.operations >= at);
        Ok(self.dead)
    }

    fn random(&mut self) -> Random {
        self.random = self.random.wrapping_add(1);
        Random(self.random)
    }
}

/// The disk, shared by a ledger and the test.
#[derive(Clone, Default)]
pub(crate) struct FaultMedia(Arc<Mutex<Disk>>);

fn off() -> io::Error {
    io::Error::other("the power went off")
}

impl FaultMedia {
    pub(crate) fn new(seed: u64) -> Self {
        let media = Self::default();
        media.disk().random = seed;
        media
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// The power goes with the operation that has this number from now on.
    pub(crate) fn cut_after(&self, operations: u64) {
        let mut disk = self.disk();
        disk.cut_at = Some(disk.operations + operations);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.disk().dead
    }

    pub(crate) fn operations(&self) -> u64 {
        self.disk().operations
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.disk().fault = fault;
    }

    /// What the disk says about its room; `None` for plenty.
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.disk().room = room;
    }

    /// Whether a sync completed after the frame with this record was written.
    pub(crate) fn is_durable(&self, id: &str) -> bool {
        self.disk().durable_ids.contains(id)
    }

    /// The disk after the power came back: a random part of what was not synced is there.
    pub(crate) fn reboot(&self, random: &mut Random) -> Self {
        let mut old = self.disk();
        old.dead = true;
        let survival = [0, 10, 50, 90, 100][random.below(5) as usize];
        let mut names = old.synced_names.clone();
        for (name, file) in &old.names {
            if random.percent(survival) {
                names.insert(name.clone(), *file);
            }
        }
        for name in old.synced_names.keys() {
            if !old.names.contains_key(name) && random.percent(survival) {
                names.remove(name);
            }
        }
        let mut files = std::mem::take(&mut old.files);
        for file in &mut files {
            file.settle(random, survival);
        }
        let disk =
            Disk { files, synced_names: names.clone(), names, random: random.next(), ..Disk::default() };
        Self(Arc::new(Mutex::new(disk)))
    }

    /// A file's content as programs see it.
    pub(crate) fn content(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.names.get(name).map(|file| disk.files[*file].written.clone())
    }
}

/// Ids of the records in a frame.
fn ids_of(frame: &[u8]) -> Vec<String> {
    const BEFORE: &[u8] = b"\"id\":\"";
    let mut ids = Vec::new();
    let mut at = 0;
    while let Some(quote) = frame[at..].iter().position(|b| *b == b'"') {
        at += quote;
        if frame[at..].starts_with(BEFORE) {
            at += BEFORE.len();
            ids.push(String::from_utf8_lossy(&frame[at..at + 36]).into_owned());
        }
        at += 1;
    }
    ids
}

impl Media for FaultMedia {
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediaFile>> {
        let mut disk = self.disk();
        if disk.step()? {
            return Err(off());
        }
        let file = match disk.names.get(name) {
            Some(file) => *file,
            None => {
                disk.files.push(Image::default());
                let file = disk.files.len() - 1;
                disk.names.insert(name.to_owned(), file);
                file
            }
        };
        Ok(Arc::new(FaultFile { media: self.clone(), file, name: name.to_owned() }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.names.remove(name);
        if disk.step()? { Err(off()) } else { Ok(()) }
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.step()? {
            return Err(off());
        }
        disk.syncs += 1;
        disk.synced_names = disk.names.clone();
        Ok(())
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let cut = disk.step()?;
        if matches!(disk.fault, Fault::Full | Fault::Write) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // All or nothing; when the power goes meanwhile, either.
        if !cut || disk.random().percent(50) {
            let bytes = content.to_vec();
            let allocated = bytes.len() as u64;
            disk.files.push(Image { written: bytes.clone(), synced: bytes, unsynced: Vec::new(), allocated });
            let file = disk.files.len() - 1;
            disk.names.insert(name.to_owned(), file);
            disk.synced_names.insert(name.to_owned(), file);
        }
        if cut { Err(off()) } else { Ok(()) }
    }

    fn syncs(&self) -> u64 {
        self.disk().syncs
    }

    fn room(&self) -> io::Result<u64> {
        Ok(self.disk().room.unwrap_or(u64::MAX))
    }
}

struct FaultFile {
    media: FaultMedia,
    file: usize,
    name: String,
}

impl MediaFile for FaultFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.media.disk();
        if disk.dead {
            return Err(off());
        }
        let bytes = &disk.files[self.file].written;
        let found = bytes.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.media.disk();
        let cut = disk.step()?;
        let end = offset + data.len() as u64;
        let fault = disk.fault;
        if fault == Fault::Write || (fault == Fault::Full && end > disk.files[self.file].allocated) {
            // A part may have been written.
            let part = disk.random().below(data.len() as u64) as usize;
            let room = disk.files[self.file].allocated.saturating_sub(offset) as usize;
            let part = if fault == Fault::Full { part.min(room) } else { part };
            disk.files[self.file].take(Step::Bytes(offset, data[..part].to_vec()));
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.files[self.file].take(Step::Bytes(offset, data.to_vec()));
        if self.name == "journal" && !cut {
            disk.written_ids.extend(ids_of(data));
        }
        if cut { Err(off()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.media.disk().files[self.file].written.len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut disk = self.media.disk();
        let cut = disk.step()?;
        disk.files[self.file].take(Step::Length(length));
        if cut { Err(off()) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.media.disk();
        if disk.step()? {
            return Err(off());
        }
        disk.syncs += 1;
        let steps = std::mem::take(&mut disk.files[self.file].unsynced);
        let fails = match disk.fault {
            Fault::Sync => true,
            Fault::SyncOf(name) => self.name.starts_with(name),
            _ => false,
        };
        let mut random = disk.random();
        for step in &steps {
            if !fails || random.percent(50) {
                apply(&mut disk.files[self.file].synced, step);
            }
        }
        if fails {
            return Err(io::Error::other("the disk reports an error"));
        }
        if self.name == "journal" {
            let ids = std::mem::take(&mut disk.written_ids);
            disk.durable_ids.extend(ids);
        }
        Ok(())
    }
}
