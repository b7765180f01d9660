//! Generations are built within limits, and their differences are told.

use super::*;

fn entry(path: &str, bytes: &[u8]) -> Entry {
    let path = FilePath::of_segments(path.split('/')).unwrap();
    Entry { path, bytes: Zeroizing::new(bytes.to_vec()), mode: 0o400 }
}

fn of(files: &[(&str, &str)], modified: u64) -> Snapshot {
    let entries = files.iter().map(|(path, text)| entry(path, text.as_bytes())).collect();
    Snapshot::build(entries, Stamp { version: 1, modified }, &Limits::default()).unwrap()
}

#[test]
fn limits_and_contradictions_are_refused() {
    let limits = Limits { max_files: 3, max_bytes: 10 };
    for (files, expected) in [
        (vec![], Ok(1)),
        (vec![("a", "12345"), ("b/c", "12345")], Ok(4)),
        (
            vec![("a", ""), ("b", ""), ("c", ""), ("d", "")],
            Err(SnapshotError::TooManyFiles { found: 4, limit: 3 }),
        ),
        (vec![("a", "123456"), ("b", "12345")], Err(SnapshotError::TooManyBytes { found: 11, limit: 10 })),
        (vec![("a", ""), ("a", "")], Err(SnapshotError::Twice { path: "a".to_owned() })),
        (vec![("a", ""), ("a/b", "")], Err(SnapshotError::FileAndFolder { path: "a/b".to_owned() })),
        (vec![("a/b", ""), ("a", "")], Err(SnapshotError::FileAndFolder { path: "a".to_owned() })),
    ] {
        let entries = files.iter().map(|(path, text)| entry(path, text.as_bytes())).collect();
        let got = Snapshot::build(entries, Stamp::default(), &limits).map(|s| s.nodes().count());
        assert_eq!(got, expected, "{files:?}");
    }
    let mut strange = entry("a", b"");
    strange.mode = 0o1777;
    let got = Snapshot::build(vec![strange], Stamp::default(), &limits).map(|_| ());
    assert_eq!(got, Err(SnapshotError::Mode { path: "a".to_owned(), mode: 0o1777 }));
}

#[test]
fn differences_name_files_and_folders() {
    let texts = |paths: &[FilePath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    for (old, new, expected) in [
        (&[("a", "1")][..], &[("a", "1")][..], ["", "", ""]),
        (&[("a", "1")], &[("a", "2")], ["", "a", ""]),
        (&[("a", "1")], &[("a", "1"), ("b", "1")], ["b", "", ""]),
        (&[("a", "1"), ("b", "1")], &[("a", "1")], ["", "", "b"]),
        (&[("d/a", "1")], &[("d/a", "1"), ("d/b", "")], ["d/b", "d", ""]),
        (&[("d/a", "1")], &[("e", "1")], ["e", "", "d d/a"]),
        (&[("d/a", "1")], &[("d", "1")], ["d", "", "d d/a"]),
        (&[("d", "1")], &[("d/a", "1")], ["d d/a", "", "d"]),
    ] {
        let got = diff(&of(old, 1), &of(new, 2));
        let root =
            |paths: Vec<FilePath>| paths.into_iter().filter(|p| *p != FilePath::root()).collect::<Vec<_>>();
        assert_eq!(
            [texts(&got.added), texts(&root(got.changed)), texts(&got.removed)],
            expected,
            "{old:?} {new:?}"
        );
    }
    let got = diff(&of(&[("a", "")], 1), &of(&[("b", "")], 1));
    assert_eq!(got.changed, [FilePath::root()], "the names in the root are others");
}

#[test]
fn files_that_stay_keep_their_time() {
    let (old, new) = (of(&[("a", "1"), ("b", "1")], 7), of(&[("a", "1"), ("b", "2")], 9));
    let new = new.keeping(&old);
    let time = |name: &str| match new.node(&FilePath::of_segments([name]).unwrap()) {
        Some(Node::File(file)) => file.modified(),
        other => panic!("{other:?}"),
    };
    assert_eq!((time("a"), time("b")), (7, 9));
    assert_eq!(new.stamp().modified, 9);
    assert_eq!(of(&[("a", "1"), ("b", "1")], 9).keeping(&old).stamp().modified, 7, "nothing has changed");
}

#[test]
fn nothing_prints_a_content() {
    let printed = format!("{:?}", of(&[("name", "hunter2")], 1));
    assert!(printed.contains("File(7 bytes)") && !printed.contains("hunter2"), "{printed}");
}
