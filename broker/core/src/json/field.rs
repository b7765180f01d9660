//! Request fields as Vault coerces them: durations, booleans, lists, integers and maps from several JSON types.

use std::collections::BTreeMap;

use thiserror::Error;

use super::Json;
use crate::duration;
use crate::refusal::Refusal;

/// A field that holds something else than it should, in the words of Vault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("error converting input for field {field:?}: {problem}")]
pub struct FieldError {
    /// Name of the field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FieldError {
    /// A problem of a field.
    pub fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    fn unconvertible(field: &str, expected: &str, value: &Json) -> Self {
        Self::new(field, unconvertible(expected, value))
    }

    fn unparsable(field: &str, kind: &str, parser: &str) -> Self {
        Self::new(field, format!("'' cannot parse value as '{kind}': strconv.{parser}: invalid syntax"))
    }

    /// The refusal of a field that is checked before the handler runs, as those of a query string are.
    pub fn into_validation(self) -> Refusal {
        Refusal::Invalid(format!("Field validation failed: {self}"))
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// The words for a value of the wrong type, with Go's names of the types.
pub fn unconvertible(expected: &str, value: &Json) -> String {
    format!("'' expected type '{expected}', got unconvertible type '{}'", type_name(value))
}

/// Go's name for the type of a JSON value.
pub const fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(_) => "json.Number",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    }
}

/// Reads a field of an object with one of the functions of this module; `None` where it is missing or null.
///
/// # Errors
/// Those of the function.
pub fn optional<T>(
    object: &Json,
    field: &str,
    read: impl Fn(&str, &Json) -> Result<T, FieldError>,
) -> Result<Option<T>, FieldError> {
    match object.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => read(field, value).map(Some),
    }
}

/// A string; numbers and booleans are taken as their texts.
///
/// # Errors
/// Arrays, objects and null.
pub fn text(field: &str, value: &Json) -> Result<String, FieldError> {
    plain_text(value).ok_or_else(|| FieldError::unconvertible(field, "string", value))
}

fn plain_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) | Json::Number(text) => Some(text.as_str().to_owned()),
        Json::Bool(flag) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A duration of 0 or more: seconds as a number or digits, or a text such as `1h30m` or `2d`.
///
/// # Returns
/// Whole seconds.
///
/// # Errors
/// No duration, or a negative one.
pub fn seconds(field: &str, value: &Json) -> Result<u64, FieldError> {
    let signed = signed_seconds(field, value)?;
    u64::try_from(signed)
        .map_err(|_| FieldError::new(field, format!("cannot provide negative value '{signed}'")))
}

/// A duration that may be negative, otherwise as [`seconds`].
///
/// # Errors
/// No duration.
pub fn signed_seconds(field: &str, value: &Json) -> Result<i64, FieldError> {
    match value {
        Json::String(text) | Json::Number(text) => {
            duration::parse(text).map_err(|e| FieldError::new(field, e.to_string()))
        }
        Json::Null => Ok(0),
        _ => Err(FieldError::unconvertible(field, "time.Duration", value)),
    }
}

/// A boolean: `true`, the words of Go's `ParseBool`, or a number (0 is false).
///
/// # Errors
/// Anything else.
pub fn boolean(field: &str, value: &Json) -> Result<bool, FieldError> {
    match value {
        Json::Bool(flag) => Ok(*flag),
        Json::Number(digits) => digits
            .parse::<f64>()
            .map(|n| n != 0.0)
            .map_err(|_| FieldError::unparsable(field, "bool", "ParseBool")),
        Json::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" | "" => Ok(false),
            _ => Err(FieldError::unparsable(field, "bool", "ParseBool")),
        },
        _ => Err(FieldError::unconvertible(field, "bool", value)),
    }
}

/// An integer, as a number or as digits; an empty text is 0, true is 1.
///
/// # Errors
/// Anything else, also `2.0` and `1e3`.
pub fn integer(field: &str, value: &Json) -> Result<i64, FieldError> {
    match value {
        Json::Bool(flag) => Ok(i64::from(*flag)),
        Json::String(text) if text.is_empty() => Ok(0),
        Json::String(text) | Json::Number(text) => {
            text.parse().map_err(|_| FieldError::unparsable(field, "int", "ParseInt"))
        }
        _ => Err(FieldError::unconvertible(field, "int", value)),
    }
}

/// An integer of 0 or more, otherwise as [`integer`].
///
/// # Errors
/// No integer, or a negative one.
pub fn unsigned(field: &str, value: &Json) -> Result<u64, FieldError> {
    match value {
        Json::String(text) | Json::Number(text) if !text.is_empty() && !text.starts_with('-') => {
            text.parse().map_err(|_| FieldError::unparsable(field, "uint", "ParseUint"))
        }
        _ => {
            let number = integer(field, value)?;
            u64::try_from(number)
                .map_err(|_| FieldError::new(field, format!("cannot provide negative value '{number}'")))
        }
    }
}

/// A list of texts: an array, or one text with commas between them. White space around each is cut off, and
/// empty ones are left out.
///
/// # Errors
/// Anything else, or an element that is no text.
pub fn list(field: &str, value: &Json) -> Result<Vec<String>, FieldError> {
    if let Json::String(all) = value {
        let parts = all.split(',').map(|p| p.trim().to_owned());
        return Ok(parts.filter(|p| !p.is_empty()).collect());
    }
    let parts = plain_list(field, value)?;
    Ok(parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect())
}

/// A list of texts, where a text alone is a list of one: commas do not split it.
///
/// # Errors
/// Anything else, or an element that is no text.
pub fn plain_list(field: &str, value: &Json) -> Result<Vec<String>, FieldError> {
    match value {
        Json::Null => Ok(Vec::new()),
        Json::String(_) | Json::Number(_) => Ok(vec![text(field, value)?]),
        Json::Array(items) => items.iter().map(|item| text(field, item)).collect(),
        _ => Err(FieldError::unconvertible(field, "[]string", value)),
    }
}

/// A map of texts: an object, or a list of `key=value`.
///
/// # Errors
/// Anything else, or a value that is no text.
pub fn text_map(field: &str, value: &Json) -> Result<BTreeMap<String, String>, FieldError> {
    match value {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(fields) => fields.iter().map(|(k, v)| Ok((k.clone(), text(field, v)?))).collect(),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let pair = text(field, item)?;
                let (key, value) = pair
                    .split_once('=')
                    .ok_or_else(|| FieldError::new(field, "expected a list of key=value"))?;
                Ok((key.to_owned(), value.to_owned()))
            })
            .collect(),
        _ => Err(FieldError::unconvertible(field, "map[string]string", value)),
    }
}

/// An object of any values.
///
/// # Errors
/// Anything else.
pub fn object<'a>(field: &str, value: &'a Json) -> Result<&'a BTreeMap<String, Json>, FieldError> {
    value.as_object().ok_or_else(|| FieldError::unconvertible(field, "map[string]interface {}", value))
}
