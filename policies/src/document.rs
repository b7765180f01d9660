//! Policy documents: what a text says, block by block, before it is decided what can be enforced.

use crate::tree::{Item, ParseError, ParseErrorKind, Position, Value};
use crate::{hcl, json};

/// Largest text of a policy in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// Most `path` blocks in one policy.
pub const MAX_STANZAS: usize = 10_000;

/// Keys of a `path` block that are kept as they are; see [`PathStanza::settings`].
const SETTINGS: [&str; 11] = [
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "control_group",
    "expiration",
    "pagination_limit",
    "list_scan_response_keys_filter_path",
    "subscribe_event_types",
];

/// What a policy's text says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyDocument {
    /// The `name` attribute; it has no effect, the name a policy is stored under counts.
    pub name: Option<String>,
    /// The `path` blocks in the order of the text.
    pub paths: Vec<PathStanza>,
}

/// One `path` block.
#[derive(Debug, Clone, PartialEq)]
pub struct PathStanza {
    /// The pattern as written.
    pub pattern: String,
    /// Where the block starts.
    pub position: Position,
    /// The words of all `capabilities` attributes together, with the place of their attribute.
    pub capabilities: Vec<(String, Position)>,
    /// The legacy `policy` word and its place.
    pub policy: Option<(String, Position)>,
    /// The `comment`.
    pub comment: Option<String>,
    /// All other keys that policies may have, unchecked.
    pub settings: Vec<Setting>,
}

/// A key of a `path` block with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key, for example `allowed_parameters`.
    pub key: String,
    /// The value as written.
    pub value: Value,
    /// Where the key stands.
    pub position: Position,
}

impl PathStanza {
    /// The value of one of the other keys, for example `min_wrapping_ttl`.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&Value> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| &setting.value)
    }
}

impl PolicyDocument {
    /// Reads a policy: JSON if the text starts with `{`, else HCL version 1.
    ///
    /// # Errors
    /// All errors of the text, in its order; an error in the grammar stands alone.
    pub fn parse(text: &str) -> Result<Self, Vec<ParseError>> {
        let (document, errors) = Self::read(text);
        if errors.is_empty() { Ok(document) } else { Err(errors) }
    }

    /// As [`PolicyDocument::parse`], but what could be read comes together with the errors.
    pub(crate) fn read(text: &str) -> (Self, Vec<ParseError>) {
        let mut reader = Reader::default();
        if text.len() > MAX_DOCUMENT_BYTES {
            let message =
                format!("the policy has {} bytes, the limit is {MAX_DOCUMENT_BYTES}; split it", text.len());
            reader.error(Position { line: 1, column: 1 }, ParseErrorKind::Limit(message));
            return (reader.document, reader.errors);
        }
        let is_json = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
        match if is_json { json::parse(text) } else { hcl::parse(text) } {
            Ok(items) => items.into_iter().for_each(|item| reader.top_level(item, is_json)),
            Err(error) => reader.errors.push(error),
        }
        (reader.document, reader.errors)
    }
}

#[derive(Default)]
struct Reader {
    document: PolicyDocument,
    errors: Vec<ParseError>,
}

impl Reader {
    fn error(&mut self, position: Position, kind: ParseErrorKind) {
        self.errors.push(ParseError { kind, position });
    }

    fn wrong_type(&mut self, key: &str, position: Position, wanted: &'static str) {
        self.error(position, ParseErrorKind::WrongType { key: key.to_owned(), wanted });
    }

    fn top_level(&mut self, item: Item, is_json: bool) {
        match item.key() {
            "name" => self.document.name = self.string(item),
            "path" if is_json => self.json_paths(item),
            "path" => self.block(item),
            other => {
                let kind = ParseErrorKind::InvalidKey(other.to_owned());
                self.error(item.position, kind);
            }
        }
    }

    /// In JSON `path` is an object of blocks, or a list of such objects.
    fn json_paths(&mut self, item: Item) {
        let Item { keys, value, position } = item;
        let blocks = match value {
            Value::List(values) => values,
            other => vec![other],
        };
        for value in blocks {
            match value {
                Value::Object(items) if items.iter().all(|i| matches!(i.value, Value::Object(_))) => {
                    items.into_iter().for_each(|item| self.labelled(item));
                }
                value => self.block(Item { keys: keys.clone(), value, position }),
            }
        }
    }

    /// An HCL block: the key `path`, then the pattern; without one, Vault takes the pattern `path`.
    fn block(&mut self, item: Item) {
        let Item { mut keys, value, position } = item;
        if keys.len() > 1 {
            keys.remove(0);
        }
        self.labelled(Item { keys, value, position });
    }

    /// A block whose first key is the pattern.
    fn labelled(&mut self, item: Item) {
        let Item { keys, value, position } = item;
        let Value::Object(items) = value else {
            return self.wrong_type("path", position, "a block in braces");
        };
        if self.document.paths.len() >= MAX_STANZAS {
            if !self.errors.iter().any(|error| matches!(error.kind, ParseErrorKind::Limit(_))) {
                let message = format!("the policy has more than {MAX_STANZAS} path blocks; split it");
                self.error(position, ParseErrorKind::Limit(message));
            }
            return;
        }
        let mut stanza = PathStanza {
            pattern: keys.into_iter().next().unwrap_or_default(),
            position,
            capabilities: Vec::new(),
            policy: None,
            comment: None,
            settings: Vec::new(),
        };
        for item in items {
            self.attribute(&mut stanza, item);
        }
        self.document.paths.push(stanza);
    }

    fn attribute(&mut self, stanza: &mut PathStanza, item: Item) {
        let position = item.position;
        let key = item.key().to_owned();
        let doubled = match key.as_str() {
            "policy" => stanza.policy.is_some(),
            "comment" => stanza.comment.is_some(),
            other => stanza.setting(other).is_some(),
        };
        if doubled {
            return self.error(position, ParseErrorKind::DoubledKey(key));
        }
        match key.as_str() {
            "capabilities" => self.capabilities(stanza, item),
            "policy" => stanza.policy = self.string(item).map(|word| (word, position)),
            "comment" => stanza.comment = self.string(item),
            known if SETTINGS.contains(&known) => {
                stanza.settings.push(Setting { key, value: item.value, position });
            }
            _ => self.error(position, ParseErrorKind::InvalidKey(key)),
        }
    }

    fn capabilities(&mut self, stanza: &mut PathStanza, item: Item) {
        let wanted = "a list of strings, for example [\"read\"]";
        let Value::List(values) = item.value else {
            return self.wrong_type("capabilities", item.position, wanted);
        };
        for value in values {
            match value {
                Value::String(word) => stanza.capabilities.push((word, item.position)),
                _ => return self.wrong_type("capabilities", item.position, wanted),
            }
        }
    }

    fn string(&mut self, item: Item) -> Option<String> {
        if let Value::String(text) = item.value {
            return Some(text);
        }
        self.wrong_type(item.key(), item.position, "a string");
        None
    }
}

#[cfg(test)]
mod tests;
