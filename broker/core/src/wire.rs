//! Vault's JSON shapes: the envelope of answers and errors, written as text so that secret values pass unparsed.

use zeroize::Zeroizing;

use crate::kv2::VersionInfo;

/// A JSON string literal of a text.
pub fn quote(text: &str) -> String {
    // A string has no way to fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// A JSON list of strings.
pub fn string_list<S: AsRef<str>>(items: &[S]) -> String {
    let quoted: Vec<String> = items.iter().map(|s| quote(s.as_ref())).collect();
    format!("[{}]", quoted.join(","))
}

/// The parts of an answer that go into Vault's envelope.
#[derive(Clone, Default)]
pub struct Envelope {
    /// `data` as JSON text; empty for null.
    pub data: Zeroizing<String>,
    /// `auth` as JSON text; empty for null.
    pub auth: Zeroizing<String>,
    /// Warnings; empty for null.
    pub warnings: Vec<String>,
    /// Seconds.
    pub lease_duration: u64,
    /// Members of `data` are placed beside it too, as Vault does on some `sys/` paths for older clients.
    pub doubled: bool,
}

impl Envelope {
    /// An answer with data.
    pub fn data(json: impl Into<String>) -> Self {
        Self { data: Zeroizing::new(json.into()), ..Self::default() }
    }

    /// The envelope as text.
    pub fn to_text(&self, request_id: &str) -> Zeroizing<String> {
        let or_null = |s: &str| if s.is_empty() { "null".to_owned() } else { s.to_owned() };
        let warnings = if self.warnings.is_empty() { "null".to_owned() } else { string_list(&self.warnings) };
        let mut out = Zeroizing::new(String::with_capacity(self.data.len() + 256));
        out.push('{');
        if self.doubled {
            let members = self.data.trim();
            let inner = members.strip_prefix('{').and_then(|m| m.strip_suffix('}')).unwrap_or_default();
            if !inner.is_empty() {
                out.push_str(inner);
                out.push(',');
            }
        }
        out.push_str("\"request_id\":");
        out.push_str(&quote(request_id));
        out.push_str(",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":");
        out.push_str(&self.lease_duration.to_string());
        out.push_str(",\"data\":");
        out.push_str(&Zeroizing::new(or_null(&self.data)));
        out.push_str(",\"wrap_info\":null,\"warnings\":");
        out.push_str(&warnings);
        out.push_str(",\"auth\":");
        out.push_str(&Zeroizing::new(or_null(&self.auth)));
        out.push_str("}\n");
        out
    }
}

/// An error body: `{"errors":[…]}`.
pub fn errors(texts: &[&str]) -> String {
    format!("{{\"errors\":{}}}\n", string_list(texts))
}

/// The metadata of a version as KV version 2 answers it.
pub fn version_info(v: &VersionInfo) -> String {
    let custom = match &v.custom_metadata {
        None => "null".to_owned(),
        Some(map) => string_map(map),
    };
    format!(
        "{{\"created_time\":{},\"custom_metadata\":{custom},\"deletion_time\":{},\"destroyed\":{},\"version\":{}}}",
        quote(&v.created.rfc3339()),
        quote(&v.deletion.map(crate::time::Time::rfc3339).unwrap_or_default()),
        v.destroyed,
        v.version
    )
}

/// A JSON object of strings.
pub fn string_map(map: &std::collections::BTreeMap<String, String>) -> String {
    let members: Vec<String> = map.iter().map(|(k, v)| format!("{}:{}", quote(k), quote(v))).collect();
    format!("{{{}}}", members.join(","))
}
