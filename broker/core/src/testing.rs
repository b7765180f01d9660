//! An in-memory store for tests: it loads the rows that a decision needs and carries its mutations out.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{Command, Effects, Halt, apply};
use crate::refusal::Refusal;
use crate::row::{Mutation, Need, RowKey, RowValue, Rows};

/// A decision that asks for rows more often than this never ends.
const MAX_ROUNDS: usize = 10_000;

/// All rows, in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: BTreeMap<RowKey, RowValue>,
    /// Rounds that the last command took, the last one included.
    pub rounds: usize,
}

impl MemoryStore {
    /// Decides a command and carries it out.
    ///
    /// # Errors
    /// The refusal; nothing is changed then.
    pub fn run(&mut self, command: &Command) -> Result<Effects, Refusal> {
        let mut rows = Rows::default();
        for round in 1..=MAX_ROUNDS {
            self.rounds = round;
            match apply(&rows, command) {
                Ok(effects) => {
                    for mutation in &effects.mutations {
                        self.mutate(mutation);
                    }
                    return Ok(effects);
                }
                Err(Halt::Refused(refusal)) => return Err(refusal),
                Err(Halt::Need(needs)) => self.load(&mut rows, needs),
            }
        }
        Err(Refusal::Corrupt("a decision that never ends"))
    }

    fn load(&self, rows: &mut Rows, needs: Vec<Need>) {
        for need in needs {
            match need {
                Need::Row(key) => {
                    let value = self.rows.get(&key).cloned();
                    rows.insert(key, value);
                }
                Need::Children(key) => {
                    let names = self.children(&key);
                    rows.insert_children(key, names);
                }
            }
        }
    }

    fn mutate(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::Put(key, value) => {
                self.rows.insert(key.clone(), value.clone());
            }
            Mutation::Delete(key) => {
                self.rows.remove(key);
            }
            Mutation::DeleteTree(root) => {
                let below = format!("{}/", root.key);
                self.rows.retain(|key, _| {
                    key.table != root.table || (key.key != root.key && !key.key.starts_with(&below))
                });
            }
        }
    }

    /// The bytes of a row.
    pub fn get(&self, key: &RowKey) -> Option<&[u8]> {
        self.rows.get(key).map(RowValue::expose)
    }

    /// Puts a row in as it is, for tests of damaged rows.
    pub fn put(&mut self, key: RowKey, bytes: &[u8]) {
        self.rows.insert(key, RowValue::new(bytes.to_vec()));
    }

    /// The names below a key, as [`Need::Children`] says; an empty key is the root of the table.
    pub fn children(&self, parent: &RowKey) -> Vec<String> {
        let below = if parent.key.is_empty() { String::new() } else { format!("{}/", parent.key) };
        let in_table = self.rows.keys().filter(|k| k.table == parent.table);
        let names: BTreeSet<String> = in_table
            .filter_map(|k| k.key.strip_prefix(&below))
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => format!("{name}/"),
                None => rest.to_owned(),
            })
            .collect();
        names.into_iter().collect()
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &RowKey> {
        self.rows.keys()
    }
}
