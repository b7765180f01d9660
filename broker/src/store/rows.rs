//! Rows in the embedded database: reading them in clear, listing below a key, and carrying out raw mutations.

use std::ops::Bound;

use broker_core::change;
use broker_core::command::Change;
use broker_core::row::{RowKey, RowValue, Table};
use redb::{ReadableTable, TableDefinition};
use serde_json::value::RawValue;

use super::ReadError;
use super::codec::Codec;

/// All rows, by their encrypted key.
pub(crate) const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
/// What the store keeps about itself.
pub(crate) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

/// A change of the rows as it goes to the journal: keys and values encrypted. Carrying a sequence of them out
/// once more, from any point of it on, ends in the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RawMutation {
    /// Writes a row.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a row.
    Delete(Vec<u8>),
    /// Removes all rows whose keys begin so.
    DeletePrefix(Vec<u8>),
}

impl RawMutation {
    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Put(key, value) => key.len() + value.len(),
            Self::Delete(key) | Self::DeletePrefix(key) => key.len(),
        }
    }
}

pub(crate) fn storage(error: impl Into<redb::Error>) -> ReadError {
    ReadError::Storage(error.into().to_string())
}

/// The first key after all that begin with `prefix`.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Carries one mutation out.
pub(crate) fn carry_out(
    table: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    mutation: &RawMutation,
) -> Result<(), redb::Error> {
    match mutation {
        RawMutation::Put(key, value) => {
            table.insert(key.as_slice(), value.as_slice())?;
        }
        RawMutation::Delete(key) => {
            table.remove(key.as_slice())?;
        }
        RawMutation::DeletePrefix(prefix) => {
            let end = after_prefix(prefix);
            table.retain_in::<&[u8], _>(prefix.as_slice()..end.as_slice(), |_, _| false)?;
        }
    }
    Ok(())
}

/// A row in clear.
pub(crate) fn get(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    codec: &Codec,
    key: &RowKey,
) -> Result<Option<RowValue>, ReadError> {
    let raw = codec.key(key)?;
    let found = table.get(raw.as_slice()).map_err(storage)?;
    found.map(|stored| codec.open(&raw, stored.value())).transpose()
}

/// The names of the direct children of a key, sorted: `a` for a row, `a/` where rows lie below it.
pub(crate) fn children(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    codec: &Codec,
    key: &RowKey,
) -> Result<Vec<String>, ReadError> {
    let parent = codec.prefix(key)?;
    let end = after_prefix(&parent);
    let mut names = Vec::new();
    let mut from = Bound::Excluded(parent.clone());
    // Each round walks over rows without anything below them, and ends where a subtree has to be skipped.
    loop {
        let bounds = (from.as_ref().map(Vec::as_slice), Bound::Excluded(end.as_slice()));
        let mut last_row: Option<(Vec<u8>, String)> = None;
        let mut skip = None;
        for entry in table.range::<&[u8]>(bounds).map_err(storage)? {
            let (found, _) = entry.map_err(storage)?;
            let found = found.value();
            if let Some((row, name)) = last_row.take().filter(|(row, _)| found.starts_with(row)) {
                names.push(format!("{name}/"));
                skip = Some(after_prefix(&row));
                break;
            }
            let (length, name) = codec.child(&parent, found)?;
            if found.len() == length {
                names.push(name.clone());
                last_row = Some((found.to_vec(), name));
            } else {
                names.push(format!("{name}/"));
                skip = found.get(..length).map(after_prefix);
                break;
            }
        }
        match skip {
            Some(next) => from = Bound::Included(next),
            None => break,
        }
    }
    names.sort();
    Ok(names)
}

/// Key of the changes of one revision.
pub(crate) fn change_key(revision: u64) -> RowKey {
    RowKey::new(Table::Change, format!("{revision:020}"))
}

/// All changes of one revision as a row's value.
pub(crate) fn encode_changes(changes: &[Change]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (at, one) in changes.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&change::encode(one));
    }
    out.push(b']');
    out
}

fn decode_changes(row: &[u8]) -> Option<Vec<Change>> {
    let lines: Vec<&RawValue> = serde_json::from_slice(row).ok()?;
    lines.iter().map(|line| change::decode(line.get().as_bytes())).collect()
}

/// Changes after a revision, whole revisions, until there are `limit`.
pub(crate) fn changes_after(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    codec: &Codec,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, Change)>, ReadError> {
    let damaged = || ReadError::Damaged("a change is not understood");
    let prefix = codec.prefix(&RowKey::new(Table::Change, ""))?;
    let (from, end) = (codec.key(&change_key(after))?, after_prefix(&prefix));
    let bounds = (Bound::Excluded(from.as_slice()), Bound::Excluded(end.as_slice()));
    let mut out = Vec::new();
    for entry in table.range::<&[u8]>(bounds).map_err(storage)? {
        if out.len() >= limit {
            break;
        }
        let (key, value) = entry.map_err(storage)?;
        let (_, name) = codec.child(&prefix, key.value())?;
        let revision: u64 = name.parse().map_err(|_| damaged())?;
        let row = codec.open(key.value(), value.value())?;
        out.extend(decode_changes(row.expose()).ok_or_else(damaged)?.into_iter().map(|c| (revision, c)));
    }
    Ok(out)
}
