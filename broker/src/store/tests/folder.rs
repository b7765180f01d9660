//! Offline checks of a folder: what is whole passes, every change is found with its file and line.

use std::path::Path;

use super::*;

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

/// A folder with 300 records in several segments, `tail` of them after the last checkpoint.
fn folder(tail: usize) -> (tempfile::TempDir, Head) {
    let folder = tempfile::tempdir().unwrap();
    let media = Arc::new(DirMedia::open(folder.path()).unwrap());
    let (ledger, _) = Ledger::open(options(media, 1)).unwrap();
    for at in 1..=300 {
        record(&ledger);
        if at == 300 - tail {
            ledger.checkpoint().unwrap();
        }
    }
    (copy(folder.path()), ledger.head())
}

#[test]
fn whole_folders_pass() {
    for tail in [0, 20] {
        let (folder, head) = folder(tail);
        let report = verify_folder(folder.path()).unwrap();
        assert_eq!((report.log.as_str(), report.records, report.root), (head.log.as_str(), 300, head.root));
        assert!(report.proven >= 300 - tail as u64 && report.segments > 2);
        assert_eq!((report.from_journal, report.torn_bytes), (0, 0));
    }
}

#[test]
fn what_a_power_cut_took_from_the_segments_is_in_the_journal() {
    let (folder, head) = folder(20);
    let last = segments(folder.path()).pop().unwrap();
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, &bytes[..bytes.len() - 700]).unwrap();
    let report = verify_folder(folder.path()).unwrap();
    assert_eq!((report.records, report.root), (300, head.root));
    assert!(report.from_journal > 0 && report.torn_bytes > 0, "{report:?}");
    let mut zeros = bytes[..bytes.len() - 500].to_vec();
    zeros.resize(bytes.len(), 0);
    std::fs::write(&last, &zeros).unwrap();
    assert_eq!(verify_folder(folder.path()).unwrap().records, 300);
    // The next start writes them again.
    let media = Arc::new(DirMedia::open(folder.path()).unwrap());
    let (ledger, opened) = Ledger::open(options(media, 1)).unwrap();
    assert_eq!((opened.seq, ledger.head().root), (300, head.root));
    drop(ledger);
    assert_eq!(std::fs::read(&last).unwrap(), bytes);
}

fn segments(path: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "ndjson"))
        .collect();
    found.sort();
    found
}

#[test]
fn every_change_is_found_with_its_place() {
    type Edit = fn(&mut Vec<String>);
    // What is done to the lines of the second segment, and what the message says.
    let edits: [(&str, Edit, &str); 7] = [
        ("a changed field", |lines| lines[3] = lines[3].replace("some/path", "some/bath"), "the root over"),
        ("no JSON", |lines| lines[3].truncate(40), "audit-00000002.ndjson line 4: it is no record"),
        ("a missing line", |lines| drop(lines.remove(3)), "audit-00000002.ndjson line 4: it is record"),
        (
            "a doubled line",
            |lines| lines.insert(3, lines[3].clone()),
            "audit-00000002.ndjson line 5: it is record",
        ),
        ("swapped lines", |lines| lines.swap(3, 4), "audit-00000002.ndjson line 4: it is record"),
        (
            "another log",
            |lines| lines[3] = lines[3].replacen("\"log\":\"", "\"log\":\"0", 1),
            "line 4: it is a record of",
        ),
        ("a cut line", |lines| lines.push("{".to_owned()), "it is no record"),
    ];
    let (whole, _) = folder(20);
    for (what, edit, expected) in edits {
        let folder = copy(whole.path());
        let path = &segments(folder.path())[1];
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        edit(&mut lines);
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
        let found = verify_folder(folder.path()).unwrap_err().to_string();
        assert!(found.contains(expected), "{what}: {found}");
    }
}

#[test]
fn missing_ends_and_edited_tails_are_found() {
    let (whole, _) = folder(20);
    let check = |what: &str, edit: &dyn Fn(&Path), expected: &str| {
        let folder = copy(whole.path());
        edit(folder.path());
        let found = verify_folder(folder.path()).unwrap_err().to_string();
        assert!(found.contains(expected), "{what}: {found}");
    };
    check(
        "no segments",
        &|path| segments(path).iter().for_each(|s| std::fs::remove_file(s).unwrap()),
        "ends with record 0",
    );
    check(
        "no last line",
        &|path| {
            std::fs::remove_file(path.join("journal")).unwrap();
            for segment in segments(path).iter().skip(1) {
                std::fs::remove_file(segment).unwrap();
            }
        },
        "the head file covers",
    );
    check(
        "an edited tail",
        &|path| {
            let last = segments(path).pop().unwrap();
            let text = std::fs::read_to_string(&last).unwrap();
            let at = text.rfind("some/path").unwrap();
            let (before, rest) = text.split_at(at);
            std::fs::write(&last, format!("{before}{}", rest.replace("some/path", "some/bath"))).unwrap();
        },
        "it is not the record that the journal holds",
    );
    check("no head file", &|path| std::fs::remove_file(path.join("audit.head")).unwrap(), "audit.head");
    check(
        "an edited head file",
        &|path| {
            let head = path.join("audit.head");
            let text = std::fs::read_to_string(&head).unwrap();
            let (before, rest) = text.split_once("\"root\":\"").unwrap();
            let other = if rest.starts_with('0') { "1" } else { "0" };
            let rest: String = rest.chars().skip(1).collect();
            std::fs::write(&head, format!("{before}\"root\":\"{other}{rest}")).unwrap();
        },
        "the root over",
    );
}
