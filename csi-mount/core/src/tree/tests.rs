//! The tree against a map: whatever is opened, swapped, listed and revoked, both tell the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::snapshot::{Entry, Limits, Stamp};

type Files = BTreeMap<Vec<String>, Vec<u8>>;

fn snapshot(files: &Files, version: u64) -> Snapshot {
    let entry = |(path, bytes): (&Vec<String>, &Vec<u8>)| Entry {
        path: FilePath::of_segments(path.clone()).unwrap(),
        bytes: Zeroizing::new(bytes.clone()),
        mode: 0o440,
    };
    let stamp = Stamp { version, modified: version };
    Snapshot::build(files.iter().map(entry).collect(), stamp, &Limits::default()).unwrap()
}

fn files(list: &[(&str, &str)]) -> Files {
    let file = |(path, text): &(&str, &str)| {
        (path.split('/').map(str::to_owned).collect(), text.as_bytes().to_vec())
    };
    list.iter().map(file).collect()
}

fn walk(tree: &Tree, path: &[String]) -> Result<Attr, TreeError> {
    let root = tree.getattr(ROOT, None)?;
    path.iter().try_fold(root, |at, name| tree.lookup(at.ino, name))
}

fn all(tree: &Tree, handle: u64, size: u32) -> Result<Vec<u8>, TreeError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = tree.read(handle, bytes.len() as u64, size)?;
        if chunk.bytes().is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(chunk.bytes());
    }
}

fn list(tree: &Tree, handle: u64) -> Result<Vec<Listed>, TreeError> {
    let mut names: Vec<Listed> = Vec::new();
    loop {
        let batch = tree.read_folder(handle, names.last().map_or(0, |last| last.next))?;
        if batch.is_empty() {
            return Ok(names);
        }
        names.extend(batch);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Swap(Files),
    Revoke,
    Open(Vec<String>),
    Read(usize, u64, u32),
    Close(usize),
    List(Vec<String>),
    Walk(Vec<String>),
}

fn path() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned), 1..4)
}

/// Files of which none is a folder to another.
fn any_files() -> impl Strategy<Value = Files> {
    prop::collection::btree_map(path(), prop::collection::vec(any::<u8>(), 0..6), 0..8).prop_map(|all| {
        let folders: BTreeSet<Vec<String>> =
            all.keys().flat_map(|p| (1..p.len()).map(|n| p[..n].to_vec()).collect::<Vec<_>>()).collect();
        all.into_iter().filter(|(path, _)| !folders.contains(path)).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any_files().prop_map(Step::Swap),
        1 => Just(Step::Revoke),
        4 => path().prop_map(Step::Open),
        4 => (any::<usize>(), 0_u64..9, 0_u32..9).prop_map(|(at, offset, size)| Step::Read(at, offset, size)),
        1 => any::<usize>().prop_map(Step::Close),
        2 => path().prop_map(|mut path| { path.pop(); Step::List(path) }),
        2 => path().prop_map(Step::Walk),
    ]
}

/// What the tree should be.
struct Model {
    now: Option<Files>,
    handles: BTreeMap<u64, Option<Vec<u8>>>,
    /// Numbers of the paths of the newest generation, and all numbers of the past.
    numbers: BTreeMap<(Vec<String>, Kind), u64>,
    used: BTreeSet<u64>,
}

impl Model {
    fn kind(&self, path: &[String]) -> Result<Kind, TreeError> {
        let now = self.now.as_ref().ok_or(TreeError::Revoked)?;
        let below = |files: &Files, path: &[String]| {
            files.keys().any(|p| p.len() > path.len() && p.starts_with(path))
        };
        for length in 1..path.len() {
            let folder = path.get(..length).unwrap();
            if now.contains_key(folder) {
                return Err(TreeError::NotFolder);
            }
            if !below(now, folder) {
                return Err(TreeError::NotFound);
            }
        }
        match now.contains_key(path) {
            true => Ok(Kind::File),
            false if path.is_empty() || below(now, path) => Ok(Kind::Folder),
            false => Err(TreeError::NotFound),
        }
    }

    fn names(&self, folder: &[String]) -> BTreeSet<String> {
        let inside = self
            .now
            .iter()
            .flat_map(BTreeMap::keys)
            .filter(|p| p.len() > folder.len() && p.starts_with(folder));
        inside.map(|p| p[folder.len()].clone()).collect()
    }

    fn check_walk(&self, tree: &Tree, path: &[String]) {
        let got = walk(tree, path);
        if path.is_empty() && self.now.is_none() {
            // The mount itself can be looked at.
            return assert!(got.is_ok_and(|attr| attr.kind == Kind::Folder));
        }
        assert_eq!(got.map(|attr| attr.kind), self.kind(path), "{path:?}");
        let Ok(attr) = got else { return };
        if attr.kind == Kind::File {
            assert_eq!(attr.size, self.now.as_ref().unwrap()[path].len() as u64);
        }
        if !path.is_empty() {
            assert_eq!(
                self.numbers.get(&(path.to_vec(), attr.kind)),
                Some(&attr.ino),
                "{path:?} is renumbered"
            );
        }
    }

    fn swap(&mut self, tree: &mut Tree, files: Files, version: u64) {
        tree.swap(snapshot(&files, version));
        self.now = Some(files);
        self.renumber(tree);
    }

    /// Takes the numbers of the new generation: known paths kept theirs, others got ones never used before.
    fn renumber(&mut self, tree: &Tree) {
        let mut paths: BTreeSet<Vec<String>> = BTreeSet::new();
        for path in self.now.iter().flat_map(BTreeMap::keys) {
            paths.extend((1..=path.len()).map(|length| path[..length].to_vec()));
        }
        let mut numbers = BTreeMap::new();
        for path in paths {
            let attr = walk(tree, &path).unwrap();
            let key = (path, attr.kind);
            match self.numbers.get(&key) {
                Some(known) => assert_eq!(*known, attr.ino, "{key:?}"),
                None => assert!(self.used.insert(attr.ino), "{key:?} has a used number"),
            }
            numbers.insert(key, attr.ino);
        }
        self.numbers = numbers;
    }

    fn run(&mut self, tree: &mut Tree, step: Step, version: u64) {
        let nth =
            |handles: &BTreeMap<u64, _>, at: usize| handles.keys().nth(at % handles.len().max(1)).copied();
        match step {
            Step::Swap(files) => self.swap(tree, files, version),
            Step::Revoke => {
                tree.revoke();
                self.now = None;
                self.handles.values_mut().for_each(|content| *content = None);
            }
            Step::Open(path) => {
                let Ok(attr) = walk(tree, &path) else { return self.check_walk(tree, &path) };
                match (tree.open(attr.ino), attr.kind) {
                    (Ok(opened), Kind::File) => {
                        assert_eq!(opened.path.segments(), path);
                        let content = self.now.as_ref().unwrap()[&path].clone();
                        assert!(self.handles.insert(opened.handle, Some(content)).is_none());
                    }
                    (got, Kind::Folder) => assert_eq!(got, Err(TreeError::IsFolder)),
                    (got, Kind::File) => panic!("{path:?}: {got:?}"),
                }
            }
            Step::Read(at, offset, size) => {
                let Some(handle) = nth(&self.handles, at) else {
                    return assert_eq!(tree.read(77, 0, 1).map(|_| ()), Err(TreeError::BadHandle));
                };
                let expected = self.handles[&handle].as_ref().ok_or(TreeError::Revoked).map(|content| {
                    content.iter().skip(offset as usize).take(size as usize).copied().collect::<Vec<u8>>()
                });
                assert_eq!(tree.read(handle, offset, size).map(|chunk| chunk.bytes().to_vec()), expected);
            }
            Step::Close(at) => {
                let Some(handle) = nth(&self.handles, at) else { return };
                tree.close(handle);
                self.handles.remove(&handle);
                assert_eq!(tree.read(handle, 0, 1).map(|_| ()), Err(TreeError::BadHandle));
            }
            Step::List(folder) => self.check_list(tree, &folder),
            Step::Walk(path) => self.check_walk(tree, &path),
        }
    }

    fn check_list(&self, tree: &mut Tree, folder: &[String]) {
        self.check_walk(tree, folder);
        let (Ok(attr), Ok(kind)) = (walk(tree, folder), self.kind(folder)) else { return };
        let opened = tree.open_folder(attr.ino);
        if kind == Kind::File {
            return assert_eq!(opened, Err(TreeError::NotFolder));
        }
        let names = list(tree, opened.unwrap()).unwrap();
        let mut expected = vec![".".to_owned(), "..".to_owned()];
        expected.extend(self.names(folder));
        assert_eq!(names.iter().map(|l| l.name.clone()).collect::<Vec<_>>(), expected);
        for listed in names.iter().skip(2) {
            let child = tree.lookup(attr.ino, &listed.name).unwrap();
            assert_eq!((child.ino, child.kind), (listed.ino, listed.kind));
        }
        tree.close(opened.unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn the_tree_is_as_a_map(first in any_files(), steps in prop::collection::vec(step(), 1..40)) {
        let mut tree = Tree::new(snapshot(&first, 0));
        let mut model = Model { now: Some(first), handles: BTreeMap::new(), numbers: BTreeMap::new(), used: BTreeSet::from([ROOT]) };
        model.renumber(&tree);
        for (version, step) in (1..).zip(steps) {
            model.run(&mut tree, step, version);
        }
        for (handle, content) in &model.handles {
            prop_assert_eq!(all(&tree, *handle, 2), content.clone().ok_or(TreeError::Revoked));
        }
    }
}

#[test]
fn the_kernel_is_told_what_to_forget() {
    let name = |parent, name: &str| Stale::Name { parent, name: name.to_owned() };
    let gone = |parent, ino, name: &str| Stale::Gone { parent, ino, name: name.to_owned() };
    // In the first generation `a` has number 2, a folder `d` 3 and `d/x` 4.
    let first = [("a", "1"), ("d/x", "1")];
    for (second, expected) in [
        (&first[..], vec![]),
        (&[("a", "2"), ("d/x", "1")], vec![Stale::Inode(2)]),
        (&[("a", "1"), ("d/x", "2")], vec![Stale::Inode(4)]),
        (&[("d/x", "1")], vec![gone(1, 2, "a"), Stale::Inode(1)]),
        (&[("a", "1"), ("b", "1"), ("d/x", "1")], vec![name(1, "b"), Stale::Inode(1)]),
        (&[("a", "1")], vec![gone(3, 4, "x"), name(1, "d"), Stale::Inode(1)]),
        (&[("a", "1"), ("d", "1")], vec![gone(3, 4, "x"), name(1, "d"), name(1, "d")]),
    ] {
        let mut tree = Tree::new(snapshot(&files(&first), 1));
        let mut stale = tree.swap(snapshot(&files(second), 2));
        stale.sort();
        let mut expected = expected;
        expected.sort();
        assert_eq!(stale, expected, "{second:?}");
    }
    let mut tree = Tree::new(snapshot(&files(&first), 1));
    let mut stale = tree.revoke();
    stale.sort();
    let inodes = [1, 2, 3, 4].map(Stale::Inode);
    let expected: Vec<Stale> =
        [name(1, "a"), name(1, "d"), name(3, "x")].into_iter().chain(inodes.clone()).collect();
    assert_eq!(stale, expected);
    assert_eq!(tree.revoke(), [], "it is revoked already");
    assert!(tree.is_revoked());
    assert_eq!(tree.swap(snapshot(&files(&first), 3)), inodes);
    assert!(!tree.is_revoked());
}

#[test]
fn a_removed_file_has_attributes_while_it_is_open() {
    let mut tree = Tree::new(snapshot(&files(&[("a", "12"), ("b", "1")]), 1));
    let opened = tree.open(2).unwrap();
    assert_eq!((opened.path.to_string().as_str(), opened.version), ("a", 1));
    let folder = tree.open_folder(ROOT).unwrap();
    tree.swap(snapshot(&files(&[("b", "1")]), 2));
    assert_eq!(tree.getattr(2, None).map(|attr| attr.size), Ok(2));
    assert_eq!(tree.getattr(ROOT, Some(folder)).map(|attr| attr.modified), Ok(1));
    assert_eq!(tree.getattr(ROOT, None).map(|attr| attr.modified), Ok(2));
    let names = list(&tree, folder).unwrap();
    assert_eq!(names.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), [".", "..", "a", "b"]);
    tree.close(opened.handle);
    assert_eq!(tree.getattr(2, None), Err(TreeError::NotFound));
    let b = tree.open(3).unwrap();
    tree.swap(snapshot(&files(&[("b", "123")]), 3));
    assert_eq!(tree.getattr(3, Some(b.handle)).map(|attr| attr.size), Ok(1), "the handle's generation");
    assert_eq!(tree.getattr(3, None).map(|attr| attr.size), Ok(3));
    tree.revoke();
    assert_eq!(tree.getattr(3, None), Err(TreeError::Revoked));
    assert_eq!(
        tree.getattr(ROOT, None).map(|attr| attr.kind),
        Ok(Kind::Folder),
        "the mount itself can be looked at"
    );
    assert_eq!(tree.lookup(ROOT, "b"), Err(TreeError::Revoked));
    assert_eq!(tree.open_folder(ROOT), Err(TreeError::Revoked));
    assert_eq!(list(&tree, folder).map(|_| ()), Err(TreeError::Revoked));
}

#[test]
fn long_folders_are_listed_in_batches_and_handles_are_bounded() {
    let many: Files = (0..LIST_BATCH * 2 + 7).map(|n| (vec![format!("f{n:04}")], Vec::new())).collect();
    let mut tree = Tree::new(snapshot(&many, 1));
    let folder = tree.open_folder(ROOT).unwrap();
    assert_eq!(tree.read_folder(folder, 0).unwrap().len(), LIST_BATCH);
    assert_eq!(list(&tree, folder).unwrap().len(), many.len() + 2);
    assert_eq!(tree.read_folder(folder, u64::MAX), Ok(vec![]));
    assert_eq!(tree.read(folder, 0, 1).map(|_| ()), Err(TreeError::IsFolder));
    let first = tree.open(2).unwrap().handle;
    assert_eq!(tree.read_folder(first, 0), Err(TreeError::NotFolder));
    assert_eq!(tree.read(first, u64::MAX, u32::MAX).map(|chunk| chunk.bytes().len()), Ok(0));
    while tree.handles.len() < MAX_HANDLES {
        tree.open(2).unwrap();
    }
    assert_eq!(tree.open(2), Err(TreeError::TooManyHandles));
    tree.close(first);
    assert!(tree.open(2).is_ok());
}
