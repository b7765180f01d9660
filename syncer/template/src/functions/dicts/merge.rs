//! Merging dicts as mergo does: what is empty in the target is filled, or everything is overwritten.

use super::super::cast::is_empty;
use super::super::reflect::{MAX_NESTING, too_deep};
use crate::function::{Call, Failure};
use crate::go::{Kind, Map, Type, Value};

/// Values of different kinds that mergo refuses to merge.
struct Refused;

pub(super) fn merge(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(all(call, false)?.unwrap_or_else(|Refused| Value::string("")))
}

pub(super) fn merge_overwrite(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(all(call, true)?.unwrap_or_else(|Refused| Value::string("")))
}

pub(super) fn must_merge(call: &mut Call<'_>) -> Result<Value, Failure> {
    all(call, false)?.map_err(|Refused| Failure::error("dictionary merge failed"))
}

pub(super) fn must_merge_overwrite(call: &mut Call<'_>) -> Result<Value, Failure> {
    all(call, true)?.map_err(|Refused| Failure::error("dictionary merge failed"))
}

/// Merges all further arguments into the first one, in place.
fn all(call: &mut Call<'_>, overwrite: bool) -> Result<Result<Value, Refused>, Failure> {
    let mut target = call.map(0)?;
    for index in 1..call.len() {
        let source = call.map(index)?;
        if target.is_nil() && !source.is_nil() {
            target = Map::new();
        }
        if into(call, &target, &source, overwrite, MAX_NESTING)?.is_err() {
            return Ok(Err(Refused));
        }
    }
    Ok(Ok(Value::Map(target)))
}

fn into(
    call: &mut Call<'_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    levels: usize,
) -> Result<Result<(), Refused>, Failure> {
    let levels = levels.checked_sub(1).ok_or_else(too_deep)?;
    for (key, value) in source.entries() {
        call.step(1)?;
        let there = target.get(key.bytes());
        if matches!(value, Value::Nil) {
            if overwrite {
                put(call, target, source, (key, value))?;
            }
            continue;
        }
        if let (Some(there), Kind::Map | Kind::Struct | Kind::Ptr) = (&there, value.kind())
            && nested(call, there, &value, overwrite, levels)?.is_err()
        {
            return Ok(Err(Refused));
        }
        if let (Value::List(list), true) = (&value, target.element() == Type::STRING) {
            // A list is looked for, or put, among strings before anything else is decided.
            return Err(match there {
                Some(_) => Failure::panic("reflect: call of reflect.Value.IsNil on string Value"),
                None => not_assignable(list.go_type(), target),
            });
        }
        let filled = there.as_ref().filter(|there| !is_empty(there));
        let both_maps = matches!((filled, &value), (Some(Value::Map(_)), Value::Map(_)));
        let keeps_list = filled.is_some() && matches!(value, Value::List(_)) && !overwrite;
        if !both_maps && !keeps_list && (overwrite || filled.is_none()) {
            put(call, target, source, (key, value))?;
        }
    }
    Ok(Ok(()))
}

/// Merges what stands under the same key in both, where that has parts.
fn nested(
    call: &mut Call<'_>,
    there: &Value,
    value: &Value,
    overwrite: bool,
    levels: usize,
) -> Result<Result<(), Refused>, Failure> {
    match (there, value) {
        (Value::Map(there), Value::Map(value)) if !there.is_nil() => {
            into(call, there, value, overwrite, levels)
        }
        (Value::Map(there), _) if there.is_nil() && value.kind() == Kind::Struct => {
            Err(Failure::panic("reflect: call of reflect.Value.IsNil on struct Value"))
        }
        (Value::Object(there), value) => match there.go_type().kind() {
            Kind::Ptr if value.kind() != Kind::Ptr && !overwrite && !value.is_nil() => Ok(Err(Refused)),
            Kind::Struct if value.kind() != Kind::Struct && there.fields().iter().any(|field| field.1) => {
                let kind = value.kind().name();
                Err(Failure::panic(format!("reflect: call of reflect.Value.Field on {kind} Value")))
            }
            _ => Ok(Ok(())),
        },
        _ => Ok(Ok(())),
    }
}

/// Sets an entry as reflection does: a map of strings takes no value of type `interface {}`.
fn put(
    call: &mut Call<'_>,
    target: &Map,
    source: &Map,
    entry: (crate::go::Str, Value),
) -> Result<(), Failure> {
    if target.element() != Type::ANY && source.element() != target.element() {
        return Err(not_assignable(source.element(), target));
    }
    call.insert(target, entry.0, entry.1)
}

fn not_assignable(given: Type, target: &Map) -> Failure {
    let element = target.element();
    Failure::panic(format!(
        "reflect.Value.SetMapIndex: value of type {given} is not assignable to type {element}"
    ))
}
