//! Functions on lists.

use super::cast::{is_empty, kind_of, strings, strval, to_int64};
use super::reflect::deep_equal;
use crate::function::{Call, Failure, Function};
use crate::go::{List, Type, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "append", signature: "func(interface {}, interface {}) []interface {}", call: push },
    Function { name: "chunk", signature: "func(int, interface {}) [][]interface {}", call: chunk },
    Function { name: "compact", signature: "func(interface {}) []interface {}", call: compact },
    Function { name: "concat", signature: "func(...interface {}) interface {}", call: concat },
    Function { name: "first", signature: "func(interface {}) interface {}", call: first },
    Function { name: "has", signature: "func(interface {}, interface {}) bool", call: has },
    Function { name: "initial", signature: "func(interface {}) []interface {}", call: initial },
    Function { name: "last", signature: "func(interface {}) interface {}", call: last },
    Function { name: "list", signature: "func(...interface {}) []interface {}", call: list },
    Function { name: "mustAppend", signature: "func(interface {}, interface {}) ([]interface {}, error)", call: push },
    Function { name: "mustChunk", signature: "func(int, interface {}) ([][]interface {}, error)", call: chunk },
    Function { name: "mustCompact", signature: "func(interface {}) ([]interface {}, error)", call: compact },
    Function { name: "mustFirst", signature: "func(interface {}) (interface {}, error)", call: first },
    Function { name: "mustHas", signature: "func(interface {}, interface {}) (bool, error)", call: has },
    Function { name: "mustInitial", signature: "func(interface {}) ([]interface {}, error)", call: initial },
    Function { name: "mustLast", signature: "func(interface {}) (interface {}, error)", call: last },
    Function { name: "mustPrepend", signature: "func(interface {}, interface {}) ([]interface {}, error)", call: prepend },
    Function { name: "mustPush", signature: "func(interface {}, interface {}) ([]interface {}, error)", call: push },
    Function { name: "mustRest", signature: "func(interface {}) ([]interface {}, error)", call: rest },
    Function { name: "mustReverse", signature: "func(interface {}) ([]interface {}, error)", call: reverse },
    Function { name: "mustSlice", signature: "func(interface {}, ...interface {}) (interface {}, error)", call: slice },
    Function { name: "mustUniq", signature: "func(interface {}) ([]interface {}, error)", call: uniq },
    Function { name: "mustWithout", signature: "func(interface {}, ...interface {}) ([]interface {}, error)", call: without },
    Function { name: "prepend", signature: "func(interface {}, interface {}) []interface {}", call: prepend },
    Function { name: "push", signature: "func(interface {}, interface {}) []interface {}", call: push },
    Function { name: "rest", signature: "func(interface {}) []interface {}", call: rest },
    Function { name: "reverse", signature: "func(interface {}) []interface {}", call: reverse },
    Function { name: "slice", signature: "func(interface {}, ...interface {}) interface {}", call: slice },
    Function { name: "sortAlpha", signature: "func(interface {}) []string", call: sort_alpha },
    Function { name: "tuple", signature: "func(...interface {}) []interface {}", call: list },
    Function { name: "uniq", signature: "func(interface {}) []interface {}", call: uniq },
    Function { name: "without", signature: "func(interface {}, ...interface {}) []interface {}", call: without },
];

/// How many elements may be copied for one step.
const COPIES_PER_STEP: u64 = 64;

/// The list that an argument is; any other kind is an error that begins with `words`.
///
/// The functions without `must` in front panic with that error, which a template reports in the same words.
fn slice_of(call: &mut Call<'_>, index: usize, words: &str) -> Result<List, Failure> {
    let value = call.value(index);
    let kind = kind_of(&value)?;
    let Value::List(list) = value else { return Err(Failure::error(format!("{words} {}", kind.name()))) };
    call.step(list.len() as u64 / COPIES_PER_STEP)?;
    Ok(list)
}

fn list(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::list(call.rest(0).to_vec()))
}

fn push(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut items = slice_of(call, 0, "Cannot push on type")?.items();
    items.push(call.value(1));
    Ok(Value::list(items))
}

fn prepend(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut items = slice_of(call, 0, "Cannot prepend on type")?.items();
    items.insert(0, call.value(1));
    Ok(Value::list(items))
}

fn first(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(slice_of(call, 0, "Cannot find first on type")?.get(0).unwrap_or_default())
}

fn last(call: &mut Call<'_>) -> Result<Value, Failure> {
    let list = slice_of(call, 0, "Cannot find last on type")?;
    Ok(list.len().checked_sub(1).and_then(|at| list.get(at)).unwrap_or_default())
}

fn nil_or(items: Option<Vec<Value>>) -> Value {
    items.map_or_else(|| Value::List(List::nil(Type::ANY)), Value::list)
}

fn rest(call: &mut Call<'_>) -> Result<Value, Failure> {
    let items = slice_of(call, 0, "Cannot find rest on type")?.items();
    Ok(nil_or(items.get(1..).map(<[Value]>::to_vec)))
}

fn initial(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut items = slice_of(call, 0, "Cannot find initial on type")?.items();
    let had_any = items.pop().is_some();
    Ok(nil_or(had_any.then_some(items)))
}

fn reverse(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut items = slice_of(call, 0, "Cannot find reverse on type")?.items();
    items.reverse();
    Ok(Value::list(items))
}

fn compact(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut items = slice_of(call, 0, "Cannot compact on type")?.items();
    items.retain(|item| !is_empty(item));
    Ok(Value::list(items))
}

/// Whether one of `haystack` equals the value.
fn within(call: &mut Call<'_>, haystack: &[Value], needle: &Value) -> Result<bool, Failure> {
    for item in haystack {
        if deep_equal(call, needle, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut kept: Vec<Value> = Vec::new();
    for item in slice_of(call, 0, "Cannot find uniq on type")?.items() {
        if !within(call, &kept, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn without(call: &mut Call<'_>) -> Result<Value, Failure> {
    let omitted = call.rest(1).to_vec();
    let mut kept = Vec::new();
    for item in slice_of(call, 0, "Cannot find without on type")?.items() {
        if !within(call, &omitted, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn has(call: &mut Call<'_>) -> Result<Value, Failure> {
    if matches!(call.value(1), Value::Nil) {
        return Ok(Value::Bool(false));
    }
    let haystack = slice_of(call, 1, "Cannot find has on type")?.items();
    let needle = call.value(0);
    Ok(Value::Bool(within(call, &haystack, &needle)?))
}

fn slice(call: &mut Call<'_>) -> Result<Value, Failure> {
    let list = slice_of(call, 0, "list should be type of slice or array but")?;
    if list.len() == 0 {
        return Ok(Value::Nil);
    }
    let bound = |index: usize| call.rest(1).get(index).map(|value| usize::try_from(to_int64(value)).ok());
    let from = bound(0).unwrap_or(Some(0));
    let to = bound(1).unwrap_or(Some(list.len()));
    let cut = from.zip(to).and_then(|(from, to)| list.slice(from, to));
    cut.map(Value::List).ok_or_else(|| Failure::panic("reflect.Value.Slice: slice index out of bounds"))
}

fn concat(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for value in call.rest(0).to_vec() {
        let kind = kind_of(&value)?;
        let Value::List(list) = value else {
            return Err(Failure::error(format!("Cannot concat type {} as list", kind.name())));
        };
        call.grow(list.len() * size_of::<Value>())?;
        all.extend(list.items());
    }
    Ok(nil_or((!all.is_empty()).then_some(all)))
}

/// Pieces of `size` elements. What Go computes for a size of 0 and below is kept: a panic, or pieces that do not fit.
fn chunk(call: &mut Call<'_>) -> Result<Value, Failure> {
    let size = call.int(0)?;
    let list = slice_of(call, 1, "Cannot chunk type")?;
    let items = list.items();
    let too_long = || Failure::panic("runtime error: makeslice: len out of range");
    let length = items.len() as f64;
    let count = ((length - 1.0) / size as f64).floor() + 1.0;
    // Go converts what is no number to the smallest one, which is no length.
    if !(0.0..=length).contains(&count) {
        return Err(too_long());
    }
    let count = count as usize;
    let mut pieces = Vec::with_capacity(count);
    for index in 0..count {
        let left = items.len() as i64 % size;
        let wanted = if index + 1 == count && left != 0 { left } else { size };
        let wanted = usize::try_from(wanted).map_err(|_| too_long())?;
        let from = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(size);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let piece: Vec<Value> = items.iter().skip(from).take(wanted).cloned().collect();
        if piece.len() < wanted {
            return Err(Failure::panic("reflect: slice index out of range"));
        }
        pieces.push(Value::list(piece));
    }
    Ok(Value::List(List::new(Type::ANY_SLICE, pieces)))
}

/// Sorts by bytes: a `[]string` in place, a copy as texts of any other list; any other value alone.
fn sort_alpha(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value(0);
    let Value::List(_) = value else {
        let text = Value::Str(strval(call, &value)?);
        return Ok(Value::List(List::new(Type::STRING, vec![text])));
    };
    let list = strings(call, &value)?;
    call.step(list.len() as u64)?;
    let mut items = list.items();
    let key = |item: &Value| if let Value::Str(text) = item { text.clone() } else { Default::default() };
    items.sort_by_cached_key(key);
    for (index, item) in items.into_iter().enumerate() {
        list.set(index, item);
    }
    Ok(Value::List(list))
}
