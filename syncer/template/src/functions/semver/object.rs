//! Versions as templates see them: `*semver.Version` with its methods, and `semver.Version`, which some of them return.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use super::version::{ParseError, Version};
use crate::function::{Call, Failure};
use crate::go::{Kind, List, Method, Object, Str, Type, Value};

/// A `*semver.Version`.
pub(super) struct Pointer(Version);

/// A `semver.Version`.
struct Plain(Version);

impl Pointer {
    /// A new one as a value.
    #[expect(clippy::new_ret_no_self, clippy::unnecessary_wraps, reason = "what functions return")]
    pub(super) fn new(version: Version) -> Result<Value, Failure> {
        Ok(Value::Object(Rc::new(Self(version))))
    }
}

fn fields(version: &Version) -> Vec<(&'static str, bool, Value)> {
    vec![
        ("major", false, Value::Uint64(version.major)),
        ("minor", false, Value::Uint64(version.minor)),
        ("patch", false, Value::Uint64(version.patch)),
        ("pre", false, Value::Str(version.pre.clone())),
        ("metadata", false, Value::Str(version.metadata.clone())),
        ("original", false, Value::Str(version.original.clone())),
    ]
}

fn nothing() -> Version {
    let empty = Str::default;
    Version { major: 0, minor: 0, patch: 0, pre: empty(), metadata: empty(), original: empty() }
}

impl Object for Pointer {
    fn go_type(&self) -> Type {
        Type::Named("*semver.Version", Kind::Ptr)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        fields(&self.0)
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.0.text())
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(self.0.text())
    }

    fn copied(&self) -> Option<Rc<dyn Object>> {
        Some(Rc::new(Self(nothing())))
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| std::ptr::eq(self, other)))
    }
}

impl Object for Plain {
    fn go_type(&self) -> Type {
        Type::Named("semver.Version", Kind::Struct)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&'static str, bool, Value)> {
        fields(&self.0)
    }

    fn methods(&self) -> &'static [Method] {
        METHODS.get(..PLAIN_METHODS).unwrap_or_default()
    }

    fn string(&self) -> Option<Vec<u8>> {
        Some(self.0.text())
    }

    fn json(&self) -> Option<Vec<u8>> {
        Some(self.0.text())
    }

    fn copied(&self) -> Option<Rc<dyn Object>> {
        Some(Rc::new(Self(nothing())))
    }

    fn equal(&self, other: &dyn Object) -> Option<bool> {
        let same = |a: &Version, b: &Version| {
            (a.major, a.minor, a.patch) == (b.major, b.minor, b.patch)
                && a.pre == b.pre
                && a.metadata == b.metadata
                && a.original == b.original
        };
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| same(&self.0, &other.0)))
    }
}

/// How many of [`METHODS`] a plain version has: those that Go does not hang on the pointer.
const PLAIN_METHODS: usize = 14;

const METHODS: &[Method] = &[
    Method { name: "IncMajor", signature: "func() semver.Version", call: inc_major },
    Method { name: "IncMinor", signature: "func() semver.Version", call: inc_minor },
    Method { name: "IncPatch", signature: "func() semver.Version", call: inc_patch },
    Method {
        name: "Major",
        signature: "func() uint64",
        call: |call| Ok(Value::Uint64(receiver(call)?.major)),
    },
    Method { name: "MarshalJSON", signature: "func() ([]uint8, error)", call: marshal_json },
    Method { name: "MarshalText", signature: "func() ([]uint8, error)", call: marshal_text },
    Method {
        name: "Metadata",
        signature: "func() string",
        call: |call| Ok(Value::Str(receiver(call)?.metadata.clone())),
    },
    Method {
        name: "Minor",
        signature: "func() uint64",
        call: |call| Ok(Value::Uint64(receiver(call)?.minor)),
    },
    Method {
        name: "Patch",
        signature: "func() uint64",
        call: |call| Ok(Value::Uint64(receiver(call)?.patch)),
    },
    Method {
        name: "Prerelease",
        signature: "func() string",
        call: |call| Ok(Value::Str(receiver(call)?.pre.clone())),
    },
    Method { name: "SetMetadata", signature: "func(string) (semver.Version, error)", call: set_metadata },
    Method { name: "SetPrerelease", signature: "func(string) (semver.Version, error)", call: set_prerelease },
    Method { name: "String", signature: "func() string", call: text },
    Method { name: "Value", signature: "func() (interface {}, error)", call: text },
    Method { name: "Compare", signature: "func(*semver.Version) int", call: compare },
    Method { name: "Equal", signature: "func(*semver.Version) bool", call: equal },
    Method {
        name: "GreaterThan",
        signature: "func(*semver.Version) bool",
        call: |call| Ok(Value::Bool(order(call)?.is_gt())),
    },
    Method {
        name: "GreaterThanEqual",
        signature: "func(*semver.Version) bool",
        call: |call| Ok(Value::Bool(order(call)?.is_ge())),
    },
    Method {
        name: "LessThan",
        signature: "func(*semver.Version) bool",
        call: |call| Ok(Value::Bool(order(call)?.is_lt())),
    },
    Method {
        name: "LessThanEqual",
        signature: "func(*semver.Version) bool",
        call: |call| Ok(Value::Bool(order(call)?.is_le())),
    },
    Method {
        name: "Original",
        signature: "func() string",
        call: |call| Ok(Value::Str(receiver(call)?.original.clone())),
    },
];

fn receiver<'a>(call: &'a Call<'_>) -> Result<&'a Version, Failure> {
    match call.receiver::<Pointer>() {
        Ok(pointer) => Ok(&pointer.0),
        Err(_) => call.receiver::<Plain>().map(|plain| &plain.0),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what functions return")]
fn plain(version: Version) -> Result<Value, Failure> {
    Ok(Value::Object(Rc::new(Plain(version))))
}

fn inc_major(call: &mut Call<'_>) -> Result<Value, Failure> {
    let version = receiver(call)?;
    plain(
        Version { major: version.major.wrapping_add(1), minor: 0, patch: 0, ..version.released() }.renewed(),
    )
}

fn inc_minor(call: &mut Call<'_>) -> Result<Value, Failure> {
    let version = receiver(call)?;
    plain(Version { minor: version.minor.wrapping_add(1), patch: 0, ..version.released() }.renewed())
}

/// A prerelease only becomes the release.
fn inc_patch(call: &mut Call<'_>) -> Result<Value, Failure> {
    let version = receiver(call)?;
    let step = u64::from(version.pre.len() == 0);
    plain(Version { patch: version.patch.wrapping_add(step), ..version.released() }.renewed())
}

fn changed(changed: Result<Version, ParseError>) -> Result<Value, Failure> {
    match changed {
        Ok(version) => plain(version),
        Err(ParseError::Words(words)) => Err(Failure::error(words)),
        Err(ParseError::Segment(_)) => Err(Failure::error("error parsing version segment")),
    }
}

fn set_prerelease(call: &mut Call<'_>) -> Result<Value, Failure> {
    changed(receiver(call)?.with_prerelease(call.str(0)?))
}

fn set_metadata(call: &mut Call<'_>) -> Result<Value, Failure> {
    changed(receiver(call)?.with_metadata(call.str(0)?))
}

fn text(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(receiver(call)?.text()))
}

fn bytes(bytes: &[u8]) -> Value {
    Value::List(List::new(Type::UINT8, bytes.iter().map(|byte| Value::Uint8(*byte)).collect()))
}

fn marshal_text(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(bytes(&receiver(call)?.text()))
}

fn marshal_json(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(bytes(&[b"\"", receiver(call)?.text().as_slice(), b"\""].concat()))
}

/// The order of the receiver and the argument.
fn order(call: &Call<'_>) -> Result<Ordering, Failure> {
    let Ok(other) = call.object::<Pointer>(0) else { return Err(Failure::nil_dereference()) };
    Ok(receiver(call)?.compare(&other.0))
}

fn compare(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int(order(call)? as i64))
}

fn equal(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.object::<Pointer>(0).is_ok() && order(call)?.is_eq()))
}
