//! Turns an answer into an HTTP response: headers that Vault's clients compare to the letter, and the body.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use zeroize::Zeroizing;

use crate::http::error::Failure;

/// What leaves the broker.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Payload,
}

/// The body of an answer.
pub enum Payload {
    /// No bytes.
    Empty,
    /// JSON.
    Json(Zeroizing<String>),
    /// Plain text of another type.
    Text(&'static str, String),
    /// A stream of another type.
    Stream(&'static str, Body),
}

impl Answer {
    /// 200 with JSON.
    pub fn json(text: Zeroizing<String>) -> Self {
        Self { status: 200, body: Payload::Json(text) }
    }

    /// 204.
    pub const fn no_content() -> Self {
        Self { status: 204, body: Payload::Empty }
    }

    /// A failure.
    pub fn failure(failure: &Failure, request_id: &str) -> Self {
        let body = match failure.text(request_id) {
            None => Payload::Empty,
            Some(text) => Payload::Json(Zeroizing::new(text)),
        };
        Self { status: failure.status, body }
    }

    /// The response. `head` leaves the body out.
    pub fn into_response(self, head: bool) -> Response<Body> {
        let (kind, body) = match self.body {
            Payload::Empty => (None, Body::empty()),
            Payload::Json(text) => (Some("application/json"), Body::from(text.as_bytes().to_vec())),
            Payload::Text(kind, text) => (Some(kind), Body::from(text)),
            Payload::Stream(kind, body) => (Some(kind), body),
        };
        let mut response = Response::new(if head { Body::empty() } else { body });
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Vault's clients compare this value as a whole: no charset.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.unwrap_or("application/json")));
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
        response
    }
}
