//! Prints a Secret as a YAML manifest: always the same text for the same Secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncer_template::SecretValue;
use zeroize::Zeroizing;

use crate::render::{DATA_HASH, RenderedSecret};

/// How values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// In Base64, as a manifest to apply. The text is as secret as the values.
    Base64,
    /// Only their lengths, for people. The text cannot be applied: its values are not Base64.
    Masked,
}

/// Prints the Secret. With [`Values::Masked`] the fingerprint of the data is masked too, because short values can be
/// guessed from it.
pub fn to_yaml(secret: &RenderedSecret, values: Values) -> Zeroizing<String> {
    // Large enough from the start, so that no copy stays behind in memory.
    let size: usize = secret.data.iter().map(|(key, value)| key.len() + value.len() * 4 / 3 + 64).sum();
    let mut out = Zeroizing::new(String::with_capacity(size + 16 * 1024));
    if values == Values::Masked {
        out.push_str("# Values are masked: this text is for reading and cannot be applied.\n");
    }
    out.push_str("apiVersion: v1\nkind: Secret\nmetadata:\n");
    field(&mut out, "  name", &secret.name);
    field(&mut out, "  namespace", &secret.namespace);
    map(&mut out, "  labels", &secret.labels);
    let mut annotations = secret.annotations.clone();
    if values == Values::Masked
        && let Some(hash) = annotations.get_mut(DATA_HASH)
    {
        "<masked>".clone_into(hash);
    }
    map(&mut out, "  annotations", &annotations);
    list(&mut out, "  finalizers", &secret.finalizers);
    field(&mut out, "type", &secret.secret_type);
    if secret.immutable {
        out.push_str("immutable: true\n");
    }
    data(&mut out, &secret.data, values);
    out
}

fn data(out: &mut String, data: &BTreeMap<String, SecretValue>, values: Values) {
    if data.is_empty() {
        out.push_str("data: {}\n");
        return;
    }
    out.push_str("data:\n");
    for (key, value) in data {
        out.push_str("  ");
        quoted(out, key);
        out.push_str(": ");
        match values {
            Values::Base64 => {
                out.push('"');
                STANDARD.encode_string(value.expose(), out);
                out.push('"');
            }
            Values::Masked => quoted(out, &format!("<masked, {} bytes>", value.len())),
        }
        out.push('\n');
    }
}

fn map(out: &mut String, name: &str, map: &BTreeMap<String, String>) {
    if map.is_empty() {
        return;
    }
    let _ = writeln!(out, "{name}:");
    for (key, value) in map {
        out.push_str("    ");
        quoted(out, key);
        out.push_str(": ");
        quoted(out, value);
        out.push('\n');
    }
}

fn list(out: &mut String, name: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "{name}:");
    for item in items {
        out.push_str("    - ");
        quoted(out, item);
        out.push('\n');
    }
}

fn field(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(": ");
    quoted(out, value);
    out.push('\n');
}

/// A YAML string in double quotes, so that no reader takes it for another type.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
            ch if ch.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(ch));
            }
            _ => out.push(ch),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
