//! Functions on dicts.

mod merge;

use super::cast::strval;
use crate::function::{Call, Failure, Function};
use crate::go::{Map, Str, Value};

/// The group.
#[rustfmt::skip]
pub(crate) const TABLE: &[Function] = &[
    Function { name: "dict", signature: "func(...interface {}) map[string]interface {}", call: dict },
    Function { name: "dig", signature: "func(...interface {}) (interface {}, error)", call: dig },
    Function { name: "get", signature: "func(map[string]interface {}, string) interface {}", call: get },
    Function { name: "hasKey", signature: "func(map[string]interface {}, string) bool", call: has_key },
    Function { name: "keys", signature: "func(...map[string]interface {}) []string", call: keys },
    Function { name: "merge", signature: "func(map[string]interface {}, ...map[string]interface {}) interface {}", call: merge::merge },
    Function { name: "mergeOverwrite", signature: "func(map[string]interface {}, ...map[string]interface {}) interface {}", call: merge::merge_overwrite },
    Function { name: "mustMerge", signature: "func(map[string]interface {}, ...map[string]interface {}) (interface {}, error)", call: merge::must_merge },
    Function { name: "mustMergeOverwrite", signature: "func(map[string]interface {}, ...map[string]interface {}) (interface {}, error)", call: merge::must_merge_overwrite },
    Function { name: "omit", signature: "func(map[string]interface {}, ...string) map[string]interface {}", call: omit },
    Function { name: "pick", signature: "func(map[string]interface {}, ...string) map[string]interface {}", call: pick },
    Function { name: "pluck", signature: "func(string, ...map[string]interface {}) []interface {}", call: pluck },
    Function { name: "set", signature: "func(map[string]interface {}, string, interface {}) map[string]interface {}", call: set },
    Function { name: "unset", signature: "func(map[string]interface {}, string) map[string]interface {}", call: unset },
    Function { name: "values", signature: "func(map[string]interface {}) []interface {}", call: values },
];

/// How many entries may be copied for one step.
const COPIES_PER_STEP: u64 = 16;

fn dict(call: &mut Call<'_>) -> Result<Value, Failure> {
    let dict = Map::new();
    for pair in call.rest(0).to_vec().chunks(2) {
        let (Some(key), value) = (pair.first(), pair.get(1)) else { continue };
        let key = strval(call, key)?;
        dict.insert(key, value.cloned().unwrap_or_else(|| Value::string("")));
    }
    Ok(Value::Map(dict))
}

fn get(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(call.map(0)?.get(call.str(1)?).unwrap_or_else(|| Value::string("")))
}

fn set(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (dict, key, value) = (call.map(0)?, call.string(1)?, call.value(2));
    call.insert(&dict, key, value)?;
    Ok(Value::Map(dict))
}

fn unset(call: &mut Call<'_>) -> Result<Value, Failure> {
    let dict = call.map(0)?;
    dict.remove(call.str(1)?);
    Ok(Value::Map(dict))
}

fn has_key(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.map(0)?.contains(call.str(1)?)))
}

fn maps(call: &mut Call<'_>, from: usize) -> Result<Vec<Map>, Failure> {
    let maps = (from..call.len()).map(|index| call.map(index)).collect::<Result<Vec<_>, _>>()?;
    let entries: usize = maps.iter().map(Map::len).sum();
    call.step(entries as u64 / COPIES_PER_STEP)?;
    Ok(maps)
}

fn pluck(call: &mut Call<'_>) -> Result<Value, Failure> {
    let dicts = maps(call, 1)?;
    let key = call.str(0)?;
    Ok(Value::list(dicts.iter().filter_map(|dict| dict.get(key)).collect()))
}

fn keys(call: &mut Call<'_>) -> Result<Value, Failure> {
    let dicts = maps(call, 0)?;
    let keys = dicts.iter().flat_map(Map::keys).map(Value::Str).collect();
    Ok(Value::List(crate::go::List::new(crate::go::Type::STRING, keys)))
}

fn values(call: &mut Call<'_>) -> Result<Value, Failure> {
    let dicts = maps(call, 0)?;
    Ok(Value::list(dicts.iter().flat_map(Map::entries).map(|(_, value)| value).collect()))
}

fn names(call: &Call<'_>) -> Result<Vec<Str>, Failure> {
    (1..call.len()).map(|index| call.string(index)).collect()
}

fn pick(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (dict, picked) = (call.map(0)?, Map::new());
    for name in names(call)? {
        if let Some(value) = dict.get(name.bytes()) {
            picked.insert(name, value);
        }
    }
    Ok(Value::Map(picked))
}

fn omit(call: &mut Call<'_>) -> Result<Value, Failure> {
    let (dict, left) = (call.map(0)?, Map::new());
    call.step(dict.len() as u64 / COPIES_PER_STEP)?;
    for (key, value) in dict.entries() {
        left.insert(key, value);
    }
    for name in names(call)? {
        left.remove(name.bytes());
    }
    Ok(Value::Map(left))
}

fn not_a(value: &Value, wanted: &str) -> Failure {
    let got = if matches!(value, Value::Nil) { "nil".to_owned() } else { value.type_name() };
    Failure::panic(format!("interface conversion: interface {{}} is {got}, not {wanted}"))
}

fn dict_of(value: &Value) -> Result<Map, Failure> {
    match value {
        Value::Map(map) if map.go_type() == crate::go::Type::ANY_MAP => Ok(map.clone()),
        other => Err(not_a(other, "map[string]interface {}")),
    }
}

/// `dig "a" "b" default dict`: what is at that path, or the default if a key is missing on it.
fn dig(call: &mut Call<'_>) -> Result<Value, Failure> {
    let [path @ .., default, dict] = call.rest(0) else {
        return Err(Failure::error("dig needs at least three arguments"));
    };
    if path.is_empty() {
        return Err(Failure::error("dig needs at least three arguments"));
    }
    let mut found = Value::Map(dict_of(dict)?);
    let key = |value: &Value| {
        if let Value::Str(text) = value { Ok(text.clone()) } else { Err(not_a(value, "string")) }
    };
    let path = path.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    for key in path {
        match dict_of(&found)?.get(key.bytes()) {
            Some(value) => found = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(found)
}
