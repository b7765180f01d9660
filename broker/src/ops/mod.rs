//! What the broker does besides serving secrets: tokens and their roles, logins, mounts, policies, capabilities, leases, tools, the audit log
//! and the change stream.

pub mod audit;
pub mod auth;
pub mod capabilities;
pub mod changes;
pub mod kubernetes;
pub mod kubernetes_login;
pub mod leases;
pub mod mounts;
pub mod policy;
pub mod public;
pub mod records;
pub mod remount;
pub mod resultant;
pub mod roles;
pub mod sys;
pub mod token;
pub mod tools;

#[cfg(test)]
mod tests;

use broker_core::json::Json;
use broker_core::wire::Envelope;
use zeroize::Zeroizing;

use crate::app::App;
use crate::flow::Context;
use crate::http::error::Failure;
use crate::http::reply::Answer;
use crate::keys::HashPurpose;
use crate::store::ReadError;

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The keyed hash of a token as records show it: the first 16 bytes.
pub fn short_hash(token_id: &str) -> String {
    format!("hmac:{}", token_id.get(..32).unwrap_or(token_id))
}

/// The keyed hash of a value as records show it: the first 16 bytes.
pub fn value_hash(app: &App, value: &str) -> String {
    let hash = app.ledger.keyed_hash(HashPurpose::Audit, value.as_bytes());
    format!("hmac:{}", hex(hash.get(..16).unwrap_or(&hash)))
}

/// The answer when the store cannot be read; the log says why.
pub fn store_failed(error: ReadError) -> Failure {
    tracing::error!(%error, "the store cannot be read");
    Failure::internal()
}

/// The envelope as text, with a warning about query parameters that mean nothing here.
pub fn warned(context: &Context<'_>, known: &[&str], mut envelope: Envelope) -> Zeroizing<String> {
    let ignored: Vec<&str> =
        context.request.query.keys().map(String::as_str).filter(|k| !known.contains(k)).collect();
    envelope.warnings.extend(ignored_parameters(&ignored));
    envelope.to_text(&context.request_id())
}

/// Warnings about body fields that mean nothing here.
pub fn unknown_fields(body: &Json, known: &[&str]) -> Vec<String> {
    let fields = body.as_object().into_iter().flatten();
    let ignored: Vec<&str> = fields.map(|(k, _)| k.as_str()).filter(|k| !known.contains(k)).collect();
    ignored_parameters(&ignored).into_iter().collect()
}

fn ignored_parameters(names: &[&str]) -> Option<String> {
    (!names.is_empty())
        .then(|| format!("Endpoint ignored these unrecognized parameters: [{}]", names.join(" ")))
}

/// 204, or 200 with an envelope where there are warnings.
pub fn done(warnings: Vec<String>, request_id: &str) -> Answer {
    if warnings.is_empty() {
        return Answer::no_content();
    }
    Answer::json(Envelope { warnings, ..Envelope::default() }.to_text(request_id))
}

/// An answer with data.
pub fn data(context: &Context<'_>, json: impl Into<String>) -> Answer {
    Answer::json(Envelope::data(json).to_text(&context.request_id()))
}

/// An answer with data that stands beside the envelope too, as Vault's older clients expect on some paths.
pub fn doubled(context: &Context<'_>, json: impl Into<String>) -> Answer {
    let envelope = Envelope { doubled: true, ..Envelope::data(json) };
    Answer::json(envelope.to_text(&context.request_id()))
}

/// A text field of the body that must be there.
///
/// # Errors
/// 400 with the text given.
pub fn required_text(body: &Json, field: &str, missing: &str) -> Result<Zeroizing<String>, Failure> {
    let text = body.get(field).and_then(Json::as_str).map(str::trim).filter(|t| !t.is_empty());
    text.map(|t| Zeroizing::new(t.to_owned())).ok_or_else(|| Failure::bad_request(missing))
}
