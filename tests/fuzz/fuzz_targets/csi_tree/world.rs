//! The model of the file system, and what changes both: loads, and changes from one generation to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use csi_mount_core::files::Entry;
use csi_mount_core::ids::{Generation, Slot};
use csi_mount_core::image::{self, Image, ImageError, Stamp};
use csi_mount_core::path::FilePath;
use csi_mount_core::superblock::plan::Step;
use csi_mount_core::superblock::{Asked, Attr, FsError, Kind, ROOT, Superblock};
use csi_mount_core::wire::Owner;
use csi_mount_core::wire::children::Shape;

/// Some are files in one generation and folders in another.
pub const NAMES: [&str; 8] = ["a", "a/x", "b", "c/d", "c/e", "c/e/f", "g", "1"];
/// Steps until `..data` leads to the new generation.
const SWITCH: usize = 3;

/// A generation that is loaded.
pub struct Held {
    pub image: Image,
    /// What all its files are filled with; no other generation is.
    pub fill: u8,
    pub files: BTreeMap<String, usize>,
    pub handles: u64,
    pub inherited: bool,
}

pub struct Swap {
    pub to: Generation,
    pub steps: Vec<Step>,
    pub done: usize,
}

#[derive(Default)]
pub struct Volume {
    pub held: BTreeMap<Generation, Held>,
    /// A number is never given twice.
    pub used: BTreeSet<Generation>,
    pub shown: Option<Generation>,
    pub swap: Option<Swap>,
    /// What the steps page tells.
    pub page: u32,
    pub owner: Owner,
    pub mode: u16,
    pub revoked: bool,
}

#[derive(Clone, Copy)]
pub struct Handle {
    pub ino: u64,
    pub slot: Slot,
    pub generation: Generation,
    pub fill: u8,
    pub size: usize,
    /// Whether the server that runs now gave it.
    pub own: bool,
}

pub struct World {
    pub shape: Shape,
    pub superblock: Superblock,
    pub volumes: BTreeMap<Slot, Volume>,
    pub gone: BTreeSet<Slot>,
    pub handles: Vec<Handle>,
    pub inodes: Vec<u64>,
    pub loads: u8,
}

impl Volume {
    /// Where `..data` leads.
    pub fn data(&self) -> Option<Generation> {
        match &self.swap {
            Some(swap) if swap.done >= SWITCH => Some(swap.to),
            _ => self.shown,
        }
    }

    pub fn needs(&self, generation: Generation) -> bool {
        self.shown == Some(generation) || self.swap.as_ref().is_some_and(|swap| swap.to == generation)
    }

    /// Lets the generations go that were shown before, and that nobody reads.
    pub fn take_unused(&mut self, slot: Slot) -> Vec<(Slot, Generation)> {
        let old = |generation: &Generation| self.shown.is_some_and(|shown| *generation < shown);
        let idle = |(generation, held): &(&Generation, &Held)| {
            held.handles == 0 && !held.inherited && old(generation) && !self.needs(**generation)
        };
        let unused: Vec<Generation> = self.held.iter().filter(idle).map(|(number, _)| *number).collect();
        self.held.retain(|generation, _| !unused.contains(generation));
        unused.into_iter().map(|generation| (slot, generation)).collect()
    }
}

pub fn slot(byte: u8) -> Slot {
    Slot::try_from(u32::from(byte % 3) + 1).expect("a slot")
}

pub fn generation(byte: u8) -> Generation {
    Generation::try_from(u32::from(byte % 8) + 1).expect("a generation")
}

fn image(names: u8, fill: u8) -> Option<(Image, BTreeMap<String, usize>)> {
    let chosen = (0..NAMES.len()).filter(|number| names >> number & 1 == 1);
    let files: BTreeMap<String, usize> = chosen.map(|n| (NAMES[n].to_owned(), n * 5 % 13)).collect();
    let entry = |(name, size): (&String, &usize)| Entry {
        path: FilePath::of_segments(name.split('/')).expect("a name"),
        bytes: vec![fill; *size].into(),
        mode: 0o444,
    };
    let stamp = Stamp { version: fill.into(), modified: u64::from(fill) << 20 };
    match image::encode(files.iter().map(entry).collect(), stamp) {
        Ok(bytes) => Some((Image::decode(Arc::new(bytes.to_vec())).expect("an image"), files)),
        Err(ImageError::FileAndFolder { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn chunk(superblock: &Superblock, ino: u64, (offset, size): (u64, u32)) -> Result<Vec<u8>, FsError> {
    superblock.read(ino, offset, size).map(|chunk| chunk.bytes().to_vec())
}

impl World {
    /// Without volumes.
    pub fn new(shape: Shape) -> Self {
        let superblock = Superblock::new(shape, false);
        let (volumes, gone) = (BTreeMap::new(), BTreeSet::new());
        Self { shape, superblock, volumes, gone, handles: Vec::new(), inodes: Vec::new(), loads: 0 }
    }

    fn folder(&self, slot: Slot) -> Result<u64, FsError> {
        match self.shape {
            Shape::Single => Ok(ROOT),
            Shape::Node => self.superblock.lookup(ROOT, &slot.folder()).map(|attr| attr.ino),
        }
    }

    /// What a path below a volume's folder leads to, through links.
    pub fn walk(&self, slot: Slot, path: &str) -> Result<Attr, FsError> {
        let top = self.folder(slot)?;
        let mut parts: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut attr = self.superblock.getattr(top)?;
        while let Some(part) = parts.pop() {
            attr = self.superblock.lookup(attr.ino, &part)?;
            if attr.kind == Kind::Link && !parts.is_empty() {
                parts.extend(self.superblock.readlink(attr.ino)?.split('/').rev().map(str::to_owned));
                attr = self.superblock.getattr(top)?;
            }
        }
        Ok(attr)
    }

    /// All names below a folder with their attributes.
    pub fn list(&self, folder: u64, path: &str, all: &mut Vec<(String, Attr)>) {
        for name in self.superblock.names(folder).expect("a folder").into_iter().skip(2) {
            let (path, attr) = (format!("{path}/{}", name.name), self.superblock.lookup(folder, &name.name));
            let attr = attr.expect("a name that is there");
            assert_eq!(
                (attr.ino, attr.kind, Ok(attr)),
                (name.ino, name.kind, self.superblock.getattr(attr.ino))
            );
            all.push((path.clone(), attr));
            if attr.kind == Kind::Folder {
                self.list(attr.ino, &path, all);
            }
        }
    }

    pub fn listing(&self) -> Vec<(String, Attr)> {
        let mut all = Vec::new();
        if self.shape == Shape::Node || !self.volumes.is_empty() {
            self.list(ROOT, "", &mut all);
        }
        all
    }

    /// `..data` leads to one generation, whole; where nothing is under way, the links lead there too.
    pub fn is_whole(&mut self, slot: Slot) {
        let volume = &self.volumes[&slot];
        let Some(generation) = volume.data() else { return };
        let held = &volume.held[&generation];
        let on_its_way = volume.swap.as_ref().is_some_and(|swap| swap.done + 1 == SWITCH);
        assert_eq!(self.walk(slot, "..data_tmp").is_ok(), on_its_way);
        if volume.swap.is_none() {
            let names = self.superblock.names(self.folder(slot).expect("a folder")).expect("a folder");
            let tops: BTreeSet<&str> = held.files.keys().filter_map(|name| name.split('/').next()).collect();
            // Two of its own, two of every folder, and the links.
            assert!(
                names.len() == tops.len() + 4 && tops.iter().all(|top| names.iter().any(|n| n.name == *top))
            );
        }
        let mut found = Vec::new();
        for (name, size) in &held.files {
            let attr = self.walk(slot, &format!("..data/{name}")).expect("a file that is shown");
            assert_eq!((attr.kind, attr.size), (Kind::File, *size as u64));
            let wanted = if volume.revoked { Err(FsError::Revoked) } else { Ok(vec![held.fill; *size]) };
            assert_eq!(
                chunk(&self.superblock, attr.ino, (0, 100)),
                wanted,
                "{name} is of another generation"
            );
            if volume.swap.is_none() {
                let top = name.split('/').next().unwrap_or_default();
                let link = self.walk(slot, top).and_then(|link| self.superblock.readlink(link.ino));
                assert_eq!(link, Ok(format!("..data/{top}")));
            }
            found.push(attr.ino);
        }
        found.retain(|ino| !self.inodes.contains(ino));
        self.inodes.extend(found);
    }

    pub fn load(&mut self, slot: Slot, generation: Generation, names: u8) {
        let Some(volume) = self.volumes.get_mut(&slot).filter(|_| self.loads < u8::MAX) else { return };
        let Some((image, files)) = image(names, self.loads + 1) else { return };
        if !volume.used.contains(&generation) || volume.held.contains_key(&generation) {
            self.loads += 1;
            self.superblock.load(slot, generation, image.clone()).expect("a volume");
            // What is there already stays.
            let held = Held { image, fill: self.loads, files, handles: 0, inherited: false };
            volume.held.entry(generation).or_insert(held);
            volume.used.insert(generation);
        }
    }

    pub fn show(&mut self, slot: Slot, generation: Generation) {
        let done = self.superblock.show(slot, generation);
        let Some(volume) = self.volumes.get_mut(&slot) else {
            return assert_eq!(done, Err(FsError::NotFound));
        };
        let fits = volume.swap.is_none() && volume.held.contains_key(&generation);
        assert_eq!(done, if fits { Ok(()) } else { Err(FsError::State) });
        if fits {
            volume.shown = Some(generation);
            self.is_whole(slot);
        }
    }

    pub fn begin_swap(&mut self, slot: Slot, to: Generation, done: u8) {
        let Some(volume) = self.volumes.get_mut(&slot) else { return };
        let ready = volume.shown.is_some_and(|shown| shown != to) && volume.held.contains_key(&to);
        let under_way = volume.swap.as_ref();
        let fits = ready && under_way.is_none_or(|swap| swap.to == to);
        if under_way.is_none() && done != 0 {
            // An earlier server did as many steps.
            volume.page = to.get() << 16 | u32::from(done);
        }
        let begun = self.superblock.begin_swap(slot, to, volume.page);
        assert_eq!(begun.is_ok(), fits, "{begun:?}");
        let Ok((steps, next)) = begun else { return };
        let known = (volume.page >> 16 == to.get()).then_some(volume.page as usize & 0xffff);
        let done = known.filter(|done| *done <= steps.len()).unwrap_or(0);
        assert_eq!(usize::from(next), done);
        volume.swap = Some(Swap { to, steps, done });
        self.is_whole(slot);
    }

    /// A change that is asked for: only the next step of the plan changes anything.
    pub fn change(&mut self, parent: u64, asked: &Asked<'_>) -> bool {
        let Ok((slot, page, _)) = self.superblock.change(parent, asked) else { return false };
        let volume = self.volumes.get_mut(&slot).expect("a volume that is there");
        let swap = volume.swap.as_mut().expect("a change that is under way");
        let done = page as usize & 0xffff;
        assert!(page >> 16 == swap.to.get() && (done == swap.done || done == swap.done + 1));
        (volume.page, swap.done) = (page, done);
        self.is_whole(slot);
        true
    }

    /// A step as the mutator does it.
    pub fn step(&mut self, slot: Slot, number: usize) -> bool {
        let swap = self.volumes.get(&slot).and_then(|volume| volume.swap.as_ref());
        let Some(step) = swap.and_then(|swap| swap.steps.get(number)).cloned() else { return false };
        let Ok(top) = self.folder(slot) else { return false };
        let within = |path: &'_ str| match path.rsplit_once('/') {
            Some((folder, name)) => Some((self.walk(slot, folder).ok()?.ino, name.to_owned())),
            None => Some((top, path.to_owned())),
        };
        match &step {
            Step::MakeFolder(name) => self.change(top, &Asked::MakeFolder(name)),
            Step::Link { name, to } => self.change(top, &Asked::Link { name, to }),
            Step::Rename { from, to } => self.change(top, &Asked::Rename { from, to }),
            Step::Unlink(path) => {
                within(path).is_some_and(|(folder, name)| self.change(folder, &Asked::Unlink(&name)))
            }
            Step::RemoveFolder(path) => {
                within(path).is_some_and(|(folder, name)| self.change(folder, &Asked::RemoveFolder(&name)))
            }
        }
    }
}
