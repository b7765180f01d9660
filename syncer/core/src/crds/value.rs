//! A tree of plain values, and its two forms: JSON in one line and YAML in blocks.

/// A value of JSON; the fields of a map keep their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Whole(i64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A list.
pub(super) fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

/// A map with its fields in this order.
pub(super) fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Value {
    /// JSON without any white space between its parts.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::new();
        json(self, &mut out);
        out
    }

    /// YAML in block style; equal values give equal text.
    pub(super) fn to_yaml(&self) -> String {
        let mut out = String::new();
        yaml_block(self, 0, &mut out);
        out
    }
}

fn json(value: &Value, out: &mut String) {
    match value {
        Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Whole(number) => out.push_str(&number.to_string()),
        Value::Text(text) => quoted(text, out),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json(item, out);
            }
            out.push(']');
        }
        Value::Map(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quoted(name, out);
                out.push(':');
                json(value, out);
            }
            out.push('}');
        }
    }
}

/// A string of JSON, which is a string of YAML too.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ch if ch.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(ch))),
            ch => out.push(ch),
        }
    }
    out.push('"');
}

/// A map, a list, or one scalar, from a new line on.
fn yaml_block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Map(fields) if !fields.is_empty() => yaml_fields(fields, indent, " ".repeat(indent), out),
        Value::List(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&" ".repeat(indent));
                match item {
                    Value::Map(fields) if !fields.is_empty() => {
                        yaml_fields(fields, indent + 2, "- ".to_owned(), out);
                    }
                    Value::List(inner) if !inner.is_empty() => {
                        out.push_str("-\n");
                        yaml_block(item, indent + 2, out);
                    }
                    scalar => {
                        out.push_str("- ");
                        yaml_scalar(scalar, out);
                        out.push('\n');
                    }
                }
            }
        }
        scalar => {
            out.push_str(&" ".repeat(indent));
            yaml_scalar(scalar, out);
            out.push('\n');
        }
    }
}

/// The fields of a map; `lead` stands before the first of them.
fn yaml_fields(fields: &[(String, Value)], indent: usize, lead: String, out: &mut String) {
    let mut lead = lead;
    for (name, value) in fields {
        out.push_str(&lead);
        lead = " ".repeat(indent);
        yaml_text(name, out);
        out.push(':');
        match value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                yaml_block(value, indent + 2, out);
            }
            Value::List(inner) if !inner.is_empty() => {
                out.push('\n');
                yaml_block(value, indent, out);
            }
            scalar => {
                out.push(' ');
                yaml_scalar(scalar, out);
                out.push('\n');
            }
        }
    }
}

fn yaml_scalar(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => yaml_text(text, out),
        other => json(other, out),
    }
}

fn yaml_text(text: &str, out: &mut String) {
    if plain(text) { out.push_str(text) } else { quoted(text, out) }
}

/// Whether every reader of YAML 1.1 and 1.2 takes the bare text for this very string.
fn plain(text: &str) -> bool {
    const RESERVED: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|ch| ch.is_ascii_alphanumeric() || " _-./,;()'=*+<>".contains(ch))
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, yaml: &str) {
        assert_eq!(value.to_yaml(), yaml);
        let json: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
        let read: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(read, json, "{yaml}");
    }

    #[test]
    fn both_forms_say_the_same() {
        check(map([]), "{}\n");
        check(map([("a", true.into()), ("b", (-7_i64).into()), ("c", "x".into())]), "a: true\nb: -7\nc: x\n");
        check(map([("a", map([("b", list(["c", "d"]))]))]), "a:\n  b:\n  - c\n  - d\n");
        check(
            list([map([("a", list::<&str>([])), ("b", map([]))]), map([("c", list([list([1_i64, 2])]))])]),
            "- a: []\n  b: {}\n- c:\n  -\n    - 1\n    - 2\n",
        );
        for text in [
            "", "yes", "No", "TRUE", "null", "~", "1", "1h", ".5", "a: b", "a #b", "a ", "- a", "\"", "\\d",
            "a\nb", "\u{7f}", "é", "0x1", "@daily", "*", "{a}", "[a]",
        ] {
            let value = map([("a", text.into())]);
            assert!(value.to_yaml().starts_with("a: \""), "{text:?} is quoted");
            check(value.clone(), &value.to_yaml());
        }
        for text in ["a", "a b, c; (d)", "it's", "a/b.c-d_e", "n/a", "x=1", "none"] {
            check(map([("a", text.into())]), &format!("a: {text}\n"));
        }
    }
}
