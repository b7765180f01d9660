//! `go-template.json` as data: templates, their data, and what External Secrets' engine makes of them.
//!
//! Output is compared exactly. Errors are compared by class and by text, where a `<redacted, n bytes>` of ours stands for
//! whatever the recorded text has there; what Go's run time, `asn1` and `x509` say is compared by class only.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use syncer_template::{Engine, Env, ErrorClass, Limits, MissingKey, NoRandomness, SecretValue};

/// A row of the file.
#[derive(Deserialize)]
pub(crate) struct Row {
    /// Names the row, and the template in errors.
    pub(crate) name: String,
    /// The function under test, or a group of syntax.
    #[serde(default)]
    pub(crate) func: String,
    tpl: String,
    data: BTreeMap<String, String>,
    out: String,
    err: String,
    #[serde(default)]
    class: String,
    #[serde(default)]
    data_b64: BTreeMap<String, String>,
    #[serde(default)]
    out_b64: String,
    #[serde(default)]
    delims: Vec<String>,
    #[serde(default)]
    tz: String,
}

/// A fixed time, a fixed sequence of bytes, the zone of the row.
struct RowEnv {
    zone: String,
    state: u64,
}

impl Env for RowEnv {
    fn now(&self) -> i128 {
        1_790_000_000_123_456_789
    }

    fn local_zone(&self) -> &str {
        &self.zone
    }

    fn fill_random(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        for byte in out {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.state.to_be_bytes()[0];
        }
        Ok(())
    }

    fn expired(&self) -> bool {
        false
    }
}

/// What is wrong with our answer to a row; nothing if it is right.
pub(crate) fn compare(row: &Row) -> Vec<String> {
    let decode = |text: &String| BASE64.decode(text).unwrap_or_default();
    let mut data: BTreeMap<Vec<u8>, SecretValue> = BTreeMap::new();
    for (key, value) in &row.data {
        data.insert(key.clone().into_bytes(), value.as_str().into());
    }
    for (key, value) in &row.data_b64 {
        data.insert(key.clone().into_bytes(), SecretValue::new(decode(value)));
    }
    let delimiter = |at: usize| row.delims.get(at).cloned().unwrap_or_default();
    let engine = Engine { left: delimiter(0), right: delimiter(1), missing_key: MissingKey::Error };
    let zone = if row.tz.is_empty() { "UTC".to_owned() } else { row.tz.clone() };
    let mut env = RowEnv { zone, state: 42 };
    let expected = if row.out_b64.is_empty() { row.out.clone().into_bytes() } else { decode(&row.out_b64) };
    let result = engine
        .parse(&row.name, &row.tpl)
        .and_then(|template| template.execute(&data, &mut env, Limits::default()));
    match result {
        Ok(out) if row.err.is_empty() && out.expose() == expected => Vec::new(),
        Ok(out) if row.err.is_empty() => {
            vec![format!("{} gives\n  {}\n  not\n  {}", row.tpl, show(out.expose()), show(&expected))]
        }
        Ok(out) => {
            vec![format!("{} gives\n  {}\n  not the error\n  {}", row.tpl, show(out.expose()), row.err)]
        }
        Err(error) => {
            let stage = if error.class() == ErrorClass::Parse { "parse" } else { "exec" };
            let text = format!("{stage}: {error}");
            if row.err.is_empty() {
                return vec![format!("{} fails:\n  {text}\n  not\n  {}", row.tpl, show(&expected))];
            }
            let class = if row.class.is_empty() {
                row.err.starts_with(stage)
            } else if stage == "parse" {
                row.class.split('/').next() == Some("parse")
            } else {
                row.class == format!("exec/{}", error.class().name())
            };
            let by_class =
                row.class == "exec/call-panic" || row.err.contains("asn1") || row.err.contains("x509");
            if class && (by_class || masked_equal(&text, &row.err)) {
                return Vec::new();
            }
            vec![format!(
                "{} fails\n  {text} [{}]\n  not\n  {} [{}]",
                row.tpl,
                error.class().name(),
                row.err,
                row.class
            )]
        }
    }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the texts agree where ours is not redacted.
fn masked_equal(ours: &str, recorded: &str) -> bool {
    let mut pieces = Vec::new();
    let mut rest = ours;
    while let Some((before, after)) = rest.split_once("<redacted, ") {
        pieces.push(before);
        rest = after.split_once(" bytes>").map_or("", |(_, tail)| tail);
    }
    pieces.push(rest);
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    if pieces.len() == 1 {
        return ours == recorded;
    }
    let Some(mut left) = recorded.strip_prefix(first) else { return false };
    for piece in pieces.get(1..pieces.len() - 1).unwrap_or_default() {
        let Some(at) = left.find(piece) else { return false };
        left = left.get(at + piece.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}
