//! One YAML document as a tree whose nodes know their line; text is wiped when dropped, because it may be a secret.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use zeroize::Zeroizing;

/// Most nodes of one document.
const MAX_NODES: usize = 100_000;
/// Deepest nesting; a level takes up to 40 KiB of stack in a build without optimisation, and threads have 2 MiB.
const MAX_DEPTH: usize = 32;

/// A value and the line it stands on, counted from 1 within its document.
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) kind: Kind,
}

/// What a YAML value is, by the rules of YAML 1.1 that Kubernetes follows.
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// What is wrong with a document, and the line within it. Never holds text of the document's values.
pub(crate) struct YamlError {
    pub(crate) line: Option<u64>,
    pub(crate) message: String,
}

impl Node {
    /// Reads one document.
    pub(crate) fn read(text: &str) -> Result<Self, YamlError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! { max_nodes: MAX_NODES, max_depth: MAX_DEPTH, max_documents: 2 },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        };
        serde_saphyr::from_str_with_options::<Spanned<Kind>>(text, options).map(Self::from).map_err(|error| {
            let line = error.location().map(|at| at.line()).filter(|line| *line > 0);
            YamlError { line, message: plain_message(error.without_snippet()) }
        })
    }

    /// The value of a field of a map; an explicit `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Kind::Map(fields) = &self.kind else { return None };
        let (_, node) = fields.iter().find(|(field, _)| field == name)?;
        (!matches!(node.kind, Kind::Null)).then_some(node)
    }

    /// The node at a path of fields.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The fields of a map; nothing for any other kind.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        if let Kind::Map(fields) = &self.kind { fields } else { &[] }
    }

    /// The elements of a list; nothing for any other kind.
    pub(crate) fn list(&self) -> &[Self] {
        if let Kind::List(list) = &self.kind { list } else { &[] }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// The text of a field that is a non-empty string; the empty string counts as absent, as in Go.
    pub(crate) fn get_text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text().filter(|text| !text.is_empty())
    }

    /// Whether a field is the boolean `true`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.get(name).map(|node| &node.kind), Some(Kind::Bool(true)))
    }
}

/// The message for people, without the place, which is only right within the document.
fn plain_message(error: &serde_saphyr::Error) -> String {
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

impl From<Spanned<Kind>> for Node {
    fn from(spanned: Spanned<Kind>) -> Self {
        Self { line: spanned.referenced.line(), kind: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Kind, E> {
        Ok(Kind::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Kind, E> {
        Ok(Kind::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(Zeroizing::new(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Kind>>()? {
            list.push(Node::from(item));
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Spanned<Kind>>()? {
            fields.push((key, Node::from(value)));
        }
        Ok(Kind::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short form of the tree: kinds, values and lines.
    fn show(node: &Node) -> String {
        let inner = match &node.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => format!("bool {value}"),
            Kind::Number(value) => format!("number {value}"),
            Kind::Text(value) => format!("text {}", value.as_str()),
            Kind::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
            Kind::Map(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|(key, value)| format!("{key}: {}", show(value))).collect();
                format!("{{{}}}", fields.join(", "))
            }
        };
        format!("{inner}@{}", node.line)
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = Node::read(text)
            .map(|node| show(&node))
            .unwrap_or_else(|error| format!("error {:?}", error.line));
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn scalars_as_kubernetes_reads_them() {
        check("a: yes", "{a: bool true@1}@1");
        check("a: \"yes\"", "{a: text yes@1}@1");
        check("a: off", "{a: bool false@1}@1");
        check("a: 1", "{a: number 1@1}@1");
        check("a: 1.5", "{a: number 1.5@1}@1");
        check("a: 1h", "{a: text 1h@1}@1");
        check("a: ~", "{a: null@1}@1");
        check("a:", "{a: null@1}@1");
        check("a: |\n  x\n  y\nb: 2", "{a: text x\ny\n@2, b: number 2@4}@1");
        check("- a\n- b: c\n", "[text a@1, {b: text c@2}@2]@1");
        check(
            "x: &l {a: 1}\ny:\n  <<: *l\n  b: 2",
            "{x: {a: number 1@1}@1, y: {b: number 2@4, a: number 1@3}@3}@1",
        );
    }

    #[test]
    fn broken_documents_name_their_line() {
        check("a: 1\nb: [", "error Some(2)");
        check("a: 1\na: 2", "error Some(2)");
        check("a: 1\nb: \"open", "error Some(2)");
        check(&"[".repeat(100), "error Some(1)");
    }

    #[test]
    fn limits() {
        let nested = |levels: usize| format!("{}x{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Node::read(&nested(MAX_DEPTH)).is_ok());
        assert!(Node::read(&nested(MAX_DEPTH + 1)).is_err());
        let list = |length: usize| "- x\n".repeat(length);
        assert!(Node::read(&list(MAX_NODES - 1)).is_ok());
        assert!(Node::read(&list(MAX_NODES)).is_err());
    }

    #[test]
    fn errors_do_not_show_values() {
        for text in [
            "password: hunter2\npassword: hunter2\n",
            "password: \"hunter2\n",
            "- hunter2\nb: hunter2",
            "hunter2: &a [hunter2, *b]",
        ] {
            let Err(error) = Node::read(text) else { panic!("{text}") };
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }

    #[test]
    fn alias_bombs_are_stopped() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", inner.trim_end_matches(", ")));
        }
        assert!(Node::read(&text).is_err());
    }
}
