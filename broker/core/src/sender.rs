//! The numbering of senders of delivery records: each batch says where it begins, and a gap is recorded.

use serde::{Deserialize, Serialize};

use crate::command::{Effects, Halt, Reply};
use crate::refusal::Refusal;
use crate::row::{Mutation, RowKey, RowValue, Rows, Table};

const FORMAT: u8 = 1;

/// A batch of records arrived.
#[derive(Debug)]
pub struct SenderCommand {
    /// Who sent it: the verified identity and the sender's own name for its stream, as one key segment.
    pub sender: String,
    /// Number of the first record of the batch.
    pub first: u64,
    /// Records in the batch, at least 1.
    pub count: u64,
}

/// Key of the row with the position of a sender.
pub fn sender_key(sender: &str) -> RowKey {
    RowKey::new(Table::Sender, sender)
}

#[derive(Serialize, Deserialize)]
struct PositionWire {
    v: u8,
    next: u64,
}

/// Reads the row of a sender: the number it goes on with; `None` where it is no such row.
pub fn decode_position(bytes: &[u8]) -> Option<u64> {
    let wire: PositionWire = serde_json::from_slice(bytes).ok()?;
    (wire.v == FORMAT).then_some(wire.next)
}

/// Moves the sender's position: a batch already recorded is refused (the sender may go on with the next), a hole
/// before it is answered as a gap, which the caller records. A sender without a position begins at 1.
///
/// # Errors
/// See [`crate::command::apply`]. [`Refusal::Invalid`] names the number that is expected next.
pub fn apply(rows: &Rows, command: &SenderCommand) -> Result<Effects, Halt> {
    let key = sender_key(&command.sender);
    let expected = match rows.get(&key)? {
        Some(row) => decode_position(row).ok_or(Refusal::Corrupt("sender"))?,
        None => 1,
    };
    let first = command.first;
    if first < expected {
        return Err(Refusal::Invalid(format!(
            "records from {first} on are here already; go on with number {expected}"
        ))
        .into());
    }
    let next = match first.checked_add(command.count) {
        Some(next) if command.count > 0 => next,
        _ => return Err(Refusal::Invalid("a batch holds at least one record".to_owned()).into()),
    };
    let gap = (first > expected).then(|| (expected, first - 1));
    // Numbers have no way to fail.
    let row = RowValue::new(serde_json::to_vec(&PositionWire { v: FORMAT, next }).unwrap_or_default());
    Ok(Effects { mutations: vec![Mutation::Put(key, row)], changes: Vec::new(), reply: Reply::Gap(gap) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::testing::MemoryStore;

    #[test]
    fn numbers_go_on_and_gaps_are_told() {
        let mut store = MemoryStore::default();
        let here =
            |first, next| format!("records from {first} on are here already; go on with number {next}");
        let empty = || "a batch holds at least one record".to_owned();
        for (sender, first, count, expected) in [
            ("a", 1, 3, Ok(None)),
            ("a", 4, 1, Ok(None)),
            ("a", 4, 1, Err(here(4, 5))),
            ("a", 1, 9, Err(here(1, 5))),
            ("a", 5, 0, Err(empty())),
            ("a", 9, 2, Ok(Some((5, 8)))),
            ("a", 11, 1, Ok(None)),
            ("b", 0, 1, Err(here(0, 1))),
            ("b", 3, 1, Ok(Some((1, 2)))),
            ("b", u64::MAX, 1, Err(empty())),
        ] {
            let command = Command::Sender(SenderCommand { sender: sender.to_owned(), first, count });
            let got = store.run(&command).map_err(|refusal| refusal.to_string()).map(|effects| {
                let Reply::Gap(gap) = effects.reply else { panic!("not a gap") };
                gap
            });
            assert_eq!(got, expected, "{sender} {first} {count}");
        }
        assert_eq!(store.get(&sender_key("a")).and_then(decode_position), Some(12));
        store.put(sender_key("c"), b"?");
        let command = Command::Sender(SenderCommand { sender: "c".to_owned(), first: 1, count: 1 });
        assert_eq!(store.run(&command).unwrap_err(), Refusal::Corrupt("sender"));
    }
}
