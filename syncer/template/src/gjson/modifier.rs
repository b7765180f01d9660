//! The modifiers `@name:argument`.

use std::fmt::Write as _;

use super::{Found, GjsonError, array_of, pretty};
use crate::json::{Kind, Raw, write_go_string};

const NAMES: [&str; 13] = [
    "pretty", "ugly", "reverse", "this", "flatten", "join", "valid", "keys", "values", "tostr", "fromstr",
    "group", "dig",
];

/// Whether there is a modifier of that name. Other names after `@` are keys.
pub(super) fn is_modifier(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Applies a modifier; `json` is `None` behind a step that found nothing.
pub(super) fn run(name: &str, argument: &str, json: Option<Raw<'_>>) -> Result<Option<Found>, GjsonError> {
    let Some(json) = json else {
        return Ok(match name {
            "keys" | "values" => Some(Found::new("[]")),
            "tostr" => Some(Found::new("\"\"")),
            _ => None,
        });
    };
    Ok(match name {
        "pretty" => Some(pretty::pretty(json, &pretty::Style::read(argument)?)),
        "ugly" => Some(pretty::ugly(json)),
        "reverse" => Some(reverse(json)),
        "flatten" => Some(flatten(json, flag("flatten", argument, "deep")?)),
        "join" => Some(join(json, flag("join", argument, "preserve")?)),
        "keys" => Some(keys(json)),
        "values" => Some(values(json)),
        "tostr" => {
            let mut out = Found::new("");
            write_go_string(json.text(), &mut out.0);
            Some(out)
        }
        "fromstr" => from_string(json)?,
        "group" => group(json),
        // `this` and `valid`: the text was checked before.
        _ => Some(Found::new(json.text())),
    })
}

/// A switch in the JSON object that is the argument.
fn flag(modifier: &'static str, argument: &str, name: &str) -> Result<bool, GjsonError> {
    if argument.is_empty() {
        return Ok(false);
    }
    let object = Raw::parse(argument).ok().and_then(Raw::object).ok_or(GjsonError::Argument(modifier))?;
    Ok(object.get(name).is_some_and(|value| value.kind() == Kind::True))
}

fn members_text(out: &mut String, members: &[(Raw<'_>, Raw<'_>)]) {
    out.push('{');
    for (at, (key, value)) in members.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(out, "{comma}{}:{}", key.text(), value.text());
    }
    out.push('}');
}

fn texts<'a>(values: impl IntoIterator<Item = Raw<'a>>) -> Vec<Found> {
    values.into_iter().map(|value| Found::new(value.text())).collect()
}

fn reverse(json: Raw<'_>) -> Found {
    match json.kind() {
        Kind::Array => array_of(&texts(json.elements().into_iter().rev())),
        Kind::Object => {
            let mut out = Found::new("");
            let members: Vec<_> = json.members().into_iter().rev().collect();
            members_text(&mut out.0, &members);
            out
        }
        _ => Found::new(json.text()),
    }
}

fn flatten(json: Raw<'_>, deep: bool) -> Found {
    fn add<'a>(json: Raw<'a>, deep: bool, out: &mut Vec<Raw<'a>>) {
        for element in json.elements() {
            match element.kind() {
                Kind::Array if deep => add(element, deep, out),
                Kind::Array => out.extend(element.elements()),
                _ => out.push(element),
            }
        }
    }
    if json.kind() != Kind::Array {
        return Found::new(json.text());
    }
    let mut out = Vec::new();
    add(json, deep, &mut out);
    array_of(&texts(out))
}

/// One object of the objects of an array; of equal keys the last value counts, unless all are to be preserved.
fn join(json: Raw<'_>, preserve: bool) -> Found {
    if json.kind() != Kind::Array {
        return Found::new(json.text());
    }
    let mut members: Vec<(Raw<'_>, Raw<'_>)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for (key, value) in json.elements().into_iter().flat_map(Raw::members) {
        let place = *places.entry(key.text()).or_insert(members.len());
        match members.get_mut(place) {
            Some(member) if !preserve => member.1 = value,
            _ => members.push((key, value)),
        }
    }
    let mut out = Found::new("");
    members_text(&mut out.0, &members);
    out
}

fn keys(json: Raw<'_>) -> Found {
    match json.kind() {
        Kind::Object => array_of(&texts(json.members().into_iter().map(|(key, _)| key))),
        Kind::Array => array_of(&json.elements().iter().map(|_| Found::new("null")).collect::<Vec<_>>()),
        _ => Found::new("[null]"),
    }
}

fn values(json: Raw<'_>) -> Found {
    match json.kind() {
        Kind::Object => array_of(&texts(json.members().into_iter().map(|(_, value)| value))),
        Kind::Array => Found::new(json.text()),
        _ => array_of(&texts([json])),
    }
}

/// The JSON that a string holds; nothing if it holds none.
fn from_string(json: Raw<'_>) -> Result<Option<Found>, GjsonError> {
    let text = json.decoded();
    match Raw::parse(&text) {
        Ok(_) => Ok(Some(Found(text))),
        Err(crate::json::JsonError::Syntax(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An array of objects of an object of arrays.
fn group(json: Raw<'_>) -> Option<Found> {
    if json.kind() != Kind::Object {
        return None;
    }
    let mut rows: Vec<Vec<(Raw<'_>, Raw<'_>)>> = Vec::new();
    for (key, value) in json.members() {
        for (at, element) in value.elements().into_iter().enumerate() {
            match rows.get_mut(at) {
                Some(row) => row.push((key, element)),
                None => rows.push(vec![(key, element)]),
            }
        }
    }
    let objects: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut out = Found::new("");
            members_text(&mut out.0, row);
            out
        })
        .collect();
    Some(array_of(&objects))
}
