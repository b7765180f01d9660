//! Functions on paths: those of slash-separated names, and those of file names, which are the same on Unix.

use crate::function::{Call, Failure, Function};
use crate::go::Value;

/// The group.
pub(crate) const TABLE: &[Function] = &[
    Function { name: "base", signature: "func(string) string", call: base },
    Function { name: "clean", signature: "func(string) string", call: clean },
    Function { name: "dir", signature: "func(string) string", call: dir },
    Function { name: "ext", signature: "func(string) string", call: ext },
    Function { name: "isAbs", signature: "func(string) bool", call: is_abs },
    Function { name: "osBase", signature: "func(string) string", call: base },
    Function { name: "osClean", signature: "func(string) string", call: clean },
    Function { name: "osDir", signature: "func(string) string", call: dir },
    Function { name: "osExt", signature: "func(string) string", call: ext },
    Function { name: "osIsAbs", signature: "func(string) bool", call: is_abs },
];

fn base(call: &mut Call<'_>) -> Result<Value, Failure> {
    let path = call.str(0)?;
    let Some(last) = path.iter().rposition(|byte| *byte != b'/') else {
        return Ok(Value::string(if path.is_empty() { "." } else { "/" }));
    };
    let name = path.get(..=last).unwrap_or_default().rsplit(|byte| *byte == b'/').next();
    Ok(Value::string(name.unwrap_or_default()))
}

fn dir(call: &mut Call<'_>) -> Result<Value, Failure> {
    let path = call.str(0)?;
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    Ok(Value::string(cleaned(path.get(..end).unwrap_or_default())))
}

fn clean(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::string(cleaned(call.str(0)?)))
}

/// From the last point of the last name on.
fn ext(call: &mut Call<'_>) -> Result<Value, Failure> {
    let name = call.str(0)?.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let from = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    Ok(Value::string(name.get(from..).unwrap_or_default()))
}

fn is_abs(call: &mut Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(call.str(0)?.first() == Some(&b'/')))
}

/// The shortest path that means the same by its text alone: no `.`, no empty names, `..` only at the start.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if rooted => {}
            _ => names.push(name),
        }
    }
    let joined = names.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/".as_slice(), &joined].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
