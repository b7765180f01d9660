//! Images hold what was put in, within limits, and no other bytes are taken for one.

use proptest::prelude::*;

use super::*;
use crate::path::MAX_DEPTH;

type File = (String, Vec<u8>, u16);

fn entry((path, bytes, mode): &File) -> Entry {
    let path = FilePath::of_segments(path.split('/')).unwrap();
    Entry { path, bytes: Zeroizing::new(bytes.clone()), mode: *mode }
}

fn files(files: &[(&str, &str)]) -> Vec<File> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec(), 0o400)).collect()
}

fn image(files: &[File]) -> Result<Image, ImageError> {
    let bytes = encode(files.iter().map(entry).collect(), Stamp { version: 3, modified: 7 })?;
    assert!(bytes.len() <= MAX_IMAGE_BYTES);
    Image::decode(Arc::new(bytes))
}

fn back(image: &Image) -> Vec<File> {
    let file = |(index, node): (u16, &Node)| match node.kind {
        NodeKind::File { mode, .. } => {
            let chunk = image.read(index, 0, u32::MAX).unwrap();
            assert_eq!(chunk.bytes().len() as u64, node.size());
            Some((image.path(index), chunk.bytes().to_vec(), mode))
        }
        NodeKind::Folder(_) => None,
    };
    (0..).zip(image.nodes()).filter_map(file).collect()
}

#[test]
fn limits_and_contradictions_are_refused() {
    let path = |path: &str| path.to_owned();
    let long = "x".repeat(MAX_CONTENT_BYTES);
    for (given, expected) in [
        (vec![], Ok(1)),
        (vec![("a", "12345"), ("b/c", "12345"), ("b/d", ""), ("e", "")], Ok(6)),
        (vec![("a", &long), ("b", "")], Ok(3)),
        (vec![("a", &long), ("b", "1")], Err(ImageError::TooManyBytes { found: MAX_CONTENT_BYTES + 1 })),
        (vec![("a", ""), ("a", "")], Err(ImageError::Twice { path: path("a") })),
        (vec![("a", ""), ("a/b", "")], Err(ImageError::FileAndFolder { path: path("a/b") })),
        (vec![("a/b", ""), ("a", "")], Err(ImageError::FileAndFolder { path: path("a/b") })),
        (vec![("x/a/b", ""), ("x/a", "")], Err(ImageError::FileAndFolder { path: path("x/a/b") })),
        (vec![("a", ""), ("a!", ""), ("a/b", "")], Err(ImageError::FileAndFolder { path: path("a/b") })),
        (vec![("..data", "")], Err(ImageError::Reserved { path: path("..data") })),
        (vec![("a/..data", ""), (".a", ""), ("a..", "")], Ok(5)),
    ] {
        let got = image(&files(&given)).map(|image| image.nodes().len());
        assert_eq!(got, expected, "{:?}", given.first());
    }
    let many = |count: usize| -> Vec<File> { (0..count).map(|n| (n.to_string(), Vec::new(), 0)).collect() };
    assert_eq!(image(&many(MAX_FILES)).unwrap().files(), MAX_FILES);
    assert_eq!(image(&many(MAX_FILES + 1)).unwrap_err(), ImageError::TooManyFiles { found: MAX_FILES + 1 });
    let strange = vec![(path("a"), Vec::new(), 0o1777)];
    assert_eq!(image(&strange).unwrap_err(), ImageError::Mode { path: path("a"), mode: 0o1777 });
    let late = encode(Vec::new(), Stamp { version: 0, modified: MAX_MODIFIED + 1 });
    assert_eq!(late.unwrap_err(), ImageError::Modified { found: MAX_MODIFIED + 1 });
    let deep = (0..MAX_FILES)
        .map(|n| (format!("{n:0255}/{}", vec!["y".repeat(255); MAX_DEPTH - 1].join("/")), Vec::new(), 0));
    assert_eq!(image(&deep.collect::<Vec<_>>()).unwrap().nodes().len(), MAX_FILES * MAX_DEPTH + 1);
}

#[test]
fn bytes_that_are_none_are_refused() {
    let good = encode(files(&[("a", "1"), ("d/b", "22")]).iter().map(entry).collect(), Stamp::default());
    let good = good.unwrap().to_vec();
    let decode = |bytes: Vec<u8>| Image::decode(Arc::new(bytes)).map(|_| ());
    for cut in 0..good.len() {
        assert!(decode(good[..cut].to_vec()).is_err(), "{cut}");
    }
    let broken = |what| Err(ImageError::Broken(what));
    let twice = Err(ImageError::Twice { path: "a".to_owned() });
    for (at, bytes, expected) in [
        (0, &b"X"[..], broken("it does not begin as one")),
        (4, &[2, 0], broken("its format is not known")),
        (6, &[0xff, 0xff], Err(ImageError::TooManyFiles { found: 65_535 })),
        (23, &[1], Err(ImageError::Modified { found: 1 << 56 })),
        (32, b"e", broken("its files are out of order")),
        (32, &[0xff], broken("a name is no text")),
        (32, b"/", Err(ImageError::Name { path: "/".to_owned(), problem: NameError::Empty })),
        (28, &[2], broken("its contents have another length")),
        (31, &[0xff], Err(ImageError::TooManyBytes { found: (0xff << 24) + 3 })),
        (35, &[1, 2, 0, 0, 0, b'a'], broken("a name is no text")),
    ] {
        let mut bad = good.clone();
        bad.splice(at..at + bytes.len(), bytes.iter().copied());
        let got = decode(bad);
        if at == 35 {
            assert!(got.is_err());
            continue;
        }
        assert_eq!(got, expected, "{at}");
    }
    let mut equal = files(&[("a", "1"), ("b", "2")]);
    equal.truncate(2);
    let mut bytes = encode(equal.iter().map(entry).collect(), Stamp::default()).unwrap().to_vec();
    let second = bytes.iter().rposition(|byte| *byte == b'b').unwrap();
    bytes[second] = b'a';
    assert_eq!(decode(bytes), twice);
}

#[test]
fn parts_are_read_without_running_over() {
    let image = image(&files(&[("a", "hunter2"), ("d/b", "xyz")])).unwrap();
    let a = image.child(0, "a").unwrap();
    for (offset, size, expected) in
        [(0, 3, "hun"), (3, 9, "ter2"), (7, 1, ""), (8, 1, ""), (u64::MAX, u32::MAX, ""), (0, 0, "")]
    {
        assert_eq!(image.read(a, offset, size).unwrap().bytes(), expected.as_bytes(), "{offset} {size}");
    }
    let d = image.child(0, "d").unwrap();
    let b = image.child(d, "b").unwrap();
    assert_eq!((image.path(b), image.path(0)), ("d/b".to_owned(), String::new()));
    assert_eq!((image.child(0, "b"), image.child(a, "b"), image.child(99, "b")), (None, None, None));
    assert!(image.read(d, 0, 1).is_none() && image.read(99, 0, 1).is_none());
    let printed = format!("{image:?} {:?}", image.read(a, 0, 9).unwrap());
    assert_eq!(printed, "Image(2 files, version 3) Chunk(7 bytes)");
}

fn any_files() -> impl Strategy<Value = std::collections::BTreeMap<String, (Vec<u8>, u16)>> {
    let path = prop::sample::select(vec!["a", "a!", "b", "d/a", "d/b", "d/e/f", "ж", "z/..y", "d!/a"]);
    let file = (prop::collection::vec(any::<u8>(), 0..20), 0..=MAX_MODE);
    prop::collection::btree_map(path.prop_map(str::to_owned), file, 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_come_back(files in any_files(), seed in any::<u64>()) {
        let mut given: Vec<File> =
            files.into_iter().map(|(path, (bytes, mode))| (path, bytes, mode)).collect();
        let whole = image(&given).unwrap();
        let mut expected = given.clone();
        expected.sort_by_key(|(path, ..)| path.split('/').map(str::to_owned).collect::<Vec<_>>());
        prop_assert_eq!(back(&whole), expected);
        prop_assert_eq!(whole.content_bytes(), given.iter().map(|(_, bytes, _)| bytes.len()).sum::<usize>());
        for (index, node) in (0_u16..).zip(whole.nodes()).skip(1) {
            prop_assert_eq!(whole.child(node.parent, &node.name), Some(index));
            prop_assert!(node.parent < index);
        }
        // The order of the files given makes no difference.
        let rotation = seed as usize % given.len().max(1);
        given.rotate_left(rotation);
        let stamp = whole.stamp();
        let again = encode(given.iter().map(entry).collect(), stamp).unwrap();
        prop_assert_eq!(&*again, (*whole.bytes).as_ref());
    }

    #[test]
    fn damaged_bytes_are_read_or_refused(files in any_files(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let given: Vec<File> = files.into_iter().map(|(path, (bytes, mode))| (path, bytes, mode)).collect();
        let mut bytes = encode(given.iter().map(entry).collect(), Stamp::default()).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(image) = Image::decode(Arc::new(bytes.clone())) {
            let again = encode(back(&image).iter().map(entry).collect(), image.stamp()).unwrap();
            prop_assert_eq!(&*again, &bytes, "an image has one form only");
        }
    }
}
