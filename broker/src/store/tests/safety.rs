//! Seals, formats, locks, and that nothing secret lies in the files.

use std::path::Path;

use broker_core::policy::policy_key;
use redb::ReadableTable;

use super::*;
use crate::store::rows::{META, ROWS};

fn in_folder(path: &Path, seal: SealSource) -> Result<(Ledger, Opened), OpenError> {
    let media = DirMedia::open(path).map_err(|error| OpenError::Damaged(error.to_string()))?;
    let mut options = options(Arc::new(media), 1);
    options.seal = seal;
    Ledger::open(options)
}

fn message(result: Result<(Ledger, Opened), OpenError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_seal_opens_its_own_store_only() {
    let folder = tempfile::tempdir().unwrap();
    let (data, seal, other) =
        (folder.path().join("data"), folder.path().join("seal"), folder.path().join("other"));
    let file = |path: &Path, create| SealSource::File { path: path.to_owned(), create };
    assert!(message(in_folder(&data, file(&seal, false))).contains("is missing"));
    let (ledger, opened) = in_folder(&data, file(&seal, true)).unwrap();
    assert!(opened.first_start);
    write_policy(&ledger, "p", "x");
    drop(ledger);
    let (ledger, opened) = in_folder(&data, file(&seal, true)).unwrap();
    assert_eq!(opened, Opened { first_start: false, replayed_frames: 0, seq: 1, revision: 1 });
    drop(ledger);
    // A missing seal file is never made anew for a store that exists.
    let missing = message(in_folder(&data, file(&other, true)));
    assert!(missing.contains("other") && missing.contains("put the file back"), "{missing}");
    assert!(!other.exists());
    // A good seal file of another store.
    in_folder(&folder.path().join("data2"), file(&other, true)).unwrap();
    let wrong = message(in_folder(&data, file(&other, true)));
    assert!(wrong.contains("other") && wrong.contains("does not open this store"), "{wrong}");
    assert!(message(in_folder(&data, SealSource::Memory)).contains("does not open this store"));
    std::fs::write(&other, "nonsense").unwrap();
    assert!(message(in_folder(&data, file(&other, true))).contains("must be one line"));
    let (ledger, _) = in_folder(&data, file(&seal, true)).unwrap();
    assert!(ledger.snapshot().unwrap().get(&policy_key("p")).unwrap().is_some());
}

#[test]
fn one_broker_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let key = || SealSource::Key(SealKey::new([1; 32]));
    let (ledger, _) = in_folder(folder.path(), key()).unwrap();
    let refused = message(in_folder(folder.path(), key()));
    assert!(refused.contains("in use by another broker"), "{refused}");
    drop(ledger);
    in_folder(folder.path(), key()).unwrap();
}

/// Changes the database of a closed store.
fn edit(media: &Arc<dyn Media>, change: impl FnOnce(&redb::WriteTransaction)) {
    let db = Db::default();
    db.open(media.as_ref(), 1 << 20).unwrap();
    let transaction = db.write_durable().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    db.give_up();
}

#[test]
fn a_newer_format_is_refused_with_a_sentence() {
    let media: Arc<dyn Media> = Arc::new(MemMedia::default());
    drop(Ledger::open(options(Arc::clone(&media), 1)).unwrap());
    edit(&media, |transaction| {
        transaction.open_table(META).unwrap().insert("format", 7u32.to_be_bytes().as_slice()).unwrap();
    });
    assert_eq!(
        message(Ledger::open(options(media, 1))),
        "this store was written by a newer Keyreeve (format 7, this one reads up to 1); install the newer version or restore a backup"
    );
}

#[test]
fn a_changed_or_moved_row_is_refused() {
    let media: Arc<dyn Media> = Arc::new(MemMedia::default());
    let (ledger, _) = Ledger::open(options(Arc::clone(&media), 1)).unwrap();
    write_policy(&ledger, "one", "first");
    write_policy(&ledger, "two", "second");
    drop(ledger);
    let stored = |transaction: &redb::WriteTransaction, name: &str| {
        let codec_key = name.to_owned();
        let rows = transaction.open_table(ROWS).unwrap();
        let found: Vec<(Vec<u8>, Vec<u8>)> = rows
            .iter()
            .unwrap()
            .map(|entry| entry.map(|(k, v)| (k.value().to_vec(), v.value().to_vec())).unwrap())
            .filter(|(key, _)| key.first() == Some(&(broker_core::row::Table::Policy as u8)))
            .collect();
        assert_eq!(found.len(), 2, "{codec_key}");
        found
    };
    // A flipped bit in one, and both in each other's place afterwards.
    for swap in [false, true] {
        edit(&media, |transaction| {
            let found = stored(transaction, "policies");
            let mut rows = transaction.open_table(ROWS).unwrap();
            let (first, second) = (&found[0], &found[1]);
            if swap {
                rows.insert(first.0.as_slice(), second.1.as_slice()).unwrap();
                rows.insert(second.0.as_slice(), first.1.as_slice()).unwrap();
            } else {
                let mut value = first.1.clone();
                let last = value.len() - 1;
                value[last] ^= 4;
                rows.insert(first.0.as_slice(), value.as_slice()).unwrap();
            }
        });
        let (ledger, _) = Ledger::open(options(Arc::clone(&media), 1)).unwrap();
        let snapshot = ledger.snapshot().unwrap();
        let results = ["one", "two"].map(|name| snapshot.get(&policy_key(name)));
        let bad = results.iter().filter(|r| matches!(r, Err(ReadError::Damaged(_)))).count();
        assert_eq!(bad, if swap { 2 } else { 1 });
        // The writer answers with an error of the row, and goes on.
        let delete = |name: &str| {
            let command = Command::Policy(PolicyCommand::Delete { name: name.to_owned() });
            commit(&ledger, Submission::write(command, draft(Kind::PolicyWrite))).unwrap().outcome
        };
        if swap {
            assert!(matches!(delete("one"), Err(broker_core::refusal::Refusal::Corrupt(_))));
            write_policy(&ledger, "three", "x");
        }
    }
}

#[test]
fn an_edited_checkpoint_or_lost_database_is_refused() {
    let media: Arc<dyn Media> = Arc::new(MemMedia::default());
    let (ledger, _) = Ledger::open(options(Arc::clone(&media), 1)).unwrap();
    record(&ledger);
    drop(ledger);
    let mut kept = Vec::new();
    edit(&media, |transaction| {
        let mut meta = transaction.open_table(META).unwrap();
        kept = meta.get("checkpoint").unwrap().unwrap().value().to_vec();
        let mut changed = kept.clone();
        changed[30] ^= 1;
        meta.insert("checkpoint", changed.as_slice()).unwrap();
    });
    assert!(message(Ledger::open(options(Arc::clone(&media), 1))).contains("damaged"));
    edit(&media, |transaction| {
        transaction.open_table(META).unwrap().insert("checkpoint", kept.as_slice()).unwrap();
    });
    Ledger::open(options(Arc::clone(&media), 1)).unwrap();
    // Segments that are shorter than at the last checkpoint.
    let segment = media.open("audit-00000001.ndjson").unwrap();
    let length = segment.len().unwrap();
    segment.set_len(length - 1).unwrap();
    assert!(message(Ledger::open(options(Arc::clone(&media), 1))).contains("audit-00000001.ndjson"));
    media.remove("store.redb").unwrap();
    assert!(message(Ledger::open(options(Arc::clone(&media), 1))).contains("store.redb is missing"));
}

/// Names and values of secrets, and the words of the keyring, are in no file, before and after a checkpoint.
#[test]
fn no_secret_lies_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = in_folder(folder.path(), SealSource::Key(SealKey::new([1; 32]))).unwrap();
    let mut random = [0; 12];
    ledger.random(&mut random);
    let mark: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let (name, value) = (format!("name-{mark}"), format!("value-{mark}"));
    write_policy(&ledger, &name, &value);
    let search = |what: &str| {
        std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .filter(|bytes| bytes.windows(what.len()).any(|w| w == what.as_bytes()))
            .count()
    };
    for closed in [false, true] {
        if closed {
            ledger.close().unwrap();
        }
        // The record itself is plain text: the search finds what is there.
        assert!(search("\"policy.write\"") > 0);
        assert_eq!((search(&name), search(&value)), (0, 0), "closed: {closed}");
    }
    let mode = |path: &Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    };
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
