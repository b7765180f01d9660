//! Random changes with a new server after any step: what is shown is always one generation whole, and numbers stay.

use std::sync::Arc;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::files::Entry;
use crate::image::{self, Stamp};
use crate::path::FilePath;

const SLOT: Slot = Slot::FIRST;

fn image(names: &[&str], version: u64) -> Image {
    let entry = |name: &&str| Entry {
        path: FilePath::of_segments(name.split('/')).unwrap(),
        bytes: Zeroizing::new(format!("{name} {version}").into_bytes()),
        mode: 0o444,
    };
    let bytes =
        image::encode(names.iter().map(entry).collect(), Stamp { version, modified: version }).unwrap();
    Image::decode(Arc::new(bytes.to_vec())).unwrap()
}

fn generation(number: u32) -> Generation {
    Generation::try_from(number).unwrap()
}

fn walk(superblock: &Superblock, mut at: u64, path: &str) -> Result<Attr, FsError> {
    let mut parts: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let volume = at;
    let mut attr = superblock.getattr(at)?;
    while let Some(part) = parts.pop() {
        attr = superblock.lookup(at, &part)?;
        at = attr.ino;
        if attr.kind == Kind::Link {
            parts.extend(superblock.readlink(at)?.split('/').rev().map(str::to_owned));
            at = volume;
        }
    }
    Ok(attr)
}

fn read(superblock: &Superblock, path: &str) -> Result<String, FsError> {
    let volume = superblock.lookup(ROOT, &SLOT.folder())?.ino;
    let chunk = superblock.read(walk(superblock, volume, path)?.ino, 0, 1_000)?;
    Ok(String::from_utf8(chunk.bytes().to_vec()).unwrap())
}

/// Does a step as the kernel passes it on: names below the inode of their folder.
fn perform(superblock: &mut Superblock, step: &Step) -> Result<u32, FsError> {
    let volume = superblock.lookup(ROOT, &SLOT.folder())?.ino;
    let parent = |superblock: &Superblock, path: &str| match path.rsplit_once('/') {
        Some((folder, name)) => Ok((walk(superblock, volume, folder)?.ino, name.to_owned())),
        None => Ok((volume, path.to_owned())),
    };
    let (folder, step) = match step {
        Step::MakeFolder(name) => (volume, superblock.change(volume, &Asked::MakeFolder(name))?),
        Step::Link { name, to } => (volume, superblock.change(volume, &Asked::Link { name, to })?),
        Step::Rename { from, to } => (volume, superblock.change(volume, &Asked::Rename { from, to })?),
        Step::Unlink(path) => {
            let (folder, name) = parent(superblock, path)?;
            (folder, superblock.change(folder, &Asked::Unlink(&name))?)
        }
        Step::RemoveFolder(path) => {
            let (folder, name) = parent(superblock, path)?;
            (folder, superblock.change(folder, &Asked::RemoveFolder(&name))?)
        }
    };
    assert!(superblock.getattr(folder).is_ok());
    Ok(step.1)
}

fn restarted(images: &[(u32, Image)], shown: u32, swap: Option<(u32, u32)>) -> Superblock {
    let mut superblock = Superblock::new(Shape::Node, true);
    superblock.create(SLOT, Owner::default(), 0o555, false).unwrap();
    for (number, image) in images {
        superblock.load(SLOT, generation(*number), image.clone()).unwrap();
    }
    superblock.show(SLOT, generation(shown)).unwrap();
    if let Some((to, step)) = swap {
        superblock.begin_swap(SLOT, generation(to), step).unwrap();
    }
    superblock
}

/// Every name below a volume with its number.
fn numbers(superblock: &Superblock, at: u64, path: &str, all: &mut Vec<(String, Attr)>) {
    for name in superblock.names(at).unwrap().into_iter().skip(2) {
        let path = format!("{path}/{}", name.name);
        let attr = superblock.lookup(at, &name.name).unwrap();
        assert_eq!((attr.ino, attr.kind), (name.ino, name.kind));
        all.push((path.clone(), attr));
        if attr.kind == Kind::Folder {
            numbers(superblock, attr.ino, &path, all);
        }
    }
}

fn all(superblock: &Superblock) -> Vec<(String, Attr)> {
    let mut numbers_of = Vec::new();
    numbers(superblock, superblock.lookup(ROOT, &SLOT.folder()).unwrap().ino, "", &mut numbers_of);
    numbers_of
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_change_is_whole_through_any_restart(
        sets in prop::collection::vec(prop::sample::subsequence(vec!["a", "b", "c/d", "c/e/f", "g"], 1..=5), 2..5),
        restarts in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut restarts = restarts.into_iter().cycle();
        let images: Vec<(u32, Image)> =
            sets.iter().zip(1..).map(|(names, number)| (number, image(names, number.into()))).collect();
        let mut superblock = restarted(&images[..1], 1, None);
        for (old, new) in images.iter().zip(&images[1..]) {
            let kept = [old.clone(), new.clone()];
            let old_files: Vec<(u64, String)> = sets[old.0 as usize - 1].iter().map(|name| {
                let volume = superblock.lookup(ROOT, &SLOT.folder()).unwrap().ino;
                (walk(&superblock, volume, name).unwrap().ino, format!("{name} {}", old.0))
            }).collect();
            superblock.load(SLOT, generation(new.0), new.1.clone()).unwrap();
            let (steps, next) = superblock.begin_swap(SLOT, generation(new.0), 0).unwrap();
            prop_assert_eq!(next, 0);
            prop_assert_eq!(superblock.end_swap(SLOT), Err(FsError::State));
            let mut page = 0;
            for (number, step) in steps.iter().enumerate() {
                page = perform(&mut superblock, step).unwrap();
                if restarts.next() == Some(true) {
                    let before = all(&superblock);
                    superblock = restarted(&kept, old.0, Some((new.0, page)));
                    prop_assert_eq!(before, all(&superblock));
                }
                // A request that is sent again is answered again.
                if matches!(step, Step::MakeFolder(_) | Step::Link { .. } | Step::Rename { .. }) {
                    prop_assert_eq!(perform(&mut superblock, step).unwrap(), page);
                }
                let shown = if number >= 2 { new } else { old };
                for name in &sets[shown.0 as usize - 1] {
                    prop_assert_eq!(read(&superblock, &format!("..data/{name}")), Ok(format!("{name} {}", shown.0)));
                }
                for (ino, content) in &old_files {
                    let chunk = superblock.read(*ino, 0, 100).unwrap();
                    prop_assert_eq!(chunk.bytes(), content.as_bytes());
                }
            }
            let (again, next) = superblock.begin_swap(SLOT, generation(new.0), page).unwrap();
            prop_assert_eq!((again.len(), usize::from(next)), (steps.len(), steps.len()));
            superblock.end_swap(SLOT).unwrap();
            let fresh = restarted(std::slice::from_ref(new), new.0, None);
            prop_assert_eq!(all(&superblock), all(&fresh));
            superblock.unload(SLOT, generation(old.0)).unwrap();
            prop_assert_eq!(superblock.read(old_files[0].0, 0, 1).unwrap_err(), FsError::Stale);
        }
    }
}

#[test]
fn generations_are_let_go_when_nobody_reads_them() {
    let mut superblock = Superblock::new(Shape::Single, false);
    superblock.create(SLOT, Owner { uid: 1, gid: 2 }, 0o550, false).unwrap();
    superblock.load(SLOT, generation(1), image(&["a"], 1)).unwrap();
    superblock.show(SLOT, generation(1)).unwrap();
    let ino = walk(&superblock, ROOT, "a").unwrap().ino;
    let opened = superblock.open(ino).unwrap();
    assert_eq!((opened.path.as_str(), opened.version, opened.outcome), ("a", 1, Outcome::Granted));
    superblock.load(SLOT, generation(2), image(&["a"], 2)).unwrap();
    let (steps, _) = superblock.begin_swap(SLOT, generation(2), 0).unwrap();
    for step in &steps {
        let (parent, name) = match step {
            Step::Unlink(path) => {
                (superblock.lookup(ROOT, path.split_once('/').unwrap().0).unwrap().ino, "a")
            }
            _ => (ROOT, ""),
        };
        let asked = match step {
            Step::MakeFolder(name) => Asked::MakeFolder(name),
            Step::Link { name, to } => Asked::Link { name, to },
            Step::Rename { from, to } => Asked::Rename { from, to },
            Step::Unlink(_) => Asked::Unlink(name),
            Step::RemoveFolder(name) => Asked::RemoveFolder(name),
        };
        superblock.change(parent, &asked).unwrap();
    }
    assert_eq!(superblock.end_swap(SLOT), Ok(vec![]));
    assert_eq!(superblock.stats(SLOT).unwrap().generations, 2);
    assert_eq!(superblock.close(ino), [(SLOT, generation(1))]);
    assert_eq!(superblock.open(ino), Err(FsError::Stale), "the kernel looks its path up again");
    assert_eq!(superblock.close(ino), [], "a descriptor of an earlier server counts for nothing");
    superblock.revoke(SLOT, true).unwrap();
    let ino = walk(&superblock, ROOT, "a").unwrap().ino;
    assert_eq!(superblock.open(ino).unwrap().outcome, Outcome::Revoked);
    assert_eq!(superblock.read(ino, 0, 1).unwrap_err(), FsError::Revoked);
    superblock.remove(SLOT).unwrap();
    assert_eq!(superblock.getattr(ino), Err(FsError::Stale));
    assert_eq!(superblock.getattr(ROOT), Err(FsError::Stale));
}

#[test]
fn only_what_is_planned_may_change() {
    let mut superblock = restarted(&[(1, image(&["a"], 1)), (2, image(&["b"], 2))], 1, None);
    let volume = superblock.lookup(ROOT, &SLOT.folder()).unwrap().ino;
    for asked in [Asked::MakeFolder("x"), Asked::Unlink("a"), Asked::Rename { from: "a", to: "b" }] {
        assert_eq!(superblock.change(volume, &asked), Err(FsError::ReadOnly), "{asked:?}");
        assert_eq!(superblock.change(ROOT, &asked), Err(FsError::ReadOnly), "{asked:?}");
    }
    let (steps, _) = superblock.begin_swap(SLOT, generation(2), 0).unwrap();
    assert_eq!(perform(&mut superblock, &steps[1]), Err(FsError::ReadOnly), "not before the first");
    assert_eq!(superblock.change(volume, &Asked::MakeFolder("x")), Err(FsError::ReadOnly));
    assert!(perform(&mut superblock, &steps[0]).is_ok());
    assert_eq!(superblock.show(SLOT, generation(2)), Err(FsError::State));
    assert_eq!(superblock.unload(SLOT, generation(2)), Err(FsError::State));
}
