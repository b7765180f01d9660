//! Functions that look at types, and equality through and through.

use crate::function::{Call, Failure, Function};
use crate::go::{Kind, Object, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "deepEqual", signature: "func(interface {}, interface {}) bool", call: deep_equal_values },
    Function { name: "kindIs", signature: "func(string, interface {}) bool", call: kind_is },
    Function { name: "kindOf", signature: "func(interface {}) string", call: kind_of },
    Function { name: "typeIs", signature: "func(string, interface {}) bool", call: type_is },
    Function { name: "typeIsLike", signature: "func(string, interface {}) bool", call: type_is_like },
    Function { name: "typeOf", signature: "func(interface {}) string", call: type_of },
];

/// How deep values may nest where they are walked.
pub(super) const MAX_NESTING: usize = 500;

/// The failure of a walk that went deeper than [`MAX_NESTING`].
pub(super) fn too_deep() -> Failure {
    Failure::limit(format!("values nest more than {MAX_NESTING} levels deep"))
}

fn type_of(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(call.value(0).type_name()))
}

fn type_is(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.str(0)? == call.value(1).type_name().as_bytes()))
}

fn type_is_like(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (wanted, name) = (call.str(0)?, call.value(1).type_name());
    let name = name.as_bytes();
    Ok(Value::Bool(wanted == name || name.strip_prefix(b"*") == Some(wanted)))
}

fn kind_of(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(call.value(0).kind().name()))
}

fn kind_is(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.str(0)? == call.value(1).kind().name().as_bytes()))
}

fn deep_equal_values(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (a, b) = (call.value(0), call.value(1));
    Ok(Value::Bool(deep_equal(call, &a, &b)?))
}

/// `reflect.DeepEqual`: same types, same values, and what they hold in turn.
pub(crate) fn deep_equal(call: &mut Call<'_>, a: &Value, b: &Value) -> Result<bool, Failure> {
    equal(call, a, b, MAX_NESTING)
}

fn equal(call: &mut Call<'_>, a: &Value, b: &Value, levels: usize) -> Result<bool, Failure> {
    call.step(1)?;
    if a.go_type() != b.go_type() {
        return Ok(false);
    }
    let levels = levels.checked_sub(1).ok_or_else(too_deep)?;
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint8(a), Value::Uint8(b)) => a == b,
        (Value::Uint32(a), Value::Uint32(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float64(a), Value::Float64(b)) => a == b,
        (Value::Complex(a, i), Value::Complex(b, j)) => a == b && i == j,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.is_nil() != b.is_nil() || a.len() != b.len() {
                return Ok(false);
            }
            a.same(b) || all_equal(call, a.items().into_iter().zip(b.items()), levels)?
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.is_nil() != b.is_nil() || a.keys() != b.keys() {
                return Ok(false);
            }
            let values = a.entries().into_iter().zip(b.entries()).map(|((_, a), (_, b))| (a, b));
            a.same(b) || all_equal(call, values, levels)?
        }
        (Value::Object(a), Value::Object(b)) => objects_equal(call, &**a, &**b, levels)?,
        _ => false,
    })
}

fn all_equal(
    call: &mut Call<'_>,
    mut pairs: impl Iterator<Item = (Value, Value)>,
    levels: usize,
) -> Result<bool, Failure> {
    pairs.try_fold(true, |so_far, (a, b)| Ok(so_far && equal(call, &a, &b, levels)?))
}

fn objects_equal(
    call: &mut Call<'_>,
    a: &dyn Object,
    b: &dyn Object,
    levels: usize,
) -> Result<bool, Failure> {
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() == b.is_nil());
    }
    if a.equal(b) == Some(true) {
        return Ok(true);
    }
    // Two pointers are equal if what they point to is; so are two structs that hold such pointers.
    let (fields, others) = (a.fields(), b.fields());
    if !matches!(a.go_type().kind(), Kind::Ptr | Kind::Struct)
        || fields.is_empty()
        || fields.len() != others.len()
    {
        return Ok(false);
    }
    all_equal(call, fields.into_iter().zip(others).map(|(a, b)| (a.2, b.2)), levels)
}
