//! Loading several rows at once, so that a decision stops as seldom as it can.

use crate::command::Halt;
use crate::row::{Need, RowKey, Rows};

/// The rows of all keys, in their order.
///
/// # Errors
/// [`Halt::Need`] with every row that was not loaded yet.
pub(crate) fn get_all<'a, const N: usize>(
    rows: &'a Rows,
    keys: [&RowKey; N],
) -> Result<[Option<&'a [u8]>; N], Halt> {
    let mut found = [None; N];
    let mut needs = Needs::default();
    for (place, key) in found.iter_mut().zip(keys) {
        *place = needs.take(rows.get(key))?.flatten();
    }
    needs.finish()?;
    Ok(found)
}

/// Needs collected over several look-ups.
#[derive(Default)]
pub(crate) struct Needs(Vec<Need>);

impl Needs {
    /// Keeps the needs of a look-up and goes on without its answer.
    ///
    /// # Errors
    /// A refusal ends the decision at once.
    pub(crate) fn take<T>(&mut self, looked_up: Result<T, Halt>) -> Result<Option<T>, Halt> {
        match looked_up {
            Ok(found) => Ok(Some(found)),
            Err(Halt::Need(needs)) => {
                self.0.extend(needs);
                Ok(None)
            }
            Err(refused) => Err(refused),
        }
    }

    /// Ends the collection.
    ///
    /// # Errors
    /// [`Halt::Need`] when anything was missing.
    pub(crate) fn finish(self) -> Result<(), Halt> {
        if self.0.is_empty() { Ok(()) } else { Err(Halt::Need(self.0)) }
    }
}
