//! Strict validation of a document against a shape: unknown fields, wrong types, fields that are not built yet.

use crate::yaml::{Kind, Node};

/// What a field may hold.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A string; not a number or boolean, as in Kubernetes.
    Text,
    /// A boolean.
    Flag,
    /// A string or a whole number.
    TextOrNumber,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A map of strings.
    TextMap,
    /// A map of fields.
    Object(&'static [Field]),
    /// A list.
    List(&'static Shape),
    /// Anything; without effect here, so not looked at.
    Ignored,
    /// Known in the field, without support here: any value but `false` stops the object.
    NotYet,
}

/// One field of an object.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// An optional field.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// A field that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// Something wrong at one place of a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Line within the document.
    pub(crate) line: u64,
    /// Path such as `spec.data[0].remoteRef.key`.
    pub(crate) field: String,
    /// What to do about it; never holds a value.
    pub(crate) message: String,
}

/// Findings of one document, all at once.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// Adds one.
    pub(crate) fn add(&mut self, line: u64, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding { line, field: field.into(), message: message.into() });
    }
}

/// Checks a node against a shape. `not_yet` is what to say about a field without support; `path` names the node.
pub(crate) fn check(node: &Node, shape: &Shape, path: &str, not_yet: &str, findings: &mut Findings) {
    let wrong = match (shape, &node.kind) {
        (Shape::Ignored, _)
        | (Shape::Text | Shape::TextOrNumber, Kind::Text(_))
        | (Shape::Flag, Kind::Bool(_))
        | (Shape::NotYet, Kind::Bool(false)) => None,
        (Shape::NotYet, _) => Some(not_yet.to_owned()),
        (Shape::TextOrNumber, Kind::Number(text)) if text.parse::<i64>().is_ok() => None,
        (Shape::Choice(choices), Kind::Text(text)) => (!choices.contains(&text.as_str()))
            .then(|| format!("unsupported value, supported values are: {}", choices.join(", "))),
        (Shape::List(inner), Kind::List(list)) => {
            for (at, item) in list.iter().enumerate() {
                check(item, inner, &format!("{path}[{at}]"), not_yet, findings);
            }
            None
        }
        (Shape::TextMap, Kind::Map(fields)) => {
            for (name, value) in fields {
                check(value, &Shape::Text, &format!("{path}.{name}"), not_yet, findings);
            }
            None
        }
        (Shape::Object(fields), Kind::Map(_)) => {
            check_object(node, fields, path, not_yet, findings);
            None
        }
        (Shape::Text | Shape::Choice(_), Kind::Number(_) | Kind::Bool(_)) => {
            Some("expected a string; put the value in quotes".to_owned())
        }
        _ => Some(format!("expected {}", expected(shape))),
    };
    if let Some(message) = wrong {
        findings.add(node.line, path, message);
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Choice(_) => "a string",
        Shape::TextOrNumber => "a string or a whole number",
        Shape::Flag => "true or false",
        Shape::TextMap => "a map of strings",
        Shape::Object(_) => "a map",
        Shape::List(_) => "a list",
        Shape::Ignored | Shape::NotYet => "another value",
    }
}

fn check_object(node: &Node, fields: &[Field], path: &str, not_yet: &str, findings: &mut Findings) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, value) in node.fields() {
        match fields.iter().find(|field| field.name == name) {
            None => findings.add(value.line, join(name), "unknown field; correct its name or remove it"),
            Some(_) if matches!(value.kind, Kind::Null) => {}
            Some(field) => check(value, &field.shape, &join(name), not_yet, findings),
        }
    }
    for field in fields.iter().filter(|field| field.required && node.get(field.name).is_none()) {
        findings.add(node.line, join(field.name), "required field is missing");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: &[Field] = &[must("key", Shape::Text), may("n", Shape::TextOrNumber)];
    const SHAPE: Shape = Shape::Object(&[
        must("name", Shape::Text),
        may("flag", Shape::Flag),
        may("policy", Shape::Choice(&["A", "B"])),
        may("labels", Shape::TextMap),
        may("items", Shape::List(&Shape::Object(INNER))),
        may("later", Shape::NotYet),
        may("any", Shape::Ignored),
    ]);

    #[track_caller]
    fn run(text: &str, want: &[&str]) {
        let Ok(node) = Node::read(text) else { panic!("{text}") };
        let mut findings = Findings::default();
        check(&node, &SHAPE, "", "not supported yet", &mut findings);
        let got: Vec<_> =
            findings.0.iter().map(|it| format!("{} {}: {}", it.line, it.field, it.message)).collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn shapes() {
        run(
            "{name: a, flag: true, policy: B, labels: {a: b}, items: [{key: k, n: 1}, {key: k, n: s}], any: [1]}",
            &[],
        );
        run("name: a\nflag: ~\nlater: ~\n", &[]);
        run("name: a\nlater: false\n", &[]);
        run("name: a\nlater: {}\n", &["2 later: not supported yet"]);
        run("name: a\nlater: true\n", &["2 later: not supported yet"]);
        run("name: ~", &["1 name: required field is missing"]);
        run("name: 1", &["1 name: expected a string; put the value in quotes"]);
        run("name: [a]", &["1 name: expected a string"]);
        run("name: a\nflag: maybe", &["2 flag: expected true or false"]);
        run("name: a\npolicy: C", &["2 policy: unsupported value, supported values are: A, B"]);
        run("name: a\nlabels: {a: yes}", &["2 labels.a: expected a string; put the value in quotes"]);
        run("name: a\nlabels: x", &["2 labels: expected a map of strings"]);
        run("name: a\nitems: {}", &["2 items: expected a list"]);
        run("name: a\nitems: [1]", &["2 items[0]: expected a map"]);
        run("[]", &["1 : expected a map"]);
    }

    #[test]
    fn all_findings_at_once() {
        run(
            "nam: a\nitems:\n- key: k\n  n: 1.5\n- kee: k\n",
            &[
                "1 nam: unknown field; correct its name or remove it",
                "4 items[0].n: expected a string or a whole number",
                "5 items[1].kee: unknown field; correct its name or remove it",
                "5 items[1].key: required field is missing",
                "1 name: required field is missing",
            ],
        );
    }

    #[test]
    fn values_stay_out_of_findings() {
        let Ok(node) = Node::read("{name: [hunter2], policy: hunter2, flag: hunter2, later: hunter2}") else {
            panic!()
        };
        let mut findings = Findings::default();
        check(&node, &SHAPE, "", "not supported yet", &mut findings);
        assert_eq!(findings.0.len(), 4);
        assert!(!format!("{:?}", findings.0).contains("hunter2"));
    }
}
