//! What became of each object, for people and programs: the text of `status.json`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Name of the file.
pub const FILE: &str = "status.json";

/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 4000;

/// The state of one object. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// Whether its Secret is as the object asks for, as far as is known.
    pub ready: bool,
    /// One word: `SecretSynced`, `SecretSyncedError`, `SecretDeleted`, `InvalidManifest`, …
    pub reason: String,
    /// What happened and what to do.
    pub message: String,
    /// The version that was read, if it was one secret.
    pub version: Option<u64>,
    /// The versions of all secrets that were read, by path.
    pub versions: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'a str,
    #[serde(flatten)]
    state: &'a State,
    /// When this state began.
    time: &'a str,
}

#[derive(Serialize)]
struct Wire<'a> {
    objects: Vec<Row<'a>>,
}

/// The states of all objects.
#[derive(Debug, Default)]
pub struct Board {
    states: BTreeMap<String, (State, String)>,
    dirty: bool,
}

impl State {
    /// A state without versions.
    pub fn new(ready: bool, reason: &str, message: &str) -> Self {
        let message = message.chars().take(MAX_MESSAGE).collect();
        Self { ready, reason: reason.to_owned(), message, version: None, versions: BTreeMap::new() }
    }
}

impl Board {
    /// Sets an object's state.
    ///
    /// # Returns
    /// Whether it is another state than before: only then is it worth a line in the log.
    pub fn set(&mut self, object: &str, state: State, time: impl FnOnce() -> String) -> bool {
        if self.states.get(object).is_some_and(|(old, _)| *old == state) {
            return false;
        }
        self.states.insert(object.to_owned(), (state, time()));
        self.dirty = true;
        true
    }

    /// Forgets the objects that are not there any more.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        let before = self.states.len();
        self.states.retain(|object, _| is_there(object));
        self.dirty |= self.states.len() != before;
    }

    /// How many objects are ready, and how many are not.
    pub fn count(&self) -> (usize, usize) {
        let ready = self.states.values().filter(|(state, _)| state.ready).count();
        (ready, self.states.len() - ready)
    }

    /// Whether it changed since the last [`Board::text`].
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The text of the file.
    pub fn text(&mut self) -> String {
        self.dirty = false;
        let rows = self.states.iter().map(|(object, (state, time))| Row { object, state, time });
        let wire = Wire { objects: rows.collect() };
        // Texts and numbers always have a JSON form.
        let mut text = serde_json::to_string_pretty(&wire).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_state_is_news() {
        let mut board = Board::default();
        let at = |time: &str| time.to_owned();
        assert!(board.set("a", State::new(false, "SecretSyncedError", "sealed"), || at("1")));
        assert!(!board.set("a", State::new(false, "SecretSyncedError", "sealed"), || at("2")));
        assert!(board.set("b", State::new(true, "SecretSynced", ""), || at("3")));
        assert_eq!(board.count(), (1, 1));
        let text = board.text();
        assert!(!board.is_dirty());
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let wanted = serde_json::json!({"objects": [
            {"object": "a", "ready": false, "reason": "SecretSyncedError", "message": "sealed", "version": null,
             "versions": {}, "time": "1"},
            {"object": "b", "ready": true, "reason": "SecretSynced", "message": "", "version": null,
             "versions": {}, "time": "3"},
        ]});
        assert_eq!(read, wanted);
        board.keep(|object| object == "b");
        assert!(board.is_dirty());
        assert_eq!(board.count(), (1, 0));
    }
}
