//! The row of a value: the names of its fields, then the JSON text as it was written, never parsed for a read.

use crate::json::{self, Json, JsonLimits};
use crate::refusal::Refusal;
use crate::row::RowValue;
use crate::secret::SecretJson;

/// The longest value, in bytes of JSON text.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

const FORMAT: u8 = b'1';

/// A value as stored.
pub struct StoredValue {
    /// The value; `None` for JSON null.
    pub json: Option<SecretJson>,
    /// Names of its top-level fields, sorted.
    pub keys: Vec<String>,
}

/// Makes the row of a value.
///
/// # Errors
/// [`Refusal::Invalid`] where the value is longer than [`MAX_VALUE_BYTES`] or no JSON object.
pub(crate) fn encode(value: Option<&SecretJson>) -> Result<RowValue, Refusal> {
    let text = value.map_or("null", SecretJson::expose);
    if text.len() > MAX_VALUE_BYTES {
        let length = text.len();
        return Err(Refusal::Invalid(format!(
            "the value has {length} bytes; at most {MAX_VALUE_BYTES} are stored"
        )));
    }
    let keys: Vec<String> = match parse(text)? {
        Json::Object(fields) => fields.into_keys().collect(),
        Json::Null => Vec::new(),
        _ => return Err(Refusal::Invalid("the value must be a JSON object".to_owned())),
    };
    // Names have no way to fail, and JSON text has no line break in it.
    let header = serde_json::to_vec(&keys).unwrap_or_default();
    let mut row = Vec::with_capacity(header.len() + text.len() + 2);
    row.push(FORMAT);
    row.extend_from_slice(&header);
    row.push(b'\n');
    row.extend_from_slice(text.as_bytes());
    Ok(RowValue::new(row))
}

/// Parses a value that was stored or comes from a request.
pub(crate) fn parse(text: &str) -> Result<Json, Refusal> {
    json::parse(text.as_bytes(), &JsonLimits::STORED).map_err(|e| Refusal::Invalid(e.to_string()))
}

/// Reads the row of a value; `None` where it is no such row.
pub fn decode_data(bytes: &[u8]) -> Option<StoredValue> {
    let rest = bytes.strip_prefix(&[FORMAT])?;
    let line = rest.iter().position(|b| *b == b'\n')?;
    let (header, text) = rest.split_at_checked(line)?;
    let keys = serde_json::from_slice(header).ok()?;
    let text = std::str::from_utf8(text.get(1..)?).ok()?;
    let json = (text != "null").then(|| SecretJson::new(text.to_owned()));
    Some(StoredValue { json, keys })
}
