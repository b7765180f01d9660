//! A file system of volumes beside a plain model: any order of loads, changes, restarts, revocations and reads shows one generation whole or none.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use csi_mount_core::ids::{Generation, Slot};
use csi_mount_core::superblock::{Asked, FsError, ROOT, Superblock};
use csi_mount_core::wire::children::Shape;
use csi_mount_core::wire::{Outcome, Owner};
use libfuzzer_sys::fuzz_target;

#[path = "csi_tree/world.rs"]
mod world;

use world::{Handle, NAMES, Volume, World, chunk, generation, slot};

/// The most descriptors that are open at once.
const MAX_HANDLES: usize = 64;

struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    /// The next byte; 0 behind the end.
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    /// An inode that was found, or any number.
    fn inode(&mut self, world: &World) -> u64 {
        let choice = self.byte();
        match world.inodes.get(usize::from(choice >> 1)) {
            Some(ino) if choice & 1 == 0 => *ino,
            _ if choice == u8::MAX => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            _ => u64::from(self.byte()) << 40 | u64::from(self.byte()) << 16 | u64::from(choice >> 1),
        }
    }
}

fn create(world: &mut World, slot: Slot, mode: u8) {
    // No number of a volume is given twice, and a single volume has the first.
    if world.gone.contains(&slot) || (world.shape == Shape::Single && slot != Slot::FIRST) {
        return;
    }
    let (owner, mode, revoked) = (Owner { uid: mode.into(), gid: 0 }, u16::from(mode), mode & 1 == 1);
    world.superblock.create(slot, owner, mode, revoked).expect("few volumes");
    world.volumes.entry(slot).or_insert(Volume { owner, mode, revoked, ..Volume::default() });
}

fn end_swap(world: &mut World, slot: Slot) {
    let ended = world.superblock.end_swap(slot);
    let Some(volume) = world.volumes.get_mut(&slot) else { return assert_eq!(ended, Err(FsError::NotFound)) };
    let Some(to) = volume.swap.take_if(|swap| swap.done == swap.steps.len()).map(|swap| swap.to) else {
        return assert_eq!(ended, Err(FsError::State));
    };
    volume.shown = Some(to);
    assert_eq!(ended, Ok(volume.take_unused(slot)));
    world.is_whole(slot);
}

fn revoke(world: &mut World, slot: Slot, revoked: bool) {
    let told = world.superblock.revoke(slot, revoked);
    let Some(volume) = world.volumes.get_mut(&slot) else { return assert_eq!(told, Err(FsError::NotFound)) };
    volume.revoked = revoked;
    is_all_files(world, slot, &told.expect("a volume"));
    world.is_whole(slot);
}

/// Whether inodes are those of all files of a volume, each once.
fn is_all_files(world: &World, slot: Slot, inodes: &[u64]) {
    let volume = &world.volumes[&slot];
    let files: usize = volume.held.values().map(|held| held.files.len()).sum();
    let told: BTreeSet<u64> = inodes.iter().copied().collect();
    assert_eq!((told.len(), inodes.len()), (files, files));
    let open = world.handles.iter().filter(|handle| handle.slot == slot);
    let mut there = open.filter(|handle| volume.held.contains_key(&handle.generation));
    assert!(there.all(|handle| told.contains(&handle.ino)), "an open file is not told");
}

fn remove(world: &mut World, slot: Slot) {
    let told = world.superblock.remove(slot);
    if !world.volumes.contains_key(&slot) {
        return assert_eq!(told, Err(FsError::NotFound));
    }
    is_all_files(world, slot, &told.expect("a volume"));
    world.volumes.remove(&slot);
    world.gone.insert(slot);
}

fn unload(world: &mut World, slot: Slot, generation: Generation) {
    let Some(volume) = world.volumes.get_mut(&slot) else { return };
    let needed = volume.needs(generation);
    let done = world.superblock.unload(slot, generation);
    assert_eq!(done, if needed { Err(FsError::State) } else { Ok(()) });
    if !needed {
        volume.held.remove(&generation);
    }
}

fn open(world: &mut World, ino: u64) {
    if world.handles.len() == MAX_HANDLES {
        return;
    }
    let Ok(open) = world.superblock.open(ino) else { return };
    let (slot, generation) = (open.slot, open.generation);
    let volume = world.volumes.get_mut(&slot).expect("opened in a volume that is gone");
    let held = volume.held.get_mut(&generation).expect("opened in a generation that is gone");
    let size = *held.files.get(&open.path).expect("opened what was never there");
    assert_eq!((open.version, open.outcome == Outcome::Revoked), (u64::from(held.fill), volume.revoked));
    if open.outcome == Outcome::Granted {
        held.handles += 1;
        world.handles.push(Handle { ino, slot, generation, fill: held.fill, size, own: true });
    }
}

/// Reads through a descriptor: its own generation, or nothing when that is revoked or gone.
fn read(world: &World, handle: Handle, offset: u8, size: u8) {
    let volume = world.volumes.get(&handle.slot);
    let wanted = match volume.map(|volume| (volume.revoked, volume.held.contains_key(&handle.generation))) {
        Some((true, _)) => Err(FsError::Revoked),
        Some((false, true)) => {
            let rest = handle.size.saturating_sub(offset.into());
            Ok(vec![handle.fill; rest.min(size.into())])
        }
        Some((false, false)) | None => Err(FsError::Stale),
    };
    assert_eq!(chunk(&world.superblock, handle.ino, (offset.into(), size.into())), wanted);
}

fn close(world: &mut World, number: usize) {
    let handle = world.handles.swap_remove(number);
    // The server is not told of descriptors that an earlier one gave.
    if !handle.own {
        return;
    }
    let mut unused = Vec::new();
    if let Some(volume) = world.volumes.get_mut(&handle.slot)
        && let Some(held) = volume.held.get_mut(&handle.generation)
    {
        held.handles -= 1;
        unused = volume.take_unused(handle.slot);
    }
    assert_eq!(world.superblock.close(handle.ino), unused);
}

/// Asks about any number, whatever it stands for.
fn poke(world: &mut World, ino: u64, name: &str) {
    let file = world.superblock.read(ino, 0, u32::MAX).map(|chunk| chunk.bytes().to_vec());
    let file = file.unwrap_or_default();
    if let Some(first) = file.first() {
        assert!(file.iter().all(|byte| byte == first), "two generations in one read");
        let mut shown = world.volumes.values().filter(|volume| !volume.revoked);
        let from = shown.any(|volume| volume.held.values().any(|held| held.fill == *first));
        assert!(from, "content of what is revoked or gone");
    }
    let _ = (world.superblock.readlink(ino), world.superblock.names(ino));
    let found = world.superblock.lookup(ino, name).or_else(|_| world.superblock.getattr(ino));
    assert!(found.is_err() || found.map(|attr| world.superblock.getattr(attr.ino)) == Ok(found), "{found:?}");
    for asked in [Asked::Unlink(name), Asked::MakeFolder(name), Asked::RemoveFolder(name)] {
        world.change(ino, &asked);
    }
}

/// Another server takes the place of this one, and is told what the keeper knows.
fn restart(world: &mut World) {
    let before = world.listing();
    let mut superblock = Superblock::new(world.shape, true);
    for (slot, volume) in &mut world.volumes {
        superblock.create(*slot, volume.owner, volume.mode, volume.revoked).expect("few volumes");
        for (generation, held) in &mut volume.held {
            superblock.load(*slot, *generation, held.image.clone()).expect("a volume");
            (held.handles, held.inherited) = (0, true);
        }
        if let Some(shown) = volume.shown {
            superblock.show(*slot, shown).expect("a generation that was shown");
        }
        if let Some(swap) = &volume.swap {
            let (steps, next) =
                superblock.begin_swap(*slot, swap.to, volume.page).expect("a change under way");
            assert_eq!((steps, usize::from(next)), (swap.steps.clone(), swap.done));
        }
    }
    superblock.serves();
    world.superblock = superblock;
    world.handles.iter_mut().for_each(|handle| handle.own = false);
    assert_eq!(world.listing(), before, "another server shows something else");
}

fn stats(world: &mut World, slot: Slot) {
    let stats = world.superblock.stats(slot);
    let Some(volume) = world.volumes.get(&slot) else { return assert_eq!(stats, Err(FsError::NotFound)) };
    let stats = stats.expect("a volume");
    let shown = volume.shown.map(|shown| &volume.held[&shown].files);
    let bytes: usize = shown.map_or(0, |files| files.values().sum());
    let handles: u64 = volume.held.values().map(|held| held.handles).sum();
    assert_eq!((stats.files, stats.bytes), (shown.map_or(0, BTreeMap::len) as u64, bytes as u64));
    assert_eq!((stats.generations as usize, stats.handles), (volume.held.len(), handles));
}

fn act(world: &mut World, input: &mut Input<'_>) {
    let (action, slot) = (input.byte(), slot(input.byte()));
    let swap = world.volumes.get(&slot).and_then(|volume| volume.swap.as_ref());
    let (done, steps) = swap.map_or((0, 0), |swap| (swap.done, swap.steps.len()));
    match action % 18 {
        0 => create(world, slot, input.byte()),
        1 => world.load(slot, generation(input.byte()), input.byte()),
        2 => world.show(slot, generation(input.byte())),
        3 => world.begin_swap(slot, generation(input.byte()), input.byte()),
        4 | 5 => assert_eq!(world.step(slot, done), done < steps, "the next step"),
        6 => {
            let number = usize::from(input.byte()) % (done + 3);
            assert!(!world.step(slot, number) || number <= done, "a step out of order");
        }
        7 => {
            (done..steps).for_each(|number| assert!(world.step(slot, number), "step {number}"));
            end_swap(world, slot);
        }
        8 => end_swap(world, slot),
        9 => revoke(world, slot, input.byte() & 1 == 1),
        10 => remove(world, slot),
        11 | 12 => open(world, input.inode(world)),
        13 => {
            let (offset, size) = (input.byte(), input.byte());
            world.handles.iter().for_each(|handle| read(world, *handle, offset, size));
        }
        14 if !world.handles.is_empty() => close(world, usize::from(input.byte()) % world.handles.len()),
        15 => restart(world),
        16 => unload(world, slot, generation(input.byte())),
        _ => poke(world, input.inode(world), NAMES[usize::from(input.byte()) % NAMES.len()]),
    }
    stats(world, slot);
}

fuzz_target!(|data: &[u8]| {
    let Some((flags, data)) = data.split_first() else { return };
    let shape = if flags & 1 == 1 { Shape::Single } else { Shape::Node };
    let mut world = World::new(shape);
    let mut input = Input(data.iter());
    while !input.0.as_slice().is_empty() {
        act(&mut world, &mut input);
    }
    let _ = world.listing();
    while flags & 2 == 2 && !world.handles.is_empty() {
        close(&mut world, 0);
    }
    let slots: Vec<Slot> = world.volumes.keys().copied().collect();
    slots.into_iter().for_each(|slot| remove(&mut world, slot));
    world.handles.iter().for_each(|handle| read(&world, *handle, 0, u8::MAX));
    while !world.handles.is_empty() {
        close(&mut world, 0);
    }
    assert!(world.inodes.iter().all(|ino| *ino == ROOT || world.superblock.getattr(*ino).is_err()));
    let empty = Superblock::new(shape, false);
    assert_eq!(format!("{:?}", world.superblock), format!("{empty:?}"), "something is left");
});
