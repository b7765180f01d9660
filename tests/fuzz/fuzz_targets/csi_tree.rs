//! Any order of what the kernel, the mutator and the keeper may ask of the file system: a read shows one generation that is
//! there, nothing of a revoked volume is shown, and at the end nothing is left.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use csi_mount_core::files::Entry;
use csi_mount_core::ids::{Generation, Slot};
use csi_mount_core::image::{self, Image, Stamp};
use csi_mount_core::path::FilePath;
use csi_mount_core::superblock::plan::Step;
use csi_mount_core::superblock::{Asked, ROOT, Superblock, Unused};
use csi_mount_core::wire::children::Shape;
use csi_mount_core::wire::{Outcome, Owner};
use libfuzzer_sys::fuzz_target;

const SLOTS: u8 = 3;
const GENERATIONS: u8 = 16;
const FILES: [&str; 5] = ["a", "b", "d/x", "d/y", "e/f/g"];
const NAMES: [&str; 10] = ["a", "b", "d", "x", "y", "e", "f", "g", "..data", "..data_tmp"];
/// Inodes that are kept to ask for again.
const MAX_KNOWN: usize = 64;

/// What fills the files of a generation.
fn fill(slot: u8, generation: u8) -> u8 {
    slot * GENERATIONS + generation
}

fn slot(number: u8) -> Slot {
    Slot::try_from(u32::from(number % SLOTS) + 1).expect("a slot")
}

fn generation(number: u8) -> Generation {
    Generation::try_from(u32::from(number % GENERATIONS) + 1).expect("a generation")
}

struct World {
    superblock: Superblock,
    loaded: BTreeSet<(u8, u8)>,
    revoked: BTreeSet<u8>,
    known: Vec<u64>,
    handles: Vec<u64>,
    plans: BTreeMap<u8, Vec<Step>>,
}

impl World {
    fn know(&mut self, ino: u64) {
        if self.known.len() < MAX_KNOWN && !self.known.contains(&ino) {
            self.known.push(ino);
        }
    }

    fn ino(&self, choice: u8) -> u64 {
        match self.known.get(usize::from(choice) % self.known.len().max(1)) {
            Some(ino) => *ino,
            None => ROOT,
        }
    }

    /// What nobody needs is gone; the keeper lets it go too.
    fn let_go(&mut self, unused: impl IntoIterator<Item = Unused>) {
        for (slot, generation) in unused {
            assert!(self.superblock.unload(slot, generation).is_ok());
            self.loaded.remove(&number_of(slot, generation));
        }
    }

    fn load(&mut self, a: u8, b: u8) {
        let (number, version) = (a % SLOTS, b % GENERATIONS);
        let chosen = FILES.iter().enumerate().filter(|(at, _)| (b >> 4 | a >> 3) & (1 << at) > 0);
        let entry = |(_, name): (usize, &&str)| Entry {
            path: FilePath::of_segments(name.split('/')).expect("a path"),
            bytes: vec![fill(number, version); 9].into(),
            mode: 0o444,
        };
        let stamp = Stamp { version: u64::from(version), modified: 1 };
        let bytes = image::encode(chosen.map(entry).collect(), stamp).expect("an image");
        let image = Image::decode(Arc::new(bytes.to_vec())).expect("an image");
        // One that is there already stays as it was.
        if self.superblock.load(slot(a), generation(b), image).is_ok() {
            self.loaded.insert((number, version));
        }
    }

    fn swap(&mut self, a: u8, b: u8) {
        if let Ok((steps, next)) = self.superblock.begin_swap(slot(a), generation(b), 0) {
            let rest = steps.into_iter().skip(usize::from(next)).collect();
            self.plans.entry(a % SLOTS).or_insert(rest);
        }
    }

    /// The mutator's next step.
    fn step(&mut self, a: u8) {
        let Some(step) = self.plans.get(&(a % SLOTS)).and_then(|plan| plan.first()).cloned() else { return };
        let Ok(volume) = self.superblock.lookup(ROOT, &slot(a).folder()) else { return };
        let (folder, name) = match &step {
            Step::Unlink(path) | Step::RemoveFolder(path) => path.rsplit_once('/').unwrap_or(("", path)),
            Step::MakeFolder(_) | Step::Link { .. } | Step::Rename { .. } => ("", ""),
        };
        let mut at = volume.ino;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            let Ok(attr) = self.superblock.lookup(at, part) else { return };
            at = attr.ino;
        }
        let asked = match &step {
            Step::MakeFolder(name) => Asked::MakeFolder(name),
            Step::Link { name, to } => Asked::Link { name, to },
            Step::Rename { from, to } => Asked::Rename { from, to },
            Step::Unlink(_) => Asked::Unlink(name),
            Step::RemoveFolder(_) => Asked::RemoveFolder(name),
        };
        let done = self.superblock.change(at, &asked).is_ok();
        if let Some(plan) = self.plans.get_mut(&(a % SLOTS)).filter(|_| done) {
            plan.remove(0);
        }
    }

    fn end(&mut self, a: u8) {
        if let Ok(unused) = self.superblock.end_swap(slot(a)) {
            self.plans.remove(&(a % SLOTS));
            self.let_go(unused);
        }
    }

    fn remove(&mut self, a: u8) {
        if self.superblock.remove(slot(a)).is_ok() {
            self.loaded.retain(|(slot, _)| *slot != a % SLOTS);
            self.revoked.remove(&(a % SLOTS));
            self.plans.remove(&(a % SLOTS));
        }
    }

    fn open(&mut self, a: u8) {
        let ino = self.ino(a);
        let Ok(open) = self.superblock.open(ino) else { return };
        let (slot, generation) = number_of(open.slot, open.generation);
        assert!(self.loaded.contains(&(slot, generation)), "opened from a generation that is gone");
        assert_eq!(open.outcome == Outcome::Granted, !self.revoked.contains(&slot));
        if open.outcome == Outcome::Granted {
            self.handles.push(ino);
        }
    }

    fn read(&self, a: u8, b: u8) {
        let Ok(chunk) = self.superblock.read(self.ino(a), u64::from(b % 12), u32::from(b)) else { return };
        let Some(first) = chunk.bytes().first() else { return };
        assert!(chunk.bytes().iter().all(|byte| byte == first), "a mix of generations");
        let (slot, generation) = (first / GENERATIONS, first % GENERATIONS);
        assert!(self.loaded.contains(&(slot, generation)), "read from a generation that is gone");
        assert!(!self.revoked.contains(&slot), "read from a revoked volume");
    }

    fn ask(&mut self, choice: u8, a: u8, b: u8) {
        let name = NAMES[usize::from(b) % NAMES.len()];
        match choice % 16 {
            0 => drop(self.superblock.create(slot(a), Owner::default(), 0o555, false)),
            1 => self.load(a, b),
            2 => drop(self.superblock.show(slot(a), generation(b))),
            3 => self.swap(a, b),
            4 => self.step(a),
            5 => self.end(a),
            6 => {
                if self.superblock.revoke(slot(a), b % 2 > 0).is_ok() {
                    if b % 2 > 0 {
                        self.revoked.insert(a % SLOTS)
                    } else {
                        self.revoked.remove(&(a % SLOTS))
                    };
                }
            }
            7 => self.remove(a),
            8 => {
                let found = self.superblock.lookup(self.ino(a), name);
                found.into_iter().for_each(|attr| self.know(attr.ino));
            }
            9 => {
                let found = self.superblock.names(self.ino(a)).unwrap_or_default();
                found.into_iter().for_each(|name| self.know(name.ino));
            }
            10 => drop((self.superblock.readlink(self.ino(a)), self.superblock.getattr(self.ino(b)))),
            11 => self.open(a),
            12 => self.read(a, b),
            13 => {
                if let Some(ino) = self.handles.pop() {
                    let unused = self.superblock.close(ino);
                    self.let_go(unused);
                }
            }
            14 => {
                if self.superblock.unload(slot(a), generation(b)).is_ok() {
                    self.loaded.remove(&(a % SLOTS, b % GENERATIONS));
                }
            }
            _ => drop(self.superblock.change(self.ino(a), &Asked::Unlink(name))),
        }
        self.known.retain(|ino| self.superblock.getattr(*ino).is_ok());
        self.know(ROOT);
    }
}

fn number_of(slot: Slot, generation: Generation) -> (u8, u8) {
    let small = |number: u32| u8::try_from(number - 1).expect("few of them");
    (small(slot.get()), small(generation.get()))
}

fuzz_target!(|data: &[u8]| {
    let superblock = Superblock::new(Shape::Node, false);
    let empty = format!("{superblock:?}");
    let mut world = World {
        superblock,
        loaded: BTreeSet::new(),
        revoked: BTreeSet::new(),
        known: vec![ROOT],
        handles: Vec::new(),
        plans: BTreeMap::new(),
    };
    for bytes in data.chunks_exact(3).take(400) {
        world.ask(bytes[0], bytes[1], bytes[2]);
    }
    // Half of what is open is closed before the volumes go, half after.
    let late = world.handles.split_off(world.handles.len() / 2);
    for ino in std::mem::take(&mut world.handles) {
        let unused = world.superblock.close(ino);
        world.let_go(unused);
    }
    (0..SLOTS).for_each(|slot| world.remove(slot));
    late.into_iter().for_each(|ino| assert!(world.superblock.close(ino).is_empty()));
    assert_eq!(format!("{:?}", world.superblock), empty, "something is left");
});
