//! YAML as Go's `sigs.k8s.io/yaml` reads and writes it: YAML 1.1 scalars, by way of JSON, error texts included.

mod characters;
mod decode;
mod emit;
mod parse;
mod read;
mod resolve;
mod scalars;
mod scan;
mod sort;
mod tags;

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::gojson::Json;

/// Longest text read, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Bytes and nodes a document may hold once its aliases are followed.
pub(crate) const MAX_EXPANDED: usize = 16 * 1024 * 1024;

/// Deepest nesting read. Go stops at 10,000; here the stack of a worker thread counts.
pub(crate) const MAX_DEPTH: usize = 500;

/// A text that may hold data of the document, in the words of Go. Shown only where Go's template shows it: as output.
pub(crate) type ErrorText = Zeroizing<String>;

/// The members of a decoded mapping in the order of the document.
pub(crate) type Members = Vec<(Zeroizing<Vec<u8>>, Json)>;

/// Reads the first document of a text into a map with text keys and numbers of float64.
///
/// `None` is a document that is `null` or empty.
///
/// # Errors
/// Go's text, if the text is not YAML, not a map, or cannot be said in JSON.
pub(crate) fn from_yaml(text: &[u8]) -> Result<Option<Members>, ErrorText> {
    let converted = read_document(text).and_then(decode::to_json);
    let json =
        converted.map_err(|text| Zeroizing::new(format!("error converting YAML to JSON: {}", *text)))?;
    let kind = match json {
        Json::Object(members) => return Ok(Some(without_duplicates(members))),
        Json::Null => return Ok(None),
        Json::Array(_) => "array",
        Json::String(_) => "string",
        Json::Number(_) => "number",
        Json::Bool(_) => "bool",
    };
    Err(Zeroizing::new(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    )))
}

/// Writes a JSON text as YAML, without the last line break.
///
/// # Errors
/// Go's text, where the JSON holds what YAML does not allow (U+007F, say).
pub(crate) fn to_yaml(json: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorText> {
    let value = read_document(json)?;
    let mut out = emit::emit(&value);
    if out.last() == Some(&b'\n') {
        out.pop();
    }
    Ok(out)
}

/// A value as YAML's own types say it.
enum Yaml {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(Zeroizing<Vec<u8>>),
    List(Vec<Yaml>),
    Map(Vec<(Yaml, Yaml)>),
}

fn read_document(text: &[u8]) -> Result<Yaml, ErrorText> {
    if text.len() > MAX_BYTES {
        return Err(Zeroizing::new(format!(
            "yaml: text of {} bytes, at most {MAX_BYTES} are read",
            text.len()
        )));
    }
    let tree = parse::document(text)?;
    decode::decode(&tree)
}

fn failure(text: &str) -> ErrorText {
    Zeroizing::new(format!("yaml: {text}"))
}

fn without_duplicates(members: Members) -> Members {
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut out: Members = Vec::new();
    for (key, value) in members {
        match places.get(key.as_slice()).and_then(|&place| out.get_mut(place)) {
            Some(member) => member.1 = value,
            None => {
                places.insert(key.to_vec(), out.len());
                out.push((key, value));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
