//! Rows: what the store keeps, named by table and key, and the rows a command was given to decide on.

use std::collections::BTreeMap;
use zeroize::Zeroizing;

use crate::command::Halt;

/// The table a row lives in. The number is part of the format on disk and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Mount points of secret engines; key: the mount path with its trailing slash left out.
    Mount = 1,
    /// Policies written over the API; key: the policy's name.
    Policy = 2,
    /// Tokens; key: the keyed hash of the token, in hex.
    Token = 3,
    /// From a token's accessor to its key in [`Table::Token`].
    Accessor = 4,
    /// Children of a token; key: parent's key, slash, child's key; the value is empty.
    TokenChild = 5,
    /// KV version 2 metadata; key: mount id, slash, secret path.
    KvMeta = 6,
    /// KV version 2 values; key: mount id, slash, secret path, slash, version.
    KvData = 7,
    /// KV version 2 settings of a mount; key: mount id.
    KvConfig = 8,
    /// KV version 1 values; key: mount id, slash, secret path.
    Kv1 = 9,
    /// Changes by revision, for the change stream; key: the revision as 20 decimal digits.
    Change = 10,
    /// Positions of senders of delivery records; key: sender.
    Sender = 11,
    /// Token roles; key: the role's name.
    TokenRole = 12,
    /// Auth methods; key: the path below `auth/` as one segment.
    AuthMount = 13,
    /// Settings of an auth method; key: its id.
    AuthConfig = 14,
    /// Roles of an auth method; key: its id, slash, the role's name.
    AuthRole = 15,
}

impl Table {
    /// All tables, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Mount,
        Self::Policy,
        Self::Token,
        Self::Accessor,
        Self::TokenChild,
        Self::KvMeta,
        Self::KvData,
        Self::KvConfig,
        Self::Kv1,
        Self::Change,
        Self::Sender,
        Self::TokenRole,
        Self::AuthMount,
        Self::AuthConfig,
        Self::AuthRole,
    ];
}

/// Names one row. `key` is a path of segments separated by `/`; the store protects each segment by itself, so
/// that the children of a key can be listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The table.
    pub table: Table,
    /// The key inside the table: non-empty segments separated by `/`.
    pub key: String,
}

impl RowKey {
    /// A key in a table.
    pub fn new(table: Table, key: impl Into<String>) -> Self {
        Self { table, key: key.into() }
    }

    /// A key made of several parts, joined by `/`.
    pub fn join(table: Table, parts: &[&str]) -> Self {
        Self { table, key: parts.join("/") }
    }
}

/// The bytes of a row in clear; wiped when dropped, never printed.
#[derive(Clone, Default)]
pub struct RowValue(pub Zeroizing<Vec<u8>>);

impl RowValue {
    /// Takes bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for RowValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowValue({} bytes)", self.0.len())
    }
}

/// One change of the store, carried out by its adapter inside the transaction of the command.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// Writes a row, whether it was there or not.
    Put(RowKey, RowValue),
    /// Removes a row; nothing happens where there is none.
    Delete(RowKey),
    /// Removes every row whose key lies below this one (the row itself too).
    DeleteTree(RowKey),
}

/// Something a decision needs to see before it can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// One row.
    Row(RowKey),
    /// The names of the direct children of a key: `a` for a row, `a/` where rows lie below it; sorted.
    Children(RowKey),
}

/// The rows loaded so far for one decision: asking for another one stops it with [`Halt::Need`], and the
/// adapter loads that row and decides again.
#[derive(Default)]
pub struct Rows {
    rows: BTreeMap<RowKey, Option<RowValue>>,
    children: BTreeMap<RowKey, Vec<String>>,
}

impl Rows {
    /// Puts a loaded row in; `None` means that the store has no such row.
    pub fn insert(&mut self, key: RowKey, value: Option<RowValue>) {
        self.rows.insert(key, value);
    }

    /// Puts the loaded children of a key in.
    pub fn insert_children(&mut self, key: RowKey, names: Vec<String>) {
        self.children.insert(key, names);
    }

    /// The row, `None` where the store has none.
    ///
    /// # Errors
    /// [`Halt::Need`] when the row was not loaded yet.
    pub fn get(&self, key: &RowKey) -> Result<Option<&[u8]>, Halt> {
        match self.rows.get(key) {
            Some(value) => Ok(value.as_ref().map(RowValue::expose)),
            None => Err(Halt::Need(vec![Need::Row(key.clone())])),
        }
    }

    /// The names of the direct children of a key.
    ///
    /// # Errors
    /// [`Halt::Need`] when they were not loaded yet.
    pub fn children(&self, key: &RowKey) -> Result<&[String], Halt> {
        match self.children.get(key) {
            Some(names) => Ok(names),
            None => Err(Halt::Need(vec![Need::Children(key.clone())])),
        }
    }
}
