//! A builder for the structural OpenAPI schemas that a CustomResourceDefinition may hold.

use super::value::{Value, list, map};

/// The schema of one field, with its description.
#[derive(Clone)]
pub(super) struct Schema(Vec<(String, Value)>);

/// One field of an object.
#[derive(Clone)]
pub(super) struct Field {
    name: &'static str,
    schema: Schema,
    required: bool,
}

/// A condition over several fields, in CEL; `self` is the value that the rule stands at.
pub(super) struct Rule {
    /// What must hold.
    pub(super) check: &'static str,
    /// What to do when it does not.
    pub(super) message: &'static str,
    /// The field to blame, from `self` on.
    pub(super) field: &'static str,
}

/// An optional field.
pub(super) fn may(name: &'static str, schema: Schema) -> Field {
    Field { name, schema, required: false }
}

/// A field that must be there.
pub(super) fn must(name: &'static str, schema: Schema) -> Field {
    Field { name, schema, required: true }
}

/// A string.
pub(super) fn text(about: &str) -> Schema {
    Schema::new("string", about)
}

/// A boolean.
pub(super) fn flag(about: &str) -> Schema {
    Schema::new("boolean", about)
}

/// A whole number of 64 bits.
pub(super) fn whole(about: &str) -> Schema {
    Schema::new("integer", about).with("format", "int64")
}

/// A whole number of 32 bits.
pub(super) fn whole32(about: &str) -> Schema {
    Schema::new("integer", about).with("format", "int32")
}

/// A whole number or a string.
pub(super) fn text_or_whole(about: &str) -> Schema {
    let either = ["integer", "string"].map(|kind| map([("type", kind.into())]));
    Schema(vec![])
        .with("description", about)
        .with("anyOf", list(either))
        .with("x-kubernetes-int-or-string", true)
}

/// A list.
pub(super) fn array(about: &str, items: Schema) -> Schema {
    Schema::new("array", about).with("items", items.into_value())
}

/// A list of strings.
pub(super) fn texts(about: &str) -> Schema {
    array(about, Schema(vec![]).with("type", "string"))
}

/// A map from string to string.
pub(super) fn text_map(about: &str) -> Schema {
    Schema::new("object", about).with("additionalProperties", map([("type", "string".into())]))
}

/// A map of known fields; the API server drops all others.
pub(super) fn object(about: &str, fields: impl IntoIterator<Item = Field>) -> Schema {
    let fields: Vec<Field> = fields.into_iter().collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let schema = Schema::new("object", about);
    let schema = if required.is_empty() { schema } else { schema.with("required", list(required)) };
    let properties = fields.into_iter().map(|field| (field.name.to_owned(), field.schema.into_value()));
    schema.with("properties", Value::Map(properties.collect()))
}

/// A map whose fields the API server keeps as they are.
pub(super) fn open(about: &str) -> Schema {
    Schema::new("object", about).with("x-kubernetes-preserve-unknown-fields", true)
}

/// `metadata`, which the API server checks by its own schema.
pub(super) fn metadata() -> Schema {
    Schema(vec![]).with("type", "object")
}

impl Schema {
    fn new(kind: &str, about: &str) -> Self {
        Self(vec![]).with("description", about).with("type", kind)
    }

    fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.0.push((keyword.to_owned(), value.into()));
        self
    }

    /// The schema as the API server reads it.
    pub(super) fn into_value(self) -> Value {
        Value::Map(self.0)
    }

    /// Only these strings.
    pub(super) fn one_of(self, choices: &[&str]) -> Self {
        self.with("enum", list(choices.iter().copied()))
    }

    /// A string that matches this expression of RE2.
    pub(super) fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }

    /// A string of `least` to `most` characters.
    pub(super) fn length(self, least: i64, most: i64) -> Self {
        self.with("minLength", least).with("maxLength", most)
    }

    /// A string of this form, such as `date-time`.
    pub(super) fn format(self, format: &str) -> Self {
        self.with("format", format)
    }

    /// The value that the API server writes where the field is absent.
    pub(super) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    /// May be `null`.
    pub(super) fn nullable(self) -> Self {
        self.with("nullable", true)
    }

    /// A list of at least this many items.
    pub(super) fn at_least(self, items: i64) -> Self {
        self.with("minItems", items)
    }

    /// An object with exactly one field.
    pub(super) fn exactly_one(self) -> Self {
        self.with("minProperties", 1_i64).with("maxProperties", 1_i64)
    }

    /// An object with at least one of these fields.
    pub(super) fn any_of(self, names: &[&str]) -> Self {
        let each = names.iter().map(|name| map([("required", list([*name]))]));
        self.with("anyOf", list(each))
    }

    /// A list that server-side apply takes as a whole.
    pub(super) fn whole_list(self) -> Self {
        self.with("x-kubernetes-list-type", "atomic")
    }

    /// An object that server-side apply takes as a whole.
    pub(super) fn atomic(self) -> Self {
        self.with("x-kubernetes-map-type", "atomic")
    }

    /// Conditions over several fields. They cost time on the server at each write, more inside of lists.
    pub(super) fn rules(self, rules: &[Rule]) -> Self {
        let rules = rules.iter().map(|rule| {
            map([
                ("rule", rule.check.into()),
                ("message", rule.message.into()),
                ("fieldPath", rule.field.into()),
            ])
        });
        self.with("x-kubernetes-validations", list(rules))
    }
}
