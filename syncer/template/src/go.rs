//! Values as Go's reflection sees them: the data that templates and their functions work on.

mod list;
mod map;
mod object;
mod text;
mod types;

use std::rc::Rc;

pub(crate) use list::List;
pub(crate) use map::Map;
pub(crate) use object::{Method, Object};
pub(crate) use text::Str;
pub(crate) use types::{Kind, Type};

/// One Go value. Cheap to clone: strings, slices and maps are shared, as in Go.
///
/// It has no `Debug` and no `PartialEq` on purpose: it may hold a secret.
#[derive(Clone, Default)]
pub(crate) enum Value {
    /// `nil` without a type: a nil interface, or no value at all.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`, 64 bits wide.
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`, an element of a string or of a byte slice.
    Uint8(u8),
    /// `uint32`
    Uint32(u32),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float64(f64),
    /// `complex128`, real and imaginary part.
    Complex(f64, f64),
    /// `string`, any bytes.
    Str(Str),
    /// A slice of any element type, nil slices included.
    List(List),
    /// A map with string keys, nil maps included.
    Map(Map),
    /// A value of a named Go type: `time.Time`, `time.Month`, `*semver.Version`, `sprig.certificate` ...
    Object(Rc<dyn Object>),
}

impl Value {
    /// A string value of these bytes.
    pub(crate) fn string(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Str(Str::new(bytes.into()))
    }

    /// A `[]string` of these.
    pub(crate) fn strings<T: Into<Vec<u8>>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(List::new(Type::STRING, items.into_iter().map(Self::string).collect()))
    }

    /// A `[]interface {}` of these.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(Type::ANY, items))
    }

    /// The dynamic type; `None` for [`Value::Nil`].
    pub(crate) fn go_type(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT,
            Self::Int64(_) => Type::INT64,
            Self::Uint8(_) => Type::UINT8,
            Self::Uint32(_) => Type::UINT32,
            Self::Uint64(_) => Type::UINT64,
            Self::Float64(_) => Type::FLOAT64,
            Self::Complex(..) => Type::COMPLEX128,
            Self::Str(_) => Type::STRING,
            Self::List(list) => list.go_type(),
            Self::Map(map) => map.go_type(),
            Self::Object(object) => object.go_type(),
        })
    }

    /// The type's Go spelling as `%T` prints it: `<nil>` for nil.
    pub(crate) fn type_name(&self) -> String {
        self.go_type().map_or_else(|| "<nil>".to_owned(), |t| t.to_string())
    }

    /// The kind; [`Kind::Invalid`] for nil.
    pub(crate) fn kind(&self) -> Kind {
        self.go_type().map_or(Kind::Invalid, Type::kind)
    }

    /// Whether this is nil, or a nil slice or map.
    pub(crate) fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            Self::Object(object) => object.is_nil(),
            _ => false,
        }
    }

    /// The value of a named basic type (`time.Month`) as its underlying type (`int`); others as they are.
    pub(crate) fn underlying(&self) -> Self {
        match self {
            Self::Object(object) => object.underlying().unwrap_or_else(|| self.clone()),
            _ => self.clone(),
        }
    }
}

/// Drops values one after the other, however deep they are nested.
fn release(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(list) => values.extend(list.into_only()),
            Value::Map(map) => values.extend(map.into_only()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
