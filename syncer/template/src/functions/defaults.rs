//! Functions that choose among values, and copies of values.

use std::rc::Rc;

use super::cast::is_empty;
use super::reflect::{MAX_NESTING, too_deep};
use crate::function::{Call, Failure, Function};
use crate::go::{List, Map, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "all", signature: "func(...interface {}) bool", call: all },
    Function { name: "any", signature: "func(...interface {}) bool", call: any },
    Function { name: "coalesce", signature: "func(...interface {}) interface {}", call: coalesce },
    Function { name: "deepCopy", signature: "func(interface {}) interface {}", call: deep_copy },
    Function { name: "default", signature: "func(interface {}, ...interface {}) interface {}", call: default },
    Function { name: "empty", signature: "func(interface {}) bool", call: empty },
    Function { name: "mustDeepCopy", signature: "func(interface {}) (interface {}, error)", call: deep_copy },
    Function { name: "ternary", signature: "func(interface {}, interface {}, bool) interface {}", call: ternary },
];

fn default(call: &mut Call<'_>) -> Result<Value, Failure> {
    let given = call.value(1);
    Ok(if is_empty(&given) { call.value(0) } else { given })
}

fn empty(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(is_empty(&call.value(0))))
}

fn coalesce(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(call.rest(0).iter().find(|value| !is_empty(value)).cloned().unwrap_or_default())
}

fn all(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.rest(0).iter().all(|value| !is_empty(value))))
}

fn any(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.rest(0).iter().any(|value| !is_empty(value))))
}

fn ternary(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(call.value(if call.bool(2)? { 0 } else { 1 }))
}

fn deep_copy(call: &mut Call<'_>) -> Result<Value, Failure> {
    match call.value(0) {
        Value::Nil => Err(Failure::panic("reflect: call of reflect.Value.Type on zero Value")),
        value => copied(call, &value, MAX_NESTING),
    }
}

fn copied(call: &mut Call<'_>, value: &Value, levels: usize) -> Result<Value, Failure> {
    call.step(1)?;
    let levels = levels.checked_sub(1).ok_or_else(too_deep)?;
    Ok(match value {
        Value::List(list) if !list.is_nil() => {
            call.grow(list.len() * size_of::<Value>())?;
            let mut items = Vec::with_capacity(list.len());
            for item in list.items() {
                items.push(copied(call, &item, levels)?);
            }
            Value::List(List::new(list.element(), items))
        }
        Value::Map(map) if !map.is_nil() => {
            call.grow(map.len() * size_of::<Value>() * 2)?;
            let copy = Map::of(map.element());
            for (key, value) in map.entries() {
                copy.insert(key, copied(call, &value, levels)?);
            }
            Value::Map(copy)
        }
        Value::Object(object) => Value::Object(object.copied().unwrap_or_else(|| Rc::clone(object))),
        other => other.clone(),
    })
}
