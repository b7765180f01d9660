//! What an answer means: the status, the headers that matter and the body, judged without I/O.

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::{CallError, Outage};
use crate::secret::SecretText;

/// The most error texts that are kept, and the longest of them in characters.
const MAX_TEXTS: (usize, usize) = (16, 1000);

/// An answer that is one: 2xx, or a 404 that carries data, as a deleted version has.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as the server sent it: a JSON object, or nothing (204).
    pub body: SecretText,
}

/// Members of Vault's envelope.
#[derive(Deserialize)]
struct Envelope<'a> {
    request_id: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    errors: Option<Vec<String>>,
    warnings: Option<Vec<String>>,
}

impl Answer {
    /// The member `data` as it stands in the text; `None` where it is absent or null.
    pub fn data(&self) -> Option<&str> {
        envelope(self.body.expose())?.data.map(RawValue::get).filter(|text| *text != "null")
    }

    /// The member `warnings`.
    pub fn warnings(&self) -> Vec<String> {
        envelope(self.body.expose()).and_then(|e| e.warnings).unwrap_or_default()
    }

    /// Whether the body has the envelope of Vault's answers.
    pub(crate) fn is_enveloped(&self) -> bool {
        envelope(self.body.expose()).is_some_and(|e| e.request_id.is_some())
    }
}

/// The parts of an answer besides its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// `Content-Type` without parameters, in lower case.
    pub(crate) content_type: String,
    pub(crate) location: String,
    pub(crate) retry_after: Option<u64>,
}

impl Head {
    pub(crate) fn of(response: &reqwest::Response) -> Self {
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let content_type = text("content-type").split(';').next().unwrap_or_default();
        Self {
            status: response.status().as_u16(),
            content_type: content_type.trim().to_ascii_lowercase(),
            location: text("location").chars().take(200).collect(),
            retry_after: text("retry-after").parse().ok(),
        }
    }
}

/// Whether a body counts as an answer, and else why not.
///
/// # Errors
/// See [`CallError`].
pub(crate) fn judge(head: &Head, body: Zeroizing<Vec<u8>>) -> Result<Answer, CallError> {
    let status = head.status;
    match status {
        204 => return Ok(Answer { status, body: SecretText::default() }),
        200..=299 | 404 => {}
        _ => return Err(refusal(head, errors(&body))),
    }
    let lying = |what| CallError::Lying { status, what };
    if head.content_type != "application/json" {
        return Err(lying("the body is not JSON by its Content-Type"));
    }
    let text = String::from_utf8(wiped(body)).map_err(|_| lying("the body is not UTF-8"))?;
    let text = Zeroizing::new(text);
    let Some(envelope) = envelope(&text) else {
        return Err(lying("the body is not a whole JSON object"));
    };
    if status == 404 {
        absent(&envelope)?;
    } else if is_empty_object(&text) {
        return Err(lying("the body is an empty object"));
    }
    Ok(Answer { status, body: SecretText::new(text) })
}

/// Takes the bytes out without a copy; what takes them over wipes them.
fn wiped(mut body: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *body)
}

/// A 404 is an answer only if it carries data; "nothing here" only if it says nothing else.
fn absent(envelope: &Envelope<'_>) -> Result<(), CallError> {
    if envelope.data.is_some_and(|data| data.get().starts_with('{')) {
        return Ok(());
    }
    if let Some(warnings) = envelope.warnings.as_ref().filter(|w| !w.is_empty()) {
        return Err(CallError::Refused { status: 404, errors: kept(warnings.clone()) });
    }
    match &envelope.errors {
        Some(errors) if errors.is_empty() && envelope.data.is_none() => Err(CallError::NotFound),
        Some(errors) if !errors.is_empty() => {
            Err(CallError::Refused { status: 404, errors: kept(errors.clone()) })
        }
        _ => Err(CallError::Lying { status: 404, what: "the body is none that Vault gives" }),
    }
}

/// The error for a status that is no answer.
pub(crate) fn refusal(head: &Head, errors: Vec<String>) -> CallError {
    let unavailable = |errors: &[String]| CallError::Unavailable {
        outage: Outage::Status(head.status),
        what: format!(
            "status {}{}",
            head.status,
            errors.iter().map(|e| format!(": {e}")).collect::<String>()
        ),
    };
    match head.status {
        300..=399 => CallError::Redirect { status: head.status, to: head.location.clone() },
        403 => CallError::Denied { errors },
        429 => CallError::RateLimited { retry_after: head.retry_after },
        503 if errors.iter().any(|e| e.contains("is sealed")) => CallError::Sealed,
        408 | 412 | 500.. => unavailable(&errors),
        404 if errors.is_empty() => CallError::NotFound,
        status => CallError::Refused { status, errors },
    }
}

fn envelope(text: &str) -> Option<Envelope<'_>> {
    // A derived reader would take a list for the members in order.
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

fn is_empty_object(text: &str) -> bool {
    text.trim().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('}'))
}

/// The texts of `errors`, few and short; none where the body is no such thing.
pub(crate) fn errors(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    kept(envelope(text).and_then(|e| e.errors).unwrap_or_default())
}

pub(crate) fn kept(errors: Vec<String>) -> Vec<String> {
    errors.into_iter().take(MAX_TEXTS.0).map(|e| e.chars().take(MAX_TEXTS.1).collect()).collect()
}
